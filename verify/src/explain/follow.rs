//! A schedule of one kernel, followed on another: each task goes as far as it went before each
//! switch, in the steps that it has there.

use crate::engine::graph;
use crate::program::{Event, Program, Run, System, Waiting};
use crate::rule::{Gathered, Violation};
use diolock::op::TaskId;
use diolock::task::{Place, Task};

/// How far a schedule can be followed.
#[derive(Clone, Debug)]
pub struct Followed {
    /// What happened; to the end, if nothing was in the way.
    pub run: Run,
    /// The switch of the schedule that could not be followed: the task that has to wait.
    pub blocked: Option<Waiting>,
    /// A rule that it breaks all the same.
    pub broken: Option<Violation>,
    /// The first step that a task takes here and did not take there: its number in this run.
    pub differs: Option<usize>,
}

/// Follows the schedule of `events`, a run of `from`, on `to`.
pub fn follow(from: &Program, events: &[Event], to: &Program) -> Followed {
    let places = places(from, events);
    let mut run = Run::new(to);
    let mut taken = Vec::new();
    let (mut blocked, mut broken) = (None, None);
    let mut at = 0;
    'segments: while at < events.len() {
        let task = events[at].task;
        let end = (at..events.len()).find(|&i| events[i].task != task).unwrap_or(events.len());
        let target = (at..end).rev().find(|&i| lies_ahead(&run.system, &taken, task, &places, i));
        if let Some(target) = target {
            while !reached(&taken, task, &places, target) {
                match step(to, &mut run, task, &mut taken) {
                    Step::Taken => {}
                    Step::Broken(violation) => {
                        broken = Some(violation);
                        break 'segments;
                    }
                    Step::Blocked(waiting) => {
                        blocked = Some(waiting);
                        break 'segments;
                    }
                    Step::Returned => break,
                }
            }
        }
        at = end;
    }
    if blocked.is_none() && broken.is_none() {
        broken = finish(to, &mut run, &mut taken);
    }
    let differs = differs(&places, &taken);
    Followed { run, blocked, broken, differs }
}

/// A task and where it took a step.
type At = (TaskId, Place);

/// Where each step of a run was taken.
fn places(program: &Program, events: &[Event]) -> Vec<At> {
    let mut system = System::new(program);
    let mut places = Vec::with_capacity(events.len());
    for event in events {
        places.push((event.task, system.calls[usize::from(event.task)].place()));
        let _ = system.inode.perform(event.task, &event.op);
        system.resume(event.task, &event.op, event.outcome.clone());
    }
    places
}

/// How many of the first `end` steps were taken by that task in that place.
fn count(steps: &[At], end: usize, wanted: At) -> usize {
    steps[..end].iter().filter(|step| **step == wanted).count()
}

/// Whether the task has taken that step of the schedule, as often as it had there.
fn reached(taken: &[At], task: TaskId, places: &[At], target: usize) -> bool {
    let wanted = (task, places[target].1);
    count(taken, taken.len(), wanted) >= count(places, target + 1, wanted)
}

/// Whether the task, left alone, comes to that step, or to one where it has to wait.
fn lies_ahead(system: &System, taken: &[At], task: TaskId, places: &[At], target: usize) -> bool {
    let (mut system, mut taken) = (system.clone(), taken.to_vec());
    // A task that repeats for ever has passed every step by then.
    for _ in 0..1000 {
        if reached(&taken, task, places, target) {
            return true;
        }
        let Some(op) = graph::pending(&system, task) else { return false };
        let place = system.calls[usize::from(task)].place();
        if system.perform(task, op).is_err() {
            return true;
        }
        taken.push((task, place));
    }
    false
}

enum Step {
    Taken,
    Broken(Violation),
    Blocked(Waiting),
    Returned,
}

fn step(program: &Program, run: &mut Run, task: TaskId, taken: &mut Vec<At>) -> Step {
    let Some(op) = graph::pending(&run.system, task) else { return Step::Returned };
    let place = run.system.calls[usize::from(task)].place();
    match run.system.perform(task, op) {
        Err(blocked) => {
            let place = place.on(program.kernel.version);
            Step::Blocked(Waiting { task, place, blocked })
        }
        Ok(event) => {
            taken.push((task, place));
            match run.observe(program, event, &mut Gathered::default()) {
                Ok(()) => Step::Taken,
                Err(violation) => Step::Broken(violation),
            }
        }
    }
}

/// Lets every task go on to its end, one after the other.
fn finish(program: &Program, run: &mut Run, taken: &mut Vec<At>) -> Option<Violation> {
    if program.calls.iter().any(|call| call.repeats()) {
        return None;
    }
    loop {
        let next = graph::enabled(&run.system).next();
        let Some(task) = next else { break };
        if let Step::Broken(violation) = step(program, run, task, taken) {
            return Some(violation);
        }
    }
    run.system
        .finished()
        .then(|| run.rules.finish(program, &run.system, &mut Gathered::default()).err())
        .flatten()
}

/// The first step of the second run that its task did not take at that point of the first one.
pub(super) fn first_difference(
    first: (&Program, &[Event]),
    second: (&Program, &[Event]),
) -> Option<usize> {
    differs(&places(first.0, first.1), &places(second.0, second.1))
}

/// The first step of the new run that its task did not take at that point of the old one.
fn differs(places: &[At], taken: &[At]) -> Option<usize> {
    (0..taken.len()).find(|&at| {
        let task = taken[at].0;
        let nth = taken[..at].iter().filter(|step| step.0 == task).count();
        let old = places.iter().filter(|step| step.0 == task).nth(nth);
        old.is_some_and(|old| old.1 != taken[at].1)
    })
}
