//! The reference semantics: one inode, and what each step does to it.

use crate::dio_path::EndBio;
use crate::dio_path::iocb::Private;
use crate::extent_probe::{Content, Extent, Extents, IoEnd};
use crate::inode_lock::{Counter, Gate, Journal, LockName, Mode, RwSem, WaitQueue, Waiters};
use crate::op::{
    Access, Bio, Blocks, LogicalBlock, Object, Op, OrphanOp, Outcome, PhysicalBlock, TaskId,
};
use crate::page::{PAGE_BLOCKS, Page};

/// Why a step cannot happen now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Blocked {
    /// The lock is held, or a writer is queued in front.
    Lock {
        /// Which.
        lock: LockName,
        /// In which mode it is wanted.
        mode: Mode,
        /// Who is in the way.
        by: Vec<TaskId>,
        /// The wait spins (a requeueing worker) instead of sleeping.
        spins: bool,
        /// They do not hold it: they are writers that queued first.
        queued: bool,
    },
    /// `i_dio_count` is not 0.
    DioCount(i8),
    /// `i_aiodio_unwritten` / `i_unwritten` is not 0.
    Unwritten(i8),
    /// `i_ioend_count` is not 0.
    Ioend(i8),
    /// The running transaction is locked for commit.
    TransactionLocked,
    /// Commit waits for that many open handles.
    OpenHandles(u8),
    /// It sleeps on the wait queue of a counter.
    Asleep {
        /// Which.
        queue: WaitQueue,
        /// The counter.
        count: i8,
        /// Nobody will wake it: no other task can take a step.
        forgotten: bool,
    },
}

/// One inode: everything its tasks share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inode {
    locks: [RwSem; LockName::ALL.len()],
    dio_count: Counter,
    unwritten: Counter,
    io_ends: [Counter; 2],
    gate: Gate,
    journal: Journal,
    size: Blocks,
    disksize: Blocks,
    orphan: bool,
    pages: Blocks,
    extents: Extents,
    completed: Vec<IoEnd>,
    private: Vec<Private>,
    /// References to the io_end of each completion that were dropped.
    io_end_puts: Vec<u8>,
    queues: [Waiters; WaitQueue::ALL.len()],
    page: Page,
    page_data: Vec<Content>,
}

