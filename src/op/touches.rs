//! What a step touches: which steps commute, and hence what a trace is.

use super::{
    Access, Bio, Extent, LogicalBlock, MapFor, Mode, Object, Op, OrphanOp, Outcome, PageNo, Pages,
    PhysicalBlock, PrivateOp, WaitQueue,
};

fn counter(queue: WaitQueue) -> Object {
    match queue {
        WaitQueue::Dio => Object::DioCount,
        WaitQueue::Unwritten => Object::Unwritten,
    }
}

/// A change of the page and of what these blocks of it hold.
fn page_data(page: PageNo, blocks: impl Iterator<Item = LogicalBlock>) -> Vec<(Object, Access)> {
    let data = blocks.map(|block| (Object::PageData(block), Access::Write));
    std::iter::once((Object::Page(page), Access::Write)).chain(data).collect()
}

/// A look at pages.
fn looks_at(pages: Pages) -> Vec<(Object, Access)> {
    pages.iter().map(|page| (Object::Page(page), Access::Read)).collect()
}

/// A block that is freed, and the I/O to it.
pub(crate) fn freed(block: PhysicalBlock) -> [(Object, Access); 2] {
    [(Object::Block(block), Access::Write), (Object::InFlight(block), Access::Write)]
}

impl Op {
    /// The objects this step touches, and how. This one function defines which steps are
    /// dependent, hence what a trace is.
    pub fn touches(&self) -> Vec<(Object, Access)> {
        use Access::{Add, Read, Write};
        let shared = |mode: Mode| if mode == Mode::Shared { Read } else { Write };
        match *self {
            Op::Lock(lock, mode) | Op::TryLock(lock, mode) | Op::Unlock(lock, mode) => {
                vec![(Object::Lock(lock), shared(mode))]
            }
            Op::LockByRequeue(lock) | Op::Queue(lock) | Op::Downgrade(lock) => {
                vec![(Object::Lock(lock), Write)]
            }
            Op::DioBegin(_) | Op::DioEnd(_) => vec![(Object::DioCount, Add)],
            Op::DioWait => vec![(Object::DioCount, Read)],
            Op::UnwrittenBegin | Op::UnwrittenEnd => vec![(Object::Unwritten, Add)],
            Op::UnwrittenWait => vec![(Object::Unwritten, Read)],
            Op::FsyncDone => vec![(Object::Extents, Read)],
            Op::IoendDone(whose) => vec![(Object::Ioend(whose), Add)],
            Op::IoendWait(whose) => vec![(Object::Ioend(whose), Read)],
            Op::GateClose | Op::GateOpen => vec![(Object::Gate, Write)],
            Op::GateTest => vec![(Object::Gate, Read)],
            Op::JournalStart(_) => vec![(Object::Admission, Read), (Object::Handles, Add)],
            Op::JournalStop(_) => vec![(Object::Handles, Add)],
            Op::CommitLock | Op::CommitDone => vec![(Object::Admission, Write)],
            Op::CommitWait => vec![(Object::Handles, Read)],
            Op::SizeRead => vec![(Object::Size, Read)],
            Op::SizeWrite(_) => vec![(Object::Size, Write)],
            Op::DisksizeWrite(_) => vec![(Object::Disksize, Write)],
            Op::DisksizeRead | Op::WriteSync => vec![(Object::Disksize, Read)],
            Op::Orphan(OrphanOp::Test) => vec![(Object::Orphan, Read)],
            Op::Orphan(_) => vec![(Object::Orphan, Write)],
            Op::PagesRead(pages) | Op::PagesFind(pages) | Op::PagesDirty(pages) => looks_at(pages),
            Op::PageIn(page)
            | Op::PageInvalidate(page)
            | Op::PageClean(page, ..)
            | Op::PageRelease(page)
            | Op::PageCommit(page, _) => vec![(Object::Page(page), Write)],
            // The blocks are known from the outcome.
            Op::PageLook(page) | Op::PageDirty(page) => vec![(Object::Page(page), Read)],
            Op::PageFind(page, _) => {
                vec![(Object::Page(page), Read), (Object::PageRefs(page), Add)]
            }
            Op::PagesPut(pages) => pages.iter().map(|page| (Object::PageRefs(page), Add)).collect(),
            Op::PageRemove(page) => {
                vec![(Object::Page(page), Write), (Object::PageRefs(page), Read)]
            }
            Op::PageTruncate(page, from, to) => page_data(page, from.down()..to),
            Op::PageZero(page, from, _) => page_data(page, std::iter::once(from.down())),
            Op::PageFill(page, ref contents, keeps) => {
                let mut touched = page_data(page, contents.iter().map(|f| f.0));
                touched.extend(keeps.then_some((Object::PageRefs(page), Add)));
                touched
            }
            Op::PageStore(page, ref stored, ..) => page_data(page, stored.iter().map(|s| s.0)),
            Op::DepthRead => vec![(Object::Extents, Read)],
            Op::Map(_, MapFor::Probe | MapFor::Io | MapFor::Page) => vec![(Object::Extents, Read)],
            Op::Map(
                _,
                MapFor::Create
                | MapFor::CreateFails
                | MapFor::Extend
                | MapFor::Preallocate { .. }
                | MapFor::Unwrite,
            )
            | Op::Convert(..)
            | Op::ConvertExtent(..)
            | Op::Free(_)
            | Op::FreeRange(_)
            | Op::SwapBlocks(_)
            | Op::ShiftExtents(..) => {
                vec![(Object::Extents, Write)]
            }
            Op::Bio(ref blocks, bio) => {
                let access = if matches!(bio, Bio::Read { .. }) { Read } else { Write };
                let mut touched: Vec<_> =
                    blocks.iter().map(|&b| (Object::Block(b), access)).collect();
                touched.extend(blocks.iter().map(|&b| (Object::InFlight(b), Add)));
                if let Bio::Page { start } = bio {
                    let page = start..start + blocks.len() as LogicalBlock;
                    touched.extend(page.map(|b| (Object::PageData(b), Read)));
                }
                touched
            }
            Op::ListAdd(_) | Op::ListTake(_) => vec![(Object::CompletedList, Write)],
            Op::PutIoEnd(task) => vec![(Object::IoEnd(task), Write)],
            Op::DropRefcount(task) => vec![(Object::DioRefcount(task), Write)],
            Op::InodeAioSet(_) => vec![(Object::InodeAio, Write)],
            Op::InodeAio => vec![(Object::InodeAio, Read)],
            Op::Private(task, PrivateOp::TakeIoEnd { of }) => {
                vec![(Object::Private(task), Write), (Object::IoEnd(of), Write)]
            }
            Op::Private(task, _) => vec![(Object::Private(task), Write)],
            // The order of two completions is no matter; whether the file was closed first is.
            Op::AioComplete => vec![(Object::File, Read)],
            Op::Close => vec![(Object::File, Write)],
            Op::CountRead(queue) => vec![(counter(queue), Read)],
            Op::CountDecAndTest(queue, _) => vec![(counter(queue), Write)],
            Op::WaitJoin(queue) | Op::WaitWake(queue) | Op::WaitLeave(queue) => {
                vec![(Object::WaitQueue(queue), Write)]
            }
            Op::WaitLook(queue) | Op::WaitSleep(queue) => vec![(Object::WaitQueue(queue), Read)],
            Op::PageWrite(block) => vec![(Object::PageData(block), Write)],
            Op::PageRead(block) => vec![(Object::PageData(block), Read)],
            Op::Submit(_, ref submission) => {
                submission.blocks.iter().map(|&b| (Object::InFlight(b), Add)).collect()
            }
            Op::SmpMb | Op::SmpRmb | Op::SmpMbBeforeAtomic | Op::WarnSize | Op::QueueWork => vec![],
        }
    }

