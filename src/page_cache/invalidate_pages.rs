//! `kiocb_invalidate_pages` and what came before it: the page leaves the cache for a direct write.

use super::end_page_io::EndPageIo;
use super::writepages::WritePages;
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{Blocks, Op, PAGE_BLOCKS, Range};
use crate::task::steps;

steps! {
    /// Writes the page back and waits, then invalidates it; or does the latter only.
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
    /// buffered I/O drops its pages by `invalidate_mapping_pages`, which waits for no lock and tells nobody.
    pub struct InvalidatePages {
        write_back: Option<Box<WritePages>>,
        waits: bool,
        gives_up: bool,
        result: Invalidated,
    }
    in "invalidate_inode_pages2_range" => Step / At |self, outcome|;

    LookForPages "filemap_write_and_wait_range, filemap_range_has_page: nrpages" => Op::PagesRead
        => self.looked(outcome.number());
    WriteBack(pages: Option<Box<WritePages>>) => self.write_back.take() => self.write_back = pages;
    LockPage "lock_page, wait for writeback" => self.lock_page() => outcome.no().then_some(Step::Done);
    Invalidate "invalidate_complete_page2: -EBUSY if it is dirty" => Op::PageInvalidate
        => if outcome.no() { self.result = Invalidated::Busy };
    UnlockPage "unlock_page" => Op::Unlock(PageLock, Exclusive);
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
    fn new(range: Range, write_back: Option<WritePages>) -> InvalidatePages {
        let pages = InvalidatePages {
            write_back: write_back.map(|write_back| Box::new(write_back.and_wait())),
            waits: true,
            gives_up: false,
            result: Invalidated::Gone,
            step: At::Done,
        };
        // The page holds the first blocks of the file; a write beyond it meets none.
        if range.start < PAGE_BLOCKS { pages.begin() } else { pages }
    }

    /// Before the I/O of a write to `range`.
    pub fn before_io(range: Range, write_back: WritePages) -> InvalidatePages {
        InvalidatePages::new(range, Some(write_back))
    }

    /// The same for a write that must not wait.
    pub fn nowait(range: Range) -> InvalidatePages {
        InvalidatePages { gives_up: true, ..InvalidatePages::new(range, None) }
    }

    /// After it.
    pub fn after_io(range: Range) -> InvalidatePages {
        InvalidatePages::new(range, None)
    }

    /// After the buffered write that a direct one fell back to.
    pub fn after_buffered(range: Range, write_back: WritePages) -> InvalidatePages {
        InvalidatePages { waits: false, ..InvalidatePages::before_io(range, write_back) }
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

    fn lock_page(&self) -> Op {
        if self.waits { Op::Lock(PageLock, Exclusive) } else { Op::TryLock(PageLock, Exclusive) }
    }
}
