//! `iomap_dio_complete` and ext4's `->end_io`: what finishes a direct write from v5.10 on.

use super::inode_extension::InodeExtension;
use crate::extent_probe::ConvertUnwritten;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Op, Size, Span, Submission, TaskId};
use crate::page_cache::InvalidatePages;
use crate::task::steps;

steps! {
    /// `iomap_dio_complete` with `ext4_dio_write_end_io` inside, in whichever task runs it.
    ///
    /// # Kernel
    /// fs/iomap/direct-io.c and fs/ext4/file.c, read in v5.10.44, v6.1-rc7, v6.1.141, v6.1.192, v6.12,
    /// v6.12.117, v6.18.2 and v7.0.0.
    ///
    /// # Modelled
    /// Locks are those of a submitter that waits; a worker holds none. v5.10 (from 5899593f51e6, which
    /// v5.10.44 has) raises i_size here and i_disksize after the I/O.
    ///
    /// # Left out
    /// Errors of the device, short I/O, how the submitter is woken.
    pub struct IomapDioComplete {
        span: Span,
        of: TaskId,
        kernel: Kernel,
        asynchronous: bool,
        /// In interrupt: no page is dropped (`IOMAP_DIO_NO_INVALIDATE`).
        inline: bool,
        osync: bool,
        size: Size,
    }
    in "iomap_dio_complete" => Step / At |self, outcome|;

    Convert(convert: ConvertUnwritten) "ext4_dio_write_end_io: ext4_convert_unwritten_extents"
        => ConvertUnwritten::new(self.span.range(), self.of);
    WarnSize in "ext4_dio_write_end_io" "WARN_ON_ONCE(i_size < i_disksize)" if self.warns() => Op::SizeRead
        => self.size = outcome.size();
    LookDisksize in "ext4_dio_write_end_io" "the same: i_disksize" if self.warns() => Op::DisksizeRead
        => (self.size >= outcome.size()).then_some(Step::ReadDisksize);
    Warn in "ext4_dio_write_end_io" "the same: it fires" if self.warns() => Op::WarnSize;
    ReadDisksize in "ext4_dio_write_end_io" "READ_ONCE(i_disksize)" if self.in_end_io() => Op::DisksizeRead
        => self.past_disksize(outcome.size());
    ReadSize in "ext4_dio_write_end_io" "i_size_read" if self.tests_size() => Op::SizeRead
        => (self.span.end <= outcome.size()).then_some(Step::Invalidate);
    RaiseSize in "ext4_dio_write_end_io" "i_size_write" if self.tests_size() && !self.in_end_io()
        => Op::SizeWrite(self.span.end);
    Extension(extension: InodeExtension) "ext4_handle_inode_extension" if self.in_end_io()
        => InodeExtension::in_end_io(self.span.end, self.kernel);
    Invalidate(pages: InvalidatePages) "nrpages" if self.invalidates() => InvalidatePages::after_io(self.span.range(), self.kernel);
    EndIo "inode_dio_end" => Op::DioEnd(self.of);
    WriteSync "generic_write_sync" if self.osync => Op::WriteSync;
    AioComplete in "iomap_dio_complete_work" "ki_complete" if self.asynchronous => Op::AioComplete;
}

