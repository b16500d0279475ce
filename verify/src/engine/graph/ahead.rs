//! What tasks may still do: which objects each can touch before some other task has moved.
//!
//! Where a task can come to is learned as the search goes: an edge for each step that was seen, from where the task
//! stood to where it stands after. What a step touches is known before it is taken ([`Op::touches`]), but for what its
//! outcome tells; for that a step that may free or convert is taken to touch every block.

use super::search::{Search, StateId};
use diolock::op::{Access, LockName, Mode, Object, Op, TaskId};
use petgraph::Directed;
use petgraph::graphmap::GraphMap;
use rustc_hash::{FxHashMap, FxHashSet};

/// Objects, a bit each, by how they are touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Footprint {
    read: u128,
    add: u128,
    write: u128,
}

impl Footprint {
    /// Whether two steps with these footprints may not commute.
    pub(super) fn conflicts(self, other: Footprint) -> bool {
        let all = |one: Footprint| one.read | one.add | one.write;
        self.write & all(other)
            | other.write & all(self)
            | self.read & other.add
            | self.add & other.read
            != 0
    }

    /// The same in a cache that is empty, and stays so: no page is looked for, dropped or cleaned then.
    pub(super) fn uncached(self, pages: u128) -> Footprint {
        Footprint { read: self.read & !pages, add: self.add, write: self.write & !pages }
    }

    /// Whether it may bring a page into the cache.
    pub(super) fn brings_pages(self) -> bool {
        self.write & CACHED != 0
    }

    fn join(&mut self, other: Footprint) {
        self.read |= other.read;
        self.add |= other.add;
        self.write |= other.write;
    }
}

/// Where a task stands.
pub(super) type At = (TaskId, u32);

/// What the next step of a task is.
#[derive(Clone, Copy, Default)]
struct Next {
    touches: Footprint,
    waits_for: Option<(LockName, Mode)>,
}

/// Locks that are held, in which modes: two bits each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Held(u64);

impl Held {
    /// With another one.
    pub(super) fn with(self, lock: LockName, mode: Mode) -> Held {
        Held(self.0 | 1 << (2 * lock.index() + mode as usize))
    }

    /// Whether whoever wants this lock has to wait for one of its holders.
    fn keeps_out(self, lock: LockName, mode: Mode) -> bool {
        let held = self.0 >> (2 * lock.index()) & 3;
        held >> (Mode::Exclusive as u32) & 1 == 1 || mode == Mode::Exclusive && held != 0
    }
}

/// The bit of all objects that only an outcome may tell of.
const HIDDEN: u128 = 1;
/// The bit of all that is cached; nothing else stands for it. Whoever brings in a page writes it.
const CACHED: u128 = 1 << 1;
/// The bit of all objects for which there is none left.
const SHARED: u128 = 1 << 127;
/// How many bits stand for no object.
const RESERVED: usize = 2;

/// What was learned.
#[derive(Default)]
pub(super) struct Ahead {
    objects: FxHashMap<Object, u128>,
    /// The bits of pages and of what they hold.
    pages: u128,
    next: FxHashMap<At, Next>,
    edges: FxHashSet<(At, At)>,
    after: FxHashMap<At, Vec<At>>,
    /// Of what was known when it was asked.
    known: FxHashMap<(At, Held), Footprint>,
}

impl Ahead {
    /// Takes note of where a step leads. Whether that is news.
    pub(super) fn learn(&mut self, from: At, to: At) -> bool {
        let news = self.edges.insert((from, to));
        if news {
            self.after.entry(from).or_default().push(to);
        }
        news
    }

    /// What was found out before must be found out again: there is more to know. Whether a task can come back to where
    /// it stood.
    pub(super) fn forget(&mut self) -> bool {
        self.known.clear();
        let own = self.edges.iter().filter(|(from, to)| from.0 == to.0);
        let graph = GraphMap::<At, (), Directed>::from_edges(own);
        petgraph::algo::is_cyclic_directed(&graph)
    }

    /// The bits of pages and of what they hold.
    pub(super) fn pages(&self) -> u128 {
        self.pages
    }

    /// What the next step of a task touches.
    pub(super) fn next(&mut self, search: &Search<'_>, state: StateId, at: At) -> Footprint {
        if let Some(next) = self.next.get(&at) {
            return next.touches;
        }
        let op = search.system(state).next(at.0);
        let next = op.map_or_else(Next::default, |op| self.read(at.0, &op));
        self.next.insert(at, next);
        next.touches
    }

    /// What a task may touch until one of those that hold these locks has moved.
    pub(super) fn until(&mut self, at: At, held: Held) -> Footprint {
        if let Some(&known) = self.known.get(&(at, held)) {
            return known;
        }
        let mut all = Footprint::default();
        let mut met = FxHashSet::from_iter([at]);
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let next = self.next.get(&at).copied().unwrap_or_default();
            all.join(next.touches);
            if next.waits_for.is_some_and(|(lock, mode)| held.keeps_out(lock, mode)) {
                continue;
            }
            let after = self.after.get(&at).into_iter().flatten();
            open.extend(after.filter(|&&to| met.insert(to)));
        }
        self.known.insert((at, held), all);
        all
    }

    fn read(&mut self, task: TaskId, op: &Op) -> Next {
        let mut touches = Footprint::default();
        // The next call of a thread has an iocb of its own.
        let own = (Object::Private(task), Access::Write);
        for (object, access) in op.touches().into_iter().chain([own]) {
            let bit = self.bit(object);
            if bit != SHARED && matches!(object, Object::Page(_) | Object::PageData(_)) {
                self.pages |= bit;
            }
            if matches!(object, Object::Block(_) | Object::InFlight(_) | Object::IoEnd(_)) {
                touches.read |= HIDDEN;
            }
            match access {
                Access::Read => touches.read |= bit,
                Access::Add => touches.add |= bit,
                Access::Write => touches.write |= bit,
            }
        }
        if op.outcome_tells_more() {
            touches.write |= HIDDEN;
        }
        if matches!(op, Op::PageIn(_)) {
            touches.write |= CACHED;
        }
        let waits_for = match *op {
            Op::Lock(lock, mode) => Some((lock, mode)),
            Op::LockByRequeue(lock) => Some((lock, Mode::Exclusive)),
            _ => None,
        };
        Next { touches, waits_for }
    }

    fn bit(&mut self, object: Object) -> u128 {
        let next = 1_u128.checked_shl((self.objects.len() + RESERVED) as u32).unwrap_or(SHARED);
        *self.objects.entry(object).or_insert(next)
    }
}
