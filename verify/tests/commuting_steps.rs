//! `Op::touches` says which steps commute; the reference semantics must agree, since traces and the
//! exhaustive search rest on it.

use diolock::op::{Access, Object, Op, Outcome, TaskId};
use diolock_verify::engine::selftest::{Random, enabled, random_program};
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Memory, Program, System};

type Touched = Vec<(Object, Access)>;

fn conflict(one: &Touched, other: &Touched) -> bool {
    one.iter().any(|a| other.iter().any(|b| a.0 == b.0 && a.1.conflicts(b.1)))
}

/// Two enabled steps that touch nothing in conflicting ways commute, and a step that conflicts with
/// no enabled one neither stops it nor lets another one go.
#[test]
fn steps_that_touch_nothing_in_common_commute() {
    let mut pairs = 0;
    for seed in 0..1_500 {
        let program = random_program(seed, 3, 5);
        let mut random = Random::new(seed);
        let mut system = System::new(&program);
        loop {
            let ready = enabled(&program, &system);
            for (at, &one) in ready.iter().enumerate() {
                for &other in &ready[at + 1..] {
                    pairs += usize::from(commutes(&program, &system, one, other, seed));
                }
                leaves_the_others_alone(&program, &system, one, seed);
            }
            let Some(&next) = ready.get(random.below(ready.len().max(1))) else { break };
            take(&program, &mut system, next);
        }
    }
    assert!(pairs > 5_000, "only {pairs} pairs were compared");
}

/// The same along random walks through the litmus tests with a page cache, whose steps no random program
/// has.
#[test]
fn steps_on_the_page_cache_commute_where_they_say_so() {
    let mut pairs = 0;
    for litmus in catalogue::all().expect("the catalogue reads") {
        for expect in litmus.expect.iter().filter(|_| litmus.memory == Memory::Sc) {
            let program = litmus.program(expect.kernel);
            if !program.calls.iter().any(|call| call.uses_the_page()) {
                continue;
            }
            for seed in 0..60 {
                let mut random = Random::new(seed);
                let mut system = System::new(&program);
                loop {
                    let ready = enabled(&program, &system);
                    for (at, &one) in ready.iter().enumerate() {
                        for &other in &ready[at + 1..] {
                            pairs += usize::from(commutes(&program, &system, one, other, seed));
                        }
                        leaves_the_others_alone(&program, &system, one, seed);
                    }
                    let Some(&next) = ready.get(random.below(ready.len().max(1))) else { break };
                    take(&program, &mut system, next);
                }
            }
        }
    }
    assert!(pairs > 5_000, "only {pairs} pairs were compared");
}

fn take(program: &Program, system: &mut System, task: TaskId) -> Outcome {
    let op = system.pending(task, &program.fair).expect("enabled, so something is pending");
    system.perform(task, op).expect("enabled, so nothing is in the way").outcome
}

fn touches(program: &Program, system: &System, task: TaskId) -> Touched {
    system.pending(task, &program.fair).map_or_else(Vec::new, |op| system.inode.touches(&op))
}

fn commutes(program: &Program, system: &System, one: TaskId, other: TaskId, seed: u64) -> bool {
    let (a, b) = (touches(program, system, one), touches(program, system, other));
    if conflict(&a, &b) {
        return false;
    }
    let (mut first, mut second) = (system.clone(), system.clone());
    let one_first = take(program, &mut first, one);
    assert!(enabled(program, &first).contains(&other), "seed {seed}: {one} stops {other}");
    let other_second = take(program, &mut first, other);
    let other_first = take(program, &mut second, other);
    let one_second = take(program, &mut second, one);
    assert_eq!((one_first, other_first), (one_second, other_second), "seed {seed}: outcomes");
    assert_eq!(first, second, "seed {seed}: {one} and {other} in either order");
    true
}

fn leaves_the_others_alone(program: &Program, system: &System, one: TaskId, seed: u64) {
    let mine = touches(program, system, one);
    let before = enabled(program, system);
    let mut after = system.clone();
    let submits = matches!(system.pending(one, &program.fair), Some(Op::Submit(..)));
    take(program, &mut after, one);
    for other in system.tasks().filter(|&other| other != one && !submits) {
        if !conflict(&mine, &touches(program, system, other)) {
            let now = enabled(program, &after).contains(&other);
            assert_eq!(before.contains(&other), now, "seed {seed}: {one} decides over {other}");
        }
    }
}
