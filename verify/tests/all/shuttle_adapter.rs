//! The shuttle engine sees every trace: checked against brute force on random programs and on the
//! protocol's own tasks, and against the graph engine.

use diolock::dio_path::WriteFlags;
use diolock::kernel::{Kernel, Version};
use diolock::op::{Extent, LockName, Op, Range, Size, Span};
use diolock::task::Task;
use diolock_verify::engine::graph;
use diolock_verify::engine::selftest::{
    Outcomes, brute_force, history_graph, random_program, unbalanced_program,
};
use diolock_verify::engine::shuttle::{self, Exploration, Options, Strategy};
use diolock_verify::litmus::{CallSpec, Litmus, TaskSpec};
use diolock_verify::program::{Memory, Program};
use diolock_verify::rule::{RuleId, RuleSet};
use diolock_verify::verdict::Verdict;
use std::collections::BTreeSet;
use std::ops::Range as Seeds;
use std::sync::Mutex;

/// Recorded: a change of these changes what the tests below have shown.
const TWO_TASKS: Seeds<u64> = 0..1_000;
const THREE_TASKS: Seeds<u64> = 1_000..2_000;
const LONGER: Seeds<u64> = 2_000..2_100;
const FOUR_TASKS: Seeds<u64> = 3_000..3_050;
/// 3 x 4: traces are missed unless tasks that wait when an execution is cut off race as well.
const WAITS_WHEN_CUT: [u64; 4] = [139, 749, 1_227, 1_357];
/// 3 x 6: traces are missed unless every task is tried where nothing is known.
const NOTHING_KNOWN: [u64; 4] = [100_529, 100_650, 101_282, 101_393];

fn every_trace(program: &Program) -> Exploration {
    let options = Options { traces: true, keep_going: true, ..Options::exhaustive() };
    shuttle::explore(program, &options)
}

/// Executions and traces so far, and the sum of their ratios.
#[derive(Default)]
struct Cost {
    programs: u32,
    executions: u64,
    traces: u64,
    ratios: f64,
}

impl Cost {
    /// Compares an exploration with what is right, and adds its cost.
    fn agree(&mut self, what: &str, program: &Program, right: &Outcomes) {
        let found = every_trace(program);
        let calls = &program.calls;
        assert_eq!(found.report.trace_set, right.traces, "{what}: traces differ; {calls:#?}");
        assert_eq!(found.stuck, right.stuck, "{what}: stuck executions differ; {calls:#?}");
        assert_eq!(found.report.verdict, Verdict::Exhausted, "{what}");
        let traces = (right.traces.len() + right.stuck.len()) as u64;
        self.programs += 1;
        self.executions += found.report.executions;
        self.traces += traces;
        self.ratios += found.report.executions as f64 / traces as f64;
    }

    fn add(&mut self, other: &Cost) {
        self.programs += other.programs;
        self.executions += other.executions;
        self.traces += other.traces;
        self.ratios += other.ratios;
    }

    fn is_at_most(&self, limit: f64) {
        let mean = self.ratios / f64::from(self.programs);
        let total = self.executions as f64 / self.traces as f64;
        println!(
            "{} programs: {} executions for {} traces, ratio {total:.3}, mean {mean:.3}",
            self.programs, self.executions, self.traces
        );
        assert!(mean <= limit && total <= limit, "mean {mean:.3}, total {total:.3} > {limit}");
    }
}

#[test]
fn shuttle_sees_the_traces_of_plain_brute_force() {
    let mut cost = Cost::default();
    for seed in TWO_TASKS {
        let program = random_program(seed, 2, 5);
        cost.agree(&format!("seed {seed}, 2 x 5"), &program, &brute_force(&program));
    }
    cost.is_at_most(1.05);
}

