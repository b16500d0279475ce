//! The vocabulary: every step that another CPU can see, what it touches, and what comes back.

use crate::dio_path::iocb::PrivateOp;
use crate::extent_probe::{Content, Extent, Half, IoEnd, Mapped, Owner};
use crate::inode_lock::{LockName, Mode, WaitQueue};
use serde::{Deserialize, Serialize};

/// Index of a task in its litmus test (completions of asynchronous I/O are tasks too).
pub type TaskId = u16;
/// A block of the file, counted from its start.
pub type LogicalBlock = u32;
/// A block of the device.
pub type PhysicalBlock = u32;
/// A file size, in blocks.
pub type Blocks = u32;

/// Blocks `start .. start + len` of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Range {
    /// First block.
    pub start: LogicalBlock,
    /// Number of blocks, at least 1.
    pub len: Blocks,
}

impl Range {
    /// One past the last block.
    pub fn end(self) -> Blocks {
        self.start + self.len
    }
    /// The blocks, in order.
    pub fn blocks(self) -> impl Iterator<Item = LogicalBlock> {
        self.start..self.end()
    }
}

/// What a journal handle is for; rule R8 needs to know the time update.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Handle {
    /// `file_update_time`.
    Time,
    /// `ext4_orphan_add` and the on-disk size.
    Orphan,
    /// Block mapping, conversion or removal.
    Extents,
}

/// A step on the list of orphans, which a crash truncates to `i_disksize`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OrphanOp {
    /// `ext4_orphan_add`.
    Add,
    /// `ext4_orphan_del`.
    Del,
    /// `list_empty(&i_orphan)`, asked the other way round.
    Test,
}

/// How a direct write asks for blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum MapFor {
    /// Look only: the overwrite probe of `ext4_file_dio_write`.
    Probe,
    /// Look up blocks that I/O will be sent to.
    Io,
    /// Look up the block of a page that is faulted in.
    Page,
    /// As `Io`, allocating unwritten blocks for holes (`EXT4_GET_BLOCKS_IO_CREATE_EXT`).
    Create,
    /// As `Create`, but the allocation fails with ENOSPC (fault injection).
    CreateFails,
    /// For fallocate: holes become unwritten blocks, and no I/O is sent there.
    Preallocate {
        /// A new block joins the unwritten extents next to it (before ec22ba8edb50).
        merge: bool,
    },
    /// As `Create`, for a write past i_size: allocates *written* blocks, which i_size hides
    /// until the data is there.
    Extend,
}

/// What one bio carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Bio {
    /// Reads whole blocks.
    Read,
    /// Writes the cached page's blocks from this one on.
    Page {
        /// The first.
        start: LogicalBlock,
    },
    /// Writes blocks, or half of one; `zero_rest` also zeroes the other half (`dio_zero_block`).
    Write {
        /// Which half of the (single) block; `None` is all of each block.
        half: Option<Half>,
        /// The block looked new, so the rest of it is zeroed.
        zero_rest: bool,
    },
}

/// An asynchronous write on its way to the device.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Submission {
    /// Where in the file.
    pub range: Range,
    /// Where on the device.
    pub blocks: Vec<PhysicalBlock>,
    /// What it carries.
    pub bio: Bio,
    /// Blocks were unwritten: the completion converts (`EXT4_IO_END_UNWRITTEN`).
    pub unwritten: bool,
}

