//! One io_uring thread: an asynchronous direct write, then a truncate.

use super::dio_write_iter::DioWriteIter;
use super::iomap_dio_complete::IomapDioComplete;
use crate::resize::Setattr;
use crate::task::steps;

steps! {
    /// A thread that submits a write through io_uring and then truncates the same file.
    ///
    /// # Modelled
    /// TaskWork only where the completion was left to this very thread (`IOCB_DIO_CALLER_COMP`): it
    /// comes at the end, since a thread runs its task work on its way back to user space.
    ///
    /// # Left out
    /// The ring, other requests.
    pub struct UringThread {
        write: Option<DioWriteIter>,
        truncate: Setattr,
        work: Option<IomapDioComplete>,
    }
    in "io_uring_enter" => Step / At |self, outcome|;

    Write(write: Option<DioWriteIter>) "io_write: ext4_dio_write_iter" => self.write.take();
    Truncate(truncate: Setattr) "do_truncate" => self.truncate.clone();
    TaskWork(work: Option<IomapDioComplete>) "io_req_rw_complete: iomap_dio_complete" => self.work.take();
}

impl UringThread {
    /// Writes, truncates, and does the work that was left to it.
    pub fn new(
        write: DioWriteIter,
        truncate: Setattr,
        work: Option<IomapDioComplete>,
    ) -> UringThread {
        UringThread { write: Some(write), truncate, work, step: At::Done }.begin()
    }
}
