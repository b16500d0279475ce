//! The inode as what everybody shares, and what each of its users has of it: a lock that it holds, its
//! reference to a counter, its handle. A counter is the sum of what its users have of it, so that a state of any
//! number of users can be put together from a few.

use super::{Inode, Page};
use crate::inode_lock::{Counter, RwSem};
use crate::op::{Content, IoEnd, LockName, Mode, PageNo, Private, TaskId};

/// A user's tasks: a call and its completion.
pub const TASKS: usize = 2;

/// What one user has of the inode. Its tasks are numbered from 0.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Share {
    /// The locks that it holds, and which of its tasks does.
    pub locks: Vec<(LockName, TaskId, Mode)>,
    /// References to `i_dio_count`.
    pub dio: i8,
    /// Its part of `i_unwritten`.
    pub unwritten: i8,
    /// Its part of each `i_ioend_count`.
    pub io_ends: [i8; 2],
    /// Journal handles.
    pub handles: u8,
    /// Its io_ends on `i_completed_io_list`.
    pub listed: Vec<IoEnd>,
    /// `cur_aio_dio` points at the io_end of this task of it.
    pub slot: Option<TaskId>,
    private: [Private; TASKS],
    io_end_puts: [u8; TASKS],
    dio_puts: [u8; TASKS],
    /// The pages that are there and that its tasks have found, and what they keep of those that have left.
    found: [Vec<PageNo>; TASKS],
    gone: [Vec<(PageNo, Page)>; TASKS],
}

impl Share {
    /// Whether it has nothing left that another could wait for.
    pub fn is_free(&self) -> bool {
        self.locks.is_empty()
            && (self.dio, self.unwritten, self.io_ends, self.handles) == (0, 0, [0; 2], 0)
            && self.listed.is_empty()
    }

    /// Whether it holds a lock in a mode that excludes this one.
    pub fn excludes(&self, lock: LockName, mode: Mode) -> bool {
        let alone = |held: Mode| held == Mode::Exclusive || mode == Mode::Exclusive;
        self.locks.iter().any(|&(held, _, how)| held == lock && alone(how))
    }

    /// What is kept of a page that it found stands for nothing any more.
    pub fn forget_pages(&mut self) {
        (self.found, self.gone) = Default::default();
    }

    /// As one of its tasks ends.
    pub fn forget_page_of(&mut self, task: TaskId) {
        self.found[usize::from(task)].clear();
        self.gone[usize::from(task)].clear();
    }

    /// An io_end that it takes over from another, with its reference and its part of `i_unwritten`.
    pub fn take_over(&mut self, from: &mut Share, counted: bool) {
        let (dio, unwritten) = (i8::from(counted), 1);
        self.dio += dio;
        from.dio -= dio;
        self.unwritten += unwritten;
        from.unwritten -= unwritten;
    }
}

impl Inode {
    /// What is shared, of an inode that nobody uses.
    #[must_use]
    pub fn shared(mut self) -> Inode {
        self.guards.locks = Default::default();
        self.guards.page_locks.fill(RwSem::default());
        self.guards.dio_count = Counter::default();
        self.guards.unwritten = Counter::default();
        self.guards.io_ends = Default::default();
        while self.guards.journal.updates() > 0 {
            self.guards.journal.stop();
        }
        self.guards.completed.clear();
        self.guards.private.clear();
        self.guards.io_end_puts.clear();
        self.guards.dio_puts.clear();
        self.guards.queues = Default::default();
        self.file.cache.forget_finders();
        // Whose it is its user knows.
        self.guards.aio = self.guards.aio.map(|_| 0);
        self
    }

    /// With these users: the tasks of user `n` are `2 n` and `2 n + 1`.
    #[must_use]
    pub fn with_users(&self, users: &[&Share]) -> Inode {
        let mut inode = self.clone();
        let owners = (0..).step_by(TASKS).zip(users).filter_map(|(first, u)| Some(first + u.slot?));
        let stranger = (TASKS * users.len()) as TaskId + 1;
        inode.guards.aio = self.guards.aio.map(|_| owners.last().unwrap_or(stranger));
        for (first, share) in (0..).step_by(TASKS).zip(users) {
            for &(lock, task, mode) in &share.locks {
                // Shares that exclude each other are never put together.
                inode.lock_mut(lock).try_take(first + task, mode);
            }
            inode.guards.dio_count.add(share.dio);
            inode.guards.unwritten.add(share.unwritten);
            for (count, part) in inode.guards.io_ends.iter_mut().zip(share.io_ends) {
                count.add(part);
            }
            (0..share.handles).for_each(|_| inode.guards.journal.start());
            let listed = share.listed.iter().map(|io| IoEnd { task: first + io.task, ..*io });
            inode.guards.completed.extend(listed);
            inode.guards.private.extend(share.private);
            inode.guards.io_end_puts.extend(share.io_end_puts);
            inode.guards.dio_puts.extend(share.dio_puts);
            for (task, (found, gone)) in (first..).zip(share.found.iter().zip(&share.gone)) {
                inode.file.cache.keep(task, found, gone);
            }
        }
        inode
    }

