//! The search against plain brute force, over small random programs: the same traces, each once.
//!
//! Brute force knows nothing of clocks: it takes every order, and tells two of them to be one trace by
//! the order of each two dependent steps.

use source_dpor::{Access, Count, Dependence, Program, Task, Touches, explore};
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

/// What a random task does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Read(usize),
    Add(usize),
    Write(usize),
    Lock(usize),
    Unlock(usize),
    /// Writes, if the last value it read was even; if not it reads again.
    WriteIfEven(usize),
    /// A count goes up, down, and is waited for.
    Up,
    Down,
    Drain,
    /// Lets a task that has waited for it begin.
    Start(Task),
}

/// Objects: variables, locks, the count, a task's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Object {
    Variable(usize),
    Lock(usize),
    Count,
    Started(Task),
}

#[derive(Clone, Debug)]
struct Random {
    tasks: Vec<Vec<Step>>,
    /// The last task has to be started.
    starts: bool,
    /// What can never be ready at the same moment is said.
    knows: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    variables: [i64; 2],
    holder: [Option<Task>; 2],
    count: i64,
    started: bool,
    at: Vec<usize>,
    read: Vec<i64>,
}

impl Random {
    fn concrete(&self, state: &State, task: Task, step: Step) -> Step {
        match step {
            Step::WriteIfEven(x) if state.read[task] % 2 == 0 => Step::Write(x),
            Step::WriteIfEven(x) => Step::Read(x),
            step => step,
        }
    }
}

impl Program for Random {
    type State = State;
    type Step = Step;
    type Footprint = Touches<Object>;
    type Counter = ();

    fn tasks(&self) -> usize {
        self.tasks.len()
    }

    fn start(&self) -> State {
        State {
            variables: [0; 2],
            holder: [None; 2],
            count: 0,
            started: !self.starts,
            at: vec![0; self.tasks.len()],
            read: vec![0; self.tasks.len()],
        }
    }

    fn next(&self, state: &State, task: Task) -> Option<Step> {
        if !state.started && task + 1 == self.tasks.len() {
            return None;
        }
        let step = self.tasks[task].get(state.at[task])?;
        Some(self.concrete(state, task, *step))
    }

    fn enabled(&self, state: &State, _: Task, step: &Step) -> bool {
        match *step {
            Step::Lock(lock) => state.holder[lock].is_none(),
            Step::Drain => state.count <= 0,
            _ => true,
        }
    }

    fn footprint(&self, _: &State, _: Task, step: &Step) -> Touches<Object> {
        vec![match *step {
            Step::Read(x) => (Object::Variable(x), Access::Read),
            Step::Add(x) => (Object::Variable(x), Access::Add),
            Step::Write(x) | Step::WriteIfEven(x) => (Object::Variable(x), Access::Write),
            Step::Lock(lock) | Step::Unlock(lock) => (Object::Lock(lock), Access::Write),
            Step::Up | Step::Down => (Object::Count, Access::Add),
            Step::Drain => (Object::Count, Access::Read),
            Step::Start(task) => (Object::Started(task), Access::Write),
        }]
    }

    fn take(&self, state: &mut State, task: Task, step: &Step) -> Touches<Object> {
        match *step {
            Step::Read(x) => state.read[task] = state.variables[x],
            Step::Add(x) => state.variables[x] += 1,
            Step::Write(x) => state.variables[x] = 2 * state.variables[x] + task as i64 + 1,
            Step::WriteIfEven(_) => unreachable!("made concrete"),
            Step::Lock(lock) => state.holder[lock] = Some(task),
            Step::Unlock(lock) => state.holder[lock] = None,
            Step::Up => state.count += 1,
            Step::Down => state.count -= 1,
            Step::Drain => {}
            Step::Start(_) => state.started = true,
        }
        state.at[task] += 1;
        self.footprint(state, task, step)
    }

    fn may_wait(&self, step: &Step) -> bool {
        matches!(step, Step::Lock(_) | Step::Drain)
    }

    fn starts(&self, step: &Step, task: Task) -> bool {
        *step == Step::Start(task)
    }

