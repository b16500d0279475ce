//! `Op::touches` says which steps commute; the reference semantics must agree, since traces and the
//! exhaustive search rest on it.

use diolock::call::{Call, Script};
use diolock::inode::Inode;
use diolock::op::{Access, LockName, Mode, Object, Op, Outcome, Paging, TaskId};
use diolock_verify::engine::selftest::{Random, enabled, random_program};
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Memory, Program, System};
use std::collections::{BTreeSet, HashMap};

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

/// What a step does, known by what it could see: its task and what that one alone can tell, the step, and the
/// objects that it touches and does not only add to. (How large pages are no step changes.)
#[derive(PartialEq, Eq, Hash)]
struct Seen {
    task: TaskId,
    own: u64,
    paging: Paging,
    op: String,
    touched: Vec<(Object, u64)>,
}

/// Whether it has to wait; what comes back, and what it leaves.
type Does = (bool, String, u64, Vec<(Object, u64)>);

/// Holds steps against what they say that they touch.
#[derive(Default)]
struct Witness {
    known: HashMap<Seen, Does>,
    steps: usize,
    ops: BTreeSet<String>,
}

impl Witness {
    fn look(&mut self, what: &str, system: &System, task: TaskId, op: &Op) {
        let inode = &system.inode;
        let touched = inode.touches(op);
        let mut after = inode.clone();
        let outcome = after.perform(task, op);
        let what = format!("{what}: {op:?} of {task}");
        // What the step itself does not say that it touches, it says that its outcome tells of.
        let mut told = touched.clone();
        told.extend(outcome.iter().flat_map(|outcome| op.also_touched(outcome)));
        let of_outcomes = |object| {
            matches!(object, Object::Block(_) | Object::InFlight(_) | Object::IoEnd(_))
                && op.outcome_tells_more()
        };
        let said = op.touches();
        for touch in told {
            assert!(said.contains(&touch) || of_outcomes(touch.0), "{what} touches {touch:?}");
        }
        // A page that goes in or leaves keeps what it holds, and those who have found it.
        let cached = |inode: &Inode| inode.cache().there(inode.paging().all());
        let stays = cached(inode) == cached(&after) && !matches!(op, Op::PageIn(_));
        let objects = inode.objects();
        for object in objects
            .into_iter()
            .filter(|o| stays || !matches!(o, Object::PageData(_) | Object::PageRefs(_)))
        {
            let shared = matches!(object, Object::Lock(_));
            let may = |&(touched, access): &(Object, Access)| {
                touched == object && (access != Access::Read || shared)
            };
            assert!(
                inode.part(object) == after.part(object) || touched.iter().any(may),
                "{what} changes {object:?} and does not say so"
            );
        }
        let parts = |inode: &Inode, skip: Access| {
            let mut parts: Vec<_> = touched.iter().filter(|t| t.1 != skip).map(|t| t.0).collect();
            parts.sort_unstable();
            parts.into_iter().map(|object| (object, inode.part(object))).collect::<Vec<_>>()
        };
        let seen = Seen {
            task,
            own: inode.own(task),
            paging: inode.paging(),
            op: format!("{op:?}"),
            touched: parts(inode, Access::Add),
        };
        let waits = outcome.is_err();
        let says = outcome.map(|outcome| format!("{outcome:?}")).unwrap_or_default();
        let mut written = parts(&after, Access::Read);
        written.retain(|(object, _)| !touched.contains(&(*object, Access::Add)));
        let own = if stays { after.own(task) } else { 0 };
        let does = (waits, says, own, written);
        self.steps += 1;
        self.ops.insert(variant(&seen.op).to_owned());
        if let Some(known) = self.known.get(&seen) {
            assert_eq!(*known, does, "{what} depends on more than {touched:?}");
        }
        self.known.insert(seen, does);
    }

    /// Every task's next step, along random walks.
    fn walk(&mut self, program: &Program, seed: u64) {
        let mut random = Random::new(seed);
        let mut system = System::new(program);
        // A task that repeats for ever has shown what it does by then.
        for _ in 0..200 {
            for task in system.tasks() {
                if let Some(op) = system.pending(task, &program.fair) {
                    let what = format!("{}, seed {seed}", program.litmus);
                    self.look(&what, &system, task, &op);
                }
            }
            let ready = enabled(program, &system);
            let Some(&next) = ready.get(random.below(ready.len().max(1))) else { break };
            take(program, &mut system, next);
        }
    }
}

/// The name of a step's kind: `Map` of `Map(Range { … }, Create)`.
fn variant(op: &str) -> &str {
    op.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
}

/// A step changes nothing but what it says, and does the same wherever that is the same. Nothing that a step
/// really depends on can be missing from `touches`, as far as these walks go.
#[test]
fn a_step_touches_what_it_says() {
    let mut witness = Witness::default();
    for seed in 0..1_500 {
        witness.walk(&random_program(seed, 3, 5), seed);
    }
    for litmus in catalogue::all().expect("the catalogue reads") {
        for expect in &litmus.expect {
            for seed in 0..6 {
                witness.walk(&litmus.program(expect.kernel), seed);
            }
        }
    }
    // No task of the kernels here takes it; v5.5 does.
    let mut program = random_program(0, 2, 1);
    let lock = LockName::IDataSem;
    let steps =
        vec![Op::Lock(lock, Mode::Exclusive), Op::Downgrade(lock), Op::Unlock(lock, Mode::Shared)];
    program.calls = vec![Call::Script(Script::new(steps)); 2];
    (0..20).for_each(|seed| witness.walk(&program, seed));
    println!("{} steps, {} of them different", witness.steps, witness.known.len());
    assert!(witness.steps > 5 * witness.known.len(), "too few steps were seen twice");
    let text = include_str!("../../src/op/mod.rs");
    let (_, body) = text.split_once("pub enum Op {").expect("the steps");
    let (body, _) = body.split_once("\n}").expect("their end");
    let names = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    let all: BTreeSet<String> = names.map(|line| variant(line).to_owned()).collect();
    let missing: Vec<&String> = all.difference(&witness.ops).collect();
    // A warning touches nothing, and these walks do not get there.
    assert!(
        all.len() > 50 && missing == ["WarnSize"],
        "no walk takes {missing:?} of {}",
        all.len()
    );
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
