//! The steps of one user among others of whom only this is known: that each of them lets the step happen.

use super::needs::Needs;
use super::scene::{Scene, Template};
use super::user::User;
use crate::numbers::Interner;
use crate::program::Event;
use crate::rule::{UserRecord, Violation, Written, judge_among};
use diolock::inode::{Inode, Share, TASKS};
use diolock::op::{Content, LockName, Op, Outcome, PageNo, PhysicalBlock, TaskId};
use diolock::task::{Place, Task};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// What all share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Shared {
    pub(super) inode: Inode,
    pub(super) written: Written,
    /// Of the exposed locks those that somebody holds alone.
    pub(super) alone: Vec<LockName>,
}

/// The number of a shared state.
pub(super) type SharedId = u32;
/// The number of a user.
pub(super) type UserId = u32;

/// A step of a user, and what becomes of it and of what is shared.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) needs: Needs,
    pub(super) shared: SharedId,
    pub(super) user: UserId,
    /// What it does to those who look on.
    pub(super) beside: Beside,
    /// Blocks that were freed.
    pub(super) freed: Vec<PhysicalBlock>,
    pub(super) broken: Vec<Violation>,
}

/// What a step does to others than who takes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Beside {
    /// Nothing.
    Nothing,
    /// The page left the cache: those who have found it keep it.
    PageLeft(PageNo),
    /// `cur_aio_dio` points at another's io_end from now on, or at none.
    SlotTaken,
}

/// How much is followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Follow {
    /// What the rules need.
    Rules,
    /// What is held and waited for: not what blocks and pages hold.
    Locks,
}

/// All that was met so far, by numbers.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) scene: &'a Scene,
    pub(super) follow: Follow,
    pub(super) shared: Interner<Shared>,
    pub(super) users: Interner<User>,
    /// Why what was found is not all there is.
    pub(super) cut: Option<&'static str>,
    moves: FxHashMap<(SharedId, UserId), Arc<[Move]>>,
    pub(super) kept: FxHashMap<(SharedId, UserId, PageNo), UserId>,
    pub(super) shares: Interner<Share>,
    pub(super) ops: Interner<Op>,
    pub(super) outcomes: Interner<Outcome>,
    /// By user.
    known: Vec<Known>,
    pub(super) effects: FxHashMap<(SharedId, u32, TaskId, u32), Arc<[Effect]>>,
    after: FxHashMap<(UserId, TaskId, u32, u32), UserId>,
}

/// What is asked of a user again and again, by numbers.
#[derive(Clone, Copy, Debug)]
struct Known {
    share: u32,
    next: [Option<u32>; TASKS],
    gone: bool,
}

