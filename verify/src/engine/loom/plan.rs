//! Which shared objects need a loom object.
//!
//! The reference semantics is walked once, state by state, to see who touches what, how, and under
//! which lock. Where the order of the accesses cannot be told, or follows from a lock, loom needs
//! no scheduling point. Every access is checked against the plan again while loom runs
//! ([`Plan::allows`]), so a plan that missed something is an error, never a cut.

use crate::program::{Memory, Program, System};
use crate::rule::RuleId;
use diolock::op::{Access, Bio, LockName, MapFor, Mode, Object, Op, TaskId};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// How loom sees an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// One task only.
    Owned(TaskId),
    /// Only reads, or only additions.
    Commuting(Access),
    /// Under this lock; changes with it held alone.
    Guarded(LockName),
    /// `loom::sync::Mutex`.
    Mutex,
    /// `loom::sync::RwLock`; as a counter, a reference is a read guard and the drain a write.
    RwLock,
    /// A counter whose references change hands: a turnstile that orders them against the drain, and
    /// one `loom::sync::Mutex` for each task whose I/O is counted, held while its reference lives.
    Slots,
    /// The journal of a program with one committing task: for each task with handles one mutex to
    /// be let in by and one that is its open handle. The commit takes all of the first kind and
    /// keeps them, then passes all of the second. Two handles then commute in loom too.
    Handles,
    /// Seen to together with [`Object::Handles`].
    WithHandles,
    /// A mutex that waiters park on: fair or tried locks, counters whose references have no owner.
    Parked,
    /// Data whose order two tasks can tell: one scheduling point an access. Where every change is
    /// made with a lock held alone, a look under that lock needs none.
    Step(Option<LockName>),
    /// A block that I/O and freeing touch in an order that locks must ensure: loom's race detector
    /// watches it.
    Raced,
    /// A counter as a C11 atomic.
    Atomic,
    /// Other data as a C11 atomic: the number of its last change, with the values of all.
    Versions,
    /// A wait queue under C11: its lock, and whether anybody is on it as an atomic.
    WaitQueue,
}

/// The form of every object of a program.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    forms: BTreeMap<Object, Form>,
    /// Tasks whose I/O is counted.
    pub counted: BTreeSet<TaskId>,
    /// Tasks that start journal handles.
    pub journalled: BTreeSet<TaskId>,
}

/// What the walk saw of one object.
#[derive(Default)]
struct Seen {
    tasks: HashSet<TaskId>,
    accesses: HashSet<Access>,
    /// Locks held alone at every access, or shared at every read.
    guards: Option<Vec<LockName>>,
    /// Locks held alone at every change.
    write_guards: Option<Vec<LockName>>,
    /// Tasks that wait for open handles.
    waiters: BTreeSet<TaskId>,
    /// Whose I/O a counter counts, or who starts handles.
    owners: BTreeSet<TaskId>,
    tried: bool,
    /// Its counter is read, or its queue used, in steps of their own.
    apart: bool,
    /// A reference is taken or dropped by another task than the one whose I/O it counts.
    moves: bool,
    /// Tasks that move data on it, and whether any writes.
    bios: HashSet<TaskId>,
    bio_writes: bool,
    /// It is written through the page cache, or becomes unwritten again: whatever the order is, that alone breaks
    /// nothing.
    harmless: bool,
}

/// States walked at most; what is first touched beyond them is an error of the search, not a cut.
const MAX_STATES: usize = 400_000;

impl Plan {
    /// Walks a program.
    pub fn new(program: &Program) -> Plan {
        let mut seen: BTreeMap<Object, Seen> = BTreeMap::new();
        let first = System::new(program);
        let mut known = HashSet::from([first.clone()]);
        let mut stack = vec![first];
        while let Some(system) = stack.pop() {
            for task in system.tasks() {
                let Some(op) = system.pending(task, &program.fair) else { continue };
                // Noted even if it has to wait: it may wait for ever.
                note(&mut seen, &system, task, &op);
                let mut next = system.clone();
                let new = next.perform(task, op).is_ok() && known.len() < MAX_STATES;
                if new && known.insert(next.clone()) {
                    stack.push(next);
                }
            }
        }
        let owners =
            |object| seen.get(&object).map(|s: &Seen| s.owners.clone()).unwrap_or_default();
        let (counted, journalled) = (owners(Object::DioCount), owners(Object::Handles));
        let forms = seen
            .into_iter()
            .map(|(object, seen)| {
                let fair = matches!(object, Object::Lock(lock) if program.fair.contains(&lock));
                (object, form(object, &seen, fair, program))
            })
            .collect();
        Plan { forms, counted, journalled }
    }

    /// How loom sees an object; one that the walk never saw is not to be touched.
    pub fn form(&self, object: Object) -> Option<Form> {
        self.forms.get(&object).copied()
    }

