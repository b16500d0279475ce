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
    /// fs/ext4/inode.c, read in v4.10.17 and in a stable v6.12 (6.12.117), which raises i_disksize to the end of
    /// the range also where that lies below i_size; the versions modelled do not. 011278485ecc (v4.5).
    pub struct DisksizeBeforePunch { span: Span, size: Size }
    in "ext4_update_disksize_before_punch" => Step / At |self, outcome|;

    ReadSize "i_size_read" => Op::SizeRead
        => { self.size = outcome.size(); (!self.reaches()).then_some(Step::Done) };
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
        let task = DisksizeBeforePunch { span, size: Size::default(), step: At::Done };
        if kernel.has(Fix::DisksizeBeforePunch) { task.begin() } else { task }
    }

    /// Whether the range goes up to i_size, or past it.
    fn reaches(&self) -> bool {
        self.span.start <= self.size && self.size <= self.span.end
    }
}
