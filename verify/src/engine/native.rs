//! The native engine: the tasks on OS threads, with parking_lot's locks.
//!
//! A real lock is taken first and the step booked second; a release is booked first and done
//! second. So the reference semantics never has to wait where the real lock did not, and the
//! booked order is one that the threads really ran in.
//!
//! Nobody looks at a clock to tell that an execution got stuck (`World::stuck`): a slow machine only
//! takes longer to say the same.
//!
//! [`run`] leaves the order to the operating system; [`replay`] is given one.
//!
//! # Limits
//! Sampled: finding nothing proves nothing. Each step is booked under one mutex, so the steps are
//! sequentially consistent; what is real are the locks, the waits and the scheduler.

mod real;
mod scheduled;
mod step;

pub use scheduled::{Scheduled, ScheduledEnd, replay};

use super::{Tally, Wrong};
use crate::program::{Memory, Program, Run, System, Waiting};
use crate::rule::{Gathered, RuleId, Violation};
use crate::verdict::{Report, Verdict};
use diolock::op::{Mode, Op, TaskId};
use diolock::task::Task;
use parking_lot::{Condvar, Mutex};
use real::Locks;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked whether anybody can go on. It decides when an answer comes, not which.
const LOOK: Duration = Duration::from_millis(10);
/// No step for that long, though somebody could go on, is a fault of this engine, and an incomplete run.
const PATIENCE: Duration = Duration::from_secs(300);

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many executions.
    pub iterations: u64,
    /// Of the short pauses between steps; the OS still decides, so it does not fix the result.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { iterations: 300, seed: 1 }
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
    /// The tasks whose threads stand before a step: what they released is really released.
    arrived: BTreeSet<TaskId>,
    /// The readers that a real lock refused while everybody stood before a step, and how many steps were
    /// booked then.
    refused: BTreeMap<TaskId, usize>,
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

/// Runs a program many times on OS threads. Threads in a deadlock stay where they are until the
/// process ends.
pub fn run(program: &Program, options: &Options) -> Report {
    if program.memory == Memory::C11 {
        return Report::incomplete("the native engine books steps under a mutex: no C11 orders");
    }
    if program.calls.iter().any(|call| call.repeats()) {
        return Report::incomplete("a task repeats for ever: no execution would end");
    }
    let start = Instant::now();
    let program = Arc::new(program.clone());
    let mut tally = Tally::new();
    let mut clean = Verdict::Sampled;
    while tally.executions < options.iterations && tally.wrong.is_none() {
        let seed = options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(tally.executions);
        tally.executions += 1;
        let world = World::start(&program, seed, std::mem::take(&mut tally.gathered));
        let end = world.watch();
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
                arrived: BTreeSet::new(),
                refused: BTreeMap::new(),
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
    fn watch(&self) -> End {
        let mut shared = self.shared.lock();
        let mut steps = shared.run.events.len();
        let mut since = Instant::now();
        loop {
            // Whoever still runs after a violation ends at its next step.
            if let Some(violation) = shared.violation.take() {
                return End::Wrong(Wrong::Rule(violation));
            }
            if shared.live == 0 {
                return End::Finished;
            }
            if !self.changed.wait_for(&mut shared, LOOK).timed_out() {
                continue;
            }
            let end = match self.stuck(&mut shared) {
                Ok(waiting) => End::Wrong(Wrong::Stuck(waiting)),
                Err(free) if shared.run.events.len() == steps => {
                    if since.elapsed() < PATIENCE {
                        continue;
                    }
                    End::Lost(free)
                }
                Err(_) => {
                    (steps, since) = (shared.run.events.len(), Instant::now());
                    continue;
                }
            };
            shared.stop = true;
            self.changed.notify_all();
            return end;
        }
    }

    /// Who waits for what, if nobody can ever move again; else somebody who can.
    ///
    /// A thread takes a real lock before its step is booked and lets it go after that, so what the
    /// semantics blocks without any queue is really blocked. Only a reader that waits for nothing but a
    /// queued writer must be asked: parking_lot knows of the writer, or the reader has the lock already
    /// and was not booked yet. It counts once parking_lot has refused it since the last step, at a moment
    /// when all that was released was really released ([`Shared::arrived`]).
    fn stuck(&self, shared: &mut Shared) -> Result<Vec<Waiting>, TaskId> {
        let system = &shared.run.system;
        let blocked = |system: &System, task: TaskId| {
            let op = system.next(task)?;
            system.inode.blocked(task, &op).map(|_| op)
        };
        let steps = shared.run.events.len();
        let refused: BTreeSet<TaskId> =
            system.tasks().filter(|task| shared.refused.get(task) == Some(&steps)).collect();
        let waits: Vec<(TaskId, Op)> =
            system.tasks().filter_map(|task| Some((task, blocked(system, task)?))).collect();
        // A writer that waits in parking_lot's queue holds readers off: say so in the model too.
        let mut after = shared.run.clone();
        for (task, op) in &waits {
            if let Op::Lock(lock, Mode::Exclusive) = *op
                && lock.is_rwsem()
                && let Ok(event) = after.system.perform(*task, Op::Queue(lock))
            {
                // Queueing breaks no rule.
                let _ = after.observe(&self.program, event, &mut shared.gathered);
            }
        }
        let free = after.system.tasks().find(|&task| {
            let waits = waits.iter().any(|w| w.0 == task)
                || refused.contains(&task) && blocked(&after.system, task).is_some();
            after.system.calls[usize::from(task)].next().is_some() && !waits
        });
        if let Some(task) = free {
            return Err(task);
        }
        if waits.is_empty() && refused.is_empty() {
            // Every call has returned; the threads are on their way out.
            return Err(0);
        }
        shared.run = after;
        Ok(shared.run.system.waiting())
    }
}

#[cfg(test)]
pub(crate) mod tests;