impl Inode {
    /// A file of `size` blocks whose mapping starts with `extents`, for `tasks` tasks.
    pub fn new(size: Blocks, extents: &[Extent], pages: Blocks, tasks: usize) -> Inode {
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
            pages,
            extents: Extents::new(extents),
            completed: Vec::new(),
            private: vec![Private::Null; tasks],
            io_end_puts: vec![0; tasks],
            queues: Default::default(),
            page: Page::new(pages > 0),
            // A page that holds the end of the file holds zeros behind it.
            page_data: vec![Content::Initial; size as usize],
        }
    }

    /// The same with an `i_disksize` that lags behind: delayed allocation has yet to write back.
    #[must_use]
    pub fn with_disksize(self, disksize: Blocks) -> Inode {
        Inode { disksize, ..self }
    }

    /// The same with a page that was stored to: every block of the file is to be written back.
    #[must_use]
    pub fn with_dirty_page(mut self) -> Inode {
        for block in 0..self.size.min(PAGE_BLOCKS) {
            let mapped = self.extents.mapping().get(block as usize);
            let written = mapped.filter(|m| m.extent == Extent::Written);
            self.page.store(block, written.and_then(|m| m.block));
        }
        self
    }

    /// `i_size` and `i_disksize`.
    pub fn sizes(&self) -> (Blocks, Blocks) {
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
    pub fn give_io_end(&mut self, end_bio: &EndBio) {
        self.io_ends[end_bio.whose() as usize].begin();
        let Some((task, range)) = end_bio.written() else { return };
        for block in self.extents.mapped(range) {
            self.extents.block_mut(block).halves = [Content::Of(task); 2];
        }
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

    fn page(&self, block: LogicalBlock) -> Content {
        self.page_data.get(block as usize).copied().unwrap_or(Content::Zero)
    }

    fn write_page(&mut self, block: LogicalBlock, content: Content) {
        let blocks = self.page_data.len().max(block as usize + 1);
        self.page_data.resize(blocks, Content::Zero);
        self.page_data[block as usize] = content;
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
    pub fn size(&self) -> Blocks {
        self.size
    }

    /// `i_disksize` now.
    pub fn disksize(&self) -> Blocks {
        self.disksize
    }

    /// The cached page now.
    pub fn cached_page(&self) -> &Page {
        &self.page
    }

    /// The extent tree and the blocks now.
    pub fn extents(&self) -> &Extents {
        &self.extents
    }

    /// What keeps `task` from doing `op` now, if anything. Only waiting steps can be blocked.
    pub fn blocked(&self, task: TaskId, op: &Op) -> Option<Blocked> {
        let lock_blocked = |lock: LockName, mode, spins| {
            let sem = self.lock(lock);
            if sem.can_take(task, mode) {
                return None;
            }
            let mut by: Vec<TaskId> = sem
                .holders()
                .iter()
                .filter(|h| mode == Mode::Exclusive || h.1 == Mode::Exclusive)
                .map(|h| h.0)
                .collect();
            let queued = by.is_empty();
            if queued {
                by.extend(sem.waiting().iter().copied().filter(|&t| t != task));
            }
            by.dedup();
            Some(Blocked::Lock { lock, mode, by, spins, queued })
        };
        match *op {
            Op::Lock(lock, mode) => lock_blocked(lock, mode, false),
            Op::LockByRequeue(lock) => lock_blocked(lock, Mode::Exclusive, true),
            Op::DioWait if !self.dio_count.drained() => {
                Some(Blocked::DioCount(self.dio_count.get()))
            }
            Op::UnwrittenWait if !self.unwritten.drained() => {
                Some(Blocked::Unwritten(self.unwritten.get()))
            }
            Op::IoendWait(whose) if !self.io_ends[whose as usize].drained() => {
                Some(Blocked::Ioend(self.io_ends[whose as usize].get()))
            }
            Op::JournalStart(_) if !self.journal.can_start() => Some(Blocked::TransactionLocked),
            Op::CommitWait if !self.journal.quiet() => {
                Some(Blocked::OpenHandles(self.journal.updates()))
            }
            Op::WaitSleep(queue) if self.queues[queue as usize].asleep(task) => {
                Some(Blocked::Asleep { queue, count: self.count(queue), forgotten: false })
            }
            _ => None,
        }
    }

    /// What `op` would touch if it happened now: [`Op::touches`] and what only the state tells.
    pub fn touches(&self, op: &Op) -> Vec<(Object, Access)> {
        let mut touched = op.touches();
        if let Op::Free(from) = *op {
            let blocks = self.extents.freeable(from);
            touched.extend(blocks.into_iter().map(|b| (Object::Block(b), Access::Write)));
        }
        if let Op::FreeRange(range) | Op::SwapBlocks(range) = *op {
            let blocks = self.extents.mapped(range);
            touched.extend(blocks.into_iter().map(|b| (Object::Block(b), Access::Write)));
        }
        touched
    }

    /// Performs one step.
    ///
    /// # Errors
    /// If the step has to wait; nothing has changed then.
    pub fn perform(&mut self, task: TaskId, op: &Op) -> Result<Outcome, Blocked> {
        if let Some(blocked) = self.blocked(task, op) {
            return Err(blocked);
        }
        Ok(match op {
            Op::Lock(lock, mode) => {
                self.lock_mut(*lock).try_take(task, *mode);
                Outcome::Done
            }
            Op::LockByRequeue(lock) => {
                self.lock_mut(*lock).try_take(task, Mode::Exclusive);
                Outcome::Done
            }
            Op::TryLock(lock, mode) => Outcome::Flag(self.lock_mut(*lock).try_take(task, *mode)),
            Op::Queue(lock) => {
                self.lock_mut(*lock).queue(task);
                Outcome::Done
            }
            Op::Unlock(lock, mode) => {
                self.lock_mut(*lock).release(task, *mode);
                Outcome::Done
            }
            Op::Downgrade(lock) => {
                self.lock_mut(*lock).downgrade(task);
                Outcome::Done
            }
            Op::DioBegin(_) => {
                self.dio_count.begin();
                Outcome::Done
            }
            Op::DioEnd(_) => {
                self.dio_count.end();
                Outcome::Done
            }
            Op::UnwrittenBegin => {
                self.unwritten.begin();
                Outcome::Done
            }
            Op::UnwrittenEnd => {
                self.unwritten.end();
                Outcome::Done
            }
            Op::IoendDone(whose) => {
                self.io_ends[*whose as usize].end();
                Outcome::Done
            }
            Op::GateClose => {
                self.gate.closed = true;
                Outcome::Done
            }
            Op::GateOpen => {
                self.gate.closed = false;
                Outcome::Done
            }
            Op::GateTest => Outcome::Flag(self.gate.closed),
            Op::JournalStart(_) => {
                self.journal.start();
                Outcome::Done
            }
            Op::JournalStop(_) => {
                self.journal.stop();
                Outcome::Done
            }
            Op::CommitLock => {
                self.journal.lock();
                Outcome::Done
            }
            Op::CommitDone => {
                self.journal.unlock();
                Outcome::Done
            }
            Op::SizeRead => Outcome::Value(self.size),
            Op::SizeWrite(size) => {
                self.size = *size;
                Outcome::Done
            }
            Op::DisksizeWrite(size) => {
                self.disksize = *size;
                Outcome::Done
            }
            Op::DisksizeRead => Outcome::Value(self.disksize),
            Op::Orphan(OrphanOp::Test) => Outcome::Flag(self.orphan),
            Op::Orphan(op) => {
                self.orphan = *op == OrphanOp::Add;
                Outcome::Done
            }
            Op::PagesRead => Outcome::Value(self.pages),
            Op::PagesDrop => {
                self.pages = 0;
                self.page = Page::default();
                Outcome::Done
            }
            Op::PagesAdd => {
                self.pages += 1;
                Outcome::Done
            }
            Op::PageIn => {
                self.pages = self.pages.max(1);
                Outcome::Done
            }
            Op::PageLook => Outcome::Flag(self.page.uptodate),
            Op::PageDirty => Outcome::Buffers(self.page.dirty.clone()),
            Op::PageFill(contents) => {
                self.page = Page::new(true);
                self.page_data = contents.clone();
                Outcome::Done
            }
            // To a page that nobody else will find any more, a store is lost.
            Op::PageStore(_) if !self.page.uptodate => Outcome::Done,
            Op::PageStore(stored) => {
                for &(block, mapped) in stored {
                    self.page.store(block, mapped);
                    self.write_page(block, Content::Of(task));
                }
                Outcome::Done
            }
            Op::PageClean(written) => {
                self.page.dirty.retain(|dirty| written.iter().all(|w| w.0 != dirty.0));
                Outcome::Done
            }
            Op::DepthRead => Outcome::Value(self.extents.depth()),
            Op::Map(range, how) => match self.extents.map(*range, *how) {
                Some(found) => Outcome::Mapping(found),
                None => Outcome::NoSpace,
            },
            Op::Convert(range, _) => Outcome::Converted(
                self.extents.convert(*range).into_iter().map(|m| (m.extent, m.block)).collect(),
            ),
            Op::ConvertExtent(range, _) => {
                let found = self.extents.convert_extent(*range);
                Outcome::Converted(found.into_iter().map(|m| (m.extent, m.block)).collect())
            }
            Op::Free(from) => Outcome::Freed(self.extents.free(*from)),
            Op::FreeRange(range) => Outcome::Freed(self.extents.punch(*range)),
            Op::SwapBlocks(range) => Outcome::Freed(self.extents.swap(*range)),
            Op::Bio(blocks, bio) => self.bio(task, blocks, *bio),
            Op::ListAdd(io_end) => {
                self.completed.push(*io_end);
                Outcome::Done
            }
            Op::ListTake(whose) => {
                let wanted = |io: &IoEnd| whose.is_none_or(|task| io.task == task);
                let at = self.completed.iter().position(wanted);
                Outcome::IoEnd(at.map(|at| self.completed.remove(at)))
            }
            Op::PutIoEnd(of) => {
                self.io_end_puts[usize::from(*of)] += 1;
                Outcome::Flag(self.io_end_puts[usize::from(*of)] == 2)
            }
            Op::Private(of, op) => Outcome::Flag(self.private[usize::from(*of)].apply(*op)),
            Op::CountRead(queue) => Outcome::Value(self.count(*queue).max(0) as Blocks),
            Op::CountDecAndTest(queue, _) => {
                self.counter_mut(*queue).end();
                Outcome::Flag(self.count(*queue) == 0)
            }
            Op::WaitJoin(queue) => {
                self.queues[*queue as usize].join(task);
                Outcome::Done
            }
            Op::WaitLook(queue) => Outcome::Flag(self.queues[*queue as usize].active()),
            Op::WaitWake(queue) => {
                self.queues[*queue as usize].wake();
                Outcome::Done
            }
            Op::WaitLeave(queue) => {
                self.queues[*queue as usize].leave(task);
                Outcome::Done
            }
            Op::PageWrite(block) => {
                self.write_page(*block, Content::Of(task));
                Outcome::Done
            }
            Op::PageRead(block) => Outcome::Data(vec![[self.page(*block); 2]]),
            Op::WaitSleep(_)
            | Op::SmpRmb
            | Op::SmpMbBeforeAtomic
            | Op::DioWait
            | Op::UnwrittenWait
            | Op::FsyncDone
            | Op::IoendWait(_)
            | Op::CommitWait
            | Op::SmpMb
            | Op::Submit(..)
            | Op::AioComplete
            | Op::Close
            | Op::WriteSync
            | Op::WarnSize => Outcome::Done,
        })
    }

    fn bio(&mut self, task: TaskId, blocks: &[PhysicalBlock], bio: Bio) -> Outcome {
        match bio {
            Bio::Read => {
                Outcome::Data(blocks.iter().map(|&b| self.extents.block(b).halves).collect())
            }
            Bio::Page { start } => {
                for (at, &block) in (start..).zip(blocks) {
                    self.extents.block_mut(block).halves = [self.page(at); 2];
                }
                Outcome::Done
            }
            Bio::Write { half, zero_rest } => {
                for &block in blocks {
                    let halves = &mut self.extents.block_mut(block).halves;
                    match half {
                        None => *halves = [Content::Of(task); 2],
                        Some(half) => {
                            if zero_rest {
                                *halves = [Content::Zero; 2];
                            }
                            halves[half.index()] = Content::Of(task);
                        }
                    }
                }
                Outcome::Done
            }
        }
    }
}
