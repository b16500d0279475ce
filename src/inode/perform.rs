//! What each step does.

use super::{Blocked, Inode};
use crate::op::{
    Bio, Blocks, Caller, Content, Ends, IoEnd, Mapped, Mode, Op, OrphanOp, Outcome, PhysicalBlock,
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
        match op {
            Op::Lock(lock, mode) => {
                self.lock_mut(*lock).try_take(task, *mode);
            }
            Op::LockByRequeue(lock) => {
                self.lock_mut(*lock).try_take(task, Mode::Exclusive);
            }
            Op::TryLock(lock, mode) => {
                return Ok(Outcome::Flag(self.lock_mut(*lock).try_take(task, *mode)));
            }
            Op::Queue(lock) => self.lock_mut(*lock).queue(task),
            Op::Unlock(lock, mode) => self.lock_mut(*lock).release(task, *mode),
            Op::Downgrade(lock) => self.lock_mut(*lock).downgrade(task),
            Op::DioBegin(_) => self.guards.dio_count.begin(),
            Op::DioEnd(_) => self.guards.dio_count.end(),
            Op::UnwrittenBegin => self.guards.unwritten.begin(),
            Op::UnwrittenEnd => self.guards.unwritten.end(),
            Op::IoendDone(whose) => self.guards.io_ends[*whose as usize].end(),
            Op::GateClose => self.guards.gate.closed = true,
            Op::GateOpen => self.guards.gate.closed = false,
            Op::GateTest => return Ok(Outcome::Flag(self.guards.gate.closed)),
            Op::JournalStart(_) => self.guards.journal.start(),
            Op::JournalStop(_) => self.guards.journal.stop(),
            Op::CommitLock => self.guards.journal.lock(),
            Op::CommitDone => self.guards.journal.unlock(),
            Op::SizeRead => return Ok(Outcome::Size(self.file.size)),
            Op::SizeWrite(size) => self.file.size = *size,
            Op::DisksizeWrite(size) => self.file.disksize = *size,
            Op::DisksizeRead => return Ok(Outcome::Size(self.file.disksize)),
            Op::Orphan(OrphanOp::Test) => return Ok(Outcome::Flag(self.file.orphan)),
            Op::Orphan(op) => self.file.orphan = *op == OrphanOp::Add,
            Op::DepthRead => return Ok(Outcome::Value(self.file.extents.depth())),
            Op::Map(range, how) => {
                return Ok(match self.file.extents.map(*range, *how) {
                    Some(found) => Outcome::Mapping(found),
                    None => Outcome::NoSpace,
                });
            }
            Op::Convert(range, _) => return Ok(converted(self.file.extents.convert(*range))),
            Op::ConvertExtent(range, _) => {
                return Ok(converted(self.file.extents.convert_extent(*range)));
            }
            Op::Free(from) => return Ok(Outcome::Freed(self.file.extents.free(*from))),
            Op::FreeRange(range) => return Ok(Outcome::Freed(self.file.extents.punch(*range))),
            Op::SwapBlocks(range) => {
                let end = self.paging().end();
                return Ok(Outcome::Freed(self.file.extents.swap(*range, end)));
            }
            Op::ShiftExtents(range, shift) => self.file.extents.shift(*range, *shift),
            Op::Bio(blocks, bio) => return Ok(self.bio(task, blocks, *bio)),
            Op::ListAdd(io_end) => self.guards.completed.push(*io_end),
            Op::ListTake(whose) => {
                let wanted = |io: &IoEnd| whose.is_none_or(|task| io.task == task);
                let at = self.guards.completed.iter().position(wanted);
                return Ok(Outcome::IoEnd(at.map(|at| self.guards.completed.remove(at))));
            }
            Op::PutIoEnd(of) => {
                self.guards.io_end_puts[usize::from(*of)] += 1;
                return Ok(Outcome::Flag(self.guards.io_end_puts[usize::from(*of)] == 2));
            }
            Op::DropRefcount(of) => {
                self.guards.dio_puts[usize::from(*of)] += 1;
                return Ok(Outcome::Flag(self.guards.dio_puts[usize::from(*of)] == 2));
            }
            Op::InodeAioSet(of) => self.guards.aio = *of,
            Op::InodeAio => return Ok(Outcome::InodeAio(self.guards.aio)),
            Op::Private(of, op) => {
                return Ok(Outcome::Flag(self.guards.private[usize::from(*of)].apply(*op)));
            }
            Op::CountRead(queue) => return Ok(Outcome::Value(self.count(*queue).max(0) as Blocks)),
            Op::CountDecAndTest(queue, _) => {
                self.counter_mut(*queue).end();
                return Ok(Outcome::Flag(self.count(*queue) == 0));
            }
            Op::WaitJoin(queue) => self.guards.queues[*queue as usize].join(task),
            Op::WaitLook(queue) => {
                return Ok(Outcome::Flag(self.guards.queues[*queue as usize].active()));
            }
            Op::WaitWake(queue) => self.guards.queues[*queue as usize].wake(),
            Op::WaitLeave(queue) => self.guards.queues[*queue as usize].leave(task),
            Op::PagesRead(_)
            | Op::PagesFind(_)
            | Op::PagesDirty(_)
            | Op::PageTruncate(..)
            | Op::PageInvalidate(_)
            | Op::PageIn(_)
            | Op::PageFind(..)
            | Op::PageLook(_)
            | Op::PageDirty(_)
            | Op::PageFill(..)
            | Op::PagesPut(_)
            | Op::PageRemove(_)
            | Op::PageStore(..)
            | Op::PageZero(..)
            | Op::PageClean(..)
            | Op::PageRelease(_)
            | Op::PageCommit(..)
            | Op::PageWrite(_)
            | Op::PageRead(_) => return Ok(self.file.cache.perform(task, op)),
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
            | Op::WarnSize
            | Op::QueueWork => {}
        }
        Ok(Outcome::Done)
    }

    fn bio(&mut self, task: TaskId, blocks: &[PhysicalBlock], bio: Bio) -> Outcome {
        match bio {
            Bio::Read { .. } => {
                Outcome::Data(blocks.iter().map(|&b| self.file.extents.block(b).halves).collect())
            }
            Bio::Page { start } => {
                // The pages that are there, not what the task found before.
                for (at, &block) in (start..).zip(blocks) {
                    let held = self.file.cache.of_block(at).and_then(|page| page.data(at));
                    if let Some(held) = held {
                        self.file.extents.block_mut(block).halves = held;
                    }
                }
                Outcome::Done
            }
            Bio::Write { cut, zeroed, call } => {
                for (at, &block) in blocks.iter().enumerate() {
                    let halves = &mut self.file.extents.block_mut(block).halves;
                    let Ends { front, back } = zeroed.of_block(at, blocks.len());
                    for (half, zeroed) in halves.iter_mut().zip([front, back]) {
                        if zeroed {
                            *half = Content::Zero;
                        }
                    }
                    halves[cut.halves(at, blocks.len())].fill(Content::Of(Caller { task, call }));
                }
                Outcome::Done
            }
        }
    }
}

fn converted(found: Vec<Mapped>) -> Outcome {
    Outcome::Converted(found.into_iter().map(|m| (m.extent, m.block)).collect())
}
