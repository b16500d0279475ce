//! Which fix closes the window, and how.

use super::follow::{Followed, first_difference, follow};
use super::shorten::shorten;
use crate::engine::graph::{self, Cost};
use crate::engine::loom::job::{self, Job};
use crate::litmus::Litmus;
use crate::program::{Memory, Program};
use crate::suite::{MAX_LOOM, MAX_STATES};
use crate::verdict::{Report, Verdict, is_bad};
use diolock::kernel::{Fix, Kernel, Version};
use std::path::Path;

/// Where a fix is looked for whose absence shows, a search has no more states.
const FEW_STATES: usize = 30_000;
/// The same for loom.
const FEW_EXECUTIONS: u64 = 3_000;

/// Two kernels, on one of which the test fails, and what the other makes of the same schedule.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The fix that makes the difference, if a single one does; else it is the kernel's new shape.
    pub fix: Option<Fix>,
    /// A fix without which the new shape fails as well, by another run.
    pub keeps: Option<Fix>,
    /// Two fixes each of which is enough: without both it fails by the same run.
    pub either: Option<[Fix; 2]>,
    /// The test on the kernel that fails.
    pub buggy: Program,
    /// How it fails there.
    pub report: Report,
    /// The test on the kernel that does not.
    pub fixed: Program,
    /// The schedule that fails, on the kernel that does not.
    pub followed: Followed,
}

/// What there is to say of the end of a window.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It is closed, and stays so on every later kernel.
    Closed(Box<Closing>),
    /// Every later kernel was searched, and the newest fails too.
    Open,
    /// Nothing: there is no other side to compare with, or a search did not end. In words, if there are
    /// any.
    Unknown(Option<String>),
}

/// Looks for what makes the difference: for a test that fails, the first kernel from which on it never
/// does; for a clean one, a fix without which it fails.
pub fn closing(litmus: &Litmus, program: &Program, report: &Report, exe: &Path) -> Ending {
    let search = Search { litmus, exe };
    let found = if is_bad(&report.verdict) {
        match search.fixed(program, report) {
            Ok(Fixed { fix, keeps, either, kernel }) => {
                ((fix, keeps, either), program.clone(), litmus.program(kernel), report.clone())
            }
            Err(ending) => return ending,
        }
    } else if let (Verdict::Exhausted, Some((fix, buggy))) =
        (&report.verdict, search.broken(program.kernel))
    {
        let buggy = litmus.program(buggy);
        let mut report = search.run(buggy.kernel, MAX_STATES);
        shorten(&buggy, &mut report, Cost::Steps);
        ((fix, None, None), buggy, program.clone(), report)
    } else {
        return Ending::Unknown(None);
    };
    let ((fix, keeps, either), buggy, fixed, report) = found;
    let Some(events) = report.counterexample.as_ref().map(|found| &found.events) else {
        return Ending::Unknown(None);
    };
    let mut followed = follow(&buggy, events, &fixed);
    if let Some(fix) = fix.filter(|_| buggy.kernel.version != fixed.kernel.version) {
        // Years lie between the two: only what this fix does to the schedule is of interest.
        let before = litmus.program(fixed.kernel.without(fix));
        let there = follow(&buggy, events, &before);
        followed.differs =
            first_difference((&before, &there.run.events), (&fixed, &followed.run.events));
    }
    Ending::Closed(Box::new(Closing { fix, keeps, either, buggy, report, fixed, followed }))
}

/// What closes a window, what keeps it closed, and the kernel where it is closed.
struct Fixed {
    fix: Option<Fix>,
    keeps: Option<Fix>,
    either: Option<[Fix; 2]>,
    kernel: Kernel,
}

struct Search<'a> {
    litmus: &'a Litmus,
    exe: &'a Path,
}

