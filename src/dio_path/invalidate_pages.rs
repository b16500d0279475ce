//! `kiocb_invalidate_pages` and what came before it: the page leaves the cache for a direct write.

use super::end_page_io::EndPageIo;
use super::writepages::WritePages;
use crate::inode_lock::{LockName, Mode};
use crate::op::{Op, Outcome, Range};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// Writes the page back and waits, then invalidates it; or does the latter only.
///
/// | step         | kernel (v6.12)                                                 | holds after |
/// |--------------|----------------------------------------------------------------|-------------|
/// | LookForPages | filemap_write_and_wait_range, filemap_range_has_page: nrpages  |             |
/// | WriteBack    | filemap_write_and_wait_range, see WritePages                   |             |
/// | LockPage     | invalidate_inode_pages2_range: lock_page, wait for writeback   | page        |
/// | Invalidate   | invalidate_complete_page2: -EBUSY if it is dirty               | page        |
/// | UnlockPage   | invalidate_inode_pages2_range: unlock_page                     |             |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct InvalidatePages {
    write_back: Option<Box<WritePages>>,
    waits: bool,
    gives_up: bool,
    result: Invalidated,
    step: Step,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Invalidated {
    /// No page is left.
    Gone,
    /// The page was stored to meanwhile: -EBUSY.
    Busy,
    /// There is a page, and nobody may wait: -EAGAIN.
    Again,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    LookForPages,
    WriteBack,
    LockPage,
    Invalidate,
    UnlockPage,
    Done,
}

impl InvalidatePages {
    fn new(range: Range, write_back: Option<WritePages>) -> InvalidatePages {
        // The page holds the first blocks of the file; a write beyond it meets none.
        let step = if range.start < PAGE_BLOCKS { Step::LookForPages } else { Step::Done };
        InvalidatePages {
            write_back: write_back.map(|write_back| Box::new(write_back.and_wait())),
            waits: true,
            gives_up: false,
            result: Invalidated::Gone,
            step,
        }
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
    pub(super) fn workers(&self) -> Vec<EndPageIo> {
        self.write_back.as_ref().map_or_else(Vec::new, |write_back| write_back.workers())
    }
}

impl Task for InvalidatePages {
    fn next(&self) -> Option<Op> {
        let (page, excl) = (LockName::PageLock, Mode::Exclusive);
        match self.step {
            Step::LookForPages => Some(Op::PagesRead),
            Step::WriteBack => self.write_back.as_ref()?.next(),
            Step::LockPage if self.waits => Some(Op::Lock(page, excl)),
            Step::LockPage => Some(Op::TryLock(page, excl)),
            Step::Invalidate => Some(Op::PageInvalidate),
            Step::UnlockPage => Some(Op::Unlock(page, excl)),
            Step::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match self.step {
            Step::LookForPages if outcome == Outcome::Value(0) => Step::Done,
            Step::LookForPages if self.gives_up => {
                self.result = Invalidated::Again;
                Step::Done
            }
            Step::LookForPages if self.write_back.is_some() => Step::WriteBack,
            Step::LookForPages => Step::LockPage,
            Step::WriteBack => {
                if let Some(write_back) = &mut self.write_back {
                    write_back.resume(outcome);
                    if write_back.next().is_some() {
                        return;
                    }
                }
                Step::LockPage
            }
            Step::LockPage if outcome == Outcome::Flag(false) => Step::Done,
            Step::LockPage => Step::Invalidate,
            Step::Invalidate => {
                if outcome == Outcome::Flag(false) {
                    self.result = Invalidated::Busy;
                }
                Step::UnlockPage
            }
            Step::UnlockPage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match (&self.step, &self.write_back) {
            (Step::WriteBack, Some(write_back)) => return write_back.place(),
            (Step::WriteBack, None) | (Step::Done, _) => "Done",
            (Step::LookForPages, _) => "LookForPages",
            (Step::LockPage, _) => "LockPage",
            (Step::Invalidate, _) => "Invalidate",
            (Step::UnlockPage, _) => "UnlockPage",
        };
        Place { step, kernel: "invalidate_inode_pages2_range" }
    }
}
