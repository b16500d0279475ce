//! `truncate_inode_pages_range`: a range of the file leaves the page cache.

use super::todo::Todo;
use crate::kernel::Kernel;
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{LogicalBlock, Op, PageNo, Pages, Range, Size};
use crate::task::steps;

steps! {
    /// Cuts a range out of the cached pages, waiting for whoever reads one or writes it back.
    ///
    /// # Kernel
    /// mm/truncate.c, read in v3.6, v3.7.2, v3.11, v4.10.17 and v6.12: a page that lies in the range as a whole
    /// leaves the cache, of another only what lies there is zeroed, and its buffers are no longer dirty
    /// (`truncate_partial_page` up to v3.7, where the range ends with a page). The page's writeback is waited for
    /// in each of them.
    ///
    /// # Modelled
    /// What was stored there is gone, as the file's blocks are about to be, and their buffers are mapped no longer.
    ///
    /// Of several pages those that lie there as a whole go in two passes: first all whose lock is to be had at once, in
    /// the end the others, one after the other, until none is found any more: one that comes in meanwhile goes as well.
    /// Between the two come the pages at the ends, of which a part stays. (Of one page the second pass is all that
    /// others can tell.) v6.12 drops what its first pass has locked together (`find_lock_entries`); here they go
    /// one by one.
    ///
    /// # Left out
    /// Up to v3.7 a hole within a page that is not up to date as a whole leaves its blocks not up to date
    /// (`ext4_discard_partial_page_buffers_no_lock`): who wants them reads them in again.
    pub struct TruncatePages {
        from: Size,
        to: LogicalBlock,
        kernel: Kernel,
        /// The pages that lie there as a whole.
        whole: Pages,
        pass: Pass,
        /// The pages of this pass that are yet to be seen to, as bits.
        todo: Todo,
    }
    in "truncate_inode_pages_range" => Step / At |self, outcome|;

    LookForPages "nrpages" => Op::PagesRead(self.kernel.paging.all())
        => (self.misses() || outcome.number() == 0).then_some(Step::Done);
    FindPages "pagevec_lookup" if self.pass != Pass::Ends => Op::PagesFind(self.whole)
        => self.found(outcome.pages());
    LockPage "lock_page, wait_on_page_writeback; trylock_page at first" => self.lock()
        => outcome.no().then(|| self.next_page());
    TruncatePage "truncate_inode_page, or zero_user_segment, do_invalidatepage" => self.truncate();
    UnlockPage "unlock_page" => Op::Unlock(PageLock(self.page()), Exclusive) => self.next_page();
}

/// The three parts of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Pass {
    /// What can be locked at once.
    Try,
    /// The pages that stay in part; the one page, if there is only one.
    Ends,
    /// All that is left.
    Wait,
}

// Steps of other tasks that hold it are copied.
impl Copy for TruncatePages {}
impl Copy for At {}

impl TruncatePages {
    /// Cuts out what lies between a place in the file and a block.
    pub fn between(from: Size, to: LogicalBlock, kernel: Kernel) -> TruncatePages {
        let paging = kernel.paging;
        let whole = paging.within(from.up(), to);
        let (pass, todo) = (if whole.is_empty() { Pass::Ends } else { Pass::Try }, Todo::NONE);
        let pages = TruncatePages { from, to, kernel, whole, pass, todo, step: At::Done };
        let pass = if paging.many() { pass } else { Pass::Ends };
        TruncatePages { pass, todo: pages.ends(), ..pages }.begin()
    }

    /// Cuts off what lies behind `size`.
    pub fn from(size: Size, kernel: Kernel) -> TruncatePages {
        TruncatePages::between(size, size.up() + kernel.paging.end(), kernel)
    }

    /// Cuts `range` out.
    pub fn new(range: Range, kernel: Kernel) -> TruncatePages {
        TruncatePages::between(Size::blocks(range.start), range.end(), kernel)
    }

    /// Cuts out first the pages that lie in `range` as a whole, and then, by itself, what of others does.
    pub(crate) fn apart(range: Range, kernel: Kernel) -> [Option<TruncatePages>; 2] {
        let pages = TruncatePages::new(range, kernel);
        let (whole, todo, paging) = (pages.whole, pages.ends(), kernel.paging);
        match paging.many() {
            false if whole.is_empty() => [None, Some(pages)],
            false => [Some(pages), None],
            true => {
                let first = Size::blocks(paging.start(whole.start));
                let first = TruncatePages::between(first, paging.start(whole.end), kernel);
                let (pass, none) = (Pass::Ends, Pages::default());
                let rest = TruncatePages { pass, todo, whole: none, ..pages }.begin();
                [(!whole.is_empty()).then_some(first), (!todo.is_empty()).then_some(rest)]
            }
        }
    }

    fn misses(&self) -> bool {
        self.from >= Size::blocks(self.kernel.paging.end())
    }

    /// The pages that stay in part; the one page, if there is only one.
    fn ends(&self) -> Todo {
        let touched = self.kernel.paging.touched(self.from.down(), self.to).iter();
        let many = self.kernel.paging.many();
        let stays = |page: &PageNo| !(many && self.whole.iter().contains(page));
        touched.filter(stays).collect()
    }

    fn page(&self) -> PageNo {
        self.todo.page()
    }

    fn lock(&self) -> Op {
        let page = PageLock(self.page());
        if self.pass == Pass::Try {
            Op::TryLock(page, Exclusive)
        } else {
            Op::Lock(page, Exclusive)
        }
    }

    fn truncate(&self) -> Op {
        let (page, paging) = (self.page(), self.kernel.paging);
        let from = self.from.max(Size::blocks(paging.start(page)));
        Op::PageTruncate(page, from, self.to.min(paging.end_of(page)))
    }

    /// In the end they are looked for until there are none.
    fn found(&mut self, pages: &[PageNo]) -> Step {
        self.todo = pages.iter().copied().collect();
        match () {
            () if !self.todo.is_empty() => Step::LockPage,
            () if self.pass == Pass::Wait => Step::Done,
            () => self.next_pass(),
        }
    }

    fn next_page(&mut self) -> Step {
        self.todo = self.todo.rest();
        if self.todo.is_empty() { self.next_pass() } else { Step::LockPage }
    }

    fn next_pass(&mut self) -> Step {
        if self.pass == Pass::Try {
            (self.pass, self.todo) = (Pass::Ends, self.ends());
            if !self.todo.is_empty() {
                return Step::LockPage;
            }
        }
        let again = self.kernel.paging.many() && !self.whole.is_empty();
        self.pass = if again { Pass::Wait } else { self.pass };
        if again { Step::FindPages } else { Step::Done }
    }
}
