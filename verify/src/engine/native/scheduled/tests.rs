use super::*;
use crate::engine::native::tests::program;
use crate::engine::selftest::{Random, random_program, unbalanced_program};
use crate::engine::{EngineName, Wrong};
use crate::litmus::catalogue;
use crate::program::{Memory, System};
use crate::rule::{RuleId, RuleSet};
use crate::suite;
use crate::verdict::Verdict;
use LockName::{AioMutex, IDataSem, IMutex};
use Mode::{Exclusive, Shared};
use diolock::inode::Blocked;

const TAKE: Op = Op::Lock(IMutex, Exclusive);
const DROP: Op = Op::Unlock(IMutex, Exclusive);
const READ: Op = Op::Lock(IDataSem, Shared);
const READ_DONE: Op = Op::Unlock(IDataSem, Shared);
const WRITE: Op = Op::Lock(IDataSem, Exclusive);
const WRITE_DONE: Op = Op::Unlock(IDataSem, Exclusive);

/// Replays a schedule for real; it must go as on the reference semantics.
fn same(program: &Program, schedule: &[TaskId]) -> Scheduled {
    let (wrong, reference) = graph::replay(program, schedule);
    let real = replay(program, schedule);
    let what = format!("{} on {}, {schedule:?}: {:?}", program.litmus, program.kernel, real.end);
    assert_eq!(real.events, reference.events, "{what}");
    let next = schedule.get(real.events.len()).copied();
    let pending = next.and_then(|task| graph::pending(&reference.system, task));
    match (&real.end, wrong) {
        (ScheduledEnd::Violated(real), Wrong::Rule(violation)) => assert_eq!(*real, violation),
        (ScheduledEnd::Ran, Wrong::Stuck(_)) => assert_eq!(next, None, "{what}"),
        (ScheduledEnd::Ended(task), Wrong::Stuck(_)) => {
            assert_eq!((next, pending), (Some(*task), None), "{what}");
        }
        (ScheduledEnd::Blocked(waiting), Wrong::Stuck(_)) => {
            let op = pending.expect("it waits with something");
            assert_eq!(next, Some(waiting.task), "{what}");
            let blocked = reference.system.inode.blocked(waiting.task, &op);
            assert_eq!(Some(&waiting.blocked), blocked.as_ref(), "{what}");
        }
        (_, wrong) => panic!("{what}, but by the reference {wrong:?}"),
    }
    real
}

fn script(scripts: &[&[Op]]) -> Program {
    program(RuleSet::NONE, scripts)
}

#[test]
fn native_replays_what_graph_finds_in_the_catalogue() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let (mut violations, mut stuck) = (0, 0);
    for cell in suite::plan(&litmuses, &[EngineName::Graph], &[], &[]) {
        if !cell.expected.is_some_and(|expect| expect.expected.goes_wrong()) {
            continue;
        }
        let program = cell.litmus.program(cell.kernel);
        let report = graph::run(&program, graph::Options::default());
        let found = report.counterexample.expect("graph finds what is expected");
        let schedule = found.schedule();
        let real = same(&program, &schedule);
        assert_eq!(real.events, found.events, "{}", program.litmus);
        match (report.verdict, real.end) {
            (Verdict::Violated(rule), ScheduledEnd::Violated(violation)) => {
                assert_eq!((rule, found.text), (violation.rule, violation.text));
                violations += 1;
            }
            (Verdict::Deadlocked | Verdict::Livelocked, ScheduledEnd::Ran) => {
                let looping = found.loop_start.is_some();
                for task in 0..program.calls.len() as TaskId {
                    let end = same(&program, &[&schedule[..], &[task]].concat()).end;
                    let on = matches!(end, ScheduledEnd::Ran | ScheduledEnd::Violated(_));
                    assert!(looping || !on, "{}: {task} can go on", program.litmus);
                }
                stuck += 1;
            }
            (verdict, end) => panic!("{}: {verdict:?}, and {end:?}", program.litmus),
        }
    }
    assert!(violations >= 25 && stuck >= 8, "only {violations} violations, {stuck} stuck");
}

