//! `ext4_filemap_fault` and `ext4_page_mkwrite`: a store through a shared mapping.

use super::read_page::ReadPage;
use super::write_begin::WriteBegin;
use crate::extent_probe::MapBlocks;
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::{self, PageLock};
use crate::op::Mode::{Exclusive, Shared};
use crate::op::{Ends, Op, Outcome, Range, Size};
use crate::task::steps;

steps! {
    /// A store to a page of the file that is not mapped into the process.
    ///
    /// # Kernel
    /// `filemap_fault` (mm/filemap.c), `ext4_page_mkwrite` (fs/ext4/inode.c) and `block_page_mkwrite`
    /// (fs/buffer.c; `__block_page_mkwrite` in v3.6), read in v3.6, v3.11, v4.10.17 and v6.12; `filemap_fault` of
    /// v6.1 as well, where it takes `invalidate_lock` itself. Up to v3.11 there is neither lock. ea3d7209ca01
    /// (v4.5).
    ///
    /// # Modelled
    /// A fault is bounded by i_size: a page past it is SIGBUS, and under the page's lock only what lies below
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
    pub struct FilemapFault { begun: WriteBegin, cut: Ends, holds: bool }
    /// Stores to each block of `range`.
    pub fn new(range: Range, kernel: Kernel);
    in "ext4_filemap_fault" => Step / At |self, outcome|;

    ReadSize in "filemap_fault" "i_size_read, SIGBUS if the page lies past it" => Op::SizeRead
        => self.first(outcome.size());
    Find in "filemap_fault" "find_get_page, PageUptodate" => Op::PageLook => self.looked(uptodate(&outcome));
    TakeFault "down_read(i_mmap_sem)" if self.locks() => Op::Lock(LockName::against_faults(self.kernel), Shared)
        => { self.holds = true; (!self.only_to_read()).then_some(Step::Find) };
    ReadPage(page: ReadPage) => ReadPage::of_page();
    DropFault "up_read(i_mmap_sem)" if self.holds => Op::Unlock(LockName::against_faults(self.kernel), Shared)
        => self.holds = false;
    TakeMkwrite in "ext4_page_mkwrite" "down_read(i_mmap_sem), invalidate_lock" if self.locks()
        => Op::Lock(LockName::against_faults(self.kernel), Shared);
    LockPage in "block_page_mkwrite" "lock_page" => Op::Lock(PageLock, Exclusive);
    Recheck in "block_page_mkwrite" "page->mapping, has the page been dropped?" => Op::PageLook
        => self.found(&outcome);
    GiveUp in "block_page_mkwrite" "unlock_page, -EFAULT" => Op::Unlock(PageLock, Exclusive)
        => (!self.locks()).then_some(Step::ReadSize);
    LeaveAgain in "ext4_page_mkwrite" "up_read(i_mmap_sem); faults again" if self.locks()
        => Op::Unlock(LockName::against_faults(self.kernel), Shared) => Step::ReadSize;
    LookAtSize in "block_page_mkwrite" "i_size_read" => Op::SizeRead => self.sized(outcome.size());
    Map(map: MapBlocks) if self.begun.looks_up() => self.begun.look_up() => self.begun.found(&map);
    Store in "ext4_page_mkwrite" "set_page_dirty, and the store" => Op::PageStore(self.begun.stored(), self.cut, 0);
    UnlockPage in "do_page_mkwrite" "its caller: unlock_page" => Op::Unlock(PageLock, Exclusive);
    DropMkwrite in "ext4_page_mkwrite" "up_read(i_mmap_sem)" if self.locks()
        => Op::Unlock(LockName::against_faults(self.kernel), Shared);
}

impl FilemapFault {
    fn locks(&self) -> bool {
        self.kernel.has(Fix::FaultLock)
    }

    /// From 730633f0b7f9 on the lock is taken only to bring a page in.
    fn only_to_read(&self) -> bool {
        self.kernel.has(Fix::ReadLock)
    }

    fn first(&self, size: Size) -> Option<Step> {
        if size == Size::default() {
            return Some(Step::Done);
        }
        (self.locks() && !self.only_to_read()).then_some(Step::TakeFault)
    }

    fn looked(&self, there: bool) -> Option<Step> {
        if there { Some(Step::DropFault) } else { self.holds.then_some(Step::ReadPage) }
    }

    /// Only what lies below i_size is the file's.
    fn below(&self, size: Size) -> Option<Range> {
        let len = self.range.end().min(size.up()).checked_sub(self.range.start)?;
        (len > 0).then_some(Range { len, ..self.range })
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        match self.below(size) {
            Some(range) => {
                self.range = range;
                self.cut.back = Size::blocks(range.end()) > size;
                self.begun.cut(range.end());
            }
            None if size == Size::default() => return Some(Step::GiveUp),
            None => return Some(Step::UnlockPage),
        }
        None
    }

    /// The page of the fault, unless that has left the cache.
    fn found(&mut self, outcome: &Outcome) -> Option<Step> {
        self.begun = WriteBegin::new(self.range, Ends::default(), outcome.buffers());
        uptodate(outcome).then_some(Step::LookAtSize)
    }
}

/// Whether there is a page, and all of it is up to date.
fn uptodate(outcome: &Outcome) -> bool {
    let page = outcome.buffers();
    !page.is_empty() && page.iter().all(|buffer| buffer.uptodate)
}
