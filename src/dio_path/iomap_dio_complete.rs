//! `iomap_dio_complete` and ext4's `->end_io`: what finishes a direct write from v5.10 on.

use super::inode_extension::InodeExtension;
use super::invalidate_pages::InvalidatePages;
use crate::extent_probe::ConvertUnwritten;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Blocks, Op, Outcome, Range, Submission, TaskId};
use crate::task::{Place, Task};

/// `iomap_dio_complete` with `ext4_dio_write_end_io` inside, in whichever task runs it.
///
/// | step         | kernel (v6.12; * v5.10 only)                             | holds after    |
/// |--------------|----------------------------------------------------------|----------------|
/// | Convert      | ext4_dio_write_end_io: ext4_convert_unwritten_extents    |                |
/// | ReadSize     | ext4_dio_write_end_io: i_size_read                       |                |
/// | RaiseSize    | ext4_dio_write_end_io: i_size_write *                    | i_rwsem        |
/// | WarnSize     | WARN_ON_ONCE(i_size < i_disksize) (before 619f75dae2cf)  |                |
/// | LookDisksize | the same: i_disksize                                     |                |
/// | Warn         | the same: it fires                                       |                |
/// | ReadDisksize | ext4_dio_write_end_io: READ_ONCE(i_disksize)             |                |
/// | Extension    | ext4_handle_inode_extension, see InodeExtension          | i_rwsem        |
/// | Invalidate   | iomap_dio_complete: nrpages, see InvalidatePages         |                |
/// | EndIo        | iomap_dio_complete: inode_dio_end                        |                |
/// | WriteSync    | iomap_dio_complete: generic_write_sync                   |                |
/// | AioComplete  | iomap_dio_complete_work: ki_complete                     |                |
///
/// # Kernel
/// fs/iomap/direct-io.c and fs/ext4/file.c, read in v5.10.44, v6.1-rc7, v6.1.141, v6.1.192, v6.12 and
/// v6.12.117.
///
/// # Modelled
/// Locks are those of a submitter that waits; a worker holds none. v5.10 (from 5899593f51e6, which
/// v5.10.44 has) raises i_size here and i_disksize after the I/O.
///
/// # Left out
/// Errors, short I/O, how the submitter is woken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IomapDioComplete {
    range: Range,
    of: TaskId,
    kernel: Kernel,
    asynchronous: bool,
    osync: bool,
    step: Step,
    size: Blocks,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Convert(ConvertUnwritten),
    ReadSize,
    RaiseSize,
    WarnSize,
    LookDisksize,
    Warn,
    ReadDisksize,
    Extension(InodeExtension),
    Invalidate(InvalidatePages),
    EndIo,
    WriteSync,
    AioComplete,
    Done,
}

impl IomapDioComplete {
    /// Finishes the I/O of `range` that is counted for task `of`.
    pub fn new(range: Range, of: TaskId, unwritten: bool, kernel: Kernel) -> IomapDioComplete {
        let step = Step::Done;
        let mut task = IomapDioComplete {
            range,
            of,
            kernel,
            asynchronous: false,
            osync: false,
            step,
            size: 0,
        };
        task.step =
            if unwritten { Step::Convert(ConvertUnwritten::new(range, of)) } else { task.sizes() };
        task
    }
    /// It is not the submitter that runs it.
    #[must_use]
    pub fn asynchronous(self) -> IomapDioComplete {
        IomapDioComplete { asynchronous: true, ..self }
    }
    /// The write is O_SYNC.
    #[must_use]
    pub fn osync(self, osync: bool) -> IomapDioComplete {
        IomapDioComplete { osync, ..self }
    }

    fn sizes(&self) -> Step {
        if !self.in_end_io() {
            // What 91562895f803 changed on top keeps i_size where 5899593f51e6 had put it.
            let raises = self.kernel.has(Fix::SizeInEndIo) || self.kernel.version >= Version::V6_1;
            if raises { Step::ReadSize } else { self.pages() }
        } else if self.kernel.has(Fix::CompletionTestsBoth) {
            Step::ReadDisksize
        } else {
            Step::WarnSize
        }
    }

    /// Whether `->end_io` sees to the on-disk size.
    fn in_end_io(&self) -> bool {
        self.kernel.version >= Version::V6_1 && self.kernel.has(Fix::ExtensionInEndIo)
    }

    fn extension(&self) -> Step {
        Step::Extension(InodeExtension::in_end_io(self.range.end(), self.kernel))
    }

    fn pages(&self) -> Step {
        let invalidates = !self.asynchronous || self.kernel.has(Fix::CompletionInvalidates);
        let invalidate = InvalidatePages::after_io(self.range);
        match invalidate.next() {
            Some(_) if invalidates => Step::Invalidate(invalidate),
            _ => Step::EndIo,
        }
    }

    fn last(&self) -> Step {
        if self.asynchronous { Step::AioComplete } else { Step::Done }
    }
}