/// A random schedule: mostly of tasks that can go on, up to one that cannot.
fn walk(program: &Program, seed: u64) -> Vec<TaskId> {
    let mut random = Random::new(seed);
    let mut schedule = Vec::new();
    let mut system = System::new(program);
    while schedule.len() < 100 {
        let able: Vec<TaskId> = graph::enabled(&system).collect();
        let any = random.below(program.calls.len()) as TaskId;
        let blind = able.is_empty() || random.once_in(20);
        let task = if blind { any } else { able[random.below(able.len())] };
        schedule.push(task);
        let Some(op) = graph::pending(&system, task) else { break };
        if system.perform(task, op).is_err() {
            break;
        }
    }
    schedule
}

#[test]
fn native_replays_random_schedules_of_random_programs() {
    let (mut blocked, mut queued, mut tried_in_vain) = (0, 0, 0);
    for seed in 0..400 {
        let make = if seed % 4 == 0 { unbalanced_program } else { random_program };
        let program = make(seed, 2 + seed as usize % 3, 6);
        let real = same(&program, &walk(&program, seed));
        blocked += u32::from(matches!(real.end, ScheduledEnd::Blocked(_)));
        let saw = |what: fn(&Event) -> bool| u32::from(real.events.iter().any(what));
        queued += saw(|event| matches!(event.op, Op::Queue(_)));
        tried_in_vain += saw(|event| {
            matches!(event.op, Op::TryLock(..)) && event.outcome == Outcome::Flag(false)
        });
    }
    let seen = [blocked, queued, tried_in_vain];
    assert!(seen.iter().all(|&n| n >= 5), "blocked, queued, tried in vain: {seen:?}");
}

#[test]
fn native_replays_random_schedules_of_every_litmus_test_and_kernel() {
    for litmus in catalogue::all().expect("the catalogue reads") {
        for kernel in suite::kernels(&litmus, &[], &[]) {
            let program = litmus.program(kernel);
            (0..10).for_each(|seed| drop(same(&program, &walk(&program, seed))));
        }
    }
}

#[test]
fn native_stops_where_a_real_lock_is_taken() {
    let program = script(&[&[TAKE, DROP], &[Op::SizeRead, TAKE]]);
    let real = same(&program, &[1, 0, 1, 0]);
    assert_eq!(real.events.len(), 2);
    let ScheduledEnd::Blocked(waiting) = real.end else { panic!("{:?}", real.end) };
    assert_eq!(waiting.task, 1);
    let by =
        Blocked::Lock { lock: IMutex, mode: Exclusive, by: vec![0], spins: false, queued: false };
    assert_eq!(waiting.blocked, by);
    assert!(matches!(same(&program, &[1, 0, 0, 1]).end, ScheduledEnd::Ran));
}

#[test]
fn native_stops_where_a_requeueing_worker_or_a_drain_waits() {
    let program = script(&[&[TAKE, Op::DioWait], &[Op::DioBegin(1), Op::LockByRequeue(IMutex)]]);
    let spins = |end| matches!(end, ScheduledEnd::Blocked(waiting) if waiting.spins());
    assert!(spins(same(&program, &[0, 1, 1]).end));
    let ScheduledEnd::Blocked(waiting) = same(&program, &[0, 1, 0]).end else { panic!("it waits") };
    assert_eq!(waiting.blocked, Blocked::DioCount(1));
}

#[test]
fn native_keeps_a_reader_behind_a_queued_writer_though_the_real_lock_is_free() {
    let readers: &[Op] = &[READ, READ_DONE];
    let program =
        script(&[readers, &[WRITE, WRITE_DONE], readers, &[Op::TryLock(IDataSem, Shared)]]);
    let behind = same(&program, &[0, 1, 2]);
    assert!(matches!(behind.end, ScheduledEnd::Blocked(Waiting { task: 2, .. })));
    let tried = same(&program, &[0, 1, 3, 0, 1, 1, 2]);
    assert_eq!(tried.events[2].outcome, Outcome::Flag(false));
    assert!(matches!(tried.end, ScheduledEnd::Ran));
}

