//! The exhaustive search: every trace at least once, most of them once.
//!
//! Source-DPOR with sleep sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal dynamic partial order
//! reduction, POPL 2014), extended to steps that wait. Two steps are dependent if they touch the
//! same object in conflicting ways. A later step *races* with an earlier dependent one of another
//! task if it could have come first: it is taken, on the reference semantics, right after the steps
//! that do not depend on the earlier one, and must not have to wait there.
//!
//! If it has to wait there, one of two things is the case.
//! - The earlier step lets go of what the later one waits for ([`never_together`]): a release and
//!   the next acquisition. They cannot be reversed; what can is the acquisition before the release,
//!   so the search for races goes on to the steps before.
//! - Something else is in the way. Then nothing is known and every enabled task is tried there.
//!
//! A task that waits for ever races with the steps before it just as if its step had come last.

use super::coenabled::{never_together, waits};
use super::history::{Clock, Latest, Raised, Step, conflict, touched, touches};
use crate::program::{Event, Program, System};
use diolock::op::{LockName, TaskId};

/// A set of tasks.
type Tasks = u64;

fn bit(task: TaskId) -> Tasks {
    1 << task
}

fn members(tasks: Tasks) -> impl Iterator<Item = TaskId> {
    (0..64).filter(move |&task| tasks & bit(task) != 0)
}

/// One place of the current execution, and what has been tried there.
struct Node {
    /// Before the step.
    system: System,
    /// Who can take a step.
    enabled: Tasks,
    /// Whose step would only repeat a trace.
    sleep: Tasks,
    /// Who has to be tried.
    backtrack: Tasks,
    /// Who is being tried.
    chosen: TaskId,
    /// The step, once taken.
    step: Option<Step>,
}

/// The search, between two choices.
pub(super) struct Search {
    fair: Vec<LockName>,
    tasks: usize,
    nodes: Vec<Node>,
    /// Places at which every enabled task had to be tried.
    pub widened: u64,
}

impl Search {
    /// Before the first execution.
    pub fn new(program: &Program) -> Search {
        Search {
            fair: program.fair.clone(),
            tasks: program.calls.len(),
            nodes: Vec::new(),
            widened: 0,
        }
    }

    /// Who goes next; `None` if this execution can only repeat a trace. Somebody is enabled.
    pub fn choose(&mut self, system: &System, events: &[Event]) -> Option<TaskId> {
        self.absorb(events);
        if let Some(node) = self.nodes.get(events.len()) {
            return Some(node.chosen);
        }
        let enabled = system.tasks().filter(|&task| {
            let op = system.pending(task, &self.fair);
            op.is_some_and(|op| system.inode.blocked(task, &op).is_none())
        });
        let enabled = enabled.fold(0, |all, task| all | bit(task));
        let sleep = self.nodes.last().map_or(0, |last| self.still_asleep(last));
        // Completions are the last tasks: with them first, fewer executions are cut off later.
        let chosen = members(enabled & !sleep).last()?;
        self.nodes.push(Node {
            system: system.clone(),
            enabled,
            sleep,
            backtrack: bit(chosen),
            chosen,
            step: None,
        });
        Some(chosen)
    }

    /// Ends an execution; whether there is another one to run.
    pub fn end(&mut self, system: &System, events: &[Event]) -> bool {
        self.absorb(events);
        let waiting = system.tasks().filter_map(|task| {
            let op = system.pending(task, &self.fair)?;
            system.inode.blocked(task, &op).map(|_| (task, op))
        });
        let waiting: Vec<_> = waiting.collect();
        for (task, op) in waiting {
            let touched = touches(system, &op);
            let latest = Latest::new(self.steps(), self.tasks, task, &op, &touched);
            self.races(&latest);
        }
        while let Some(node) = self.nodes.last_mut() {
            node.sleep |= bit(node.chosen);
            if let Some(next) = members(node.backtrack & !node.sleep).next() {
                node.chosen = next;
                node.step = None;
                return true;
            }
            self.nodes.pop();
        }
        false
    }

