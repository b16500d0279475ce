//! What a step asks of all others, and of each of them by itself.

use diolock::inode::Share;
use diolock::op::{LockName, Mode, Op, Outcome, Owner, WaitQueue};

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

/// Why a step is not followed, if it is not.
pub(super) fn not_followed(op: &Op) -> Option<&'static str> {
    Some(match op {
        Op::WaitJoin(_)
        | Op::WaitLook(_)
        | Op::WaitWake(_)
        | Op::WaitSleep(_)
        | Op::WaitLeave(_)
        | Op::CountDecAndTest(..) => "a wait queue is taken apart",
        Op::Queue(_) => "who waits in which order is not followed",
        _ => return None,
    })
}

/// What a step asks of the others, with what it is told where that is not what it would be told alone. Whether a
/// lock can be had without waiting, whether a counter is 0, and whether a page can be taken that somebody may keep, depends on
/// others of whom nothing is known: a step may always be told that it is not so.
pub(super) fn asks(own: &Share, op: &Op) -> Vec<(Needs, Option<Outcome>)> {
    let one = |needs| vec![(needs, None)];
    match *op {
        Op::Lock(lock, mode) => one(Needs::Free(lock, mode)),
        Op::LockByRequeue(lock) => one(Needs::Free(lock, Mode::Exclusive)),
        Op::TryLock(lock, mode) => {
            vec![(Needs::Free(lock, mode), None), (Needs::Nothing, Some(Outcome::Flag(false)))]
        }
        // Somebody of whom nothing is known may keep it.
        Op::PageRemove(_) => {
            vec![(Needs::Nothing, None), (Needs::Nothing, Some(Outcome::Flag(false)))]
        }
        Op::DioWait => one(Needs::NoDio),
        Op::UnwrittenWait => one(Needs::NoUnwritten),
        Op::IoendWait(whose) => one(Needs::NoIoEnd(whose)),
        Op::CommitWait => one(Needs::NoHandle),
        Op::CountRead(queue) => {
            let none = if queue == WaitQueue::Dio { Needs::NoDio } else { Needs::NoUnwritten };
            vec![(none, Some(Outcome::Value(0))), (Needs::Nothing, Some(Outcome::Value(1)))]
        }
        // The list of all: one's own first, if there is one; another's are looked for elsewhere.
        Op::ListTake(None) if own.listed.is_empty() => one(Needs::NothingListed),
        _ => one(Needs::Nothing),
    }
}
