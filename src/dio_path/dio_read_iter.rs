//! Direct reads under shared `i_rwsem`: `ext4_direct_IO_read`, later `ext4_dio_read_iter`.

use super::writepages::WritePages;
use crate::extent_probe::{DataSemHeld, Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::Kernel;
use crate::op::{Bio, MapFor, Op, Outcome, PhysicalBlock, Range, Submission, TaskId};
use crate::task::{Place, Task};

/// A direct read, v4.10 and later.
///
/// | step       | kernel (v6.12; v4.10: ext4_direct_IO_read)         | holds after |
/// |------------|----------------------------------------------------|-------------|
/// | TakeShared | ext4_dio_read_iter: inode_lock_shared              | i_rwsem R   |
/// | ReadSize   | __iomap_dio_rw: i_size_read                        | i_rwsem R   |
/// | LookForPages | filemap_write_and_wait_range: nrpages            | i_rwsem R   |
/// | WriteBack  | filemap_write_and_wait_range, see WritePages       | i_rwsem R   |
/// | BeginIo    | __iomap_dio_rw: inode_dio_begin                    | i_rwsem R   |
/// | Map        | ext4_iomap_begin, see MapBlocks                    | i_rwsem R   |
/// | Submit     | iomap_dio_submit_bio; -EIOCBQUEUED (asynchronous)  | i_rwsem R   |
/// | RunBio     | iomap_dio_submit_bio, and the wait for it          | i_rwsem R   |
/// | EndIo      | iomap_dio_complete: inode_dio_end                  | i_rwsem R   |
/// | DropShared | ext4_dio_read_iter: inode_unlock_shared            |             |
///
/// # Kernel
/// Read in v4.10.17, v5.4.18 (fs/ext4/inode.c, fs/direct-io.c), v5.10.44, v6.1-rc7 and v6.12.
///
/// # Modelled
/// The order is the same in all of them, but that v4.10 and v5.4 write cached pages back before they
/// read i_size. The DIOREAD_LOCK gate is not looked at: from 16c54688592c
/// (v4.9) on no reader goes without the lock. An asynchronous read gives the lock back with its I/O in
/// flight, and its completion does the rest.
///
/// # Left out
/// Mapping in more than one piece; what of the last block lies past i_size is in the buffer, but not
/// returned.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DioReadIter {
    task: TaskId,
    end_io: Option<TaskId>,
    range: Range,
    write_back: WritePages,
    step: Step,
    blocks: Vec<PhysicalBlock>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeShared,
    ReadSize,
    LookForPages,
    WriteBack(Box<WritePages>),
    BeginIo,
    Map(MapBlocks),
    Submit,
    RunBio,
    EndIo,
    DropShared,
    Done,
}

impl DioReadIter {
    /// A read of `range`.
    pub fn new(task: TaskId, range: Range, kernel: Kernel, dioread_nolock: bool) -> DioReadIter {
        let write_back = WritePages::new(task, kernel, dioread_nolock).and_wait();
        let (step, blocks) = (Step::TakeShared, Vec::new());
        DioReadIter { task, end_io: None, range, write_back, step, blocks }
    }

    /// The same, completed by that task.
    #[must_use]
    pub fn completed_by(self, end_io: Option<TaskId>) -> DioReadIter {
        DioReadIter { end_io, ..self }
    }

    fn counted_for(&self) -> TaskId {
        self.end_io.unwrap_or(self.task)
    }
}

impl Task for DioReadIter {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::TakeShared => Op::Lock(LockName::IRwsem, Mode::Shared),
            Step::ReadSize => Op::SizeRead,
            Step::LookForPages => Op::PagesRead,
            Step::WriteBack(write) => return write.next(),
            Step::BeginIo => Op::DioBegin(self.counted_for()),
            Step::Map(map) => return map.next(),
            Step::Submit => {
                let (range, blocks) = (self.range, self.blocks.clone());
                let submission =
                    Submission { range, blocks, bio: Bio::WHOLE_READ, unwritten: false };
                Op::Submit(self.end_io?, submission)
            }
            Step::RunBio => Op::Bio(self.blocks.clone(), Bio::WHOLE_READ),
            Step::EndIo => Op::DioEnd(self.counted_for()),
            Step::DropShared => Op::Unlock(LockName::IRwsem, Mode::Shared),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::TakeShared => Step::ReadSize,
            Step::ReadSize => match outcome {
                Outcome::Value(size) if self.range.start >= size => Step::DropShared,
                _ => Step::LookForPages,
            },
            Step::LookForPages if matches!(outcome, Outcome::Value(1..)) => {
                Step::WriteBack(Box::new(self.write_back.clone()))
            }
            Step::LookForPages => Step::BeginIo,
            Step::WriteBack(write) => {
                write.resume(outcome);
                if write.next().is_some() {
                    return;
                }
                Step::BeginIo
            }
            Step::BeginIo => Step::Map(MapBlocks::look_up(self.range, MapFor::Io, DataSemHeld::No)),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().iter();
                let written = found.filter(|m| m.extent == Extent::Written);
                self.blocks = written.filter_map(|m| m.block).collect();
                match (self.blocks.is_empty(), self.end_io) {
                    // Nothing is in flight: the submitter completes it.
                    (true, _) => Step::EndIo,
                    (false, Some(_)) => Step::Submit,
                    (false, None) => Step::RunBio,
                }
            }
            Step::RunBio => Step::EndIo,
            Step::Submit | Step::EndIo => Step::DropShared,
            Step::DropShared | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Map(map) => return map.place(),
            Step::WriteBack(write) => return write.place(),
            Step::LookForPages => ("LookForPages", "filemap_write_and_wait_range"),
            Step::TakeShared => ("TakeShared", "ext4_dio_read_iter"),
            Step::ReadSize => ("ReadSize", "__iomap_dio_rw"),
            Step::BeginIo => ("BeginIo", "__iomap_dio_rw"),
            Step::Submit => ("Submit", "__iomap_dio_rw"),
            Step::RunBio => ("RunBio", "__iomap_dio_rw"),
            Step::EndIo => ("EndIo", "iomap_dio_complete"),
            Step::DropShared => ("DropShared", "ext4_dio_read_iter"),
            Step::Done => ("Done", "ext4_dio_read_iter"),
        };
        Place { step, kernel }
    }
}
