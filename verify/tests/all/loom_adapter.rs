//! The loom adapter against brute force: over random programs it misses no outcome and invents none.

use diolock_verify::engine::loom::job::{Job, Subject, run_child};
use diolock_verify::engine::selftest::{history_graph, random_program};
use diolock_verify::program::Memory;
use diolock_verify::verdict::Verdict;
use std::ops::Range;
use std::path::Path;

/// Compares over some seeds; how many programs could end in more than one way.
fn compare(seeds: Range<u64>, tasks: usize, steps: usize, plain: bool) -> usize {
    let mut branching = 0;
    for seed in seeds {
        let program = random_program(seed, tasks, steps);
        assert_eq!(program.memory, Memory::Sc);
        let expected = history_graph(&program);
        let job = Job {
            subject: Subject::Random { seed, tasks, steps },
            spawn_order: None,
            preemption_bound: None,
            plain,
            max_executions: None,
            journal: None,
        };
        let report = run_child(&job, Path::new(env!("CARGO_BIN_EXE_diolock")));
        let what = format!("random_program({seed}, {tasks}, {steps}), plain: {plain}");
        if expected.stuck.is_empty() {
            assert_eq!(report.verdict, Verdict::Exhausted, "{what}");
            assert_eq!(report.trace_set, expected.traces, "{what}");
            branching += usize::from(expected.traces.len() > 1);
        } else {
            // loom ends at the first deadlock it meets; it must meet one.
            let Verdict::Incomplete(why) = &report.verdict else {
                panic!("{what}: {:?}, but some executions get stuck", report.verdict)
            };
            assert!(why.contains("a deadlock ended the search"), "{what}: {why}");
        }
    }
    branching
}

#[test]
fn two_tasks_match_brute_force() {
    let branching = compare(0..300, 2, 5, false);
    assert!(branching > 100, "only {branching} programs had more than one trace");
}

#[test]
fn three_tasks_match_brute_force() {
    let branching = compare(1000..1200, 3, 4, false);
    assert!(branching > 80, "only {branching} programs had more than one trace");
}

#[test]
fn seeds_that_were_missed_once_are_not_missed_again() {
    // A drain made of several steps; a step of several locks halfway at a known beginning.
    for (seed, tasks, steps) in
        [(20507, 3, 5), (20745, 3, 5), (21446, 3, 5), (30239, 4, 4), (30247, 4, 4), (30271, 4, 4)]
    {
        compare(seed..seed + 1, tasks, steps, false);
    }
}

#[test]
fn a_writer_that_reads_what_it_holds_waits_for_ever() {
    // A seed that once was granted.
    compare(10193..10194, 2, 6, false);
}

#[test]
fn loom_left_to_itself_matches_brute_force_too() {
    let branching = compare(2000..2100, 3, 4, true);
    assert!(branching > 40, "only {branching} programs had more than one trace");
}
