//! Steps that are granted, and tasks that wait for theirs by parking.

use super::explorer::with;
use super::held::OK;
use diolock::op::{Op, TaskId};
use loom::sync::Mutex;
use std::cell::RefCell;

/// Tasks parked on an object. Plain data: model threads share one OS thread.
pub type Waiters = RefCell<Vec<loom::thread::Thread>>;

/// Unparks everybody who waits there.
pub fn wake(waiters: &Waiters) {
    for thread in waiters.take() {
        thread.unpark();
    }
}

/// For a wait that only its own task could end.
pub fn wait_for_ever_if_blocked(task: TaskId, op: &Op) {
    while with(|explorer| explorer.blocked(task, op)).is_some() {
        loom::thread::park();
    }
}

/// Books a granted step.
pub fn book(task: TaskId, op: &Op) {
    with(|explorer| explorer.book(task, op));
}

/// Waits by parking until the reference semantics lets the step happen, all under one mutex.
pub fn parked(lock: &Mutex<()>, waiters: &Waiters, task: TaskId, op: &Op) {
    loop {
        let guard = lock.lock().expect(OK);
        if with(|explorer| explorer.blocked(task, op)).is_none() {
            book(task, op);
            wake(waiters);
            drop(guard);
            return;
        }
        waiters.borrow_mut().push(loom::thread::current());
        drop(guard);
        loom::thread::park();
    }
}
