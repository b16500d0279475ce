//! What a trace is, as one number: executions that differ only in the order of commuting steps have
//! the same trace.

use crate::program::Event;
use diolock::op::{Access, Object, Op};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The trace of the steps so far, as a 64-bit fingerprint: for each step a hash of its task, its
/// content and the steps that must come before it (the last of its own task; on each object it
/// touches, the last run of steps that do not commute with it); summed, so that the order of
/// commuting steps leaves no mark.
///
/// # Errors
/// Two traces may collide: the chance among `n` traces is about `n² / 2⁶⁵`, 10⁻⁸ for 600,000.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TraceHash {
    tasks: Vec<u64>,
    objects: BTreeMap<Object, Runs>,
    sum: u64,
}

/// The steps on one object: all before the current run, and the current run of steps that commute
/// with each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Runs {
    before: u64,
    access: Access,
    current: u64,
}

impl TraceHash {
    /// No steps yet.
    pub fn new(tasks: usize) -> TraceHash {
        TraceHash { tasks: vec![0; tasks], objects: BTreeMap::new(), sum: 0 }
    }

    /// Adds a step. Queueing for a lock is left out: it decides who may go, not what happened.
    pub fn observe(&mut self, event: &Event) {
        if !matches!(event.op, Op::Queue(_)) {
            self.observe_all(event);
        }
    }

    /// Adds a step, queueing included.
    pub fn observe_all(&mut self, event: &Event) {
        let touched = event.touched();
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        self.tasks[usize::from(event.task)].hash(&mut hasher);
        for &(object, access) in &touched {
            self.before(object, access).hash(&mut hasher);
        }
        let hash = hasher.finish();
        for &(object, access) in &touched {
            let before = self.before(object, access);
            let runs = self.objects.entry(object).or_insert(Runs { before: 0, access, current: 0 });
            if runs.before != before || runs.access.conflicts(access) {
                *runs = Runs { before, access, current: 0 };
            }
            runs.current = runs.current.wrapping_add(hash);
        }
        self.tasks[usize::from(event.task)] = hash;
        if let Op::Submit(child, _) = event.op {
            self.tasks[usize::from(child)] = hash;
        }
        self.sum = self.sum.wrapping_add(mix(hash));
    }

    /// What a step that touches `object` in this way comes after.
    fn before(&self, object: Object, access: Access) -> u64 {
        match self.objects.get(&object) {
            None => 0,
            Some(runs) if runs.access.conflicts(access) => {
                let mut hasher = DefaultHasher::new();
                (runs.before, runs.current, runs.access).hash(&mut hasher);
                hasher.finish()
            }
            Some(runs) => runs.before,
        }
    }

    /// The fingerprint.
    pub fn get(&self) -> u64 {
        self.sum
    }
}

/// Which events of an execution must come before which, in every execution with the same trace.
#[derive(Clone, Debug)]
pub struct HappensBefore {
    /// For each event, how many events of each task come before it or are it.
    clocks: Vec<Vec<u32>>,
    /// For each event, its task and its number among that task's events, from 1.
    places: Vec<(usize, u32)>,
}

impl HappensBefore {
    /// The order of an execution's events.
    pub fn new(tasks: usize, events: &[Event]) -> HappensBefore {
        HappensBefore::by(tasks, events, |_| true)
    }

    /// The order that only some of the touched objects give.
    pub fn by(
        tasks: usize,
        events: &[Event],
        orders: impl Fn(&(Object, Access)) -> bool,
    ) -> HappensBefore {
        let mut clocks: Vec<Vec<u32>> = Vec::with_capacity(events.len());
        let mut places = Vec::with_capacity(events.len());
        let mut now = vec![vec![0; tasks]; tasks];
        let mut seen: BTreeMap<Object, Vec<(Access, usize)>> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            let task = usize::from(event.task);
            let mut clock = now[task].clone();
            for (object, access) in event.touched().into_iter().filter(&orders) {
                let earlier = seen.entry(object).or_default();
                for &(other, by) in earlier.iter() {
                    if access.conflicts(other) {
                        for (mine, theirs) in clock.iter_mut().zip(&clocks[by]) {
                            *mine = (*mine).max(*theirs);
                        }
                    }
                }
                earlier.push((access, at));
            }
            clock[task] += 1;
            places.push((task, clock[task]));
            now[task].clone_from(&clock);
            if let Op::Submit(child, _) = event.op {
                now[usize::from(child)].clone_from(&clock);
            }
            clocks.push(clock);
        }
        HappensBefore { clocks, places }
    }

    /// Whether an event may come next when that many events of each task have happened.
    pub fn ready(&self, at: usize, done: &[u32]) -> bool {
        let (own, _) = self.places[at];
        let mut before = self.clocks[at].iter().zip(done).enumerate();
        before.all(|(task, (needed, done))| *needed <= *done + u32::from(task == own))
    }

    /// Whether event `first` must come before event `second`.
    pub fn before(&self, first: usize, second: usize) -> bool {
        let (task, number) = self.places[first];
        first != second && self.clocks[second][task] >= number
    }
}

/// Spreads a hash, so that sums do not cancel.
fn mix(hash: u64) -> u64 {
    (hash ^ hash >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diolock::op::{LockName, Mode, Outcome, Size};

    fn hash(steps: &[(diolock::op::TaskId, Op)]) -> u64 {
        let mut trace = TraceHash::new(3);
        for (task, op) in steps {
            trace.observe(&Event { task: *task, op: op.clone(), outcome: Outcome::Done });
        }
        trace.get()
    }

    #[test]
    fn commuting_steps_leave_no_mark() {
        let (begin0, begin1) = ((0, Op::DioBegin(0)), (1, Op::DioBegin(1)));
        assert_eq!(
            hash(&[begin0.clone(), begin1.clone()]),
            hash(&[begin1.clone(), begin0.clone()])
        );
        let read = |task| (task, Op::Lock(LockName::IDataSem, Mode::Shared));
        assert_eq!(hash(&[read(0), read(1), read(2)]), hash(&[read(2), read(0), read(1)]));
    }

    #[test]
    fn dependent_steps_do() {
        let (begin, wait) = ((0, Op::DioBegin(0)), (1, Op::DioWait));
        assert_ne!(hash(&[begin.clone(), wait.clone()]), hash(&[wait, begin]));
        let write = |task| (task, Op::Lock(LockName::IMutex, Mode::Exclusive));
        assert_ne!(hash(&[write(0), write(1)]), hash(&[write(1), write(0)]));
    }

    #[test]
    fn a_write_between_two_reads_matters() {
        let (read, write) = (|task| (task, Op::SizeRead), (2, Op::SizeWrite(Size::ZERO)));
        assert_ne!(
            hash(&[read(0), write.clone(), read(1)]),
            hash(&[read(1), write.clone(), read(0)])
        );
        assert_ne!(hash(&[read(0), read(1), write.clone()]), hash(&[read(0), write, read(1)]));
    }
}
