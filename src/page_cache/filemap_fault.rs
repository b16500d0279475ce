//! `ext4_filemap_fault` and `ext4_page_mkwrite`: a store through a shared mapping.

use super::read_page::ReadPage;
use super::write_begin::WriteBegin;
use crate::extent_probe::MapBlocks;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{self, PageLock};
use crate::op::Mode::{Exclusive, Shared};
use crate::op::{Ends, Op, Outcome, PageNo, Range, Size};
use crate::task::steps;

steps! {
    /// Stores to pages of the file that are not mapped into the process.
    ///
    /// # Kernel
    /// `filemap_fault` (mm/filemap.c), `ext4_page_mkwrite` (fs/ext4/inode.c) and `block_page_mkwrite`
    /// (fs/buffer.c; `__block_page_mkwrite` in v3.6), read in v3.6, v3.11, v4.10.17 and v6.12; `filemap_fault` of
    /// v6.1 as well, where it takes `invalidate_lock` itself. Up to v3.11 there is neither lock. ea3d7209ca01
    /// (v4.5).
    ///
    /// # Modelled
    /// Each page is faulted on by itself, in order. A fault is bounded by i_size: a page past it is SIGBUS, and under the page's lock only what lies below
    /// i_size is mapped and stored to; what is stored behind it is no data of the file. Delayed allocation: a hole
    /// is allocated by writeback, a written block is mapped here and not looked up again, nor is one that was
    /// mapped before (`__block_write_begin`). A page of which some block is not up to date is read in first, as one
    /// that is not there. The store happens under the page's lock; in the kernel it comes after, through the page
    /// table entry, and a page that is dropped or written back in between faults again.
    ///
    /// # Left out
    /// `mmap_sem`, sb_start_pagefault, the time update, read-ahead; the look at i_size at the end of
    /// `filemap_fault`, which `block_page_mkwrite` repeats; that `block_page_mkwrite` maps and dirties the other
    /// blocks of the page below i_size, too.
    pub struct FilemapFault {
        /// What is yet to be stored to.
        range: Range,
        kernel: Kernel,
        /// What of it its first page holds, and lies below i_size.
        here: Range,
        begun: WriteBegin,
        cut: Ends,
        holds: bool,
    }
    in "ext4_filemap_fault" => Step / At |self, outcome|;

    ReadSize in "filemap_fault" "i_size_read, SIGBUS if the page lies past it" => Op::SizeRead
        => self.first(outcome.size());
    Find in "filemap_fault" "find_get_page, PageUptodate" => Op::PageLook(self.page()) => self.looked(uptodate(&outcome));
    TakeFault "down_read(i_mmap_sem)" if self.locks() => Op::Lock(LockName::against_faults(self.kernel), Shared)
        => { self.holds = true; (!self.only_to_read()).then_some(Step::Find) };
    ReadPage(page: ReadPage) => ReadPage::of_page(self.page(), self.kernel.paging);
    DropFault "up_read(i_mmap_sem)" if self.holds => Op::Unlock(LockName::against_faults(self.kernel), Shared)
        => self.holds = false;
    TakeMkwrite in "ext4_page_mkwrite" "down_read(i_mmap_sem), invalidate_lock" if self.locks()
        => Op::Lock(LockName::against_faults(self.kernel), Shared);
    LockPage in "block_page_mkwrite" "lock_page" => Op::Lock(PageLock(self.page()), Exclusive);
    Recheck in "block_page_mkwrite" "page->mapping, has the page been dropped?" => Op::PageLook(self.page())
        => self.found(&outcome);
    GiveUp in "block_page_mkwrite" "unlock_page, -EFAULT" => Op::Unlock(PageLock(self.page()), Exclusive)
        => (!self.locks()).then_some(Step::ReadSize);
    LeaveAgain in "ext4_page_mkwrite" "up_read(i_mmap_sem); faults again" if self.locks()
        => Op::Unlock(LockName::against_faults(self.kernel), Shared) => Step::ReadSize;
    LookAtSize in "block_page_mkwrite" "i_size_read" => Op::SizeRead => self.sized(outcome.size());
    Map(map: MapBlocks) if self.begun.looks_up() => self.begun.look_up() => self.begun.found(&map);
    Store in "ext4_page_mkwrite" "set_page_dirty, and the store"
        => Op::PageStore(self.page(), self.begun.stored(), self.cut, 0);
    UnlockPage in "do_page_mkwrite" "its caller: unlock_page" => Op::Unlock(PageLock(self.page()), Exclusive)
        => (!self.locks()).then(|| self.next_page());
    DropMkwrite in "ext4_page_mkwrite" "up_read(i_mmap_sem)" if self.locks()
        => Op::Unlock(LockName::against_faults(self.kernel), Shared) => self.next_page();
}

impl FilemapFault {
    /// Stores to each block of `range`.
    pub fn new(range: Range, kernel: Kernel) -> FilemapFault {
        let (begun, cut, holds, step) = (WriteBegin::default(), Ends::default(), false, At::Done);
        let here = range.in_page(kernel.paging.page(range.start), kernel.paging);
        FilemapFault { range, kernel, here, begun, cut, holds, step }.begin()
    }

    fn page(&self) -> PageNo {
        self.kernel.paging.page(self.range.start)
    }

    /// Goes on to the page behind, if there is more to be stored to.
    fn next_page(&mut self) -> Step {
        let start = self.kernel.paging.end_of(self.page()).min(self.range.end());
        if start == self.range.end() {
            return Step::Done;
        }
        *self = FilemapFault::new(Range { start, len: self.range.end() - start }, self.kernel);
        Step::ReadSize
    }

    fn locks(&self) -> bool {
        self.kernel.has(Fix::FaultLock)
    }

    /// From 730633f0b7f9 on the lock is taken only to bring a page in.
    fn only_to_read(&self) -> bool {
        self.kernel.has(Fix::ReadLock)
    }

    fn first(&self, size: Size) -> Option<Step> {
        if self.past(size) {
            return Some(Step::Done);
        }
        (self.locks() && !self.only_to_read()).then_some(Step::TakeFault)
    }

    fn looked(&self, there: bool) -> Option<Step> {
        if there { Some(Step::DropFault) } else { self.holds.then_some(Step::ReadPage) }
    }

    /// Whether the page lies past i_size.
    fn past(&self, size: Size) -> bool {
        size <= Size::blocks(self.kernel.paging.start(self.page()))
    }

    /// Only what lies below i_size is the file's.
    fn below(&self, size: Size) -> Option<Range> {
        let len = self.here.end().min(size.up()).checked_sub(self.here.start)?;
        (len > 0).then_some(Range { len, ..self.here })
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        match self.below(size) {
            Some(range) => {
                self.here = range;
                self.cut.back = Size::blocks(range.end()) > size;
                self.begun.cut(range.end());
            }
            None if self.past(size) => return Some(Step::GiveUp),
            None => return Some(Step::UnlockPage),
        }
        None
    }

    /// The page of the fault, unless that has left the cache.
    fn found(&mut self, outcome: &Outcome) -> Option<Step> {
        let first = self.kernel.paging.start(self.page());
        self.begun = WriteBegin::new(self.here, Ends::default(), outcome.buffers(), first);
        uptodate(outcome).then_some(Step::LookAtSize)
    }
}

/// Whether there is a page, and all of it is up to date.
fn uptodate(outcome: &Outcome) -> bool {
    let page = outcome.buffers();
    !page.is_empty() && page.iter().all(|buffer| buffer.uptodate)
}
