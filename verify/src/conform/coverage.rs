//! What a recording exercised, and what not.

use super::event::Thread;
use super::file_system::Journal;
use super::frame::{Kind, graph};
use super::trail::{Edge, Step, Trail};
use diolock::kernel::Kernel;
use std::collections::{BTreeMap, BTreeSet};

/// What was seen of one recording.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Events read.
    pub events: usize,
    /// Events of calls that no task of the model stands for: buffered writes, other fallocate modes.
    pub not_modelled: usize,
    /// Direct I/O that was in flight when its submission returned.
    pub queued: usize,
    /// Drains that had to wait.
    pub waited: usize,
    /// Conversions of unwritten extents.
    pub converted: usize,
    /// It was made with data=journal.
    pub data_journal: bool,
    /// Threads in a call at the end of the recording, and what each waits for.
    pub unfinished: Vec<Unfinished>,
    tasks: BTreeMap<Kind, Taken>,
}

/// A thread that is in a call when the recording ends.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// Who.
    pub thread: Thread,
    /// What it waits for, if it does: `i_rwsem W`.
    pub waits_for: Option<String>,
    /// Who is in its way.
    pub because_of: Vec<Thread>,
}

/// What the calls of one task did.
#[derive(Clone, Debug, Default)]
struct Taken {
    calls: usize,
    edges: BTreeMap<Edge, usize>,
    unclear: BTreeSet<Edge>,
}

/// How much of a step or a transition a recording shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Seen {
    /// It was taken that often.
    Exercised(usize),
    /// Perhaps it was taken: what was recorded fits either way.
    Unclear,
    /// It was not taken, and that could have been seen. Some the kernel cannot take because of what
    /// other tasks do: an asynchronous write never extends the file.
    Never,
    /// No recording can show it.
    NotObservable,
}

/// A task's steps and transitions.
#[derive(Clone, Debug)]
pub struct TaskCoverage {
    /// Calls that returned.
    pub calls: usize,
    /// Every step that the task can come to.
    pub steps: BTreeMap<Step, Seen>,
    /// Every transition that it can take.
    pub edges: BTreeMap<Edge, Seen>,
}

impl Taken {
    fn seen(&self, edge: &Edge, observable: bool) -> Seen {
        match self.edges.get(edge) {
            Some(&times) => Seen::Exercised(times),
            None if self.unclear.contains(edge) => Seen::Unclear,
            None if observable => Seen::Never,
            None => Seen::NotObservable,
        }
    }
}

impl Coverage {
    /// Before the first event.
    pub(super) fn of(journal: Journal) -> Coverage {
        Coverage { data_journal: journal == Journal::Data, ..Coverage::default() }
    }

    /// Adds transitions of a call.
    pub(super) fn add(&mut self, kind: Kind, trail: Trail) {
        let taken = self.tasks.entry(kind).or_default();
        for edge in trail.certain {
            *taken.edges.entry(edge).or_default() += 1;
        }
        taken.unclear.extend(trail.unclear);
    }

    /// A call has returned.
    pub(super) fn returned(&mut self, kind: Kind) {
        self.tasks.entry(kind).or_default().calls += 1;
    }

    /// What a recording that shows nothing lacks; with data=journal there is no direct I/O to be seen.
    pub fn lacks(&self) -> Vec<&'static str> {
        if self.data_journal {
            return Vec::new();
        }
        [
            (self.queued, "no direct I/O was in flight after its submission returned"),
            (self.waited, "no drain had to wait"),
            (self.converted, "nothing was converted"),
        ]
        .into_iter()
        .filter(|(count, _)| *count == 0)
        .map(|(_, text)| text)
        .collect()
    }

    /// Transitions that were seen and are not known as ones that a recording of a kernel can show: a call
    /// that no kernel makes may take them.
    pub fn beyond(&self, kind: Kind, kernel: Kernel) -> Vec<Edge> {
        let Some(taken) = self.tasks.get(&kind) else { return Vec::new() };
        let graph = graph(kind, kernel);
        let all = taken.edges.keys().chain(&taken.unclear);
        all.filter(|edge| graph.get(edge) != Some(&true)).copied().collect()
    }

    /// What was seen of a task, of all that it can do on a kernel.
    pub fn task(&self, kind: Kind, kernel: Kernel) -> TaskCoverage {
        let taken = self.tasks.get(&kind).cloned().unwrap_or_default();
        let graph = graph(kind, kernel);
        let mut edges: BTreeMap<Edge, Seen> = graph
            .iter()
            .map(|(&edge, &observable)| (edge, taken.seen(&edge, observable)))
            .collect();
        for edge in self.beyond(kind, kernel) {
            edges.insert(edge, taken.seen(&edge, true));
        }
        let mut steps: BTreeMap<Step, Seen> = BTreeMap::new();
        for (edge, &seen) in &edges {
            let step = steps.entry(edge.from).or_insert(Seen::NotObservable);
            *step = match (*step, seen) {
                (Seen::Exercised(a), Seen::Exercised(b)) => Seen::Exercised(a + b),
                // The variants go from what says most to what says least.
                (a, b) => a.min(b),
            };
        }
        for (step, seen) in steps.iter_mut().filter(|(_, seen)| **seen == Seen::Unclear) {
            // How it was left is unclear; that the call came to it may be certain.
            let into = taken.edges.iter().filter(|(edge, _)| edge.to == *step);
            let times: usize = into.map(|(_, times)| times).sum();
            if times > 0 {
                *seen = Seen::Exercised(times);
            }
        }
        TaskCoverage { calls: taken.calls, steps, edges }
    }
}
