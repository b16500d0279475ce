//! Every user that can stand in a state beside any number of others: view abstraction with views of one.

use super::bits::set;
use super::machine::{Beside, Machine, SharedId, UserId};
use super::needs::Needs;
use rustc_hash::{FxHashMap, FxHashSet};

/// A change of what is shared, as those beside its mover see it: what it is then, what the step asks of them and
/// does to them, and what its mover has.
type Change = (SharedId, Needs, Beside, u32);

/// The users that stand in one shared state, and what changes it.
#[derive(Debug, Default)]
struct At {
    users: Vec<UserId>,
    /// The same: a bit for each.
    has: Vec<u64>,
    changes: FxHashSet<Change>,
    /// The same, in the order of their coming.
    in_order: Vec<Change>,
    /// Those that may take an io_end off the list, and those that have one there.
    takers: Vec<UserId>,
    listed: Vec<UserId>,
}

/// The search.
#[derive(Debug)]
pub(super) struct Singles<'a> {
    pub(super) machine: Machine<'a>,
    /// By shared state.
    at: Vec<At>,
    open: Vec<(SharedId, UserId)>,
    /// Whether who has that share lets a step happen that asks for this, of somebody who has the other share.
    lets: FxHashMap<(u32, u32, Needs), bool>,
    pub(super) views: u64,
}

impl<'a> Singles<'a> {
    pub(super) fn new(machine: Machine<'a>) -> Singles<'a> {
        let (at, open, lets) = Default::default();
        Singles { machine, at, open, lets, views: 0 }
    }

    /// Looks for all views; `go_on` hears how many there are and says whether to go on. Whether it came to the end.
    pub(super) fn run(&mut self, mut go_on: impl FnMut(u64, usize) -> bool) -> bool {
        let (shared, users) = self.machine.start();
        users.into_iter().for_each(|user| self.add(shared, user));
        while let Some((shared, user)) = self.open.pop() {
            self.from(shared, user);
            if !go_on(self.views, self.open.len()) {
                return false;
            }
        }
        true
    }

    fn at(&mut self, shared: SharedId) -> &mut At {
        let at = shared as usize;
        if self.at.len() <= at {
            self.at.resize_with(at + 1, At::default);
        }
        &mut self.at[at]
    }

    fn add(&mut self, shared: SharedId, user: UserId) {
        if self.machine.is_gone(user) {
            return;
        }
        let at = self.at(shared);
        if set(&mut at.has, user as usize) {
            at.users.push(user);
            self.views += 1;
            self.open.push((shared, user));
        }
    }

    fn from(&mut self, shared: SharedId, user: UserId) {
        // What the others do.
        for change in self.at(shared).in_order.clone() {
            self.beside(shared, user, change);
        }
        // What it does itself.
        for step in self.machine.moves(shared, user).iter() {
            self.add(step.shared, step.user);
            if step.shared != shared || step.beside != Beside::Nothing {
                let share = self.machine.share_of(user);
                self.change(shared, (step.shared, step.needs, step.beside, share));
            }
        }
        self.takes(shared, user);
    }

    /// A change is there, for all that stand in that state.
    fn change(&mut self, shared: SharedId, change: Change) {
        let at = self.at(shared);
        if at.changes.insert(change) {
            at.in_order.push(change);
            for user in at.users.clone() {
                self.beside(shared, user, change);
            }
        }
    }

    fn beside(&mut self, shared: SharedId, user: UserId, (to, needs, beside, mover): Change) {
        let share = self.machine.share_of(user);
        let machine = &self.machine;
        let lets = *self.lets.entry((share, mover, needs)).or_insert_with(|| {
            let (share, mover) = (machine.share(share), machine.share(mover));
            let together = mover.locks.iter().all(|&(lock, _, mode)| !share.excludes(lock, mode));
            together && needs.allowed_by(share)
        });
        if lets {
            let user = self.machine.looks_on(shared, user, beside);
            self.add(to, user);
        }
    }

    fn takes(&mut self, shared: SharedId, user: UserId) {
        let (takes, listed) = (self.machine.may_take(user), self.machine.has_listed(user));
        if !takes && !listed {
            return;
        }
        let at = self.at(shared);
        at.takers.extend(takes.then_some(user));
        at.listed.extend(listed.then_some(user));
        let from = if takes { at.listed.clone() } else { Vec::new() };
        let by = if listed { at.takers.clone() } else { Vec::new() };
        let pairs =
            from.into_iter().map(|from| (user, from)).chain(by.into_iter().map(|by| (by, user)));
        for (by, from) in pairs.collect::<Vec<_>>() {
            for taken in self.machine.takes(shared, by, from) {
                self.add(shared, taken.user);
                self.add(shared, taken.other);
            }
        }
    }

    /// Whether it has a view.
    #[cfg(test)]
    pub(super) fn has(&self, shared: SharedId, user: UserId) -> bool {
        self.at.get(shared as usize).is_some_and(|at| super::bits::bit(&at.has, user as usize))
    }

    /// How many shared states there are.
    pub(super) fn shared_states(&self) -> usize {
        self.at.iter().filter(|at| !at.users.is_empty()).count()
    }
}