    /// The objects with their forms.
    pub fn objects(&self) -> impl Iterator<Item = (Object, Form)> + '_ {
        self.forms.iter().map(|(&object, &form)| (object, form))
    }

    /// Checks that this access is one that the plan's forms are right for.
    ///
    /// # Errors
    /// In words, what the plan missed.
    pub fn allows(&self, system: &System, task: TaskId, op: &Op) -> Result<(), String> {
        for (object, access) in system.inode.touches(op) {
            let fits = match self.form(object) {
                None => false,
                Some(Form::Owned(owner)) => owner == task,
                Some(Form::Commuting(only)) => only == access,
                Some(Form::Guarded(lock)) => guards(system, task, access).contains(&lock),
                Some(Form::Step(Some(lock))) if access != Access::Read => {
                    guards(system, task, access).contains(&lock)
                }
                Some(_) => true,
            };
            if !fits {
                return Err(format!(
                    "the plan for loom missed that {object:?} is touched by {op:?}"
                ));
            }
        }
        Ok(())
    }
}

fn note(seen: &mut BTreeMap<Object, Seen>, system: &System, task: TaskId, op: &Op) {
    for (object, access) in system.inode.touches(op) {
        let seen = seen.entry(object).or_default();
        seen.tasks.insert(task);
        seen.accesses.insert(access);
        seen.tried |= matches!(op, Op::TryLock(..) | Op::Downgrade(_));
        seen.apart |= matches!(op, Op::CountRead(_) | Op::CountDecAndTest(..));
        match *op {
            Op::DioBegin(of) | Op::DioEnd(of) => {
                seen.moves |= of != task;
                seen.owners.insert(of);
            }
            Op::JournalStart(_) => {
                seen.owners.insert(task);
            }
            Op::CommitWait => {
                seen.waiters.insert(task);
            }
            Op::Bio(_, bio) => {
                seen.bios.insert(task);
                seen.harmless |= matches!(bio, Bio::Page { .. });
                seen.bio_writes |= !matches!(bio, Bio::Read { .. });
            }
            Op::Map(_, MapFor::Unwrite) => seen.harmless = true,
            _ => {}
        }
        let mut held = guards(system, task, access);
        // A lock does not guard itself.
        held.retain(|&lock| object != Object::Lock(lock));
        narrow(&mut seen.guards, &held);
        if access != Access::Read {
            narrow(&mut seen.write_guards, &held);
        }
    }
}

fn narrow(guards: &mut Option<Vec<LockName>>, held: &[LockName]) {
    match guards {
        None => *guards = Some(held.to_vec()),
        Some(guards) => guards.retain(|lock| held.contains(lock)),
    }
}

/// The locks that `task` holds well enough for this access.
pub fn guards(system: &System, task: TaskId, access: Access) -> Vec<LockName> {
    LockName::ALL
        .into_iter()
        .filter(|&lock| {
            system.inode.lock(lock).holders().iter().any(|&(holder, mode)| {
                holder == task && (mode == Mode::Exclusive || access == Access::Read)
            })
        })
        .collect()
}

fn form(object: Object, seen: &Seen, fair: bool, program: &Program) -> Form {
    if let (1, Some(&owner)) = (seen.tasks.len(), seen.tasks.iter().next()) {
        return Form::Owned(owner);
    }
    if let (1, Some(&access)) = (seen.accesses.len(), seen.accesses.iter().next())
        && access != Access::Write
    {
        return Form::Commuting(access);
    }
    if let Some(&guard) = seen.guards.as_ref().and_then(|guards| guards.first()) {
        return Form::Guarded(guard);
    }
    match object {
        Object::Lock(_) if fair || seen.tried => Form::Parked,
        Object::Lock(lock) if lock.is_rwsem() => Form::RwLock,
        Object::Lock(_) => Form::Mutex,
        Object::DioCount if program.memory == Memory::C11 => Form::Atomic,
        Object::Unwritten if program.memory == Memory::C11 && seen.apart => Form::Atomic,
        Object::Gate | Object::Size | Object::PageData(_) | Object::Extents
            if program.memory == Memory::C11 =>
        {
            Form::Versions
        }
        Object::WaitQueue(_) if program.memory == Memory::C11 => Form::WaitQueue,
        Object::WaitQueue(_) => Form::Parked,
        Object::DioCount if seen.apart => Form::Parked,
        Object::DioCount if !seen.moves => Form::RwLock,
        Object::DioCount => Form::Slots,
        // Commits alone: no handle is there to be ordered with.
        Object::Admission if !seen.accesses.contains(&Access::Read) => Form::Parked,
        Object::Admission => Form::WithHandles,
        Object::Handles if seen.waiters.len() == 1 => Form::Handles,
        Object::Unwritten | Object::Ioend(_) | Object::Handles => Form::Parked,
        // Under C11 the drain orders no data (atomic_read is relaxed); the I/O is DMA, not a store.
        Object::Block(_)
            if program.memory == Memory::Sc
                && program.rules.has(RuleId::R4)
                && !seen.harmless
                && (seen.bios.len() < 2 || !seen.bio_writes) =>
        {
            Form::Raced
        }
        _ => Form::Step(seen.write_guards.as_ref().and_then(|guards| guards.first()).copied()),
    }
}
