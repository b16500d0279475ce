//! What a recording exercised.

use super::frame::Kind;
use diolock::task::Place;
use std::collections::BTreeMap;

/// One transition of a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Whose.
    pub kind: Kind,
    /// From this step
    pub from: Place,
    /// to that one.
    pub to: Place,
}

/// What was seen of one recording.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Events read.
    pub events: usize,
    /// Events of calls that no task of the model stands for: buffered writes, other fallocate modes.
    pub not_modelled: usize,
    /// Calls that returned, by task.
    pub calls: BTreeMap<Kind, usize>,
    /// Direct I/O that was in flight when its submission returned.
    pub queued: usize,
    /// Drains that had to wait.
    pub waited: usize,
    /// Conversions of unwritten extents.
    pub converted: usize,
    edges: BTreeMap<(Kind, &'static str, &'static str, &'static str, &'static str), usize>,
}

impl Coverage {
    /// Adds transitions that were taken.
    pub fn add(&mut self, edges: impl IntoIterator<Item = Edge>) {
        for Edge { kind, from, to } in edges {
            let key = (kind, from.kernel, from.step, to.kernel, to.step);
            *self.edges.entry(key).or_default() += 1;
        }
    }

    /// What a recording that shows nothing lacks.
    pub fn lacks(&self) -> Vec<&'static str> {
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

    /// How often each step was left, `kernel function: step`.
    pub fn steps(&self, kind: Kind) -> BTreeMap<(&'static str, &'static str), usize> {
        let mut steps = BTreeMap::new();
        for (&(of, kernel, step, _, _), &count) in &self.edges {
            if of == kind {
                *steps.entry((kernel, step)).or_default() += count;
            }
        }
        steps
    }

    /// How often each transition was taken.
    pub fn edges(&self, kind: Kind) -> impl Iterator<Item = (String, usize)> {
        self.edges.iter().filter(move |(key, _)| key.0 == kind).map(|(key, &count)| {
            let &(_, from, a, to, b) = key;
            (format!("{from}: {a} -> {to}: {b}"), count)
        })
    }
}
