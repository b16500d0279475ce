//! Which kernel runs which task.

use super::Call;
use crate::dio_path::{
    DioComplete, DioReadComplete, DioReadIter, DioWriteIter, DirectRead, EndIo, FileDioWrite,
    FileWriteIter, IomapDioComplete, IomapEndIo, IomapReadEndIo, UringThread, Write, WriteFlags,
    WriteThenClose,
};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Fault, Range, Shift, Size, Span, TaskId};
use crate::page_cache::{BufferedWrite, SyncFile, WritePages};
use crate::resize::{PunchHole, PunchHoleRwsem, Setattr, ShiftRange, Truncate};

/// How the file system is mounted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Mount {
    /// `dioread_nolock`; it decides nothing from v5.10 on.
    pub dioread_nolock: bool,
    /// There is a journal.
    pub journal: bool,
}

impl Mount {
    /// Whether `-o dioread_nolock` makes a difference to writeback, and was given.
    fn asks_for_nolock(self, kernel: Kernel) -> bool {
        self.dioread_nolock && kernel.version < Version::V5_10
    }
}

impl Call {
    /// A direct write.
    pub fn pwrite(write: Write, flags: WriteFlags, kernel: Kernel, mount: Mount) -> Call {
        let Mount { dioread_nolock, journal } = mount;
        if kernel.version >= Version::V5_10 {
            Call::DioWriteIter(DioWriteIter::new(write, flags, kernel, journal))
        } else if kernel.version >= Version::V4_10 {
            let write = FileWriteIter::new(write, kernel, dioread_nolock, journal);
            Call::FileWriteIter(write.with(flags))
        } else {
            Call::Write(FileDioWrite::new(write, kernel, dioread_nolock).osync(flags.osync))
        }
    }

    /// A direct write, and then the last close.
    pub fn pwrite_close(write: Write, flags: WriteFlags, kernel: Kernel, mount: Mount) -> Call {
        Call::WriteThenClose(match Call::pwrite(write, flags, kernel, mount) {
            Call::Write(write) => WriteThenClose::new(Some(Box::new(write)), None, None),
            Call::FileWriteIter(write) => WriteThenClose::new(None, Some(Box::new(write)), None),
            Call::DioWriteIter(write) => WriteThenClose::new(None, None, Some(Box::new(write))),
            other => return other,
        })
    }

    /// The completion, as task `task`, of an asynchronous write.
    pub fn completion(task: TaskId, flags: WriteFlags, kernel: Kernel) -> Call {
        if kernel.version >= Version::V5_10 {
            Call::IomapEndIo(IomapEndIo::new(task, kernel, flags.osync, false))
        } else if kernel.version >= Version::V4_10 {
            Call::DioComplete(DioComplete::new(task, kernel, flags.osync))
        } else {
            Call::EndIo(EndIo::new(task, kernel).of_osync(flags.osync))
        }
    }

    /// A direct read, whose completion is task `end_io` if it is asynchronous; of a file that may have cached
    /// `pages` or not (from v4.10 on it looks in any case).
    pub fn pread(
        task: TaskId,
        end_io: Option<TaskId>,
        span: Span,
        kernel: Kernel,
        (mount, pages): (Mount, bool),
    ) -> Call {
        if kernel.version >= Version::V4_10 {
            let nolock = mount.asks_for_nolock(kernel);
            let read = DioReadIter::new(task, span, kernel, nolock).completed_by(end_io);
            Call::DioReadIter(Box::new(read))
        } else {
            let read = DirectRead::new(task, span, kernel, mount.dioread_nolock);
            let write_back = WritePages::new(task, kernel, mount.asks_for_nolock(kernel));
            let read = if pages { read.writing_back(write_back) } else { read };
            Call::Read(read.completed_by(end_io))
        }
    }

    /// The completion, as task `task`, of an asynchronous read.
    pub fn read_completion(task: TaskId, kernel: Kernel) -> Call {
        if kernel.version >= Version::V5_10 {
            Call::IomapReadEndIo(IomapReadEndIo::new(task))
        } else {
            Call::DioReadComplete(DioReadComplete::new(task, kernel))
        }
    }

    /// Writeback of the cached page by the flusher.
    pub fn writepages(task: TaskId, kernel: Kernel, mount: Mount) -> Call {
        Call::WritePages(WritePages::new(task, kernel, mount.asks_for_nolock(kernel)))
    }

    /// A buffered write.
    pub fn buffered_write(span: Span, append: bool, kernel: Kernel) -> Call {
        Call::BufferedWrite(BufferedWrite::new(span, append, kernel))
    }

    /// fsync, as task `task`.
    pub fn fsync(task: TaskId, kernel: Kernel, mount: Mount) -> Call {
        let write_back = WritePages::new(task, kernel, mount.asks_for_nolock(kernel));
        Call::SyncFile(SyncFile::new(write_back, kernel))
    }

    /// A truncate.
    pub fn ftruncate(to: Size, fault: Option<Fault>, kernel: Kernel, mount: Mount) -> Call {
        if kernel.version >= Version::V4_10 {
            Call::Setattr(Setattr::new(to, kernel, mount.journal).failing(fault))
        } else {
            Call::Truncate(Truncate::new(to, kernel, mount.journal).failing(fault))
        }
    }

    /// A punched hole, by task `task`; whether blocks are `indirect` matters before v4.10 only.
    pub fn punch_hole(
        task: TaskId,
        span: Span,
        fault: Option<Fault>,
        kernel: Kernel,
        (mount, indirect): (Mount, bool),
    ) -> Call {
        let write_back = WritePages::new(task, kernel, mount.asks_for_nolock(kernel));
        if kernel.version >= Version::V4_10 {
            let punch = PunchHoleRwsem::new(span, kernel).failing(fault);
            Call::PunchHole(punch.writing_back(write_back))
        } else {
            let punch = PunchHole::new(span, kernel, indirect).failing(fault);
            Call::PunchHoleImutex(punch.writing_back(write_back))
        }
    }

    /// A range that is taken out of the file or put in, by task `task`.
    pub fn shift_range(
        task: TaskId,
        (range, shift): (Range, Shift),
        fault: Option<Fault>,
        kernel: Kernel,
        mount: Mount,
    ) -> Call {
        let write_back = WritePages::new(task, kernel, mount.asks_for_nolock(kernel));
        let shifts = match shift {
            Shift::Left => ShiftRange::collapse(range, kernel),
            Shift::Right => ShiftRange::insert(range, kernel),
        };
        Call::ShiftRange(shifts.failing(fault).writing_back(write_back))
    }

    /// A thread that writes through io_uring and then truncates to `to`, and the completion, as
    /// task `end_io`, of its write.
    pub fn uring(
        write: Write,
        end_io: TaskId,
        to: Size,
        kernel: Kernel,
        mount: Mount,
    ) -> (Call, Call) {
        // Only pure overwrites may be completed by their caller.
        let asked = (Version::V6_12..Version::V7_0).contains(&kernel.version);
        let deferred = asked && !kernel.has(Fix::NoCallerCompletion);
        let work = deferred
            .then(|| IomapDioComplete::new(write.span, end_io, false, kernel).asynchronous());
        let writer = DioWriteIter::new(write, WriteFlags::default(), kernel, mount.journal);
        let truncate = Setattr::new(to, kernel, mount.journal);
        let thread = UringThread::new(writer, truncate, work);
        let completion = IomapEndIo::new(end_io, kernel, false, deferred);
        (Call::Uring(Box::new(thread)), Call::IomapEndIo(completion))
    }
}
