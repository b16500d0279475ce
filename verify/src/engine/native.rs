//! The native engine: the tasks on OS threads, with parking_lot's locks.
//!
//! A real lock is taken first and the step booked second; a release is booked first and done
//! second. So the reference semantics never has to wait where the real lock did not, and the
//! booked order is one that the threads really ran in.
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
use crate::program::{Memory, Program, Run};
use crate::rule::{Gathered, RuleId, Violation};
use crate::verdict::{Report, Verdict};
use diolock::inode_lock::Mode;
use diolock::op::{Op, TaskId};
use diolock::task::Task;
use parking_lot::{Condvar, Mutex, deadlock};
use real::Locks;
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
        Options { iterations: 300, seed: 1, watchdog: Duration::from_millis(400) }
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
}

#[cfg(test)]
pub(crate) mod tests;
