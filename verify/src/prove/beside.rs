//! What a step does to others than who takes it: a page that they have found leaves, their io_end is taken.

use super::machine::{Beside, Machine, SharedId, UserId};
use super::user::User;
use crate::program::Event;
use crate::rule::judge_among;
use diolock::inode::TASKS;
use diolock::op::{IoEnd, Op, Outcome, PageNo, PhysicalBlock, Range, Size, TaskId};
use std::sync::Arc;

/// What becomes of two users if one takes an io_end of the other off the list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) user: UserId,
    pub(super) other: UserId,
}

impl Machine<'_> {
    /// A user who looked on.
    pub(super) fn looks_on(&mut self, at: SharedId, of: UserId, beside: Beside) -> UserId {
        match beside {
            Beside::Nothing => of,
            Beside::PageLeft(page) => self.keeps(at, of, page),
            Beside::SlotTaken if self.users.get(of).share.slot.is_none() => of,
            Beside::SlotTaken => {
                let mut user = User::clone(self.users.get(of));
                user.share.slot = None;
                self.number(user)
            }
        }
    }

    /// The page has gone that it may have found.
    fn keeps(&mut self, at: SharedId, of: UserId, page: PageNo) -> UserId {
        if let Some(&kept) = self.kept.get(&(at, of, page)) {
            return kept;
        }
        let user = self.users.get(of);
        let mut users = [user.share.clone()];
        // Whoever lets it go, what becomes of those who found it is the same.
        let mut inode = self.shared.get(at).inode.with_users(&[&user.share]);
        let all = Range::of_page(page, inode.paging());
        let drop = Op::PageTruncate(page, Size::blocks(all.start), all.end());
        let _ = inode.perform(0, &drop);
        inode.take_apart(&mut users, 0);
        let [share] = users;
        let user = User { share, ..User::clone(self.users.get(of)) };
        let kept = self.number(user);
        self.kept.insert((at, of, page), kept);
        kept
    }

    /// Whether a task of it is about to take the first io_end off the list.
    pub(super) fn may_take(&self, of: UserId) -> bool {
        let user = self.users.get(of);
        (0..TASKS as TaskId).any(|task| user.next(task) == Some(Op::ListTake(None)))
    }

    /// Whether it has an io_end on the list.
    pub(super) fn has_listed(&self, of: UserId) -> bool {
        !self.users.get(of).share.listed.is_empty()
    }

    /// Whether a step of it may take an io_end of another off the list, and what becomes of both.
    pub(super) fn takes(&mut self, at: SharedId, of: UserId, from: UserId) -> Vec<Taken> {
        if !self.has_listed(from) {
            return Vec::new();
        }
        let (user, other) = (Arc::clone(self.users.get(of)), Arc::clone(self.users.get(from)));
        let asks = |&task: &TaskId| user.next(task) == Some(Op::ListTake(None));
        let mut taken = Vec::new();
        for task in (0..TASKS as TaskId).filter(asks) {
            if user.share.unwritten > 1 {
                self.cut = Some("a worker takes any number of io_ends off the list at once");
                return taken;
            }
            let shared = Arc::clone(self.shared.get(at));
            for (place, io_end) in other.share.listed.iter().enumerate() {
                let mut other = User::clone(&other);
                let mut user = User::clone(&user);
                other.share.listed.remove(place);
                let told = IoEnd { task: io_end.task + TASKS as TaskId, ..*io_end };
                let (op, outcome) = (Op::ListTake(None), Outcome::IoEnd(Some(told)));
                let event = Event { task, op: op.clone(), outcome: outcome.clone() };
                let judged = judge_among(
                    &self.template(&user).program,
                    &event,
                    (&shared.inode, &shared.inode),
                    &shared.written,
                    (&user.record, &[&other.record]),
                );
                let counted = judged.others[0] != other.record;
                user.share.take_over(&mut other.share, counted);
                user.record = judged.mover;
                other.record = judged.others[0].clone();
                user.resume(task, &op, outcome);
                let (user, other) = (self.number(user), self.number(other));
                taken.push(Taken { user, other });
            }
        }
        taken
    }

    /// Whether a step that frees these blocks does so under the I/O of another.
    pub(super) fn frees_under(&self, freed: &[PhysicalBlock], other: UserId) -> bool {
        self.users.get(other).record.flies_to(freed)
    }
}
