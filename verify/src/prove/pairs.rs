//! Every pair of users that can stand in one state beside any number of others: view abstraction with views of two.

use super::bits::{bit, both, set};
use super::machine::{Beside, Machine, Move, SharedId, UserId};
use crate::rule::RuleId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Two users in one shared state, the smaller number first.
pub(super) type View = (SharedId, [UserId; 2]);

/// The users that stand in one shared state, and which two of them do so at once.
#[derive(Debug, Default)]
struct At {
    users: Vec<UserId>,
    places: FxHashMap<UserId, usize>,
    /// By place: a bit for each other's place.
    with: Vec<Vec<u64>>,
    /// The places of those that have a step which changes what is shared.
    changers: Vec<u64>,
}

impl At {
    fn place(&mut self, user: UserId) -> usize {
        let new = self.users.len();
        let place = *self.places.entry(user).or_insert(new);
        if place == new {
            self.users.push(user);
            self.with.push(Vec::new());
        }
        place
    }
}

/// A rule that a view breaks.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// What happens.
    pub(super) text: String,
    /// Where.
    pub(super) view: View,
}

/// The search.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    pub(super) machine: Machine<'a>,
    at: FxHashMap<SharedId, At>,
    open: Vec<View>,
    pub(super) broken: BTreeMap<RuleId, Broken>,
    pub(super) views: u64,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(machine: Machine<'a>) -> Pairs<'a> {
        Pairs {
            machine,
            at: FxHashMap::default(),
            open: Vec::new(),
            broken: BTreeMap::new(),
            views: 0,
        }
    }

    /// Looks for all views; `on_view` hears how many there are and says whether to go on. Whether it came to the end.
    pub(super) fn run(&mut self, mut go_on: impl FnMut(u64, usize) -> bool) -> bool {
        let (shared, users) = self.machine.start();
        for &a in &users {
            for &b in &users {
                self.add(shared, [a, b]);
            }
        }
        while let Some(view) = self.open.pop() {
            self.from(view);
            if !go_on(self.views, self.open.len()) {
                return false;
            }
        }
        true
    }

    /// Whether it has a view.
    #[cfg(test)]
    pub(super) fn has(&self, shared: SharedId, [a, b]: [UserId; 2]) -> bool {
        let Some(at) = self.at.get(&shared) else { return false };
        let (Some(&a), Some(&b)) = (at.places.get(&a), at.places.get(&b)) else { return false };
        bit(&at.with[a], b)
    }

    /// How many shared states there are.
    pub(super) fn shared_states(&self) -> usize {
        self.at.len()
    }

    fn add(&mut self, shared: SharedId, [a, b]: [UserId; 2]) {
        if self.machine.is_gone(a) || self.machine.is_gone(b) {
            return;
        }
        let at = self.at.entry(shared).or_default();
        let (first, second) = (at.place(a), at.place(b));
        if !set(&mut at.with[first], second) {
            return;
        }
        set(&mut at.with[second], first);
        self.views += 1;
        let view = (shared, [a.min(b), a.max(b)]);
        self.open.push(view);
    }

    /// The users that may stand beside both of a view.
    fn beside(&self, (shared, [a, b]): View) -> Vec<UserId> {
        let Some(at) = self.at.get(&shared) else { return Vec::new() };
        let (a, b) = (at.places[&a], at.places[&b]);
        both(&at.with[a], &at.with[b]).into_iter().map(|place| at.users[place]).collect()
    }

    /// Those of them that change what is shared.
    fn changers_beside(&self, (shared, [a, b]): View) -> Vec<UserId> {
        let Some(at) = self.at.get(&shared) else { return Vec::new() };
        let (a, b) = (at.places[&a], at.places[&b]);
        let changes = |&place: &usize| bit(&at.changers, place);
        both(&at.with[a], &at.with[b]).into_iter().filter(changes).map(|p| at.users[p]).collect()
    }

    fn from(&mut self, view: View) {
        let (shared, [a, b]) = view;
        for (mover, other) in [(a, b), (b, a)] {
            self.member_moves(view, mover, other);
            if a == b {
                break;
            }
        }
        // Whoever stands beside both may change what is shared, too.
        for changer in self.changers_beside(view) {
            for step in self.machine.moves(shared, changer).iter() {
                self.outsider(view, step);
            }
        }
    }

    fn member_moves(&mut self, view: View, mover: UserId, other: UserId) {
        let shared = view.0;
        let moves = self.machine.moves(shared, mover);
        let changes =
            moves.iter().any(|step| step.shared != shared || step.beside != Beside::Nothing);
        if changes && let Some(at) = self.at.get_mut(&shared) {
            let place = at.place(mover);
            set(&mut at.changers, place);
        }
        for step in moves.iter() {
            self.judge(view, step, other);
            if self.lets(step, other) {
                let other = self.looks_on(shared, other, step);
                self.add(step.shared, [step.user, other]);
            }
        }
        if changes {
            // The other one beside each that may stand beside both, when this one moves.
            for third in self.beside(view) {
                for step in moves.iter() {
                    self.outsider((shared, [other, third]), step);
                }
            }
        }
        for taken in self.machine.takes(shared, mover, other) {
            self.add(shared, [taken.user, taken.other]);
            for third in self.beside(view) {
                self.add(shared, [taken.user, third]);
                self.add(shared, [taken.other, third]);
            }
        }
        // Of the io_end of somebody else, or somebody else of this one's.
        for third in self.beside(view) {
            let taken = [(mover, third), (third, mover)];
            let taken = taken.map(|(by, of)| self.machine.takes(shared, by, of));
            for taken in taken.into_iter().flatten() {
                self.add(shared, [taken.user, other]);
                self.add(shared, [taken.other, other]);
                self.add(shared, [taken.user, taken.other]);
            }
        }
    }

    fn lets(&self, step: &Move, other: UserId) -> bool {
        step.needs.allowed_by(&self.machine.users.get(other).share)
    }

    fn looks_on(&mut self, shared: SharedId, other: UserId, step: &Move) -> UserId {
        self.machine.looks_on(shared, other, step.beside)
    }

    /// A step of somebody whom the view does not show.
    fn outsider(&mut self, view: View, step: &Move) {
        let (shared, [a, b]) = view;
        let changes = step.shared != shared || step.beside != Beside::Nothing;
        if !changes || !self.lets(step, a) || !self.lets(step, b) {
            return;
        }
        let (a, b) = (self.looks_on(shared, a, step), self.looks_on(shared, b, step));
        self.add(step.shared, [a, b]);
    }

    fn judge(&mut self, view: View, step: &Move, other: UserId) {
        if !self.lets(step, other) {
            return;
        }
        for violation in &step.broken {
            let broken = Broken { text: violation.text.clone(), view };
            self.broken.entry(violation.rule).or_insert(broken);
        }
        if !step.freed.is_empty() && self.machine.frees_under(&step.freed, other) {
            let text = "a block was freed while I/O of another to it was in flight".to_owned();
            self.broken.entry(RuleId::R4).or_insert(Broken { text, view });
        }
    }
}
