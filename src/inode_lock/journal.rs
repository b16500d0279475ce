//! Journal handles, and the commit that waits for them and holds new ones off.

/// The running transaction, as far as locking goes.
///
/// | value            | means                                                      |
/// |------------------|------------------------------------------------------------|
/// | `updates`        | handles open (`t_updates`)                                 |
/// | `locked = false` | a handle may start                                         |
/// | `locked = true`  | `T_LOCKED`: commit has begun, new handles wait for its end |
///
/// # Priority policy
/// Once locked, no handle starts until the commit is done, whoever waits; the commit waits for every
/// open handle. One thread commits (`kjournald2`): a second commit begins when the first is done.
///
/// # Kernel
/// `start_this_handle`, `jbd2_journal_stop`, `jbd2_journal_commit_transaction` (fs/jbd2, v3.6).
///
/// # Left out
/// Credits, checkpoints, log space, ordered data.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Journal {
    updates: u8,
    locked: bool,
}

impl Journal {
    /// Whether a handle could start now.
    pub fn can_start(&self) -> bool {
        !self.locked
    }
    /// Opens a handle.
    pub fn start(&mut self) {
        self.updates += 1;
    }
    /// Closes one.
    pub fn stop(&mut self) {
        self.updates = self.updates.saturating_sub(1);
    }
    /// Holds new handles off.
    pub fn lock(&mut self) {
        self.locked = true;
    }
    /// Whether every handle is closed.
    pub fn quiet(&self) -> bool {
        self.updates == 0
    }
    /// Ends the commit.
    pub fn unlock(&mut self) {
        self.locked = false;
    }
    /// Open handles.
    pub fn updates(&self) -> u8 {
        self.updates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_waits_for_open_handles_and_holds_new_ones_off() {
        let mut journal = Journal::default();
        journal.start();
        journal.lock();
        assert!(!journal.can_start() && !journal.quiet());
        journal.stop();
        assert!(journal.quiet() && !journal.can_start());
        journal.unlock();
        assert!(journal.can_start());
    }
}
