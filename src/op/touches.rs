//! What a step touches: which steps commute, and hence what a trace is.

use super::PAGE_BLOCKS;
use super::PrivateOp;
use super::{Bio, LogicalBlock, MapFor, Op, OrphanOp, Outcome, PhysicalBlock, TaskId};
use super::{Extent, Owner};
use super::{LockName, Mode, WaitQueue};
use serde::{Deserialize, Serialize};

/// Shared state that steps are ordered on. Steps on different objects commute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Object {
    /// A lock.
    Lock(LockName),
    /// `i_dio_count`.
    DioCount,
    /// `i_aiodio_unwritten` / `i_unwritten`.
    Unwritten,
    /// `i_ioend_count` of an inode.
    Ioend(Owner),
    /// `EXT4_STATE_DIOREAD_LOCK`.
    Gate,
    /// Whether the running transaction lets handles start (`T_LOCKED`).
    Admission,
    /// The open handles of the running transaction (`t_updates`).
    Handles,
    /// `i_size`.
    Size,
    /// `i_disksize`.
    Disksize,
    /// Whether the inode is on the list of orphans.
    Orphan,
    /// `mapping->nrpages`.
    Pages,
    /// The extent tree.
    Extents,
    /// A device block.
    Block(PhysicalBlock),
    /// Whether I/O to a device block has been submitted and not ended. Nothing in the kernel says so;
    /// whoever frees the block must know.
    InFlight(PhysicalBlock),
    /// `i_completed_io_list`.
    CompletedList,
    /// The reference count of the io_end of a completion.
    IoEnd(TaskId),
    /// The reference count of the dio of a completion.
    DioRefcount(TaskId),
    /// `cur_aio_dio`, the inode's one slot for an io_end.
    InodeAio,
    /// `iocb->private` of a task.
    Private(TaskId),
    /// The open file, which keeps the inode: `f_count`.
    File,
    /// A wait queue.
    WaitQueue(WaitQueue),
    /// What a block of a cached page holds.
    PageData(LogicalBlock),
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Object::Lock(lock) => lock.name(),
            Object::DioCount => "i_dio_count",
            Object::Unwritten => "i_unwritten",
            Object::Ioend(_) => "i_ioend_count",
            Object::Gate => "DIOREAD_LOCK",
            Object::Admission => "T_LOCKED",
            Object::Handles => "t_updates",
            Object::Size => "i_size",
            Object::Disksize => "i_disksize",
            Object::Orphan => "i_orphan",
            Object::Pages => "nrpages",
            Object::Extents => "extent tree",
            Object::Block(block) => return write!(f, "block {block}"),
            Object::InFlight(block) => return write!(f, "I/O to block {block}"),
            Object::CompletedList => "i_completed_io_list",
            Object::IoEnd(_) => "io_end->count",
            Object::DioRefcount(_) => "dio->refcount",
            Object::InodeAio => "cur_aio_dio",
            Object::Private(_) => "iocb->private",
            Object::File => "f_count",
            Object::WaitQueue(queue) => return write!(f, "wait queue of {}", queue.counter()),
            Object::PageData(block) => return write!(f, "cached block {block}"),
        };
        f.write_str(name)
    }
}

/// How a step touches an object. Two reads commute, two additions commute, nothing else does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Access {
    /// Looks.
    Read,
    /// Adds to a counter and does not look.
    Add,
    /// Changes.
    Write,
}

impl Access {
    /// Whether the order of these two accesses to one object can be told apart.
    pub fn conflicts(self, other: Access) -> bool {
        self != other || self == Access::Write
    }
}

fn counter(queue: WaitQueue) -> Object {
    match queue {
        WaitQueue::Dio => Object::DioCount,
        WaitQueue::Unwritten => Object::Unwritten,
    }
}

/// A change of the page and of what these blocks of it hold.
fn page_data(blocks: impl Iterator<Item = LogicalBlock>) -> Vec<(Object, Access)> {
    let data = blocks.map(|block| (Object::PageData(block), Access::Write));
    std::iter::once((Object::Pages, Access::Write)).chain(data).collect()
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
            Op::PagesRead => vec![(Object::Pages, Read)],
            Op::PageIn => vec![(Object::Pages, Write)],
            // The blocks are known from the outcome.
            Op::PageLook | Op::PageDirty | Op::PageFind(_) => vec![(Object::Pages, Read)],
            Op::PageInvalidate => vec![(Object::Pages, Write)],
            Op::PageTruncate(from, to) => page_data(from.down()..to.min(PAGE_BLOCKS)),
            Op::PageZero(from, _) => page_data(std::iter::once(from.down())),
            Op::PageClean(..) | Op::PageRelease | Op::PageCommit(_) => vec![(Object::Pages, Write)],
            Op::PageFill(ref contents) => page_data(contents.iter().map(|filled| filled.0)),
            Op::PageStore(ref stored, ..) => page_data(stored.iter().map(|s| s.0)),
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
            Op::SmpMb | Op::SmpRmb | Op::SmpMbBeforeAtomic | Op::WarnSize => vec![],
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
