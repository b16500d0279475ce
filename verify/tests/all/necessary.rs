//! Nothing is there for show: every fix of every kernel is needed by some litmus test there, and every rule
//! is what some litmus test fails by.

use diolock::kernel::{Fix, Kernel, Version};
use diolock_verify::engine::graph;
use diolock_verify::engine::loom::job::{self, Job};
use diolock_verify::litmus::{Expected, catalogue};
use diolock_verify::matrix;
use diolock_verify::program::Memory;
use diolock_verify::rule::RuleId;
use diolock_verify::{suite, survey};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A fix that another one makes redundant on a kernel, as the doc of [`Fix`] says: nothing fails without it,
/// and a litmus test that names both fails without them.
const COVERED: [(Version, Fix, Fix); 12] = [
    (Version::V3_7, Fix::FallocateFlush, Fix::SplitOnConvert),
    (Version::V3_11, Fix::SplitOnConvert, Fix::NoMergeUnwritten),
    (Version::V3_11, Fix::NoMergeUnwritten, Fix::SplitOnConvert),
    (Version::V5_4, Fix::AlignedPastEof, Fix::UnalignedAlone),
    (Version::V6_12, Fix::DirtyBarrier, Fix::SizeRelease),
    (Version::V6_12, Fix::SizeRelease, Fix::DirtyBarrier),
    (Version::V6_18, Fix::DirtyBarrier, Fix::SizeRelease),
    (Version::V6_18, Fix::SizeRelease, Fix::DirtyBarrier),
    (Version::V7_0, Fix::DirtyBarrier, Fix::SizeRelease),
    (Version::V7_0, Fix::SizeRelease, Fix::DirtyBarrier),
    (Version::V7_3, Fix::DirtyBarrier, Fix::SizeRelease),
    (Version::V7_3, Fix::SizeRelease, Fix::DirtyBarrier),
];

/// Fixes that nothing needs on kernels up to and with that one, and why.
const NOT_NEEDED: [(Fix, Version, &str); 9] = [
    (Fix::SlotLeftAlone, Version::V4_10, "v4.10 has no slot any more"),
    (
        Fix::SizesUnderDataSem,
        Version::V4_10,
        "writeback holds the page that truncate waits for; later kernels need it for R1",
    ),
    (
        Fix::FallocateDrains,
        Version::V5_4,
        "the tree grows at get_block, under i_rwsem, and unwritten extents do not merge there",
    ),
    (
        Fix::ZeroDrains,
        Version::V6_12,
        "the tree grows at get_block; that an I/O ends after the zeroing is seen by no rule",
    ),
    (
        Fix::GrowingZeroes,
        Version::V7_3,
        "a store past i_size through a mapping is no data here; with it something is lost",
    ),
    (
        Fix::InlineCompletion,
        Version::V7_3,
        "it makes completions faster; what it must not skip is comp-work-…",
    ),
    (
        Fix::UnwrittenAsIs,
        Version::V7_0,
        "it saves a handle; v7.3 needs it for writes with IOCB_NOWAIT",
    ),
    (
        Fix::OpenerBarrier,
        Version::V3_11,
        "redundant in C11: see its doc; gate-fences is clean without it",
    ),
    (
        Fix::DirtyBarrier,
        Version::V5_10,
        "the reader's half is missing: size-vs-page-data fails with it",
    ),
];

