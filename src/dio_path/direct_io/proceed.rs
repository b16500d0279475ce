//! `ext4_ext_direct_IO`: what comes after each step.

use super::super::flush::FinishIoEnd;
use super::super::write::Fault;
use super::{DirectIo, Step};
use crate::extent_probe::{ConvertUnwritten, DataSemHeld, Extent, IoEnd, MapBlocks, Mapped};
use crate::kernel::{Fix, Version};
use crate::op::{MapFor, Outcome, TaskId};
use crate::task::Task;

impl DirectIo {
    fn after_flag(&self) -> Step {
        match (self.overwrite, self.extra_count()) {
            (_, true) => Step::RaiseCount,
            (true, false) => Step::TakeDataSem,
            _ => self.clear_private(),
        }
    }

    fn clear_private(&self) -> Step {
        if self.kernel.has(Fix::ClearPrivate) { Step::ClearPrivate } else { self.allocate() }
    }

    fn allocate(&self) -> Step {
        if self.slot().is_some() { Step::SetIoEnd } else { self.set_slot() }
    }

    fn set_slot(&self) -> Step {
        if self.write.slot { Step::SetSlot } else { self.after_slot() }
    }

    fn after_slot(&self) -> Step {
        let failed = self.write.end_io.is_some() && self.slot().is_none();
        if failed { self.out_of_memory() } else { self.begin_io() }
    }

    /// `-ENOMEM` after the lock swap: from v3.6 `goto retake_lock`, in the RFC a plain return.
    fn out_of_memory(&self) -> Step {
        match (self.overwrite && self.kernel.has(Fix::RetakeLock), self.extra_count()) {
            (false, true) if !self.overwrite => Step::DropCount,
            (true, true) => Step::DropCount,
            (true, false) => Step::DropDataSem,
            _ => Step::Done,
        }
    }

    fn begin_io(&self) -> Step {
        if self.extra_count() && self.write.end_io.is_none() { self.pin() } else { Step::BeginIo }
    }

    /// `do_direct_IO` pins the pages of the buffer before it asks for blocks.
    fn pin(&self) -> Step {
        if self.overwrite && self.write.pins { Step::TakeMmapSem } else { self.map() }
    }

