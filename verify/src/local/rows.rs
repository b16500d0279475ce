//! The steps of a task, in the order in which it takes them, and what it holds after each.

use super::outcomes;
use diolock::call::Call;
use diolock::kernel::Version;
use diolock::op::{Bio, LockName, Mode, Op, Outcome, Range, Span, Submission};
use diolock::task::{Place, Task};
use rustc_hash::FxBuildHasher;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;
use std::mem::{Discriminant, discriminant};

/// What a task holds, in the order in which it took it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Holds {
    locks: Vec<(LockName, Mode)>,
    handles: u8,
    gate: bool,
    counted: u8,
}

impl Holds {
    /// After a step that was told this.
    fn after(mut self, op: &Op, outcome: &Outcome) -> Holds {
        match *op {
            Op::Lock(lock, mode) => self.locks.push((lock, mode)),
            Op::TryLock(lock, mode) if *outcome == Outcome::Flag(true) => {
                self.locks.push((lock, mode))
            }
            Op::LockByRequeue(lock) => self.locks.push((lock, Mode::Exclusive)),
            Op::Unlock(lock, mode) => {
                if let Some(at) = self.locks.iter().rposition(|&held| held == (lock, mode)) {
                    self.locks.remove(at);
                }
            }
            Op::Downgrade(lock) => {
                let held = self.locks.iter_mut().filter(|held| held.0 == lock);
                held.for_each(|held| held.1 = Mode::Shared);
            }
            Op::JournalStart(_) => self.handles += 1,
            Op::JournalStop(_) => self.handles = self.handles.saturating_sub(1),
            Op::GateClose => self.gate = true,
            Op::GateOpen => self.gate = false,
            // References are counted up to two: who repeats for ever has no more of them.
            Op::DioBegin(_) => self.counted = 2.min(self.counted + 1),
            Op::DioEnd(_) => self.counted = self.counted.saturating_sub(1),
            _ => {}
        }
        self
    }

    /// `i_rwsem R, handle, i_dio_count`.
    pub fn text(&self) -> String {
        let mut all: Vec<String> =
            self.locks.iter().map(|(lock, mode)| lock.in_mode(*mode)).collect();
        all.extend(self.gate.then(|| "gate".to_owned()));
        all.extend((self.handles > 0).then(|| "handle".to_owned()));
        all.extend((self.counted > 0).then(|| "i_dio_count".to_owned()));
        all.join(", ")
    }
}

/// A step of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Where it stands: the kernel function is that of the version.
    pub place: Place,
    /// What it does.
    pub op: Op,
    /// All that it may hold after it.
    pub holds: BTreeSet<Holds>,
}

/// What tells one row from another: its step, its kernel function, and the kind of what it does.
type Key = (&'static str, &'static str, Discriminant<Op>);

/// How many states of a task are followed in which the same step is told the same while it holds the same: what
/// a direct write learned before it came to the page cache makes a million states of steps that do not ask for
/// it. With sixteen times as many no call of v3.7 and v6.12 has other rows, nor holds anything else (an ignored test of
/// `tests/all/steps.rs`); with half as many the rows of a write of v6.12 come in another order.
pub const ALL: usize = 16384;

/// A few of them: enough to see whether a fix changes anything.
pub const FEW: usize = 16;

/// Every step that these calls can take on a version, whatever they are told, in the order in which they take
/// them.
pub fn rows(calls: &[Call], version: Version, follow: usize) -> Vec<Row> {
    let mut walk = Walk {
        version,
        follow,
        alike: HashMap::new(),
        known: HashMap::new(),
        rows: Vec::new(),
        after: Vec::new(),
        seen: HashSet::new(),
    };
    for call in calls {
        if call.started() {
            walk.from(call.clone());
            continue;
        }
        // A completion of each kind.
        for unwritten in [false, true] {
            let (span, bio) = (Span::of(Range { start: 0, len: 1 }, None), Bio::WHOLE_WRITE);
            let mut call = call.clone();
            call.submit(Submission { span, blocks: vec![0], bio, unwritten, works: false });
            walk.from(call);
        }
    }
    walk.in_order()
}

struct Walk {
    version: Version,
    follow: usize,
    /// How many were followed from there: what a row was told, by its number, and what was held after it.
    alike: HashMap<(usize, usize, Holds), usize>,
    known: HashMap<Key, usize>,
    rows: Vec<Row>,
    /// The rows that come after each.
    after: Vec<BTreeSet<usize>>,
    /// States by their hash, of 64 bits: there are a million, of a kilobyte each.
    seen: HashSet<u64>,
}

impl Walk {
    /// Takes every step from there on.
    fn from(&mut self, call: Call) {
        let mut open = vec![(call, Holds::default())];
        while let Some((call, holds)) = open.pop() {
            let Some(op) = call.next() else { continue };
            let row = self.row(&call, &op);
            for (told, outcome) in outcomes(&op).into_iter().enumerate() {
                let holds = holds.clone().after(&op, &outcome);
                self.rows[row].holds.insert(holds.clone());
                let mut call = call.clone();
                call.resume(outcome);
                if let Some(op) = call.next() {
                    let next = self.row(&call, &op);
                    self.after[row].insert(next);
                }
                let next = (call, holds);
                let hash = FxBuildHasher.hash_one(&next);
                if self.seen.contains(&hash) {
                    continue;
                }
                let alike = self.alike.entry((row, told, next.1.clone())).or_default();
                if *alike < self.follow {
                    *alike += 1;
                    self.seen.insert(hash);
                    open.push(next);
                }
            }
        }
    }

    fn row(&mut self, call: &Call, op: &Op) -> usize {
        let place = call.place();
        let new = self.rows.len();
        let at = *self.known.entry((place.step, place.kernel, discriminant(op))).or_insert(new);
        if at == new {
            let place = place.on(self.version);
            self.rows.push(Row { place, op: op.clone(), holds: BTreeSet::new() });
            self.after.push(BTreeSet::new());
        }
        at
    }

    /// No row before one that leads to it, but for loops: the rows as a search in depth leaves them, last
    /// first.
    fn in_order(self) -> Vec<Row> {
        let mut left = Vec::new();
        let mut found = vec![false; self.rows.len()];
        for first in (0..self.rows.len()).rev() {
            self.leave(first, &mut found, &mut left);
        }
        let mut rows: Vec<Option<Row>> = self.rows.into_iter().map(Some).collect();
        left.into_iter().rev().filter_map(|at| rows[at].take()).collect()
    }

    fn leave(&self, at: usize, found: &mut [bool], left: &mut Vec<usize>) {
        if std::mem::replace(&mut found[at], true) {
            return;
        }
        for &next in &self.after[at] {
            self.leave(next, found, left);
        }
        left.push(at);
    }
}
