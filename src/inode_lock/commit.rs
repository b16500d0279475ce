//! `jbd2_journal_commit_transaction`: one commit of the running transaction.

use crate::op::Op;
use crate::task::steps;

steps! {
    /// A commit: holds new handles off, waits for the open ones, lets go.
    ///
    /// # Modelled
    /// One thread (`kjournald2`) does all commits, one after the other: the lock waits for the commit before it.
    pub struct Commit {}
    in "jbd2_journal_commit_transaction" => Step / At |self, outcome|;

    Lock "t_state = T_LOCKED" => Op::CommitLock;
    WaitQuiet "until t_updates == 0" => Op::CommitWait;
    Unlock "j_running_transaction = 0" => Op::CommitDone;
}

impl Default for Commit {
    fn default() -> Commit {
        Commit { step: At::Done }.begin()
    }
}