#[test]
fn without_any_single_fix_of_any_kernel_some_litmus_test_fails() {
    let litmuses: Vec<_> =
        catalogue::all().expect("the catalogue reads").into_iter().map(Arc::new).collect();
    let mut options = survey::Options::new(PathBuf::from(env!("CARGO_BIN_EXE_diolock")));
    options.max_states = Some(if suite::thorough() { 50_000 } else { 10_000 });
    let wrong = Mutex::new(Vec::new());
    let fixes: Vec<(Version, Fix)> = Version::ALL
        .into_iter()
        .flat_map(|version| Kernel::new(version).fixes().map(move |fix| (version, fix)))
        .collect();
    crate::common::each(&fixes, |&(version, fix)| {
        let needed = |fixes: &[Fix]| matrix::needed(&litmuses, version, fixes, &options);
        let what = format!("{}: {}", version.name(), fix.about().commit);
        let other = COVERED.iter().find(|c| (c.0, c.1) == (version, fix)).map(|c| c.2);
        let excused = NOT_NEEDED.iter().any(|n| n.0 == fix && version <= n.1);
        let found = match (needed(&[fix]), other) {
            (None, Some(other)) if needed(&[fix, other]).is_none_or(|need| !need.named) => {
                let other = other.about().commit;
                format!("{what}: no litmus test that names {other} too fails without both")
            }
            (Some(need), Some(_)) => format!("{what} is needed: {}", need.litmus),
            (Some(need), None) if excused => format!("{what} is needed after all: {}", need.litmus),
            (None, None) if !excused => format!("{what}: nothing fails without it"),
            _ => return,
        };
        wrong.lock().expect("nobody panics with it").push(found);
    });
    let wrong = wrong.into_inner().expect("nobody panicked");
    let fixes = fixes.len();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(fixes > 150, "only {fixes} fixes of {} kernels", Version::ALL.len());
}

/// loom, too, finds each fix of v3.7 to be needed, by a test that graph knows of.
#[test]
fn without_any_single_fix_of_v3_7_loom_too_finds_a_failure() {
    let litmuses: Vec<_> =
        catalogue::all().expect("the catalogue reads").into_iter().map(Arc::new).collect();
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_diolock"));
    let options = survey::Options::new(exe.clone());
    let whole = Kernel::new(Version::V3_7);
    // Liveness is graph's.
    for fix in whole.fixes().filter(|&fix| !fix.orders_memory() && fix != Fix::Gate) {
        let other = COVERED.iter().find(|c| (c.0, c.1) == (Version::V3_7, fix)).map(|c| c.2);
        let fixes: Vec<Fix> = std::iter::once(fix).chain(other).collect();
        let need = matrix::needed(&litmuses, Version::V3_7, &fixes, &options);
        let name = need.expect("as the other test shows").litmus;
        let litmus = litmuses.iter().find(|litmus| litmus.name == name).expect("it was asked");
        let kernel = fixes.iter().fold(whole, |kernel, &fix| kernel.without(fix));
        let report = job::run_child(&Job::new(litmus, kernel), &exe);
        assert!(diolock_verify::explain::is_bad(&report.verdict), "{}: {name}", fix.about().commit);
    }
}

#[test]
fn without_any_single_rule_some_violation_goes_unseen() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    for rule in RuleId::ALL {
        let found = litmuses.iter().filter(|litmus| litmus.memory == Memory::Sc).any(|litmus| {
            litmus.expect.iter().any(|expect| {
                let wanted = match expect.expected {
                    Expected::Violates(expected) => expected == rule,
                    Expected::Deadlock => rule == RuleId::R12,
                    Expected::Never | Expected::Forbidden | Expected::Livelock => false,
                };
                if !wanted {
                    return false;
                }
                let program = litmus.program(expect.kernel);
                let with = graph::run(&program, graph::Options::default()).verdict;
                let mut blind = program;
                blind.rules = blind.rules.without(rule);
                let without = graph::run(&blind, graph::Options::default()).verdict;
                with != without
            })
        });
        assert!(found, "no litmus test is decided by {}", rule.code());
    }
}

#[test]
fn every_rule_is_obeyed_somewhere_it_is_judged() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    for rule in RuleId::ALL {
        let obeyed = litmuses.iter().any(|litmus| {
            litmus.rules.has(rule) && litmus.expect.iter().any(|e| e.expected == Expected::Never)
        });
        assert!(obeyed, "no clean litmus test judges {}", rule.code());
    }
}
