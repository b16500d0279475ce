//! The outcomes that the model allows: those at the end of every execution, whatever rule it breaks.

use super::outcome::Outcome;
use crate::engine::graph::{enabled, pending};
use crate::program::{Program, System};
use crate::rule::{Answers, facts};
use rustc_hash::FxHasher;
use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

/// What the model allows.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The outcomes.
    pub outcomes: BTreeSet<Outcome>,
    /// States it took.
    pub states: usize,
    /// Some execution ends with tasks that wait for each other.
    pub stuck: bool,
    /// Why these are not all.
    pub partial: Option<String>,
}

/// How an outcome stands to the model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// The model has it.
    Allowed,
    /// The model has it where a block, or half of one, is moved as a whole; here it was not.
    Torn,
    /// The model does not have it, and was not explored to the end.
    Unknown,
    /// The model does not have it.
    NotAllowed,
}

/// One moment: where the tasks stand, and what they were told.
#[derive(Clone, Hash)]
struct State {
    system: System,
    /// By task.
    told: Vec<Answers>,
}

impl State {
    /// Two hashes that have nothing in common: states that agree in both are one.
    fn hashes(&self) -> (u64, u64) {
        let (mut quick, mut other) = (FxHasher::default(), DefaultHasher::new());
        self.hash(&mut quick);
        self.hash(&mut other);
        (quick.finish(), other.finish())
    }
}

/// Explores every execution of a program of that many tasks, completions not counted. No rule is judged: what breaks
/// one is allowed, too. The device does a bio block by block, as real ones may.
pub fn allowed(program: &Program, tasks: usize, limit: usize, stop: &AtomicBool) -> Allowed {
    let program = Program { torn: true, ..program.clone() };
    let start = State { system: System::new(&program), told: Answers::of_all(&program) };
    let mut found = Allowed { outcomes: BTreeSet::new(), states: 0, stuck: false, partial: None };
    let mut seen = HashSet::from([start.hashes()]);
    let mut open = vec![start];
    while let Some(state) = open.pop() {
        found.states += 1;
        if found.states >= limit {
            found.partial = Some(format!("{limit} states"));
            break;
        }
        if stop.load(Ordering::Relaxed) {
            found.partial = Some("stopped".to_owned());
            break;
        }
        let ready: Vec<_> = enabled(&state.system).collect();
        if ready.is_empty() {
            match state.system.finished() {
                true => {
                    let told: Vec<_> = state.told.iter().collect();
                    let facts = facts(&told, &program, &state.system);
                    found.outcomes.insert(Outcome::of(&facts, tasks));
                }
                false => found.stuck = true,
            }
        }
        for task in ready {
            let Some(op) = pending(&state.system, task) else { continue };
            let mut next = state.clone();
            let Ok(event) = next.system.perform(task, op) else { continue };
            let told = &mut next.told[usize::from(task)];
            told.remember(&event);
            if let Some(call) = next.system.just_over(task) {
                told.returned(call);
            }
            if seen.insert(next.hashes()) {
                // What touches nothing that is shared comes first: it makes no difference to anybody.
                let private = event.touched().is_empty();
                open.push(next);
                if private {
                    break;
                }
            }
        }
    }
    found
}

impl Allowed {
    /// How an outcome that was seen stands to it.
    pub fn standing(&self, seen: &Outcome) -> Standing {
        if self.outcomes.contains(seen) {
            return Standing::Allowed;
        }
        let by_halves = self.outcomes.iter().any(Outcome::splits_a_block);
        if self.outcomes.iter().any(|model| seen.may_be(model, by_halves)) {
            Standing::Torn
        } else if self.partial.is_some() {
            Standing::Unknown
        } else {
            Standing::NotAllowed
        }
    }
}
