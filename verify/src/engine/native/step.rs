//! One thread of an execution: taking and booking steps.

use super::real::{Held, Noise};
use super::{Shared, World};
use diolock::inode::Blocked;
use diolock::op::{Mode, Op, TaskId};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How long a reader waits in a lock's queue before it asks again.
const AGAIN: Duration = Duration::from_millis(20);

impl World {
    /// One thread: a task from its start to its end.
    pub fn task(self: Arc<World>, task: TaskId) {
        {
            let mut held = Held::default();
            let mut noise = Noise::new(self.seed, task);
            while let Some(op) = self.next(task) {
                noise.pause();
                if !self.step(task, op, &mut held) {
                    break;
                }
            }
        }
        let mut shared = self.shared.lock();
        shared.live -= 1;
        shared.arrived.remove(&task);
        drop(shared);
        self.changed.notify_all();
    }

    fn next(&self, task: TaskId) -> Option<Op> {
        let mut shared = self.shared.lock();
        shared.arrived.insert(task);
        if shared.stop { None } else { shared.run.system.next(task) }
    }

    /// Takes a rwsem for reading. It asks again and again, so that it can be told apart from a reader
    /// that has the lock already and was not booked yet; false if the run is over.
    fn read<'a>(self: &'a Arc<World>, task: TaskId, op: Op, held: &mut Held<'a>) -> bool {
        let Op::Lock(lock, Mode::Shared) = op else { return false };
        loop {
            {
                let mut shared = self.shared.lock();
                if shared.stop {
                    return false;
                }
                if let Some(guard) = self.locks.try_lock(lock, Mode::Shared) {
                    held.push(lock, guard);
                    return self.book_in(&mut shared, task, op) == Ok(true);
                }
                if shared.arrived.len() == shared.live {
                    let steps = shared.run.events.len();
                    shared.refused.insert(task, steps);
                }
            }
            if let Some(guard) = self.locks.read_for(lock, AGAIN) {
                held.push(lock, guard);
                return self.book(task, op);
            }
        }
    }

    /// Takes one step; false if the run is over.
    fn step<'a>(self: &'a Arc<World>, task: TaskId, op: Op, held: &mut Held<'a>) -> bool {
        match op {
            Op::Lock(lock, Mode::Shared) if lock.is_rwsem() => self.read(task, op, held),
            Op::Lock(lock, mode) => {
                held.push(lock, self.locks.lock(lock, mode));
                self.book(task, op)
            }
            Op::LockByRequeue(lock) => loop {
                if let Some(guard) = self.locks.try_lock(lock, Mode::Exclusive) {
                    held.push(lock, guard);
                    return self.book(task, op);
                }
                if self.shared.lock().stop {
                    return false;
                }
                thread::sleep(Duration::from_micros(50));
            },
            Op::TryLock(lock, mode) => loop {
                if let Some(guard) = self.locks.try_lock(lock, mode) {
                    held.push(lock, guard);
                    return self.book(task, op);
                }
                let mut shared = self.shared.lock();
                if shared.stop || !shared.run.system.inode.lock(lock).can_take(task, mode) {
                    return self.book_in(&mut shared, task, op) == Ok(true);
                }
                // Booked as free and not yet freed, or freed meanwhile: try again.
                drop(shared);
                thread::yield_now();
            },
            Op::Unlock(lock, mode) => {
                let on = self.book(task, op);
                held.release(lock, mode);
                on
            }
            Op::Downgrade(lock) => {
                let on = self.book(task, op);
                held.downgrade(lock);
                on
            }
            op => self.book(task, op),
        }
    }

    /// Books a step, waiting on the condition variable while the semantics says to wait.
    fn book(self: &Arc<World>, task: TaskId, op: Op) -> bool {
        let mut shared = self.shared.lock();
        loop {
            if shared.stop {
                return false;
            }
            match self.book_in(&mut shared, task, op.clone()) {
                Ok(on) => return on,
                Err(_) => self.changed.wait(&mut shared),
            }
        }
    }

    fn book_in(
        self: &Arc<World>,
        shared: &mut Shared,
        task: TaskId,
        op: Op,
    ) -> Result<bool, Blocked> {
        if shared.stop {
            return Ok(false);
        }
        let event = shared.run.system.perform(task, op)?;
        // Until it stands before its next step: what it releases now is released only then.
        shared.arrived.remove(&task);
        if let Op::Submit(child, _) = event.op {
            shared.live += 1;
            let world = Arc::clone(self);
            thread::spawn(move || world.task(child));
        }
        let wakes = matches!(
            event.op,
            Op::DioEnd(_)
                | Op::UnwrittenEnd
                | Op::IoendDone(_)
                | Op::JournalStop(_)
                | Op::CommitDone
                | Op::CountDecAndTest(..)
                | Op::WaitWake(_)
        );
        let judged = shared.run.observe(&self.program, event, &mut shared.gathered);
        if let Err(violation) = judged {
            shared.violation.get_or_insert(violation);
            shared.stop = true;
        }
        if wakes || shared.stop {
            self.changed.notify_all();
        }
        Ok(!shared.stop)
    }
}
