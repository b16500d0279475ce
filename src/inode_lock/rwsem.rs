//! A sleeping lock: mutex, rwsem or spinlock, by the modes it is taken in.

use crate::op::{Mode, TaskId, Tasks};
use smallvec::SmallVec;

/// A lock's state.
///
/// | value                        | means                                  |
/// |------------------------------|----------------------------------------|
/// | `holders` empty              | free                                   |
/// | `holders = [(t, Exclusive)]` | written (or a mutex held) by `t`       |
/// | `holders = [(t, Shared), …]` | read by each `t`; one entry per take   |
/// | `queue`                      | writers that wait, first come first    |
///
/// # Priority policy
/// FIFO where it can be told from outside: a reader does not pass a writer that queued before it,
/// writers are served in order. Readers need no place in the queue: they are let in together, and
/// a reader that asked before the writer queued is the same to everybody as one that had not yet
/// asked. Whoever takes the lock without [`RwSem::queue`] barges: Linux' rwsem lets a waiter's turn be
/// stolen, so every order of compatible takes is possible.
///
/// # Kernel
/// `down_read`, `down_write`, `down_*_trylock`, `downgrade_write` (lib/rwsem.c, v3.6).
#[derive(PartialEq, Eq, Hash, Debug, Default)]
pub struct RwSem {
    holders: SmallVec<[(TaskId, Mode); 4]>,
    queue: Tasks,
}

/// As a derived one, but that it copies the lists as a whole: an inode has ten of them, copied with each step.
impl Clone for RwSem {
    fn clone(&self) -> RwSem {
        let RwSem { holders, queue } = self;
        RwSem { holders: SmallVec::from_slice(holders), queue: SmallVec::from_slice(queue) }
    }
}

impl RwSem {
    /// One that nobody holds or wants.
    pub const fn free() -> RwSem {
        RwSem { holders: SmallVec::new_const(), queue: Tasks::new_const() }
    }

    /// Whether `task` could take the lock now.
    pub fn can_take(&self, task: TaskId, mode: Mode) -> bool {
        match mode {
            Mode::Shared => {
                self.holders.iter().all(|h| h.1 == Mode::Shared) && self.queue.is_empty()
            }
            Mode::Exclusive => {
                self.holders.is_empty() && self.queue.first().is_none_or(|&first| first == task)
            }
        }
    }

    /// Takes the lock if that needs no waiting; the body of `down_*_trylock`.
    pub fn try_take(&mut self, task: TaskId, mode: Mode) -> bool {
        let free = self.can_take(task, mode);
        if free {
            self.queue.retain(|t| *t != task);
            self.holders.push((task, mode));
            self.holders.sort_unstable();
        }
        free
    }

    /// A writer takes its place in the queue.
    pub fn queue(&mut self, task: TaskId) {
        if !self.is_queued(task) {
            self.queue.push(task);
        }
    }

    /// Whether `task` has a place in the queue.
    pub fn is_queued(&self, task: TaskId) -> bool {
        self.queue.contains(&task)
    }

    /// Releases one take. A release by somebody who does not hold the lock changes nothing here:
    /// rule R3 reports it.
    pub fn release(&mut self, task: TaskId, mode: Mode) {
        if let Some(at) = self.holders.iter().position(|&h| h == (task, mode)) {
            self.holders.remove(at);
        }
    }

    /// Turns an exclusive hold into a shared one without a gap.
    pub fn downgrade(&mut self, task: TaskId) {
        if let Some(hold) = self.holders.iter_mut().find(|h| **h == (task, Mode::Exclusive)) {
            hold.1 = Mode::Shared;
        }
    }

    /// Who holds it, and how.
    pub fn holders(&self) -> &[(TaskId, Mode)] {
        &self.holders
    }

    /// Writers that wait, first come first.
    pub fn waiting(&self) -> &[TaskId] {
        &self.queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mode::{Exclusive, Shared};

    #[test]
    fn a_reader_queues_behind_a_waiting_writer() {
        let mut sem = RwSem::default();
        assert!(sem.try_take(0, Shared));
        sem.queue(1);
        assert!(!sem.can_take(2, Shared), "the writer came first");
        assert!(!sem.can_take(0, Shared), "not even its holder may read again");
        sem.release(0, Shared);
        assert!(sem.try_take(1, Exclusive));
        assert!(sem.waiting().is_empty());
        sem.release(1, Exclusive);
        assert!(sem.try_take(2, Shared));
    }

    #[test]
    fn writers_are_served_in_order() {
        let mut sem = RwSem::default();
        sem.queue(3);
        sem.queue(1);
        assert!(!sem.can_take(1, Exclusive));
        assert!(sem.try_take(3, Exclusive));
        assert!(!sem.try_take(1, Exclusive));
    }

    #[test]
    fn without_a_queue_readers_share_and_writers_exclude() {
        let mut sem = RwSem::default();
        assert!(sem.try_take(0, Shared) && sem.try_take(1, Shared));
        assert!(!sem.try_take(2, Exclusive));
        sem.release(0, Shared);
        sem.release(1, Shared);
        assert!(sem.try_take(2, Exclusive));
        assert!(!sem.try_take(0, Shared));
    }

    #[test]
    fn downgrade_lets_readers_in_without_a_gap() {
        let mut sem = RwSem::default();
        assert!(sem.try_take(0, Exclusive));
        sem.downgrade(0);
        assert_eq!(sem.holders(), [(0, Shared)]);
        assert!(sem.try_take(1, Shared));
        assert!(!sem.try_take(2, Exclusive));
    }

    #[test]
    fn a_stranger_cannot_release() {
        let mut sem = RwSem::default();
        assert!(sem.try_take(0, Exclusive));
        sem.release(1, Exclusive);
        assert_eq!(sem.holders(), [(0, Exclusive)]);
    }
}
