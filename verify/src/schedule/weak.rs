//! Old values: what a step may read that another task has overwritten already (C11).

use crate::litmus::parse::MAX_BLOCKS;
use crate::program::{Event, Program, System};
use crate::trace::HappensBefore;
use diolock::inode::{Blocked, Inode};
use diolock::kernel::{Fix, Kernel};
use diolock::op::{Access, MapFor, Object, Op, Outcome, Range, Size, TaskId, WaitQueue};

/// Every value that each weak variable has had, with the step that wrote it: what a look at it
/// answers, and the inode at that time.
#[derive(Clone, Debug)]
pub(super) struct History {
    variables: Vec<(Op, Vec<Value>)>,
}

#[derive(Clone, Debug)]
struct Value {
    answer: Outcome,
    inode: Inode,
    written: Option<usize>,
}

impl Value {
    fn now(inode: &Inode, look: &Op, written: Option<usize>) -> Value {
        let answer = answer(inode, 0, look).unwrap_or(Outcome::Done);
        Value { answer, inode: inode.clone(), written }
    }
}

/// What a step would answer on an inode.
fn answer(inode: &Inode, task: TaskId, op: &Op) -> Result<Outcome, Blocked> {
    inode.clone().perform(task, op)
}

/// The variables that are read weakly, each as a look at it.
fn variables() -> Vec<Op> {
    let mut looks = vec![Op::GateTest, Op::SizeRead];
    for queue in WaitQueue::ALL {
        looks.extend([Op::CountRead(queue), Op::WaitLook(queue)]);
    }
    looks.extend((0..MAX_BLOCKS).map(Op::PageRead));
    looks.push(Op::Map(Range { start: 0, len: MAX_BLOCKS }, MapFor::Probe));
    looks
}

impl History {
    pub(super) fn new(system: &System) -> History {
        let first = |look: Op| {
            let value = Value::now(&system.inode, &look, None);
            (look, vec![value])
        };
        History { variables: variables().into_iter().map(first).collect() }
    }

    /// Books the values after step `at`.
    pub(super) fn book(&mut self, system: &System, at: usize) {
        for (look, values) in &mut self.variables {
            let now = Value::now(&system.inode, look, Some(at));
            if values.last().is_some_and(|last| last.answer != now.answer) {
                values.push(now);
            }
        }
    }

    fn values(&self, op: &Op) -> Option<&[Value]> {
        let look = match op {
            Op::DioWait => Op::CountRead(WaitQueue::Dio),
            Op::UnwrittenWait => Op::CountRead(WaitQueue::Unwritten),
            Op::Map(_, MapFor::Probe | MapFor::Io) => variables().pop()?,
            other => other.clone(),
        };
        self.variables.iter().find(|variable| variable.0 == look).map(|v| v.1.as_slice())
    }

    /// What `op` reads if it reads a value that many writes old, and the steps whose writes it misses.
    pub(super) fn old(
        &self,
        task: TaskId,
        op: &Op,
        old: u8,
    ) -> Result<(Outcome, Vec<usize>), String> {
        let Some(values) = self.values(op) else {
            return Err("it reads nothing that could be old".to_owned());
        };
        let Some(at) = values.len().checked_sub(1 + usize::from(old)) else {
            return Err("there was no value before".to_owned());
        };
        let missed = values[at + 1..].iter().filter_map(|value| value.written).collect();
        match answer(&values[at].inode, task, op) {
            Ok(outcome) => Ok((outcome, missed)),
            Err(Blocked::DioCount(count)) => Err(format!("i_dio_count was {count}")),
            Err(_) => Err("it would have to wait".to_owned()),
        }
    }

    /// How many writes old the value is that led to that outcome.
    fn age(&self, event: &Event) -> u8 {
        let Some(values) = self.values(&event.op) else { return 0 };
        let ages = 0..values.len().min(usize::from(u8::MAX)) as u8;
        let read = |&age: &u8| {
            self.old(event.task, &event.op, age).is_ok_and(|old| old.0 == event.outcome)
        };
        ages.into_iter().find(read).unwrap_or(0)
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
    program: &Program,
    events: &[Event],
    task: TaskId,
    op: &Op,
    missed: usize,
) -> Option<String> {
    let mut all = events.to_vec();
    all.push(Event { task, op: op.clone(), outcome: Outcome::Done });
    let order = HappensBefore::by(program.calls.len(), &all, synchronises);
    let last = events.len();
    let write = missed + 1;
    if order.before(missed, last) {
        return Some(format!("a lock orders step {write} before it"));
    }
    let after = |at: usize| at == missed || order.before(missed, at);
    let fence = |at: usize| matches!(events[at].op, Op::SmpMb | Op::DioEnd(_));
    if let Some(first) = (missed..last).find(|&at| fence(at) && after(at))
        && let Some(second) = (first + 1..last).find(|&at| fence(at) && order.before(at, last))
    {
        let (first, second) = (first + 1, second + 1);
        return Some(format!("smp_mb in steps {first} and {second} order step {write} before it"));
    }
    // Message passing: whoever saw the new i_size, in order, sees what was written before it.
    let (from, to) = message(program.kernel, events, after, |at| order.before(at, last))?;
    let (from, to) = (from + 1, to + 1);
    Some(format!(
        "i_size, written in step {from} and read in step {to}, orders step {write} before it"
    ))
}

/// A write of i_size that releases what `after` holds of, and a read of it that acquires for what
/// `before` holds of.
fn message(
    kernel: Kernel,
    events: &[Event],
    after: impl Fn(usize) -> bool,
    before: impl Fn(usize) -> bool,
) -> Option<(usize, usize)> {
    let of = |task: TaskId, range: std::ops::Range<usize>, wanted: fn(&Op) -> bool| {
        range.into_iter().any(|at| events[at].task == task && wanted(&events[at].op))
    };
    let releases = |at: usize| {
        let barrier = (0..at)
            .rfind(|&b| events[b].task == events[at].task && events[b].op == Op::SmpMb && after(b));
        barrier.is_some() || kernel.has(Fix::SizeRelease) && after(at)
    };
    let acquires = |at: usize| {
        let barrier = |op: &Op| matches!(op, Op::SmpMb | Op::SmpRmb);
        before(at)
            && (kernel.has(Fix::SizeAcquire) || of(events[at].task, at..events.len(), barrier))
    };
    let reads = |size: Size, from: usize| {
        (from + 1..events.len()).find(|&at| {
            events[at].op == Op::SizeRead
                && events[at].outcome == Outcome::Size(size)
                && acquires(at)
        })
    };
    (0..events.len()).find_map(|at| match events[at].op {
        Op::SizeWrite(size) if releases(at) => Some((at, reads(size, at)?)),
        _ => None,
    })
}

/// Only what the kernel synchronises with: locks, the journal and lists under their locks.
fn synchronises(touched: &(Object, Access)) -> bool {
    match touched.0 {
        Object::Lock(_)
        | Object::Admission
        | Object::Handles
        | Object::CompletedList
        | Object::Private(_) => true,
        // Joining and waking take the queue's lock, a mere look does not.
        Object::WaitQueue(_) => touched.1 == Access::Write,
        _ => false,
    }
}
