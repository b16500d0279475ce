//! What a step asks of all others, and of each of them by itself.

use diolock::inode::Share;
use diolock::op::{LockName, Mode, Owner};

/// Without which a step cannot be taken, or not come out like this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// Nobody holds the lock in a mode that excludes this one.
    Free(LockName, Mode),
    /// Nobody has a reference to i_dio_count.
    NoDio,
    /// Nobody has a part of i_unwritten.
    NoUnwritten,
    /// Nobody has a part of i_ioend_count.
    NoIoEnd(Owner),
    /// Nobody has a journal handle.
    NoHandle,
    /// Nobody has an io_end on the list.
    NothingListed,
}

impl Needs {
    /// Whether this one is not in the way.
    pub(super) fn allowed_by(self, other: &Share) -> bool {
        match self {
            Needs::Nothing => true,
            Needs::Free(lock, mode) => !other.excludes(lock, mode),
            Needs::NoDio => other.dio == 0,
            Needs::NoUnwritten => other.unwritten == 0,
            Needs::NoIoEnd(whose) => other.io_ends[whose as usize] == 0,
            Needs::NoHandle => other.handles == 0,
            Needs::NothingListed => other.listed.is_empty(),
        }
    }
}
