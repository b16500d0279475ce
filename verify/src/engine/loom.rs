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
pub mod job;
mod known;
mod model;
mod plan;

use super::{Tally, Wrong, enabled_anywhere};
use crate::program::{Memory, Program, Run};
use crate::rule::{RuleId, Violation};
use crate::trace::HappensBefore;
use crate::verdict::{Report, Verdict};
use diolock::inode::Blocked;
use diolock::op::{Access, LockName, Object, Op, Outcome, TaskId, WaitQueue};
use every_trace::every_trace;
use known::Known;
use model::Model;
use plan::Plan;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Instant;

/// How to search.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// At most that many preemptions; `None` explores everything.
    pub preemption_bound: Option<usize>,
    /// Leave everything to loom: explore on after a beginning that is equivalent to an earlier one.
    pub plain: bool,
    /// Give up after that many executions.
    pub max_executions: Option<u64>,
    /// Write each step of the current execution to this file, for jobs that die.
    pub journal: Option<std::path::PathBuf>,
}

/// loom's cap: five threads, main included.
pub const MAX_TASKS: usize = 4;

/// All model threads are coroutines on one OS thread, and thread-locals survive executions: here is
/// what must outlive one.
struct Explorer {
    program: Program,
    plan: Plan,
    options: Options,
    tally: Tally,
    run: Run,
    known: Known,
    /// Tasks in the middle of a step of several loom locks.
    midway: usize,
    /// The step that goes through loom now.
    current: Option<(TaskId, Op)>,
    /// What more the reader should know.
    note: Option<String>,
    start: Instant,
    emit: Box<dyn Fn(Report)>,
}

thread_local! {
    static EXPLORER: RefCell<Option<Explorer>> = const { RefCell::new(None) };
}

fn with<R>(f: impl FnOnce(&mut Explorer) -> R) -> R {
    EXPLORER.with_borrow_mut(|explorer| f(explorer.as_mut().expect("a search is running")))
}

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

impl Explorer {
    fn next_execution(&mut self) {
        if self.options.max_executions.is_some_and(|max| self.tally.executions >= max) {
            let executions = self.tally.executions;
            self.report(Verdict::Incomplete(format!("stopped after {executions} executions")));
        }
        self.tally.executions += 1;
        self.run = Run::new(&self.program);
        self.known.next_execution();
        self.midway = 0;
        if let Some(journal) = &self.options.journal {
            // A journal that cannot be written must not stop the search.
            let _ = std::fs::write(journal, "");
        }
    }

    fn pending(&self, task: TaskId) -> Option<Op> {
        self.run.system.pending(task, &self.program.fair)
    }

    /// A C11 counter's value at the start.
    fn initial(&mut self, object: Object) -> usize {
        let queue = if object == Object::DioCount { WaitQueue::Dio } else { WaitQueue::Unwritten };
        self.program.inode.count(queue).max(0) as usize
    }

    /// The first object that a step touches and that it has not passed yet.
    fn touches_next(&self, op: &Op, passed: &[Object]) -> Option<(Object, Access)> {
        let touches = self.run.system.inode.touches(op);
        touches.into_iter().find(|(object, _)| !passed.contains(object))
    }

    fn holds(&self, task: TaskId, lock: LockName) -> bool {
        plan::guards(&self.run.system, task, Access::Read).contains(&lock)
    }

    fn blocked(&self, task: TaskId, op: &Op) -> Option<Blocked> {
        self.run.system.inode.blocked(task, op)
    }

    /// Books a step that loom has granted.
    fn book(&mut self, task: TaskId, op: &Op) -> Outcome {
        if let Err(why) = self.plan.allows(&self.run.system, task, op) {
            self.report(Verdict::Incomplete(why));
        }
        match self.run.system.perform(task, op.clone()) {
            Ok(event) => {
                let outcome = event.outcome.clone();
                self.observe(event);
                outcome
            }
            Err(blocked) => {
                self.report(Verdict::Incomplete(format!(
                    "loom granted {op:?}, which the reference semantics blocks: {blocked:?}"
                )));
                Outcome::Done
            }
        }
    }

    /// Books a step whose outcome a C11 atomic has decided.
    fn book_weak(&mut self, task: TaskId, op: &Op, outcome: Outcome) {
        // Changes are made there in the order in which they are made here, whatever was read.
        let _ = self.run.system.inode.perform(task, op);
        self.run.system.resume(task, op, outcome.clone());
        self.observe(crate::program::Event { task, op: op.clone(), outcome });
    }

    fn observe(&mut self, event: crate::program::Event) {
        if let Some(journal) = &self.options.journal {
            use std::io::Write;
            if let Ok(mut file) = std::fs::OpenOptions::new().append(true).open(journal)
                && let Ok(line) = serde_json::to_string(&event)
            {
                let _ = writeln!(file, "{line}");
            }
        }
        self.known.observe(&event);
        let observed = self.run.observe(&self.program, event, &mut self.tally.gathered);
        if let Err(violation) = observed {
            self.stop(Wrong::Rule(violation));
        }
    }

    /// Whether what follows has been explored already, after an equivalent beginning.
    fn is_known(&mut self) -> bool {
        !self.options.plain
            && self.program.memory == Memory::Sc
            && self.options.preemption_bound.is_none()
            && self.midway == 0
            && self.known.is_known()
    }

    fn returned(&mut self) {
        if self.run.system.finished() {
            self.tally.finished(&self.program, &self.run);
            if self.tally.wrong.is_some() {
                self.report(Verdict::Exhausted);
            }
        }
    }

    fn stop(&mut self, wrong: Wrong) {
        self.tally.went_wrong(wrong, &self.run);
        self.report(Verdict::Exhausted);
    }

    /// loom saw a block freed and I/O to it in no order. Shows the execution of the same trace in
    /// which that does harm: the step at hand before the one it races with.
    fn raced(&mut self) {
        let text = "a block was freed in a race with I/O to it".to_owned();
        let plain = Wrong::Rule(Violation { rule: RuleId::R4, text });
        let Some((task, op)) = self.current.clone() else { return self.stop(plain) };
        let events = &self.run.events;
        let order = HappensBefore::new(self.program.calls.len(), events);
        let touches = self.run.system.inode.touches(&op);
        let races = (0..events.len()).filter(|&at| {
            events[at].task != task
                && events[at].touched().iter().any(|(object, access)| {
                    matches!(object, Object::Block(_))
                        && touches.iter().any(|(o, a)| o == object && a.conflicts(*access))
                })
        });
        for first in races {
            let before = (0..events.len()).filter(|&at| at != first && !order.before(first, at));
            let mut schedule: Vec<TaskId> = before.map(|at| events[at].task).collect();
            // Harm is done by the free if the I/O is in flight by then, else by the I/O.
            schedule.extend([task, events[first].task]);
            let (wrong, run) = super::graph::replay(&self.program, &schedule);
            if matches!(&wrong, Wrong::Rule(violation) if self.program.rules.has(violation.rule)) {
                self.run = run;
                return self.stop(wrong);
            }
        }
        self.stop(plain);
    }

    fn report(&mut self, clean: Verdict) {
        let tally = std::mem::take(&mut self.tally);
        let mut report = tally.report(&self.program, clean, self.start.elapsed().as_secs_f64());
        report.note = self.note.take();
        (self.emit)(report);
    }
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