/// What a step does to what is shared and to the share of who takes it.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) needs: Needs,
    pub(super) shared: SharedId,
    pub(super) share: u32,
    pub(super) outcome: u32,
    pub(super) beside: Beside,
    pub(super) freed: Vec<PhysicalBlock>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(scene: &'a Scene, follow: Follow) -> Machine<'a> {
        Machine {
            scene,
            follow,
            shared: Interner::default(),
            users: Interner::default(),
            cut: None,
            moves: FxHashMap::default(),
            kept: FxHashMap::default(),
            shares: Interner::default(),
            ops: Interner::default(),
            outcomes: Interner::default(),
            known: Vec::new(),
            effects: FxHashMap::default(),
            after: FxHashMap::default(),
        }
    }

    /// The file and the users at the start.
    pub(super) fn start(&mut self) -> (SharedId, Vec<UserId>) {
        let mut inode = self.scene.start.clone().shared();
        self.merge(&mut inode);
        let written = match self.follow {
            Follow::Rules => self.scene.written.clone(),
            Follow::Locks => Written::default(),
        };
        let shared = self.shared.number(Shared { inode, written, alone: Vec::new() });
        let users = self.scene.templates.iter().enumerate().map(|(template, made)| User {
            template,
            call: made.call.clone(),
            completion: made.completion.clone(),
            share: Share::default(),
            record: UserRecord::default(),
        });
        (shared, users.collect::<Vec<_>>().into_iter().map(|user| self.number(user)).collect())
    }

    /// What differs by nothing that a rule or a step asks for is one.
    pub(super) fn merge(&self, inode: &mut Inode) {
        match self.follow {
            Follow::Locks => inode.change_contents(|_| Content::Zero),
            // Whose data is no matter, nor whether it is zeros: only whether it was ever the file's.
            Follow::Rules => inode.change_contents(|held| match held {
                Content::Stale | Content::Foreign => held,
                Content::Initial | Content::Of(_) | Content::Zero => Content::Zero,
            }),
        }
    }

    pub(super) fn template(&self, user: &User) -> &'a Template {
        &self.scene.templates[user.template]
    }

    /// The number of a user.
    pub(super) fn number(&mut self, user: User) -> UserId {
        let id = self.users.number(user);
        if id as usize == self.known.len() {
            let user = Arc::clone(self.users.get(id));
            let next = [0, 1].map(|task| Some(self.ops.number(user.next(task)?)));
            let share = self.shares.number(user.share.clone());
            self.known.push(Known { share, next, gone: user.gone() });
        }
        id
    }

    /// Every user that was met.
    pub(super) fn all_users(&self) -> std::ops::Range<UserId> {
        0..self.users.len() as UserId
    }

    /// Whether a user has returned, and nothing is left of it.
    pub(super) fn is_gone(&self, user: UserId) -> bool {
        self.known[user as usize].gone
    }

    /// The number of what a user has of the inode.
    pub(super) fn share_of(&self, user: UserId) -> u32 {
        self.known[user as usize].share
    }

    /// What has that number.
    pub(super) fn share(&self, share: u32) -> &Share {
        self.shares.get(share)
    }

    /// The steps that a user may take.
    pub(super) fn moves(&mut self, shared: SharedId, user: UserId) -> Arc<[Move]> {
        if let Some(moves) = self.moves.get(&(shared, user)) {
            return Arc::clone(moves);
        }
        let mut moves = Vec::new();
        for task in 0..TASKS as TaskId {
            let known = self.known[user as usize];
            let Some(op) = known.next[usize::from(task)] else { continue };
            for effect in self.effects(shared, known.share, task, op).iter() {
                moves.push(match self.follow {
                    Follow::Rules => self.judged(shared, user, (task, op), effect),
                    Follow::Locks => self.unjudged(user, (task, op), effect),
                });
            }
        }
        let moves: Arc<[Move]> = moves.into();
        if self.follow == Follow::Rules {
            self.moves.insert((shared, user), Arc::clone(&moves));
        }
        moves
    }

    /// A step of a user, of which only what it holds is followed.
    fn unjudged(&mut self, of: UserId, (task, op): (TaskId, u32), effect: &Effect) -> Move {
        let key = (of, task, effect.share, effect.outcome);
        let user = match self.after.get(&key) {
            Some(&user) => user,
            None => {
                let start = self.scene.start.clone().shared();
                let (user, _, _) =
                    self.next_user(of, (task, op), effect, (&start, &start), &Written::default());
                self.after.insert(key, user);
                user
            }
        };
        Move {
            needs: effect.needs,
            shared: effect.shared,
            user,
            beside: effect.beside,
            freed: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// The same, judged by the rules.
    fn judged(&mut self, at: SharedId, of: UserId, what: (TaskId, u32), effect: &Effect) -> Move {
        let (before, after) =
            (Arc::clone(self.shared.get(at)), Arc::clone(self.shared.get(effect.shared)));
        let inodes = (&before.inode, &after.inode);
        let (user, broken, written) = self.next_user(of, what, effect, inodes, &before.written);
        let shared = match written == after.written {
            true => effect.shared,
            false => self.shared.number(Shared { written, ..Shared::clone(&after) }),
        };
        let (needs, beside, freed) = (effect.needs, effect.beside, effect.freed.clone());
        Move { needs, shared, user, beside, freed, broken }
    }

    /// What becomes of a user, what it breaks, and what is written to blocks then.
    fn next_user(
        &mut self,
        of: UserId,
        (task, op): (TaskId, u32),
        effect: &Effect,
        inodes: (&Inode, &Inode),
        written: &Written,
    ) -> (UserId, Vec<Violation>, Written) {
        let user = Arc::clone(self.users.get(of));
        let (op, outcome) = (self.ops.get(op), self.outcomes.get(effect.outcome));
        let event = Event { task, op: Op::clone(op), outcome: Outcome::clone(outcome) };
        let program = &self.template(&user).program;
        let judged = judge_among(program, &event, inodes, written, (&user.record, &[]));
        let share = Share::clone(self.shares.get(effect.share));
        let mut user = User { share, record: judged.mover, ..User::clone(&user) };
        user.resume(task, &event.op, event.outcome);
        (self.number(user), judged.broken, judged.written)
    }

    /// Where a task of a user stands.
    pub(super) fn place(&self, of: UserId, task: TaskId) -> Option<Place> {
        let user = self.users.get(of);
        user.next(task)?;
        Some(user.task(task)?.place().on(self.scene.kernel.version))
    }
}
