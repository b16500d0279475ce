//! What a step may be told.

use diolock::op::{
    Buffer, Content, Extent, IoEnd, MapFor, Mapped, Op, OrphanOp, Outcome, PageNo, Pages,
    PhysicalBlock, Range, Size,
};

/// Sizes, in half blocks: a file of litmus tests is hardly longer.
const SIZES: [u32; 5] = [0, 1, 2, 4, 8];

/// All that a step may be told, in whatever state the file is and whatever others have done to it. Of data,
/// of which no task makes anything, one.
pub fn outcomes(op: &Op) -> Vec<Outcome> {
    let flags = || [true, false].map(Outcome::Flag).to_vec();
    match op {
        Op::TryLock(..)
        | Op::GateTest
        | Op::Orphan(OrphanOp::Test)
        | Op::PageInvalidate(_)
        | Op::PageRemove(_)
        | Op::PageRelease(_)
        | Op::PageFind(..)
        | Op::PutIoEnd(_)
        | Op::DropRefcount(_)
        | Op::Private(..)
        | Op::CountDecAndTest(..)
        | Op::WaitLook(_) => flags(),
        Op::SizeRead | Op::DisksizeRead => {
            SIZES.map(|halves| Outcome::Size(Size::halves(halves))).to_vec()
        }
        Op::PagesRead(_) | Op::DepthRead | Op::CountRead(_) => [0, 1].map(Outcome::Value).to_vec(),
        Op::PageLook(_) | Op::PageDirty(_) => pages(),
        Op::PagesFind(pages) | Op::PagesDirty(pages) => subsets(*pages),
        Op::PageIn(_) => pages().into_iter().filter(|page| !page.buffers().is_empty()).collect(),
        Op::Map(range, how) => mappings(*range, *how),
        Op::ListTake(whose) => {
            let task = whose.unwrap_or(0);
            let io_end = |direct| IoEnd { task, range: Range { start: 0, len: 1 }, direct };
            [None, Some(io_end(true)), Some(io_end(false))].map(Outcome::IoEnd).to_vec()
        }
        Op::InodeAio => [None, Some(1)].map(Outcome::InodeAio).to_vec(),
        Op::PageRead(_) => vec![Outcome::Data(vec![[Content::Initial; 2]])],
        Op::Bio(..) => vec![Outcome::Data(Vec::new())],
        Op::Convert(..) | Op::ConvertExtent(..) => vec![Outcome::Converted(Vec::new())],
        Op::Free(_) | Op::FreeRange(_) | Op::SwapBlocks(_) => vec![Outcome::Freed(Vec::new())],
        _ => vec![Outcome::Done],
    }
}

/// No page, and pages of which two blocks are anything, or the one and the other, and the others up to date and clean.
fn pages() -> Vec<Outcome> {
    let clean = Buffer { uptodate: true, ..Buffer::default() };
    let dirty = Buffer { dirty: true, ..clean };
    let mapped = Buffer { mapped: Some(0), ..dirty };
    let each = [Buffer::default(), clean, dirty, mapped, Buffer { uninit: true, ..mapped }];
    let alike = each.iter().map(|&both| [both, both]);
    let next = each.windows(2).flat_map(|pair| [[pair[0], pair[1]], [pair[1], pair[0]]]);
    let pages = alike.chain(next);
    let pages = pages.map(|[first, second]| Outcome::Page(vec![first, second, clean, clean]));
    std::iter::once(Outcome::Page(Vec::new())).chain(pages).collect()
}

/// None of these pages, each of them by itself, and all.
pub(crate) fn subsets(pages: Pages) -> Vec<Outcome> {
    let all: Vec<PageNo> = pages.iter().collect();
    let each = all.iter().map(|&page| vec![page]);
    let mut found: Vec<Vec<PageNo>> = std::iter::once(Vec::new()).chain(each).collect();
    found.extend((all.len() > 1).then_some(all));
    found.into_iter().map(Outcome::Pages).collect()
}

/// Every mapping of a range that such a lookup may find or make.
fn mappings(range: Range, how: MapFor) -> Vec<Outcome> {
    use Extent::{Hole, Unwritten, Written};
    let kinds: &[Extent] = match how {
        MapFor::Probe | MapFor::Io | MapFor::Page | MapFor::Unwrite => &[Hole, Unwritten, Written],
        MapFor::Create | MapFor::Preallocate { .. } => &[Unwritten, Written],
        MapFor::CreateFails => &[Written],
        // A hole that has a block now.
        MapFor::Extend => &[Hole, Written],
    };
    let has_block = |extent| extent != Hole || how == MapFor::Extend;
    let mut all: Vec<Vec<Mapped>> = vec![Vec::new()];
    for _ in range.blocks().take(3) {
        let longer = |found: Vec<Mapped>| {
            let more = kinds.iter().map(move |&extent| {
                let block = has_block(extent).then_some(found.len() as PhysicalBlock);
                [found.clone(), vec![Mapped { extent, block }]].concat()
            });
            more.collect::<Vec<_>>()
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    let mut outcomes: Vec<Outcome> = all.into_iter().map(Outcome::Mapping).collect();
    if how == MapFor::CreateFails {
        outcomes.push(Outcome::NoSpace);
    }
    outcomes
}
