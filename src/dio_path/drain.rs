//! `inode_dio_wait` and `inode_dio_done` taken apart: what must be ordered so that no wake-up is lost.
//! Elsewhere a drain is one step and a wake-up is never lost.

use crate::inode_lock::WaitQueue;
use crate::kernel::{Fix, Kernel};
use crate::op::{Op, Outcome, TaskId};
use crate::task::{Place, Task};

/// `inode_dio_wait`; on the other queue `ext4_aiodio_wait`.
///
/// | step      | kernel (v3.6)                                               | holds after |
/// |-----------|-------------------------------------------------------------|-------------|
/// | FastPath  | inode_dio_wait: atomic_read(i_dio_count)                    |             |
/// | Join      | prepare_to_wait: joins the queue, under its lock            |             |
/// | Barrier   | prepare_to_wait: set_current_state's full barrier           |             |
/// | LookAgain | __inode_dio_wait: atomic_read(i_dio_count)                  |             |
/// | Sleep     | __inode_dio_wait: schedule                                  |             |
/// | Leave     | finish_wait                                                 |             |
///
/// # Kernel
/// fs/inode.c, kernel/wait.c, fs/ext4/file.c (`wait_event`), v3.6. The functions of v4.10, v5.10 and
/// v6.1 are the same; v6.12 has `wait_var_event`, of the same shape.
///
/// # Modelled
/// The shape of `wait_event`: after `schedule` it joins again before it looks again. The loop of
/// `__inode_dio_wait` looks once more in between and before it leaves; a 0 seen there would be seen
/// by the next look too. `set_current_state` is inside the queue's lock in the kernel; nothing that
/// the lock covers can tell.
///
/// A count found 0 at the first look orders nothing that is *read* afterwards: `atomic_read` is a plain
/// load, and what follows depends on it by control only. So under weak memory a look at the depth of the
/// extent tree right after the drain may still see the old depth (fallocate-credits with `memory =
/// "c11"`: R10). v4.10's `ext4_alloc_file_blocks` has no barrier between the two either; what truncate
/// and punch do after their drains is a write, or under a lock.
///
/// # Left out
/// Other waiters that hash to the same queue; signals (`wait_var_event_interruptible`).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct InodeDioWait {
    queue: WaitQueue,
    kernel: Kernel,
    step: Wait,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Wait {
    FastPath,
    Join,
    Barrier,
    LookAgain,
    Sleep,
    Leave,
    Done,
}

impl InodeDioWait {
    /// Waits until the counter of that queue is 0.
    pub fn new(queue: WaitQueue, kernel: Kernel) -> InodeDioWait {
        InodeDioWait { queue, kernel, step: Wait::FastPath }
    }

    /// To the queue and then to the counter; the wrong way round without the fix.
    fn prepare(&self) -> Wait {
        if self.kernel.has(Fix::JoinBeforeLook) { Wait::Join } else { Wait::LookAgain }
    }
}

