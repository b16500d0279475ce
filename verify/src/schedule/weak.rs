//! Old values: what a step may read that another task has overwritten already (C11).

use crate::program::{Event, Program, System};
use crate::trace::HappensBefore;
use diolock::op::{Access, Object, Op, Outcome, TaskId};

/// Every value that a weak variable has had, with the step that wrote it.
#[derive(Clone, Debug)]
pub(super) struct History {
    gate: Vec<(u8, Option<usize>)>,
    size: Vec<(u8, Option<usize>)>,
    count: Vec<(u8, Option<usize>)>,
}

impl History {
    pub(super) fn new(system: &System) -> History {
        let now = Values::of(system);
        History {
            gate: vec![(now.gate, None)],
            size: vec![(now.size, None)],
            count: vec![(now.count, None)],
        }
    }

    /// Books the values after step `at`.
    pub(super) fn book(&mut self, system: &System, at: usize) {
        let now = Values::of(system);
        for (values, now) in
            [(&mut self.gate, now.gate), (&mut self.size, now.size), (&mut self.count, now.count)]
        {
            if values.last().is_some_and(|last| last.0 != now) {
                values.push((now, Some(at)));
            }
        }
    }

    fn values(&self, op: &Op) -> Option<&[(u8, Option<usize>)]> {
        match op {
            Op::GateTest => Some(&self.gate),
            Op::SizeRead => Some(&self.size),
            Op::DioWait => Some(&self.count),
            _ => None,
        }
    }

    /// What `op` reads if it reads a value that many writes old, and the steps whose writes it misses.
    pub(super) fn old(&self, op: &Op, old: u8) -> Result<(Outcome, Vec<usize>), String> {
        let Some(values) = self.values(op) else {
            return Err("it reads nothing that could be old".to_owned());
        };
        let Some(at) = values.len().checked_sub(1 + usize::from(old)) else {
            return Err("there was no value before".to_owned());
        };
        let missed = values[at + 1..].iter().filter_map(|value| value.1).collect();
        let outcome = match op {
            Op::GateTest => Outcome::Flag(values[at].0 != 0),
            Op::SizeRead => Outcome::Value(values[at].0),
            _ if values[at].0 != 0 => return Err(format!("i_dio_count was {}", values[at].0)),
            _ => Outcome::Done,
        };
        Ok((outcome, missed))
    }

    /// How many writes old the value is that led to that outcome.
    fn age(&self, event: &Event) -> u8 {
        let Some(values) = self.values(&event.op) else { return 0 };
        let ages = 0..values.len().min(usize::from(u8::MAX)) as u8;
        let read = |&age: &u8| self.old(&event.op, age).is_ok_and(|old| old.0 == event.outcome);
        ages.into_iter().find(read).unwrap_or(0)
    }
}

struct Values {
    gate: u8,
    size: u8,
    count: u8,
}

impl Values {
    fn of(system: &System) -> Values {
        let read = |op: Op| match system.inode.clone().perform(0, &op) {
            Ok(Outcome::Flag(flag)) => u8::from(flag),
            Ok(Outcome::Value(value)) => value,
            _ => 0,
        };
        Values {
            gate: read(Op::GateTest),
            size: read(Op::SizeRead),
            // As a byte: only whether it is 0 matters.
            count: system.inode.dio_count() as u8,
        }
    }
}

/// For each step of a run, how many writes old the value is that it read.
pub fn marks(program: &Program, events: &[Event]) -> Vec<u8> {
    let mut system = System::new(program);
    let mut history = History::new(&system);
    let mut marks = Vec::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        marks.push(history.age(event));
        // A wait that passes on an old value changes nothing.
        let _ = system.inode.perform(event.task, &event.op);
        system.resume(event.task, &event.op, event.outcome.clone());
        history.book(&system, at);
    }
    marks
}

/// Why step `events.len()` of `task` must see the write of step `missed`: `None` if nothing says so.
/// The order in which fences are taken is the order of the schedule.
pub(super) fn must_see(
    tasks: usize,
    events: &[Event],
    task: TaskId,
    op: &Op,
    missed: usize,
) -> Option<String> {
    let mut all = events.to_vec();
    all.push(Event { task, op: op.clone(), outcome: Outcome::Done });
    let order = HappensBefore::by(tasks, &all, synchronises);
    let last = events.len();
    if order.before(missed, last) {
        return Some(format!("a lock orders step {} before it", missed + 1));
    }
    let fence = |at: usize| matches!(events[at].op, Op::SmpMb | Op::DioEnd(_));
    let first =
        (missed..last).find(|&at| fence(at) && (at == missed || order.before(missed, at)))?;
    let second = (first + 1..last).find(|&at| fence(at) && order.before(at, last))?;
    Some(format!(
        "smp_mb in steps {} and {} order step {} before it",
        first + 1,
        second + 1,
        missed + 1
    ))
}

/// Only what the kernel synchronises with: locks, the journal and lists under their locks.
fn synchronises(touched: &(Object, Access)) -> bool {
    matches!(
        touched.0,
        Object::Lock(_)
            | Object::Admission
            | Object::Handles
            | Object::CompletedList
            | Object::Private(_)
    )
}
