//! A thread that submits an asynchronous direct write and closes the file at once.

use super::dio_write_iter::DioWriteIter;
use super::file_dio_write::FileDioWrite;
use super::file_write_iter::FileWriteIter;
use crate::op::Op;
use crate::task::steps;

steps! {
    /// `io_submit` of one direct write, then the last `close` of a file that has no name left.
    ///
    /// # Modelled
    /// The request holds the file until `aio_complete`; if that comes after the close, it lets go of
    /// the last reference, and from then on the inode may be freed. Nobody frees it here: rule R10
    /// judges who still touches it.
    ///
    /// # Left out
    /// Eviction, which runs from a work item when the reference goes in an interrupt; other
    /// descriptors; `io_getevents`.
    pub struct WriteThenClose {}
    /// Performs the one write that there is, then closes.
    pub fn new(
        imutex: Option<Box<FileDioWrite>>,
        rwsem: Option<Box<FileWriteIter>>,
        iomap: Option<Box<DioWriteIter>>,
    );
    in "filp_close" => Step / At |self, outcome|;

    WriteUnderImutex(write: Option<Box<FileDioWrite>>) => self.imutex.take();
    WriteUnderRwsem(write: Option<Box<FileWriteIter>>) => self.rwsem.take();
    WriteByIomap(write: Option<Box<DioWriteIter>>) => self.iomap.take();
    Close "fput" => Op::Close;
}
