//! The reference semantics: one inode, and what each step does to it.

mod blocked;
mod extents;
mod page;
mod page_cache;
mod part;
mod perform;
mod users;

pub use blocked::Blocked;
pub use extents::{Block, Extents};
pub use page::Page;
pub use page_cache::PageCache;
pub use users::{Share, TASKS};

use crate::inode_lock::{Counter, Gate, Journal, RwSem, Waiters};
use crate::op::{
    Access, Blocks, Content, Extent, IoEnd, LockName, MapFor, Object, Op, Owner, PAGE_BLOCKS,
    Private, Range, Size, TaskId, WaitQueue, freed,
};

/// One inode: everything its tasks share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inode {
    locks: [RwSem; LockName::ALL.len()],
    dio_count: Counter,
    unwritten: Counter,
    io_ends: [Counter; 2],
    gate: Gate,
    journal: Journal,
    size: Size,
    disksize: Size,
    orphan: bool,
    extents: Extents,
    completed: Vec<IoEnd>,
    private: Vec<Private>,
    /// References to the io_end of each completion that were dropped.
    io_end_puts: Vec<u8>,
    /// The same for the dio.
    dio_puts: Vec<u8>,
    /// `cur_aio_dio`.
    aio: Option<TaskId>,
    queues: [Waiters; WaitQueue::ALL.len()],
    cache: PageCache,
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
        Inode {
            locks: Default::default(),
            dio_count: Counter::default(),
            unwritten: Counter::default(),
            io_ends: Default::default(),
            gate: Gate::default(),
            journal: Journal::default(),
            size,
            disksize: size,
            orphan: false,
            extents: blocks,
            completed: Vec::new(),
            private: vec![Private::Null; tasks],
            io_end_puts: vec![0; tasks],
            dio_puts: vec![0; tasks],
            aio: None,
            queues: Default::default(),
            cache,
        }
    }

    /// The same with an `i_disksize` that lags behind: delayed allocation has yet to write back.
    #[must_use]
    pub fn with_disksize(self, disksize: Size) -> Inode {
        Inode { disksize, ..self }
    }

    /// The same with a page that was stored to: each block of the file that it holds, from that one on, is to
    /// be written back.
    #[must_use]
    pub fn with_dirty_page(mut self, from: Blocks) -> Inode {
        let mut page = self.cache.page().cloned().unwrap_or(Page::of(&[]));
        for block in from..self.size.up().min(PAGE_BLOCKS) {
            let mapped = self.extents.mapping().get(block as usize);
            let written = mapped.filter(|m| m.extent == Extent::Written);
            page.fill(block, [Content::Initial; 2]);
            page.store(block, written.and_then(|m| m.block));
        }
        page.zero_tail(self.size);
        self.cache.insert(page);
        self
    }

    /// `i_size` and `i_disksize`.
    pub fn sizes(&self) -> (Size, Size) {
        (self.size, self.disksize)
    }

    /// A lock's state.
    pub fn lock(&self, lock: LockName) -> &RwSem {
        &self.locks[lock as usize]
    }

    fn lock_mut(&mut self, lock: LockName) -> &mut RwSem {
        &mut self.locks[lock as usize]
    }

    /// Gives a task a reference before it starts.
    pub fn give(&mut self, queue: WaitQueue) {
        self.counter_mut(queue).begin();
    }

    /// Gives an inode an io_end before the start; what it wrote is on the device.
    pub fn give_io_end(&mut self, whose: Owner, written: Option<(TaskId, Range)>) {
        self.io_ends[whose as usize].begin();
        let Some((task, range)) = written else { return };
        for block in self.extents.mapped(range) {
            self.extents.block_mut(block).halves = [Content::Of(task); 2];
        }
    }

    /// What is held, or is closed: a lock, a journal handle, the gate.
    pub fn held(&self) -> Option<&'static str> {
        let lock = LockName::ALL.iter().find(|&&lock| !self.lock(lock).holders().is_empty());
        let handle = (self.journal.updates() > 0).then_some("a journal handle");
        lock.map(|lock| lock.name()).or(handle).or(self.gate.closed.then_some("the gate"))
    }

    /// The same file later, when nobody remembers who did what to it: all data is what it holds at the start.
    #[must_use]
    pub fn settled(mut self) -> Inode {
        let settle = |held: &mut [Content; 2]| {
            for half in held.iter_mut().filter(|half| matches!(half, Content::Of(_))) {
                *half = Content::Initial;
            }
        };
        (0..self.extents.device_blocks())
            .for_each(|block| settle(&mut self.extents.block_mut(block).halves));
        if let Some(page) = self.cache.page_mut() {
            page.data.iter_mut().for_each(settle);
        }
        self.cache.forget_finders();
        self.private.fill(Private::Null);
        self
    }

    /// A task begins another call: its iocb is a new one.
    pub fn new_iocb(&mut self, task: TaskId) {
        self.private[usize::from(task)] = Private::Null;
    }

    /// A counter now.
    pub fn count(&self, queue: WaitQueue) -> i8 {
        match queue {
            WaitQueue::Dio => self.dio_count.get(),
            WaitQueue::Unwritten => self.unwritten.get(),
        }
    }

    fn counter_mut(&mut self, queue: WaitQueue) -> &mut Counter {
        match queue {
            WaitQueue::Dio => &mut self.dio_count,
            WaitQueue::Unwritten => &mut self.unwritten,
        }
    }

    /// `i_dio_count` now.
    pub fn dio_count(&self) -> i8 {
        self.dio_count.get()
    }

    /// `i_unwritten` now.
    pub fn unwritten(&self) -> i8 {
        self.unwritten.get()
    }

    /// `i_size` now.
    pub fn size(&self) -> Size {
        self.size
    }

    /// `i_disksize` now.
    pub fn disksize(&self) -> Size {
        self.disksize
    }

    /// Whether the DIOREAD_LOCK gate is closed now.
    pub fn gate_closed(&self) -> bool {
        self.gate.closed
    }

    /// The journal now: its open handles, and whether a commit holds new ones off.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The completed I/O that waits for its conversion now.
    pub fn completed(&self) -> &[IoEnd] {
        &self.completed
    }

    /// The cached page now.
    pub fn cached_page(&self) -> Option<&Page> {
        self.cache.page()
    }

    /// The extent tree and the blocks now.
    pub fn extents(&self) -> &Extents {
        &self.extents
    }

    /// What `op` would touch if it happened now: [`Op::touches`] and what only the state tells.
    pub fn touches(&self, op: &Op) -> Vec<(Object, Access)> {
        let mut touched = op.touches();
        match *op {
            Op::Free(from) => {
                touched.extend(self.extents.freeable(from).into_iter().flat_map(freed))
            }
            Op::FreeRange(range) | Op::SwapBlocks(range) => {
                touched.extend(self.extents.mapped(range).into_iter().flat_map(freed));
            }
            Op::Convert(range, _) | Op::ConvertExtent(range, _) => {
                let range = match op {
                    Op::Convert(..) => range,
                    _ => self.extents.extent_to_convert(range),
                };
                let blocks = self.extents.unwritten(range);
                touched.extend(blocks.map(|b| (Object::Block(b), Access::Read)));
            }
            Op::Map(range, MapFor::Unwrite) => {
                let blocks = self.extents.written(range);
                touched.extend(blocks.map(|b| (Object::Block(b), Access::Write)));
            }
            Op::InodeAio => touched.extend(self.aio.map(|of| (Object::IoEnd(of), Access::Read))),
            _ => {}
        }
        touched
    }
}