    /// Who sleeps after a place's step: whoever slept before it or has been tried there, unless the
    /// step changes what its next step does.
    fn still_asleep(&self, node: &Node) -> Tasks {
        let Some(step) = &node.step else { return 0 };
        let independent = |&task: &TaskId| {
            let op = node.system.pending(task, &self.fair);
            op.is_some_and(|op| !conflict(&touches(&node.system, &op), &step.touched))
        };
        members(node.sleep).filter(independent).fold(0, |all, task| all | bit(task))
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> + Clone {
        self.nodes.iter().filter_map(|node| node.step.as_ref())
    }

    /// Takes note of the step that has happened since the last choice, if it is a new one.
    fn absorb(&mut self, events: &[Event]) {
        let Some(at) = events.len().checked_sub(1) else { return };
        let Some(node) = self.nodes.get(at) else { return };
        if node.step.is_some() {
            return;
        }
        let event = events[at].clone();
        let touched = touched(&event);
        let latest = Latest::new(self.steps(), self.tasks, event.task, &event.op, &touched);
        self.races(&latest);
        let clock = latest.clock();
        let raised = latest.raised_by(self.steps());
        self.nodes[at].step = Some(Step { event, touched, clock, raised });
    }

    /// Finds the steps that `latest` races with, latest first, and has the reversal tried.
    ///
    /// A step that a race partner depends on is left to the execution in which that race has been
    /// reversed. A step that could not be reversed hides nothing.
    fn races(&mut self, latest: &Latest) {
        let mut covered = latest.knew.clone();
        for at in (0..self.nodes.len()).rev() {
            let Some(step) = &self.nodes[at].step else { continue };
            if step.is_in(&covered) || !conflict(&step.touched, latest.touched) {
                continue;
            }
            let rest = self.independent_of(at);
            if self.can_go_first(at, &rest, latest) {
                covered.join(&step.clock);
                self.reverse(at, &rest, latest);
            } else {
                let node = &self.nodes[at];
                let earlier = (step.event.task, &step.event.op);
                let later = (latest.task, latest.op);
                let balanced = self.steps().all(|step| step.raised != Raised::Never);
                if !never_together(&node.system, earlier, later, balanced) {
                    self.widened += 1;
                    let node = &mut self.nodes[at];
                    node.backtrack |= node.enabled;
                }
            }
        }
    }

    /// The places after `at` whose steps do not depend on the one at `at`.
    fn independent_of(&self, at: usize) -> Vec<usize> {
        let Some(first) = &self.nodes[at].step else { return Vec::new() };
        let independent =
            |&k: &usize| self.nodes[k].step.as_ref().is_some_and(|step| !first.is_in(&step.clock));
        (at + 1..self.nodes.len()).filter(independent).collect()
    }

    /// Whether `latest` need not wait if the step at `at`, and all that depends on it, is left out.
    fn can_go_first(&self, at: usize, rest: &[usize], latest: &Latest) -> bool {
        if !waits(latest.op) {
            return true;
        }
        let mut system = self.nodes[at].system.clone();
        for &k in rest {
            let Some(step) = &self.nodes[k].step else { continue };
            let replayed = system.perform(step.event.task, step.event.op.clone());
            debug_assert_eq!(replayed.as_ref(), Ok(&step.event), "independent steps commute");
        }
        system.inode.blocked(latest.task, latest.op).is_none()
    }

    /// Has some task tried at `at` that leads to `latest` before the step at `at`: one whose first
    /// step among `rest`, or whose `latest`, depends on none of the others.
    fn reverse(&mut self, at: usize, rest: &[usize], latest: &Latest) {
        let mut seen: Tasks = 0;
        let mut first: Tasks = 0;
        let mut earlier: Vec<&Step> = Vec::new();
        let after_none = |earlier: &[&Step], clock: &Clock| earlier.iter().all(|s| !s.is_in(clock));
        for &k in rest {
            let Some(step) = &self.nodes[k].step else { continue };
            let task = bit(step.event.task);
            if seen & task == 0 && after_none(&earlier, &step.clock) {
                first |= task;
            }
            seen |= task;
            earlier.push(step);
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
