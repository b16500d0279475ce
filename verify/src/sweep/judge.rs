//! What a program breaks, by each engine.

use super::options::{Limits, Options};
use super::part::Part;
use crate::engine::loom::job::{self, Job};
use crate::engine::{EngineName, graph, shuttle};
use crate::litmus::Litmus;
use crate::rule::{RuleId, RuleSet};
use crate::suite::{MAX_LOOM, guarded};
use crate::survey;
use crate::verdict::{Report, Verdict};
use diolock::kernel::{Kernel, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What is broken (`R4`, `deadlock`, `livelock`), and how in one run's words.
pub(super) type Broken = BTreeMap<String, String>;

/// What one engine says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) broken: Broken,
    /// It gave up, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cut: Option<String>,
    /// States, or executions.
    pub(super) cost: u64,
}

/// What came of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Judged {
    /// By each engine, in the order asked for.
    pub(super) answers: Vec<(EngineName, Answer)>,
    /// The smallest part that breaks the same, for each thing broken.
    pub(super) smallest: Vec<(String, Part)>,
}

/// Judges programs.
pub(super) struct Judge {
    version: Version,
    engines: Vec<EngineName>,
    limits: Limits,
    supersets: bool,
    exe: PathBuf,
    known: Mutex<HashMap<Part, Broken>>,
}

impl Judge {
    pub(super) fn new(options: &Options) -> Judge {
        Judge {
            version: options.version,
            engines: options.engines.clone(),
            limits: options.limits,
            supersets: options.supersets,
            exe: options.exe.clone(),
            known: Mutex::default(),
        }
    }

    /// Asks every engine, and looks for the smallest parts. `None` of a program of which two calls break something by
    /// themselves: the third may come when all is over, so that nothing is new in that it breaks something.
    pub(super) fn judge(&self, part: &Part) -> Option<Judged> {
        let bad = |pair: Part| !self.known(&pair).is_empty();
        if !self.supersets && part.calls.len() > 2 && part.smaller().any(bad) {
            return None;
        }
        let answers: Vec<(EngineName, Answer)> =
            self.engines.iter().map(|&engine| (engine, self.answer(part, engine))).collect();
        let broken = answers.first().map(|first| first.1.broken.clone()).unwrap_or_default();
        let smallest =
            broken.keys().map(|what| (what.clone(), self.smallest(part, what))).collect();
        Some(Judged { answers, smallest })
    }

    /// A part that breaks this, and none of whose parts does: neither on the same file, nor on the one that
    /// another call leaves which was there first. That a third call only makes a race of two possible is
    /// no race of three.
    fn smallest(&self, part: &Part, what: &str) -> Part {
        let mut smaller = part.smaller().chain(part.later(self.version));
        let smaller = smaller.find(|part| self.known(part).contains_key(what));
        smaller.map_or_else(|| part.clone(), |part| self.smallest(&part, what))
    }

    /// What a part breaks, remembered.
    fn known(&self, part: &Part) -> Broken {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(broken) = lock().get(part) {
            return broken.clone();
        }
        let engine = self.engines.first().copied().unwrap_or(EngineName::Graph);
        let broken = self.answer(part, engine).broken;
        lock().insert(part.clone(), broken.clone());
        broken
    }

    /// Asks again without what was found, until nothing is.
    fn answer(&self, part: &Part, engine: EngineName) -> Answer {
        let mut answer = Answer::default();
        let mut rules = RuleSet::ALL;
        loop {
            let report = match part.litmus(self.version, rules) {
                Ok(litmus) => guarded(|| self.run(&litmus, rules, engine)),
                // A part of a program that can be written down.
                Err(why) => Report::incomplete(why),
            };
            answer.cost += report.states.unwrap_or(report.executions);
            let text = report.counterexample.map(|found| found.text).unwrap_or_default();
            let word = survey::word(&report.verdict);
            let rule = match report.verdict {
                Verdict::Violated(rule) => rule,
                Verdict::Deadlocked | Verdict::Livelocked => RuleId::R12,
                Verdict::Incomplete(why) => {
                    answer.cut = Some(why);
                    return answer;
                }
                _ => return answer,
            };
            answer.broken.insert(word.to_owned(), text);
            rules = rules.without(rule);
        }
    }

