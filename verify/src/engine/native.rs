//! The native engine: the tasks on OS threads, with parking_lot's locks.
//!
//! A real lock is taken first and the step booked second; a release is booked first and done
//! second. So the reference semantics never has to wait where the real lock did not, and the
//! booked order is one that the threads really ran in.
//!
//! # Limits
//! Sampled: finding nothing proves nothing. Each step is booked under one mutex, so the steps are
//! sequentially consistent; what is real are the locks, the waits and the scheduler.

mod real;

use super::{Tally, Wrong};
use crate::program::{Memory, Program, Run};
use crate::rule::{Gathered, RuleId, Violation};
use crate::verdict::{Report, Verdict};
use diolock::inode::Blocked;
use diolock::inode_lock::Mode;
use diolock::op::{Op, TaskId};
use diolock::task::Task;
use parking_lot::{Condvar, Mutex, deadlock};
use real::{Held, Locks, Noise};
use std::sync::{Arc, Barrier, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long nothing must happen before parking_lot is asked for a deadlock: asking walks every
/// parked thread of the process.
const LOOK: Duration = Duration::from_millis(20);

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many executions.
    pub iterations: u64,
    /// Of the short pauses between steps; the OS still decides, so it does not fix the result.
    pub seed: u64,
    /// No step for that long, and every thread waits: a lost wake-up, or a cycle that not only
    /// locks are part of.
    pub watchdog: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options { iterations: 1000, seed: 1, watchdog: Duration::from_millis(400) }
    }
}

/// What the threads of one execution share.
struct World {
    program: Arc<Program>,
    locks: Locks,
    shared: Mutex<Shared>,
    /// A step was booked that somebody may wait for, or the run is over.
    changed: Condvar,
    seed: u64,
}

struct Shared {
    run: Run,
    gathered: Gathered,
    violation: Option<Violation>,
    /// Threads that have not ended.
    live: usize,
    /// Threads should end.
    stop: bool,
}

/// How one execution ended.
enum End {
    Finished,
    Wrong(Wrong),
    /// No progress, though the reference semantics says that this task could go on.
    Lost(TaskId),
}

/// parking_lot looks for deadlocks among all threads of the process: one execution at a time.
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Runs a program many times on OS threads. Threads in a deadlock stay where they are until the
/// process ends.
pub fn run(program: &Program, options: &Options) -> Report {
    if program.memory == Memory::C11 {
        return Report::incomplete("the native engine books steps under a mutex: no C11 orders");
    }
    if program.calls.iter().any(|call| call.repeats()) {
        return Report::incomplete("a task repeats for ever: no execution would end");
    }
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let start = Instant::now();
    let program = Arc::new(program.clone());
    let mut tally = Tally::new();
    let mut clean = Verdict::Sampled;
    while tally.executions < options.iterations && tally.wrong.is_none() {
        let seed = options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(tally.executions);
        tally.executions += 1;
        let world = World::start(&program, seed, std::mem::take(&mut tally.gathered));
        let end = world.watch(options.watchdog);
        let mut shared = world.shared.lock();
        tally.gathered = std::mem::take(&mut shared.gathered);
        match end {
            End::Finished => tally.finished(&program, &shared.run),
            End::Wrong(Wrong::Stuck(_)) if !program.rules.has(RuleId::R12) => {
                clean = Verdict::Incomplete("an execution got stuck, and R12 is not judged".into());
                break;
            }
            End::Wrong(wrong) => tally.went_wrong(wrong, &shared.run),
            End::Lost(task) => {
                let name = &program.names[usize::from(task)].text;
                clean = Verdict::Incomplete(format!("no step for long, though {name} could go on"));
                break;
            }
        }
    }
    let unfinished = matches!(clean, Verdict::Incomplete(_)).then(|| clean.clone());
    let mut report = tally.report(&program, clean, start.elapsed().as_secs_f64());
    if let Some(unfinished) = unfinished {
        report.verdict = unfinished;
    }
    report.note = Some(format!("seed {}", options.seed));
    report
}

