//! A schedule, cut into legs: who runs, and where it stops.

use super::anchor::Anchor;
use crate::engine::graph::pending;
use crate::program::{Event, Program, System, Waiting};
use diolock::op::{Access, Object, Op, TaskId};
use diolock::task::{Place, Task};

/// How far ahead a task is followed, in steps, to find a place where it can be held as well.
const AHEAD: usize = 40;

/// One task runs, and stops.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Who.
    pub task: TaskId,
    /// Until when.
    pub until: Until,
}

/// When a leg ends.
#[derive(Clone, Debug)]
pub enum Until {
    /// At a place, once it is there for the so-manieth time.
    Held(Anchor, usize),
    /// Its calls have returned.
    Returned,
    /// It has to wait, and does not come back.
    Blocked(Waiting),
    /// A completion, which comes by itself.
    Completed,
}

/// A schedule that a real kernel can be held to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One after another.
    pub legs: Vec<Leg>,
}

/// A step that a task takes: where, what, and what it touches.
struct Ahead {
    place: Place,
    op: Op,
    touched: Vec<(Object, Access)>,
}

/// Makes a plan of a run, the last step of which may be one that has to wait.
///
/// # Errors
/// The task that cannot be held where it would have to be, and its next step, in words.
pub fn plan(
    program: &Program,
    tasks: usize,
    events: &[Event],
    blocked: Option<&Waiting>,
) -> Result<Plan, String> {
    let mut legs = Vec::new();
    let wanted = blocked.and_then(|waiting| pending(&end(program, events), waiting.task));
    let mut system = System::new(program);
    let mut at = 0;
    while at < events.len() {
        let task = events[at].task;
        let end = (at..events.len()).find(|&i| events[i].task != task).unwrap_or(events.len());
        let mut passed = Vec::new();
        for event in &events[at..end] {
            let place = system.calls[usize::from(task)].place().on(program.kernel.version);
            passed.push(Ahead { place, op: event.op.clone(), touched: event.touched() });
            let _ = system.perform(task, event.op.clone());
        }
        let back = (end..events.len()).find(|&i| events[i].task == task).unwrap_or(events.len());
        let last = end == events.len() && blocked.is_none();
        let until = if usize::from(task) >= tasks {
            Until::Completed
        } else if last || system.calls[usize::from(task)].done() {
            Until::Returned
        } else if blocked.is_some_and(|waiting| end == events.len() && waiting.task == task) {
            Until::Blocked(blocked.cloned().expect("it was just looked at"))
        } else {
            let meanwhile: Vec<_> = events[end..back].iter().flat_map(Event::touched).collect();
            let waits = wanted.as_ref().filter(|_| back == events.len());
            let meanwhile = [meanwhile, waits.map(Op::touches).unwrap_or_default()].concat();
            hold(&system, program, task, &passed, &meanwhile)?
        };
        legs.push(Leg { task, until });
        at = end;
    }
    if let Some(waiting) = blocked
        && legs.last().is_none_or(|leg| !matches!(leg.until, Until::Blocked(_)))
    {
        legs.push(Leg { task: waiting.task, until: Until::Blocked(waiting.clone()) });
    }
    Ok(Plan { legs })
}

/// How things are after these steps.
fn end(program: &Program, events: &[Event]) -> System {
    let mut system = System::new(program);
    for event in events {
        let _ = system.perform(event.task, event.op.clone());
    }
    system
}

/// Where a task can be held that stands there now, has passed these steps, and goes on when all of that was touched: before
/// its next step, or as many steps earlier or later as make no difference to the others.
fn hold(
    system: &System,
    program: &Program,
    task: TaskId,
    passed: &[Ahead],
    meanwhile: &[(Object, Access)],
) -> Result<Until, String> {
    let commutes = |step: &Ahead| {
        let conflict = |(object, access): &(Object, Access)| {
            meanwhile.iter().any(|(other, how)| other == object && access.conflicts(*how))
        };
        !step.touched.iter().any(conflict)
    };
    let ahead = ahead(system, program, task);
    let returns = ahead.len() < AHEAD && ahead.iter().all(commutes);
    let later =
        ahead.iter().take_while(|step| commutes(step)).count().min(ahead.len().saturating_sub(1));
    let earlier = passed.iter().rev().take_while(|step| commutes(step)).count();
    let all: Vec<&Ahead> = passed.iter().chain(&ahead).collect();
    let here = passed.len();
    let offsets = (0..=later).map(|n| here + n).chain((1..=earlier).map(|n| here - n));
    let mut places: Vec<(usize, Anchor)> = offsets
        .filter_map(|at| Some((at, Anchor::before(all.get(at)?.place, &all[at].op)?)))
        .collect();
    places.sort_by_key(|(_, anchor)| anchor.doubtful());
    match places.first() {
        _ if returns => Ok(Until::Returned),
        Some(&(at, anchor)) => {
            let same = |step: &&&Ahead| Anchor::before(step.place, &step.op) == Some(anchor);
            Ok(Until::Held(anchor, all[..=at].iter().filter(same).count()))
        }
        None => {
            let letter = program.names[usize::from(task)].letter;
            let next = ahead.first().map_or("its end".to_owned(), |step| {
                format!("{} in {}", step.place.step, step.place.kernel)
            });
            Err(format!(
                "{letter} would have to be held before {next}: nothing that can be waited for is called there"
            ))
        }
    }
}

/// The steps that a task takes if nobody else takes one.
fn ahead(system: &System, program: &Program, task: TaskId) -> Vec<Ahead> {
    let mut system = system.clone();
    let mut steps = Vec::new();
    while let Some(op) = pending(&system, task).filter(|_| steps.len() < AHEAD) {
        let place = system.calls[usize::from(task)].place().on(program.kernel.version);
        match system.perform(task, op.clone()) {
            Ok(event) => steps.push(Ahead { place, op, touched: event.touched() }),
            Err(_) => {
                steps.push(Ahead { place, touched: op.touches(), op });
                break;
            }
        }
    }
    steps
}

impl Plan {
    /// A line a leg, for people.
    pub fn words(&self, program: &Program, waits: impl Fn(&Waiting) -> String) -> Vec<String> {
        let line = |leg: &Leg| {
            let letter = program.names[usize::from(leg.task)].letter;
            match &leg.until {
                Until::Held(anchor, 1) => format!("{letter} runs, and is held {}", anchor.words()),
                Until::Held(anchor, n) => {
                    format!("{letter} runs, and is held {}, the {n}. time", anchor.words())
                }
                Until::Returned => format!("{letter} runs, and returns"),
                Until::Blocked(waiting) => {
                    format!("{letter} runs, and {} in {}", waits(waiting), waiting.place.kernel)
                }
                Until::Completed => format!("{letter} completes"),
            }
        };
        self.legs.iter().map(line).collect()
    }
}
