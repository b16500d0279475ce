//! What was seen beside what is allowed.

use super::allowed::{Allowed, Standing};
use super::outcome::Outcome;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// One outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// The outcome.
    pub outcome: Outcome,
    /// In how many rounds it was seen.
    pub rounds: u32,
    /// How it stands to the model.
    pub standing: Standing,
}

/// All that were seen or are allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// What the model does not have first, then by how often it was seen.
    pub lines: Vec<Line>,
}

impl Compared {
    /// Puts them side by side.
    pub fn new(seen: &BTreeMap<Outcome, u32>, allowed: &Allowed) -> Compared {
        let line = |(outcome, &rounds): (&Outcome, &u32)| {
            let standing = allowed.standing(outcome);
            Line { outcome: outcome.clone(), rounds, standing }
        };
        let mut lines: Vec<Line> = seen.iter().map(line).collect();
        let unseen = allowed.outcomes.iter().filter(|outcome| !seen.contains_key(outcome));
        lines.extend(unseen.map(|outcome| Line {
            outcome: outcome.clone(),
            rounds: 0,
            standing: Standing::Allowed,
        }));
        lines.sort_by_key(|line| Reverse((line.standing, line.rounds)));
        Compared { lines }
    }

    /// How many of a standing were seen.
    pub fn seen(&self, standing: Standing) -> usize {
        self.lines.iter().filter(|line| line.standing == standing && line.rounds > 0).count()
    }
}