    fn never_together(
        &self,
        _: &State,
        (_, earlier): (Task, &Step),
        (_, later): (Task, &Step),
        balanced: bool,
    ) -> bool {
        self.knows
            && match (*earlier, *later) {
                (Step::Unlock(a), Step::Lock(b)) => a == b,
                (Step::Down, Step::Drain) => balanced,
                _ => false,
            }
    }

    fn count(&self, step: &Step) -> Option<Count<()>> {
        match step {
            Step::Up => Some(Count::Raises(())),
            Step::Down => Some(Count::Lowers(())),
            _ => None,
        }
    }
}

/// A small generator, so that nothing else is needed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }
}

fn random(seed: u64, knows: bool) -> Random {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let tasks = 2 + dice.below(2);
    let steps = if tasks == 2 { 5 } else { 3 };
    let waits = dice.below(3) > 0;
    let task = |dice: &mut Dice| {
        let mut list = Vec::new();
        while list.len() < steps {
            let x = dice.below(2);
            match dice.below(if waits { 9 } else { 4 }) {
                0 => list.push(Step::Read(x)),
                1 => list.push(Step::Add(x)),
                2 => list.push(Step::Write(x)),
                3 => list.push(Step::WriteIfEven(x)),
                4 | 5 => {
                    // A critical section, which others may lie in or cross.
                    let at = dice.below(list.len() + 1);
                    let held = list.iter().any(|step| matches!(step, Step::Lock(y) if *y == x));
                    if !held {
                        list.insert(at, Step::Lock(x));
                        list.push(Step::Unlock(x));
                    }
                }
                6 => {
                    let at = dice.below(list.len() + 1);
                    list.insert(at, Step::Up);
                    list.push(Step::Down);
                }
                // Now and then a count that goes below zero.
                7 if dice.below(4) == 0 => list.push(Step::Down),
                _ => list.push(Step::Drain),
            }
        }
        list
    };
    let mut all: Vec<Vec<Step>> = (0..tasks).map(|_| task(&mut dice)).collect();
    let starts = tasks == 3 && dice.below(2) == 0;
    if starts {
        let by = dice.below(2);
        let at = dice.below(all[by].len() + 1);
        all[by].insert(at, Step::Start(2));
    }
    Random { tasks: all, starts, knows }
}

/// Programs of three tasks that mostly wait.
const WAITING: std::ops::Range<u64> = 0..300;

