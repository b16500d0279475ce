//! What an engine says of a litmus test on a kernel.

use crate::program::Event;
use crate::rule::{Gathered, RuleId};
use diolock::op::TaskId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A verdict; never bare "verified".
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every execution was explored: no bound, nothing cut off, every witness seen.
    Exhausted,
    /// Every execution with at most that many preemptions.
    Bounded(usize),
    /// That many random executions, nothing found.
    Sampled,
    /// This rule is broken.
    Violated(RuleId),
    /// Tasks wait for each other.
    Deadlocked,
    /// Tasks run and get nowhere.
    Livelocked,
    /// Every execution was explored, nothing is wrong, and what the test says `exists` is seen in none: this.
    Forbidden(String),
    /// Clean, but this was never seen: the test proves nothing.
    Vacuous(String),
    /// Stopped by time, memory or a limit.
    Incomplete(String),
}

impl Verdict {
    /// The word used in tables and in `--json`.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Exhausted => "exhausted",
            Verdict::Bounded(_) => "bounded",
            Verdict::Sampled => "sampled",
            Verdict::Violated(_) => "violated",
            Verdict::Deadlocked => "deadlocked",
            Verdict::Livelocked => "livelocked",
            Verdict::Forbidden(_) => "forbidden",
            Verdict::Vacuous(_) => "vacuous",
            Verdict::Incomplete(_) => "incomplete",
        }
    }
}

/// A run that goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counterexample {
    /// Its steps.
    pub events: Vec<Event>,
    /// What is wrong at the end of them: the broken rule in this run's words, or who waits for whom.
    pub text: String,
    /// For a livelock, where the loop begins in `events`.
    pub loop_start: Option<usize>,
}

impl Counterexample {
    /// The tasks in the order of their steps.
    pub fn schedule(&self) -> Vec<TaskId> {
        self.events.iter().map(|event| event.task).collect()
    }
}

/// What an engine found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Executions run (paths cut off early included); 0 for graph, which has states.
    pub executions: u64,
    /// Distinct traces of complete executions, where counted.
    pub traces: Option<u64>,
    /// States, for graph.
    pub states: Option<u64>,
    /// Wall time.
    pub seconds: f64,
    /// What goes wrong.
    pub counterexample: Option<Counterexample>,
    /// The traces' fingerprints, where asked for.
    pub trace_set: BTreeSet<u64>,
    /// What was gathered over all executions.
    pub gathered: Gathered,
    /// Something the reader should know (a retried job, a seed).
    pub note: Option<String>,
}

impl Report {
    /// Nothing was found out, and why.
    pub fn incomplete(why: impl Into<String>) -> Report {
        Report {
            verdict: Verdict::Incomplete(why.into()),
            executions: 0,
            traces: None,
            states: None,
            seconds: 0.0,
            counterexample: None,
            trace_set: BTreeSet::new(),
            gathered: Gathered::default(),
            note: None,
        }
    }
}

/// Whether a verdict says that something is wrong with the protocol.
pub fn is_bad(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Violated(_) | Verdict::Deadlocked | Verdict::Livelocked)
}
