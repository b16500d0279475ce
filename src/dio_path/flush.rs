//! Finishing completed I/O: one io_end, and all that are on the list.

use crate::extent_probe::{ConvertUnwritten, IoEnd};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Outcome};
use crate::task::{Place, Task};
use std::collections::VecDeque;

/// `ext4_end_io_nolock`: converts one completed I/O, tells its caller, drops its references.
///
/// | step           | kernel (v3.6; v3.11 has aio_complete last)         | holds after |
/// |----------------|----------------------------------------------------|-------------|
/// | Convert        | ext4_convert_unwritten_extents                     |             |
/// | AioComplete    | aio_complete                                       |             |
/// | EndIo          | inode_dio_done                                     |             |
/// | DropUnwritten  | atomic_dec_and_test(i_aiodio_unwritten)            |             |
///
/// # Kernel
/// `ext4_end_io_nolock` (v3.6), `ext4_end_io` (v3.7.2, v3.11), `ext4_release_io_end` and
/// `ext4_clear_io_unwritten_flag` (v3.11), all read: in v3.11 the unwritten count goes first, then the direct
/// one, and `aio_complete` is last. That the order changed in v3.8 is from the notes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FinishIoEnd {
    io_end: IoEnd,
    drops_count: bool,
    complete_last: bool,
    buffered: bool,
    written: bool,
    step: Finish,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Finish {
    Convert(ConvertUnwritten),
    AioComplete,
    EndIo,
    DropUnwritten,
    Done,
}

impl FinishIoEnd {
    /// Finishes `io_end`. Before 266991b13890 the interrupt had dropped the reference already.
    pub fn new(io_end: IoEnd, kernel: Kernel) -> FinishIoEnd {
        FinishIoEnd {
            io_end,
            drops_count: kernel.has(Fix::CountCoversConversion),
            complete_last: kernel.has(Fix::AioCompleteLast),
            buffered: !io_end.direct,
            written: false,
            step: Finish::Convert(
                ConvertUnwritten::new(io_end.range, io_end.task).of_kernel(kernel),
            ),
        }
    }
}

impl FinishIoEnd {
    /// `ext4_put_io_end` (v3.11): with nothing to convert only the rest is left.
    pub(super) fn last_put(io_end: IoEnd, unwritten: bool, kernel: Kernel) -> FinishIoEnd {
        let finish = FinishIoEnd::new(io_end, kernel);
        if unwritten {
            return finish;
        }
        let step = if finish.complete_last { Finish::EndIo } else { Finish::AioComplete };
        FinishIoEnd { written: true, step, ..finish }
    }

    /// The same where the submitter completed the I/O: the io_end has no request to complete.
    pub(super) fn untold(io_end: IoEnd, kernel: Kernel) -> FinishIoEnd {
        let finish = FinishIoEnd::new(io_end, kernel);
        FinishIoEnd { written: true, complete_last: false, step: Finish::EndIo, ..finish }
    }

    /// That of a buffered write, of which no caller waits to be told and `i_dio_count` knows nothing.
    fn of_buffered(self, nested: bool) -> FinishIoEnd {
        let step = match self.step {
            Finish::Convert(convert) if nested => Finish::Convert(convert.nested()),
            step => step,
        };
        FinishIoEnd { buffered: true, step, ..self }
    }
}

impl Task for FinishIoEnd {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Finish::Convert(convert) => return convert.next(),
            Finish::AioComplete => Op::AioComplete,
            Finish::EndIo => Op::DioEnd(self.io_end.task),
            Finish::DropUnwritten => Op::UnwrittenEnd,
            Finish::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Finish::Convert(convert) => {
                convert.resume(outcome);
                if convert.next().is_some() {
                    return;
                }
                let direct_first = !self.complete_last && !self.buffered;
                if direct_first { Finish::AioComplete } else { Finish::DropUnwritten }
            }
            Finish::DropUnwritten if self.buffered => Finish::Done,
            Finish::DropUnwritten if self.complete_last && self.drops_count => Finish::EndIo,
            Finish::DropUnwritten | Finish::EndIo if self.complete_last => Finish::AioComplete,
            Finish::AioComplete if self.complete_last => Finish::Done,
            Finish::AioComplete if self.drops_count => Finish::EndIo,
            Finish::EndIo if self.written => Finish::Done,
            Finish::AioComplete | Finish::EndIo => Finish::DropUnwritten,
            Finish::DropUnwritten | Finish::Done => Finish::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Finish::Convert(convert) => return convert.place(),
            Finish::AioComplete => "AioComplete",
            Finish::EndIo => "EndIo",
            Finish::DropUnwritten => "DropUnwritten",
            Finish::Done => "Done",
        };
        Place { step, kernel: "ext4_end_io_nolock" }
    }
}

