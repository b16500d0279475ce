//! What a thread is doing.

use super::before_fallocate::BeforeFallocate;
use super::event::What;
use super::frame::Frame;
use super::loose::Loose;
use super::reject::Reason;
use super::value::Iocb;
use diolock::op::{LockName, Mode};

/// What a thread is doing.
#[derive(Debug)]
pub(super) enum Doing {
    /// It has asked for i_rwsem alone, and it has not shown yet for which call.
    Opening(Vec<What>),
    /// A call that the model has a task for.
    Call(Box<Frame>),
    /// fallocate that has not taken its lock.
    BeforeFallocate(Box<BeforeFallocate>),
    /// A call that the model has no task for.
    Loose(Loose),
    /// `dio_complete_work`: of which I/O comes next.
    Work,
    /// The completion of an asynchronous read.
    ReadEnd(Iocb),
    /// A call that began before the recording did.
    Joined,
}

pub(super) type Taken = Result<(), (Reason, Vec<String>)>;

pub(super) fn wrong(reason: Reason) -> (Reason, Vec<String>) {
    (reason, Vec::new())
}

/// Whether an event is the first of a call.
pub(super) fn begins_a_call(what: &What, truncates: bool) -> bool {
    match what {
        What::WriteIter { .. } | What::ReadIter { .. } | What::Fallocate { .. } => true,
        // A truncate, a page fault.
        What::Req { l: LockName::IRwsem, m: Mode::Exclusive }
        | What::Req { l: LockName::InvalidateLock, m: Mode::Shared } => truncates,
        What::DioCompleteWork {} => !truncates,
        _ => false,
    }
}
