//! `jbd2_journal_commit_transaction`: one commit of the running transaction.

use crate::op::{Op, Outcome};
use crate::task::{Place, Task};

/// A commit: holds new handles off, waits for the open ones, lets go.
///
/// | step       | kernel (v3.6)                                              | holds after |
/// |------------|------------------------------------------------------------|-------------|
/// | Lock       | jbd2_journal_commit_transaction: t_state = T_LOCKED        | transaction |
/// | WaitQuiet  | jbd2_journal_commit_transaction: until t_updates == 0      | transaction |
/// | Unlock     | jbd2_journal_commit_transaction: j_running_transaction = 0 |             |
///
/// # Modelled
/// One thread (`kjournald2`) does all commits, one after the other: the lock waits for the commit before it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Commit {
    step: u8,
}

impl Task for Commit {
    fn next(&self) -> Option<Op> {
        match self.step {
            0 => Some(Op::CommitLock),
            1 => Some(Op::CommitWait),
            2 => Some(Op::CommitDone),
            _ => None,
        }
    }

    fn resume(&mut self, _: Outcome) {
        self.step += 1;
    }

    fn place(&self) -> Place {
        const STEPS: [&str; 4] = ["Lock", "WaitQuiet", "Unlock", "Done"];
        Place { step: STEPS[usize::from(self.step)], kernel: "jbd2_journal_commit_transaction" }
    }
}
