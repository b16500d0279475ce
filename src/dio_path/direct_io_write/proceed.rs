//! `ext4_direct_IO_write`: what comes after each step.

use super::super::write::Fault;
use super::{DirectIoWrite, Step};
use crate::extent_probe::{ConvertUnwritten, DataSemHeld, Extent, MapBlocks, Mapped};
use crate::kernel::{Fix, Version};
use crate::op::{Bio, MapFor, Outcome};
use crate::task::Task;

impl DirectIoWrite {
    pub(super) fn count(&self) -> Step {
        if self.outer_count() { Step::RaiseCount } else { Step::ReadFlag }
    }

    pub(super) fn bio(&self) -> Bio {
        let fresh = self.unwritten || self.write.range.start >= self.size;
        Bio::Write { half: self.write.half, zero_rest: fresh && self.write.half.is_some() }
    }

    fn holds_data_sem(&self) -> bool {
        self.overwrite && !self.kernel.has(Fix::NoDataSemOverIo)
    }

    /// `do_direct_IO` pins the pages of the buffer before it asks for blocks.
    fn pin(&self) -> Step {
        if self.overwrite && self.write.pins { Step::TakeMmapSem } else { self.map() }
    }

    fn map(&self) -> Step {
        let range = self.write.range;
        if self.overwrite {
            let held = if self.holds_data_sem() { DataSemHeld::ByCaller } else { DataSemHeld::No };
            return Step::Map(MapBlocks::look_up(range, MapFor::Io, held));
        }
        let how = match self.write.fault {
            Some(Fault::Enospc) => MapFor::CreateFails,
            _ if range.start >= self.size => MapFor::Extend,
            _ => MapFor::Create,
        };
        let early = !self.kernel.has(Fix::CountUnwrittenOnSuccess);
        let map = MapBlocks::create(range, how, self.end_io().is_some(), early);
        Step::Map(map.counts_last())
    }

    fn begin_io(&self) -> Step {
        if self.outer_count() && self.end_io().is_none() { self.pin() } else { Step::BeginIo }
    }

    fn mapped(&mut self, found: &[Mapped]) -> Step {
        self.unwritten = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.converts = self.unwritten && !self.overwrite;
        self.blocks = found.iter().map_while(|m| m.block).collect();
        // What meets a hole is a short write, and waited for.
        self.waits |= self.blocks.len() < found.len();
        self.failed = self.blocks.is_empty();
        match (self.failed, self.waits, self.end_io()) {
            (true, ..) => self.end(),
            (false, false, Some(_)) => Step::Submit,
            (false, ..) => self.run(),
        }
    }

    fn run(&mut self) -> Step {
        self.completes = true;
        Step::RunBio
    }

    /// The inner reference goes, if it is one of its own.
    fn end(&self) -> Step {
        let inner = self.end_io().is_some();
        if inner || !self.outer_count() { Step::EndIo } else { self.converted() }
    }

    fn converted(&self) -> Step {
        if self.outer_count() { Step::DropCount } else { self.retake() }
    }

    fn retake(&self) -> Step {
        if self.holds_data_sem() {
            Step::LetDataSem
        } else if self.overwrite {
            Step::RetakeRwsem
        } else {
            self.tail()
        }
    }

    fn tail(&self) -> Step {
        if self.extending { Step::StartSize } else { Step::Done }
    }

    /// What is left to do once the orphan record is gone: without a byte count nothing.
    fn size(&self) -> Step {
        if self.failed || self.queued() { Step::StopSize } else { Step::LookSize }
    }

    fn under_data_sem(&self) -> bool {
        self.kernel.version >= Version::V5_4
    }

    fn raise(&self) -> Step {
        if self.grows { Step::WriteSize } else { Step::StopSize }
    }

    /// What comes after a step.
    pub(super) fn proceed(&mut self, outcome: Outcome) {
        let (holds, sem) = (self.holds_data_sem(), self.under_data_sem());
        let (looks, end) = (self.end_io().is_some(), self.write.range.end());
        self.step = match &mut self.step {
            Step::ReadDisksize => {
                self.extending = matches!(outcome, Outcome::Value(disksize) if end > disksize);
                if self.extending { Step::StartOrphan } else { self.count() }
            }
            Step::StartOrphan if self.journal => Step::AddOrphan,
            Step::StartOrphan | Step::AddOrphan if sem => Step::TakeForOrphan,
            Step::TakeForOrphan => Step::LookForOrphan,
            Step::LookForOrphan if outcome == Outcome::Value(self.size) => Step::DropForOrphan,
            Step::StartOrphan | Step::AddOrphan | Step::LookForOrphan => Step::SetDisksize,
            Step::SetDisksize if sem => Step::DropForOrphan,
            Step::SetDisksize | Step::DropForOrphan => Step::StopOrphan,
            Step::StopOrphan => self.count(),
            Step::RaiseCount => Step::ReadFlag,
            Step::ReadFlag if holds => Step::HoldDataSem,
            Step::HoldDataSem => Step::DropRwsem,
            Step::LetDataSem => Step::RetakeRwsem,
            Step::TakeMmapSem => Step::DropMmapSem,
            Step::DropMmapSem => self.map(),
            Step::ReadFlag if self.overwrite => Step::DropRwsem,
            Step::ReadFlag | Step::DropRwsem => Step::ClearPrivate,
            Step::ClearPrivate if looks => Step::IsAsync,
            Step::IsAsync => {
                self.waits = matches!(outcome, Outcome::Value(size) if end > size);
                self.begin_io()
            }
            Step::ClearPrivate => self.begin_io(),
            Step::BeginIo => self.pin(),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().to_vec();
                self.mapped(&found)
            }
            Step::Submit if !self.converts => Step::DropRefcount,
            Step::DropRefcount if outcome == Outcome::Flag(true) => {
                self.completes = true;
                Step::EndIo
            }
            Step::Submit | Step::DropRefcount => self.converted(),
            Step::RunBio if self.converts => {
                Step::Convert(ConvertUnwritten::new(self.write.range, self.write.task))
            }
            Step::RunBio => self.end(),
            Step::EndIo => self.converted(),
            Step::Convert(convert) => {
                convert.resume(outcome);
                if convert.next().is_some() {
                    return;
                }
                self.converted()
            }
            Step::DropCount => self.retake(),
            Step::RetakeRwsem => self.tail(),
            Step::StartSize if self.journal => Step::DelOrphan,
            Step::StartSize | Step::DelOrphan => self.size(),
            Step::LookSize => {
                self.grows = matches!(outcome, Outcome::Value(size) if end > size);
                match (self.grows, sem) {
                    (true, true) => Step::TakeDataSem,
                    (true, false) => Step::WriteDisksize,
                    (false, true) => Step::LookDisksize,
                    (false, false) => Step::StopSize,
                }
            }
            Step::LookDisksize | Step::CheckDisksize if !matches!(outcome, Outcome::Value(disksize) if end > disksize) => {
                if self.step == Step::LookDisksize {
                    Step::StopSize
                } else {
                    Step::DropDataSem
                }
            }
            Step::LookDisksize => Step::TakeDataSem,
            Step::TakeDataSem => Step::CheckDisksize,
            Step::CheckDisksize => Step::WriteDisksize,
            Step::WriteDisksize if sem => Step::DropDataSem,
            Step::WriteDisksize | Step::DropDataSem => self.raise(),
            Step::WriteSize => Step::StopSize,
            Step::StopSize | Step::Done => Step::Done,
        };
    }
}
