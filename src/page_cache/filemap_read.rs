//! `filemap_read`: a buffered read of the cached page.

use super::read_page::ReadPage;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::InvalidateLock;
use crate::op::Mode::Shared;
use crate::op::{LogicalBlock, Op, Range, Size};
use crate::task::steps;

steps! {
    /// `filemap_read` (`generic_file_buffered_read` in v5.4 and v5.10, `do_generic_file_read` before).
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
    /// at i_size again, for what it was asked beyond that. A page that is not up to date is copied from if the blocks
    /// asked for are (`block_is_partially_uptodate`, fs/buffer.c, v3.7.2, v4.10.17, v6.12); else it is read in under
    /// its
    /// lock, like one that is not there, unless somebody else has done so: up to v5.10 all of it, from v6.1 on the
    /// blocks asked for (`filemap_range_uptodate`).
    ///
    /// # Left out
    /// Read-ahead; that the look at the blocks is under the page's lock, and a page that is locked just then read in
    /// as a whole.
    pub struct FilemapRead {
        range: Range,
        kernel: Kernel,
        /// The next block to copy.
        at: LogicalBlock,
        /// Where what i_size allowed ends.
        end: LogicalBlock,
    }
    in "filemap_read" => Step / At |self, outcome|;

    FirstLook "i_size_read, before any page is looked for" if self.kernel.version >= Version::V6_1 => Op::SizeRead
        => (Size::blocks(self.at) >= outcome.size()).then_some(Step::Done);
    Find in "filemap_get_pages" "find_get_page, and is it up to date?" => Op::PageFind(self.rest())
        => outcome.yes().then_some(Step::ReadSize);
    TakeInvalidate in "filemap_create_folio" "filemap_invalidate_lock_shared" if self.kernel.has(Fix::ReadLock)
        => Op::Lock(InvalidateLock, Shared);
    ReadPage(page: ReadPage) => self.read_page();
    DropInvalidate in "filemap_create_folio" "filemap_invalidate_unlock_shared" if self.kernel.has(Fix::ReadLock)
        => Op::Unlock(InvalidateLock, Shared);
    ReadSize "i_size_read" => Op::SizeRead => self.sized(outcome.size());
    ReadBarrier "smp_rmb" if self.kernel.has(Fix::SizeReadBarrier) => Op::SmpRmb;
    CopyOut in "copy_folio_to_iter" "a block at a time" => Op::PageRead(self.at) => self.copied();
}

impl FilemapRead {
    /// Reads the blocks of `range`, all of the page.
    pub fn new(range: Range, kernel: Kernel) -> FilemapRead {
        FilemapRead { range, kernel, at: range.start, end: range.start, step: At::Done }.begin()
    }

    /// What was asked for and not copied yet.
    fn rest(&self) -> Range {
        Range { start: self.at, len: self.range.end() - self.at }
    }

    fn read_page(&self) -> ReadPage {
        let partly = self.kernel.version >= Version::V6_1;
        if partly { ReadPage::new(self.rest()) } else { ReadPage::of_page() }
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        if Size::blocks(self.at) >= size {
            return Some(Step::Done);
        }
        self.end = size.up().min(self.range.end());
        None
    }

    /// Up to v5.10 the page is looked for again for the rest.
    fn copied(&mut self) -> Option<Step> {
        self.at += 1;
        let again = self.at < self.range.end() && self.kernel.version < Version::V6_1;
        if self.at < self.end { Some(Step::CopyOut) } else { again.then_some(Step::Find) }
    }
}
