//! Beginnings that have been explored already.
//!
//! loom has no sleep sets: it explores an order of independent steps again whenever another race
//! brings it there. A beginning (the steps so far, up to commuting ones) that was reached before
//! *by another schedule* has been explored with all that can follow: loom searches depth first, so
//! everything below the first visit is done by the time a second one differs from it. What follows
//! the second visit is then run once, to its end, and not branched on (`loom::skip_branch`); the races it
//! shows with steps before the cut still make loom branch there.
//!
//! A beginning counts only while no task is half way through a step that takes several loom locks:
//! less can follow there than the steps so far allow.
//!
//! That this loses nothing is checked, not only argued: the trace sets with and without it are
//! compared with each other, with the graph engine's and with brute force over random programs.

use crate::program::Event;
use crate::trace::TraceHash;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The beginnings seen, each with the schedule that reached it first.
pub struct Known {
    first: HashMap<u64, u64>,
    tasks: usize,
    /// The current execution's beginning, queueing included.
    trace: TraceHash,
    /// Its schedule.
    schedule: u64,
    /// The current execution has been cut.
    cut: bool,
}

impl Known {
    /// None yet, for that many tasks.
    pub fn new(tasks: usize) -> Known {
        let trace = TraceHash::new(tasks);
        Known { first: HashMap::new(), tasks, trace, schedule: 0, cut: false }
    }

    /// A new execution begins.
    pub fn next_execution(&mut self) {
        self.trace = TraceHash::new(self.tasks);
        self.schedule = 0;
        self.cut = false;
    }

    /// A step was taken.
    pub fn observe(&mut self, event: &Event) {
        self.trace.observe_all(event);
        let mut hasher = DefaultHasher::new();
        (self.schedule, event.task).hash(&mut hasher);
        self.schedule = hasher.finish();
    }

    /// Whether this beginning was explored before, by another schedule. Says so once an execution.
    pub fn is_known(&mut self) -> bool {
        if self.cut {
            return false;
        }
        self.cut = match self.first.entry(self.trace.get()) {
            Entry::Occupied(first) => *first.get() != self.schedule,
            Entry::Vacant(free) => {
                free.insert(self.schedule);
                false
            }
        };
        self.cut
    }
}
