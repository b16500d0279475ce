//! The steps of one user among others of whom only this is known: that each of them lets the step happen.

use super::intern::Interner;
use super::needs::Needs;
use super::scene::{Scene, Template};
use crate::litmus::MAX_BLOCKS;
use crate::program::Event;
use crate::rule::{UserRecord, Violation, Written, judge_among};
use diolock::call::Call;
use diolock::inode::{Inode, Share, TASKS};
use diolock::op::{
    Blocks, Content, IoEnd, LockName, Mode, Op, Outcome, PhysicalBlock, Size, TaskId, WaitQueue,
};
use diolock::task::{Place, Task};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A file that is longer than any that can be written down grows without end.
const MOST_BLOCKS: Blocks = MAX_BLOCKS;

/// What all share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Shared {
    pub(super) inode: Inode,
    pub(super) written: Written,
    /// Of the exposed locks those that somebody holds alone.
    pub(super) alone: Vec<LockName>,
}

/// A user: where its tasks stand, what they hold, what the rules remember of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct User {
    /// Which of the scene's calls it makes.
    pub(super) template: usize,
    pub(super) call: Call,
    pub(super) completion: Option<Call>,
    pub(super) share: Share,
    pub(super) record: UserRecord,
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
    PageLeft,
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
    kept: FxHashMap<(SharedId, UserId), UserId>,
    shares: Interner<Share>,
    ops: Interner<Op>,
    outcomes: Interner<Outcome>,
    /// By user.
    known: Vec<Known>,
    effects: FxHashMap<(SharedId, u32, TaskId, u32), Arc<[Effect]>>,
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
struct Effect {
    needs: Needs,
    shared: SharedId,
    share: u32,
    outcome: u32,
    beside: Beside,
    freed: Vec<PhysicalBlock>,
}

