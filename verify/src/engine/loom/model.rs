//! The loom objects of one execution, and how a step goes through them.

use super::c11::{Values, atomic, barrier, versions, wait_queue};
use super::explorer::with;
use super::held::{Guard, Held, Midway, OK};
use super::park::{Waiters, book, parked, wait_for_ever_if_blocked};
use super::plan::{Form, Plan};
use diolock::op::{Access, LockName, Mode, Object, Op, TaskId};
use loom::cell::UnsafeCell;
use loom::sync::atomic::AtomicUsize;
use loom::sync::{Mutex, RwLock};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One object as loom sees it.
enum Thing {
    Mutex(Mutex<()>),
    RwLock(RwLock<()>),
    /// The turnstile that references begin through, and one mutex for each task's reference.
    Slots(Mutex<()>, BTreeMap<TaskId, Mutex<()>>),
    /// Admission and handle of each task.
    Handles(BTreeMap<TaskId, [Mutex<()>; 2]>),
    Parked(Mutex<()>, Waiters),
    Step(Mutex<()>, Option<LockName>),
    Raced(UnsafeCell<()>),
    Atomic(AtomicUsize, Waiters),
    Versions(AtomicUsize, Values),
    WaitQueue(Mutex<()>, AtomicUsize, Waiters),
}

/// The objects of one execution.
pub struct Model {
    things: BTreeMap<Object, Thing>,
    held: Held,
    weak: bool,
}

impl Model {
    /// Fresh objects.
    pub fn new(plan: &Plan, weak: bool) -> Model {
        let things = plan
            .objects()
            .filter_map(|(object, form)| {
                let thing = match form {
                    Form::Owned(_) | Form::Commuting(_) | Form::Guarded(_) | Form::WithHandles => {
                        return None;
                    }
                    Form::Mutex => Thing::Mutex(Mutex::new(())),
                    Form::RwLock => Thing::RwLock(RwLock::new(())),
                    Form::Slots => Thing::Slots(
                        Mutex::new(()),
                        plan.counted.iter().map(|&task| (task, Mutex::new(()))).collect(),
                    ),
                    Form::Handles => {
                        let pair = || [Mutex::new(()), Mutex::new(())];
                        let tasks = &plan.journalled;
                        Thing::Handles(tasks.iter().map(|&task| (task, pair())).collect())
                    }
                    Form::Parked => Thing::Parked(Mutex::new(()), Waiters::default()),
                    Form::Step(lock) => Thing::Step(Mutex::new(()), lock),
                    Form::Raced => Thing::Raced(UnsafeCell::new(())),
                    Form::Atomic => {
                        let start = with(|explorer| explorer.initial(object));
                        Thing::Atomic(AtomicUsize::new(start), Waiters::default())
                    }
                    Form::Versions => {
                        let first = with(|explorer| explorer.run.system.inode.clone());
                        Thing::Versions(AtomicUsize::new(0), RefCell::new(vec![first]))
                    }
                    Form::WaitQueue => {
                        Thing::WaitQueue(Mutex::new(()), AtomicUsize::new(0), Waiters::default())
                    }
                };
                Some((object, thing))
            })
            .collect();
        Model { things, held: Held::default(), weak }
    }

    /// Takes every lock, so that each task stops at its first visible step.
    pub fn hold_everything(&'static self) -> impl Sized {
        let mut guards = Vec::new();
        for thing in self.things.values() {
            match thing {
                Thing::Mutex(m) | Thing::Parked(m, _) | Thing::Step(m, _) => {
                    guards.push(Guard::Mutex(m.lock().expect(OK)));
                }
                Thing::Slots(turnstile, slots) => {
                    guards.push(Guard::Mutex(turnstile.lock().expect(OK)));
                    guards.extend(slots.values().map(|m| Guard::Mutex(m.lock().expect(OK))));
                }
                Thing::Handles(handles) => {
                    let all = handles.values().flatten();
                    guards.extend(all.map(|m| Guard::Mutex(m.lock().expect(OK))));
                }
                Thing::RwLock(l) => guards.push(Guard::Write(l.write().expect(OK))),
                Thing::Raced(_)
                | Thing::Atomic(..)
                | Thing::Versions(..)
                | Thing::WaitQueue(..) => {}
            }
        }
        guards
    }

