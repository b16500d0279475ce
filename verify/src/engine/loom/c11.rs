//! The kernel's atomics, barriers and wait queues in C11, for programs that ask for weak memory.
//!
//! This is the whole mapping: nothing else in the engine chooses a memory order. "K" is how the kernel's
//! guarantee is known: S = read in source, D = read in Documentation (memory-barriers.txt, atomic_t.txt).
//!
//! | primitive                        | kernel guarantee                            | C11 here                    | K |
//! |----------------------------------|---------------------------------------------|-----------------------------|---|
//! | `atomic_inc`                     | RMW without a result: no order              | `fetch_add(Relaxed)`        | D |
//! | `atomic_dec_and_test`            | RMW with a result: full barrier either side | in one step: `fence(SeqCst)`, `fetch_sub(SeqCst)`, `fence(SeqCst)`; taken apart: `fetch_sub(AcqRel)` and an `smp_mb` step | D |
//! | `atomic_read`                    | no order                                    | `load(Relaxed)`             | D |
//! | `set_bit`, `clear_bit`           | RMW without a result: no order              | RMW, Relaxed                | D |
//! | `test_bit`                       | no order                                    | `load(Relaxed)`             | D |
//! | `smp_mb`                         | full barrier                                | `fence(SeqCst)`             | D |
//! | `smp_rmb`                        | loads before loads                          | `fence(Acquire)`, which also keeps later stores behind | D |
//! | `smp_mb__before_atomic`          | full barrier before an RMW, else nothing    | nothing: no step here has it before an RMW | D |
//! | mutex, rwsem, spinlock           | acquire, release (unlock then lock is no full barrier since v3.19 or so) | loom's locks: Acquire, Release | D |
//! | `prepare_to_wait`                | joins under the queue's lock, then a full barrier | lock, RMW Relaxed, unlock; an `smp_mb` step | S v3.6 |
//! | `waitqueue_active`               | a plain look at the list, without its lock  | `load(Relaxed)`             | S v3.6 |
//! | `wake_up_bit`, `wake_up_var`     | `waitqueue_active`, then `__wake_up`        | those two steps             | S v3.6, v6.12 |
//! | `wake_up_all`, `__wake_up`       | takes the queue's lock                      | lock, RMW Relaxed, unlock   | S v3.6 |
//! | `schedule`, being woken          | the waker's stores are seen (full barrier)  | `park`, `unpark` (a release and an acquire) | D |
//! | `mark_buffer_dirty`              | full barrier                                | an `smp_mb` step            | S v3.6 to v6.12 |
//! | `i_size_read`, `i_size_write`, 64 bit | plain to v6.1; `smp_load_acquire`, `smp_store_release` in v6.12 | Relaxed; Acquire, Release | S |
//! | page data, extents               | plain                                       | Relaxed                     | S |
//! | data on the device               | DMA, ordered by the completion interrupt    | no object                   | – |
//!
//! Changes of data are RMWs (`fetch_add` of the version), not stores: loom misses executions around
//! plain stores. That a Relaxed RMW continues a release sequence, and a store does not, makes no
//! difference where nobody mixes Relaxed and Release changes of one variable, as nobody does here.
//!
//! A drain that is one step (`Op::DioWait`) never loses its wake-up, whatever fixes a kernel lacks:
//! the queue is taken apart by `InodeDioWait` and `InodeDioDone` only.

use super::explorer::with;
use super::held::OK;
use super::park::{Waiters, book, wake};
use diolock::inode::Inode;
use diolock::kernel::Fix;
use diolock::op::{Access, Blocks, Op, Outcome, TaskId};
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicUsize, Ordering, fence};
use std::cell::RefCell;

/// The inode after each change of one object, the first being the start: a weak read may look into
/// any of them that coherence and happens-before leave open.
pub type Values = RefCell<Vec<Inode>>;

/// A step that is a barrier.
pub fn barrier(op: &Op) {
    match op {
        Op::SmpMb => fence(Ordering::SeqCst),
        Op::SmpRmb => fence(Ordering::Acquire),
        _ => {}
    }
}

/// A step on a counter.
pub fn atomic(cell: &AtomicUsize, waiters: &Waiters, task: TaskId, op: &Op) {
    use Ordering::{AcqRel, Relaxed, SeqCst};
    let outcome = match *op {
        Op::DioBegin(_) | Op::UnwrittenBegin => {
            cell.fetch_add(1, Relaxed);
            Outcome::Done
        }
        Op::DioEnd(_) | Op::UnwrittenEnd => {
            fence(SeqCst);
            let before = cell.fetch_sub(1, SeqCst);
            fence(SeqCst);
            if before == 1 {
                wake(waiters);
            }
            Outcome::Done
        }
        Op::DioWait | Op::UnwrittenWait => {
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
        Op::CountRead(_) => Outcome::Value(cell.load(Relaxed) as Blocks),
        Op::CountDecAndTest(..) => {
            let before = cell.fetch_sub(1, AcqRel);
            if before == 1 {
                wake(waiters);
            }
            Outcome::Flag(before == 1)
        }
        _ => Outcome::Done,
    };
    with(|explorer| explorer.book_weak(task, op, outcome));
}

/// A step on other data: its changes are numbered, and a read may get an older number.
pub fn versions(cell: &AtomicUsize, values: &Values, task: TaskId, op: &Op) {
    let has = |fix| with(|explorer| explorer.program.kernel.has(fix));
    let reads = op.touches().first().is_some_and(|touched| touched.1 == Access::Read);
    if reads {
        let acquires = *op == Op::SizeRead && has(Fix::SizeAcquire);
        let order = if acquires { Ordering::Acquire } else { Ordering::Relaxed };
        let at = cell.load(order);
        let outcome = values.borrow()[at].clone().perform(task, op);
        let outcome = outcome.expect("a look at data never waits");
        with(|explorer| explorer.book_weak(task, op, outcome));
    } else {
        let releases = matches!(op, Op::SizeWrite(_)) && has(Fix::SizeRelease);
        let order = if releases { Ordering::Release } else { Ordering::Relaxed };
        cell.fetch_add(1, order);
        book(task, op);
        values.borrow_mut().push(with(|explorer| explorer.run.system.inode.clone()));
    }
}

/// A step on a wait queue.
pub fn wait_queue(
    lock: &'static Mutex<()>,
    cell: &AtomicUsize,
    waiters: &Waiters,
    task: TaskId,
    op: &Op,
) {
    use Ordering::Relaxed;
    match *op {
        Op::WaitLook(_) => {
            let active = cell.load(Relaxed) != 0;
            with(|explorer| explorer.book_weak(task, op, Outcome::Flag(active)));
        }
        Op::WaitSleep(_) => {
            while with(|explorer| explorer.blocked(task, op)).is_some() {
                waiters.borrow_mut().push(loom::thread::current());
                loom::thread::park();
            }
            book(task, op);
        }
        Op::WaitJoin(queue) | Op::WaitWake(queue) | Op::WaitLeave(queue) => {
            let guard = lock.lock().expect(OK);
            let mut after = with(|explorer| explorer.run.system.inode.clone());
            let looked =
                after.perform(task, op).and_then(|_| after.perform(task, &Op::WaitLook(queue)));
            cell.swap(usize::from(looked == Ok(Outcome::Flag(true))), Relaxed);
            book(task, op);
            if matches!(op, Op::WaitWake(_)) {
                wake(waiters);
            }
            drop(guard);
        }
        _ => book(task, op),
    }
}
