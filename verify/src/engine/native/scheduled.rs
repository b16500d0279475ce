//! A schedule on OS threads: who takes the next step is given, the locks are real.
//!
//! Every task has a thread of its own, which takes and releases parking_lot's locks itself. A
//! conductor gives one thread at a time its turn, and waits for the answer. So nobody ever sleeps
//! on a lock: a step that would have to is where the schedule ends.

use super::real::{Held, Locks};
use crate::engine::graph;
use crate::program::{Event, Program, Run, Waiting};
use crate::rule::{Gathered, Violation};
use diolock::inode::Inode;
use diolock::op::{LockName, Mode, Op, Outcome, TaskId};
use diolock::task::Task;
use parking_lot::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// What came of a schedule.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// The steps that were taken. One that could not be taken is the schedule's next after them:
    /// `schedule[events.len()]`.
    pub events: Vec<Event>,
    /// How it ended.
    pub end: ScheduledEnd,
}

/// How a schedule ended.
#[derive(Clone, Debug)]
pub enum ScheduledEnd {
    /// Every step was taken. That may leave tasks in the middle of their calls.
    Ran,
    /// The last step taken broke a rule; what the schedule says after it was not looked at.
    Violated(Violation),
    /// The next step has to wait.
    Blocked(Waiting),
    /// The next step is for a task that has returned, is not submitted yet, or does not exist.
    Ended(TaskId),
    /// The real locks and the reference semantics differ now: a bug of ours, and which lock shows it.
    Disagree(String),
}

/// Runs a schedule on OS threads and parking_lot's locks, one step at a time, until a step cannot be
/// taken or breaks a rule.
///
/// A schedule counts the steps of [`graph::replay`]: a writer that a rwsem makes wait takes one step
/// to queue, and another to take the lock once it is free.
///
/// # Limits
/// - The queue of a rwsem is the reference's. parking_lot has one only for threads that sleep, so a
///   reader behind a queued writer is told to wait although the real lock would let it in.
/// - Counters, handles and data are the reference's as well; real are the threads and the locks.
/// - The steps are sequentially consistent, also those of a litmus test that asks for C11 orders.
pub fn replay(program: &Program, schedule: &[TaskId]) -> Scheduled {
    let stage = Stage::new(program);
    let end = stage.conduct(schedule);
    Scheduled { events: stage.now.into_inner().run.events, end }
}

/// What the threads share.
struct Stage<'a> {
    program: &'a Program,
    locks: Locks,
    now: Mutex<Now>,
}

struct Now {
    run: Run,
    gathered: Gathered,
}

/// A step was taken, or how the schedule ends instead.
type Answer = Result<(), ScheduledEnd>;

