use super::*;
use crate::condition::Conditions;
use crate::program::TaskName;
use crate::rule::{RuleSet, Verb, Witness};
use diolock::call::{Call, Script};
use diolock::inode::Inode;
use diolock::kernel::{Kernel, Version};
use diolock::op::LockName::{self, AioMutex, IDataSem, IMutex};
use diolock::op::Mode::{Exclusive, Shared};
use diolock::op::{Extent, Size};

/// A program of fixed steps.
pub fn program(rules: RuleSet, scripts: &[&[Op]]) -> Program {
    let names = ('A'..='Z').zip(scripts);
    Program {
        litmus: "script".to_owned(),
        given: "script".to_owned(),
        situation: String::new(),
        kernel: Kernel::new(Version::V3_7),
        inode: Inode::new(
            Size::blocks(1),
            &[Extent::Written],
            (0, Default::default()),
            scripts.len(),
        ),
        calls: scripts.iter().map(|steps| Call::Script(Script::new(steps.to_vec()))).collect(),
        names: names.map(|(l, _)| TaskName { letter: l, text: format!("{l} script") }).collect(),
        completes: vec![None; scripts.len()],
        fair: Vec::new(),
        memory: Memory::Sc,
        rules,
        reaches: Vec::new(),
        conditions: Conditions::default(),
        torn: false,
        spawn_order: (0..scripts.len() as TaskId).collect(),
    }
}

fn both(first: LockName, second: LockName) -> Vec<Op> {
    vec![
        Op::Lock(first, Exclusive),
        Op::Lock(second, Exclusive),
        Op::Unlock(second, Exclusive),
        Op::Unlock(first, Exclusive),
    ]
}

fn progress(scripts: &[&[Op]]) -> Report {
    let rules = RuleSet::NONE.with(RuleId::R12).with(RuleId::R3);
    run(&program(rules, scripts), &Options { iterations: 20_000, ..Options::default() })
}

#[test]
fn native_finds_two_locks_taken_in_both_orders() {
    let (one, other) = (both(AioMutex, IMutex), both(IMutex, AioMutex));
    let report = progress(&[&one, &other]);
    assert_eq!(report.verdict, Verdict::Deadlocked, "{:?}", report.note);
    let found = report.counterexample.expect("a deadlock has its steps");
    assert_eq!(found.events.len(), 2);
    assert!(found.text.contains("A in (ours) waits for i_mutex, held by B"));
}

#[test]
fn native_finds_a_second_read_behind_a_queued_writer() {
    let reader = [
        Op::Lock(IDataSem, Shared),
        Op::SizeRead,
        Op::SizeRead,
        Op::Lock(IDataSem, Shared),
        Op::Unlock(IDataSem, Shared),
        Op::Unlock(IDataSem, Shared),
    ];
    let writer = [Op::Lock(IDataSem, Exclusive), Op::Unlock(IDataSem, Exclusive)];
    let rules = RuleSet::NONE.with(RuleId::R12);
    let options = Options { iterations: 50_000, ..Options::default() };
    let report = run(&program(rules, &[&reader, &writer]), &options);
    assert_eq!(report.verdict, Verdict::Deadlocked);
    let events = report.counterexample.expect("a deadlock has its steps").events;
    assert_eq!(events.last().map(|e| &e.op), Some(&Op::Queue(IDataSem)));
}

#[test]
fn native_finds_a_drain_that_nobody_ends() {
    let report = progress(&[&[Op::DioBegin(0), Op::DioWait]]);
    assert_eq!(report.verdict, Verdict::Deadlocked);
    assert_eq!(report.executions, 1);
}

#[test]
fn native_calls_a_requeueing_worker_a_livelock() {
    let holder = [Op::Lock(IMutex, Exclusive), Op::DioWait, Op::Unlock(IMutex, Exclusive)];
    let worker =
        [Op::DioBegin(1), Op::LockByRequeue(IMutex), Op::Unlock(IMutex, Exclusive), Op::DioEnd(1)];
    assert_eq!(progress(&[&holder, &worker]).verdict, Verdict::Livelocked);
}

#[test]
fn native_ends_a_run_that_breaks_a_rule() {
    let report = progress(&[&[Op::Unlock(IMutex, Exclusive)], &both(AioMutex, IMutex)]);
    assert_eq!(report.verdict, Verdict::Violated(RuleId::R3));
}

#[test]
fn native_samples_what_is_right() {
    let one = both(AioMutex, IMutex);
    let swap = [
        Op::Lock(IDataSem, Exclusive),
        Op::Downgrade(IDataSem),
        Op::TryLock(LockName::CompletedIoLock, Exclusive),
        Op::Unlock(IDataSem, Shared),
    ];
    let rules = RuleSet::NONE.with(RuleId::R12);
    let mut program = program(rules, &[&one, &one, &swap]);
    program.reaches = vec![Witness { task: 1, verb: Verb::Returns }];
    let report = run(&program, &Options { iterations: 200, ..Options::default() });
    assert_eq!((report.verdict, report.executions), (Verdict::Sampled, 200));
}

#[test]
fn native_says_what_it_cannot_run() {
    let mut program = program(RuleSet::ALL, &[&[Op::SizeRead]]);
    program.memory = Memory::C11;
    let report = run(&program, &Options::default());
    assert!(matches!(report.verdict, Verdict::Incomplete(why) if why.contains("C11")));
}
