//! Writeback raising i_disksize.

use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{IDataSem, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, PageNo, Size};
use crate::task::steps;

steps! {
    /// The end of `mpage_map_and_submit_extent`: delayed blocks were allocated up to `to`.
    ///
    /// # Kernel
    /// fs/ext4/inode.c: `mpage_da_map_and_submit` (v3.6, v3.7.2), `mpage_map_and_submit_extent` (v3.11, v4.10.17,
    /// v6.12).
    ///
    /// # Modelled
    /// i_disksize goes to `to` or i_size, whichever is smaller, and never down (90e775b71ac4). No
    /// `i_rwsem`. Before that commit both looks come first, without the lock, and
    /// `ext4_update_i_disksize` repeats only the one at i_disksize under it. The page is locked, or under
    /// writeback, which is one lock here: whoever truncates it waits. Alone, it is the tail of a flusher whose
    /// pages are not looked at, or ([`WbDisksize::of_page`]) of one that writes the cached page back and finds
    /// nothing to do once that is gone.
    pub struct WbDisksize { in_handle: bool, of_page: bool }
    /// Writeback that reaches up to there.
    pub fn new(to: Size, kernel: Kernel);
    in "mpage_map_and_submit_extent" => Step / At |self, outcome|;

    StartHandle "ext4_do_writepages: ext4_journal_start" if !self.in_handle => Op::JournalStart(Handle::Extents);
    LockPage "mpage_prepare_extent_to_map: lock_page" if self.of_page => Op::Lock(PageLock(self.page()), Exclusive);
    LookForPage "mpage_prepare_extent_to_map: page->mapping" if self.of_page => Op::PageLook(self.page())
        => outcome.buffers().is_empty().then_some(Step::UnlockPage);
    LookFirst "i_disksize" if self.locks_first() => Op::DisksizeRead
        => if outcome.size() < self.to { Step::TakeDataSem } else { Step::UnlockPage };
    ReadSize "i_size_read" => Op::SizeRead => self.to = self.to.min(outcome.size());
    ReadDisksize "i_disksize" => Op::DisksizeRead => self.looked(outcome.size() < self.to);
    TakeDataSem "down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive)
        => self.locks_first().then_some(Step::ReadSize);
    CheckDisksize "ext4_update_i_disksize: i_disksize" => Op::DisksizeRead
        => (outcome.size() >= self.to).then_some(Step::DropDataSem);
    WriteDisksize "i_disksize" => Op::DisksizeWrite(self.to);
    DropDataSem "up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    UnlockPage "ext4_finish_bio: end_page_writeback" if self.of_page
        => Op::Unlock(PageLock(self.page()), Exclusive);
    StopHandle "ext4_do_writepages: ext4_journal_stop" if !self.in_handle => Op::JournalStop(Handle::Extents);
}

impl WbDisksize {
    /// It writes the cached page back.
    #[must_use]
    pub fn of_page(self, of_page: bool) -> WbDisksize {
        WbDisksize { of_page, ..self }
    }

    /// The same inside a writeback that has a handle and the page.
    pub(crate) fn in_handle(to: Size, kernel: Kernel) -> WbDisksize {
        WbDisksize { in_handle: true, ..WbDisksize::new(to, kernel) }.begin()
    }

    /// The page that it reaches to the end of, or the last that is followed.
    fn page(&self) -> PageNo {
        let paging = self.kernel.paging;
        paging.page(self.to.up().saturating_sub(1)).min(paging.pages() - 1)
    }

    /// Both sizes are read under i_data_sem, after a look at i_disksize without it.
    fn locks_first(&self) -> bool {
        self.kernel.has(Fix::SizesUnderDataSem)
    }

    fn looked(&self, below: bool) -> Option<Step> {
        match (self.locks_first(), below) {
            (true, true) => Some(Step::WriteDisksize),
            (true, false) => Some(Step::DropDataSem),
            (false, true) => None,
            (false, false) => Some(Step::UnlockPage),
        }
    }
}