impl World {
    fn start(program: &Arc<Program>, seed: u64, gathered: Gathered) -> Arc<World> {
        let ready: Vec<TaskId> = program
            .spawn_order
            .iter()
            .copied()
            .filter(|&task| program.calls[usize::from(task)].started())
            .collect();
        let world = Arc::new(World {
            program: Arc::clone(program),
            locks: Locks::default(),
            shared: Mutex::new(Shared {
                run: Run::new(program),
                gathered,
                violation: None,
                live: ready.len(),
                stop: false,
            }),
            changed: Condvar::new(),
            seed,
        });
        let together = Arc::new(Barrier::new(ready.len()));
        for task in ready {
            let (world, together) = (Arc::clone(&world), Arc::clone(&together));
            thread::spawn(move || {
                together.wait();
                world.task(task);
            });
        }
        world
    }

    /// Waits for the end of the execution.
    fn watch(&self, watchdog: Duration) -> End {
        let mut shared = self.shared.lock();
        let mut steps = shared.run.events.len();
        let mut since = Instant::now();
        loop {
            if shared.live == 0 {
                return shared
                    .violation
                    .take()
                    .map_or(End::Finished, |v| End::Wrong(Wrong::Rule(v)));
            }
            if !self.changed.wait_for(&mut shared, LOOK).timed_out() {
                continue;
            }
            let late = since.elapsed() > watchdog;
            if shared.stop {
                // Whoever still runs ends at its next step; a deadlock beside the violation does not.
                if !deadlock::check_deadlock().is_empty() || late {
                    let violation = shared.violation.take().map(Wrong::Rule);
                    return violation.map_or(End::Finished, End::Wrong);
                }
            } else if shared.run.events.len() != steps {
                (steps, since) = (shared.run.events.len(), Instant::now());
            } else if !deadlock::check_deadlock().is_empty() || late {
                let end = self.stuck(&mut shared);
                if matches!(end, End::Wrong(_)) || since.elapsed() > watchdog * 10 {
                    shared.stop = true;
                    self.changed.notify_all();
                    return end;
                }
            }
        }
    }

    /// Who waits for what, now that nobody moves.
    fn stuck(&self, shared: &mut Shared) -> End {
        let system = &shared.run.system;
        // A writer that waits in parking_lot's queue holds readers off: say so in the model too.
        let queued: Vec<(TaskId, Op)> = system
            .tasks()
            .filter_map(|task| match system.calls[usize::from(task)].next()? {
                op @ Op::Lock(lock, Mode::Exclusive)
                    if lock.is_rwsem() && system.inode.blocked(task, &op).is_some() =>
                {
                    Some((task, Op::Queue(lock)))
                }
                _ => None,
            })
            .collect();
        let mut after = shared.run.clone();
        for (task, op) in queued {
            if let Ok(event) = after.system.perform(task, op) {
                // Queueing breaks no rule.
                let _ = after.observe(&self.program, event, &mut shared.gathered);
            }
        }
        let free = after.system.tasks().find(|&task| {
            let call = &after.system.calls[usize::from(task)];
            call.next().is_some_and(|op| after.system.inode.blocked(task, &op).is_none())
        });
        match free {
            Some(task) => End::Lost(task),
            None => {
                shared.run = after;
                End::Wrong(Wrong::Stuck(shared.run.system.waiting()))
            }
        }
    }

    /// One thread: a task from its start to its end.
    fn task(self: Arc<World>, task: TaskId) {
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
        self.shared.lock().live -= 1;
        self.changed.notify_all();
    }

    fn next(&self, task: TaskId) -> Option<Op> {
        let shared = self.shared.lock();
        if shared.stop { None } else { shared.run.system.calls[usize::from(task)].next() }
    }

    /// Takes one step; false if the run is over.
    fn step<'a>(self: &'a Arc<World>, task: TaskId, op: Op, held: &mut Held<'a>) -> bool {
        match op {
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
        if let Op::Submit(child, _) = event.op {
            shared.live += 1;
            let world = Arc::clone(self);
            thread::spawn(move || world.task(child));
        }
        let wakes = matches!(
            event.op,
            Op::DioEnd(_) | Op::UnwrittenEnd | Op::JournalStop(_) | Op::CommitDone
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

#[cfg(test)]
pub(crate) mod tests;