/// One step of a task: the only things that tasks do to shared state.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Op {
    /// Takes a lock, waiting for it.
    Lock(LockName, Mode),
    /// Takes a mutex by trying and requeueing oneself until it is free: a wait that burns CPU
    /// (`ext4_end_io_work` before 28a535f9a0df).
    LockByRequeue(LockName),
    /// Takes a lock if that needs no waiting.
    TryLock(LockName, Mode),
    /// A writer joins the queue of a fair rwsem: later readers stay behind it.
    Queue(LockName),
    /// Releases a lock.
    Unlock(LockName, Mode),
    /// `downgrade_write`.
    Downgrade(LockName),
    /// `atomic_inc(&inode->i_dio_count)`, for the I/O of that task.
    DioBegin(TaskId),
    /// `inode_dio_done`: decrements, wakes the drainer at 0.
    DioEnd(TaskId),
    /// `inode_dio_wait`: returns once the count was seen at 0.
    DioWait,
    /// Raises `i_aiodio_unwritten` (`i_unwritten` from v3.7).
    UnwrittenBegin,
    /// Lowers it.
    UnwrittenEnd,
    /// `ext4_aiodio_wait`: waits until it is 0.
    UnwrittenWait,
    /// `fsync` returns: what it saw written back must be what the extent tree says.
    FsyncDone,
    /// `ext4_free_io_end`: lowers `i_ioend_count` of that inode, by one that was raised before the start.
    IoendDone(Owner),
    /// `ext4_ioend_wait`: waits until it is 0.
    IoendWait(Owner),
    /// Sets `EXT4_STATE_DIOREAD_LOCK`.
    GateClose,
    /// Clears it.
    GateOpen,
    /// Tests it.
    GateTest,
    /// `smp_mb()`: nothing under sequential consistency, a fence under C11.
    SmpMb,
    /// `smp_rmb()`.
    SmpRmb,
    /// `smp_mb__before_atomic()`: a full barrier if the next step is an atomic read-modify-write,
    /// and nothing if it is not.
    SmpMbBeforeAtomic,
    /// `atomic_read` of the counter of that queue.
    CountRead(WaitQueue),
    /// `atomic_dec_and_test` of it, for the I/O of that task; waking the queue is another step, and
    /// so is the barrier that it implies.
    CountDecAndTest(WaitQueue, TaskId),
    /// `prepare_to_wait`: joins the queue, under its lock.
    WaitJoin(WaitQueue),
    /// `waitqueue_active`: looks whether anybody waits, without the queue's lock.
    WaitLook(WaitQueue),
    /// `__wake_up`: wakes everybody on the queue, under its lock.
    WaitWake(WaitQueue),
    /// `schedule`, having joined: returns once woken.
    WaitSleep(WaitQueue),
    /// `finish_wait`.
    WaitLeave(WaitQueue),
    /// Copies a task's data into a block of a cached page.
    PageWrite(LogicalBlock),
    /// Copies a block out of a cached page.
    PageRead(LogicalBlock),
    /// `ext4_journal_start`: waits while the running transaction is locked for commit.
    JournalStart(Handle),
    /// `ext4_journal_stop`.
    JournalStop(Handle),
    /// `jbd2_journal_commit_transaction` locks the running transaction (`T_LOCKED`).
    CommitLock,
    /// Commit waits until no handle is open (`t_updates == 0`).
    CommitWait,
    /// Commit lets new handles start.
    CommitDone,
    /// Reads `i_size`.
    SizeRead,
    /// `i_size_write`.
    SizeWrite(Blocks),
    /// Writes `i_disksize`.
    DisksizeWrite(Blocks),
    /// Reads `i_disksize`.
    DisksizeRead,
    /// The inode and the list of orphans.
    Orphan(OrphanOp),
    /// `generic_write_sync`: what is on disk now is what a crash leaves.
    WriteSync,
    /// `WARN_ON_ONCE(i_size_read(inode) < i_disksize)` fires.
    WarnSize,
    /// Reads `mapping->nrpages`.
    PagesRead,
    /// Writes back and drops the file's cached pages.
    PagesDrop,
    /// Adds a dirty page (buffered write).
    PagesAdd,
    /// `add_to_page_cache_lru`: the page goes in, not up to date.
    PageIn,
    /// Whether the page is in the cache and `PageUptodate`.
    PageLook,
    /// The dirty buffers of the page (`PAGECACHE_TAG_DIRTY` says whether there are any).
    PageDirty,
    /// The page was read, block by block: `SetPageUptodate`.
    PageFill(Vec<Content>),
    /// A store through a mapping, and the buffers it made dirty: each block with the device block it
    /// is mapped to, none if that is to be allocated.
    PageStore(Vec<(LogicalBlock, Option<PhysicalBlock>)>),
    /// `clear_page_dirty_for_io`: these blocks of the page are about to be written there.
    PageClean(Vec<(LogicalBlock, PhysicalBlock)>),
    /// `ext_depth`: how deep the extent tree is.
    DepthRead,
    /// `ext4_map_blocks`.
    Map(Range, MapFor),
    /// `ext4_convert_unwritten_extents`, for the I/O of that task.
    Convert(Range, TaskId),
    /// As `Convert`, before dee1f973ca34: marks the whole extent that the range begins in.
    ConvertExtent(Range, TaskId),
    /// `ext4_ext_remove_space` from this block on; the blocks go to somebody else at once.
    Free(Blocks),
    /// `ext4_ext_remove_space` of these blocks (punch hole); they go to somebody else at once.
    FreeRange(Range),
    /// `mext_replace_branches`: these blocks change places with the donor file's, data copied along.
    SwapBlocks(Range),
    /// Hands the I/O to the device; its completion runs as that task.
    Submit(TaskId, Submission),
    /// The device moves the data.
    Bio(Vec<PhysicalBlock>, Bio),
    /// Appends to `i_completed_io_list`.
    ListAdd(IoEnd),
    /// Takes one io_end off the list: this task's own, if given, else the first.
    ListTake(Option<TaskId>),
    /// `ext4_put_io_end`: drops one of the two references, the submitter's and the request's, to the
    /// io_end of that completion; tells whether it was the last (v3.11).
    PutIoEnd(TaskId),
    /// `iocb->private` of the write that task `.0` submitted.
    Private(TaskId, PrivateOp),
    /// `aio_complete`: the caller learns the result, and the request lets the file go.
    AioComplete,
    /// The last `close` of a file that has no name left: who still uses it keeps it.
    Close,
}

