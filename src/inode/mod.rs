//! The reference semantics: one inode, and what each step does to it.

mod blocked;
mod extents;
mod halves;
mod page;
mod page_cache;
mod part;
mod perform;
mod users;

pub use blocked::Blocked;
pub use extents::{Block, Extents};
pub use halves::{FileState, Guards, Half};
pub use page::Page;
pub use page_cache::PageCache;
pub use users::{Share, TASKS};

use crate::inode_lock::{Counter, Gate, Journal, RwSem};
use crate::op::{
    Access, Blocks, Caller, Content, Extent, IoEnd, LockName, MapFor, Object, Op, Owner,
    PAGE_BLOCKS, Private, Range, Size, TaskId, WaitQueue, freed,
};

/// One inode: everything its tasks share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inode {
    guards: Guards,
    file: FileState,
}

impl Inode {
    /// A file of that size whose mapping starts with `extents`, for `tasks` tasks; with `pages` its first
    /// page is cached, clean: a copy of what is written, and zeros.
    pub fn new(size: Size, extents: &[Extent], pages: Blocks, tasks: usize) -> Inode {
        let written = |block: usize| extents.get(block) == Some(&Extent::Written);
        let held = |block| if written(block) { Content::Initial } else { Content::Zero };
        let mut contents: Vec<_> = (0..size.up() as usize).map(|at| [held(at); 2]).collect();
        let mut blocks = Extents::new(extents);
        if size.splits() {
            contents[size.down() as usize][1] = Content::Zero;
            blocks.zero_tail(size.down());
        }
        let mut cache = PageCache::default();
        if pages > 0 {
            cache.insert(Page::of(&contents));
        }
        let guards = Guards {
            locks: Default::default(),
            dio_count: Counter::default(),
            unwritten: Counter::default(),
            io_ends: Default::default(),
            gate: Gate::default(),
            journal: Journal::default(),
            completed: Vec::new(),
            private: vec![Private::Null; tasks],
            io_end_puts: vec![0; tasks],
            dio_puts: vec![0; tasks],
            aio: None,
            queues: Default::default(),
        };
        let file = FileState { size, disksize: size, orphan: false, extents: blocks, cache };
        Inode { guards, file }
    }

    /// Its halves.
    pub fn halves(self) -> (Guards, FileState) {
        (self.guards, self.file)
    }

    /// Of its halves.
    pub fn of(guards: Guards, file: FileState) -> Inode {
        Inode { guards, file }
    }

    /// The same with an `i_disksize` that lags behind: delayed allocation has yet to write back.
    #[must_use]
    pub fn with_disksize(mut self, disksize: Size) -> Inode {
        self.file.disksize = disksize;
        self
    }

    /// The same with a page that was stored to: each block of the file that it holds, from that one on, is to
    /// be written back.
    #[must_use]
    pub fn with_dirty_page(mut self, from: Blocks) -> Inode {
        let mut page = self.file.cache.page().cloned().unwrap_or(Page::of(&[]));
        for block in from..self.file.size.up().min(PAGE_BLOCKS) {
            let mapped = self.file.extents.mapping().get(block as usize);
            let written = mapped.filter(|m| m.extent == Extent::Written);
            page.fill(block, [Content::Initial; 2]);
            page.store(block, written.and_then(|m| m.block));
        }
        page.zero_tail(self.file.size);
        self.file.cache.insert(page);
        self
    }

    /// `i_size` and `i_disksize`.
    pub fn sizes(&self) -> (Size, Size) {
        (self.file.size, self.file.disksize)
    }

    /// A lock's state.
    pub fn lock(&self, lock: LockName) -> &RwSem {
        self.guards.lock(lock)
    }

    fn lock_mut(&mut self, lock: LockName) -> &mut RwSem {
        &mut self.guards.locks[lock as usize]
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

    /// The same file later, when nobody remembers who did what to it: all data is what it holds at the start.
    #[must_use]
    pub fn settled(mut self) -> Inode {
        let settle = |held: &mut [Content; 2]| {
            for half in held.iter_mut().filter(|half| matches!(half, Content::Of(_))) {
                *half = Content::Initial;
            }
        };
        (0..self.file.extents.device_blocks())
            .for_each(|block| settle(&mut self.file.extents.block_mut(block).halves));
        if let Some(page) = self.file.cache.page_mut() {
            page.data.iter_mut().for_each(settle);
        }
        self.file.cache.forget_finders();
        self.guards.private.fill(Private::Null);
        self
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

    /// The cached page now.
    pub fn cached_page(&self) -> Option<&Page> {
        self.file.cache.page()
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
