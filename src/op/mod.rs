//! The vocabulary: every step that another CPU can see, what it touches, and what comes back.

mod block;
mod how;
mod iocb;
mod lock;
mod object;
mod of_call;
mod outcome;
mod range;
mod size;
mod touches;

pub use block::{Buffer, Caller, Content, Extent, IoEnd, Mapped, Owner};
pub use how::{Bio, Fault, Handle, MapFor, OrphanOp, Shift, Submission};
pub use iocb::{Private, PrivateOp};
pub use lock::{GATE_RANK, JOURNAL_RANK, LockName, Mode, WaitQueue};
pub use object::{Access, Object};
pub use outcome::Outcome;
pub use range::{Ends, Half, LogicalBlock, PhysicalBlock, Range, Span, TaskId, Tasks};
pub use size::{Blocks, Size};
pub(crate) use touches::freed;

pub use crate::kernel::{MAX_PAGES, PageNo, Pages, Paging};
use serde::{Deserialize, Serialize};

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
    /// `ext4_ioend_wait`: until it is 0.
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
    /// `smp_mb__before_atomic()`: a full barrier if an atomic read-modify-write comes next, else nothing.
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
    SizeWrite(Size),
    /// Writes `i_disksize`.
    DisksizeWrite(Size),
    /// Reads `i_disksize`.
    DisksizeRead,
    /// The inode and the list of orphans.
    Orphan(OrphanOp),
    /// `generic_write_sync`: what is on disk now is what a crash leaves.
    WriteSync,
    /// `WARN_ON_ONCE(i_size_read(inode) < i_disksize)` fires.
    WarnSize,
    /// `queue_work`: what follows is done by a worker, and no longer in interrupt.
    QueueWork,
    /// Reads `mapping->nrpages`, as far as it counts these.
    PagesRead(Pages),
    /// `pagevec_lookup`, `find_get_entries`: which of these pages are there.
    PagesFind(Pages),
    /// `pagevec_lookup_tag`: which of these pages are dirty (`PAGECACHE_TAG_DIRTY`).
    PagesDirty(Pages),
    /// `truncate_inode_pages_range`: what of the page lies in the range leaves the cache unwritten. A page that lies
    /// there in part stays, with zeros there. From that place up to that block.
    PageTruncate(PageNo, Size, LogicalBlock),
    /// `invalidate_inode_pages2_range`: the page leaves the cache unless it is dirty; whether it did.
    PageInvalidate(PageNo),
    /// `add_to_page_cache_lru`: the page goes in if it is not there, no block up to date; its buffers.
    PageIn(PageNo),
    /// `find_get_page`: whether a page was found of which these blocks can be copied (`PageUptodate`, or
    /// `is_partially_uptodate`). Who found it keeps it, even if it leaves the cache.
    PageFind(PageNo, Range),
    /// Whether the page is in the cache, and its buffers.
    PageLook(PageNo),
    /// Whether the page is dirty, and its buffers.
    PageDirty(PageNo),
    /// These blocks of the page were read, and are up to date. Whether the task keeps the page as if it had found it.
    PageFill(PageNo, Vec<(LogicalBlock, [Content; 2])>, bool),
    /// `put_page`: the task has done with the pages among these that it found.
    PagesPut(Pages),
    /// `__remove_mapping`: the page leaves the cache unless it is dirty or somebody keeps it; whether it did.
    PageRemove(PageNo),
    /// A store, and the buffers it made dirty and up to date: each block with the device block it is mapped to,
    /// none if that is to be allocated; but for these ends. By which of its task's calls.
    PageStore(PageNo, Vec<(LogicalBlock, Option<PhysicalBlock>)>, Ends, u8),
    /// `zero_user` of the half block that begins there; the buffer, mapped there, is dirty.
    PageZero(PageNo, Size, Option<PhysicalBlock>),
    /// `clear_page_dirty_for_io`: these blocks of the page are about to be written there, and stay mapped there;
    /// the second are those of them that were unwritten (`BH_Uninit`, up to v3.7).
    PageClean(PageNo, Vec<(LogicalBlock, PhysicalBlock)>, Vec<LogicalBlock>),
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
    /// `mext_replace_branches`, `ext4_swap_extents`: these blocks change places with the donor file's. Data is copied
    /// along only behind the pages that are followed.
    SwapBlocks(Range),
    /// `ext4_ext_shift_extents`: what lies behind the range moves to its start, or what starts with it
    /// to its end.
    ShiftExtents(Range, Shift),
    /// `try_to_release_page`: the buffers of the page are dropped, with what they are mapped to, unless one is dirty;
    /// whether they were.
    PageRelease(PageNo),
    /// `block_commit_write`: these blocks of the page, mapped there, are up to date and to be written back. What they
    /// hold stays.
    PageCommit(PageNo, Vec<(LogicalBlock, PhysicalBlock)>),
    /// Hands the I/O to the device; its completion runs as that task.
    Submit(TaskId, Submission),
    /// The device moves the data.
    Bio(Vec<PhysicalBlock>, Bio),
    /// Appends to `i_completed_io_list`.
    ListAdd(IoEnd),
    /// Takes one io_end off the list: this task's own, if given, else the first.
    ListTake(Option<TaskId>),
    /// `drop_refcount`, `dio_bio_end_aio`: drops one of the two references to the dio of that completion; tells
    /// whether it was the last: whoever dropped it completes the I/O (to v5.4).
    DropRefcount(TaskId),
    /// `ext4_put_io_end`: drops one of the two references, the submitter's and the request's, to the
    /// io_end of that completion; tells whether it was the last (v3.11).
    PutIoEnd(TaskId),
    /// `ext4_inode_aio_set` (v3.6 stores to the field itself): the inode's one slot for an io_end, `cur_aio_dio`,
    /// points at that of this completion, or at none.
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

impl Op {
    /// The device carries a submitted I/O out.
    pub fn run(submission: &Submission) -> Op {
        Op::Bio(submission.blocks.clone(), submission.bio)
    }
}
