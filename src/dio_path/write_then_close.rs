//! A thread that submits an asynchronous direct write and closes the file at once.

use super::Call;
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// `io_submit` of one direct write, then the last `close` of a file that has no name left.
///
/// | step  | kernel                                            | holds after |
/// |-------|---------------------------------------------------|-------------|
/// | Write | io_submit: the write of that kernel               |             |
/// | Close | filp_close: fput                                  |             |
///
/// # Modelled
/// The request holds the file until `aio_complete`; if that comes after the close, it lets go of
/// the last reference, and from then on the inode may be freed. Nobody frees it here: rule R10
/// judges who still touches it.
///
/// # Left out
/// Eviction, which runs from a work item when the reference goes in an interrupt; other
/// descriptors; `io_getevents`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WriteThenClose {
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Write(Box<Call>),
    Close,
    Done,
}

impl WriteThenClose {
    /// Performs `write`, then closes.
    pub fn new(write: Call) -> WriteThenClose {
        WriteThenClose { step: Step::Write(Box::new(write)) }
    }
}

impl Task for WriteThenClose {
    fn next(&self) -> Option<Op> {
        match &self.step {
            Step::Write(write) => write.next(),
            Step::Close => Some(Op::Close),
            Step::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::Write(write) => {
                write.resume(outcome);
                if write.next().is_some() {
                    return;
                }
                Step::Close
            }
            Step::Close | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        match &self.step {
            Step::Write(write) => write.place(),
            Step::Close => Place { step: "Close", kernel: "filp_close" },
            Step::Done => Place { step: "Done", kernel: "filp_close" },
        }
    }
}
