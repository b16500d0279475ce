//! What outlives an execution: the program, its plan, and what was found so far.

use super::known::Known;
use super::plan::{self, Plan};
use crate::engine::{Tally, Wrong};
use crate::program::{Memory, Program, Run};
use crate::rule::{RuleId, Violation};
use crate::trace::HappensBefore;
use crate::verdict::{Report, Verdict};
use diolock::inode::Blocked;
use diolock::op::{Access, LockName, Object, Op, Outcome, TaskId, WaitQueue};
use std::cell::RefCell;
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

/// All model threads are coroutines on one OS thread, and thread-locals survive executions: here is
/// what must outlive one.
pub struct Explorer {
    pub program: Program,
    pub plan: Plan,
    pub options: Options,
    pub tally: Tally,
    pub run: Run,
    pub known: Known,
    /// Tasks in the middle of a step of several loom locks.
    pub midway: usize,
    /// The step that goes through loom now.
    pub current: Option<(TaskId, Op)>,
    /// What more the reader should know.
    pub note: Option<String>,
    pub start: Instant,
    pub emit: Box<dyn Fn(Report)>,
}

thread_local! {
    pub static EXPLORER: RefCell<Option<Explorer>> = const { RefCell::new(None) };
}

/// Looks at, or changes, what there is of the search.
pub fn with<R>(f: impl FnOnce(&mut Explorer) -> R) -> R {
    EXPLORER.with_borrow_mut(|explorer| f(explorer.as_mut().expect("a search is running")))
}

impl Explorer {
    pub fn next_execution(&mut self) {
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

    pub fn pending(&self, task: TaskId) -> Option<Op> {
        self.run.system.pending(task, &self.program.fair)
    }

    /// A C11 counter's value at the start.
    pub fn initial(&mut self, object: Object) -> usize {
        let queue = if object == Object::DioCount { WaitQueue::Dio } else { WaitQueue::Unwritten };
        self.program.inode.count(queue).max(0) as usize
    }

    /// The first object that a step touches and that it has not passed yet.
    pub fn touches_next(&self, op: &Op, passed: &[Object]) -> Option<(Object, Access)> {
        let touches = self.run.system.inode.touches(op);
        touches.into_iter().find(|(object, _)| !passed.contains(object))
    }

    pub fn holds(&self, task: TaskId, lock: LockName) -> bool {
        plan::guards(&self.run.system, task, Access::Read).contains(&lock)
    }

    pub fn blocked(&self, task: TaskId, op: &Op) -> Option<Blocked> {
        self.run.system.inode.blocked(task, op)
    }

    /// Books a step that loom has granted.
    pub fn book(&mut self, task: TaskId, op: &Op) -> Outcome {
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
    pub fn book_weak(&mut self, task: TaskId, op: &Op, outcome: Outcome) {
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
    pub fn is_known(&mut self) -> bool {
        !self.options.plain
            && self.program.memory == Memory::Sc
            && self.options.preemption_bound.is_none()
            && self.midway == 0
            && self.known.is_known()
    }

    pub fn returned(&mut self) {
        if self.run.system.finished() {
            self.tally.finished(&self.program, &self.run);
            if self.tally.wrong.is_some() {
                self.report(Verdict::Exhausted);
            }
        }
    }

    pub fn stop(&mut self, wrong: Wrong) {
        self.tally.went_wrong(wrong, &self.run);
        self.report(Verdict::Exhausted);
    }

    /// loom saw a block freed and I/O to it in no order. Shows the execution of the same trace in
    /// which that does harm: the step at hand before the one it races with.
    pub fn raced(&mut self) {
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
            let (wrong, run) = crate::engine::graph::replay(&self.program, &schedule);
            if matches!(&wrong, Wrong::Rule(violation) if self.program.rules.has(violation.rule)) {
                self.run = run;
                return self.stop(wrong);
            }
        }
        // Or the I/O is what another task is about to do.
        let so_far: Vec<TaskId> = events.iter().map(|event| event.task).collect();
        for other in self.run.system.tasks().filter(|&other| other != task) {
            let schedule = [&so_far[..], &[task, other]].concat();
            let (wrong, run) = crate::engine::graph::replay(&self.program, &schedule);
            if matches!(&wrong, Wrong::Rule(violation) if self.program.rules.has(violation.rule)) {
                self.run = run;
                return self.stop(wrong);
            }
        }
        self.stop(plain);
    }

    pub fn report(&mut self, clean: Verdict) {
        let tally = std::mem::take(&mut self.tally);
        let mut report = tally.report(&self.program, clean, self.start.elapsed().as_secs_f64());
        report.note = self.note.take();
        (self.emit)(report);
    }
}