    fn run(&self, litmus: &Litmus, rules: RuleSet, engine: EngineName) -> Report {
        let kernel = Kernel::new(self.version);
        let program = || {
            let mut program = litmus.program(kernel);
            program.rules = rules;
            program
        };
        match engine {
            EngineName::Loom => {
                let mut job = Job::new(litmus, kernel);
                job.max_executions = Some(self.limits.executions.min(MAX_LOOM));
                job::run_child(&job, &self.exe)
            }
            EngineName::Shuttle => {
                let max_executions = Some(self.limits.executions);
                let options = shuttle::Options { max_executions, ..shuttle::Options::exhaustive() };
                shuttle::run(&program(), &options)
            }
            _ => {
                let options =
                    graph::Options { max_states: Some(self.limits.states), ..Default::default() };
                let whole = graph::run(&program(), options);
                match whole.verdict {
                    Verdict::Incomplete(_) => {
                        graph::run(&program(), graph::Options { reduced: true, ..options })
                    }
                    _ => whole,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CALLS, STARTS, Shard, races};
    use super::*;

    fn judge_within(version: Version, states: usize) -> Judge {
        Judge::new(&Options {
            version,
            tasks: 3,
            programs: None,
            seed: 1,
            calls: Vec::new(),
            files: STARTS.len(),
            paging: Default::default(),
            shard: Shard::WHOLE,
            engines: vec![EngineName::Graph],
            limits: Limits { states, executions: 1 },
            supersets: true,
            jobs: 1,
            exe: PathBuf::new(),
        })
    }

    fn part(file: usize, calls: &[&str]) -> Part {
        let number = |text: &&str| CALLS.iter().position(|call| call == text).expect("a call");
        Part { file: STARTS[file].clone(), calls: calls.iter().map(number).collect() }
    }

    /// The fault is past the end of the file until the truncate has moved it; then it is a race of two.
    #[test]
    fn who_only_makes_a_race_possible_is_no_part_of_it() {
        let judge = judge_within(Version::V6_12, 100_000);
        let three = part(0, &["aio_pwrite block=0", "fault block=1", "ftruncate to=3"]);
        for smaller in three.smaller() {
            assert!(!judge.known(&smaller).contains_key("R13"), "{}", smaller.line());
        }
        let judged =
            judge.judge(&three).expect("none of its pairs breaks anything, or all are judged");
        let (_, smallest) = judged.smallest.iter().find(|s| s.0 == "R13").expect("it breaks R13");
        assert_eq!(
            smallest.line(),
            "size = 3, extents = [\"written\", \"hole\", \"hole\"]: aio_pwrite block=0 | fault block=1"
        );
        let known = races::known().expect("the races read");
        let race = known.iter().find(|race| race.is(smallest, "R13", Version::V6_12));
        assert_eq!(race.map(|race| &race.test[..]), Some("mmap-store-vs-aio"));
    }

    /// A program that has more states than it may have is judged by fewer, if these are not too many as well.
    #[test]
    fn what_has_too_many_states_is_judged_without_orders() {
        let three = part(0, &["pwrite block=0", "pwrite block=1", "ftruncate to=0"]);
        let answer =
            |states| judge_within(Version::V6_12, states).answer(&three, EngineName::Graph);
        let whole = answer(1_000_000);
        assert!(whole.cut.is_none() && whole.broken.is_empty());
        let fewer = answer(whole.cost as usize - 1);
        assert!(fewer.cut.is_none() && fewer.broken.is_empty());
        assert!(fewer.cost < whole.cost, "{} of {}", fewer.cost, whole.cost);
        assert!(answer(10).cut.is_some());
    }
}
