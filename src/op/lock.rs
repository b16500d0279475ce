//! The names of what serialises: locks, the modes they are held in, their ranks, and wait queues.

use crate::kernel::{Kernel, MAX_PAGES, PageNo, Version};
use serde::{Deserialize, Serialize};

macro_rules! locks {
    (
        $($(#[$doc:meta])+ $lock:ident = $name:literal;)+
        => PageLock =>
        $($(#[$late_doc:meta])+ $late:ident = $late_name:literal;)+
    ) => {
        /// The locks of one inode.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub enum LockName {
            $($(#[$doc])+ $lock,)+
            /// `PG_locked` of a cached page, and `PG_writeback`: who wants the page waits for both here, as on a
            /// device that needs stable pages.
            PageLock(PageNo),
            $($(#[$late_doc])+ $late,)+
        }

        enum Place { $($lock,)+ Page, $($late,)+ }

        impl LockName {
            /// The kernel's spelling, and of a page behind the first its number.
            pub fn name(self) -> &'static str {
                match self {
                    $(LockName::$lock => $name,)+
                    LockName::PageLock(page) => PAGES[usize::from(page)],
                    $(LockName::$late => $late_name,)+
                }
            }

            /// Its place among the kinds of locks.
            pub fn kind(self) -> usize {
                match self {
                    $(LockName::$lock => Place::$lock as usize,)+
                    LockName::PageLock(_) => Place::Page as usize,
                    $(LockName::$late => Place::$late as usize,)+
                }
            }

            /// Its place where each lock has one: those of pages behind the first come last.
            pub fn index(self) -> usize {
                match self {
                    LockName::PageLock(page @ 1..) => LockName::KINDS - 1 + usize::from(page),
                    lock => lock.kind(),
                }
            }

            /// Kinds of locks: all those of pages are one.
            pub const KINDS: usize = [$($name),+, $($late_name),+].len() + 1;

            /// Every lock, in rank order but for the last.
            pub const ALL: [LockName; LockName::KINDS - 1 + MAX_PAGES as usize] = {
                let mut all = [LockName::PageLock(0); LockName::KINDS - 1 + MAX_PAGES as usize];
                let mut page = 0;
                while page < MAX_PAGES {
                    all[Place::Page as usize + page as usize] = LockName::PageLock(page);
                    page += 1;
                }
                $(all[Place::$lock as usize] = LockName::$lock;)+
                $(all[Place::$late as usize + MAX_PAGES as usize - 1] = LockName::$late;)+
                all
            };
        }
    };
}

/// What pages are called.
const PAGES: [&str; MAX_PAGES as usize] =
    ["page", "page 1", "page 2", "page 3", "page 4", "page 5", "page 6", "page 7"];

locks! {
    /// `I_SYNC` of `inode->i_state`, which the flusher sets unless the inode is being freed (`I_FREEING`).
    ISync = "I_SYNC";
    /// `ext4_aio_mutex[hash]`: unaligned asynchronous writes.
    AioMutex = "ext4_aio_mutex";
    /// `inode->i_mutex`.
    IMutex = "i_mutex";
    /// `inode->i_rwsem`, which took the place of `i_mutex`; `inode_lock` writes, `inode_lock_shared`
    /// reads.
    IRwsem = "i_rwsem";
    /// `mm->mmap_sem` of the one process whose threads the tasks are, a rwsem.
    MmapSem = "mmap_sem";
    /// `EXT4_I(inode)->i_mmap_sem`: page faults against whatever removes blocks.
    IMmapSem = "i_mmap_sem";
    /// `mapping->invalidate_lock`, which took the place of `i_mmap_sem`.
    InvalidateLock = "invalidate_lock";
    => PageLock =>
    /// `EXT4_I(inode)->i_data_sem`, a rwsem.
    IDataSem = "i_data_sem";
    /// `EXT4_I(inode)->i_completed_io_lock`, an irq-safe spinlock.
    CompletedIoLock = "i_completed_io_lock";
    /// The one thread of the workqueue `ext4-dio-unwritten`, which all inodes share: held by the item
    /// that runs.
    DioUnwrittenWq = "ext4-dio-unwritten";
}

/// How a lock is held. Mutexes and spinlocks know only `Exclusive`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Mode {
    /// With other readers.
    Shared,
    /// Alone.
    Exclusive,
}

impl LockName {
    /// Its name and how it is held or wanted: `i_mutex`, `i_data_sem R`.
    pub fn in_mode(self, mode: Mode) -> String {
        let how = match (self.is_rwsem(), mode) {
            (true, Mode::Shared) => " R",
            (true, Mode::Exclusive) => " W",
            (false, _) => "",
        };
        format!("{}{how}", self.name())
    }

    /// Whether it is a rwsem: only there does a queued writer hold off readers.
    pub fn is_rwsem(self) -> bool {
        matches!(
            self,
            LockName::IRwsem
                | LockName::MmapSem
                | LockName::IMmapSem
                | LockName::InvalidateLock
                | LockName::IDataSem
        )
    }

    /// Whether it is the one that serialises writes and truncates: `i_mutex`, `i_rwsem` from v4.7.
    pub fn is_inode_lock(self) -> bool {
        matches!(self, LockName::IMutex | LockName::IRwsem)
    }

    /// The lock that serialises writes and truncates on that kernel.
    pub fn of_inode(kernel: Kernel) -> LockName {
        if kernel.version >= Version::V4_10 { LockName::IRwsem } else { LockName::IMutex }
    }

    /// The lock that keeps page faults out while blocks go, on that kernel.
    pub fn against_faults(kernel: Kernel) -> LockName {
        if kernel.version >= Version::V6_1 { LockName::InvalidateLock } else { LockName::IMmapSem }
    }

    /// Its place in the lock order of v3.5 to v3.7, outermost first; a lock may be waited for only
    /// while every lock held has a smaller rank. Ranks 30 ([`JOURNAL_RANK`]) is a journal handle.
    ///
    /// # Kernel
    /// Not written down before e74031fd7ed0 (v4.5); read off the code and messages of v3.6/v3.7. `mmap_sem` comes
    /// before `i_data_sem` in the messages of 7fb5409df092 and fab3a549e204; `i_mmap_sem`, `invalidate_lock` and
    /// the page lock (under a transaction, above `i_data_sem`) stand as in the comment of fs/ext4/super.c (v4.10,
    /// v6.12). Of pages whoever holds one waits for those behind it only: writeback alone holds several
    /// (`write_cache_pages_da`, v3.6, v3.7.2; `mpage_prepare_extent_to_map`, v3.11, v4.10.17, v6.12).
    pub fn rank(self) -> u8 {
        match self {
            LockName::ISync => 5,
            LockName::AioMutex => 10,
            // What an item waits for, all items behind it wait for.
            LockName::DioUnwrittenWq => 15,
            LockName::IMutex | LockName::IRwsem => 20,
            LockName::MmapSem => 22,
            LockName::IMmapSem | LockName::InvalidateLock => 25,
            LockName::PageLock(page) => 31 + page,
            LockName::IDataSem => 40,
            LockName::CompletedIoLock => 50,
        }
    }
}

/// Rank of the closed gate: below `i_mutex`, above `i_mmap_sem` (e74031fd7ed0, read in v4.10).
pub const GATE_RANK: u8 = 21;

/// Rank of an open journal handle: below `i_mutex`, above `i_data_sem`.
pub const JOURNAL_RANK: u8 = 30;

/// The queue that the waiters of a counter sleep on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum WaitQueue {
    /// `bit_waitqueue(&inode->i_state, __I_DIO_WAKEUP)`, of `i_dio_count`. Its waker looks whether
    /// anybody waits *without* the queue's lock (`wake_up_bit`: `waitqueue_active`).
    Dio,
    /// `ext4_ioend_wq`, of `i_aiodio_unwritten`. Its waker takes the queue's lock always
    /// (`wake_up_all`).
    Unwritten,
}

impl WaitQueue {
    /// Both.
    pub const ALL: [WaitQueue; 2] = [WaitQueue::Dio, WaitQueue::Unwritten];

    /// The counter that its waiters wait for, in the kernel's spelling.
    pub fn counter(self) -> &'static str {
        match self {
            WaitQueue::Dio => "i_dio_count",
            WaitQueue::Unwritten => "i_unwritten",
        }
    }
}
