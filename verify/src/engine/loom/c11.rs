//! The kernel's counters, bits and i_size as C11 atomics, for programs that ask for weak memory.

use super::model::{Waiters, wake};
use super::with;
use diolock::op::{Op, Outcome, TaskId};
use loom::sync::atomic::{AtomicUsize, Ordering, fence};

/// The kernel's orderings in C11, as fs/inode.c and fs/ext4 have them in v3.7: `atomic_inc`,
/// `set_bit`, `test_bit`, `atomic_read` and `i_size` are relaxed; `atomic_dec_and_test` is a full
/// barrier on both sides; `clear_bit` after `smp_mb` needs release only.
pub fn atomic(cell: &AtomicUsize, waiters: &Waiters, task: TaskId, op: &Op) {
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
