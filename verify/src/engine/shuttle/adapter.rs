//! A program as shuttle threads: one thread a task, one switch point a step.

use super::exploration::Exploration;
use super::options::{Options, Strategy};
use crate::engine::{Tally, Wrong};
use crate::program::{Program, Run};
use crate::rule::RuleId;
use crate::verdict::{Report, Verdict};
use diolock::op::{Op, TaskId};
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the threads and the scheduler share. All of them run on one OS thread and nobody holds the
/// lock across a switch point, so it is never waited for.
#[derive(Debug)]
pub(super) struct Shared {
    /// The execution as it happens.
    pub run: Run,
    /// Who has reached the switch point before its next step.
    pub arrived: Vec<bool>,
    /// Nothing more happens in this execution: whoever is scheduled returns.
    pub over: bool,
    /// This execution came to its end or got stuck; it was not cut off.
    pub whole: bool,
    /// Why no further execution is wanted.
    pub incomplete: Option<String>,
    /// Executions cut off by sleep sets.
    pub cut: u64,
    /// Backtrack points at which every enabled task had to be tried.
    pub widened: u64,
    /// All executions so far.
    pub tally: Tally,
    stuck: BTreeSet<u64>,
    schedules: DefaultHasher,
    keep_going: bool,
    /// Executions are sampled, not all explored.
    samples: bool,
}

/// Locks what is shared.
pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Before the first execution.
    pub fn new(program: &Program, keep_going: bool, samples: bool) -> Shared {
        Shared {
            run: Run::new(program),
            arrived: vec![false; program.calls.len()],
            over: false,
            whole: false,
            incomplete: None,
            cut: 0,
            widened: 0,
            tally: Tally::new(),
            stuck: BTreeSet::new(),
            schedules: DefaultHasher::new(),
            keep_going,
            samples,
        }
    }

    /// Starts an execution.
    pub fn begin(&mut self, program: &Program) {
        self.run = Run::new(program);
        self.arrived.fill(false);
        self.over = false;
        self.whole = false;
        self.tally.executions += 1;
        self.end_if_finished(program);
    }

    /// Books the execution that has just ended.
    pub fn end(&mut self) {
        for event in &self.run.events {
            event.task.hash(&mut self.schedules);
        }
        TaskId::MAX.hash(&mut self.schedules);
    }

    /// Whether something was found that ends the search. A cycle in the lock order is no such thing:
    /// the deadlock that it may lead to says more.
    pub fn found(&self) -> bool {
        !self.keep_going && self.tally.wrong.is_some()
    }

    /// Nobody can go on although somebody has something left to do.
    pub fn got_stuck(&mut self, program: &Program) {
        self.over = true;
        self.whole = true;
        self.stuck.insert(self.run.trace.get());
        if program.rules.has(RuleId::R12) {
            let waiting = self.run.system.waiting();
            self.tally.went_wrong(Wrong::Stuck(waiting), &self.run);
        }
    }

    /// Performs a task's step. It was enabled when the scheduler chose it and nothing has happened
    /// since.
    fn step(&mut self, program: &Program, task: TaskId) {
        let Some(op) = self.run.system.pending(task, &program.fair) else { return };
        let Ok(event) = self.run.system.perform(task, op) else {
            debug_assert!(false, "a blocked task was scheduled");
            return;
        };
        if let Err(violation) = self.run.observe(program, event, &mut self.tally.gathered) {
            self.tally.went_wrong(Wrong::Rule(violation), &self.run);
            self.over |= !self.keep_going;
        }
        if !self.over {
            self.end_if_finished(program);
        }
    }

    /// Whether a task's next step needs no switch point of its own when sampling: a lock that is
    /// held orders it, or nobody else looks, so that stopping before it is the same to everybody as
    /// stopping before the step that follows. Fewer places to switch at make the few that matter
    /// likelier.
    fn next_is_quiet(&self, program: &Program, task: TaskId) -> bool {
        let op = self.run.system.pending(task, &program.fair);
        op.is_some_and(|op| {
            matches!(
                op,
                Op::Unlock(..)
                    | Op::Downgrade(_)
                    | Op::Map(..)
                    | Op::Convert(..)
                    | Op::ConvertExtent(..)
                    | Op::Free(_)
                    | Op::Private(..)
                    | Op::InodeAio
                    | Op::DisksizeWrite(_)
                    | Op::PagesRead(_)
                    | Op::PagesFind(_)
                    | Op::PagesDirty(_)
                    | Op::PageTruncate(..)
                    | Op::PageZero(..)
                    | Op::PageInvalidate(_)
                    | Op::PageRemove(_)
                    | Op::PageIn(_)
                    | Op::PageFill(..)
                    | Op::PageStore(..)
                    | Op::PageClean(..)
                    | Op::PageCommit(..)
                    | Op::ListAdd(_)
                    | Op::ListTake(_)
                    | Op::JournalStop(_)
                    | Op::SmpMb
                    | Op::AioComplete
            )
        })
    }

    fn end_if_finished(&mut self, program: &Program) {
        if self.run.system.finished() {
            self.over = true;
            self.whole = true;
            self.tally.finished(program, &self.run);
        }
    }

    /// The result.
    pub fn finish(
        &mut self,
        program: &Program,
        options: &Options,
        iterations: u64,
        seconds: f64,
    ) -> Exploration {
        debug_assert_eq!(iterations, self.tally.executions);
        let mut tally = std::mem::take(&mut self.tally);
        tally.executions = iterations;
        let clean = match self.incomplete.take() {
            Some(why) => Verdict::Incomplete(why),
            None if iterations == 0 => Verdict::Vacuous("no execution was run".to_owned()),
            None if options.strategy == Strategy::Exhaustive => Verdict::Exhausted,
            None => Verdict::Sampled,
        };
        let mut report = tally.report(program, clean, seconds);
        if !options.traces {
            report.trace_set = BTreeSet::new();
        }
        if options.strategy != Strategy::Exhaustive {
            report.note = Some(format!("seed {}", options.seed));
        }
        Exploration {
            report,
            stuck: std::mem::take(&mut self.stuck),
            cut: self.cut,
            widened: self.widened,
            schedule: self.run.events.iter().map(|event| event.task).collect(),
            schedules: self.schedules.finish(),
        }
    }
}