    /// Whether [`Op::also_touched`] may name objects that [`Op::touches`] does not: device blocks, the I/O to them, an
    /// io_end.
    pub fn outcome_tells_more(&self) -> bool {
        matches!(
            self,
            Op::Free(_)
                | Op::FreeRange(_)
                | Op::SwapBlocks(_)
                | Op::Convert(..)
                | Op::ConvertExtent(..)
                | Op::Map(_, MapFor::Unwrite)
                | Op::InodeAio
        )
    }

    /// The further objects a completed step touched, known from its outcome only: freeing blocks
    /// touches the blocks, converting them too, and who finds an io_end touches that.
    pub fn also_touched(&self, outcome: &Outcome) -> Vec<(Object, Access)> {
        match outcome {
            Outcome::Freed(blocks) => blocks.iter().flat_map(|&b| freed(b)).collect(),
            Outcome::Converted(found) => found
                .iter()
                .filter(|found| found.0 == Extent::Unwritten)
                .filter_map(|found| Some((Object::Block(found.1?), Access::Read)))
                .collect(),
            // What a block holds is no data any more.
            Outcome::Mapping(found) if matches!(self, Op::Map(_, MapFor::Unwrite)) => found
                .iter()
                .filter(|found| found.extent == Extent::Written)
                .filter_map(|found| Some((Object::Block(found.block?), Access::Write)))
                .collect(),
            &Outcome::InodeAio(Some(of)) => vec![(Object::IoEnd(of), Access::Read)],
            _ => vec![],
        }
    }
}
