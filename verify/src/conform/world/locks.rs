//! Who holds which lock.

use super::shared::World;
use crate::conform::event::Thread;
use crate::conform::reject::Reason;
use crate::rule::RuleId;
use diolock::op::{LockName, Mode};

impl World {
    /// How a thread holds a lock.
    pub fn holds(&self, thread: Thread, lock: LockName) -> Option<Mode> {
        self.held.iter().find(|held| held.0 == lock && held.1 == thread).map(|held| held.2)
    }

    /// Who holds a lock.
    pub fn holders(&self, lock: LockName) -> impl Iterator<Item = Thread> {
        self.held.iter().filter(move |held| held.0 == lock).map(|held| held.1)
    }

    /// How many hold a lock shared.
    pub fn readers(&self, lock: LockName) -> u64 {
        self.held.iter().filter(|held| (held.0, held.2) == (lock, Mode::Shared)).count() as u64
    }

    /// Whether the thread holds any lock.
    pub fn holds_any(&self, thread: Thread) -> bool {
        self.held.iter().any(|held| held.1 == thread)
    }

    /// A thread asks for a lock, and will wait for it.
    ///
    /// # Errors
    /// If it holds one that comes after it (R2).
    pub fn waits_in_order(&self, thread: Thread, lock: LockName) -> Result<(), Reason> {
        let above =
            |held: &&(LockName, Thread, Mode)| held.1 == thread && held.0.rank() > lock.rank();
        match self.held.iter().find(above) {
            Some((above, ..)) => {
                let text = format!("{} is waited for while {} is held", lock.name(), above.name());
                Err(Reason::rule(RuleId::R2, text))
            }
            None => Ok(()),
        }
    }

    /// A thread holds a lock.
    ///
    /// # Errors
    /// If another one does, and either holds it alone.
    pub fn acquired(&mut self, thread: Thread, lock: LockName, mode: Mode) -> Result<(), Reason> {
        if self.holds(thread, lock).is_some() {
            let text = format!("it holds {} already", lock.name());
            return Err(Reason::rule(RuleId::R3, text));
        }
        let clash = self
            .held
            .iter()
            .find(|held| held.0 == lock && (mode == Mode::Exclusive || held.2 == Mode::Exclusive));
        if let Some(&(_, other, how)) = clash {
            let text = format!("{} is held by {{}}", lock.in_mode(how));
            return Err(Reason::of(text, vec![other]));
        }
        self.held.push((lock, thread, mode));
        if self.excerpt && !self.taken.contains(&(lock, mode)) {
            self.taken.push((lock, mode));
        }
        Ok(())
    }

    /// A thread is about to release a lock; `joined` if it may have taken it before the recording.
    ///
    /// # Errors
    /// If it does not hold it.
    pub fn released(
        &mut self,
        thread: Thread,
        lock: LockName,
        mode: Mode,
        joined: bool,
    ) -> Result<(), Reason> {
        let at = self.held.iter().position(|held| *held == (lock, thread, mode));
        if let Some(at) = at {
            self.held.swap_remove(at);
            return Ok(());
        }
        // Held since before the recording, so nobody can have taken it meanwhile.
        let clash = |taken: &&(LockName, Mode)| {
            taken.0 == lock && (mode == Mode::Exclusive || taken.1 == Mode::Exclusive)
        };
        if joined && self.taken.iter().find(clash).is_none() {
            return Ok(());
        }
        let text = format!("it does not hold {}", lock.in_mode(mode));
        Err(Reason::rule(RuleId::R3, text))
    }
}