impl<'a> Stage<'a> {
    fn new(program: &'a Program) -> Stage<'a> {
        let now = Now { run: Run::new(program), gathered: Gathered::default() };
        Stage { program, locks: Locks::default(), now: Mutex::new(now) }
    }

    /// Gives the tasks their turns. No thread outlives this: with the channels gone, each lets go of
    /// what it holds and ends.
    fn conduct(&self, schedule: &[TaskId]) -> ScheduledEnd {
        thread::scope(|scope| {
            let threads: Vec<(Sender<()>, Receiver<Answer>)> = (0..self.program.calls.len())
                .map(|task| {
                    let ((turn, turns), (answer, answers)) = (channel(), channel());
                    scope.spawn(move || self.task(task as TaskId, turns, answer));
                    (turn, answers)
                })
                .collect();
            for &task in schedule {
                if let Err(end) = self.look().and_then(|()| turn(&threads, task)) {
                    return end;
                }
            }
            self.look().err().unwrap_or(ScheduledEnd::Ran)
        })
    }

    /// The thread of one task.
    fn task(&self, task: TaskId, turns: Receiver<()>, answer: Sender<Answer>) {
        let mut held = Held::default();
        for () in turns {
            if answer.send(self.step(task, &mut held)).is_err() {
                break;
            }
        }
    }

    fn step<'s>(&'s self, task: TaskId, held: &mut Held<'s>) -> Answer {
        let now = &mut *self.now.lock();
        let system = &mut now.run.system;
        let op = graph::pending(system, task).ok_or(ScheduledEnd::Ended(task))?;
        let place = system.calls[usize::from(task)].place();
        // The real lock is asked first, and on its own. What it gives goes back at the end of this
        // step unless the task is to keep it.
        let guard = wants(&op).and_then(|(lock, mode)| self.locks.try_lock(lock, mode));
        let event = system
            .perform(task, op)
            .map_err(|blocked| ScheduledEnd::Blocked(Waiting { task, place, blocked }))?;
        match (&event.op, &event.outcome) {
            (&Op::Lock(lock, _) | &Op::LockByRequeue(lock), _)
            | (&Op::TryLock(lock, _), Outcome::Flag(true)) => {
                held.push(lock, guard.ok_or_else(|| disagree(lock, true))?);
            }
            (&Op::Unlock(lock, mode), _) => held.release(lock, mode),
            (&Op::Downgrade(lock), _) => held.downgrade(lock),
            _ => {}
        }
        let judged = now.run.observe(self.program, event, &mut now.gathered);
        judged.map_err(ScheduledEnd::Violated)
    }

    /// Tries every real lock, from a thread that holds none: it must be free exactly where the
    /// reference says so. Whoever takes a lock next need not come, so a lost release shows here.
    fn agree(&self) -> Answer {
        let inode = &self.now.lock().run.system.inode;
        for lock in LockName::ALL {
            let modes: &[Mode] =
                if lock.is_rwsem() { &[Mode::Shared, Mode::Exclusive] } else { &[Mode::Exclusive] };
            for &mode in modes {
                let free = compatible(inode, lock, mode);
                if self.locks.try_lock(lock, mode).is_some() != free {
                    return Err(disagree(lock, free));
                }
            }
        }
        Ok(())
    }

    /// Looks at where the tasks stand between two turns.
    fn look(&self) -> Answer {
        self.agree()?;
        self.finish()
    }

    /// Judges the end, if this is one; a turn too many does not make it another.
    fn finish(&self) -> Answer {
        let run = &self.now.lock().run;
        if !run.system.finished() {
            return Ok(());
        }
        run.rules
            .finish(self.program, &run.system, &mut Gathered::default())
            .map_err(ScheduledEnd::Violated)
    }
}

/// Lets a task take one step.
fn turn(threads: &[(Sender<()>, Receiver<Answer>)], task: TaskId) -> Answer {
    let ended = ScheduledEnd::Ended(task);
    let Some((turn, answers)) = threads.get(usize::from(task)) else { return Err(ended) };
    match turn.send(()).ok().and_then(|()| answers.recv().ok()) {
        Some(answer) => answer,
        // The thread panicked; so does the scope that joins it.
        None => Err(ended),
    }
}

/// The lock that a step asks for. A writer that queues has asked in vain first, as in the kernel.
fn wants(op: &Op) -> Option<(LockName, Mode)> {
    match *op {
        Op::Lock(lock, mode) | Op::TryLock(lock, mode) => Some((lock, mode)),
        Op::LockByRequeue(lock) | Op::Queue(lock) => Some((lock, Mode::Exclusive)),
        _ => None,
    }
}

/// Whether the holders let `mode` in, whoever is queued.
fn compatible(inode: &Inode, lock: LockName, mode: Mode) -> bool {
    let holders = inode.lock(lock).holders();
    holders.iter().all(|holder| mode == Mode::Shared && holder.1 == Mode::Shared)
}

fn disagree(lock: LockName, free: bool) -> ScheduledEnd {
    let (says, real) = if free { ("free", "taken") } else { ("taken", "free") };
    let name = lock.name();
    ScheduledEnd::Disagree(format!("the reference says {name} is {says}, the real one is {real}"))
}

#[cfg(test)]
mod tests;
