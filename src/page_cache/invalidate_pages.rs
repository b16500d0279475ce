//! `kiocb_invalidate_pages` and what came before it: pages leave the cache for a direct write.

use super::end_page_io::EndPageIo;
use super::todo::Todo;
use super::writepages::WritePages;
use crate::kernel::Kernel;
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{Blocks, Op, PageNo, Pages, Range};
use crate::task::steps;

steps! {
    /// Writes pages back and waits, then invalidates them; or does the latter only.
    ///
    /// # Kernel
    /// `generic_file_direct_write` (mm/filemap.c, v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18), `__iomap_dio_rw`
    /// (fs/iomap/direct-io.c, v5.10.44, v6.1), `kiocb_invalidate_pages`, `filemap_invalidate_pages` and
    /// `kiocb_invalidate_post_direct_write` (mm/filemap.c, v6.12), `invalidate_inode_pages2_range`
    /// (mm/truncate.c, v3.6, v6.12), `invalidate_mapping_pages` (v3.6, v6.12).
    ///
    /// # Modelled
    /// After the I/O nothing is written back: a page that was stored to meanwhile stays, and its store goes over
    /// what was written when it is written back. Under NOWAIT a page in the range is -EAGAIN. The fall-back to
    /// buffered I/O drops its pages by `invalidate_mapping_pages`, which waits for no lock, leaves a page that a reader
    /// has found, and tells nobody.
    ///
    /// Pages go one by one, in order; one that stays ends with -EBUSY, and those behind it go all the same
    /// (v3.6.5, v3.7.2, v3.11, v4.10.17, v5.10.44, v6.12).
    pub struct InvalidatePages {
        pages: Pages,
        kernel: Kernel,
        /// Those of them that were found and are yet to be seen to, as bits.
        todo: Todo,
        write_back: Option<Box<WritePages>>,
        waits: bool,
        gives_up: bool,
        result: Invalidated,
    }
    in "invalidate_inode_pages2_range" => Step / At |self, outcome|;

    LookForPages "filemap_write_and_wait_range, filemap_range_has_page: nrpages" => Op::PagesRead(self.counted())
        => self.looked(outcome.number());
    WriteBack(pages: Option<Box<WritePages>>) => self.write_back.take() => self.write_back = pages;
    FindPages "pagevec_lookup, find_get_entries" if self.kernel.paging.many() => Op::PagesFind(self.pages)
        => self.found(outcome.pages());
    LockPage "lock_page, wait for writeback" => self.lock_page() => outcome.no().then(|| self.next_page());
    Invalidate "invalidate_complete_page2: -EBUSY if it is dirty" => self.invalidate()
        => if outcome.no() { self.result = Invalidated::Busy };
    UnlockPage "unlock_page" => Op::Unlock(PageLock(self.page()), Exclusive) => self.next_page();
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Invalidated {
    /// No page is left.
    #[default]
    Gone,
    /// The page was stored to meanwhile: -EBUSY.
    Busy,
    /// There is a page, and nobody may wait: -EAGAIN.
    Again,
}

impl InvalidatePages {
    fn new(range: Range, write_back: Option<WritePages>, kernel: Kernel) -> InvalidatePages {
        let write_back = write_back.map(|write_back| write_back.of(range).and_wait());
        let pages = InvalidatePages {
            pages: range.pages(kernel.paging),
            kernel,
            todo: Todo::FIRST,
            write_back: write_back.map(Box::new),
            waits: true,
            gives_up: false,
            result: Invalidated::Gone,
            step: At::Done,
        };
        // A write beyond the pages that are followed meets none.
        if pages.pages.is_empty() { pages } else { pages.begin() }
    }

    /// Before the I/O of a write to `range`.
    pub fn before_io(range: Range, write_back: WritePages, kernel: Kernel) -> InvalidatePages {
        InvalidatePages::new(range, Some(write_back), kernel)
    }

    /// The same for a write that must not wait.
    pub fn nowait(range: Range, kernel: Kernel) -> InvalidatePages {
        InvalidatePages { gives_up: true, ..InvalidatePages::new(range, None, kernel) }
    }

    /// After it.
    pub fn after_io(range: Range, kernel: Kernel) -> InvalidatePages {
        InvalidatePages::new(range, None, kernel)
    }

    /// After the buffered write that a direct one fell back to.
    pub fn after_buffered(range: Range, write_back: WritePages, kernel: Kernel) -> InvalidatePages {
        InvalidatePages { waits: false, ..InvalidatePages::before_io(range, write_back, kernel) }
    }

    /// What came of it.
    pub fn result(&self) -> Invalidated {
        self.result
    }

    /// What the worker has yet to convert, once the caller has let its lock go.
    pub(crate) fn workers(&self) -> Vec<EndPageIo> {
        self.write_back.as_ref().map_or_else(Vec::new, |write_back| write_back.workers())
    }

    fn looked(&mut self, pages: Blocks) -> Option<Step> {
        let again = pages > 0 && self.gives_up;
        if again {
            self.result = Invalidated::Again;
        }
        (again || pages == 0).then_some(Step::Done)
    }

    /// `nrpages` counts all pages; who must not wait looks for those in the range (`filemap_range_has_page`), from
    /// v5.4 on, where it is asked.
    fn counted(&self) -> Pages {
        if self.gives_up { self.pages } else { self.kernel.paging.all() }
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
        if self.todo.is_empty() { Step::Done } else { Step::LockPage }
    }

    fn invalidate(&self) -> Op {
        if self.waits { Op::PageInvalidate(self.page()) } else { Op::PageRemove(self.page()) }
    }

    fn lock_page(&self) -> Op {
        let page = PageLock(self.page());
        if self.waits { Op::Lock(page, Exclusive) } else { Op::TryLock(page, Exclusive) }
    }
}
