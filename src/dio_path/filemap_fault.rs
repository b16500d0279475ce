//! `ext4_filemap_fault` and `ext4_page_mkwrite`: a store through a shared mapping.

use super::read_page::ReadPage;
use super::setattr::mmap_lock;
use crate::extent_probe::{DataSemHeld, Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, LogicalBlock, MapFor, Op, Outcome, PhysicalBlock, Range};
use crate::task::{Place, Task};

/// A store to a page of the file that is not mapped into the process.
///
/// | step        | kernel (v4.10; * v6.1: only if the page is not there)          | holds after         |
/// |-------------|----------------------------------------------------------------|---------------------|
/// | ReadSize    | filemap_fault: i_size_read, SIGBUS if the page lies past it    |                     |
/// | TakeFault   | ext4_filemap_fault: down_read(i_mmap_sem) *                    | i_mmap_sem R        |
/// | Find        | filemap_fault: find_get_page                                   | i_mmap_sem R        |
/// | ReadPage    | filemap_fault: ->readpage, see ReadPage                        | i_mmap_sem R        |
/// | DropFault   | ext4_filemap_fault: up_read(i_mmap_sem)                        |                     |
/// | TakeMkwrite | ext4_page_mkwrite: down_read(i_mmap_sem), invalidate_lock *    | i_mmap_sem R        |
/// | LockPage    | block_page_mkwrite: lock_page                                  | i_mmap_sem R, page  |
/// | Recheck     | block_page_mkwrite: page->mapping, has the page been dropped?  | i_mmap_sem R, page  |
/// | LookAtSize  | block_page_mkwrite: i_size_read                                | i_mmap_sem R, page  |
/// | GiveUp      | block_page_mkwrite: unlock_page, -EFAULT                       | i_mmap_sem R        |
/// | LeaveAgain  | ext4_page_mkwrite: up_read(i_mmap_sem); faults again           |                     |
/// | Map         | ext4_da_get_block_prep, see MapBlocks                          | i_mmap_sem R, page  |
/// | Store       | set_page_dirty, and the store                                  | i_mmap_sem R, page  |
/// | UnlockPage  | do_page_mkwrite's caller: unlock_page                          | i_mmap_sem R        |
/// | DropMkwrite | ext4_page_mkwrite: up_read(i_mmap_sem)                         |                     |
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
/// is allocated by writeback, a written block is mapped here and not looked up again. The store happens under
/// the page's lock; in the kernel it comes after, through the page table entry, and a page that is dropped or
/// written back in between faults again.
///
/// # Left out
/// `mmap_sem`, sb_start_pagefault, the time update, read-ahead; the look at i_size at the end of
/// `filemap_fault`, which `block_page_mkwrite` repeats.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FilemapFault {
    kernel: Kernel,
    range: Range,
    buffers: Vec<(LogicalBlock, Option<PhysicalBlock>)>,
    step: Step,
    holds: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadSize,
    TakeFault,
    Find,
    ReadPage(ReadPage),
    DropFault,
    TakeMkwrite,
    LockPage,
    Recheck,
    LookAtSize,
    GiveUp,
    LeaveAgain,
    Map(MapBlocks),
    Store,
    UnlockPage,
    DropMkwrite,
    Done,
}

impl FilemapFault {
    /// Stores to each block of `range`.
    pub fn new(range: Range, kernel: Kernel) -> FilemapFault {
        FilemapFault { kernel, range, buffers: Vec::new(), step: Step::ReadSize, holds: false }
    }

    fn locks(&self) -> bool {
        self.kernel.has(Fix::FaultLock)
    }

    /// From 730633f0b7f9 on the lock is taken only to bring a page in.
    fn first(&self) -> Step {
        if self.locks() && !self.kernel.has(Fix::ReadLock) { Step::TakeFault } else { Step::Find }
    }

    fn mkwrite(&self) -> Step {
        if self.locks() { Step::TakeMkwrite } else { Step::LockPage }
    }

    /// Only what lies below i_size is the file's.
    fn below(&self, size: Blocks) -> Option<Range> {
        let len = self.range.end().min(size).checked_sub(self.range.start)?;
        (len > 0).then_some(Range { len, ..self.range })
    }

