//! What each fix is needed for.

use crate::litmus::{Expect, Expected, Litmus};
use crate::program::Memory;
use crate::survey::{self, Question, word};
use crate::verdict::{Verdict, is_bad};
use diolock::kernel::{FIXES, Fix, Kernel, Version};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Verdicts by litmus test and kernel.
pub(super) type Verdicts = BTreeMap<(String, Kernel), Verdict>;

/// A fix, and the litmus tests that fail without it.
#[derive(Clone, Debug)]
pub struct FixRow {
    /// The fix.
    pub fix: Fix,
    /// The newest kernel that has it: it is taken away there.
    pub kernel: Version,
    /// The tests that fail there without it, and do not fail there with it; those first that say so.
    pub needs: Vec<Need>,
    /// If there are none: the newest older kernel where a test does, as the test itself expects.
    pub older: Option<(Version, Vec<Need>)>,
    /// Tests whose search was cut off before anything was found.
    pub cut: Vec<String>,
    /// Tests that were not run.
    pub missing: usize,
}

/// A litmus test that needs a fix.
#[derive(Clone, Debug)]
pub struct Need {
    /// The litmus test.
    pub litmus: String,
    /// It says so itself, in what it expects.
    pub named: bool,
    /// How it fails without the fix.
    pub verdict: &'static str,
    /// With the fix it does not get as far as what it speaks of.
    pub vacuous: bool,
}

impl FixRow {
    /// Whether no litmus test was found to need it.
    pub fn idle(&self) -> bool {
        self.needs.is_empty() && self.older.is_none()
    }
}

/// Each fix and the kernel it is taken away from. A fix that no kernel has is in no kernel's set.
fn newest() -> impl Iterator<Item = (Fix, Version)> {
    FIXES.iter().filter_map(|about| {
        let has = |version: &Version| Kernel::new(*version).has(about.fix);
        Some((about.fix, Version::ALL.into_iter().rev().find(has)?))
    })
}

/// With and without: what must be known of one litmus test.
fn pair(litmus: &Arc<Litmus>, version: Version, fix: Fix) -> [Question; 2] {
    let whole = Kernel::new(version);
    [whole, whole.without(fix)].map(|kernel| Question { litmus: Arc::clone(litmus), kernel })
}

/// Everything that must be asked.
pub(super) fn questions(litmuses: &[Arc<Litmus>]) -> Vec<Question> {
    newest()
        .flat_map(|(fix, version)| litmuses.iter().flat_map(move |l| pair(l, version, fix)))
        .collect()
}

/// Where a litmus test says that it needs a fix, on older kernels, newest first.
fn expected_older(litmuses: &[Arc<Litmus>], fix: Fix, than: Version) -> Vec<(Version, usize)> {
    let mut places = Vec::new();
    for version in Version::ALL.into_iter().rev().filter(|&version| version < than) {
        let without = Kernel::new(version).without(fix);
        let needs = |litmus: &Litmus| {
            litmus.expect.iter().any(|e| e.kernel == without && e.expected != Expected::Never)
        };
        let here = (0..litmuses.len()).filter(|&at| needs(&litmuses[at]));
        places.extend(here.map(|at| (version, at)));
    }
    places
}

/// What more must be asked, of fixes that nothing needs on the newest kernel.
pub(super) fn older(litmuses: &[Arc<Litmus>], verdicts: &Verdicts) -> Vec<Question> {
    newest()
        .filter(|&(fix, version)| needs(litmuses, verdicts, fix, version).is_empty())
        .flat_map(|(fix, version)| {
            expected_older(litmuses, fix, version)
                .into_iter()
                .flat_map(move |(version, at)| pair(&litmuses[at], version, fix))
        })
        .collect()
}

/// Whether something goes wrong, or what the test says `exists` is seen no more: a change that lets tasks run beside
/// each other is shown by what comes of it.
fn is_lost(verdict: &Verdict) -> bool {
    is_bad(verdict) || matches!(verdict, Verdict::Forbidden(_))
}