#[test]
fn shuttle_sees_the_traces_of_three_and_four_tasks() {
    let mut cost = Cost::default();
    for (seeds, tasks, steps) in [(THREE_TASKS, 3, 4), (LONGER, 3, 6), (FOUR_TASKS, 4, 4)] {
        for seed in seeds {
            let program = random_program(seed, tasks, steps);
            let what = format!("seed {seed}, {tasks} x {steps}");
            cost.agree(&what, &program, &history_graph(&program));
        }
    }
    cost.is_at_most(1.1);
}

/// A counter that goes negative stops its drainer: no order may be ruled out on its account.
#[test]
fn shuttle_sees_the_traces_of_unbalanced_counters() {
    let mut cost = Cost::default();
    for (seeds, steps) in [(THREE_TASKS, 4), (LONGER, 6)] {
        for seed in seeds {
            let program = unbalanced_program(seed, 3, steps);
            let what = format!("seed {seed}, 3 x {steps}, unbalanced");
            cost.agree(&what, &program, &history_graph(&program));
        }
    }
    cost.is_at_most(1.2);
}

#[test]
fn shuttle_sees_the_traces_that_were_once_missed() {
    let mut cost = Cost::default();
    for (seeds, steps) in [(WAITS_WHEN_CUT, 4), (NOTHING_KNOWN, 6)] {
        for seed in seeds {
            let program = random_program(seed, 3, steps);
            cost.agree(&format!("seed {seed}, 3 x {steps}"), &program, &history_graph(&program));
        }
    }
    let widened = |&seed: &u64| every_trace(&random_program(seed, 3, 6)).widened;
    assert!(NOTHING_KNOWN.iter().map(widened).all(|places| places > 0));
}

#[test]
fn brute_force_with_and_without_memory_agree() {
    for seed in TWO_TASKS {
        let program = random_program(seed, 2, 4);
        assert_eq!(brute_force(&program), history_graph(&program), "seed {seed}");
    }
    for seed in THREE_TASKS.take(40) {
        let program = random_program(seed, 3, 3);
        assert_eq!(brute_force(&program), history_graph(&program), "seed {seed}");
    }
}

/// The random programs are worth checking only if they wait, get stuck, fail to lock and complete.
#[test]
fn random_programs_cover_what_can_go_wrong() {
    let (mut stuck, mut tries, mut completions, mut fair) = (0, 0, 0, 0);
    for seed in THREE_TASKS {
        let program = random_program(seed, 3, 4);
        stuck += usize::from(!history_graph(&program).stuck.is_empty());
        tries += usize::from(tries_locks(&program));
        completions += usize::from(program.calls.iter().any(|call| !call.started()));
        fair += usize::from(!program.fair.is_empty());
    }
    assert!(stuck > 100 && tries > 100 && completions > 100 && fair > 100);
}

fn tries_locks(program: &Program) -> bool {
    program.calls.iter().any(|call| {
        let mut call = call.clone();
        while let Some(op) = call.next() {
            if matches!(op, Op::TryLock(..)) {
                return true;
            }
            call.resume(diolock::op::Outcome::Done);
        }
        false
    })
}

/// Graph queues writers on every rwsem. That decides who may go, never what happens, unless
/// somebody tries the lock: then graph sees more.
#[test]
fn shuttle_and_graph_see_the_same_traces() {
    for (seeds, tasks, steps) in [(TWO_TASKS, 2, 5), (THREE_TASKS, 3, 4)] {
        for seed in seeds.step_by(3) {
            let program = Program { fair: Vec::new(), ..random_program(seed, tasks, steps) };
            let shuttle = every_trace(&program).report.trace_set;
            let options = graph::Options { traces: true, ..Default::default() };
            let graph = graph::run(&program, options).trace_set;
            if tries_locks(&program) {
                assert!(graph.is_superset(&shuttle), "seed {seed}, {tasks} x {steps}");
            } else {
                assert_eq!(graph, shuttle, "seed {seed}, {tasks} x {steps}");
            }
        }
    }
}

