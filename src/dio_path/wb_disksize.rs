//! Writeback raising i_disksize.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Blocks, Handle, Op, Outcome};
use crate::task::{Place, Task};

/// The end of `mpage_map_and_submit_extent`: delayed blocks were allocated up to `to`.
///
/// | step          | kernel (v6.1)                                          | holds after            |
/// |---------------|--------------------------------------------------------|------------------------|
/// | StartHandle   | ext4_do_writepages: ext4_journal_start                 | handle                 |
/// | LockPage      | mpage_prepare_extent_to_map: lock_page                 | handle, page           |
/// | LookForPage   | mpage_prepare_extent_to_map: page->mapping             | handle, page           |
/// | LookFirst     | mpage_map_and_submit_extent: i_disksize (from v4.10)   | handle, page           |
/// | TakeDataSem   | mpage_map_and_submit_extent: down_write(i_data_sem)    | + i_data_sem W         |
/// | ReadSize      | mpage_map_and_submit_extent: i_size_read               | + i_data_sem W         |
/// | ReadDisksize  | mpage_map_and_submit_extent: i_disksize                | + i_data_sem W         |
/// | CheckDisksize | ext4_update_i_disksize: i_disksize (to v3.11)          | + i_data_sem W         |
/// | WriteDisksize | mpage_map_and_submit_extent: i_disksize                | + i_data_sem W         |
/// | DropDataSem   | mpage_map_and_submit_extent: up_write(i_data_sem)      | handle, page           |
/// | UnlockPage    | ext4_finish_bio: end_page_writeback                    | handle                 |
/// | StopHandle    | ext4_do_writepages: ext4_journal_stop                  |                        |
///
/// # Kernel
/// fs/ext4/inode.c: `mpage_da_map_and_submit` (v3.6, v3.7.2), `mpage_map_and_submit_extent` (v3.11, v4.10.17,
/// v6.12).
///
/// # Modelled
/// i_disksize goes to `to` or i_size, whichever is smaller, and never down (90e775b71ac4). No
/// `i_rwsem`. Before that commit both looks come first, without the lock, and
/// `ext4_update_i_disksize` repeats only the one at i_disksize under it. The page is locked, or under
/// writeback, which is one lock here: whoever truncates it waits. Alone, it is the tail of a flusher whose
/// pages are not looked at, or ([`WbDisksize::of_page`]) of one that writes the cached page back and finds
/// nothing to do once that is gone.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WbDisksize {
    to: Blocks,
    kernel: Kernel,
    in_handle: bool,
    of_page: bool,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    StartHandle,
    LockPage,
    LookForPage,
    LookFirst,
    TakeDataSem,
    ReadSize,
    ReadDisksize,
    CheckDisksize,
    WriteDisksize,
    DropDataSem,
    UnlockPage,
    StopHandle,
    Done,
}

impl WbDisksize {
    /// Writeback that reaches up to block `to`.
    pub fn new(to: Blocks, kernel: Kernel) -> WbDisksize {
        WbDisksize { to, kernel, in_handle: false, of_page: false, step: Step::StartHandle }
    }

    /// It writes the cached page back.
    #[must_use]
    pub fn of_page(self, of_page: bool) -> WbDisksize {
        WbDisksize { of_page, ..self }
    }

    /// The same inside a writeback that has a handle and the page.
    pub(super) fn in_handle(to: Blocks, kernel: Kernel) -> WbDisksize {
        let task = WbDisksize { in_handle: true, ..WbDisksize::new(to, kernel) };
        WbDisksize { step: task.first(), ..task }
    }

    fn inside(&self) -> bool {
        self.kernel.has(Fix::SizesUnderDataSem)
    }

    fn first(&self) -> Step {
        if self.inside() { Step::LookFirst } else { Step::ReadSize }
    }

    fn last(&self) -> Step {
        match (self.in_handle, self.of_page) {
            (true, _) => Step::Done,
            (false, true) => Step::UnlockPage,
            (false, false) => Step::StopHandle,
        }
    }
}

impl Task for WbDisksize {
    fn next(&self) -> Option<Op> {
        let (page, sem, excl) = (LockName::PageLock, LockName::IDataSem, Mode::Exclusive);
        Some(match self.step {
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::LockPage => Op::Lock(page, excl),
            Step::LookForPage => Op::PageLook,
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::ReadSize => Op::SizeRead,
            Step::LookFirst | Step::ReadDisksize | Step::CheckDisksize => Op::DisksizeRead,
            Step::WriteDisksize => Op::DisksizeWrite(self.to),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::UnlockPage => Op::Unlock(page, excl),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let inside = self.inside();
        let below = matches!(outcome, Outcome::Value(disksize) if disksize < self.to);
        self.step = match self.step {
            Step::StartHandle if self.of_page => Step::LockPage,
            Step::LockPage => Step::LookForPage,
            Step::LookForPage if outcome == Outcome::Flag(false) => Step::UnlockPage,
            Step::StartHandle | Step::LookForPage => self.first(),
            Step::LookFirst if below => Step::TakeDataSem,
            Step::LookFirst => self.last(),
            Step::TakeDataSem if inside => Step::ReadSize,
            Step::TakeDataSem => Step::CheckDisksize,
            Step::ReadSize => {
                if let Outcome::Value(size) = outcome {
                    self.to = self.to.min(size);
                }
                Step::ReadDisksize
            }
            Step::ReadDisksize if !inside && below => Step::TakeDataSem,
            Step::ReadDisksize if !inside => self.last(),
            Step::ReadDisksize | Step::CheckDisksize if below => Step::WriteDisksize,
            Step::ReadDisksize | Step::CheckDisksize => Step::DropDataSem,
            Step::WriteDisksize => Step::DropDataSem,
            Step::DropDataSem => self.last(),
            Step::UnlockPage => Step::StopHandle,
            Step::StopHandle | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Step::StartHandle => "StartHandle",
            Step::LockPage => "LockPage",
            Step::LookForPage => "LookForPage",
            Step::LookFirst => "LookFirst",
            Step::TakeDataSem => "TakeDataSem",
            Step::ReadSize => "ReadSize",
            Step::ReadDisksize => "ReadDisksize",
            Step::CheckDisksize => "CheckDisksize",
            Step::WriteDisksize => "WriteDisksize",
            Step::DropDataSem => "DropDataSem",
            Step::UnlockPage => "UnlockPage",
            Step::StopHandle => "StopHandle",
            Step::Done => "Done",
        };
        Place { step, kernel: "mpage_map_and_submit_extent" }
    }
}
