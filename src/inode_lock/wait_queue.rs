//! Wait queues taken apart: joining, looking, waking, sleeping, each a step of its own.

use crate::op::{TaskId, Tasks};

/// Who sleeps, and who has been woken.
///
/// | value     | means                                                                        |
/// |-----------|------------------------------------------------------------------------------|
/// | `waiting` | on the queue: joined and neither woken nor gone                              |
/// | `woken`   | taken off the queue by a waker since they joined: `schedule` returns at once |
///
/// # Priority policy
/// A waker wakes all.
///
/// # Kernel
/// `prepare_to_wait`, `finish_wait`, `autoremove_wake_function` (kernel/wait.c, v3.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Waiters {
    waiting: Tasks,
    woken: Tasks,
}

impl Waiters {
    /// `prepare_to_wait`: joins, and is not to be run until woken.
    pub fn join(&mut self, task: TaskId) {
        self.leave(task);
        self.waiting.push(task);
        self.waiting.sort_unstable();
    }

    /// `finish_wait`.
    pub fn leave(&mut self, task: TaskId) {
        self.waiting.retain(|t| *t != task);
        self.woken.retain(|t| *t != task);
    }

    /// `__wake_up`.
    pub fn wake(&mut self) {
        self.woken.append(&mut self.waiting);
        self.woken.sort_unstable();
    }

    /// `waitqueue_active`.
    pub fn active(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether `schedule` would not return now.
    pub fn asleep(&self, task: TaskId) -> bool {
        self.waiting.contains(&task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waker_takes_everybody_off_and_a_sleeper_returns_once_woken() {
        let mut queue = Waiters::default();
        queue.join(1);
        queue.join(0);
        assert!(queue.active() && queue.asleep(1));
        queue.wake();
        assert!(!queue.active() && !queue.asleep(1));
        queue.join(1);
        assert!(queue.asleep(1), "it went to sleep again");
        queue.leave(1);
        queue.leave(0);
        assert_eq!(queue, Waiters::default());
    }
}