#[test]
fn one_seed_gives_one_schedule() {
    for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
        let program = random_program(7, 3, 6);
        let run = |seed| {
            let options = Options::sample(strategy, 200, seed);
            shuttle::explore(&program, &Options { keep_going: true, ..options })
        };
        let (one, again, other) = (run(1), run(1), run(2));
        assert_eq!(one.schedules, again.schedules, "{strategy:?}");
        assert_eq!(one.schedule, again.schedule, "{strategy:?}");
        assert_ne!(one.schedules, other.schedules, "{strategy:?}: the seed does nothing");
        assert_eq!(one.report.executions, 200);
        assert_eq!(one.report.verdict, Verdict::Sampled);
    }
}

#[test]
fn sampling_sees_only_real_traces() {
    for seed in THREE_TASKS.step_by(20) {
        let program = random_program(seed, 3, 4);
        let right = history_graph(&program);
        for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
            let options = Options::sample(strategy, 300, seed);
            let options = Options { traces: true, keep_going: true, ..options };
            let found = shuttle::explore(&program, &options);
            assert!(found.report.trace_set.is_subset(&right.traces), "seed {seed}, {strategy:?}");
            assert!(found.stuck.is_subset(&right.stuck), "seed {seed}, {strategy:?}");
        }
    }
}

/// A test of the protocol's own tasks: one call each on a file of one block.
fn protocol(calls: &[CallSpec], version: Version, extent: Extent, fair: &[LockName]) -> Program {
    let spec = |(letter, &call): (char, &CallSpec)| TaskSpec { letter, calls: vec![call] };
    let litmus = Litmus {
        name: "protocol".to_owned(),
        given: "protocol".to_owned(),
        source: String::new(),
        claim: String::new(),
        bug: None,
        evidence: None,
        size: Size::blocks(1),
        extents: vec![extent],
        cached_pages: 0,
        paging: Default::default(),
        dirty: false,
        disksize: None,
        dioread_nolock: true,
        journal: true,
        tasks: ('A'..).zip(calls).map(spec).collect(),
        memory: Memory::Sc,
        fair: fair.to_vec(),
        rules: RuleSet::NONE,
        except: Vec::new(),
        reaches: Vec::new(),
        conditions: Default::default(),
        torn: false,
        setup: Vec::new(),
        expect: Vec::new(),
    };
    litmus.program(Kernel::new(version))
}

const BLOCK: Range = Range { start: 0, len: 1 };
const FIRST: Span = Span { start: Size::ZERO, end: Size::blocks(1) };

const fn pwrite(aio: bool) -> CallSpec {
    let flags = WriteFlags { nowait: false, osync: false };
    CallSpec::Pwrite { span: FIRST, append: false, aio, fault: None, flags, pins: false }
}
const WRITE: CallSpec = pwrite(false);
const AIO: CallSpec = pwrite(true);
const READ: CallSpec = CallSpec::Pread { range: BLOCK, late_size: false, repeat: false };
const TRUNCATE: CallSpec = CallSpec::Ftruncate { to: Size::ZERO, fault: None };

#[test]
fn shuttle_graph_and_brute_force_agree_on_the_protocol() {
    let sets: [&[CallSpec]; 9] = [
        &[WRITE, TRUNCATE],
        &[AIO, AIO],
        &[AIO, READ],
        &[WRITE, CallSpec::Write { span: FIRST, append: false }],
        &[WRITE, WRITE, TRUNCATE],
        &[WRITE, TRUNCATE, READ],
        &[AIO, TRUNCATE, READ],
        &[AIO, WRITE, TRUNCATE],
        &[WRITE, WRITE, CallSpec::Commit],
    ];
    let cost = Mutex::new(Cost::default());
    crate::common::each(&sets, |&calls| {
        let mut of_set = Cost::default();
        for version in [Version::RfcV1, Version::V3_6, Version::V3_7] {
            for extent in [Extent::Written, Extent::Unwritten] {
                for fair in [&[][..], &[LockName::IDataSem]] {
                    let program = protocol(calls, version, extent, fair);
                    let what = format!("{} {extent:?} {calls:?} {fair:?}", version.name());
                    let right = history_graph(&program);
                    of_set.agree(&what, &program, &right);
                    let options = graph::Options { traces: true, ..Default::default() };
                    let graph: BTreeSet<u64> = graph::run(&program, options).trace_set;
                    assert_eq!(graph, right.traces, "{what}: graph");
                }
            }
        }
        cost.lock().expect("nobody panics with it").add(&of_set);
    });
    let cost = cost.into_inner().expect("nobody panicked");
    cost.is_at_most(1.2);
}

