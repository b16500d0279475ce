//! What a thread may wait for.

use diolock::op::{LockName, Mode};

/// What a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// A lock.
    Lock(LockName, Mode),
    /// A lock, if it is free.
    Try(LockName, Mode),
    /// i_dio_count, to become 0.
    Drain,
}

impl Wait {
    /// `i_rwsem W`, `i_dio_count`.
    pub fn what(self) -> String {
        match self {
            Wait::Lock(lock, mode) | Wait::Try(lock, mode) => lock.in_mode(mode),
            Wait::Drain => "i_dio_count".to_owned(),
        }
    }
}
