//! `filemap_read`: a buffered read.

use super::read_page::ReadPage;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::InvalidateLock;
use crate::op::Mode::Shared;
use crate::op::{LogicalBlock, Op, PageNo, Range, Size};
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
    /// cache meanwhile. Its reference is of interest to reclaim alone, and is dropped in a step where there is such. From v6.1 on a look before that ends a read which begins at or past the end; the read is
    /// over when it reaches the i_size of the second look. Up to v5.10 it goes on to look for the page again, and
    /// at i_size again, for what it was asked beyond that. A page that is not up to date is copied from if the blocks
    /// asked for are (`block_is_partially_uptodate`, fs/buffer.c, v3.7.2, v4.10.17, v6.12); else it is read in under
    /// its
    /// lock, like one that is not there, unless somebody else has done so: up to v5.10 all of it, from v6.1 on the
    /// blocks asked for (`filemap_range_uptodate`).
    ///
    /// Up to v5.10 pages come one by one, each with a look at i_size of its own. From v6.1 on all that are there, one
    /// behind the other and up to date, are found first, a last one that is not up to date is waited for
    /// (`filemap_get_read_batch`), and one look at i_size is for all of them; one that is not there begins the next
    /// such batch.
    ///
    /// # Left out
    /// Read-ahead; that the look at the blocks is under the page's lock, and a page that is locked just then read in
    /// as a whole.
    pub struct FilemapRead {
        range: Range,
        kernel: Kernel,
        /// The next block to copy.
        at: LogicalBlock,
        /// Where the pages that were found end.
        have: LogicalBlock,
        /// Where what i_size allowed ends.
        end: LogicalBlock,
        /// There is more of the file than the pages that were found.
        more: bool,
        /// Somebody may take pages out of the cache that nobody keeps.
        counted: bool,
    }
    in "filemap_read" => Step / At |self, outcome|;

    FirstLook "i_size_read, before any page is looked for" if self.kernel.version >= Version::V6_1 => Op::SizeRead
        => (Size::blocks(self.at) >= outcome.size()).then_some(Step::Done);
    Find in "filemap_get_pages" "find_get_page, and is it up to date?"
        => Op::PageFind(self.page(), self.wanted()) => self.found(outcome.yes());
    LookBehind in "filemap_get_read_batch" "is it there, not up to date?" if self.have > self.at
        => Op::PageLook(self.page()) => outcome.buffers().is_empty().then_some(Step::ReadSize);
    TakeInvalidate in "filemap_create_folio" "filemap_invalidate_lock_shared" if self.kernel.has(Fix::ReadLock)
        => Op::Lock(InvalidateLock, Shared);
    ReadPage(page: ReadPage) => self.read_page() => self.have = self.wanted().end();
    DropInvalidate in "filemap_create_folio" "filemap_invalidate_unlock_shared" if self.kernel.has(Fix::ReadLock)
        => Op::Unlock(InvalidateLock, Shared);
    ReadSize "i_size_read" => Op::SizeRead => self.sized(outcome.size());
    ReadBarrier "smp_rmb" if self.kernel.has(Fix::SizeReadBarrier) => Op::SmpRmb;
    CopyOut in "copy_folio_to_iter" "a block at a time" => Op::PageRead(self.at) => self.copied();
    Put "put_page" if self.counted => Op::PagesPut(self.kernel.paging.all()) => self.next_batch();
}

impl FilemapRead {
    /// Reads the blocks of `range`, all of pages that are followed; that it has done with them is a step of its own if
    /// its references are `counted`.
    pub fn new(range: Range, kernel: Kernel, counted: bool) -> FilemapRead {
        let (at, have, end) = (range.start, range.start, range.start);
        FilemapRead { range, kernel, at, have, end, more: false, counted, step: At::Done }.begin()
    }

    /// The page behind those that were found.
    fn page(&self) -> PageNo {
        self.kernel.paging.page(self.have)
    }

    /// What was asked for of it.
    fn wanted(&self) -> Range {
        let rest = Range { start: self.have, len: self.range.end() - self.have };
        rest.in_page(self.page(), self.kernel.paging)
    }

    /// From v6.1 on pages behind one that was found are looked for, too.
    fn found(&mut self, found: bool) -> Option<Step> {
        if !found {
            return None;
        }
        self.have = self.wanted().end();
        let batch = self.kernel.version >= Version::V6_1 && self.have < self.range.end();
        Some(if batch { Step::Find } else { Step::ReadSize })
    }

    fn read_page(&self) -> ReadPage {
        let paging = self.kernel.paging;
        let partly = self.kernel.version >= Version::V6_1;
        let page = match partly {
            true => ReadPage::new(self.wanted(), paging),
            false => ReadPage::of_page(self.page(), paging),
        };
        page.and_keep()
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        if Size::blocks(self.at) >= size {
            // It is over, however much more was asked for.
            (self.range.len, self.more) = (self.at - self.range.start, false);
            return Some(Step::Put);
        }
        self.end = size.up().min(self.have);
        self.more = Size::blocks(self.have) < size && self.have < self.range.end();
        None
    }

    fn copied(&mut self) -> Option<Step> {
        self.at += 1;
        if self.at < self.end {
            return Some(Step::CopyOut);
        }
        if self.counted { Some(Step::Put) } else { self.next_batch() }
    }

    /// What is left is looked for again: up to v5.10 whatever i_size was, later unless that has been reached.
    fn next_batch(&mut self) -> Option<Step> {
        self.have = self.at;
        let always = self.kernel.version < Version::V6_1;
        let again = self.more || always && self.at < self.range.end();
        again.then_some(Step::FirstLook)
    }
}
