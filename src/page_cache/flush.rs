//! Finishing completed I/O: one io_end, and all that are on the list.

use crate::extent_probe::ConvertUnwritten;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::CompletedIoLock;
use crate::op::Mode::Exclusive;
use crate::op::{IoEnd, Op, Outcome, TaskId};
use crate::task::steps;
use std::collections::VecDeque;

steps! {
    /// `ext4_end_io_nolock`: converts one completed I/O, tells its caller, drops its references.
    ///
    /// # Kernel
    /// `ext4_end_io_nolock` (v3.6), `ext4_end_io` (v3.7.2, v3.11), `ext4_release_io_end` and
    /// `ext4_clear_io_unwritten_flag` (v3.11), all read: in v3.11 the unwritten count goes first, then the direct
    /// one, and `aio_complete` is last. That the order changed in v3.8 is from the notes.
    pub struct FinishIoEnd {
        io_end: IoEnd,
        kernel: Kernel,
        drops_count: bool,
        complete_last: bool,
        buffered: bool,
        nested: bool,
        written: bool,
    }
    in "ext4_end_io_nolock" => Finish / FinishAt |self, outcome|;

    Convert(convert: ConvertUnwritten) => self.convert()
        => (self.complete_last || self.buffered).then_some(Finish::DropUnwritten);
    AioComplete "aio_complete" => Op::AioComplete => self.told();
    EndIo "inode_dio_done" => Op::DioEnd(self.io_end.task) => self.uncounted();
    DropUnwritten "atomic_dec_and_test(i_aiodio_unwritten)" => Op::UnwrittenEnd
        => (self.complete_last && !self.buffered).then_some(self.last());
}

impl FinishIoEnd {
    fn of(io_end: IoEnd, kernel: Kernel) -> FinishIoEnd {
        FinishIoEnd {
            io_end,
            kernel,
            drops_count: kernel.has(Fix::CountCoversConversion),
            complete_last: kernel.has(Fix::AioCompleteLast),
            buffered: !io_end.direct,
            nested: false,
            written: false,
            step: FinishAt::Done,
        }
    }

    /// Finishes `io_end`. Before 266991b13890 the interrupt had dropped the reference already.
    pub fn new(io_end: IoEnd, kernel: Kernel) -> FinishIoEnd {
        FinishIoEnd::of(io_end, kernel).begin()
    }

    /// `ext4_put_io_end` (v3.11): with nothing to convert only the rest is left.
    pub(crate) fn last_put(io_end: IoEnd, unwritten: bool, kernel: Kernel) -> FinishIoEnd {
        if unwritten {
            return FinishIoEnd::new(io_end, kernel);
        }
        let finish = FinishIoEnd { written: true, ..FinishIoEnd::of(io_end, kernel) };
        let first = if finish.complete_last { Finish::EndIo } else { Finish::AioComplete };
        finish.begin_at(first)
    }

    /// The same where the submitter completed the I/O: the io_end has no request to complete.
    pub(crate) fn untold(io_end: IoEnd, kernel: Kernel) -> FinishIoEnd {
        let finish = FinishIoEnd::of(io_end, kernel);
        FinishIoEnd { written: true, complete_last: false, ..finish }.begin_at(Finish::EndIo)
    }

    /// That of a buffered write, of which no caller waits to be told and `i_dio_count` knows nothing.
    fn of_buffered(self, nested: bool) -> FinishIoEnd {
        FinishIoEnd { buffered: true, nested, ..self }.begin()
    }

    fn convert(&self) -> ConvertUnwritten {
        let convert =
            ConvertUnwritten::new(self.io_end.range, self.io_end.task).of_kernel(self.kernel);
        if self.nested { convert.nested() } else { convert }
    }

    fn told(&self) -> Finish {
        match (self.complete_last, self.drops_count) {
            (true, _) => Finish::Done,
            (false, true) => Finish::EndIo,
            (false, false) => Finish::DropUnwritten,
        }
    }

    fn uncounted(&self) -> Finish {
        match (self.complete_last, self.written) {
            (true, _) => Finish::AioComplete,
            (false, true) => Finish::Done,
            (false, false) => Finish::DropUnwritten,
        }
    }

    fn last(&self) -> Finish {
        if self.drops_count { Finish::EndIo } else { Finish::AioComplete }
    }
}

steps! {
    /// `ext4_flush_completed_IO`: takes io_ends off the list one by one and finishes each. It waits for
    /// nothing that has not reached the list.
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
    pub struct FlushCompleted { buffered: Option<bool>, found: VecDeque<IoEnd> }
    /// Finishes all that is on the list (or only the io_end of task `whose`). `locked` is false
    /// for the worker before d73d5046a724, which looked at the list without its lock.
    pub fn new(kernel: Kernel, whose: Option<TaskId>, locked: bool);
    in "ext4_flush_completed_IO" => Flush / FlushAt |self, outcome|;

    TakeLock "spin_lock_irqsave" if self.locked => Op::Lock(CompletedIoLock, Exclusive);
    TakeOne "list_del_init" => Op::ListTake(self.whose)
        => (self.took(&outcome) && self.takes_all()).then_some(Flush::TakeOne);
    DropLock "spin_unlock_irqrestore" if self.locked => Op::Unlock(CompletedIoLock, Exclusive);
    Finish(finish: Option<FinishIoEnd>) if !self.found.is_empty() => self.finish() => self.again();
}

impl FlushCompleted {
    /// The io_ends on the list are those of buffered writes; `nested`: a handle is open.
    #[must_use]
    pub fn of_buffered(self, nested: bool) -> FlushCompleted {
        FlushCompleted { buffered: Some(nested), ..self }
    }

    /// The list is looked at once.
    fn takes_all(&self) -> bool {
        self.whose.is_none() && self.kernel.version >= Version::V3_11
    }

    fn took(&mut self, outcome: &Outcome) -> bool {
        match *outcome {
            // None is on the list twice.
            Outcome::IoEnd(Some(io_end)) if !self.found.contains(&io_end) => {
                self.found.push_back(io_end);
                true
            }
            _ => false,
        }
    }

    fn finish(&mut self) -> Option<FinishIoEnd> {
        let finish = FinishIoEnd::new(self.found.pop_front()?, self.kernel);
        Some(match self.buffered {
            Some(nested) => finish.of_buffered(nested),
            None => finish,
        })
    }

    fn again(&self) -> Flush {
        match self.whose {
            _ if self.takes_all() => Flush::Finish,
            Some(_) => Flush::Done,
            None => Flush::TakeLock,
        }
    }
}