impl Task for InodeDioWait {
    fn next(&self) -> Option<Op> {
        let queue = self.queue;
        Some(match self.step {
            Wait::FastPath | Wait::LookAgain => Op::CountRead(queue),
            Wait::Join => Op::WaitJoin(queue),
            Wait::Barrier => Op::SmpMb,
            Wait::Sleep => Op::WaitSleep(queue),
            Wait::Leave => Op::WaitLeave(queue),
            Wait::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let zero = outcome == Outcome::Value(0);
        let in_order = self.kernel.has(Fix::JoinBeforeLook);
        self.step = match self.step {
            Wait::FastPath if zero => Wait::Done,
            Wait::FastPath => self.prepare(),
            Wait::Join if self.kernel.has(Fix::WaiterBarrier) => Wait::Barrier,
            Wait::Join | Wait::Barrier if in_order => Wait::LookAgain,
            Wait::Join | Wait::Barrier => Wait::Sleep,
            Wait::LookAgain if zero => Wait::Leave,
            Wait::LookAgain if in_order => Wait::Sleep,
            Wait::LookAgain => Wait::Join,
            Wait::Sleep => self.prepare(),
            Wait::Leave | Wait::Done => Wait::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match self.step {
            Wait::FastPath => "FastPath",
            Wait::Join => "Join",
            Wait::Barrier => "Barrier",
            Wait::LookAgain => "LookAgain",
            Wait::Sleep => "Sleep",
            Wait::Leave => "Leave",
            Wait::Done => "Done",
        };
        let kernel = match (self.step, self.queue) {
            (Wait::Join | Wait::Barrier, _) => "prepare_to_wait",
            (Wait::Leave, _) => "finish_wait",
            (_, WaitQueue::Dio) => "inode_dio_wait",
            (_, WaitQueue::Unwritten) => "ext4_aiodio_wait",
        };
        Place { step, kernel }
    }
}

/// `inode_dio_done`; on the other queue the end of `ext4_end_io_nolock`.
///
/// | step       | kernel (v3.6)                                               | holds after |
/// |------------|-------------------------------------------------------------|-------------|
/// | DecAndTest | inode_dio_done: atomic_dec_and_test(i_dio_count)            |             |
/// | Barrier    | inode_dio_done: atomic_dec_and_test's barrier after it      |             |
/// | LookAtQueue| wake_up_bit: waitqueue_active, without the queue's lock     |             |
/// | WakeUp     | __wake_up, under the queue's lock                           |             |
///
/// # Kernel
/// `inode_dio_done` (fs/inode.c, v3.6), `inode_dio_end` (include/linux/fs.h, v4.10, v6.1);
/// `ext4_end_io_nolock` (fs/ext4/page-io.c, v3.6).
///
/// # Modelled
/// The reference is held from the start. `wake_up_all` takes the queue's lock whether or not
/// anybody waits, so there is no `LookAtQueue` on the other queue. Of the two barriers that
/// `atomic_dec_and_test` implies the one before it is left out: nothing here needs more than a
/// release there, and the drain's litmus tests are clean without it.
///
/// # Left out
/// What the I/O did before.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct InodeDioDone {
    task: TaskId,
    queue: WaitQueue,
    kernel: Kernel,
    step: Signal,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Signal {
    DecAndTest,
    Barrier,
    LookAtQueue,
    WakeUp,
    Done,
}

impl InodeDioDone {
    /// Drops the reference that `task` holds from the start.
    pub fn new(task: TaskId, queue: WaitQueue, kernel: Kernel) -> InodeDioDone {
        InodeDioDone { task, queue, kernel, step: Signal::DecAndTest }
    }

    /// The counter of which it holds a reference from the start.
    pub fn holds(&self) -> (WaitQueue, TaskId) {
        (self.queue, self.task)
    }

    fn wake(&self) -> Signal {
        match self.queue {
            WaitQueue::Dio => Signal::LookAtQueue,
            WaitQueue::Unwritten => Signal::WakeUp,
        }
    }
}

impl Task for InodeDioDone {
    fn next(&self) -> Option<Op> {
        let queue = self.queue;
        Some(match self.step {
            Signal::DecAndTest => Op::CountDecAndTest(queue, self.task),
            Signal::Barrier => Op::SmpMb,
            Signal::LookAtQueue => Op::WaitLook(queue),
            Signal::WakeUp => Op::WaitWake(queue),
            Signal::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let yes = outcome == Outcome::Flag(true);
        self.step = match self.step {
            Signal::DecAndTest if !yes => Signal::Done,
            Signal::DecAndTest if self.kernel.has(Fix::DecrementBarrier) => Signal::Barrier,
            Signal::DecAndTest | Signal::Barrier => self.wake(),
            Signal::LookAtQueue if yes => Signal::WakeUp,
            Signal::LookAtQueue | Signal::WakeUp | Signal::Done => Signal::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match self.step {
            Signal::DecAndTest => "DecAndTest",
            Signal::Barrier => "Barrier",
            Signal::LookAtQueue => "LookAtQueue",
            Signal::WakeUp => "WakeUp",
            Signal::Done => "Done",
        };
        let kernel = match (self.step, self.queue) {
            (Signal::LookAtQueue, _) => "wake_up_bit",
            (Signal::WakeUp, _) => "__wake_up",
            (_, WaitQueue::Dio) => "inode_dio_done",
            (_, WaitQueue::Unwritten) => "ext4_end_io_nolock",
        };
        Place { step, kernel }
    }
}
