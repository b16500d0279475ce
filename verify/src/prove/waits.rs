//! What is held while what is waited for: the classes, and an order of them if there is one.
//!
//! If no class is waited for while it or a later one of the order is held, and nobody returns with anything held,
//! no number of tasks is stuck: of all that wait, one waits for the last class; whoever holds that waits for
//! none, or for a later one.

use super::machine::UserId;
use super::singles::Singles;
use super::user::User;
use diolock::call::Call;
use diolock::inode::TASKS;
use diolock::op::{LockName, Op, TaskId};
use diolock::task::Place;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What somebody waits for, and somebody else has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// A lock, in whatever mode.
    Lock(LockName),
    /// That the running transaction lets handles start: a commit has locked it.
    Admission,
    /// That no handle is open.
    Handles,
    /// That i_dio_count is 0.
    Drain,
    /// That i_unwritten is 0.
    Unwritten,
    /// That i_ioend_count is 0.
    IoEnds,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Lock(lock) => lock.name(),
            Class::Admission => "T_LOCKED",
            Class::Handles => "handles",
            Class::Drain => "i_dio_count",
            Class::Unwritten => "i_unwritten",
            Class::IoEnds => "i_ioend_count",
        })
    }
}

impl Class {
    /// What a step waits for, if it waits.
    pub fn awaited(op: &Op) -> Option<Class> {
        Some(match *op {
            Op::Lock(lock, _) | Op::LockByRequeue(lock) => Class::Lock(lock),
            Op::JournalStart(_) | Op::CommitLock => Class::Admission,
            Op::CommitWait => Class::Handles,
            Op::DioWait => Class::Drain,
            Op::UnwrittenWait => Class::Unwritten,
            Op::IoendWait(_) => Class::IoEnds,
            _ => return None,
        })
    }

    /// By name.
    pub fn named(text: &str) -> Option<Class> {
        use Class::{Admission, Drain, Handles, IoEnds, Lock, Unwritten};
        let locks = LockName::ALL.into_iter().map(Lock);
        let mut all = locks.chain([Admission, Handles, Drain, Unwritten, IoEnds]);
        all.find(|class| class.to_string() == text)
    }
}

/// A step that waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wait {
    /// The call, as litmus files write it.
    pub call: String,
    /// Its completion waits.
    pub completion: bool,
    /// The kernel function, and the name of the step.
    pub function: &'static str,
    /// The same.
    pub step: &'static str,
    /// What is held meanwhile.
    pub holds: BTreeSet<Class>,
    /// What for.
    pub wants: Class,
}

impl User {
    /// What one of its tasks has that others may wait for.
    fn holds(&self, task: TaskId) -> BTreeSet<Class> {
        let locks = self.record.held(task).iter().map(|held| Class::Lock(held.0));
        let mut holds: BTreeSet<Class> = locks.collect();
        let commits = matches!(self.call, Call::Commit(_))
            && matches!(self.next(0), Some(Op::CommitWait | Op::CommitDone));
        let has = |class, held: bool| held.then_some(class);
        holds.extend(has(Class::Admission, commits));
        holds.extend(has(Class::Handles, self.record.has_handle(task)));
        // What goes with its io_end on the list its worker will take off it, who is its completion.
        let worker = if self.submitted() && self.next(1).is_some() { 1 } else { 0 };
        let listed = self.record.has_listed() && task == worker;
        holds.extend(has(Class::Drain, self.record.has_reference(task) || listed));
        // Its own goes with the submission, and what it takes over stays with the task that does.
        let own = i8::from(worker == 1 && task == 0 && !self.record.has_taken(0));
        holds.extend(has(Class::Unwritten, self.share.unwritten > own));
        holds.extend(has(Class::IoEnds, self.share.io_ends != [0, 0]));
        holds
    }
}

/// All steps that wait.
pub(super) fn waits(found: &Singles<'_>) -> BTreeSet<Wait> {
    let machine = &found.machine;
    let of_user = |id: UserId| {
        let user = machine.users.get(id);
        let of_task = |task: TaskId| {
            let wants = Class::awaited(&user.next(task)?)?;
            let Place { step, kernel, .. } = machine.place(id, task)?;
            Some(Wait {
                call: machine.scene.templates[user.template].text.clone(),
                completion: task == 1,
                function: kernel,
                step,
                holds: user.holds(task),
                wants,
            })
        };
        (0..TASKS as TaskId).filter_map(of_task).collect::<Vec<_>>()
    };
    machine.all_users().flat_map(of_user).collect()
}

/// An order in which nobody waits for a class while holding it or a later one; or else classes each of which is
/// held while the next is waited for, and the last while the first is.
pub fn order(waits: &BTreeSet<Wait>) -> Result<Vec<Class>, Vec<Class>> {
    let mut after: BTreeMap<Class, BTreeSet<Class>> = BTreeMap::new();
    for wait in waits {
        after.entry(wait.wants).or_default();
        for &held in &wait.holds {
            after.entry(held).or_default().insert(wait.wants);
        }
    }
    let mut order = Vec::new();
    let mut left: BTreeSet<Class> = after.keys().copied().collect();
    while !left.is_empty() {
        let awaited = |class: &Class| left.iter().any(|held| after[held].contains(class));
        let Some(first) = left.iter().copied().find(|class| !awaited(class)) else {
            return Err(cycle(&after, &left));
        };
        left.remove(&first);
        order.push(first);
    }
    Ok(order)
}

/// A shortest cycle among these classes, which have one.
fn cycle(after: &BTreeMap<Class, BTreeSet<Class>>, among: &BTreeSet<Class>) -> Vec<Class> {
    let mut shortest: Vec<Class> = Vec::new();
    for &start in among {
        let mut from: BTreeMap<Class, Class> = BTreeMap::new();
        let mut open = vec![start];
        let mut at = 0;
        while at < open.len() && !from.contains_key(&start) {
            for &next in after[&open[at]].intersection(among) {
                if let Entry::Vacant(entry) = from.entry(next) {
                    entry.insert(open[at]);
                    open.push(next);
                }
            }
            at += 1;
        }
        let Some(&last) = from.get(&start) else { continue };
        let mut found = vec![last];
        while found[found.len() - 1] != start {
            found.push(from[&found[found.len() - 1]]);
        }
        found.reverse();
        if shortest.is_empty() || found.len() < shortest.len() {
            shortest = found;
        }
    }
    shortest
}