impl IomapDioComplete {
    /// Finishes the I/O of `span` that is counted for task `of`.
    pub fn new(span: Span, of: TaskId, unwritten: bool, kernel: Kernel) -> IomapDioComplete {
        let first = if unwritten { Step::Convert } else { Step::WarnSize };
        IomapDioComplete::from(first, span, of, kernel)
    }
    /// Of I/O that failed before any of it was on its way: only its reference goes.
    pub fn failed(span: Span, of: TaskId, kernel: Kernel) -> IomapDioComplete {
        IomapDioComplete::from(Step::EndIo, span, of, kernel)
    }
    fn from(first: Step, span: Span, of: TaskId, kernel: Kernel) -> IomapDioComplete {
        let (asynchronous, inline, osync, size) = Default::default();
        IomapDioComplete { span, of, kernel, asynchronous, inline, osync, size, step: At::Done }
            .begin_at(first)
    }
    /// It is the interrupt that runs it.
    #[must_use]
    pub fn inline(self, inline: bool) -> IomapDioComplete {
        IomapDioComplete { inline, ..self }
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

    /// Whether `->end_io` sees to the on-disk size.
    fn in_end_io(&self) -> bool {
        self.kernel.version >= Version::V6_1 && self.kernel.has(Fix::ExtensionInEndIo)
    }

    /// Before 619f75dae2cf.
    fn warns(&self) -> bool {
        self.in_end_io() && !self.kernel.has(Fix::CompletionTestsBoth)
    }

    /// What 91562895f803 changed on top keeps i_size where 5899593f51e6 had put it.
    fn tests_size(&self) -> bool {
        self.kernel.has(Fix::SizeInEndIo) || self.kernel.version >= Version::V6_1
    }

    fn past_disksize(&self, disksize: Size) -> Option<Step> {
        if self.span.end > disksize {
            return Some(Step::Extension);
        }
        self.warns().then_some(Step::Invalidate)
    }

    /// A page that is dirty stays: dio_warn_stale_pagecache.
    fn invalidates(&self) -> bool {
        !self.inline && (!self.asynchronous || self.kernel.has(Fix::CompletionInvalidates))
    }
}

steps! {
    /// `iomap_dio_bio_end_io` and the worker it queues: the completion of an asynchronous write.
    ///
    /// # Modelled
    /// `deferred`: io_uring asked for the completion (`IOCB_DIO_CALLER_COMP`, v6.6-rc) and runs the rest
    /// in the submitter's own task.
    ///
    /// v7.0: what needs nothing but the end of its reference is completed by the interrupt itself, if there are no
    /// cached pages once its I/O is done (`iomap_dio_done`, v7.0.0; eca9dc20891d, v6.19). A page that comes into the
    /// cache after that look is read from the device after the I/O.
    pub struct IomapEndIo { submission: Option<Submission>, inline: bool }
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId, kernel: Kernel, osync: bool, deferred: bool);
    in "iomap_dio_bio_end_io" => EndIo / EndIoAt |self, outcome|;

    RunBio "the device writes" => self.bio()? => self.deferred.then_some(EndIo::Done);
    LookForPages in "iomap_dio_done" "nrpages" if self.may_be_inline() && self.kernel.has(Fix::CompWorkPages)
        => Op::PagesRead(self.kernel.paging.all()) => self.inline = outcome.number() == 0;
    QueueWork in "iomap_dio_done" "queue_work" if self.kernel.version >= Version::V7_0 && !self.inline()
        => Op::QueueWork;
    Complete(complete: Option<IomapDioComplete>) "iomap_dio_complete_work" => self.complete();
}

impl IomapEndIo {
    /// Whether its write is O_SYNC.
    pub fn osync(&self) -> bool {
        self.osync
    }

    /// Whether the I/O is on its way.
    pub fn submitted(&self) -> bool {
        self.submission.is_some()
    }
    /// The I/O is on its way.
    pub fn submit(&mut self, submission: Submission) {
        self.submission = Some(submission);
    }

    /// `IOMAP_DIO_COMP_WORK` is not set.
    fn may_be_inline(&self) -> bool {
        let converts = self.kernel.has(Fix::CompWorkUnwritten);
        let works = |s: &Submission| s.works || s.unwritten && converts;
        self.kernel.has(Fix::InlineCompletion) && !self.submission.as_ref().is_some_and(works)
    }

    fn inline(&self) -> bool {
        self.inline || self.may_be_inline() && !self.kernel.has(Fix::CompWorkPages)
    }

    fn bio(&self) -> Option<Op> {
        let submission = self.submission.as_ref()?;
        Some(Op::Bio(submission.blocks.clone(), submission.bio))
    }

    fn complete(&self) -> Option<IomapDioComplete> {
        let &Submission { span, unwritten, .. } = self.submission.as_ref()?;
        let complete = IomapDioComplete::new(span, self.task, unwritten, self.kernel);
        Some(complete.asynchronous().inline(self.inline()).osync(self.osync))
    }
}
