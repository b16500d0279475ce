//! The loom engine: every schedule, and under C11 every memory order, of at most four tasks.
//!
//! loom's own locks carry the exploration; what a step *does* is decided by the reference
//! semantics, which loom's grants must agree with. A search runs in a process of its own
//! ([`job`]), because loom ends a deadlock by panicking and some of those panics abort.
//!
//! # What keeps it exhaustive
//! A start gate (main holds every loom object while the tasks are spawned, so that no thread start
//! is explored), no joins, `std::sync::Arc`, loom's native locks, no plain atomic loads except
//! under C11, and no loom object at all where the plan (`loom/plan.rs`) shows that order cannot be told.
//!
//! # Limits
//! Four tasks, completions included. Fairness only for the locks that a litmus test names.

mod c11;
mod counts;
mod every_trace;
mod explorer;
mod held;
pub mod job;
mod known;
mod model;
mod park;
mod plan;

pub use explorer::Options;

use super::{Tally, Wrong, enabled_anywhere};
use crate::program::{Memory, Program, Run};
use crate::rule::RuleId;
use crate::verdict::{Report, Verdict};
use diolock::op::{Op, TaskId};
use every_trace::every_trace;
use explorer::{EXPLORER, Explorer, with};
use known::Known;
use model::Model;
use plan::Plan;
use std::collections::BTreeSet;
use std::time::Instant;

/// loom's cap: five threads, main included.
pub const MAX_TASKS: usize = 4;

/// Why a program cannot be searched by loom.
pub fn unfit(program: &Program) -> Option<String> {
    let tasks = program.calls.len();
    if tasks > MAX_TASKS {
        return Some(format!("loom holds {MAX_TASKS} tasks besides main, this has {tasks}"));
    }
    program
        .calls
        .iter()
        .any(|call| call.repeats())
        .then(|| "a task repeats for ever: loom's executions must end".to_owned())
}

/// Searches a program and hands the report to `emit`, which must end the process: after a deadlock
/// there is nothing to return to.
pub fn search(program: &Program, options: Options, emit: impl Fn(Report) + 'static) {
    let start = Instant::now();
    if let Some(why) = unfit(program) {
        return emit(Report::incomplete(why));
    }
    let explorer = Explorer {
        program: program.clone(),
        plan: Plan::new(program),
        run: Run::new(program),
        known: Known::new(program.calls.len()),
        current: None,
        midway: 0,
        note: None,
        tally: Tally::new(),
        start,
        emit: Box::new(emit),
        options: options.clone(),
    };
    EXPLORER.set(Some(explorer));
    std::panic::set_hook(Box::new(|info| died(&info.to_string())));

    let gated = program.memory == Memory::Sc;
    let other_order = || {
        with(|explorer| {
            explorer.program.spawn_order.reverse();
            // What follows a beginning was searched in the other order.
            explorer.known = Known::new(explorer.program.calls.len());
        });
        explore(gated, options.preemption_bound);
    };
    explore(gated, options.preemption_bound);
    if let Some(bound) = options.preemption_bound {
        if !gated {
            other_order();
        }
        return with(|explorer| explorer.report(Verdict::Bounded(bound)));
    }
    let every = if with(|explorer| explorer.tally.wrong.is_some()) {
        BTreeSet::new()
    } else {
        every_trace(program)
    };
    let missed = || with(|explorer| every.difference(&explorer.tally.traces).count());
    let first = missed();
    if !gated || first > 0 {
        let of = every.len();
        let note = format!("{first} of {of} traces were seen in the other spawn order only");
        with(|explorer| explorer.note = gated.then_some(note));
        other_order();
    }
    let clean = match missed() {
        0 => Verdict::Exhausted,
        missed => {
            let of = every.len();
            let why = format!("loom missed {missed} of the {of} traces that every machine has");
            Verdict::Incomplete(why)
        }
    };
    with(|explorer| explorer.report(clean));
}

fn explore(gated: bool, preemption_bound: Option<usize>) {
    let mut builder = loom::model::Builder::new();
    builder.max_threads = MAX_TASKS + 1;
    builder.max_branches = 20_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = preemption_bound;
    builder.checkpoint_file = None;
    builder.checkpoint_interval = usize::MAX;
    builder.expect_explicit_explore = gated;
    builder.location = false;
    builder.log = false;
    builder.check(move || execution(gated));
}

/// One execution: main gates the tasks, then does nothing more.
fn execution(gated: bool) {
    let (order, plan) = with(|explorer| {
        explorer.next_execution();
        (explorer.program.spawn_order.clone(), explorer.plan.clone())
    });
    // Leaked: guards move between tasks (a reference is dropped by whoever completes the I/O), and
    // a search ends with its process. Some kilobytes an execution.
    let model: &'static Model = Box::leak(Box::new(Model::new(&plan, !gated)));
    let gate = gated.then(|| model.hold_everything());
    let mut spawned = 0;
    for task in order {
        if with(|explorer| explorer.run.system.calls[usize::from(task)].started()) {
            spawn(model, task);
            spawned += 1;
        }
    }
    if gated {
        for _ in 0..spawned {
            loom::thread::yield_now();
        }
        loom::explore();
    }
    drop(gate);
}

fn spawn(model: &'static Model, task: TaskId) {
    loom::thread::spawn(move || {
        while let Some(op) = with(|explorer| explorer.pending(task)) {
            with(|explorer| explorer.current = Some((task, op.clone())));
            model.step(task, &op);
            if with(Explorer::is_known) {
                loom::skip_branch();
            }
            if let Op::Submit(child, _) = op {
                spawn(model, child);
            }
        }
        with(Explorer::returned);
    });
}

/// loom panicked: it found a deadlock or a race, or it gave up.
fn died(message: &str) {
    EXPLORER.with(|cell| {
        let Ok(mut explorer) = cell.try_borrow_mut() else { return };
        let Some(explorer) = explorer.as_mut() else { return };
        let stuck = explorer.run.system.waiting();
        if message.contains("deadlock") {
            if enabled_anywhere(&explorer.run.system, &explorer.program.fair) {
                explorer.report(Verdict::Incomplete(
                    "loom is stuck where the reference semantics can go on".to_owned(),
                ));
            } else if explorer.program.rules.has(RuleId::R12) {
                explorer.stop(Wrong::Stuck(stuck));
            } else {
                explorer.report(Verdict::Incomplete(
                    "a deadlock ended the search, and R12 is not judged here".to_owned(),
                ));
            }
        } else if message.contains("Causality violation") {
            explorer.raced();
        } else {
            let first = message.lines().find(|l| !l.trim().is_empty()).unwrap_or(message);
            explorer.report(Verdict::Incomplete(format!("loom gave up: {first}")));
        }
    });
}
