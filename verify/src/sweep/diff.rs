//! What became possible, and what impossible, between two kernels: over all programs of a sweep.

use super::part::Part;
use super::races::Race;
use super::record::Record;
use super::tally::Found;
use crate::rule::RuleSet;
use diolock::kernel::Version;
use std::collections::{BTreeMap, BTreeSet};

/// What is broken by which race; of what has no name, by which part.
pub type Broken = BTreeMap<(String, String), Found>;

/// What two kernels differ in.
#[derive(Debug)]
pub struct Diff {
    /// The kernels.
    pub kernels: [Version; 2],
    /// What breaks on the second only.
    pub possible: Broken,
    /// What breaks on the first only.
    pub impossible: Broken,
    /// Parts that break something on the one kernel and cannot be asked of the other.
    pub not_stated: usize,
}

/// What is broken, and by which smallest part of the programs asked for.
fn parts(record: &Record) -> BTreeMap<(&String, &Part), &str> {
    let mut parts = BTreeMap::new();
    for outcome in &record.outcomes {
        let first = outcome.judged.answers.first();
        for (what, part) in &outcome.judged.smallest {
            let text = first.and_then(|(_, answer)| answer.broken.get(what));
            parts.entry((what, part)).or_insert(text.map_or("", String::as_str));
        }
    }
    parts
}

impl Diff {
    /// Of two sweeps over the same programs.
    ///
    /// # Errors
    /// If they are not.
    pub fn of(a: &Record, b: &Record, races: &[Race]) -> Result<Diff, String> {
        if !a.asked().same_but_for_the_kernel(b.asked()) {
            return Err("the sweeps were asked different things".to_owned());
        }
        let kernels = [a.asked().version()?, b.asked().version()?];
        let (first, second) = (parts(a), parts(b));
        let mut diff =
            Diff { kernels, possible: Broken::new(), impossible: Broken::new(), not_stated: 0 };
        let [on_a, on_b] = kernels;
        let known: BTreeSet<_> = first.keys().chain(second.keys()).copied().collect();
        for (what, part) in known {
            let (there, here) = (first.get(&(what, part)), second.get(&(what, part)));
            let (text, on, other, changes) = match (there, here) {
                (None, Some(text)) => (text, on_b, on_a, &mut diff.possible),
                (Some(text), None) => (text, on_a, on_b, &mut diff.impossible),
                _ => continue,
            };
            if part.litmus(other, RuleSet::ALL).is_err() {
                diff.not_stated += 1;
                continue;
            }
            let race = races.iter().find(|race| race.is(part, what, on));
            let name =
                race.map_or_else(|| format!("UNEXPLAINED {}", part.line()), |r| r.test.clone());
            let found =
                Found { programs: 0, part: part.clone(), text: (*text).to_owned(), healing: None };
            changes.entry((name, what.clone())).or_insert(found).programs += 1;
        }
        Ok(diff)
    }
}
