//! `ext4_update_disksize_before_punch`: a page that was to raise i_disksize is about to go.

use crate::kernel::{Fix, Kernel};
use crate::op::LockName::IDataSem;
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, Size, Span};
use crate::task::steps;

steps! {
    /// `ext4_update_disksize_before_punch`.
    ///
    /// # Kernel
    /// fs/ext4/inode.c, read in v4.10.17, v6.12, v6.18.2 and v7.0.0. 011278485ecc (v4.5). From v6.18 on (and in 6.12.117)
    /// i_disksize is raised to the end of the range also where that lies below i_size.
    pub struct DisksizeBeforePunch { span: Span, kernel: Kernel, size: Size }
    in "ext4_update_disksize_before_punch" => Step / At |self, outcome|;

    ReadSize "i_size_read" => Op::SizeRead
        => self.looked(outcome.size());
    LookDisksize "i_disksize" => Op::DisksizeRead => (outcome.size() >= self.size).then_some(Step::Done);
    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Orphan);
    TakeDataSem "ext4_update_i_disksize: down_write(i_data_sem)" => Op::Lock(IDataSem, Exclusive);
    CheckDisksize "ext4_update_i_disksize: i_disksize" => Op::DisksizeRead
        => (outcome.size() >= self.size).then_some(Step::DropDataSem);
    WriteDisksize "ext4_update_i_disksize: i_disksize" => Op::DisksizeWrite(self.size);
    DropDataSem "ext4_update_i_disksize: up_write(i_data_sem)" => Op::Unlock(IDataSem, Exclusive);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Orphan);
}

impl DisksizeBeforePunch {
    /// Before the pages of `span` go.
    pub fn new(span: Span, kernel: Kernel) -> DisksizeBeforePunch {
        let task = DisksizeBeforePunch { span, kernel, size: Size::default(), step: At::Done };
        if kernel.has(Fix::DisksizeBeforePunch) { task.begin() } else { task }
    }

    /// Nothing is to be done for a range behind i_size, nor, at first, for one that does not go up to it.
    fn looked(&mut self, size: Size) -> Option<Step> {
        self.size = size.min(self.span.end);
        let reaches = size <= self.span.end || self.kernel.has(Fix::DisksizeToHole);
        (self.span.start > size || !reaches).then_some(Step::Done)
    }
}