impl Search<'_> {
    fn run(&self, kernel: Kernel, max_states: usize) -> Report {
        if let Some(why) = self.litmus.not_modelled_on(kernel.version) {
            return Report { verdict: Verdict::Vacuous(why), ..Report::incomplete("") };
        }
        let program = self.litmus.program(kernel);
        match program.memory {
            Memory::Sc => {
                let max_states = Some(max_states);
                graph::run(&program, graph::Options { max_states, ..Default::default() })
            }
            Memory::C11 => {
                let mut job = Job::new(self.litmus, kernel);
                let few = max_states == FEW_STATES;
                job.max_executions = Some(if few { FEW_EXECUTIONS } else { MAX_LOOM });
                job::run_child(&job, self.exe)
            }
        }
    }

    /// Whether it fails within a few states of the start: enough to find a fix to show, if there is
    /// one, without exploring every kernel to its end.
    fn fails(&self, kernel: Kernel) -> bool {
        is_bad(&self.run(kernel, FEW_STATES).verdict)
    }

    /// The first kernel from which on the test never fails, and the change that makes it so.
    fn fixed(&self, buggy: &Program, report: &Report) -> Result<Fixed, Ending> {
        let kernel = buggy.kernel;
        let removed: Vec<Fix> = kernel.removed().collect();
        for &fix in &removed {
            let others = removed.iter().filter(|&&other| other != fix);
            let with = others.fold(Kernel::new(kernel.version), |k, &other| k.without(other));
            if self.run(with, MAX_STATES).verdict == Verdict::Exhausted {
                return Ok(Fixed { fix: Some(fix), keeps: None, either: None, kernel: with });
            }
        }
        let later = Version::ALL.into_iter().filter(|&version| {
            version > kernel.version || version == kernel.version && !removed.is_empty()
        });
        // From the newest back, as long as nothing is wrong.
        let mut closed = None;
        let mut silent = None;
        let mut last_bad = kernel;
        for newer in later.rev().map(Kernel::new) {
            match self.run(newer, MAX_STATES).verdict {
                Verdict::Exhausted => closed = Some(newer),
                Verdict::Vacuous(why) => silent = Some((newer, why)),
                verdict if is_bad(&verdict) => {
                    last_bad = newer;
                    break;
                }
                verdict => {
                    let why = format!("the search of {newer} ended early ({})", verdict.word());
                    return Err(Ending::Unknown(Some(why)));
                }
            }
        }
        let Some(fixed) = closed else {
            return Err(match silent {
                Some((from, why)) => {
                    Ending::Unknown(Some(format!("from {from} on this test says nothing: {why}")))
                }
                None => Ending::Open,
            });
        };
        let new = self.likely_first(fixed.fixes().filter(|&fix| !last_bad.has(fix)).collect());
        let needed = |fix| self.run(fixed.without(fix), FEW_STATES).verdict == report.verdict;
        let mut keeps = None;
        for &fix in new.iter().filter(|&&fix| needed(fix)) {
            if self.same_run(buggy, report, fixed.without(fix)) {
                return Ok(Fixed { fix: Some(fix), keeps: None, either: None, kernel: fixed });
            }
            keeps = keeps.or(Some(fix));
        }
        let either = if keeps.is_none() { self.either(buggy, report, fixed, &new) } else { None };
        Ok(Fixed { fix: None, keeps, either, kernel: fixed })
    }

    /// Two fixes of a kernel without which the schedule of the report goes wrong as it does.
    fn either(
        &self,
        buggy: &Program,
        report: &Report,
        fixed: Kernel,
        fixes: &[Fix],
    ) -> Option<[Fix; 2]> {
        let pairs = fixes
            .iter()
            .enumerate()
            .flat_map(|(at, &one)| fixes[at + 1..].iter().map(move |&other| [one, other]));
        let mut pairs = pairs.filter(|_| matches!(report.verdict, Verdict::Violated(_)));
        pairs.find(|[one, other]| self.same_run(buggy, report, fixed.without(*one).without(*other)))
    }

    /// Whether a kernel goes wrong by the very schedule of the report. A fix whose absence opens another
    /// window of the same kind is not what closed this one. How a schedule gets stuck is not compared.
    fn same_run(&self, buggy: &Program, report: &Report, kernel: Kernel) -> bool {
        let (Verdict::Violated(rule), Some(found)) = (&report.verdict, &report.counterexample)
        else {
            return true;
        };
        let followed = follow(buggy, &found.events, &self.litmus.program(kernel));
        buggy.memory == Memory::C11 || followed.broken.is_some_and(|broken| broken.rule == *rule)
    }

    /// A kernel that is not clean, as near as there is, and the fix that it lacks.
    fn broken(&self, fixed: Kernel) -> Option<(Option<Fix>, Kernel)> {
        for fix in self.likely_first(fixed.fixes().collect()) {
            if self.fails(fixed.without(fix)) {
                return Some((Some(fix), fixed.without(fix)));
            }
        }
        let older = Version::ALL.into_iter().filter(|&v| v < fixed.version).rev().map(Kernel::new);
        older.into_iter().find(|&kernel| self.fails(kernel)).map(|kernel| (None, kernel))
    }

    /// Those that the litmus test speaks of go first, then the newest.
    fn likely_first(&self, mut fixes: Vec<Fix>) -> Vec<Fix> {
        let named =
            |fix: &Fix| self.litmus.expect.iter().any(|e| e.kernel.removed().any(|f| f == *fix));
        fixes.reverse();
        fixes.sort_by_key(|fix| !named(fix));
        fixes
    }
}
