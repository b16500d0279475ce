//! `dio_complete`: the completion of an asynchronous write in v4.10 and v5.4.

use crate::extent_probe::ConvertUnwritten;
use crate::kernel::{Fix, Kernel};
use crate::op::{Op, Range, Submission, TaskId};
use crate::page_cache::InvalidatePages;
use crate::task::steps;

steps! {
    /// `dio_bio_end_aio` and `dio_complete`, with `ext4_end_io_dio` inside.
    ///
    /// # Kernel
    /// fs/direct-io.c, fs/ext4/inode.c and fs/ext4/page-io.c, read in v4.10.17 and (but for page-io.c)
    /// v5.4.18.
    ///
    /// # Modelled
    /// Interrupt or worker: neither takes `i_rwsem`, so others cannot tell. The conversion is made here
    /// and not from a list, before the count goes. The dio's references are followed where nothing is to be
    /// converted (see DirectIoWrite). An O_SYNC write is flushed once its reference has gone, by a worker
    /// (`dio_set_defer_completion`), before its caller is told (02afc27faec9).
    ///
    /// # Left out
    /// Errors, the io_end's lifetime.
    pub struct DioComplete {
        /// The I/O, once it is on its way.
        pub submission: Option<Submission>,
    }
    /// The completion, as task `task`, of what will be submitted.
    pub fn new(task: TaskId, kernel: Kernel, osync: bool);
    in "dio_complete" => Step / At |self, outcome|;

    RunBio "dio_bio_end_aio: the device writes" => Op::run(self.submission.as_ref()?);
    // If it is not the last to let go of the dio, its submitter completes the I/O.
    DropRefcount "dio_bio_end_aio: dio->refcount" if !self.unwritten() => Op::DropRefcount(self.task)
        => outcome.no().then_some(Step::Done);
    Convert(convert: ConvertUnwritten) if self.unwritten() => ConvertUnwritten::new(self.range(), self.task);
    DropUnwritten "ext4_clear_io_unwritten_flag: i_unwritten" if self.unwritten() => Op::UnwrittenEnd;
    Invalidate(pages: InvalidatePages) if self.kernel.has(Fix::CompletionInvalidates)
        => InvalidatePages::after_io(self.range(), self.kernel);
    EndIo "inode_dio_end" => Op::DioEnd(self.task);
    WriteSync "generic_write_sync" if self.osync && self.kernel.has(Fix::SyncOnCompletion) => Op::WriteSync;
    AioComplete "ki_complete" => Op::AioComplete;
}

impl DioComplete {
    /// Whether its write is O_SYNC.
    pub fn osync(&self) -> bool {
        self.osync
    }

    fn unwritten(&self) -> bool {
        self.submission.as_ref().is_some_and(|s| s.unwritten)
    }

    fn range(&self) -> Range {
        self.submission.as_ref().map_or(Range { start: 0, len: 0 }, Submission::range)
    }
}
