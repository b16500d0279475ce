//! The real locks, what a thread holds of them, and the pauses between its steps.

use diolock::op::{LockName, MAX_PAGES, Mode, TaskId};
use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::hint::spin_loop;
use std::thread;
use std::time::Duration;

/// The locks of one inode. As guards do not leave the thread that took them, parking_lot sees who
/// owns what.
#[derive(Default)]
pub struct Locks {
    aio_mutex: Mutex<()>,
    i_mutex: Mutex<()>,
    i_rwsem: RwLock<()>,
    mmap_sem: RwLock<()>,
    i_mmap_sem: RwLock<()>,
    invalidate_lock: RwLock<()>,
    sync: Mutex<()>,
    pages: [Mutex<()>; MAX_PAGES as usize],
    i_data_sem: RwLock<()>,
    completed_io_lock: Mutex<()>,
    dio_unwritten_wq: Mutex<()>,
}

/// A real lock, held.
#[allow(dead_code, reason = "guards are kept for their drop")]
pub enum Guard<'a> {
    Mutex(MutexGuard<'a, ()>),
    Read(RwLockReadGuard<'a, ()>),
    Write(RwLockWriteGuard<'a, ()>),
}

enum Kind<'a> {
    Mutex(&'a Mutex<()>),
    RwSem(&'a RwLock<()>),
}

impl Locks {
    fn kind(&self, lock: LockName) -> Kind<'_> {
        match lock {
            LockName::AioMutex => Kind::Mutex(&self.aio_mutex),
            LockName::IMutex => Kind::Mutex(&self.i_mutex),
            LockName::IRwsem => Kind::RwSem(&self.i_rwsem),
            LockName::MmapSem => Kind::RwSem(&self.mmap_sem),
            LockName::IMmapSem => Kind::RwSem(&self.i_mmap_sem),
            LockName::InvalidateLock => Kind::RwSem(&self.invalidate_lock),
            LockName::ISync => Kind::Mutex(&self.sync),
            LockName::PageLock(page) => Kind::Mutex(&self.pages[usize::from(page)]),
            LockName::IDataSem => Kind::RwSem(&self.i_data_sem),
            LockName::CompletedIoLock => Kind::Mutex(&self.completed_io_lock),
            LockName::DioUnwrittenWq => Kind::Mutex(&self.dio_unwritten_wq),
        }
    }

    /// Takes a lock, waiting for it.
    pub fn lock(&self, lock: LockName, mode: Mode) -> Guard<'_> {
        match (self.kind(lock), mode) {
            (Kind::Mutex(mutex), _) => Guard::Mutex(mutex.lock()),
            (Kind::RwSem(sem), Mode::Shared) => Guard::Read(sem.read()),
            (Kind::RwSem(sem), Mode::Exclusive) => Guard::Write(sem.write()),
        }
    }

    /// Takes a rwsem for reading, unless that takes too long.
    pub fn read_for(&self, lock: LockName, time: Duration) -> Option<Guard<'_>> {
        match self.kind(lock) {
            Kind::Mutex(_) => None,
            Kind::RwSem(sem) => sem.try_read_for(time).map(Guard::Read),
        }
    }

    /// Takes a lock if that needs no waiting.
    pub fn try_lock(&self, lock: LockName, mode: Mode) -> Option<Guard<'_>> {
        match (self.kind(lock), mode) {
            (Kind::Mutex(mutex), _) => mutex.try_lock().map(Guard::Mutex),
            (Kind::RwSem(sem), Mode::Shared) => sem.try_read().map(Guard::Read),
            (Kind::RwSem(sem), Mode::Exclusive) => sem.try_write().map(Guard::Write),
        }
    }
}

impl Guard<'_> {
    fn is(&self, mode: Mode) -> bool {
        match self {
            Guard::Read(_) => mode == Mode::Shared,
            Guard::Mutex(_) | Guard::Write(_) => mode == Mode::Exclusive,
        }
    }
}

/// What a thread holds.
#[derive(Default)]
pub struct Held<'a>(Vec<(LockName, Guard<'a>)>);

impl<'a> Held<'a> {
    /// Keeps a lock.
    pub fn push(&mut self, lock: LockName, guard: Guard<'a>) {
        self.0.push((lock, guard));
    }

    /// Lets a lock go; one that is not held is rule R3's business.
    pub fn release(&mut self, lock: LockName, mode: Mode) {
        if let Some(at) = self.0.iter().rposition(|h| h.0 == lock && h.1.is(mode)) {
            self.0.remove(at);
        }
    }

    /// Turns an exclusive hold into a shared one.
    pub fn downgrade(&mut self, lock: LockName) {
        let writes = |h: &(LockName, Guard<'_>)| h.0 == lock && matches!(h.1, Guard::Write(_));
        if let Some(at) = self.0.iter().position(writes)
            && let (lock, Guard::Write(guard)) = self.0.remove(at)
        {
            self.0.push((lock, Guard::Read(RwLockWriteGuard::downgrade(guard))));
        }
    }
}

/// Short random pauses, so that steps of different threads meet in many orders.
pub struct Noise(u64);

impl Noise {
    /// The pauses of one task in one execution.
    pub fn new(seed: u64, task: TaskId) -> Noise {
        Noise(seed ^ u64::from(task) << 56)
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Nothing, a spin or a yield.
    pub fn pause(&mut self) {
        let random = self.next();
        match random % 8 {
            0..=2 => {}
            3..=5 => (0..random >> 8 & 0x7f).for_each(|_| spin_loop()),
            6 => (0..random >> 8 & 0x3ff).for_each(|_| spin_loop()),
            _ => thread::yield_now(),
        }
    }
}
