//! The exhaustive search: every trace at least once, most of them once.
//!
//! A later step *races* with an earlier dependent one of another task if it could have come first: it
//! is taken, on a copy of the state, right after the steps that do not depend on the earlier one, and
//! must not have to wait there.
//!
//! If it has to wait there, one of two things is the case.
//! - The earlier step lets go of what the later one waits for ([`Program::never_together`]): a
//!   release and the next acquisition. They cannot be reversed; what can is the acquisition before
//!   the release, so the search for races goes on to the steps before.
//! - Something else is in the way. Then nothing is known and every enabled task is tried there.
//!
//! A task that waits for ever races with the steps before it just as if its step had come last.

use crate::history::{Clock, Done, DoneOf, Latest, Raised};
use crate::program::{Dependence, Program, Task};
use crate::trace::Trace;

/// A set of tasks.
type Tasks = u64;

fn bit(task: Task) -> Tasks {
    1 << task
}

fn members(tasks: Tasks) -> impl Iterator<Item = Task> {
    (0..Tasks::BITS as Task).filter(move |&task| tasks & bit(task) != 0)
}

/// One place of the current execution, and what has been tried there.
struct Node<P: Program> {
    /// Before the step.
    state: P::State,
    /// Who can take a step.
    enabled: Tasks,
    /// Whose step would only repeat a trace.
    sleep: Tasks,
    /// Who has to be tried.
    backtrack: Tasks,
    /// Who is being tried.
    chosen: Task,
    /// The step, once taken.
    done: Option<DoneOf<P>>,
}

/// The search, between two choices.
///
/// It runs nothing itself. Whoever runs the program asks it who goes next ([`choose`](Search::choose)),
/// tells it what came of that ([`taken`](Search::taken)), and says when the execution is over
/// ([`end`](Search::end)); then the program is run again from its start, until `end` says that there
/// is nothing left. [`explore`](crate::explore) is this loop.
///
/// ```
/// use source_dpor::{Program, Search, example::TwoIncrements};
/// use std::collections::BTreeSet;
///
/// let program = TwoIncrements;
/// let mut search = Search::new(program);
/// let mut traces = BTreeSet::new();
/// loop {
///     let mut state = program.start();
///     while let Some(task) = search.choose(&state) {
///         let step = program.next(&state, task).expect("it can go on");
///         let touched = program.take(&mut state, task, &step);
///         search.taken(task, &step, touched);
///     }
///     if (0..program.tasks()).all(|task| program.next(&state, task).is_none()) {
///         assert!(traces.insert(search.trace()), "each once");
///     }
///     if !search.end(&state) {
///         break;
///     }
/// }
/// assert_eq!(traces.len(), 4);
/// ```
pub struct Search<P: Program> {
    program: P,
    nodes: Vec<Node<P>>,
    /// Steps of the current execution so far.
    depth: usize,
    widened: u64,
}

impl<P: Program> Search<P> {
    /// Before the first execution.
    ///
    /// # Panics
    /// With more than 64 tasks.
    pub fn new(program: P) -> Search<P> {
        let tasks = program.tasks();
        assert!(tasks <= Tasks::BITS as usize, "{tasks} tasks: this search holds 64");
        Search { program, nodes: Vec::new(), depth: 0, widened: 0 }
    }

    /// What is explored.
    pub fn program(&self) -> &P {
        &self.program
    }

    /// Places so far at which every enabled task had to be tried, as nothing was known of a race.
    pub fn widened(&self) -> u64 {
        self.widened
    }

    /// Steps of the current execution so far.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Who goes next; `None` if this execution can only repeat a trace, or if nobody is enabled.
    pub fn choose(&mut self, state: &P::State) -> Option<Task> {
        if let Some(node) = self.nodes.get(self.depth) {
            return Some(node.chosen);
        }
        let enabled = (0..self.program.tasks()).filter(|&task| {
            let step = self.program.next(state, task);
            step.is_some_and(|step| self.program.enabled(state, task, &step))
        });
        let enabled = enabled.fold(0, |all, task| all | bit(task));
        let sleep = self.nodes.last().map_or(0, |last| self.still_asleep(last));
        // Tasks that others start tend to be the last: with them first, fewer executions are cut off later.
        let chosen = members(enabled & !sleep).last()?;
        self.nodes.push(Node {
            state: state.clone(),
            enabled,
            sleep,
            backtrack: bit(chosen),
            chosen,
            done: None,
        });
        Some(chosen)
    }

    /// Takes note of a step that has been taken: the chosen task's.
    pub fn taken(&mut self, task: Task, step: &P::Step, touched: P::Footprint) {
        let at = self.depth;
        self.depth += 1;
        let Some(node) = self.nodes.get(at) else { return };
        debug_assert_eq!(node.chosen, task, "another task was chosen");
        if let Some(done) = &node.done {
            debug_assert_eq!(done.touched, touched, "the same beginning went another way");
            return;
        }
        let latest = Latest::new(&self.program, self.steps(), task, step, &touched);
        self.races(&latest);
        let clock = latest.clock();
        let raised = latest.raised_by(&self.program, self.steps());
        self.nodes[at].done = Some(Done { task, step: step.clone(), touched, clock, raised });
    }

