//! What each step does.

use super::{Blocked, Inode, Page};
use crate::op::{
    Bio, Blocks, Content, IoEnd, Mode, Op, OrphanOp, Outcome, PAGE_BLOCKS, PhysicalBlock, Range,
    TaskId,
};

impl Inode {
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
            Op::PagesRead => Outcome::Value(self.cache.pages()),
            Op::PageTruncate(range) => {
                self.cache.truncate(*range);
                Outcome::Done
            }
            Op::PageInvalidate => Outcome::Flag(self.cache.invalidate()),
            Op::PageIn => {
                if self.cache.page().is_none() {
                    self.cache.insert(Page::new());
                }
                Outcome::Page(self.cache.buffers())
            }
            Op::PageFind(range) => Outcome::Flag(self.cache.find(task, *range)),
            Op::PageLook | Op::PageDirty => Outcome::Page(self.cache.buffers()),
            Op::PageFill(contents) => {
                // The page was locked since it was looked at: it is the one that is there.
                if let Some(page) = self.cache.page_mut() {
                    for &(block, read) in contents {
                        page.fill(block, read);
                    }
                }
                self.cache.find(task, Range { start: 0, len: PAGE_BLOCKS });
                Outcome::Done
            }
            Op::PageStore(stored, half) => {
                if let Some(page) = self.cache.page_mut() {
                    for &(block, mapped) in stored {
                        page.store(block, mapped);
                        let halves = half.map_or(0..2, |half| half.index()..half.index() + 1);
                        page.data[block as usize][halves].fill(Content::Of(task));
                    }
                }
                Outcome::Done
            }
            Op::PageClean(written, uninit) => {
                if let Some(page) = self.cache.page_mut() {
                    for &(block, to) in written {
                        page.clean(block, to, uninit.contains(&block));
                    }
                }
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
            Op::SwapBlocks(range) => {
                let given = self.extents.swap(*range);
                let now = self.extents.mapped(*range);
                if let Some(page) = self.cache.page_mut() {
                    for (&from, to) in given.iter().zip(now) {
                        page.move_to(from, to);
                    }
                }
                Outcome::Freed(given)
            }
            Op::ShiftExtents(range, shift) => {
                self.extents.shift(*range, *shift);
                Outcome::Done
            }
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
            Op::DropRefcount(of) => {
                self.dio_puts[usize::from(*of)] += 1;
                Outcome::Flag(self.dio_puts[usize::from(*of)] == 2)
            }
            Op::InodeAioSet(of) => {
                self.aio = *of;
                Outcome::Done
            }
            Op::InodeAio => Outcome::InodeAio(self.aio),
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
                let held = self.cache.page_mut().and_then(|p| p.data.get_mut(*block as usize));
                if let Some(held) = held {
                    *held = [Content::Of(task); 2];
                }
                Outcome::Done
            }
            Op::PageRead(block) => Outcome::Data(vec![self.cache.read(task, *block)]),
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
            Bio::Read { .. } => {
                Outcome::Data(blocks.iter().map(|&b| self.extents.block(b).halves).collect())
            }
            Bio::Page { start } => {
                // The page that is there, not one that the task found before.
                let page = self.cache.page().map(|page| page.data);
                let page = page.into_iter().flatten().skip(start as usize);
                for (&block, held) in blocks.iter().zip(page) {
                    self.extents.block_mut(block).halves = held;
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
