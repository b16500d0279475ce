//! What the rules remember of each event.

use super::Verb;
use super::rules::Rules;
use crate::program::{Event, Program};
use diolock::dio_path::iocb::PrivateOp;
use diolock::extent_probe::Extent;
use diolock::inode_lock::{LockName, Mode, WaitQueue};
use diolock::op::{Bio, Handle, MapFor, Op, OrphanOp, Outcome, TaskId};

impl Rules {
    pub(super) fn remember(&mut self, program: &Program, event: &Event) {
        let me = event.task;
        if let Some(cache) = &mut self.cache {
            cache.remember(event);
        }
        match (&event.op, &event.outcome) {
            (Op::TryLock(_, _), Outcome::Flag(false)) => {}
            (&Op::Lock(lock, mode) | &Op::TryLock(lock, mode), _) => self.take(me, lock, mode),
            (&Op::LockByRequeue(lock), _) => self.take(me, lock, Mode::Exclusive),
            (&Op::Unlock(lock, mode), _) => {
                let state = self.task(me);
                if let Some(at) = state.held.iter().position(|&h| h == (lock, mode)) {
                    state.held.remove(at);
                }
                state.pages_gone &= !matches!(lock, LockName::IMmapSem | LockName::InvalidateLock);
                if lock.is_inode_lock() {
                    state.committed = state.overwrite && !state.counted;
                    state.overwrite &= mode == Mode::Exclusive;
                    state.ended_meanwhile = 0;
                    state.drained = false;
                }
            }
            (&Op::Downgrade(lock), _) => {
                for hold in &mut self.task(me).held {
                    if hold.0 == lock {
                        hold.1 = Mode::Shared;
                    }
                }
            }
            (&Op::DioBegin(of), _) => {
                self.dio_count += 1;
                self.task(of).references += 1;
                let shared =
                    self.tasks[usize::from(me)].held.contains(&(LockName::IRwsem, Mode::Shared));
                self.task(me).counted = true;
                self.task(me).committed = false;
                // From v5.10 on a write that needs no more than the shared lock is an overwrite.
                self.task(me).overwrite |= shared;
            }
            (&Op::DioEnd(of) | &Op::CountDecAndTest(WaitQueue::Dio, of), _) => {
                self.dio_count -= 1;
                self.task(of).references -= 1;
                self.task(me).in_flight.clear();
                if program.reaches.iter().any(|w| matches!(w.verb, Verb::WaitsFor(_))) {
                    for state in &mut self.tasks {
                        if state.held.iter().any(|h| h.0.is_inode_lock()) {
                            state.ended_meanwhile |= 1 << of;
                        }
                    }
                }
            }
            (Op::UnwrittenBegin, _) => self.unwritten += 1,
            (Op::UnwrittenEnd | Op::CountDecAndTest(WaitQueue::Unwritten, _), _) => {
                self.unwritten -= 1;
            }
            (Op::PagesDrop | Op::PageTruncate(_), _)
            | (Op::PageInvalidate, Outcome::Flag(true))
            | (Op::PagesRead, Outcome::Value(0)) => {
                self.task(me).pages_gone = [LockName::IMmapSem, LockName::InvalidateLock]
                    .into_iter()
                    .any(|lock| self.holds(me, lock, Mode::Exclusive));
            }
            (Op::GateClose, _) => self.task(me).gate = true,
            (Op::GateOpen, _) => self.task(me).gate = false,
            (Op::DepthRead, &Outcome::Value(depth)) if self.tasks[usize::from(me)].handles == 0 => {
                self.task(me).credits_for = Some(depth);
            }
            (Op::SizeRead, &Outcome::Value(size)) => self.task(me).size_seen = size,
            (Op::DioWait, _) => {
                self.task(me).drained = self.holds_inode_lock(me, Mode::Exclusive);
            }
            (&Op::Convert(_, of) | &Op::ConvertExtent(_, of), Outcome::Converted(found)) => {
                self.task(me).converted = true;
                for block in found.iter().filter_map(|found| found.1) {
                    self.block(block).converted = Some(of);
                    self.block(block).to_convert = false;
                }
                self.task(of).to_convert = false;
            }
            (&Op::JournalStart(handle), _) => {
                self.task(me).handles += 1;
                self.task(me).time_handle |= handle == Handle::Time;
            }
            (&Op::JournalStop(handle), _) => {
                let state = self.task(me);
                state.handles = state.handles.saturating_sub(1);
                state.time_handle &= handle != Handle::Time;
            }
            (&Op::SizeWrite(size), _) => {
                self.size = size;
                self.size_touched = true;
            }
            (&Op::DisksizeWrite(size), _) => {
                self.disksize = size;
                self.disksize_touched = true;
            }
            (Op::Close, _) => self.closed = true,
            (Op::AioComplete, _) => self.task(me).let_go = self.closed,
            (&Op::Orphan(OrphanOp::Add), _) => self.orphan = true,
            (&Op::Orphan(OrphanOp::Del), _) => self.orphan = false,
            (Op::Map(_, MapFor::Preallocate { .. } | MapFor::Probe | MapFor::Page), _) => {}
            (Op::Map(range, _), Outcome::Mapping(found)) => {
                self.task(me).mapped_to = range.end();
                self.task(me).in_flight = found.iter().filter_map(|m| m.block).collect();
                for mapped in found {
                    if let Some(block) = mapped.block {
                        self.block(block).to_convert = mapped.extent == Extent::Unwritten;
                    }
                }
            }
            (Op::Submit(child, submission), _) => {
                self.task(*child).mapped_to = submission.range.end();
                let blocks = std::mem::take(&mut self.task(me).in_flight);
                self.task(*child).in_flight = blocks;
            }
            (Op::Bio(blocks, bio), _) => {
                self.task(me).in_flight.clear();
                if let Bio::Page { start } = *bio {
                    let unwritten =
                        |b| self.mapped(b).is_some_and(|m| m.extent == Extent::Unwritten);
                    let to_convert = (start..).take(blocks.len()).any(unwritten);
                    self.task(me).writes_back = true;
                    self.task(me).to_convert = to_convert;
                    for &b in blocks {
                        self.block(b).data = [Some(me); 2];
                    }
                }
                if let Bio::Write { half, zero_rest } = *bio {
                    self.task(me).wrote_to = self.task(me).mapped_to;
                    for &b in blocks {
                        let data = &mut self.block(b).data;
                        match half {
                            None => *data = [Some(me); 2],
                            Some(half) => {
                                if zero_rest {
                                    *data = [None; 2];
                                }
                                data[half.index()] = Some(me);
                            }
                        }
                    }
                }
            }
            (Op::Free(_) | Op::FreeRange(_) | Op::SwapBlocks(_), Outcome::Freed(freed)) => {
                for &b in freed {
                    self.block(b).freed = true;
                }
            }
            (Op::InodeAioSet(_), _) => self.slot_by = Some(me),
            (Op::Private(_, PrivateOp::TakeIoEnd), _) => self.task(me).took_io_end = true,
            (Op::Private(_, PrivateOp::PointAtFlag), _) => self.task(me).submits = true,
            (&Op::Private(_, PrivateOp::ReadFlag { overwrite }), _) => {
                self.task(me).overwrite = overwrite;
            }
            _ => {}
        }
    }

    fn take(&mut self, task: TaskId, lock: LockName, mode: Mode) {
        if lock == LockName::PageLock {
            let open = (0..self.tasks.len()).filter(|&at| self.tasks[at].to_convert);
            self.task(task).awaits = open.fold(0, |mask, at| mask | 1 << at);
        }
        let state = self.task(task);
        state.held.push((lock, mode));
        if lock.is_inode_lock() {
            state.committed = false;
            state.ended_meanwhile = 0;
        }
    }
}