/// `ext4_flush_completed_IO`: takes io_ends off the list one by one and finishes each. It waits for
/// nothing that has not reached the list.
///
/// | step     | kernel (v3.6)                                        | holds after         |
/// |----------|------------------------------------------------------|---------------------|
/// | TakeLock | ext4_flush_completed_IO: spin_lock_irqsave           | i_completed_io_lock |
/// | TakeOne  | ext4_flush_completed_IO: list_del_init               | i_completed_io_lock |
/// | DropLock | ext4_flush_completed_IO: spin_unlock_irqrestore      |                     |
/// | Finish   | ext4_end_io_nolock, see FinishIoEnd                  |                     |
///
/// # Modelled
/// `whose` restricts it to one io_end and one round: the v3.6 worker. From v3.7 the worker flushes
/// the whole list (`ext4_do_flush_completed_IO`); taking all first and finishing them after is the
/// same to others as one by one, while the list may be looked at again. v3.11 does not: the last
/// one finished may have let the inode go.
///
/// The wait for `i_unwritten == 0` that follows in `ext4_flush_unwritten_io` (v3.7, c278531d39f3) is a step of
/// its callers.
///
/// # Left out
/// `EXT4_IO_END_IN_FSYNC` and who frees the io_end.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FlushCompleted {
    kernel: Kernel,
    whose: Option<crate::op::TaskId>,
    locked: bool,
    buffered: Option<bool>,
    step: Flush,
    found: VecDeque<IoEnd>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Flush {
    TakeLock,
    TakeOne,
    DropLock,
    Finish(FinishIoEnd),
    Done,
}

impl FlushCompleted {
    /// Finishes all that is on the list (or only the io_end of task `whose`). `locked` is false
    /// for the worker before d73d5046a724, which looked at the list without its lock.
    pub fn new(kernel: Kernel, whose: Option<crate::op::TaskId>, locked: bool) -> FlushCompleted {
        let step = if locked { Flush::TakeLock } else { Flush::TakeOne };
        FlushCompleted { kernel, whose, locked, buffered: None, step, found: VecDeque::new() }
    }

    /// The io_ends on the list are those of buffered writes; `nested`: a handle is open.
    #[must_use]
    pub fn of_buffered(self, nested: bool) -> FlushCompleted {
        FlushCompleted { buffered: Some(nested), ..self }
    }

    /// The list is looked at once.
    fn takes_all(&self) -> bool {
        self.whose.is_none() && self.kernel.version >= Version::V3_11
    }

    fn after_lock(&mut self) -> Flush {
        match self.found.pop_front() {
            Some(io_end) => {
                let finish = FinishIoEnd::new(io_end, self.kernel);
                Flush::Finish(match self.buffered {
                    Some(nested) => finish.of_buffered(nested),
                    None => finish,
                })
            }
            None => Flush::Done,
        }
    }
}

impl Task for FlushCompleted {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Flush::TakeLock => Op::Lock(LockName::CompletedIoLock, Mode::Exclusive),
            Flush::TakeOne => Op::ListTake(self.whose),
            Flush::DropLock => Op::Unlock(LockName::CompletedIoLock, Mode::Exclusive),
            Flush::Finish(finish) => return finish.next(),
            Flush::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Flush::TakeLock => Flush::TakeOne,
            Flush::TakeOne => {
                let took = match outcome {
                    // None is on the list twice.
                    Outcome::IoEnd(Some(io_end)) if !self.found.contains(&io_end) => {
                        self.found.push_back(io_end);
                        true
                    }
                    _ => false,
                };
                if took && self.takes_all() {
                    Flush::TakeOne
                } else if self.locked {
                    Flush::DropLock
                } else {
                    self.after_lock()
                }
            }
            Flush::DropLock => self.after_lock(),
            Flush::Finish(finish) => {
                finish.resume(outcome);
                if finish.next().is_some() {
                    return;
                }
                match (self.whose, self.locked) {
                    _ if self.takes_all() => self.after_lock(),
                    (Some(_), _) => Flush::Done,
                    (None, true) => Flush::TakeLock,
                    (None, false) => Flush::TakeOne,
                }
            }
            Flush::Done => Flush::Done,
        };
    }

    fn place(&self) -> Place {
        let step = match &self.step {
            Flush::Finish(finish) => return finish.place(),
            Flush::TakeLock => "TakeLock",
            Flush::TakeOne => "TakeOne",
            Flush::DropLock => "DropLock",
            Flush::Done => "Done",
        };
        Place { step, kernel: "ext4_flush_completed_IO" }
    }
}
