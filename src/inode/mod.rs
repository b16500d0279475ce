//! The reference semantics: one inode, and what each step does to it.

mod blocked;
mod extents;
mod halves;
mod page;
mod page_cache;
mod page_steps;
mod part;
mod perform;
mod start;
mod users;

pub use blocked::Blocked;
pub use extents::{Block, Extents};
pub use halves::{FileState, Guards, Half};
pub use page::Page;
pub use page_cache::PageCache;
pub use users::{Share, TASKS};

use crate::inode_lock::{Counter, Journal, RwSem};
use crate::op::{
    Access, Caller, Content, IoEnd, LockName, MapFor, Object, Op, Owner, Paging, Range, Size,
    TaskId, WaitQueue, freed,
};

/// One inode: everything its tasks share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inode {
    guards: Guards,
    file: FileState,
}

impl Inode {
    /// Its halves.
    pub fn halves(self) -> (Guards, FileState) {
        (self.guards, self.file)
    }

    /// Of its halves.
    pub fn of(guards: Guards, file: FileState) -> Inode {
        Inode { guards, file }
    }

    /// `i_size` and `i_disksize`.
    pub fn sizes(&self) -> (Size, Size) {
        (self.file.size, self.file.disksize)
    }

    /// A lock's state.
    pub fn lock(&self, lock: LockName) -> &RwSem {
        self.guards.lock(lock)
    }

    /// Whether there is such a lock: each page that is followed has one.
    pub fn has_lock(&self, lock: LockName) -> bool {
        !matches!(lock, LockName::PageLock(page) if page >= self.paging().pages())
    }

    fn lock_mut(&mut self, lock: LockName) -> &mut RwSem {
        self.guards.lock_mut(lock)
    }

    /// Gives a task a reference before it starts.
    pub fn give(&mut self, queue: WaitQueue) {
        self.counter_mut(queue).begin();
    }

    /// Gives an inode an io_end before the start; what it wrote is on the device.
    pub fn give_io_end(&mut self, whose: Owner, written: Option<(TaskId, Range)>) {
        self.guards.io_ends[whose as usize].begin();
        let Some((task, range)) = written else { return };
        for block in self.file.extents.mapped(range) {
            self.file.extents.block_mut(block).halves = [Content::Of(Caller { task, call: 0 }); 2];
        }
    }

    /// What is held, or is closed: a lock, a journal handle, the gate.
    pub fn held(&self) -> Option<&'static str> {
        let lock = LockName::ALL.iter().find(|&&lock| !self.lock(lock).holders().is_empty());
        let handle = (self.guards.journal.updates() > 0).then_some("a journal handle");
        lock.map(|lock| lock.name()).or(handle).or(self.guards.gate.closed.then_some("the gate"))
    }

    /// A task begins another call: its iocb is a new one.
    pub fn new_iocb(&mut self, task: TaskId) {
        self.guards.new_iocb(task);
    }

    /// A counter now.
    pub fn count(&self, queue: WaitQueue) -> i8 {
        match queue {
            WaitQueue::Dio => self.guards.dio_count.get(),
            WaitQueue::Unwritten => self.guards.unwritten.get(),
        }
    }

    fn counter_mut(&mut self, queue: WaitQueue) -> &mut Counter {
        match queue {
            WaitQueue::Dio => &mut self.guards.dio_count,
            WaitQueue::Unwritten => &mut self.guards.unwritten,
        }
    }

    /// `i_dio_count` now.
    pub fn dio_count(&self) -> i8 {
        self.guards.dio_count.get()
    }

    /// `i_unwritten` now.
    pub fn unwritten(&self) -> i8 {
        self.guards.unwritten.get()
    }

    /// `i_size` now.
    pub fn size(&self) -> Size {
        self.file.size
    }

    /// `i_disksize` now.
    pub fn disksize(&self) -> Size {
        self.file.disksize
    }

    /// Whether the DIOREAD_LOCK gate is closed now.
    pub fn gate_closed(&self) -> bool {
        self.guards.gate.closed
    }

    /// The journal now: its open handles, and whether a commit holds new ones off.
    pub fn journal(&self) -> &Journal {
        &self.guards.journal
    }

    /// The completed I/O that waits for its conversion now.
    pub fn completed(&self) -> &[IoEnd] {
        &self.guards.completed
    }

    /// The cached pages now.
    pub fn cache(&self) -> &PageCache {
        &self.file.cache
    }

    /// How large its pages are.
    pub fn paging(&self) -> Paging {
        self.file.cache.paging()
    }

    /// The extent tree and the blocks now.
    pub fn extents(&self) -> &Extents {
        &self.file.extents
    }

    /// What `op` would touch if it happened now: [`Op::touches`] and what only the state tells.
    pub fn touches(&self, op: &Op) -> Vec<(Object, Access)> {
        let mut touched = op.touches();
        match *op {
            Op::Free(from) => {
                touched.extend(self.file.extents.freeable(from).into_iter().flat_map(freed))
            }
            Op::FreeRange(range) | Op::SwapBlocks(range) => {
                touched.extend(self.file.extents.mapped(range).into_iter().flat_map(freed));
            }
            Op::Convert(range, _) | Op::ConvertExtent(range, _) => {
                let range = match op {
                    Op::Convert(..) => range,
                    _ => self.file.extents.extent_to_convert(range),
                };
                let blocks = self.file.extents.unwritten(range);
                touched.extend(blocks.map(|b| (Object::Block(b), Access::Read)));
            }
            Op::Map(range, MapFor::Unwrite) => {
                let blocks = self.file.extents.written(range);
                touched.extend(blocks.map(|b| (Object::Block(b), Access::Write)));
            }
            Op::InodeAio => {
                touched.extend(self.guards.aio.map(|of| (Object::IoEnd(of), Access::Read)))
            }
            _ => {}
        }
        touched
    }
}
