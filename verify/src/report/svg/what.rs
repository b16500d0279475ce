//! What a column is about, and the column of what somebody waits for.

use diolock::inode::Blocked;
use diolock::op::{LockName, WaitQueue};

/// What a column is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    Lock(LockName),
    Handle,
    Unwritten,
    DioCount,
}

impl What {
    /// The words above the column.
    pub fn heading(self) -> &'static str {
        match self {
            What::Lock(lock) => lock.name(),
            What::Handle => "journal handle",
            What::Unwritten => "unwritten I/O",
            What::DioCount => "i_dio_count",
        }
    }

    pub(super) fn numbers(self) -> bool {
        self == What::DioCount
    }
}

/// The column where somebody waits.
pub(crate) fn what(blocked: &Blocked) -> What {
    match blocked {
        Blocked::Lock { lock, .. } => What::Lock(*lock),
        Blocked::DioCount(_) | Blocked::Asleep { queue: WaitQueue::Dio, .. } => What::DioCount,
        Blocked::Unwritten(_) | Blocked::Asleep { queue: WaitQueue::Unwritten, .. } => {
            What::Unwritten
        }
        Blocked::Ioend(_) => What::Unwritten,
        Blocked::TransactionLocked | Blocked::CommitRunning | Blocked::OpenHandles(_) => {
            What::Handle
        }
    }
}
