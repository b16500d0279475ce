//! `filemap_fdatawait_range`: waits for what is under writeback, by whomever.

use super::todo::Todo;
use crate::kernel::Kernel;
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{Op, PageNo, Pages};
use crate::task::steps;

steps! {
    /// Waits for pages, one after the other.
    ///
    /// # Kernel
    /// mm/filemap.c, v3.7.2, v4.10.17, v5.10.44.
    ///
    /// # Modelled
    /// A page that is locked and not under writeback is waited for as well: both are one lock here.
    pub(super) struct FdatawaitRange {
        /// Those that were found, as bits.
        todo: Todo,
        pages: Pages,
        kernel: Kernel,
    }
    in "filemap_fdatawait_range" => Step / At |self, outcome|;

    FindPages "pagevec_lookup_tag" if self.kernel.paging.many() => Op::PagesFind(self.pages)
        => self.found(outcome.pages());
    WaitForPage "wait_on_page_writeback" => Op::Lock(PageLock(self.page()), Exclusive);
    LetPage => Op::Unlock(PageLock(self.page()), Exclusive) => self.next_page();
}

impl FdatawaitRange {
    /// Waits for those of these pages that are there.
    pub(super) fn new(pages: Pages, kernel: Kernel) -> FdatawaitRange {
        FdatawaitRange { todo: Todo::FIRST, pages, kernel, step: At::Done }.begin()
    }

    fn page(&self) -> PageNo {
        self.todo.page()
    }

    fn found(&mut self, pages: &[PageNo]) -> Option<Step> {
        self.todo = pages.iter().copied().collect();
        self.todo.is_empty().then_some(Step::Done)
    }

    fn next_page(&mut self) -> Step {
        self.todo = self.todo.rest();
        if self.todo.is_empty() { Step::Done } else { Step::WaitForPage }
    }
}
