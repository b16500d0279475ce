//! What a sweep found.

use super::calls::CallText;
use super::healing::Healing;
use super::races::Race;
use super::record::{Outcome, Record};
use super::{Part, judge::Answer};
use crate::engine::EngineName;
use crate::rule::RuleSet;
use crate::suite::side_by_side;
use diolock::kernel::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// A program that cannot be called right.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// Which.
    pub part: Part,
    /// Why, in words.
    pub why: String,
}

/// Programs that break the same by the same race, or by the same unexplained part.
#[derive(Clone, Debug)]
pub struct Found {
    /// How many.
    pub programs: usize,
    /// The smallest part of the first of them.
    pub part: Part,
    /// What happens in one run of it.
    pub text: String,
    /// What ends it, once that was asked.
    pub healing: Option<Healing>,
}

/// What is broken by which smallest part, and how often.
pub type Unexplained<'a> = (&'a (String, Part), &'a Found);

/// Everything a sweep found.
#[derive(Debug)]
pub struct Sweep {
    /// On this kernel.
    pub version: Version,
    /// Calls of a program.
    pub tasks: usize,
    /// Programs that were judged.
    pub programs: usize,
    /// Those that were not, as two of their three calls break something by themselves.
    pub supersets: usize,
    /// Those that break something.
    pub violating: usize,
    /// Those that were not judged: somebody said stop.
    pub not_run: usize,
    /// Why programs could not be written down, and how many.
    pub not_stated: BTreeMap<String, usize>,
    /// States or executions of each engine.
    pub costs: BTreeMap<EngineName, u64>,
    /// Named races, with what they break.
    pub races: BTreeMap<(String, String), Found>,
    /// What nobody has named: the smallest parts.
    pub unexplained: BTreeMap<(String, Part), Found>,
    /// Engines that contradict each other.
    pub contradictions: Vec<Doubt>,
    /// Searches that did not end.
    pub undecided: Vec<Doubt>,
}

impl Sweep {
    /// What was found, held against the races that are known.
    ///
    /// # Errors
    /// If it is of a kernel that there is not.
    pub fn of(record: &Record, races: &[Race]) -> Result<Sweep, String> {
        let mut sweep = Sweep {
            version: record.asked.version()?,
            tasks: record.asked.tasks(),
            programs: record.sums.programs,
            supersets: record.sums.supersets,
            violating: 0,
            not_run: record.sums.not_run,
            not_stated: record.sums.not_stated.clone(),
            costs: record.sums.costs.clone(),
            races: BTreeMap::new(),
            unexplained: BTreeMap::new(),
            contradictions: Vec::new(),
            undecided: Vec::new(),
        };
        record.outcomes.iter().for_each(|outcome| sweep.book(outcome, races));
        Ok(sweep)
    }

    /// Whether everything is explained and every engine agrees.
    pub fn good(&self) -> bool {
        self.unexplained.is_empty()
            && self.contradictions.is_empty()
            && self.undecided.is_empty()
            && self.not_run == 0
    }

    /// Of how many races what ends them was asked, and how many there are.
    pub fn healed(&self) -> (usize, usize) {
        let found = || self.races.values().chain(self.unexplained.values());
        (found().filter(|found| found.healing.is_some()).count(), found().count())
    }

    /// Looks for what ends each of the races, and of those without a name, side by side.
    pub fn heal(&mut self, jobs: usize, exe: PathBuf, stop: &AtomicBool) {
        let version = self.version;
        let named = self.races.iter_mut().map(|((_, what), found)| (what.clone(), found));
        let others = self.unexplained.iter_mut().map(|((what, _), found)| (what.clone(), found));
        let (asked, found): (Vec<_>, Vec<_>) =
            named.chain(others).map(|(what, found)| ((what, found.part.clone()), found)).unzip();
        let heal = move |(what, part): &(String, Part)| Healing::of(version, what, part, &exe);
        let healed = side_by_side(asked, jobs, stop, heal, |_, _| ());
        for (found, healing) in found.into_iter().zip(healed) {
            found.healing = healing;
        }
    }

    /// How many programs can be written down, of all whose calls this kernel has.
    pub fn stated(&self) -> (usize, usize) {
        let has = |reason: &&String| !reason.contains(" modelled from ");
        let not: usize = self.not_stated.iter().filter(|(why, _)| has(why)).map(|not| not.1).sum();
        let stated = self.programs + self.supersets + self.not_run;
        (stated, stated + not)
    }

    fn book(&mut self, outcome: &Outcome, races: &[Race]) {
        let Outcome { program, judged, .. } = outcome;
        self.compare(program, &judged.answers);
        let broken = judged.answers.first().map(|first| first.1.broken.clone()).unwrap_or_default();
        self.violating += usize::from(!broken.is_empty());
        for (what, smallest) in &judged.smallest {
            let found = Found {
                programs: 0,
                part: smallest.clone(),
                text: broken.get(what).cloned().unwrap_or_default(),
                healing: None,
            };
            let race = races.iter().find(|race| race.is(smallest, what, self.version));
            let entry = match race {
                Some(race) => self.races.entry((race.test.clone(), what.clone())).or_insert(found),
                None => self.unexplained.entry((what.clone(), smallest.clone())).or_insert(found),
            };
            entry.programs += 1;
        }
    }

    /// An engine that gave up has still to agree in what it found.
    fn compare(&mut self, part: &Part, answers: &[(EngineName, Answer)]) {
        let doubt = |why: String| Doubt { part: part.clone(), why };
        for (engine, answer) in answers {
            if let Some(why) = &answer.cut {
                self.undecided.push(doubt(format!("{}: {why}", engine.name())));
            }
        }
        let Some(((first, theirs), others)) = answers.split_first() else { return };
        for (engine, answer) in others {
            let (a, b) = (words(theirs), words(answer));
            let more = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.difference(b).next().is_some();
            if more(&a, &b) && answer.cut.is_none() || more(&b, &a) && theirs.cut.is_none() {
                let say = |set: BTreeSet<&str>| match set.is_empty() {
                    true => "nothing".to_owned(),
                    false => set.into_iter().collect::<Vec<_>>().join(", "),
                };
                let (a, b) = (say(a), say(b));
                let text = format!("{} finds {a}, {} {b}", first.name(), engine.name());
                self.contradictions.push(doubt(text));
            }
        }
    }

    /// What nobody has named, those together that break the same by calls of the same names.
    pub fn groups(&self) -> Vec<Vec<Unexplained<'_>>> {
        let mut groups: BTreeMap<_, Vec<Unexplained<'_>>> = BTreeMap::new();
        for one in &self.unexplained {
            let mut names: Vec<&str> = one.0.1.call_texts().map(CallText::name).collect();
            names.sort_unstable();
            groups.entry((&one.0.0, names)).or_default().push(one);
        }
        groups.into_values().collect()
    }

    /// The litmus file of something unexplained.
    pub fn litmus_text(&self, what: &str, part: &Part) -> String {
        let verdict = match what.starts_with('R') {
            true => format!("violates {what}"),
            false => what.to_owned(),
        };
        part.litmus_text(self.version, RuleSet::ALL, &verdict)
    }
}

fn words(answer: &Answer) -> BTreeSet<&str> {
    // Whether tasks that get nowhere sleep or spin is the same to an engine that only sees them stop.
    let word = |what| if what == "livelock" { "deadlock" } else { what };
    answer.broken.keys().map(String::as_str).map(word).collect()
}