impl Exploration {
    /// Nothing was run.
    pub(super) fn refused(program: &Program, why: String) -> Exploration {
        let report: Report = Tally::new().report(program, Verdict::Sampled, 0.0);
        Exploration {
            report: Report { verdict: Verdict::Incomplete(why), traces: None, ..report },
            stuck: BTreeSet::new(),
            cut: 0,
            widened: 0,
            schedule: Vec::new(),
            schedules: 0,
        }
    }
}

/// The order in which the tasks are spawned: as the program says, then whoever it left out.
pub(super) fn spawn_order(program: &Program) -> Vec<TaskId> {
    let all = 0..program.calls.len() as TaskId;
    let mut order: Vec<TaskId> =
        program.spawn_order.iter().copied().filter(|task| all.contains(task)).collect();
    order.extend(all.filter(|task| !program.spawn_order.contains(task)));
    order
}

/// What shuttle runs again and again.
pub(super) fn body(
    program: &Arc<Program>,
    shared: &Arc<Mutex<Shared>>,
) -> impl Fn() + Send + Sync + 'static {
    let (program, shared) = (Arc::clone(program), Arc::clone(shared));
    let order = spawn_order(&program);
    move || {
        let spawn = |&task: &TaskId| {
            let (program, shared) = (Arc::clone(&program), Arc::clone(&shared));
            shuttle::thread::spawn(move || perform(&program, &shared, task))
        };
        let threads: Vec<_> = order.iter().map(spawn).collect();
        for thread in threads {
            // A panicking task has ended the whole run already.
            let _ = thread.join();
        }
    }
}

/// One task: a switch point, a step, and so on until there is none left. The switch point is an
/// atomic of its own and not a yield, because PCT takes a yield for a wish to be put last.
fn perform(program: &Program, shared: &Mutex<Shared>, task: TaskId) {
    let point = AtomicUsize::new(0);
    loop {
        lock(shared).arrived[usize::from(task)] = true;
        point.load(Ordering::SeqCst);
        let mut shared = lock(shared);
        shared.arrived[usize::from(task)] = false;
        if shared.over {
            return;
        }
        shared.step(program, task);
        while shared.samples && !shared.over && shared.next_is_quiet(program, task) {
            shared.step(program, task);
        }
        if shared.run.system.pending(task, &program.fair).is_none() {
            return;
        }
    }
}
