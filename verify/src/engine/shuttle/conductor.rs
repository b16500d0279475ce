//! The scheduler that shuttle sees: it shows the strategy only the tasks that can take a step.

use super::adapter::{Shared, lock, spawn_order};
use super::dpor::{Search, absorb};
use super::exploration::Watcher;
use super::options::{Options, Strategy};
use crate::program::Program;
use diolock::op::TaskId;
use shuttle::scheduler::{self as sched, PctScheduler, RandomScheduler, Schedule, Scheduler};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

/// Who decides.
pub(super) enum Choice {
    /// shuttle's random scheduler; taken away at the end.
    Random(Option<RandomScheduler>),
    /// shuttle's PCT scheduler.
    Pct(PctScheduler),
    /// Our search.
    Exhaustive(Box<Search>),
}

/// Schedules one program.
///
/// The main thread and threads that have not reached their first switch point, or that are about to
/// return, go first and without asking the strategy: what they do touches nothing shared, so it
/// belongs to no trace.
pub(super) struct Conductor {
    program: Arc<Program>,
    shared: Arc<Mutex<Shared>>,
    choice: Choice,
    watcher: Watcher,
    options: Options,
    /// The task of each spawned thread, in the order of their ids.
    order: Vec<TaskId>,
    /// Executions so far.
    executions: u64,
    /// There was something to choose so far.
    chosen: bool,
}

impl Conductor {
    /// Before the first execution.
    pub fn new(
        program: &Arc<Program>,
        shared: &Arc<Mutex<Shared>>,
        (choice, watcher): (Choice, Watcher),
        options: Options,
    ) -> Conductor {
        Conductor {
            program: Arc::clone(program),
            shared: Arc::clone(shared),
            choice,
            watcher,
            options,
            order: spawn_order(program),
            executions: 0,
            chosen: false,
        }
    }

    /// The task that a thread runs; the main thread runs none.
    fn task(&self, thread: sched::TaskId) -> Option<TaskId> {
        self.order.get(usize::from(thread).checked_sub(1)?).copied()
    }

    /// The thread that runs a task.
    fn thread(&self, task: TaskId) -> Option<sched::TaskId> {
        Some(sched::TaskId::from(self.order.iter().position(|&t| t == task)? + 1))
    }

    /// Ends the last execution; says why the search stops, if it does.
    fn stops(&mut self) -> bool {
        let mut shared = lock(&self.shared);
        if self.executions > 0 {
            shared.end();
            if shared.whole
                && let ControlFlow::Break(why) = (self.watcher)(&shared.run)
            {
                shared.incomplete = Some(why);
                return true;
            }
            if shared.found() {
                return true;
            }
        }
        match &mut self.choice {
            Choice::Exhaustive(search) => {
                let run = &shared.run;
                absorb(search, &run.events);
                let more = self.executions == 0 || search.end(&run.system);
                shared.widened = search.widened();
                if !more {
                    return true;
                }
                let max = self.options.max_executions;
                if max.is_some_and(|max| self.executions >= max) {
                    let executions = self.executions;
                    shared.incomplete = Some(format!("stopped after {executions} executions"));
                }
                shared.incomplete.is_some()
            }
            Choice::Random(_) | Choice::Pct(_) => self.executions >= self.options.iterations as u64,
        }
    }
}

impl Scheduler for Conductor {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.stops() {
            if let Choice::Random(random) = &mut self.choice {
                // Dropped before its last iteration it would print advice that does not apply.
                std::mem::forget(random.take());
            }
            return None;
        }
        self.executions += 1;
        lock(&self.shared).begin(&self.program);
        // PCT refuses a second execution of something that never had a choice.
        match &mut self.choice {
            Choice::Random(Some(random)) => random.new_execution(),
            Choice::Pct(pct) if self.executions == 1 || self.chosen => pct.new_execution(),
            _ => Some(Schedule::new(0)),
        }
    }

    fn next_task(
        &mut self,
        runnable: &[&sched::Task],
        current: Option<sched::TaskId>,
        _: bool,
    ) -> Option<sched::TaskId> {
        let mut shared = lock(&self.shared);
        let shared = &mut *shared;
        let silent = runnable.iter().map(|thread| thread.id()).find(|&thread| {
            self.task(thread).is_none_or(|task| !shared.arrived[usize::from(task)])
        });
        if let Some(thread) = silent {
            return Some(thread);
        }
        let fallback = runnable.first()?.id();
        if shared.over {
            return Some(fallback);
        }
        let system = &shared.run.system;
        let can_go = |thread: &&&sched::Task| {
            self.task(thread.id()).is_some_and(|task| {
                let op = system.pending(task, &self.program.fair);
                op.is_some_and(|op| system.inode.blocked(task, &op).is_none())
            })
        };
        let enabled: Vec<&sched::Task> = runnable.iter().filter(can_go).copied().collect();
        let Some(first) = enabled.first().map(|thread| thread.id()) else {
            shared.got_stuck(&self.program);
            return Some(fallback);
        };
        if self.options.strategy != Strategy::Exhaustive && enabled.len() == 1 {
            return Some(first);
        }
        // shuttle's own idea of the current task may be a thread that has just started.
        let last = shared.run.events.last().and_then(|event| self.thread(event.task)).or(current);
        self.chosen = true;
        match &mut self.choice {
            Choice::Random(random) => random.as_mut()?.next_task(&enabled, last, false),
            Choice::Pct(pct) => pct.next_task(&enabled, last, false),
            Choice::Exhaustive(search) => {
                absorb(search, &shared.run.events);
                match search.choose(system) {
                    Some(task) => self.thread(task as TaskId),
                    None => {
                        shared.cut += 1;
                        shared.over = true;
                        Some(fallback)
                    }
                }
            }
        }
    }

    fn next_u64(&mut self) -> u64 {
        match &mut self.choice {
            Choice::Random(Some(random)) => random.next_u64(),
            Choice::Pct(pct) => pct.next_u64(),
            _ => 0,
        }
    }
}