#[test]
fn native_lets_readers_in_after_a_downgrade() {
    let readers: &[Op] = &[READ, READ_DONE];
    let program = script(&[&[WRITE, Op::Downgrade(IDataSem), READ_DONE], readers]);
    assert!(matches!(same(&program, &[0, 0, 1, 0, 1]).end, ScheduledEnd::Ran));
    assert!(matches!(same(&program, &[0, 1]).end, ScheduledEnd::Blocked(w) if w.task == 1));
}

#[test]
fn native_refuses_turns_of_nobody() {
    let program = script(&[&[TAKE, DROP], &[TAKE]]);
    for (schedule, taken, nobody) in
        [(&[2][..], 0, 2), (&[0, 255, 0], 1, 255), (&[0, 0, 0, 1], 2, 0)]
    {
        let real = replay(&program, schedule);
        assert_eq!(real.events.len(), taken);
        assert!(matches!(real.end, ScheduledEnd::Ended(task) if task == nobody), "{:?}", real.end);
    }
    assert!(matches!(replay(&program, &[]).end, ScheduledEnd::Ran));
    assert!(matches!(replay(&script(&[]), &[0]).end, ScheduledEnd::Ended(0)));
}

#[test]
fn native_judges_each_step_and_the_end() {
    let rules = RuleSet::NONE.with(RuleId::R3);
    let broken = |scripts: &[&[Op]], schedule: &[TaskId]| {
        let real = same(&program(rules, scripts), schedule);
        matches!(real.end, ScheduledEnd::Violated(v) if v.rule == RuleId::R3)
            .then_some(real.events.len())
    };
    assert_eq!(broken(&[&[Op::SizeRead, DROP, TAKE]], &[0, 0, 0]), Some(2));
    assert_eq!(broken(&[&[TAKE]], &[0]), Some(1), "held at the end");
    assert_eq!(broken(&[&[TAKE]], &[0, 0]), Some(1), "and still with a turn too many");
    assert_eq!(broken(&[&[TAKE, DROP], &[Op::SizeRead]], &[0, 1]), None, "not yet the end");
}

#[test]
fn native_replays_c11_programs_as_if_sequentially_consistent() {
    let mut program = script(&[&[Op::SizeWrite(diolock::op::Size::ZERO), Op::SmpMb, Op::SizeRead]]);
    program.memory = Memory::C11;
    let real = same(&program, &[0, 0, 0]);
    assert_eq!(real.events[2].outcome, Outcome::Size(diolock::op::Size::ZERO));
}

#[test]
fn native_follows_the_reference_in_steps_that_make_no_sense() {
    // Releases by a stranger, in the wrong mode, twice; a downgrade of what is read, or not held.
    let odd = [READ, WRITE_DONE, Op::Downgrade(IDataSem), READ_DONE, READ_DONE];
    let stranger =
        [DROP, Op::Downgrade(IDataSem), WRITE_DONE, TAKE, Op::Unlock(IMutex, Shared), TAKE];
    let program = script(&[&odd, &stranger, &[TAKE, Op::Lock(AioMutex, Exclusive)]]);
    let end = |schedule: &[TaskId]| same(&program, schedule).end;
    assert!(matches!(end(&[0, 1, 1, 0, 1, 0, 0, 0, 1, 1]), ScheduledEnd::Ran));
    assert!(matches!(end(&[1, 1, 1, 1, 1, 2]), ScheduledEnd::Blocked(w) if w.task == 2));
    assert!(matches!(end(&[1, 1, 1, 1, 1, 1]), ScheduledEnd::Blocked(w) if w.task == 1));
}

#[test]
fn native_says_when_real_locks_and_reference_differ() {
    let program = script(&[&[Op::SizeRead, Op::SizeRead]]);
    let stage = Stage::new(&program);
    let taken = stage.locks.try_lock(IDataSem, Shared);
    let says = |stage: &Stage<'_>| match stage.conduct(&[0]) {
        ScheduledEnd::Disagree(what) => what,
        end => panic!("{end:?}"),
    };
    assert_eq!(says(&stage), "the reference says i_data_sem is free, the real one is taken");
    drop(taken);
    assert!(matches!(stage.conduct(&[0]), ScheduledEnd::Ran));
    assert!(stage.now.lock().run.system.inode.perform(0, &TAKE).is_ok());
    assert_eq!(says(&stage), "the reference says i_mutex is taken, the real one is free");
}