    /// Takes one step of a task: first whatever loom must order, then the reference semantics.
    pub fn step(&'static self, task: TaskId, op: &Op) {
        if self.weak {
            barrier(op);
        }
        let touches = with(|explorer| explorer.run.system.inode.touches(op));
        if matches!(touches[..], [(Object::Admission | Object::Handles, _), ..]) {
            match self.things.get(&Object::Handles) {
                Some(Thing::Handles(handles)) => {
                    return self.held.handles(Object::Handles, handles, task, op);
                }
                Some(Thing::Parked(lock, waiters)) => return parked(lock, waiters, task, op),
                _ => {}
            }
        }
        if let &[(object, _)] = touches.as_slice() {
            match self.things.get(&object) {
                Some(Thing::Mutex(lock)) => return self.mutex(object, lock, task, op),
                Some(Thing::RwLock(lock)) => return self.rwlock(object, lock, task, op),
                Some(Thing::Slots(turnstile, slots)) => {
                    return self.held.slots(object, (turnstile, slots), task, op);
                }
                Some(Thing::Parked(lock, waiters)) => return parked(lock, waiters, task, op),
                Some(Thing::Atomic(cell, waiters)) => return atomic(cell, waiters, task, op),
                Some(Thing::Versions(cell, values)) => return versions(cell, values, task, op),
                Some(Thing::WaitQueue(lock, cell, waiters)) => {
                    return wait_queue(lock, cell, waiters, task, op);
                }
                Some(Thing::Handles(_) | Thing::Step(..) | Thing::Raced(_)) | None => {}
            }
        }
        // What a step touches may depend on what it touched first: freeing finds its blocks in the
        // extent tree. So it is asked again after each lock.
        let mut guards = Vec::new();
        let mut passed = Vec::new();
        let mut midway = None;
        let mut versioned = None;
        while let Some((object, access)) = with(|explorer| explorer.touches_next(op, &passed)) {
            passed.push(object);
            match (self.things.get(&object), access) {
                (Some(Thing::Step(_, Some(guard))), Access::Read)
                    if with(|explorer| explorer.holds(task, *guard)) => {}
                (Some(Thing::Step(lock, _)), _) => {
                    guards.push(lock.lock().expect(OK));
                    midway.get_or_insert_with(Midway::new);
                }
                (Some(Thing::Raced(cell)), Access::Read) => cell.with(|_| ()),
                (Some(Thing::Raced(cell)), _) => cell.with_mut(|_| ()),
                (Some(Thing::Versions(cell, values)), _) => versioned = Some((cell, values)),
                _ => {}
            }
        }
        drop(midway);
        // Of data with versions, whatever else the step touches.
        if let Some((cell, values)) = versioned {
            return versions(cell, values, task, op);
        }
        // Without a loom object nobody else can end the wait.
        wait_for_ever_if_blocked(task, op);
        book(task, op);
    }

    fn mutex(&self, object: Object, lock: &'static Mutex<()>, task: TaskId, op: &Op) {
        if matches!(op, Op::Lock(..) | Op::LockByRequeue(_)) {
            self.held.hold(object, task, Guard::Mutex(lock.lock().expect(OK)));
            book(task, op);
        } else {
            book(task, op);
            self.held.release(object, task);
        }
    }

    fn rwlock(&self, object: Object, lock: &'static RwLock<()>, task: TaskId, op: &Op) {
        match op {
            Op::Lock(_, Mode::Shared) | Op::DioBegin(_) => {
                // A second read by its reader: loom panics there, Linux waits only behind a writer.
                let guard = if self.held.holds(object, task) {
                    wait_for_ever_if_blocked(task, op);
                    Guard::Again
                } else {
                    Guard::Read(lock.read().expect(OK))
                };
                self.held.hold(object, task, guard);
                book(task, op);
            }
            Op::DioWait => {
                let drained = lock.write().expect(OK);
                wait_for_ever_if_blocked(task, op);
                book(task, op);
                drop(drained);
            }
            Op::Lock(_, Mode::Exclusive) => {
                self.held.hold(object, task, Guard::Write(lock.write().expect(OK)));
                book(task, op);
            }
            _ => {
                book(task, op);
                self.held.release(object, task);
            }
        }
    }
}