    fn sized(&mut self, outcome: &Outcome) -> Step {
        let size = if let Outcome::Value(size) = *outcome { size } else { 0 };
        match self.below(size) {
            Some(range) => {
                self.range = range;
                Step::Map(MapBlocks::look_up(range, MapFor::Page, DataSemHeld::No))
            }
            None if size == 0 => Step::GiveUp,
            None => Step::UnlockPage,
        }
    }

    fn found(&self) -> Step {
        if self.holds { Step::DropFault } else { self.mkwrite() }
    }
}

impl Task for FilemapFault {
    fn next(&self) -> Option<Op> {
        let (mmap, page) = (mmap_lock(self.kernel), LockName::PageLock);
        Some(match &self.step {
            Step::ReadSize | Step::LookAtSize => Op::SizeRead,
            Step::TakeFault | Step::TakeMkwrite => Op::Lock(mmap, Mode::Shared),
            Step::Find | Step::Recheck => Op::PageLook,
            Step::ReadPage(read) => return read.next(),
            Step::DropFault | Step::LeaveAgain | Step::DropMkwrite => {
                Op::Unlock(mmap, Mode::Shared)
            }
            Step::LockPage => Op::Lock(page, Mode::Exclusive),
            Step::GiveUp | Step::UnlockPage => Op::Unlock(page, Mode::Exclusive),
            Step::Map(map) => return map.next(),
            Step::Store => Op::PageStore(self.buffers.clone()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let (locks, holds) = (self.locks(), self.holds);
        let there = outcome == Outcome::Flag(true);
        self.step = match &mut self.step {
            Step::ReadSize if outcome == Outcome::Value(0) => Step::Done,
            Step::ReadSize => self.first(),
            Step::TakeFault if self.kernel.has(Fix::ReadLock) => {
                self.holds = true;
                Step::ReadPage(ReadPage::new())
            }
            Step::TakeFault => {
                self.holds = true;
                Step::Find
            }
            Step::Find if there => self.found(),
            Step::Find if locks && !holds => Step::TakeFault,
            Step::Find => Step::ReadPage(ReadPage::new()),
            Step::ReadPage(read) => {
                read.resume(outcome);
                if read.next().is_some() {
                    return;
                }
                self.found()
            }
            Step::DropFault => {
                self.holds = false;
                self.mkwrite()
            }
            Step::TakeMkwrite => Step::LockPage,
            Step::LockPage => Step::Recheck,
            Step::Recheck if there => Step::LookAtSize,
            Step::LookAtSize => self.sized(&outcome),
            Step::Recheck => Step::GiveUp,
            Step::GiveUp if locks => Step::LeaveAgain,
            Step::GiveUp | Step::LeaveAgain => Step::ReadSize,
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().iter();
                let mapped = found.map(|m| m.block.filter(|_| m.extent == Extent::Written));
                self.buffers = self.range.blocks().zip(mapped).collect();
                Step::Store
            }
            Step::Store => Step::UnlockPage,
            Step::UnlockPage if locks => Step::DropMkwrite,
            Step::UnlockPage | Step::DropMkwrite | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::ReadPage(read) => return read.place(),
            Step::Map(map) => return map.place(),
            Step::ReadSize => ("ReadSize", "filemap_fault"),
            Step::LookAtSize => ("LookAtSize", "block_page_mkwrite"),
            Step::TakeFault => ("TakeFault", "ext4_filemap_fault"),
            Step::Find => ("Find", "filemap_fault"),
            Step::DropFault => ("DropFault", "ext4_filemap_fault"),
            Step::TakeMkwrite => ("TakeMkwrite", "ext4_page_mkwrite"),
            Step::LockPage => ("LockPage", "block_page_mkwrite"),
            Step::Recheck => ("Recheck", "block_page_mkwrite"),
            Step::GiveUp => ("GiveUp", "block_page_mkwrite"),
            Step::LeaveAgain => ("LeaveAgain", "ext4_page_mkwrite"),
            Step::Store => ("Store", "ext4_page_mkwrite"),
            Step::UnlockPage => ("UnlockPage", "do_page_mkwrite"),
            Step::DropMkwrite => ("DropMkwrite", "ext4_page_mkwrite"),
            Step::Done => ("Done", "ext4_filemap_fault"),
        };
        Place { step, kernel }
    }
}
