//! The loom objects of one execution, and how a step goes through them.

use super::plan::{Form, Plan};
use super::with;
use diolock::inode_lock::Mode;
use diolock::op::{Access, Object, Op, Outcome, TaskId};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering, fence};
use loom::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// One object as loom sees it.
enum Thing {
    Mutex(Mutex<()>),
    RwLock(RwLock<()>),
    Parked(Mutex<()>, Waiters),
    Step(Mutex<()>),
    Raced(UnsafeCell<()>),
    Atomic(AtomicUsize, Waiters),
}

/// Tasks parked on an object. Plain data: model threads share one OS thread.
type Waiters = RefCell<Vec<loom::thread::Thread>>;

/// The objects of one execution.
pub struct Model {
    things: BTreeMap<Object, Thing>,
    weak: bool,
}

/// A guard that is only held.
#[allow(dead_code, reason = "guards are held for their drop")]
enum Guard<'m> {
    Mutex(MutexGuard<'m, ()>),
    Read(RwLockReadGuard<'m, ()>),
    Write(RwLockWriteGuard<'m, ()>),
}

/// What one task holds between its steps.
#[derive(Default)]
pub struct Hands<'m> {
    held: Vec<(Object, Guard<'m>)>,
}

impl<'m> Hands<'m> {
    /// Lets go of an object; a release of what is not held changes nothing (rule R3 has seen it).
    fn release(&mut self, object: Object) {
        if let Some(at) = self.held.iter().position(|(held, _)| *held == object) {
            self.held.remove(at);
        }
    }
}

fn wake(waiters: &Waiters) {
    for thread in waiters.take() {
        thread.unpark();
    }
}

impl Model {
    /// Fresh objects.
    pub fn new(plan: &Plan, weak: bool) -> Model {
        let things = plan
            .objects()
            .filter_map(|(object, form)| {
                let thing = match form {
                    Form::Owned(_) | Form::Commuting(_) | Form::Guarded(_) => return None,
                    Form::Mutex => Thing::Mutex(Mutex::new(())),
                    Form::RwLock => Thing::RwLock(RwLock::new(())),
                    Form::Parked => Thing::Parked(Mutex::new(()), Waiters::default()),
                    Form::Step => Thing::Step(Mutex::new(())),
                    Form::Raced => Thing::Raced(UnsafeCell::new(())),
                    Form::Atomic => {
                        let start = with(|explorer| explorer.initial(object));
                        Thing::Atomic(AtomicUsize::new(start), Waiters::default())
                    }
                };
                Some((object, thing))
            })
            .collect();
        Model { things, weak }
    }

    /// Takes every lock, so that each task stops at its first visible step.
    pub fn hold_everything(&self) -> impl Sized {
        let guards: Vec<Guard<'_>> = self
            .things
            .values()
            .filter_map(|thing| match thing {
                Thing::Mutex(m) | Thing::Parked(m, _) | Thing::Step(m) => {
                    Some(Guard::Mutex(m.lock().expect("loom's locks are never poisoned")))
                }
                Thing::RwLock(l) => {
                    Some(Guard::Write(l.write().expect("loom's locks are never poisoned")))
                }
                Thing::Raced(_) | Thing::Atomic(..) => None,
            })
            .collect();
        guards
    }

    /// Takes one step of a task: first whatever loom must order, then the reference semantics.
    pub fn step<'m>(&'m self, hands: &mut Hands<'m>, task: TaskId, op: &Op) {
        if *op == Op::SmpMb {
            if self.weak {
                fence(Ordering::SeqCst);
            }
            with(|explorer| explorer.book(task, op));
            return;
        }
        let touches = with(|explorer| explorer.run.system.inode.touches(op));
        if let &[(object, _)] = touches.as_slice() {
            match self.things.get(&object) {
                None => {}
                Some(Thing::Mutex(lock)) => return native_mutex(hands, object, lock, task, op),
                Some(Thing::RwLock(lock)) => return native_rwlock(hands, object, lock, task, op),
                Some(Thing::Parked(lock, waiters)) => return parked(lock, waiters, task, op),
                Some(Thing::Atomic(cell, waiters)) => return atomic(cell, waiters, task, op),
                Some(Thing::Step(_) | Thing::Raced(_)) => {}
            }
        }
        let mut guards = Vec::new();
        for (object, access) in &touches {
            match (self.things.get(object), access) {
                (Some(Thing::Step(lock)), _) => {
                    guards.push(lock.lock().expect("loom's locks are never poisoned"));
                }
                (Some(Thing::Raced(cell)), Access::Read) => cell.with(|_| ()),
                (Some(Thing::Raced(cell)), _) => cell.with_mut(|_| ()),
                _ => {}
            }
        }
        with(|explorer| explorer.book(task, op));
    }
}

fn native_mutex<'m>(
    hands: &mut Hands<'m>,
    object: Object,
    lock: &'m Mutex<()>,
    task: TaskId,
    op: &Op,
) {
    match op {
        Op::Lock(..) | Op::LockByRequeue(_) => {
            let guard = lock.lock().expect("loom's locks are never poisoned");
            hands.held.push((object, Guard::Mutex(guard)));
            with(|explorer| explorer.book(task, op));
        }
        _ => {
            with(|explorer| explorer.book(task, op));
            hands.release(object);
        }
    }
}

