//! `ext4_setattr` and `ext4_truncate` under `i_mutex`: ftruncate up to v3.11.

use super::setattr::KeepOut;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{IDataSem, IMutex};
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, Op, Size};
use crate::page_cache::{BlockTruncatePage, FlushCompleted, TruncatePages};
use crate::task::steps;

steps! {
    /// `do_truncate`, `ext4_setattr` and `ext4_truncate`.
    ///
    /// # Kernel
    /// `ext4_setattr`, `ext4_truncate` (fs/ext4/inode.c), `ext4_ext_truncate` (fs/ext4/extents.c), read in
    /// v3.6.5, v3.7.2 and v3.11; `ext4_flush_unwritten_io` (fs/ext4/page-io.c) in v3.7.2,
    /// `truncate_setsize`, `truncate_pagecache` (mm/truncate.c) in v3.6.5, v3.7.2 and v3.11.
    ///
    /// # Modelled
    /// v3.6 drains before it changes the size, whatever the new size; v3.7 drains after, and only when
    /// it shrinks the file and there is a journal: it goes by the orphan record. v3.11 drains before it drops
    /// the pages, v3.7 after. Every truncate sets i_disksize to i_size under `i_data_sem`, whatever
    /// writeback has made of it since; one that grows the file does so only there. The barrier of
    /// `ext4_inode_resume_unlocked_dio` orders nothing that the model has after it. v3.11 flushes nothing:
    /// its drain waits for the conversions too (e83403959fdd), and it does so only where the file shrinks. If
    /// `ext4_truncate` gets no handle (`failing`), the sizes stay as set and the blocks stay allocated.
    ///
    /// # Left out
    /// Ordered-mode flushing, and the return with i_disksize small and i_size not if
    /// that fails; the orphan list itself.
    pub struct Truncate { fault: Option<Fault>, shrinks: bool }
    /// Truncates the file to that size, on a file system with a journal or without.
    pub fn new(to: Size, kernel: Kernel, journal: bool);
    in "do_truncate" => Step / At |self, outcome|;

    TakeImutex "mutex_lock(i_mutex)" => Op::Lock(IMutex, Exclusive);
    DrainFirst(drain: KeepOut) if !self.kernel.has(Fix::SizeBeforeWait) => KeepOut::new(self.kernel, true);
    ReadSize in "ext4_setattr" "inode->i_size" => Op::SizeRead => self.compared(outcome.size());
    StartOrphan in "ext4_setattr" "ext4_journal_start" if self.shrinks => Op::JournalStart(Handle::Orphan);
    WriteDisksize in "ext4_setattr" "i_disksize" if self.shrinks => Op::DisksizeWrite(self.to);
    StopOrphan in "ext4_setattr" "ext4_journal_stop" if self.shrinks => Op::JournalStop(Handle::Orphan);
    WriteSize in "truncate_setsize" "i_size_write" => Op::SizeWrite(self.to);
    DropPages(pages: TruncatePages) if self.kernel.version < Version::V3_11 => TruncatePages::from(self.to, self.kernel);
    Drain(drain: KeepOut) if self.kernel.has(Fix::SizeBeforeWait) && self.shrinks && self.journal
        => KeepOut::new(self.kernel, true);
    DropPagesLast(pages: TruncatePages) if self.kernel.version >= Version::V3_11 => TruncatePages::from(self.to, self.kernel);
    Flush(flush: FlushCompleted) if self.kernel.version < Version::V3_11
        => FlushCompleted::new(self.kernel, None, true);
    WaitUnwritten in "ext4_unwritten_wait" if self.kernel.has(Fix::FlushWaits) => Op::UnwrittenWait;
    StartHandle in "ext4_ext_truncate" "ext4_journal_start" if self.frees() => Op::JournalStart(Handle::Extents);
    ZeroTail(zero: BlockTruncatePage) if self.frees() && self.to.splits() => BlockTruncatePage::new(self.to, self.kernel);
    TakeDataSem in "ext4_ext_truncate" "down_write(i_data_sem)" if self.frees() => Op::Lock(IDataSem, Exclusive);
    SetDisksize in "ext4_ext_truncate" "i_disksize = i_size" if self.frees() => Op::DisksizeWrite(self.to);
    Free in "ext4_ext_remove_space" if self.frees() => Op::Free(self.to.up());
    DropDataSem in "ext4_ext_truncate" "up_write(i_data_sem)" if self.frees() => Op::Unlock(IDataSem, Exclusive);
    StopHandle in "ext4_ext_truncate" "ext4_journal_stop" if self.frees() => Op::JournalStop(Handle::Extents);
    DropImutex "mutex_unlock(i_mutex)" => Op::Unlock(IMutex, Exclusive);
}

impl Truncate {
    /// The same, but `ext4_truncate` cannot start its handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> Truncate {
        Truncate { fault, ..self }
    }

    /// Whether `ext4_truncate` gets its handle.
    fn frees(&self) -> bool {
        self.fault.is_none()
    }

    /// An equal size is not set again.
    fn compared(&mut self, size: Size) -> Option<Step> {
        self.shrinks = self.to < size;
        (self.to == size).then_some(Step::Flush)
    }
}
