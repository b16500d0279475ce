//! Weak memory: what loom finds replays, what C11 forbids does not, and loom misses nothing that even
//! sequential consistency allows.

use diolock::kernel::Fix;
use diolock_verify::engine::graph;
use diolock_verify::engine::loom::job::{Job, run_child};
use diolock_verify::litmus::{Expect, Expected, Litmus, catalogue};
use diolock_verify::program::Memory;
use diolock_verify::schedule::{self, End, Schedule};
use diolock_verify::verdict::{Report, Verdict};
use std::path::Path;

/// Every weak cell of the catalogue, run.
fn weak(wanted: impl Fn(Expected) -> bool) -> Vec<(Litmus, Expect, Report)> {
    let exe = Path::new(env!("CARGO_BIN_EXE_diolock"));
    let mut cells = Vec::new();
    for litmus in catalogue::all().expect("the catalogue reads") {
        if litmus.memory != Memory::C11 {
            continue;
        }
        for expect in litmus.expect.iter().filter(|expect| wanted(expect.expected)) {
            let report = run_child(&Job::new(&litmus, expect.kernel), exe);
            cells.push((litmus.clone(), expect.clone(), report));
        }
    }
    cells
}

fn end(litmus: &Litmus, expect: &Expect, letters: &str) -> End {
    let schedule = Schedule::parse("schedule", letters, litmus).expect("it reads");
    let program = litmus.program(expect.kernel);
    schedule.check(&program).expect("its seal fits");
    schedule::replay(&program, &schedule).end
}

#[test]
fn every_weak_counterexample_replays_to_the_same_end() {
    let (mut broken, mut stuck, mut old) = (0, 0, 0);
    for (litmus, expect, report) in weak(|expected| expected != Expected::Never) {
        let what = format!("{} on {}", litmus.name, expect.kernel);
        let found = report.counterexample.unwrap_or_else(|| panic!("{what}: {:?}", report.verdict));
        let letters = schedule::letters(&litmus.program(expect.kernel), &found.events);
        old += usize::from(letters.contains('\''));
        match (end(&litmus, &expect, &letters), &report.verdict) {
            (End::Broken(violation), Verdict::Violated(rule)) => {
                assert_eq!(violation.rule, *rule, "{what}: {letters}");
                assert_eq!(violation.text, found.text, "{what}: {letters}");
                broken += 1;
            }
            (End::Stuck(_), Verdict::Deadlocked) => stuck += 1,
            (end, verdict) => panic!("{what}: {letters} is {verdict:?} and replays as {end:?}"),
        }
    }
    assert!(broken > 8 && stuck > 4 && old > 10, "{broken} broken, {stuck} stuck, {old} old");
}

#[test]
fn a_task_that_sleeps_for_ever_is_said_to_be_woken_by_nobody() {
    for (litmus, expect, report) in weak(|expected| expected == Expected::Deadlock) {
        let text = report.counterexample.expect("a deadlock is shown").text;
        let what = format!("{} on {}: {text}", litmus.name, expect.kernel);
        assert!(text.contains("sleeps with i_") && text.contains("= 0"), "{what}");
        assert!(text.ends_with("and nobody will wake it"), "{what}");
    }
}

/// loom is known to miss executions around plain loads. It must not miss one that every machine has;
/// here is a program of which one search alone sees one execution of two.
#[test]
fn loom_searches_in_two_orders_where_one_would_miss_half() {
    let text = "claim = \"c\"\nmemory = \"c11\"\nrules = [\"R1\"]\nreaches = [\"R reads\"]\n[file]\n\
                size = 1\nextents = [\"written\"]\ncached_pages = 1\n\
                [[task]]\nname = \"R\"\ncall = \"read\"\nblock = 0\n\
                [[task]]\nname = \"W\"\ncall = \"append\"\nblock = 1\n\
                [[expect]]\nkernel = \"v3.7\"\nverdict = \"never\"\n";
    let litmus = diolock_verify::litmus::parse::parse("loads", "loads", text).expect("it reads");
    let job = Job::new(&litmus, litmus.expect[0].kernel);
    let report = run_child(&job, Path::new(env!("CARGO_BIN_EXE_diolock")));
    assert_eq!(report.verdict, Verdict::Exhausted);
    assert!(report.traces >= Some(2), "{:?} in {}", report.traces, report.executions);
}

/// loom is known to miss executions around plain loads. It must not miss one that every machine has.
#[test]
fn loom_sees_under_c11_every_trace_that_sequential_consistency_has() {
    let mut more = 0;
    for (litmus, expect, report) in weak(|expected| expected == Expected::Never) {
        let what = format!("{} on {}", litmus.name, expect.kernel);
        assert_eq!(report.verdict, Verdict::Exhausted, "{what}");
        let program = litmus.program(expect.kernel);
        let graph = graph::run(&program, graph::Options { traces: true, ..Default::default() });
        assert_eq!(graph.verdict, Verdict::Exhausted, "{what}");
        let missed = graph.trace_set.difference(&report.trace_set).count();
        assert_eq!(missed, 0, "{what}: of {} traces", graph.trace_set.len());
        more += usize::from(report.trace_set.len() > graph.trace_set.len());
    }
    assert!(more > 2, "in {more} only there is more than sequential consistency has");
}

/// The same schedules with the barrier in place: the old value cannot be read.
#[test]
fn what_c11_forbids_does_not_replay() {
    let forbidden = [
        // Behind both barriers; behind a lock; by message passing.
        ("gate-fences", &[][..], "RRTTTTTTTTTT'", "smp_mb in steps"),
        ("drain-wake-up", &[], "DDDDCCC'", "smp_mb in steps"),
        ("drain-wake-up", &[], "DCCCDDD'", "smp_mb in steps"),
        ("unwritten-wake-up", &[], "DCCCDDD'", "a lock orders"),
        ("size-vs-page-data", &[], "WWWWWRRRRR'", "i_size, written in step 5 and read in step"),
        ("size-vs-page-data", &[Fix::SizeRelease], "WWWWWRRRR'", "i_size, written in step 5"),
        ("size-vs-page-data", &[Fix::DirtyBarrier], "WWWWRRRR'", "i_size, written in step 4"),
    ];
    for (name, without, letters, why) in forbidden {
        let litmus = catalogue::find(name).expect("it is in the catalogue");
        let newest = |fix: &[Fix]| {
            let mut expects = litmus.expect.iter().filter(|e| e.expected == Expected::Never);
            expects.find(|e| e.kernel.removed().collect::<Vec<_>>() == fix)
        };
        let expect = newest(without).unwrap_or_else(|| panic!("{name} is clean somewhere"));
        match end(&litmus, expect, letters) {
            End::TooOld { why: said, .. } => assert!(said.contains(why), "{letters}: {said}"),
            other => panic!("{name} on {}: {letters} replays as {other:?}", expect.kernel),
        }
    }
}

/// The mapping is in one place: no other file of the engine chooses a memory order.
#[test]
fn only_the_mapping_chooses_memory_orders() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/loom");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the engine's sources are there") {
        let path = entry.expect("the folder can be read").path();
        // job.rs numbers temporary files.
        if path.ends_with("c11.rs") || path.ends_with("job.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("it can be read");
        assert!(!text.contains("Ordering") && !text.contains("fence("), "{}", path.display());
        files += 1;
    }
    assert!(files >= 4, "only {files} files were looked at");
}
