//! `ext4_evict_inode`: of this file, whose last name is gone, or of another one that memory reclaim
//! throws out.

use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{IDataSem, IMutex, ISync};
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, Owner, Size};
use crate::page_cache::{FlushCompleted, TruncatePages};
use crate::task::steps;

steps! {
    /// `ext4_evict_inode` of a file without a name: it goes, blocks and all.
    ///
    /// # Kernel
    /// fs/ext4/inode.c, fs/ext4/extents.c, fs/ext4/page-io.c, read in v3.6, v3.7.2 and v3.11. Before
    /// 2581fdc81088 the wait came in `ext4_destroy_inode`, after the truncate. v3.9's also cancels the work
    /// (1ada47d9468f, message). v3.11 has none: it relies on `truncate_inode_pages`, as the writeback bit of
    /// a page now goes after the conversion. `ext4_evict_inode` (v4.10.17, v6.12), `evict` (fs/inode.c) and
    /// `truncate_inode_pages_final` (mm/truncate.c, v6.12): the flusher is waited for, then each page, then there is a handle.
    ///
    /// # Modelled
    /// Nobody holds a reference to the inode, so nobody takes `i_mutex`, this task neither; only
    /// completions of buffered writes are left, and from v4.10 on the flusher, which finds I_FREEING or is waited for. For v3.11 `WaitIoend` is the wait for the page. The handle
    /// of `ext4_ext_truncate` nests in the first one.
    ///
    /// # Left out
    /// The sizes, the orphan list, up to v3.11 the pages; what comes after the truncate.
    pub struct EvictInode {}
    /// Evicts the file.
    pub fn new(kernel: Kernel);
    in "ext4_evict_inode" => Step / At |self, outcome|;

    WaitFlusher in "inode_wait_for_writeback" "I_FREEING, and I_SYNC has gone" if self.drops_pages()
        => Op::Lock(ISync, Exclusive);
    DropPages(pages: TruncatePages) if self.drops_pages() => TruncatePages::from(Size::ZERO, self.kernel);
    WaitIoend in "ext4_ioend_wait" if self.waits() => Op::IoendWait(Owner::ThisFile);
    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    Flush(flush: FlushCompleted) if self.kernel.version < Version::V3_11
        => FlushCompleted::new(self.kernel, None, true).of_buffered(true);
    WaitUnwritten in "ext4_unwritten_wait" if self.kernel.has(Fix::FlushWaits) => Op::UnwrittenWait;
    TakeDataSem in "ext4_ext_truncate" "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    Free in "ext4_ext_remove_space" => Op::Free(0);
    DropDataSem in "ext4_ext_truncate" "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents);
    Destroy in "destroy_inode" if self.drops_pages() => Op::Unlock(ISync, Exclusive);
}

impl EvictInode {
    fn waits(&self) -> bool {
        self.kernel.has(Fix::EvictWaits) || self.kernel.version == Version::V3_11
    }

    /// Before, completions alone are left beside it.
    fn drops_pages(&self) -> bool {
        self.kernel.version >= Version::V4_10
    }
}

steps! {
    /// A buffered write whose page fault makes memory reclaim evict another inode.
    ///
    /// # Kernel
    /// The story is in the messages of 2581fdc81088 and 8c0bec2151a4; the wait was read in v3.6 and v3.7.2.
    ///
    /// # Modelled
    /// The first of these commits also flushed the other inode's list before the wait, under its `i_mutex`;
    /// the second took that out again. It is no step here: as read in a tree of v3.0, the flush converts,
    /// but the io_end is freed, and `i_ioend_count` lowered, by its work item only.
    ///
    /// # Left out
    /// The write itself; v3.11, where reclaim passes over an inode whose pages are under writeback.
    pub struct WriteThatEvicts {}
    in "generic_file_aio_write" => Evicts / EvictsAt |self, outcome|;

    TakeImutex "mutex_lock(i_mutex)" => Op::Lock(IMutex, Exclusive);
    WaitIoend in "ext4_ioend_wait" "in ext4_evict_inode of the other" => Op::IoendWait(Owner::AnotherFile);
    DropImutex "mutex_unlock(i_mutex)" => Op::Unlock(IMutex, Exclusive);
}

impl Default for WriteThatEvicts {
    fn default() -> WriteThatEvicts {
        WriteThatEvicts { step: EvictsAt::Done }.begin()
    }
}
