//! `shrink_page_list`: memory reclaim looks at each page once.

use super::submit_data::SubmitData;
use crate::kernel::Kernel;
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{Op, Outcome, PageNo, Pages};
use crate::task::steps;

steps! {
    /// Takes pages out of the cache, each if nobody has it locked, nothing of it is to be written back, and its buffers
    /// can be dropped.
    ///
    /// # Kernel
    /// `shrink_page_list` (mm/vmscan.c, v3.6.5, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44), `shrink_folio_list` (v6.12);
    /// `__remove_mapping` (v3.6.5); `ext4_releasepage` (fs/ext4/inode.c, v3.6.5, v4.10.17), `ext4_release_folio` (v6.12).
    /// A dirty page of a file is skipped, but by kswapd under pressure (`writes`): that calls `pageout`, and
    /// `ext4_writepage` (v3.6.5, v4.10.17), which allocates nothing: of a page with a block that is delayed or unwritten
    /// it writes nothing. From v6.2 on ext4 has no `writepage` (v6.12): `pageout` keeps the page.
    ///
    /// # Modelled
    /// A page under writeback is a locked one. A mapping is taken off it by `try_to_unmap`, which waits for no file system;
    /// the store behind it has made the page dirty. A reader that has found the page keeps it in the cache. A page that was
    /// written out stays, for the next look. Of several pages each that is there has its turn, in order.
    ///
    /// # Left out
    /// Which pages are looked at, in which order, and when; that up to v3.7 `pageout` writes a page with a buffer that is `BH_Uninit`
    /// and hands its conversion on.
    pub struct Reclaim { page: PageNo, dirty: bool }
    /// By kswapd under pressure, which `writes`, or by anybody.
    pub fn new(kernel: Kernel, writes: bool);
    in "shrink_page_list" => Step / At |self, outcome|;

    NextPage "lru_to_page" if self.kernel.paging.many() => Op::PagesFind(self.rest()) => self.found(outcome.pages());
    TryLockPage "trylock_page, PageWriteback" => Op::TryLock(PageLock(self.page), Exclusive)
        => outcome.no().then(|| self.next_page());
    Look "PageDirty" => Op::PageDirty(self.page) => self.looked(&outcome);
    PageOut(write: SubmitData) "pageout: ext4_writepage" if self.dirty
        => SubmitData::of_locked_page(self.page, self.kernel) => self.next_page();
    Release in "ext4_releasepage" "try_to_free_buffers" => Op::PageRelease(self.page)
        => outcome.no().then_some(Step::UnlockPage);
    Remove in "__remove_mapping" "__delete_from_page_cache" => Op::PageRemove(self.page);
    UnlockPage "unlock_page" => Op::Unlock(PageLock(self.page), Exclusive) => self.next_page();
}

impl Reclaim {
    fn rest(&self) -> Pages {
        self.kernel.paging.all().from(self.page)
    }

    fn found(&mut self, there: &[PageNo]) -> Option<Step> {
        let Some(&first) = there.first() else { return Some(Step::Done) };
        self.page = first;
        None
    }

    fn next_page(&mut self) -> Step {
        self.page += 1;
        if self.kernel.paging.many() { Step::NextPage } else { Step::Done }
    }

    fn looked(&mut self, outcome: &Outcome) -> Option<Step> {
        let buffers = outcome.buffers();
        self.dirty = buffers.iter().any(|buffer| buffer.dirty);
        (buffers.is_empty() || self.dirty && !self.writes).then_some(Step::UnlockPage)
    }
}