/// A step that asks for something of another: that one's io_end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) user: UserId,
    pub(super) other: UserId,
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

    fn template(&self, user: &User) -> &'a Template {
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

    /// What a step does, by whoever takes it that has such a share.
    fn effects(&mut self, at: SharedId, share: u32, task: TaskId, op: u32) -> Arc<[Effect]> {
        if let Some(effects) = self.effects.get(&(at, share, task, op)) {
            return Arc::clone(effects);
        }
        let shared = Arc::clone(self.shared.get(at));
        let (own, what) = (Arc::clone(self.shares.get(share)), Arc::clone(self.ops.get(op)));
        let mut effects = Vec::new();
        if let Some(why) = not_followed(&what) {
            self.cut = Some(why);
            return effects.into();
        }
        for (needs, told) in asks(&own, &what) {
            let free = match needs {
                Needs::Free(lock, _) => !shared.alone.contains(&lock),
                _ => true,
            };
            if !free || !needs.allowed_by(&own) {
                continue;
            }
            let mut inode = shared.inode.with_users(&[&own]);
            let outcome = match told {
                Some(outcome) => outcome,
                None => match inode.perform(task, &what) {
                    Ok(outcome) => outcome,
                    Err(_) => continue,
                },
            };
            let effect = self.effect((&shared, &own), (needs, &what), (inode, outcome));
            effects.extend(effect);
        }
        let effects: Arc<[Effect]> = effects.into();
        self.effects.insert((at, share, task, op), Arc::clone(&effects));
        effects
    }

    fn effect(
        &mut self,
        (shared, own): (&Shared, &Share),
        (needs, op): (Needs, &Op),
        (inode, outcome): (Inode, Outcome),
    ) -> Option<Effect> {
        let page = |inode: &Inode| inode.cached_page().is_some();
        let beside = match op {
            Op::InodeAioSet(_) => Beside::SlotTaken,
            _ if page(&shared.inode) && !page(&inode) => Beside::PageLeft,
            _ => Beside::Nothing,
        };
        let freed = if let Outcome::Freed(freed) = &outcome { freed.clone() } else { Vec::new() };
        let mut shares = [own.clone()];
        let mut inode = inode.take_apart(&mut shares, 0);
        let [mut share] = shares;
        if inode.size().max(inode.disksize()) > Size::blocks(MOST_BLOCKS)
            || inode.extents().mapping().len() > MOST_BLOCKS as usize
        {
            self.cut = Some("the file grows without end");
            return None;
        }
        self.merge(&mut inode);
        let mut alone = shared.alone.clone();
        for &lock in &self.scene.exposed {
            let holds = |share: &Share| {
                share.locks.iter().any(|held| held.0 == lock && held.2 == Mode::Exclusive)
            };
            match (holds(own), holds(&share)) {
                (false, true) => alone.push(lock),
                (true, false) => alone.retain(|&held| held != lock),
                _ => {}
            }
        }
        alone.sort_unstable();
        if self.follow == Follow::Locks {
            share.forget_pages();
        }
        // What is written is judged with the user's own record, and filled in there.
        let written = shared.written.clone();
        let shared = self.shared.number(Shared { inode, written, alone });
        let (share, outcome) = (self.shares.number(share), self.outcomes.number(outcome));
        Some(Effect { needs, shared, share, outcome, beside, freed })
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

    /// A user who looked on.
    pub(super) fn looks_on(&mut self, at: SharedId, of: UserId, beside: Beside) -> UserId {
        match beside {
            Beside::Nothing => of,
            Beside::PageLeft => self.keeps(at, of),
            Beside::SlotTaken if self.users.get(of).share.slot.is_none() => of,
            Beside::SlotTaken => {
                let mut user = User::clone(self.users.get(of));
                user.share.slot = None;
                self.number(user)
            }
        }
    }

    /// The page has gone that it may have found.
    fn keeps(&mut self, at: SharedId, of: UserId) -> UserId {
        if let Some(&kept) = self.kept.get(&(at, of)) {
            return kept;
        }
        let user = self.users.get(of);
        let mut users = [user.share.clone()];
        // Whoever lets it go, what becomes of those who found it is the same.
        let mut inode = self.shared.get(at).inode.with_users(&[&user.share]);
        let drop = Op::PageTruncate(diolock::op::Size::ZERO, diolock::op::PAGE_BLOCKS);
        let _ = inode.perform(0, &drop);
        inode.take_apart(&mut users, 0);
        let [share] = users;
        let user = User { share, ..User::clone(self.users.get(of)) };
        let kept = self.number(user);
        self.kept.insert((at, of), kept);
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

    /// Where a task of a user stands.
    pub(super) fn place(&self, of: UserId, task: TaskId) -> Option<Place> {
        let user = self.users.get(of);
        user.next(task)?;
        Some(user.task(task)?.place().on(self.scene.kernel.version))
    }
}

impl User {
    pub(super) fn task(&self, task: TaskId) -> Option<&Call> {
        if task == 0 { Some(&self.call) } else { self.completion.as_ref() }
    }

    /// The next step of one of its tasks.
    pub(super) fn next(&self, task: TaskId) -> Option<Op> {
        self.task(task)?.next()
    }

    /// Whether its completion has begun.
    pub(super) fn submitted(&self) -> bool {
        self.completion.as_ref().is_some_and(Call::started)
    }

    /// Whether both its tasks have returned.
    pub(super) fn over(&self) -> bool {
        self.next(0).is_none() && self.next(1).is_none()
    }

    /// Whether it is over and nothing is left of it.
    pub(super) fn gone(&self) -> bool {
        self.over() && self.share.is_free() && self.record.is_free()
    }

    pub(super) fn resume(&mut self, task: TaskId, op: &Op, outcome: Outcome) {
        let (mover, child) = match task {
            0 => (Some(&mut self.call), self.completion.as_mut()),
            _ => (self.completion.as_mut(), None),
        };
        if let Some(mover) = mover {
            mover.resume(outcome);
        }
        if let (Op::Submit(_, submission), Some(child)) = (op, child) {
            child.submit(submission.clone());
        }
        if self.next(task).is_none() {
            self.share.forget_page_of(task);
        }
    }
}

/// Why a step is not followed, if it is not.
fn not_followed(op: &Op) -> Option<&'static str> {
    Some(match op {
        Op::WaitJoin(_)
        | Op::WaitLook(_)
        | Op::WaitWake(_)
        | Op::WaitSleep(_)
        | Op::WaitLeave(_)
        | Op::CountDecAndTest(..) => "a wait queue is taken apart",
        Op::Queue(_) => "who waits in which order is not followed",
        _ => return None,
    })
}

/// What a step asks of the others, with what it is told where that is not what it would be told alone. Whether a
/// lock can be had without waiting, and whether a counter is 0, depends on others of whom nothing is known: a step
/// may always be told that it is not so.
fn asks(own: &Share, op: &Op) -> Vec<(Needs, Option<Outcome>)> {
    let one = |needs| vec![(needs, None)];
    match *op {
        Op::Lock(lock, mode) => one(Needs::Free(lock, mode)),
        Op::LockByRequeue(lock) => one(Needs::Free(lock, Mode::Exclusive)),
        Op::TryLock(lock, mode) => {
            vec![(Needs::Free(lock, mode), None), (Needs::Nothing, Some(Outcome::Flag(false)))]
        }
        Op::DioWait => one(Needs::NoDio),
        Op::UnwrittenWait => one(Needs::NoUnwritten),
        Op::IoendWait(whose) => one(Needs::NoIoEnd(whose)),
        Op::CommitWait => one(Needs::NoHandle),
        Op::CountRead(queue) => {
            let none = if queue == WaitQueue::Dio { Needs::NoDio } else { Needs::NoUnwritten };
            vec![(none, Some(Outcome::Value(0))), (Needs::Nothing, Some(Outcome::Value(1)))]
        }
        // The list of all: one's own first, if there is one; another's are looked for elsewhere.
        Op::ListTake(None) if own.listed.is_empty() => one(Needs::NothingListed),
        _ => one(Needs::Nothing),
    }
}
