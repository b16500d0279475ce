//! `journal_submit_data_buffers`: what a commit writes back of the inodes whose blocks it makes known.

use super::page_runs::{self, Run};
use crate::kernel::{Kernel, Version};
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{Bio, Blocks, Op, Outcome, PageNo, Pages, Size};
use crate::task::steps;

steps! {
    /// A forced commit under data=ordered, as far as pages go: dirty blocks that are mapped are written, and
    /// waited for, page by page.
    ///
    /// # Kernel
    /// `journal_submit_data_buffers` (fs/jbd2/commit.c, v3.7.2, v4.10.17, v6.12.117), `ext4_writepage` (fs/ext4/inode.c,
    /// v3.7.2, v3.11, v4.10.17), `ext4_normal_submit_inode_data_buffers` (v6.12.117).
    ///
    /// # Modelled
    /// Nothing is allocated. Up to v3.7 a page of which some block is yet to be allocated is not written at all.
    ///
    /// # Left out
    /// The commit itself, and that it waits for handles; the page where one of its buffers is `BH_Uninit` (v3.7).
    pub struct SubmitData {
        page: PageNo,
        size: Size,
        runs: Vec<Run>,
        written: usize,
        /// For memory reclaim, which has locked the page.
        reclaims: bool,
    }
    /// Writes what the pages hold.
    pub fn new(kernel: Kernel);
    in "journal_submit_data_buffers" => Step / At |self, outcome|;

    FindDirty "pagevec_lookup_tag" if self.looks() => Op::PagesDirty(self.rest())
        => self.found(outcome.pages());
    LockPage "lock_page" if !self.reclaims => Op::Lock(PageLock(self.page), Exclusive);
    ReadSize "i_size_read" => Op::SizeRead => self.size = outcome.size();
    Collect "dirty buffers that are mapped" => Op::PageDirty(self.page) => self.collected(&outcome);
    Clean "clear_page_dirty_for_io, set writeback" if !self.runs.is_empty()
        => Op::PageClean(self.page, self.buffers(), Vec::new());
    RunBio "and the device writes" if self.written < self.runs.len() => self.bio()
        => { self.written += 1; Step::RunBio };
    UnlockPage "end_page_writeback" => Op::Unlock(PageLock(self.page), Exclusive)
        => self.next_page();
}

impl SubmitData {
    /// `ext4_writepage` for memory reclaim: of a page that it has locked, and the whole page or nothing (PF_MEMALLOC).
    pub(super) fn of_locked_page(page: PageNo, kernel: Kernel) -> SubmitData {
        SubmitData { page, reclaims: true, ..SubmitData::new(kernel) }.begin()
    }

    /// Of several pages, for those that are dirty.
    fn looks(&self) -> bool {
        self.kernel.paging.many() && !self.reclaims
    }

    fn collected(&mut self, outcome: &Outcome) {
        let runs = page_runs::runs(outcome.buffers(), self.kernel.paging.start(self.page));
        let whole = self.kernel.version < Version::V3_11 || self.reclaims;
        let unwritten = runs.iter().any(|run| run.converts);
        if unwritten || whole && runs.iter().any(Run::unmapped) {
            return;
        }
        let mapped = runs.into_iter().filter(|run| !run.unmapped()).collect();
        self.runs = page_runs::below(mapped, self.size);
    }

    fn next_page(&mut self) -> Option<Step> {
        self.page += 1;
        (self.runs, self.written) = Default::default();
        self.looks().then_some(Step::FindDirty)
    }

    fn rest(&self) -> Pages {
        self.kernel.paging.all().from(self.page)
    }

    fn found(&mut self, dirty: &[PageNo]) -> Option<Step> {
        let Some(&first) = dirty.first() else { return Some(Step::Done) };
        self.page = first;
        None
    }

    fn buffers(&self) -> Vec<(Blocks, Blocks)> {
        self.runs.iter().flat_map(|run| run.range.blocks().zip(run.blocks.clone())).collect()
    }

    fn bio(&self) -> Op {
        let run = &self.runs[self.written];
        Op::Bio(run.blocks.clone(), Bio::Page { start: run.range.start })
    }
}
