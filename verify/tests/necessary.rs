//! Nothing is there for show: every fix of v3.7 is needed by some litmus test, and every rule is what
//! some litmus test fails by.

use diolock::kernel::{FIXES, Fix, Kernel, Version};
use diolock_verify::engine::EngineName;
use diolock_verify::engine::graph;
use diolock_verify::litmus::{Expected, catalogue};
use diolock_verify::program::Memory;
use diolock_verify::rule::RuleId;
use diolock_verify::suite::{self, Options};
use diolock_verify::verdict::Verdict;
use std::path::PathBuf;

/// Fixes of v3.7 that no clean litmus test on v3.7 needs, and why.
const NOT_NEEDED: [(Fix, &str); 2] = [
    (Fix::OpenerBarrier, "redundant in C11: see its doc; gate-fences is clean without it"),
    (Fix::DirtyBarrier, "half of a pair: the reader's half came with v6.1 (size-vs-page-data)"),
];

/// Fixes of v3.7 that cover for each other: either alone is enough, so both are taken away.
const COVERED: [Fix; 2] = [Fix::FallocateFlush, Fix::SplitOnConvert];

#[test]
fn without_any_single_fix_of_v3_7_some_litmus_test_fails_on_graph_and_on_loom() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_diolock"));
    let options = Options { jobs: 1, strategy: None, exe };
    let newest = Kernel::new(Version::V3_7);
    for about in FIXES.iter().filter(|about| newest.has(about.fix)) {
        for engine in [EngineName::Graph, EngineName::Loom] {
            // Liveness is graph's, memory order is loom's.
            let skipped = match engine {
                EngineName::Graph => about.fix.orders_memory(),
                _ => about.fix == Fix::Gate,
            };
            let skipped = skipped || NOT_NEEDED.iter().any(|(fix, _)| *fix == about.fix);
            if skipped {
                continue;
            }
            let alone = [about.fix];
            let without = if COVERED.contains(&about.fix) { &COVERED[..] } else { &alone[..] };
            let cells = suite::plan(&litmuses, &[engine], &[Version::V3_7], without);
            let red = cells.iter().any(|cell| {
                let clean =
                    cell.litmus.expect.iter().any(|expect| {
                        expect.kernel == newest && expect.expected == Expected::Never
                    });
                clean
                    && matches!(
                        cell.done(&options).report.verdict,
                        Verdict::Violated(_) | Verdict::Deadlocked | Verdict::Livelocked
                    )
            });
            assert!(red, "{}: nothing fails without {}", engine.name(), about.commit);
        }
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
                    Expected::Never | Expected::Livelock => false,
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
