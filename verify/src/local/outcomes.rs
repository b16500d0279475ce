//! What a step may be told.

use diolock::op::{
    Blocks, Content, Extent, IoEnd, MapFor, Mapped, Op, OrphanOp, Outcome, PhysicalBlock, Range,
};

/// Sizes, in blocks: a file of litmus tests is no longer.
const SIZES: std::ops::RangeInclusive<Blocks> = 0..=4;

/// All that a step may be told, in whatever state the file is and whatever others have done to it. Of data,
/// of which no task makes anything, one.
pub fn outcomes(op: &Op) -> Vec<Outcome> {
    let flags = || [true, false].map(Outcome::Flag).to_vec();
    match op {
        Op::TryLock(..)
        | Op::GateTest
        | Op::Orphan(OrphanOp::Test)
        | Op::PageInvalidate
        | Op::PageFind
        | Op::PageLook
        | Op::PutIoEnd(_)
        | Op::DropRefcount(_)
        | Op::Private(..)
        | Op::CountDecAndTest(..)
        | Op::WaitLook(_) => flags(),
        Op::SizeRead | Op::DisksizeRead => SIZES.map(Outcome::Value).collect(),
        Op::PagesRead | Op::DepthRead | Op::CountRead(_) => [0, 1].map(Outcome::Value).to_vec(),
        Op::PageDirty => buffers(),
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

/// Every set of dirty blocks of a page, each with a block of the device or without.
fn buffers() -> Vec<Outcome> {
    let each = [None, Some(None), Some(Some(0))];
    let both = each.iter().flat_map(|first| each.iter().map(move |second| [*first, *second]));
    let dirty = |pair: [Option<Option<PhysicalBlock>>; 2]| {
        let blocks = pair.into_iter().zip(0..);
        Outcome::Buffers(blocks.filter_map(|(dirty, block)| Some((block, dirty?))).collect())
    };
    both.map(dirty).collect()
}

/// Every mapping of a range that such a lookup may find or make.
fn mappings(range: Range, how: MapFor) -> Vec<Outcome> {
    use Extent::{Hole, Unwritten, Written};
    let kinds: &[Extent] = match how {
        MapFor::Probe | MapFor::Io | MapFor::Page | MapFor::Unwrite => &[Hole, Unwritten, Written],
        MapFor::Create | MapFor::Preallocate { .. } => &[Unwritten, Written],
        MapFor::CreateFails | MapFor::Extend => &[Written],
    };
    let mut all: Vec<Vec<Mapped>> = vec![Vec::new()];
    for _ in range.blocks().take(3) {
        let longer = |found: Vec<Mapped>| {
            let more = kinds.iter().map(move |&extent| {
                let block = (extent != Hole).then_some(found.len() as PhysicalBlock);
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
