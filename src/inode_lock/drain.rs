//! `inode_dio_wait` and `inode_dio_done` taken apart: what must be ordered so that no wake-up is lost.
//! Elsewhere a drain is one step and a wake-up is never lost.

use crate::kernel::{Fix, Kernel};
use crate::op::{Op, Outcome, TaskId, WaitQueue};
use crate::task::steps;

steps! {
    /// `inode_dio_wait`; on the other queue `ext4_aiodio_wait`.
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
    pub struct InodeDioWait {}
    /// Waits until the counter of that queue is 0.
    pub fn new(queue: WaitQueue, kernel: Kernel);
    in self.function() => Wait / WaitAt |self, outcome|;

    FastPath "atomic_read(i_dio_count)" => Op::CountRead(self.queue)
        => if outcome.number() == 0 { Wait::Done } else { self.prepare() };
    LookAgain "atomic_read(i_dio_count)" => Op::CountRead(self.queue) => self.looked(&outcome);
    Join in "prepare_to_wait" "joins the queue, under its lock" => Op::WaitJoin(self.queue)
        => (!self.kernel.has(Fix::WaiterBarrier)).then_some(self.joined());
    Barrier in "prepare_to_wait" "set_current_state" => Op::SmpMb => self.joined();
    Sleep "schedule" => Op::WaitSleep(self.queue) => self.prepare();
    Leave in "finish_wait" => Op::WaitLeave(self.queue);
}

impl InodeDioWait {
    fn function(&self) -> &'static str {
        match self.queue {
            WaitQueue::Dio => "inode_dio_wait",
            WaitQueue::Unwritten => "ext4_aiodio_wait",
        }
    }

    /// To the queue and then to the counter; the wrong way round without the fix.
    fn in_order(&self) -> bool {
        self.kernel.has(Fix::JoinBeforeLook)
    }

    fn prepare(&self) -> Wait {
        if self.in_order() { Wait::Join } else { Wait::LookAgain }
    }

    fn joined(&self) -> Wait {
        if self.in_order() { Wait::LookAgain } else { Wait::Sleep }
    }

    fn looked(&self, outcome: &Outcome) -> Wait {
        match (outcome.number(), self.in_order()) {
            (0, _) => Wait::Leave,
            (_, true) => Wait::Sleep,
            (_, false) => Wait::Join,
        }
    }
}

steps! {
    /// `inode_dio_done`; on the other queue the end of `ext4_end_io_nolock`.
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
    pub struct InodeDioDone {}
    /// Drops the reference that `task` holds from the start.
    pub fn new(task: TaskId, queue: WaitQueue, kernel: Kernel);
    in self.function() => Signal / SignalAt |self, outcome|;

    DecAndTest "atomic_dec_and_test(i_dio_count)" => Op::CountDecAndTest(self.queue, self.task)
        => (!outcome.yes()).then_some(Signal::Done);
    Barrier "atomic_dec_and_test's barrier after it" if self.kernel.has(Fix::DecrementBarrier) => Op::SmpMb;
    LookAtQueue in "wake_up_bit" "waitqueue_active, without the queue's lock" if self.queue == WaitQueue::Dio
        => Op::WaitLook(self.queue) => (!outcome.yes()).then_some(Signal::Done);
    WakeUp in "__wake_up" "under the queue's lock" => Op::WaitWake(self.queue);
}

impl InodeDioDone {
    /// The counter of which it holds a reference from the start.
    pub fn holds(&self) -> (WaitQueue, TaskId) {
        (self.queue, self.task)
    }

    fn function(&self) -> &'static str {
        match self.queue {
            WaitQueue::Dio => "inode_dio_done",
            WaitQueue::Unwritten => "ext4_end_io_nolock",
        }
    }
}