impl Task for IomapDioComplete {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::Convert(convert) => return convert.next(),
            Step::ReadSize | Step::WarnSize => Op::SizeRead,
            Step::RaiseSize => Op::SizeWrite(self.range.end()),
            Step::LookDisksize | Step::ReadDisksize => Op::DisksizeRead,
            Step::Warn => Op::WarnSize,
            Step::Extension(extension) => return extension.next(),
            Step::Invalidate(drop) => return drop.next(),
            Step::EndIo => Op::DioEnd(self.of),
            Step::WriteSync => Op::WriteSync,
            Step::AioComplete => Op::AioComplete,
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let value = if let Outcome::Value(value) = outcome { value } else { 0 };
        let past = self.range.end() > value;
        let in_end_io = self.in_end_io();
        self.step = match &mut self.step {
            Step::Convert(convert) => {
                convert.resume(outcome);
                if convert.next().is_some() {
                    return;
                }
                self.sizes()
            }
            Step::ReadSize if past && in_end_io => self.extension(),
            Step::ReadSize if past => Step::RaiseSize,
            Step::ReadSize | Step::RaiseSize => self.pages(),
            Step::WarnSize => {
                self.size = value;
                Step::LookDisksize
            }
            Step::LookDisksize if self.size < value => Step::Warn,
            Step::LookDisksize | Step::Warn => Step::ReadDisksize,
            Step::ReadDisksize if past => self.extension(),
            Step::ReadDisksize if self.kernel.has(Fix::CompletionTestsBoth) => Step::ReadSize,
            Step::ReadDisksize => self.pages(),
            Step::Extension(extension) => {
                extension.resume(outcome);
                if extension.next().is_some() {
                    return;
                }
                self.pages()
            }
            // A page that is dirty stays: dio_warn_stale_pagecache.
            Step::Invalidate(invalidate) => {
                invalidate.resume(outcome);
                if invalidate.next().is_some() {
                    return;
                }
                Step::EndIo
            }
            Step::EndIo if self.osync => Step::WriteSync,
            Step::EndIo | Step::WriteSync => self.last(),
            Step::AioComplete | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Convert(convert) => return convert.place(),
            Step::Extension(extension) => return extension.place(),
            Step::ReadSize => ("ReadSize", "ext4_dio_write_end_io"),
            Step::RaiseSize => ("RaiseSize", "ext4_dio_write_end_io"),
            Step::WarnSize => ("WarnSize", "ext4_dio_write_end_io"),
            Step::LookDisksize => ("LookDisksize", "ext4_dio_write_end_io"),
            Step::Warn => ("Warn", "ext4_dio_write_end_io"),
            Step::ReadDisksize => ("ReadDisksize", "ext4_dio_write_end_io"),
            Step::Invalidate(drop) => return drop.place(),
            Step::EndIo => ("EndIo", "iomap_dio_complete"),
            Step::WriteSync => ("WriteSync", "iomap_dio_complete"),
            Step::AioComplete => ("AioComplete", "iomap_dio_complete_work"),
            Step::Done => ("Done", "iomap_dio_complete"),
        };
        Place { step, kernel }
    }
}

/// `iomap_dio_bio_end_io` and the worker it queues: the completion of an asynchronous write.
///
/// | step     | kernel (v6.12)                                             | holds after |
/// |----------|------------------------------------------------------------|-------------|
/// | RunBio   | the device writes; iomap_dio_bio_end_io                    |             |
/// | Complete | iomap_dio_complete_work, see IomapDioComplete              |             |
///
/// # Modelled
/// `deferred`: io_uring asked for the completion (`IOCB_DIO_CALLER_COMP`, v6.6-rc) and runs the rest
/// in the submitter's own task.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct IomapEndIo {
    task: TaskId,
    kernel: Kernel,
    osync: bool,
    deferred: bool,
    submission: Option<Submission>,
    step: EndIo,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum EndIo {
    RunBio,
    Complete(IomapDioComplete),
    Done,
}

impl IomapEndIo {
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId, kernel: Kernel, osync: bool, deferred: bool) -> IomapEndIo {
        IomapEndIo { task, kernel, osync, deferred, submission: None, step: EndIo::RunBio }
    }
    /// Whether the I/O is on its way.
    pub fn submitted(&self) -> bool {
        self.submission.is_some()
    }
    /// The I/O is on its way.
    pub fn submit(&mut self, submission: Submission) {
        self.submission = Some(submission);
    }
}

impl Task for IomapEndIo {
    fn next(&self) -> Option<Op> {
        let submission = self.submission.as_ref()?;
        match &self.step {
            EndIo::RunBio => Some(Op::Bio(submission.blocks.clone(), submission.bio)),
            EndIo::Complete(complete) => complete.next(),
            EndIo::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        let Some(submission) = &self.submission else { return };
        self.step = match &mut self.step {
            EndIo::RunBio if self.deferred => EndIo::Done,
            EndIo::RunBio => {
                let (range, unwritten) = (submission.range, submission.unwritten);
                let complete = IomapDioComplete::new(range, self.task, unwritten, self.kernel);
                EndIo::Complete(complete.asynchronous().osync(self.osync))
            }
            EndIo::Complete(complete) => {
                complete.resume(outcome);
                if complete.next().is_some() {
                    return;
                }
                EndIo::Done
            }
            EndIo::Done => EndIo::Done,
        };
    }

    fn place(&self) -> Place {
        match &self.step {
            EndIo::Complete(complete) => complete.place(),
            EndIo::RunBio => Place { step: "RunBio", kernel: "iomap_dio_bio_end_io" },
            EndIo::Done => Place { step: "Done", kernel: "iomap_dio_bio_end_io" },
        }
    }
}