    /// Ends an execution, finished, stuck or cut off in this state; whether there is another one to run.
    pub fn end(&mut self, state: &P::State) -> bool {
        let waiting = (0..self.program.tasks()).filter_map(|task| {
            let step = self.program.next(state, task)?;
            (!self.program.enabled(state, task, &step)).then_some((task, step))
        });
        let waiting: Vec<_> = waiting.collect();
        for (task, step) in waiting {
            let touched = self.program.footprint(state, task, &step);
            let latest = Latest::new(&self.program, self.steps(), task, &step, &touched);
            self.races(&latest);
        }
        self.depth = 0;
        while let Some(node) = self.nodes.last_mut() {
            node.sleep |= bit(node.chosen);
            if let Some(next) = members(node.backtrack & !node.sleep).next() {
                node.chosen = next;
                node.done = None;
                return true;
            }
            self.nodes.pop();
        }
        false
    }

    /// The trace of the current execution so far.
    pub fn trace(&self) -> Trace {
        let mut clocks = vec![Vec::new(); self.program.tasks()];
        for done in self.steps() {
            clocks[done.task].push(done.clock.clone());
        }
        Trace(clocks)
    }

    /// The current execution so far: who took a step, in order.
    pub fn schedule(&self) -> Vec<Task> {
        self.steps().map(|done| done.task).collect()
    }

    /// Who sleeps after a place's step: whoever slept before it or has been tried there, unless the
    /// step changes what its next step does.
    fn still_asleep(&self, node: &Node<P>) -> Tasks {
        let Some(done) = &node.done else { return 0 };
        let independent = |&task: &Task| {
            self.program.next(&node.state, task).is_some_and(|step| {
                !self.program.footprint(&node.state, task, &step).dependent(&done.touched)
            })
        };
        members(node.sleep).filter(independent).fold(0, |all, task| all | bit(task))
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = &DoneOf<P>> + Clone {
        self.nodes.iter().filter_map(|node| node.done.as_ref())
    }

    /// Finds the steps that `latest` races with, latest first, and has the reversal tried.
    ///
    /// A step that a race partner depends on is left to the execution in which that race has been
    /// reversed. A step that could not be reversed hides nothing.
    fn races(&mut self, latest: &Latest<P>) {
        let mut covered = latest.knew.clone();
        for at in (0..self.nodes.len()).rev() {
            let Some(done) = &self.nodes[at].done else { continue };
            if done.is_in(&covered) || !done.touched.dependent(latest.touched) {
                continue;
            }
            let rest = self.independent_of(at);
            if self.can_go_first(at, &rest, latest) {
                covered.join(&done.clock);
                self.reverse(at, &rest, latest);
            } else {
                let before = &self.nodes[at].state;
                let earlier = (done.task, &done.step);
                let later = (latest.task, latest.step);
                let balanced = self.steps().all(|done| done.raised != Raised::Never);
                if !self.program.never_together(before, earlier, later, balanced) {
                    self.widened += 1;
                    let node = &mut self.nodes[at];
                    node.backtrack |= node.enabled;
                }
            }
        }
    }

    /// The places after `at` whose steps do not depend on the one at `at`.
    fn independent_of(&self, at: usize) -> Vec<usize> {
        let Some(first) = &self.nodes[at].done else { return Vec::new() };
        let independent =
            |&k: &usize| self.nodes[k].done.as_ref().is_some_and(|done| !first.is_in(&done.clock));
        (at + 1..self.nodes.len()).filter(independent).collect()
    }

    /// Whether `latest` need not wait if the step at `at`, and all that depends on it, is left out.
    fn can_go_first(&self, at: usize, rest: &[usize], latest: &Latest<P>) -> bool {
        if !self.program.may_wait(latest.step) {
            return true;
        }
        let mut state = self.nodes[at].state.clone();
        for &k in rest {
            let Some(done) = &self.nodes[k].done else { continue };
            debug_assert!(
                self.program.enabled(&state, done.task, &done.step),
                "independent steps do not make each other wait: {:?}",
                done.step
            );
            let touched = self.program.take(&mut state, done.task, &done.step);
            debug_assert_eq!(touched, done.touched, "independent steps commute");
        }
        self.program.enabled(&state, latest.task, latest.step)
    }

    /// Has some task tried at `at` that leads to `latest` before the step at `at`: one whose first
    /// step among `rest`, or whose `latest`, depends on none of the others.
    fn reverse(&mut self, at: usize, rest: &[usize], latest: &Latest<P>) {
        let mut seen: Tasks = 0;
        let mut first: Tasks = 0;
        let mut earlier: Vec<&DoneOf<P>> = Vec::new();
        let after_none =
            |earlier: &[&DoneOf<P>], clock: &Clock| earlier.iter().all(|s| !s.is_in(clock));
        for &k in rest {
            let Some(done) = &self.nodes[k].done else { continue };
            let task = bit(done.task);
            if seen & task == 0 && after_none(&earlier, &done.clock) {
                first |= task;
            }
            seen |= task;
            earlier.push(done);
        }
        let own = bit(latest.task);
        if seen & own == 0 && after_none(&earlier, &latest.past) {
            first |= own;
        }
        let node = &mut self.nodes[at];
        if first & node.backtrack == 0 {
            let chosen = if first & own != 0 { Some(latest.task) } else { members(first).next() };
            node.backtrack |= chosen.map_or(0, bit);
        }
    }
}