fn native_rwlock<'m>(
    hands: &mut Hands<'m>,
    object: Object,
    lock: &'m RwLock<()>,
    task: TaskId,
    op: &Op,
) {
    const OK: &str = "loom's locks are never poisoned";
    match op {
        Op::Lock(_, Mode::Shared) | Op::DioBegin(_) => {
            // A second read by its reader: loom panics there, Linux waits only behind a writer.
            if !hands.held.iter().any(|(held, _)| *held == object) {
                let guard = lock.read().expect(OK);
                hands.held.push((object, Guard::Read(guard)));
            }
            with(|explorer| explorer.book(task, op));
        }
        Op::Lock(_, Mode::Exclusive) => {
            let guard = lock.write().expect(OK);
            hands.held.push((object, Guard::Write(guard)));
            with(|explorer| explorer.book(task, op));
        }
        Op::DioWait => {
            let guard = lock.write().expect(OK);
            with(|explorer| explorer.book(task, op));
            drop(guard);
        }
        _ => {
            with(|explorer| explorer.book(task, op));
            hands.release(object);
        }
    }
}

/// Waits by parking until the reference semantics lets the step happen, all under one mutex.
fn parked(lock: &Mutex<()>, waiters: &Waiters, task: TaskId, op: &Op) {
    loop {
        let guard = lock.lock().expect("loom's locks are never poisoned");
        if with(|explorer| explorer.blocked(task, op)).is_none() {
            with(|explorer| explorer.book(task, op));
            wake(waiters);
            drop(guard);
            return;
        }
        waiters.borrow_mut().push(loom::thread::current());
        drop(guard);
        loom::thread::park();
    }
}

/// The kernel's orderings in C11, as fs/inode.c and fs/ext4 have them in v3.7: `atomic_inc`,
/// `set_bit`, `test_bit`, `atomic_read` and `i_size` are relaxed; `atomic_dec_and_test` is a full
/// barrier on both sides; `clear_bit` after `smp_mb` needs release only.
fn atomic(cell: &AtomicUsize, waiters: &Waiters, task: TaskId, op: &Op) {
    use Ordering::{Relaxed, Release, SeqCst};
    let outcome = match *op {
        Op::DioBegin(_) => {
            cell.fetch_add(1, Relaxed);
            Outcome::Done
        }
        Op::DioEnd(_) => {
            fence(SeqCst);
            let before = cell.fetch_sub(1, SeqCst);
            fence(SeqCst);
            if before == 1 {
                wake(waiters);
            }
            Outcome::Done
        }
        Op::DioWait => {
            while cell.load(Relaxed) != 0 {
                // prepare_to_wait: join the queue, full barrier, look again.
                waiters.borrow_mut().push(loom::thread::current());
                fence(SeqCst);
                if cell.load(Relaxed) == 0 {
                    break;
                }
                loom::thread::park();
            }
            Outcome::Done
        }
        Op::GateClose => {
            cell.fetch_or(1, Relaxed);
            Outcome::Done
        }
        Op::GateOpen => {
            cell.fetch_and(0, Release);
            Outcome::Done
        }
        Op::GateTest => Outcome::Flag(cell.load(Relaxed) != 0),
        Op::SizeRead => Outcome::Value(cell.load(Relaxed) as u8),
        Op::SizeWrite(size) => {
            cell.swap(usize::from(size), Relaxed);
            Outcome::Done
        }
        _ => Outcome::Done,
    };
    with(|explorer| explorer.book_weak(task, op, outcome));
}