/// The first litmus test found to need `fixes` on a kernel: it does not fail there, and does without them
/// all. Those that say so themselves are asked first; of weak memory only where the fixes are about it.
pub fn needed(
    litmuses: &[Arc<Litmus>],
    version: Version,
    fixes: &[Fix],
    options: &survey::Options,
) -> Option<Need> {
    let whole = Kernel::new(version);
    let without = fixes.iter().fold(whole, |kernel, &fix| kernel.without(fix));
    let named = |litmus: &Litmus| litmus.expect.iter().any(|e| e.kernel == without);
    let clean = |litmus: &&Arc<Litmus>| {
        let never = |e: &Expect| e.kernel == whole && e.expected == Expected::Never;
        let told = litmus.memory == Memory::Sc || fixes.iter().any(|fix| fix.orders_memory());
        told && litmus.expect.iter().any(never)
    };
    let mut asked: Vec<&Arc<Litmus>> = litmuses.iter().filter(clean).collect();
    asked.sort_by_key(|litmus| !named(litmus));
    let bad = |litmus: &Arc<Litmus>, kernel| {
        let report = survey::ask(&Question { litmus: Arc::clone(litmus), kernel }, options);
        is_lost(&report.verdict).then(|| word(&report.verdict))
    };
    asked.into_iter().find_map(|litmus| {
        let verdict = bad(litmus, without)?;
        bad(litmus, whole).is_none().then(|| Need {
            litmus: litmus.name.clone(),
            named: named(litmus),
            verdict,
            vacuous: false,
        })
    })
}

fn verdict<'r>(verdicts: &'r Verdicts, litmus: &Litmus, kernel: Kernel) -> Option<&'r Verdict> {
    verdicts.get(&(litmus.name.clone(), kernel))
}

fn need(litmus: &Litmus, verdicts: &Verdicts, fix: Fix, version: Version) -> Option<Need> {
    let whole = Kernel::new(version);
    let with = verdict(verdicts, litmus, whole)?;
    let without = verdict(verdicts, litmus, whole.without(fix))?;
    (is_lost(without) && !is_lost(with)).then(|| Need {
        litmus: litmus.name.clone(),
        named: litmus.expect.iter().any(|expect| expect.kernel.removed().eq([fix])),
        verdict: word(without),
        vacuous: matches!(with, Verdict::Vacuous(_)),
    })
}

fn needs(litmuses: &[Arc<Litmus>], verdicts: &Verdicts, fix: Fix, version: Version) -> Vec<Need> {
    let mut needs: Vec<Need> =
        litmuses.iter().filter_map(|litmus| need(litmus, verdicts, fix, version)).collect();
    needs.sort_by_key(|need| !need.named);
    needs
}

/// The table.
pub(super) fn rows(litmuses: &[Arc<Litmus>], verdicts: &Verdicts) -> Vec<FixRow> {
    newest()
        .map(|(fix, kernel)| {
            let without = Kernel::new(kernel).without(fix);
            let cut = |litmus: &&Arc<Litmus>| {
                let verdict = verdict(verdicts, litmus, without);
                matches!(verdict, Some(Verdict::Incomplete(_) | Verdict::Bounded(_)))
            };
            let needs = needs(litmuses, verdicts, fix, kernel);
            let older =
                if needs.is_empty() { older_needs(litmuses, verdicts, fix, kernel) } else { None };
            FixRow {
                fix,
                kernel,
                needs,
                older,
                cut: litmuses.iter().filter(cut).map(|litmus| litmus.name.clone()).collect(),
                missing: litmuses
                    .iter()
                    .filter(|litmus| verdict(verdicts, litmus, without).is_none())
                    .count(),
            }
        })
        .collect()
}

fn older_needs(
    litmuses: &[Arc<Litmus>],
    verdicts: &Verdicts,
    fix: Fix,
    than: Version,
) -> Option<(Version, Vec<Need>)> {
    let places = expected_older(litmuses, fix, than);
    let found: Vec<(Version, Need)> = places
        .into_iter()
        .filter_map(|(version, at)| Some((version, need(&litmuses[at], verdicts, fix, version)?)))
        .collect();
    let newest = found.iter().map(|(version, _)| *version).max()?;
    let of_it = found.into_iter().filter(|(version, _)| *version == newest);
    Some((newest, of_it.map(|(_, need)| need).collect()))
}
