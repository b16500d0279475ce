//! Two kernels compared: which litmus tests tell them apart.

use crate::explain::{is_bad, many};
use crate::litmus::Litmus;
use crate::survey::{self, Question, word};
use crate::verdict::{Report, Verdict};
use diolock::kernel::Kernel;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A litmus test on both kernels.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The litmus test.
    pub litmus: Arc<Litmus>,
    /// What is said of it on each; `None` if it did not get to run.
    pub reports: [Option<Report>; 2],
    /// Why it was not asked: a call of it is not modelled on one of the kernels.
    pub absent: Option<String>,
}

/// What a comparison of two verdicts says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// The verdicts are the same.
    Same,
    /// They are not.
    Changed,
    /// On one kernel, or both, it is clean because it never gets to what it speaks of: nothing is
    /// wrong on either, and that says nothing of the claim.
    Vacuous,
    /// A search did not end: nobody knows.
    Unknown,
    /// One of the kernels does not have a call of it, or not as modelled.
    Absent,
}

impl Pair {
    /// Compares the verdicts.
    pub fn change(&self) -> Change {
        if self.absent.is_some() {
            return Change::Absent;
        }
        let [Some(a), Some(b)] = &self.reports else { return Change::Unknown };
        let (a, b) = (&a.verdict, &b.verdict);
        let open = |v: &Verdict| matches!(v, Verdict::Incomplete(_) | Verdict::Bounded(_));
        let vacuous = |v: &Verdict| matches!(v, Verdict::Vacuous(_));
        if open(a) || open(b) {
            Change::Unknown
        } else if (vacuous(a) || vacuous(b)) && !is_bad(a) && !is_bad(b) {
            Change::Vacuous
        } else if word(a) == word(b) {
            Change::Same
        } else {
            Change::Changed
        }
    }

    /// The verdict on one of the kernels, in a word.
    pub fn word(&self, side: usize) -> &'static str {
        self.reports[side].as_ref().map_or("not run", |report| word(&report.verdict))
    }

    /// What is wrong on one of the kernels, in a line; or why nothing is known of it.
    pub fn summary(&self, side: usize) -> Option<String> {
        let report = self.reports[side].as_ref()?;
        let what = match &report.verdict {
            Verdict::Violated(rule) => format!("{} {}", rule.code(), rule.name()),
            Verdict::Forbidden(why) | Verdict::Vacuous(why) | Verdict::Incomplete(why) => {
                return Some(why.clone());
            }
            other => other.word().to_owned(),
        };
        let found = report.counterexample.as_ref()?;
        let (text, steps) = (&found.text, found.events.len());
        Some(match (report.states.is_some(), steps) {
            // No single run shows it.
            (_, 0) => format!("{what}: {text}"),
            (true, steps) => format!("{}, {what}: {text}", many(steps, "step")),
            (false, _) => {
                format!("loom: {}, {what}: {text}", many(report.executions as usize, "execution"))
            }
        })
    }
}

/// Runs every litmus test on both kernels. Once `stop` is set, what there is comes back.
pub fn run(
    litmuses: &[Litmus],
    kernels: [Kernel; 2],
    options: &survey::Options,
    stop: &AtomicBool,
    mut on_done: impl FnMut(&str),
) -> Vec<Pair> {
    let absent = |litmus: &Litmus| kernels.iter().find_map(|k| litmus.not_modelled_on(k.version));
    let all: Vec<(Arc<Litmus>, Option<String>)> =
        litmuses.iter().map(|litmus| (Arc::new(litmus.clone()), absent(litmus))).collect();
    let asked: Vec<&Arc<Litmus>> = all.iter().filter(|l| l.1.is_none()).map(|l| &l.0).collect();
    let questions = asked
        .iter()
        .flat_map(|&litmus| kernels.map(|kernel| Question { litmus: Arc::clone(litmus), kernel }));
    let reports = survey::ask_all(questions.collect(), options, stop, |at, _| {
        on_done(&asked[at / 2].name);
    });
    let mut reports = reports.into_iter();
    let mut next = || reports.next().flatten();
    all.iter()
        .map(|(litmus, absent)| {
            let reports = if absent.is_none() { [next(), next()] } else { Default::default() };
            Pair { litmus: Arc::clone(litmus), reports, absent: absent.clone() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::catalogue;
    use crate::rule::RuleId;
    use diolock::kernel::Version;

    #[test]
    fn only_what_is_known_on_both_is_the_same() {
        let litmus = Arc::new(catalogue::all().unwrap().remove(0));
        let report = |verdict| Some(Report { verdict, ..Report::incomplete("") });
        let change = |a: &Verdict, b: Option<&Verdict>| {
            let reports = [report(a.clone()), b.cloned().and_then(report)];
            Pair { litmus: Arc::clone(&litmus), reports, absent: None }.change()
        };
        let (never, r6) = (Verdict::Exhausted, Verdict::Violated(RuleId::R6));
        let vacuous = Verdict::Vacuous(String::new());
        let cut = Verdict::Incomplete(String::new());
        assert_eq!(change(&never, Some(&never)), Change::Same);
        assert_eq!(change(&r6, Some(&r6)), Change::Same);
        assert_eq!(change(&r6, Some(&never)), Change::Changed);
        assert_eq!(change(&r6, Some(&Verdict::Violated(RuleId::R4))), Change::Changed);
        assert_eq!(change(&r6, Some(&vacuous)), Change::Changed);
        assert_eq!(change(&never, Some(&vacuous)), Change::Vacuous);
        assert_eq!(change(&vacuous, Some(&vacuous)), Change::Vacuous);
        assert_eq!(change(&cut, Some(&cut)), Change::Unknown);
        assert_eq!(change(&never, None), Change::Unknown);
        let absent = Some(String::new());
        let pair = Pair { litmus, reports: [report(never), report(r6)], absent };
        assert_eq!(pair.change(), Change::Absent);
    }

    #[test]
    fn a_test_is_not_asked_where_a_call_of_it_is_not_modelled() {
        let tests = ["evict-vs-conversion", "io-end-slot"].map(catalogue::find);
        let tests: Vec<Litmus> = tests.into_iter().map(Result::unwrap).collect();
        let kernels = [Version::V3_6, Version::V6_12].map(Kernel::new);
        let options = survey::Options::new("".into());
        let pairs = run(&tests, kernels, &options, &AtomicBool::new(false), |_| ());
        let changes: Vec<Change> = pairs.iter().map(Pair::change).collect();
        assert_eq!(changes, [Change::Absent, Change::Changed]);
        assert!(pairs[0].reports.iter().all(Option::is_none));
    }
}
