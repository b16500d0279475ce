//! `filemap_read`: a buffered read of the cached page.

use super::read_page::ReadPage;
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{LogicalBlock, Op, Outcome, Range};
use crate::task::{Place, Task};

/// `filemap_read` (`generic_file_buffered_read` in v5.4 and v5.10, `do_generic_file_read` before).
///
/// | step           | kernel (v6.1; * from v6.1 on, + to v5.10)                | holds after       |
/// |----------------|----------------------------------------------------------|-------------------|
/// | FirstLook      | filemap_read: i_size_read, before any page is looked for * |                 |
/// | Find           | filemap_get_pages: find_get_page, and is it up to date? again for the rest + |                   |
/// | TakeInvalidate | filemap_create_folio: filemap_invalidate_lock_shared *   | invalidate_lock R |
/// | ReadPage       | filemap_read_folio, see ReadPage                         | invalidate_lock R |
/// | DropInvalidate | filemap_create_folio: filemap_invalidate_unlock_shared * |                   |
/// | ReadSize       | filemap_read: i_size_read                                |                   |
/// | ReadBarrier    | filemap_read: smp_rmb (v6.1 only)                        |                   |
/// | CopyOut        | copy_folio_to_iter, a block at a time                    |                   |
///
/// # Kernel
/// mm/filemap.c: `do_generic_file_read` in v3.6, v3.7.2, v3.11 and v4.10.17, `generic_file_buffered_read` in
/// v5.4.18 and v5.10.44, `filemap_read`, `filemap_get_pages`, `filemap_update_page` and
/// `filemap_create_folio` in v6.1 and v6.12. `smp_rmb` was read in v6.1.141; v4.10.17, v5.10.44 and v6.1.0
/// do not have it, and v6.12 has none but reads i_size with `smp_load_acquire`.
///
/// # Modelled
/// Every kernel looks at i_size once it has the page: whoever found it copies from it even if it leaves the
/// cache meanwhile. From v6.1 on a look before that ends a read which begins at or past the end; the read is
/// over when it reaches the i_size of the second look. Up to v5.10 it goes on to look for the page again, and
/// at i_size again, for what it was asked beyond that. A page that is not up to date is taken under its lock,
/// like one that is not there.
///
/// # Left out
/// Read-ahead, partly valid pages (`is_partially_uptodate`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FilemapRead {
    range: Range,
    kernel: Kernel,
    /// The next block to copy.
    at: LogicalBlock,
    /// Where what i_size allowed ends.
    end: LogicalBlock,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    FirstLook,
    Find,
    TakeInvalidate,
    ReadPage(ReadPage),
    DropInvalidate,
    ReadSize,
    ReadBarrier,
    CopyOut,
    Done,
}

impl FilemapRead {
    /// Reads the blocks of `range`, all of the page.
    pub fn new(range: Range, kernel: Kernel) -> FilemapRead {
        let looks = kernel.version >= Version::V6_1;
        let step = if looks { Step::FirstLook } else { Step::Find };
        FilemapRead { range, kernel, at: range.start, end: range.start, step }
    }

    fn sized(&mut self, outcome: &Outcome) -> Step {
        let size = if let Outcome::Value(size) = *outcome { size } else { 0 };
        if self.at >= size {
            return Step::Done;
        }
        self.end = size.min(self.range.end());
        if self.kernel.has(Fix::SizeReadBarrier) { Step::ReadBarrier } else { Step::CopyOut }
    }

    fn copied(&mut self) -> Step {
        self.at += 1;
        if self.at < self.end {
            Step::CopyOut
        } else if self.at < self.range.end() && self.kernel.version < Version::V6_1 {
            Step::Find
        } else {
            Step::Done
        }
    }
}

impl Task for FilemapRead {
    fn next(&self) -> Option<Op> {
        let invalidate = LockName::InvalidateLock;
        Some(match &self.step {
            Step::FirstLook | Step::ReadSize => Op::SizeRead,
            Step::Find => Op::PageFind,
            Step::TakeInvalidate => Op::Lock(invalidate, Mode::Shared),
            Step::ReadPage(read) => return read.next(),
            Step::DropInvalidate => Op::Unlock(invalidate, Mode::Shared),
            Step::ReadBarrier => Op::SmpRmb,
            Step::CopyOut => Op::PageRead(self.at),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let locks = self.kernel.has(Fix::ReadLock);
        self.step = match &mut self.step {
            Step::FirstLook => match outcome {
                Outcome::Value(size) if self.at >= size => Step::Done,
                _ => Step::Find,
            },
            Step::Find if outcome == Outcome::Flag(true) => Step::ReadSize,
            Step::Find if locks => Step::TakeInvalidate,
            Step::Find | Step::TakeInvalidate => Step::ReadPage(ReadPage::new()),
            Step::ReadPage(read) => {
                read.resume(outcome);
                if read.next().is_some() {
                    return;
                }
                if locks { Step::DropInvalidate } else { Step::ReadSize }
            }
            Step::DropInvalidate => Step::ReadSize,
            Step::ReadSize => self.sized(&outcome),
            Step::ReadBarrier => Step::CopyOut,
            Step::CopyOut => self.copied(),
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::ReadPage(read) => return read.place(),
            Step::FirstLook => ("FirstLook", "filemap_read"),
            Step::Find => ("Find", "filemap_get_pages"),
            Step::TakeInvalidate => ("TakeInvalidate", "filemap_create_folio"),
            Step::DropInvalidate => ("DropInvalidate", "filemap_create_folio"),
            Step::ReadSize => ("ReadSize", "filemap_read"),
            Step::ReadBarrier => ("ReadBarrier", "filemap_read"),
            Step::CopyOut => ("CopyOut", "copy_folio_to_iter"),
            Step::Done => ("Done", "filemap_read"),
        };
        Place { step, kernel }
    }
}
