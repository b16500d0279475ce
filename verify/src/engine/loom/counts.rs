//! Counters and journal handles as loom objects whose references commute.

use super::explorer::with;
use super::held::{Guard, Held, Midway, OK};
use super::park::book;
use diolock::op::{Object, Op, TaskId};
use loom::sync::Mutex;
use std::collections::BTreeMap;

impl Held {
    /// References are ordered against the drain at the turnstile and nowhere else; the slots only
    /// make a drainer wait. So dropping a reference is no scheduling point.
    pub fn slots(
        &self,
        object: Object,
        (turnstile, slots): (&'static Mutex<()>, &'static BTreeMap<TaskId, Mutex<()>>),
        task: TaskId,
        op: &Op,
    ) {
        match *op {
            Op::DioBegin(of) => {
                let admitted = turnstile.lock().expect(OK);
                let guard = if self.holds(object, of) {
                    Guard::Again
                } else {
                    let _midway = Midway::new();
                    Guard::Mutex(slots[&of].lock().expect(OK))
                };
                self.hold(object, of, guard);
                book(task, op);
                drop(admitted);
            }
            Op::DioEnd(of) => {
                book(task, op);
                self.release(object, of);
            }
            _ => loop {
                let admitted = turnstile.lock().expect(OK);
                if with(|explorer| explorer.blocked(task, op)).is_none() {
                    // All are free: passing them makes what their holders did come before.
                    let midway = Midway::new();
                    for slot in slots.values() {
                        drop(slot.lock().expect(OK));
                    }
                    drop(midway);
                    book(task, op);
                    return;
                }
                // A begin must never wait for a drainer: let go before waiting.
                drop(admitted);
                let mut waited = false;
                for (&of, slot) in slots {
                    if self.holds(object, of) {
                        drop(slot.lock().expect(OK));
                        waited = true;
                    }
                }
                if !waited {
                    // A count below 0, or one raised for nobody: nothing here can end the wait.
                    loom::thread::park();
                }
            },
        }
    }

    /// Journal handles, and the commit that holds them off and waits for them.
    pub fn handles(
        &self,
        object: Object,
        handles: &'static BTreeMap<TaskId, [Mutex<()>; 2]>,
        task: TaskId,
        op: &Op,
    ) {
        match op {
            Op::JournalStart(_) => {
                let [admission, handle] = &handles[&task];
                let admitted = admission.lock().expect(OK);
                let guard = if self.holds(object, task) {
                    Guard::Again
                } else {
                    let _midway = Midway::new();
                    Guard::Mutex(handle.lock().expect(OK))
                };
                self.hold(object, task, guard);
                book(task, op);
                drop(admitted);
            }
            Op::CommitLock => {
                let mut midway = None;
                for [admission, _] in handles.values() {
                    let guard = Guard::Mutex(admission.lock().expect(OK));
                    self.hold(object, task, guard);
                    midway.get_or_insert_with(Midway::new);
                }
                drop(midway);
                book(task, op);
            }
            Op::CommitWait => {
                for [_, handle] in handles.values() {
                    drop(handle.lock().expect(OK));
                }
                book(task, op);
            }
            Op::CommitDone => {
                book(task, op);
                for _ in handles {
                    self.release(object, task);
                }
            }
            _ => {
                book(task, op);
                self.release(object, task);
            }
        }
    }
}
