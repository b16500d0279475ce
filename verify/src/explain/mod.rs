//! Why a litmus test fails on a kernel, or what keeps it from failing: the shortest counterexample,
//! the fix that closes its window, and the same schedule with and without that fix.

mod closing;
mod follow;
mod shorten;

pub use crate::verdict::is_bad;
pub use closing::{Closing, Ending, closing};
pub use follow::{Followed, follow};
pub use shorten::shorten;

use crate::condition::{Condition, Conditions};
use crate::engine::graph::{self, Cost};
use crate::engine::loom::job::{self, Job};
use crate::litmus::Litmus;
use crate::program::{Memory, Program};
use crate::rule::{RuleId, RuleSet};
use crate::suite::MAX_LOOM;
use crate::traces::letters;
use crate::verdict::{Report, Verdict};
use diolock::kernel::Kernel;
use diolock::op::TaskId;
use std::path::Path;

/// loom may run that many executions in all; what it has not found by then is said to be not found.
const LOOM: u64 = 3_000;

/// A litmus test on a kernel, explained.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The claim.
    pub claim: String,
    /// The test on that kernel.
    pub program: Program,
    /// The verdict, and the counterexample if there is one.
    pub report: Report,
    /// What each engine had to say, in a line.
    pub engines: Vec<String>,
    /// What makes the difference, if that is known here.
    pub ending: Ending,
}

impl Explained {
    /// The two kernels compared, if there are two.
    pub fn closing(&self) -> Option<&Closing> {
        if let Ending::Closed(closing) = &self.ending { Some(closing) } else { None }
    }
}

/// Explains a litmus test on a kernel; `exe` is the `diolock` binary, for loom's processes.
pub fn explain(litmus: &Litmus, kernel: Kernel, exe: &Path) -> Explained {
    let program = litmus.program(kernel);
    let (report, engines) = match program.memory {
        Memory::Sc => sequential(litmus, &program, exe),
        Memory::C11 => weak(litmus, &program, exe),
    };
    let ending = closing(litmus, &program, &report, exe);
    Explained { claim: litmus.claim.clone(), program, report, engines, ending }
}

/// A test that every engine knows: the shortest counterexample with the fewest switches.
fn sequential(litmus: &Litmus, program: &Program, exe: &Path) -> (Report, Vec<String>) {
    let mut report = graph::run(program, graph::Options::default());
    let states = report.states.unwrap_or(0);
    let mut engines = Vec::new();
    if !is_bad(&report.verdict) {
        engines.push(format!("graph: all {states} states"));
        engines.extend(shown(program));
        engines.extend(loom_clean(litmus, program, exe));
        return (report, engines);
    }
    shorten(program, &mut report, Cost::Steps);
    if let Some(found) = report.counterexample.as_ref().filter(|found| !found.events.is_empty()) {
        let (steps, count) = (found.events.len(), preemptions(program, &found.schedule()));
        let shortest = if found.loop_start.is_some() { "" } else { ", none is shorter" };
        engines.push(format!("graph: {steps} steps{shortest}, {}", many(count, "preemption")));
    }
    if let Some((bound, found)) = loom_bad(litmus, program, exe) {
        let enough = if bound == 1 { "is enough" } else { "are enough" };
        engines.push(format!(
            "loom: {} {enough}, execution {}",
            many(bound, "preemption"),
            found.executions
        ));
    }
    (report, engines)
}

/// The shortest run that shows each condition that `exists`.
fn shown(program: &Program) -> Vec<String> {
    let run = |condition: &Condition| {
        let never = vec![condition.clone()];
        let asks = Program {
            rules: RuleSet::NONE.with(RuleId::R15),
            conditions: Conditions { never, ..Conditions::default() },
            ..program.clone()
        };
        let mut report = graph::run(&asks, graph::Options::default());
        shorten(&asks, &mut report, Cost::Steps);
        let schedule = report.counterexample?.schedule();
        Some(format!("`{}`: {}", condition.text, letters(program, &schedule)))
    };
    program.conditions.exists.iter().filter_map(run).collect()
}

/// A test of memory order: only loom knows.
fn weak(litmus: &Litmus, program: &Program, exe: &Path) -> (Report, Vec<String>) {
    if let Some((bound, report)) = loom_bad(litmus, program, exe) {
        let engine = format!(
            "loom: {}, execution {}, fewer preemptions do not show it",
            many(bound, "preemption"),
            report.executions
        );
        return (report, vec![engine]);
    }
    let report = job::run_child(&job(litmus, program, MAX_LOOM), exe);
    let engine = loom_text(&report);
    (report, vec![engine])
}

fn job(litmus: &Litmus, program: &Program, max_executions: u64) -> Job {
    let mut job = Job::new(litmus, program.kernel);
    job.max_executions = Some(max_executions);
    job
}

/// loom, with as few preemptions as show something; `None` if it shows nothing in the executions it has.
fn loom_bad(litmus: &Litmus, program: &Program, exe: &Path) -> Option<(usize, Report)> {
    if program.calls.iter().any(|call| call.repeats()) {
        return None;
    }
    let (mut executions, mut left) = (0, LOOM);
    for bound in 0.. {
        let mut job = job(litmus, program, left);
        job.preemption_bound = Some(bound);
        let report = job::run_child(&job, exe);
        if is_bad(&report.verdict) {
            return Some((bound, report));
        }
        left = left.saturating_sub(report.executions);
        // Another preemption changed nothing, or there is no execution left for it.
        if report.executions <= executions || left == 0 {
            return None;
        }
        executions = report.executions;
    }
    None
}

fn loom_clean(litmus: &Litmus, program: &Program, exe: &Path) -> Option<String> {
    if program.calls.iter().any(|call| call.repeats()) {
        return None;
    }
    Some(loom_text(&job::run_child(&job(litmus, program, LOOM), exe)))
}

fn loom_text(report: &Report) -> String {
    match &report.verdict {
        Verdict::Exhausted => format!(
            "loom: all {} executions, {} traces",
            report.executions,
            report.traces.unwrap_or(0)
        ),
        Verdict::Incomplete(why) => format!("loom: not finished ({why})"),
        other => format!("loom: {}", other.word()),
    }
}

/// Explains what an engine found: its run is made shorter first, and shown with what mends it.
pub fn explain_report(
    litmus: &Litmus,
    kernel: Kernel,
    mut report: Report,
    exe: &Path,
) -> Explained {
    let program = litmus.program(kernel);
    shorten(&program, &mut report, Cost::Switches);
    let ending = closing(litmus, &program, &report, exe);
    Explained { claim: litmus.claim.clone(), program, report, engines: Vec::new(), ending }
}

/// How often a task that could have gone on did not.
pub fn preemptions(program: &Program, schedule: &[TaskId]) -> usize {
    let mut count = 0;
    for at in 1..schedule.len() {
        if schedule[at] != schedule[at - 1] {
            let (_, run) = graph::replay(program, &schedule[..at]);
            count += usize::from(graph::enabled(&run.system).any(|task| task == schedule[at - 1]));
        }
    }
    count
}

/// `1 preemption`, `2 preemptions`.
pub fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
