//! What is held of the loom objects of one execution, and by whom.

use super::explorer::with;
use diolock::op::{Object, TaskId};
use loom::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
use std::cell::RefCell;

/// loom's locks are never poisoned: a panic ends the process.
pub const OK: &str = "loom's locks are never poisoned";

/// A guard that is only held.
#[allow(dead_code, reason = "guards are held for their drop")]
pub enum Guard {
    Mutex(MutexGuard<'static, ()>),
    Read(RwLockReadGuard<'static, ()>),
    Write(RwLockWriteGuard<'static, ()>),
    /// A further reference of somebody who has one.
    Again,
}

/// Guards, by what they guard and for whom.
#[derive(Default)]
pub struct Held(RefCell<Vec<(Object, TaskId, Guard)>>);

impl Held {
    /// Keeps a guard for a task.
    pub fn hold(&self, object: Object, task: TaskId, guard: Guard) {
        self.0.borrow_mut().push((object, task, guard));
    }

    /// Whether a task has a guard on an object.
    pub fn holds(&self, object: Object, task: TaskId) -> bool {
        let held = self.0.borrow();
        held.iter().any(|&(what, whose, _)| (what, whose) == (object, task))
    }

    /// Lets go of an object; a release of what is not held changes nothing (rule R3 has seen it).
    pub fn release(&self, object: Object, task: TaskId) {
        let mut held = self.0.borrow_mut();
        let at = held.iter().rposition(|&(what, whose, _)| (what, whose) == (object, task));
        let guard = at.map(|at| held.remove(at));
        drop(held);
        drop(guard);
    }
}

/// While it lives, some task has gone part of the way through a step that takes several loom
/// locks: what can follow then is less than what can follow the same steps otherwise.
pub struct Midway;

impl Midway {
    /// A task has taken the first of several locks.
    pub fn new() -> Midway {
        with(|explorer| explorer.midway += 1);
        Midway
    }
}

impl Drop for Midway {
    fn drop(&mut self) {
        with(|explorer| explorer.midway -= 1);
    }
}
