//! Runs a schedule on the reference semantics, as far as it goes.

use super::steps::{Schedule, Step};
use super::weak::{History, must_see};
use crate::engine::graph;
use crate::program::{Event, Program, Run, Waiting};
use crate::rule::{Gathered, Violation};
use diolock::op::TaskId;
use diolock::task::Task;

/// A schedule, run.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What happened.
    pub run: Run,
    /// How it ended.
    pub end: End,
}

/// How the replay of a schedule ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Every step was taken, nothing is wrong, and somebody could go on.
    Ran,
    /// Every step was taken and every task has returned.
    Finished,
    /// Every step was taken and nobody can go on.
    Stuck(Vec<Waiting>),
    /// The last step that was taken broke a rule.
    Broken(Violation),
    /// Step `at` of the schedule has to wait.
    Blocked {
        /// Which step of the schedule, from 0.
        at: usize,
        /// Who waits for what.
        waiting: Waiting,
    },
    /// Step `at` is of a task that has returned, or of a completion whose I/O was not submitted.
    NoStep {
        /// Which step of the schedule, from 0.
        at: usize,
        /// Whose.
        task: TaskId,
        /// It has not started.
        not_submitted: bool,
    },
    /// Step `at` has another name than the schedule says.
    Renamed {
        /// Which step of the schedule, from 0.
        at: usize,
        /// Its name.
        found: &'static str,
    },
    /// Step `at` cannot read an old value.
    TooOld {
        /// Which step of the schedule, from 0.
        at: usize,
        /// Why not.
        why: String,
    },
}

impl End {
    /// In capitals, as the first word of a report.
    pub fn title(&self) -> &'static str {
        match self {
            End::Broken(_) => "VIOLATED",
            End::Stuck(waiting) if waiting.iter().any(Waiting::spins) => "LIVELOCKED",
            End::Stuck(_) => "DEADLOCKED",
            End::Ran | End::Finished => "CLEAN",
            _ => "STOPPED",
        }
    }

    /// In a word or two, as a schedule records it: `violated R4`, `deadlocked`.
    pub fn word(&self) -> String {
        let word = self.title().to_lowercase();
        match self {
            End::Broken(violation) => format!("{word} {}", violation.rule.code()),
            _ => word,
        }
    }
}

/// Runs a schedule until it ends or a step cannot be taken. Writers queue on a rwsem that makes them
/// wait, as in the graph engine: to queue is a step.
pub fn replay(program: &Program, schedule: &Schedule) -> Replay {
    let mut run = Run::new(program);
    let mut gathered = Gathered::default();
    let mut history = History::new(&run.system);
    for (at, step) in schedule.steps.iter().enumerate() {
        let event = match event(program, &mut run, &history, step, at) {
            Ok(event) => event,
            Err(end) => return Replay { run, end },
        };
        let judged = run.observe(program, event, &mut gathered);
        history.book(&run.system, at);
        if let Err(violation) = judged {
            return Replay { run, end: End::Broken(violation) };
        }
    }
    let end = if run.system.finished() {
        run.rules
            .finish(program, &run.system, &mut Gathered::default())
            .map_or_else(End::Broken, |()| End::Finished)
    } else if graph::enabled(&run.system).next().is_none() {
        End::Stuck(run.system.waiting())
    } else {
        End::Ran
    };
    Replay { run, end }
}

fn event(
    program: &Program,
    run: &mut Run,
    history: &History,
    step: &Step,
    at: usize,
) -> Result<Event, End> {
    let task = step.task;
    let call = &run.system.calls[usize::from(task)];
    let place = call.place();
    let Some(op) = graph::pending(&run.system, task) else {
        return Err(End::NoStep { at, task, not_submitted: !call.started() });
    };
    if step.name.as_deref().is_some_and(|name| name != place.step) {
        return Err(End::Renamed { at, found: place.step });
    }
    if step.old == 0 {
        return run
            .system
            .perform(task, op)
            .map_err(|blocked| End::Blocked { at, waiting: Waiting { task, place, blocked } });
    }
    let too_old = |why| End::TooOld { at, why };
    let (outcome, missed) = history.old(task, &op, step.old).map_err(too_old)?;
    for write in missed {
        if let Some(why) = must_see(program, &run.events, task, &op, write) {
            return Err(too_old(why));
        }
    }
    run.system.resume(task, &op, outcome.clone());
    Ok(Event { task, op, outcome })
}