fn waiting(seed: u64, knows: bool) -> Random {
    let mut dice = Dice((seed + 7_777).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let task = |dice: &mut Dice| {
        let mut list = Vec::new();
        while list.len() < 5 {
            let x = dice.below(2);
            let at = dice.below(list.len() + 1);
            match dice.below(6) {
                0 | 1 if !list.contains(&Step::Lock(x)) => {
                    list.insert(at, Step::Lock(x));
                    let end = at + 1 + dice.below(list.len() - at);
                    list.insert(end, Step::Unlock(x));
                }
                2 | 3 => {
                    list.insert(at, Step::Up);
                    let end = at + 1 + dice.below(list.len() - at);
                    list.insert(end, Step::Down);
                }
                4 => list.insert(at, Step::Drain),
                _ if dice.below(6) == 0 => list.insert(at, Step::Down),
                _ => list.insert(at, Step::Write(0)),
            }
        }
        list
    };
    let tasks = (0..3).map(|_| task(&mut dice)).collect();
    Random { tasks, starts: false, knows }
}

/// A step by its place: whose, and its how manieth.
type Id = (Task, usize);

/// A trace for brute force: of each two dependent steps which came first; and how it ended, which says
/// how far each task came.
type Trace = (BTreeSet<(Id, Id)>, State);

/// An execution so far, for brute force.
#[derive(Clone)]
struct Run {
    orders: BTreeSet<(Id, Id)>,
    steps: Vec<(Id, Touches<Object>)>,
    state: State,
}

impl Run {
    fn new(program: &Random) -> Run {
        Run { orders: BTreeSet::new(), steps: Vec::new(), state: program.start() }
    }

    /// Takes a task's next step; `None` if it has none, or must wait.
    fn step(&self, program: &Random, task: Task) -> Option<Run> {
        let step = program.next(&self.state, task)?;
        program.enabled(&self.state, task, &step).then(|| {
            let mut run = self.clone();
            let id = (task, self.state.at[task]);
            let touched = program.take(&mut run.state, task, &step);
            let before = self.steps.iter().filter(|earlier| earlier.1.dependent(&touched));
            run.orders.extend(before.map(|earlier| (earlier.0, id)));
            run.steps.push((id, touched));
            run
        })
    }

    fn trace(&self) -> Trace {
        (self.orders.clone(), self.state.clone())
    }
}

/// Every order; what follows a beginning that is another one with steps swapped is the same.
fn brute_force(program: &Random) -> HashSet<Trace> {
    let (mut seen, mut ends, mut open) = (HashSet::new(), HashSet::new(), vec![Run::new(program)]);
    while let Some(run) = open.pop() {
        if !seen.insert(run.trace()) {
            continue;
        }
        let before = open.len();
        open.extend((0..program.tasks()).filter_map(|task| run.step(program, task)));
        if open.len() == before {
            ends.insert(run.trace());
        }
    }
    ends
}

/// Compares; how many traces, how many executions cut off, and places where nothing was known.
fn agree(program: &Random) -> [u64; 3] {
    let all = brute_force(program);
    let (mut seen, mut traces) = (HashSet::new(), BTreeSet::new());
    let explored = explore(program.clone(), |execution| {
        let run = execution.schedule.iter().fold(Run::new(program), |run, &task| {
            run.step(program, task).expect("it was taken, so it can be")
        });
        assert_eq!(&run.state, execution.state);
        seen.insert(run.trace());
        assert!(traces.insert(execution.trace.clone()), "a trace comes twice: {program:?}");
        ControlFlow::Continue(())
    });
    assert_eq!(seen.len(), all.len(), "traces are missed: {program:?}");
    assert!(seen == all, "traces differ: {program:?}");
    assert_eq!(explored.traces(), all.len() as u64, "each trace once: {program:?}");
    assert!(explored.exhausted);
    [explored.traces(), explored.cut, explored.widened]
}

/// Compares a random program, with and without what is known of steps that are never ready together.
fn agree_both(sums: &mut [[u64; 3]; 2], of: impl Fn(bool) -> Random) {
    for (sum, knows) in sums.iter_mut().zip([true, false]) {
        for (total, one) in sum.iter_mut().zip(agree(&of(knows))) {
            *total += one;
        }
    }
}

#[test]
fn every_trace_of_random_programs_once() {
    let mut sums = [[0; 3]; 2];
    for seed in 0..400 {
        agree_both(&mut sums, |knows| random(seed, knows));
    }
    println!("{sums:?}");
    let [[traces, cut, _], unknowing] = sums;
    assert_eq!(traces, unknowing[0]);
    assert!(traces > 4_000, "the programs are too small to say anything: {traces} traces");
    assert!(cut <= traces / 5, "{cut} executions were cut off for {traces} traces");
}

/// Locks and a count, crossed so that a race often cannot be reversed for a reason that nobody knows.
#[test]
fn every_trace_of_programs_that_wait_a_lot() {
    let mut sums = [[0; 3]; 2];
    for seed in WAITING {
        agree_both(&mut sums, |knows| waiting(seed, knows));
    }
    println!("{sums:?}");
    assert!(sums.iter().all(|sum| sum[2] > 0), "nothing was unknown: {sums:?}");
}

#[test]
fn independent_tasks_have_one_trace_and_one_lock_has_all_orders() {
    let of = |tasks: Vec<Vec<Step>>| Random { tasks, starts: false, knows: true };
    let section = vec![Step::Lock(0), Step::Write(0), Step::Unlock(0)];
    assert_eq!(agree(&of(vec![section; 3]))[0], 6);
    let adds = vec![Step::Add(0), Step::Add(1), Step::Add(0)];
    assert_eq!(agree(&of(vec![adds; 3])), [1, 0, 0]);
    let reads = vec![Step::Read(0); 3];
    assert_eq!(agree(&of(vec![reads.clone(), reads, vec![Step::Write(0)]])), [16, 0, 0]);
}
