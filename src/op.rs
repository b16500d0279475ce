//! The vocabulary: every step that another CPU can see, what it touches, and what comes back.

mod touches;

pub(crate) use touches::freed;
pub use touches::{Access, Object};

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

/// Where `ext4_ext_shift_extents` moves blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Shift {
    /// Towards the start: a range is taken out.
    Left,
    /// Towards the end: one is put in.
    Right,
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
    /// For zero range: as `Preallocate`, and written blocks become unwritten
    /// (`EXT4_GET_BLOCKS_CONVERT_UNWRITTEN`). Tells what was there before.
    Unwrite,
    /// As `Create`, for a write past i_size: allocates *written* blocks, which i_size hides
    /// until the data is there.
    Extend,
}

/// What one bio carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Bio {
    /// Reads whole blocks.
    Read {
        /// So many of them, from the first on, are returned to the caller; the others lie past the end of
        /// the file as the read saw it, and are in the buffer only.
        returned: Blocks,
    },
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

impl Bio {
    /// A read that returns all it reads.
    pub const WHOLE_READ: Bio = Bio::Read { returned: Blocks::MAX };
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

impl Submission {
    /// The device carries it out.
    pub fn run(&self) -> Op {
        Op::Bio(self.blocks.clone(), self.bio)
    }
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
    /// Copies a block out of a cached page: of the one that the task has found.
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
    /// `truncate_inode_pages_range`: what lies in the range leaves the cache unwritten. A page that lies
    /// there in part stays, with zeros there.
    PageTruncate(Range),
    /// `invalidate_inode_pages2_range`: the page leaves the cache unless it is dirty; whether it did.
    PageInvalidate,
    /// `add_to_page_cache_lru`: the page goes in, not up to date.
    PageIn,
    /// `find_get_page`: whether a page was found that can be copied from. Who found it keeps it, even if it
    /// leaves the cache.
    PageFind,
    /// Whether the page is in the cache and `PageUptodate`.
    PageLook,
    /// The dirty buffers of the page (`PAGECACHE_TAG_DIRTY` says whether there are any).
    PageDirty,
    /// The page was read, block by block: `SetPageUptodate`.
    PageFill(Vec<[Content; 2]>),
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
    /// `ext4_ext_shift_extents`: what lies behind the range moves to its start, or what starts with it
    /// to its end.
    ShiftExtents(Range, Shift),
    /// Hands the I/O to the device; its completion runs as that task.
    Submit(TaskId, Submission),
    /// The device moves the data.
    Bio(Vec<PhysicalBlock>, Bio),
    /// Appends to `i_completed_io_list`.
    ListAdd(IoEnd),
    /// Takes one io_end off the list: this task's own, if given, else the first.
    ListTake(Option<TaskId>),
    /// `drop_refcount`, and the same in `dio_bio_end_aio`: drops one of the two references, the
    /// submitter's and the bio's, to the dio of that completion; tells whether it was the last: whoever
    /// dropped it completes the I/O (to v5.4).
    DropRefcount(TaskId),
    /// `ext4_put_io_end`: drops one of the two references, the submitter's and the request's, to the
    /// io_end of that completion; tells whether it was the last (v3.11).
    PutIoEnd(TaskId),
    /// `ext4_inode_aio_set` (v3.6 stores to the field itself): the inode's one slot for an io_end, `cur_aio_dio`, points at that of this
    /// completion, or at none.
    InodeAioSet(Option<TaskId>),
    /// `ext4_inode_aio`: whose io_end it points at.
    InodeAio,
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
    /// The completion whose io_end `cur_aio_dio` points at.
    InodeAio(Option<TaskId>),
    /// Dirty buffers of the page, each with the device block it is mapped to.
    Buffers(Vec<(LogicalBlock, Option<PhysicalBlock>)>),
    /// What a bio read, block by block.
    Data(Vec<[Content; 2]>),
    /// Blocks that were freed.
    Freed(Vec<PhysicalBlock>),
    /// What `ext4_convert_unwritten_extents` found before it marked the range written.
    Converted(Vec<(Extent, Option<PhysicalBlock>)>),
}

impl Outcome {
    /// The size or number; 0 of what is none.
    pub fn value(&self) -> Blocks {
        if let Outcome::Value(value) = *self { value } else { 0 }
    }

    /// Whether it is a yes.
    pub fn yes(&self) -> bool {
        *self == Outcome::Flag(true)
    }

    /// Whether it is a no.
    pub fn no(&self) -> bool {
        *self == Outcome::Flag(false)
    }
}