#[test]
fn a_failure_is_found_and_counted() {
    let program = protocol(&[TRUNCATE, READ], Version::V3_6, Extent::Written, &[]);
    let program = Program { rules: RuleSet::ALL, ..program };
    let right = graph::run(&program, graph::Options::default()).verdict;
    assert_eq!(right, Verdict::Violated(RuleId::R4));
    let report = shuttle::run(&program, &Options::exhaustive());
    assert_eq!(report.verdict, right);
    let found = report.counterexample.expect("a violation has a counterexample");
    let (wrong, _) = graph::replay(&program, &found.schedule());
    assert_eq!(wrong.verdict(&program), (right, found.text), "the counterexample replays");
    let median = |strategy| shuttle::median_iterations(&program, Some(strategy), 0..20, 10_000);
    let pct = median(Strategy::Pct { depth: 3 }).expect("PCT finds it");
    assert!((1..200).contains(&pct), "the median over 20 seeds is {pct}");
    let one = shuttle::run(&program, &Options::sample(Strategy::Pct { depth: 3 }, 10_000, 1));
    let options = Options::sample(Strategy::Pct { depth: 3 }, one.executions as usize - 1, 1);
    assert_eq!(shuttle::run(&program, &options).verdict, Verdict::Sampled, "found one too late");
}

#[test]
fn a_deadlock_is_reported_where_rule_r12_is_judged() {
    let stuck = |seed: &u64| !history_graph(&random_program(*seed, 3, 4)).stuck.is_empty();
    let seed = THREE_TASKS.clone().find(stuck).expect("some program gets stuck");
    let program = random_program(seed, 3, 4);
    let judged = Program { rules: RuleSet::NONE.with(RuleId::R12), ..program.clone() };
    assert_eq!(shuttle::run(&judged, &Options::exhaustive()).verdict, Verdict::Deadlocked);
    assert_eq!(shuttle::run(&program, &Options::exhaustive()).verdict, Verdict::Exhausted);
}

#[test]
fn what_cannot_be_run_or_finished_is_incomplete() {
    let program = random_program(1_000, 3, 4);
    let incomplete = |program: &Program, options: Options| {
        let verdict = shuttle::run(program, &options).verdict;
        assert!(matches!(verdict, Verdict::Incomplete(_)), "{verdict:?}");
    };
    let c11 = Program { memory: Memory::C11, ..program.clone() };
    incomplete(&c11, Options::exhaustive());
    let again = CallSpec::Pread { range: BLOCK, late_size: false, repeat: true };
    let repeats = protocol(&[again, TRUNCATE], Version::V3_6, Extent::Written, &[]);
    incomplete(&repeats, Options::exhaustive());
    let busy = protocol(&[WRITE, WRITE, TRUNCATE], Version::V3_6, Extent::Written, &[]);
    let limited = Options { max_executions: Some(3), ..Options::exhaustive() };
    assert_eq!(shuttle::run(&busy, &limited).executions, 3);
    incomplete(&busy, limited);
    let nothing = shuttle::run(&busy, &Options::sample(Strategy::Random, 0, 0)).verdict;
    assert!(matches!(nothing, Verdict::Vacuous(_)), "{nothing:?}");
    let alone = random_program(0, 1, 4);
    let report = shuttle::run(&alone, &Options::sample(Strategy::Pct { depth: 3 }, 5, 0));
    assert_eq!((report.verdict, report.executions), (Verdict::Sampled, 5), "nothing to choose");
}