    fn map(&self) -> Step {
        let range = self.write.range;
        if self.overwrite {
            let held = if self.kernel.has(Fix::GetBlocksNoLock) {
                DataSemHeld::ByCaller
            } else {
                DataSemHeld::No
            };
            return Step::Map(MapBlocks::look_up(range, MapFor::Io, held));
        }
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ => MapFor::Create,
        };
        let early = !self.kernel.has(Fix::CountUnwrittenOnSuccess);
        let map = MapBlocks::create(range, how, self.write.end_io.is_some(), early);
        Step::Map(if self.write.slot { map.by_slot() } else { map })
    }

    fn after_io(&self) -> Step {
        if self.extra_count() && self.write.end_io.is_some() {
            Step::DropCount
        } else if self.overwrite {
            Step::DropDataSem
        } else {
            Step::Done
        }
    }

    /// The I/O was over before the submitter dropped its reference to the io_end.
    fn finish(&self) -> Step {
        let io_end = IoEnd { task: self.counted_for(), range: self.write.range, direct: true };
        Step::Finish(if self.completes {
            FinishIoEnd::untold(io_end, self.kernel)
        } else {
            FinishIoEnd::last_put(io_end, self.converts, self.kernel)
        })
    }

    /// Whose io_end this write puts into the slot.
    pub(super) fn slot(&self) -> Option<TaskId> {
        self.write.end_io.filter(|_| self.write.fault != Some(Fault::Enomem))
    }

    fn after_submission(&self) -> Step {
        match self.kernel.version {
            _ if !self.write.slot => self.after_empty(),
            Version::V3_11 => Step::EmptySlot,
            _ => Step::TestPrivate,
        }
    }

    fn after_empty(&self) -> Step {
        let counted = self.kernel.version >= Version::V3_11;
        if counted && !self.failed { Step::PutIoEnd } else { self.after_io() }
    }

    /// The dio is done with, by the submitter.
    fn completed(&mut self) -> Step {
        self.completes = true;
        Step::TakeIoEnd
    }

    fn mapped(&mut self, found: Option<Vec<Mapped>>, slot: Option<TaskId>) -> Step {
        let Some(found) = found else {
            self.failed = true;
            return Step::EndIo;
        };
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        let told = !self.write.slot || slot == self.slot();
        self.converts = self.unwritten && !self.overwrite && told;
        self.blocks = found.iter().map_while(|m| m.block).collect();
        // What meets a hole is a short write, and waited for.
        self.waits |= self.blocks.len() < found.len();
        if self.blocks.is_empty() {
            // Truncated away under an overwrite that did not hold it off: nothing to write to.
            self.failed = true;
            Step::EndIo
        } else if self.write.end_io.is_some() && !self.waits {
            Step::Submit
        } else {
            Step::RunBio
        }
    }

    /// What comes after a step.
    pub(super) fn proceed(&mut self, outcome: Outcome) {
        let every_count = self.every_count();
        let has_io_end = self.slot().is_some();
        self.step = match &mut self.step {
            Step::ReadFlag => self.after_flag(),
            Step::RaiseCount if self.overwrite => Step::TakeDataSem,
            Step::RaiseCount => self.clear_private(),
            Step::TakeDataSem => Step::DropImutex,
            Step::DropImutex if !self.kernel.has(Fix::TimeUnderImutex) => Step::StartTime,
            Step::StartTime => Step::StopTime,
            Step::DropImutex | Step::StopTime => self.clear_private(),
            Step::ClearPrivate => self.allocate(),
            Step::SetIoEnd => self.set_slot(),
            Step::SetSlot => self.after_slot(),
            Step::BeginIo if self.write.end_io.is_some() => Step::IsAsync,
            Step::BeginIo => self.pin(),
            Step::IsAsync => {
                let end = self.write.range.end();
                self.waits = matches!(outcome, Outcome::Value(size) if end > size);
                self.pin()
            }
            Step::TakeMmapSem => Step::DropMmapSem,
            Step::DropMmapSem => self.map(),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let (found, slot) = (map.found().map(<[Mapped]>::to_vec), map.slot());
                self.mapped(found, slot)
            }
            Step::Submit if !self.converts => Step::DropRefcount,
            Step::DropRefcount if outcome == Outcome::Flag(true) => self.completed(),
            Step::Submit | Step::DropRefcount => self.after_submission(),
            Step::TestPrivate if outcome == Outcome::Flag(true) => Step::EmptySlot,
            Step::PutIoEnd if outcome == Outcome::Flag(true) => self.finish(),
            Step::Finish(finish) => {
                finish.resume(outcome);
                if finish.next().is_some() {
                    return;
                }
                self.after_io()
            }
            Step::TestPrivate | Step::EmptySlot => self.after_empty(),
            Step::PutIoEnd => self.after_io(),
            Step::RunBio => self.completed(),
            Step::TakeIoEnd if has_io_end && self.kernel.version >= Version::V3_11 => {
                Step::PutForDio
            }
            Step::PutForDio => self.after_submission(),
            Step::TakeIoEnd if every_count && self.converts => Step::Convert(
                ConvertUnwritten::new(self.write.range, self.write.task).of_kernel(self.kernel),
            ),
            Step::TakeIoEnd => Step::EndIo,
            Step::EndIo if has_io_end => self.after_submission(),
            Step::EndIo if every_count => self.after_io(),
            Step::EndIo if self.converts && !self.failed => Step::Convert(
                ConvertUnwritten::new(self.write.range, self.write.task).of_kernel(self.kernel),
            ),
            Step::EndIo => self.after_io(),
            Step::Convert(convert) => {
                convert.resume(outcome);
                if convert.next().is_some() {
                    return;
                }
                if every_count { Step::EndIo } else { self.after_io() }
            }
            Step::DropCount if !self.overwrite => Step::Done,
            Step::DropCount => Step::DropDataSem,
            Step::DropDataSem => Step::RetakeImutex,
            Step::RetakeImutex | Step::Done => Step::Done,
        };
    }
}