    /// After a step of user `who`: what is shared, and what its users have of it. Counters change by
    /// their steps alone.
    pub fn take_apart(self, users: &mut [Share], who: usize) -> Inode {
        let others = || users.iter().enumerate().filter(|user| user.0 != who).map(|user| user.1);
        let dio = self.guards.dio_count.get() - others().map(|share| share.dio).sum::<i8>();
        let unwritten =
            self.guards.unwritten.get() - others().map(|share| share.unwritten).sum::<i8>();
        let handles =
            self.guards.journal.updates() - others().map(|share| share.handles).sum::<u8>();
        let io_ends = [0, 1].map(|whose| {
            self.guards.io_ends[whose].get()
                - others().map(|share| share.io_ends[whose]).sum::<i8>()
        });
        if let Some(share) = users.get_mut(who) {
            *share = Share { dio, unwritten, handles, io_ends, ..std::mem::take(share) };
        }
        for (first, share) in (0..).step_by(TASKS).zip(users.iter_mut()) {
            let own = |task: TaskId| (first..first + TASKS as TaskId).contains(&task);
            let locks = LockName::ALL.into_iter().flat_map(|lock| {
                let held = self.lock(lock).holders().iter().filter(move |held| own(held.0));
                held.map(move |&(task, mode)| (lock, task - first, mode))
            });
            share.locks = locks.collect();
            share.slot = self.guards.aio.filter(|&task| own(task)).map(|task| task - first);
            let listed = self.guards.completed.iter().filter(|io| own(io.task));
            share.listed = listed.map(|io| IoEnd { task: io.task - first, ..*io }).collect();
            for at in 0..TASKS {
                let task = usize::from(first) + at;
                share.private[at] = self.guards.private[task];
                share.io_end_puts[at] = self.guards.io_end_puts[task];
                share.dio_puts[at] = self.guards.dio_puts[task];
                let (found, gone) = self.file.cache.found_by(task as TaskId);
                let gone = gone.into_iter().map(|(page, held)| (page, held.clone()));
                (share.found[at], share.gone[at]) = (found, gone.collect());
            }
        }
        self.shared()
    }

    /// From now on a device block that was freed may come back to the file: there are no more of them than
    /// blocks of the file. Who still had I/O to it was wrong when it was freed.
    #[must_use]
    pub fn reusing_blocks(mut self) -> Inode {
        self.file.extents.reuse();
        self
    }

    /// All that blocks and the page hold is changed by `to`.
    pub fn change_contents(&mut self, to: impl Fn(Content) -> Content) {
        let change = |held: &mut [Content; 2]| *held = held.map(&to);
        (0..self.file.extents.device_blocks())
            .for_each(|b| change(&mut self.file.extents.block_mut(b).halves));
        self.file.cache.change_contents(&to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::{Extent, Op, Paging, Size};

    #[test]
    fn put_together_and_taken_apart_again_it_is_the_same() {
        let file = Inode::new(Size::blocks(1), &[Extent::Written], (1, Paging::default()), 0);
        let shared = file.shared();
        let mut users = vec![Share::default(), Share::default()];
        let steps = [
            (0, Op::Lock(LockName::IRwsem, Mode::Shared)),
            (2, Op::Lock(LockName::IRwsem, Mode::Shared)),
            (3, Op::DioBegin(3)),
            (0, Op::PageFind(0, crate::op::Range { start: 0, len: 1 })),
            (2, Op::PageTruncate(0, Size::ZERO, 8)),
        ];
        let mut apart = shared;
        for (task, op) in steps {
            let mut inode = apart.with_users(&users.iter().collect::<Vec<_>>());
            inode.perform(task, &op).expect("nobody is in the way");
            apart = inode.take_apart(&mut users, usize::from(task) / TASKS);
        }
        assert_eq!(users[0].locks, [(LockName::IRwsem, 0, Mode::Shared)]);
        assert_eq!((users[0].dio, users[1].dio), (0, 1));
        assert!(!users[0].gone[0].is_empty() && users[1].gone[0].is_empty());
        assert!(apart.cache().iter().next().is_none());
        assert!(users[1].excludes(LockName::IRwsem, Mode::Exclusive));
    }
}
