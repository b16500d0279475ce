//! The engines. Each runs the tasks of a program in many orders; none of them touches a task.

pub mod graph;
pub mod loom;
pub mod native;
pub mod selftest;
pub mod shuttle;

use crate::program::{Program, Run, Waiting};
use crate::rule::{Gathered, Violation};
use crate::verdict::{Counterexample, Report, Verdict};
use diolock::op::TaskId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An engine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// The reference semantics, state by state.
    Graph,
    /// loom: every schedule and memory order.
    Loom,
    /// shuttle: sampled, or exhaustive with our scheduler.
    Shuttle,
    /// OS threads.
    Native,
}

impl EngineName {
    /// Every engine.
    pub const ALL: [EngineName; 4] =
        [EngineName::Graph, EngineName::Loom, EngineName::Shuttle, EngineName::Native];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            EngineName::Graph => "graph",
            EngineName::Loom => "loom",
            EngineName::Shuttle => "shuttle",
            EngineName::Native => "native",
        }
    }
}

/// How an execution ended badly.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// A rule was broken.
    Rule(Violation),
    /// Nobody can go on.
    Stuck(Vec<Waiting>),
}

/// Gathers the executions of one program into a report: the part that all engines share.
#[derive(Debug)]
pub struct Tally {
    /// Executions so far.
    pub executions: u64,
    /// Fingerprints of the complete executions so far.
    pub traces: BTreeSet<u64>,
    /// What is gathered over all of them.
    pub gathered: Gathered,
    /// The first bad end.
    pub wrong: Option<(Wrong, Vec<crate::program::Event>)>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new()
    }
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Tally {
        Tally { executions: 0, traces: BTreeSet::new(), gathered: Gathered::default(), wrong: None }
    }

    /// Books a bad end, unless there was one before.
    pub fn went_wrong(&mut self, wrong: Wrong, run: &Run) {
        if self.wrong.is_none() {
            self.wrong = Some((wrong, run.events.clone()));
        }
    }

    /// Books the end of an execution in which every task returned.
    pub fn finished(&mut self, program: &Program, run: &Run) {
        self.traces.insert(run.trace.get());
        witness_orders(program, run, &mut self.gathered);
        if let Err(violation) = run.rules.finish(program, &run.system, &mut self.gathered) {
            self.went_wrong(Wrong::Rule(violation), run);
        }
    }

    /// The report, if the search ended by itself with the verdict `clean` unless something was found.
    pub fn report(mut self, program: &Program, clean: Verdict, seconds: f64) -> Report {
        use crate::rule::RuleId;
        if self.wrong.is_none()
            && program.rules.has(RuleId::R2)
            && let Some(violation) = self.gathered.cycle()
        {
            self.wrong = Some((Wrong::Rule(violation), Vec::new()));
        }
        let (verdict, counterexample) = match self.wrong {
            Some((wrong, events)) => {
                let (verdict, text) = wrong.verdict(program);
                (verdict, Some(Counterexample { events, text, loop_start: None }))
            }
            None if matches!(clean, Verdict::Incomplete(_)) => (clean, None),
            None => {
                let forbidden = || forbidden(program, &self.gathered);
                let explored = clean == Verdict::Exhausted;
                let verdict = vacuous(program, &self.gathered)
                    .or_else(|| explored.then(forbidden).flatten())
                    .unwrap_or(clean);
                (verdict, None)
            }
        };
        Report {
            verdict,
            executions: self.executions,
            traces: Some(self.traces.len() as u64),
            states: None,
            seconds,
            counterexample,
            trace_set: self.traces,
            gathered: self.gathered,
            note: None,
        }
    }
}

/// Books the witnesses that speak of an order. A trace shows one if *some* execution of the trace
/// does, whichever of them the engine happened to run.
fn witness_orders(program: &Program, run: &Run, gathered: &mut Gathered) {
    let unseen: Vec<usize> = (0..program.reaches.len()).filter(|&at| !gathered.seen(at)).collect();
    if unseen.is_empty() {
        return;
    }
    let order = crate::trace::HappensBefore::new(program.calls.len(), &run.events);
    for at in unseen {
        if program.reaches[at].shown_by_trace(&run.events, &order) {
            gathered.witness(at);
        }
    }
}

/// The first witness that was never seen; or the end of an execution, if conditions speak of it.
pub fn vacuous(program: &Program, gathered: &Gathered) -> Option<Verdict> {
    let Some(unseen) = (0..program.reaches.len()).find(|&at| !gathered.seen(at)) else {
        let why = "no execution came to its end, and conditions speak of ends";
        return (!all_seen(program, gathered)).then(|| Verdict::Vacuous(why.to_owned()));
    };
    let witness = program.reaches[unseen];
    let name = program.names[usize::from(witness.task)].letter;
    let verb = witness.verb.text(program);
    let half = name.to_ascii_lowercase();
    let asynchronous = half != name && program.names.iter().any(|name| name.letter == half);
    let hint = if asynchronous { format!(" ({half}, its completion, may)") } else { String::new() };
    Some(Verdict::Vacuous(format!("never reached: {name} {verb}{hint}")))
}

/// Whether every witness was seen, and the end of an execution, if conditions speak of it.
fn all_seen(program: &Program, gathered: &Gathered) -> bool {
    let ended = program.conditions.is_empty() || gathered.seen(program.witness_of_an_end());
    ended && (0..program.reaches.len()).all(|at| gathered.seen(at))
}

/// The conditions each of which should hold at some end, and held at none.
pub fn forbidden(program: &Program, gathered: &Gathered) -> Option<Verdict> {
    let exists = (program.reaches.len()..).zip(&program.conditions.exists);
    let unseen = exists.filter(|&(at, _)| !gathered.seen(at));
    let texts: Vec<String> = unseen.map(|(_, condition)| format!("`{}`", condition.text)).collect();
    (!texts.is_empty()).then(|| Verdict::Forbidden(format!("at no end {}", texts.join(", nor "))))
}

impl Wrong {
    /// The verdict it means, and the words for it.
    pub fn verdict(&self, program: &Program) -> (Verdict, String) {
        match self {
            Wrong::Rule(violation) => (Verdict::Violated(violation.rule), violation.text.clone()),
            Wrong::Stuck(waiting) => {
                let lines: Vec<String> = waiting.iter().map(|w| waiting_text(program, w)).collect();
                // A requeueing worker never sleeps: the same cycle, but it burns CPU for ever.
                let verdict = if waiting.iter().any(Waiting::spins) {
                    Verdict::Livelocked
                } else {
                    Verdict::Deadlocked
                };
                (verdict, lines.join("; "))
            }
        }
    }
}

/// One edge of a wait-for cycle in words.
pub fn waiting_text(program: &Program, waiting: &Waiting) -> String {
    let letter = |task: TaskId| program.names[usize::from(task)].letter;
    let what = crate::report::waits_words(waiting, &letter);
    format!(
        "{} in {} {what}",
        letter(waiting.task),
        waiting.place.on(program.kernel.version).kernel
    )
}

/// Whether any task can take a step.
pub fn enabled_anywhere(system: &crate::program::System, fair: &[diolock::op::LockName]) -> bool {
    system.tasks().any(|task| {
        system.pending(task, fair).is_some_and(|op| system.inode.blocked(task, &op).is_none())
    })
}
