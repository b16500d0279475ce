//! Engines that share no search must agree: on every clean litmus test without weak-memory steps,
//! loom, shuttle's exhaustive scheduler and graph see the same set of traces; and every
//! counterexample, whoever found it, replays on the reference semantics.

use diolock_verify::engine::loom::job::{Job, run_child};
use diolock_verify::engine::{EngineName, Wrong, graph, loom, shuttle};
use diolock_verify::litmus::{Expect, Expected, Litmus, catalogue};
use diolock_verify::program::{Memory, Program};
use diolock_verify::suite::{self, Options};
use diolock_verify::verdict::{Report, Verdict};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_diolock"))
}

/// The clean cells of fewer than `states`; `make test-all` takes all that every engine can hold.
fn clean(states: usize) -> Vec<(Litmus, Expect)> {
    let most = if suite::thorough() { 20_000 } else { states };
    let litmuses = catalogue::all().expect("the catalogue reads");
    litmuses
        .into_iter()
        .filter(|litmus| litmus.memory == Memory::Sc)
        .flat_map(|litmus| {
            let expect = litmus.expect.clone();
            expect.into_iter().map(move |expect| (litmus.clone(), expect))
        })
        .filter(|(_, expect)| expect.expected == Expected::Never && expect.engines.is_empty())
        .filter(|(litmus, expect)| graph::fewer_states_than(most, &litmus.program(expect.kernel)))
        .collect()
}

fn orders(program: &Program) -> [Vec<diolock::op::TaskId>; 2] {
    let written: Vec<diolock::op::TaskId> = program.spawn_order.clone();
    let reversed = written.iter().rev().copied().collect();
    [written, reversed]
}

/// Whether loom's search in the order asked for left traces to the other one.
fn in_both_orders(loom: &Report) -> bool {
    loom.note.as_ref().is_some_and(|note| note.contains("in the other spawn order only"))
}

#[test]
fn loom_and_shuttle_and_graph_see_the_same_traces_in_two_spawn_orders() {
    let cells = clean(200);
    assert!(cells.len() > 40, "only {} clean cells", cells.len());
    crate::common::each(&cells, |(litmus, expect)| {
        let program = litmus.program(expect.kernel);
        let what = format!("{} on {}", litmus.name, expect.kernel);
        let graph = graph::run(&program, graph::Options { traces: true, ..Default::default() });
        assert_eq!(graph.verdict, Verdict::Exhausted, "{what}");
        assert!(!graph.trace_set.is_empty(), "{what}");
        for order in orders(&program) {
            let mut job = Job::new(litmus, expect.kernel);
            job.spawn_order = Some(order.clone());
            let loom = run_child(&job, exe());
            assert_eq!(loom.verdict, Verdict::Exhausted, "{what}, loom, order {order:?}");
            // Each order by itself: no trace was left to the other.
            assert!(!in_both_orders(&loom), "{what}, loom, order {order:?}");
            assert_eq!(loom.trace_set, graph.trace_set, "{what}, loom, order {order:?}");
            let mut ordered = program.clone();
            ordered.spawn_order = order.clone();
            let options = shuttle::Options { traces: true, ..shuttle::Options::exhaustive() };
            let shuttle = shuttle::run(&ordered, &options);
            assert_eq!(shuttle.verdict, Verdict::Exhausted, "{what}, shuttle, order {order:?}");
            assert_eq!(shuttle.trace_set, graph.trace_set, "{what}, shuttle, order {order:?}");
        }
    });
}

#[test]
fn loom_left_to_itself_sees_the_same_traces_as_with_known_beginnings_cut() {
    crate::common::each(&clean(200), |(litmus, expect)| {
        let cut = run_child(&Job::new(litmus, expect.kernel), exe());
        let mut job = Job::new(litmus, expect.kernel);
        job.plain = true;
        let plain = run_child(&job, exe());
        let what = format!("{} on {}", litmus.name, expect.kernel);
        assert_eq!(plain.verdict, cut.verdict, "{what}");
        assert_eq!(plain.trace_set, cut.trace_set, "{what}");
    });
}

#[test]
fn every_counterexample_replays_to_the_same_verdict() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let engines = [EngineName::Graph, EngineName::Loom, EngineName::Shuttle];
    let options = Options {
        jobs: 1,
        strategy: None,
        reduced: false,
        max_states: suite::MAX_STATES,
        exe: exe().to_owned(),
    };
    let replayed = AtomicUsize::new(0);
    let most = if suite::thorough() { usize::MAX } else { 1_000 };
    crate::common::each(&suite::plan(&litmuses, &engines, &[], &[]), |cell| {
        let bug = cell.expected.as_ref().is_some_and(|e| e.expected.goes_wrong());
        let program = cell.litmus.program(cell.kernel);
        // What weak memory allows, the reference semantics forbids.
        let sequential = cell.litmus.memory == Memory::Sc;
        if !bug || !sequential || !graph::fewer_states_than(most, &program) {
            return;
        }
        let done = cell.done(&options);
        let what = format!("{} on {}, {}", program.litmus, program.kernel, cell.engine.name());
        let found = done.report.counterexample.unwrap_or_else(|| panic!("{what}: no trace"));
        if found.loop_start.is_some() {
            return;
        }
        let (wrong, run) = graph::replay(&program, &found.schedule());
        let (verdict, _) = wrong.verdict(&program);
        assert_eq!(verdict, done.report.verdict, "{what}");
        if matches!(wrong, Wrong::Rule(_)) {
            assert_eq!(run.events, found.events, "{what}");
        }
        replayed.fetch_add(1, Ordering::Relaxed);
    });
    let replayed = replayed.into_inner();
    assert!(replayed > 500, "only {replayed} counterexamples replayed");
}

#[test]
fn what_loom_cannot_hold_is_incomplete_and_the_others_still_answer() {
    let litmus = catalogue::find("four-overwrites-truncate").expect("it is in the catalogue");
    let kernel = litmus.expect[0].kernel;
    let report = run_child(&Job::new(&litmus, kernel), exe());
    let Verdict::Incomplete(why) = report.verdict else { panic!("{:?}", report.verdict) };
    assert!(why.contains("loom holds 4 tasks"), "{why}");
    assert!(loom::unfit(&litmus.program(kernel)).is_some());
    let graph = graph::run(&litmus.program(kernel), graph::Options::default());
    assert_eq!(graph.verdict, Verdict::Exhausted);
}

#[test]
fn a_preemption_bound_is_said() {
    let litmus = catalogue::find("truncate-vs-overwrite").expect("it is in the catalogue");
    let kernel = litmus.expect[2].kernel;
    let mut job = Job::new(&litmus, kernel);
    job.preemption_bound = Some(2);
    assert_eq!(run_child(&job, exe()).verdict, Verdict::Bounded(2));
}

#[cfg(unix)]
#[test]
fn a_search_that_dies_is_reported_and_not_lost() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("dies");
    std::fs::write(&script, "#!/bin/sh\nread -r job\nkill -SEGV $$\n").expect("a script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("rights");
    let litmus = catalogue::find("truncate-vs-overwrite").expect("it is in the catalogue");
    let report = run_child(&Job::new(&litmus, litmus.expect[0].kernel), &script);
    let Verdict::Incomplete(why) = report.verdict else { panic!("{:?}", report.verdict) };
    assert!(why.contains("signal 11"), "{why}");
    assert!(report.note.is_some_and(|note| note.contains("the second")), "it was tried again");
}
