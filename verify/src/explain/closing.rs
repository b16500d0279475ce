//! Which fix closes the window, and how.

use super::follow::first_difference;
use super::{Followed, follow, is_bad, shorten};
use crate::engine::graph::{self, Cost};
use crate::engine::loom::job::{self, Job};
use crate::litmus::Litmus;
use crate::program::{Memory, Program};
use crate::suite::MAX_LOOM;
use crate::verdict::{Report, Verdict};
use diolock::kernel::{Fix, Kernel, Version};
use std::path::Path;

/// Where a fix is looked for whose absence shows, a search has no more states.
const FEW_STATES: usize = 30_000;
/// The same for loom.
const FEW_EXECUTIONS: u64 = 3_000;

/// Two kernels, on one of which the test fails, and what the other makes of the same schedule.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The fix that makes the difference, if a single one does.
    pub fix: Option<Fix>,
    /// The test on the kernel that fails.
    pub buggy: Program,
    /// How it fails there.
    pub report: Report,
    /// The test on the kernel that does not.
    pub fixed: Program,
    /// The schedule that fails, on the kernel that does not.
    pub followed: Followed,
}

/// Looks for the fix that makes the difference: for a test that fails, one that the kernel lacks;
/// for a clean one, one without which it fails.
pub fn closing(litmus: &Litmus, program: &Program, report: &Report, exe: &Path) -> Option<Closing> {
    let search = Search { litmus, exe };
    let (fix, buggy, fixed, report) = if is_bad(&report.verdict) {
        let (fix, fixed) = search.fixed(program.kernel, &report.verdict)?;
        (fix, program.clone(), litmus.program(fixed), report.clone())
    } else if report.verdict == Verdict::Exhausted {
        let (fix, buggy) = search.broken(program.kernel)?;
        let buggy = litmus.program(buggy);
        let mut report = search.run(buggy.kernel, None);
        shorten(&buggy, &mut report, Cost::Steps);
        (fix, buggy, program.clone(), report)
    } else {
        return None;
    };
    let events = &report.counterexample.as_ref()?.events;
    let mut followed = follow(&buggy, events, &fixed);
    if let Some(fix) = fix.filter(|_| buggy.kernel.version != fixed.kernel.version) {
        // Years lie between the two: only what this fix does to the schedule is of interest.
        let before = litmus.program(fixed.kernel.without(fix));
        let there = follow(&buggy, events, &before);
        followed.differs =
            first_difference((&before, &there.run.events), (&fixed, &followed.run.events));
    }
    Some(Closing { fix, buggy, report, fixed, followed })
}

struct Search<'a> {
    litmus: &'a Litmus,
    exe: &'a Path,
}

impl Search<'_> {
    fn run(&self, kernel: Kernel, max_states: Option<usize>) -> Report {
        if let Some(why) = self.litmus.not_modelled_on(kernel.version) {
            return Report { verdict: Verdict::Vacuous(why), ..Report::incomplete("") };
        }
        let program = self.litmus.program(kernel);
        let options = graph::Options { max_states, ..Default::default() };
        match program.memory {
            Memory::Sc => graph::run(&program, options),
            Memory::C11 => {
                let mut job = Job::new(self.litmus, kernel);
                job.max_executions = Some(max_states.map_or(MAX_LOOM, |_| FEW_EXECUTIONS));
                job::run_child(&job, self.exe)
            }
        }
    }

    /// Whether it fails within a few states of the start: enough to find a fix to show, if there is
    /// one, without exploring every kernel to its end.
    fn fails(&self, kernel: Kernel) -> bool {
        is_bad(&self.run(kernel, Some(FEW_STATES)).verdict)
    }

    fn clean(&self, kernel: Kernel) -> bool {
        self.run(kernel, None).verdict == Verdict::Exhausted
    }

    /// The nearest kernel that is clean, and the fix that makes it so.
    fn fixed(&self, buggy: Kernel, verdict: &Verdict) -> Option<(Option<Fix>, Kernel)> {
        let removed: Vec<Fix> = buggy.removed().collect();
        for &fix in &removed {
            let others = removed.iter().filter(|&&other| other != fix);
            let with = others.fold(Kernel::new(buggy.version), |k, &other| k.without(other));
            if self.clean(with) {
                return Some((Some(fix), with));
            }
        }
        let newer = Version::ALL.into_iter().filter(|&v| v > buggy.version || !removed.is_empty());
        let newer = newer.filter(|&v| v >= buggy.version).map(Kernel::new);
        let fixed = newer.into_iter().find(|&kernel| self.clean(kernel))?;
        let new = self.likely_first(fixed.fixes().filter(|&fix| !buggy.has(fix)).collect());
        let same = |report: Report| report.verdict == *verdict;
        let fix = new.into_iter().find(|&fix| same(self.run(fixed.without(fix), Some(FEW_STATES))));
        Some((fix, fixed))
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