/// What came back from a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; nothing to tell.
    Done,
    /// A size (in blocks) or a number of pages.
    Value(Blocks),
    /// Yes or no: a trylock, a tested bit, a list that held something.
    Flag(bool),
    /// The mapping, block by block.
    Mapping(Vec<Mapped>),
    /// `-ENOSPC`.
    NoSpace,
    /// An io_end taken off the list.
    IoEnd(Option<IoEnd>),
    /// Dirty buffers of the page, each with the device block it is mapped to.
    Buffers(Vec<(LogicalBlock, Option<PhysicalBlock>)>),
    /// What a bio read, block by block.
    Data(Vec<[Content; 2]>),
    /// Blocks that were freed.
    Freed(Vec<PhysicalBlock>),
    /// What `ext4_convert_unwritten_extents` found before it marked the range written.
    Converted(Vec<(Extent, Option<PhysicalBlock>)>),
}

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
    /// `i_completed_io_list`.
    CompletedList,
    /// The reference count of the io_end of a completion.
    IoEnd(TaskId),
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
            Object::CompletedList => "i_completed_io_list",
            Object::IoEnd(_) => "io_end->count",
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
            Op::PagesDrop | Op::PagesAdd | Op::PageIn => vec![(Object::Pages, Write)],
            // The blocks are known from the outcome.
            Op::PageLook | Op::PageDirty => vec![(Object::Pages, Read)],
            Op::PageClean(_) => vec![(Object::Pages, Write)],
            Op::PageFill(ref contents) => page_data(0..contents.len() as LogicalBlock),
            Op::PageStore(ref stored) => page_data(stored.iter().map(|s| s.0)),
            Op::DepthRead => vec![(Object::Extents, Read)],
            Op::Map(_, MapFor::Probe | MapFor::Io | MapFor::Page) => vec![(Object::Extents, Read)],
            Op::Map(
                _,
                MapFor::Create | MapFor::CreateFails | MapFor::Extend | MapFor::Preallocate { .. },
            )
            | Op::Convert(..)
            | Op::ConvertExtent(..)
            | Op::Free(_)
            | Op::FreeRange(_)
            | Op::SwapBlocks(_) => {
                vec![(Object::Extents, Write)]
            }
            Op::Bio(ref blocks, bio) => {
                let access = if bio == Bio::Read { Read } else { Write };
                let mut touched: Vec<_> =
                    blocks.iter().map(|&b| (Object::Block(b), access)).collect();
                if let Bio::Page { start } = bio {
                    let page = start..start + blocks.len() as LogicalBlock;
                    touched.extend(page.map(|b| (Object::PageData(b), Read)));
                }
                touched
            }
            Op::ListAdd(_) | Op::ListTake(_) => vec![(Object::CompletedList, Write)],
            Op::PutIoEnd(task) => vec![(Object::IoEnd(task), Write)],
            Op::Private(task, _) => vec![(Object::Private(task), Write)],
            // The order of two completions is no matter; whether the file was closed first is.
            Op::AioComplete => vec![(Object::File, Add)],
            Op::Close => vec![(Object::File, Write)],
            Op::CountRead(queue) => vec![(counter(queue), Read)],
            Op::CountDecAndTest(queue, _) => vec![(counter(queue), Write)],
            Op::WaitJoin(queue) | Op::WaitWake(queue) | Op::WaitLeave(queue) => {
                vec![(Object::WaitQueue(queue), Write)]
            }
            Op::WaitLook(queue) | Op::WaitSleep(queue) => vec![(Object::WaitQueue(queue), Read)],
            Op::PageWrite(block) => vec![(Object::PageData(block), Write)],
            Op::PageRead(block) => vec![(Object::PageData(block), Read)],
            Op::SmpMb | Op::SmpRmb | Op::SmpMbBeforeAtomic | Op::Submit(..) | Op::WarnSize => {
                vec![]
            }
        }
    }

    /// The further objects a completed step touched, known from its outcome only: freeing blocks
    /// touches the blocks.
    pub fn also_touched(&self, outcome: &Outcome) -> Vec<(Object, Access)> {
        match outcome {
            Outcome::Freed(blocks) => {
                blocks.iter().map(|&b| (Object::Block(b), Access::Write)).collect()
            }
            _ => vec![],
        }
    }
}
