//! A thread that submits an asynchronous direct write and closes the file at once.

use crate::call::Call;
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
    pub struct WriteThenClose { write: Option<Box<Call>> }
    in "filp_close" => Step / At |self, outcome|;

    Write(write: Option<Box<Call>>) => self.write.take();
    Close "fput" => Op::Close;
}

impl WriteThenClose {
    /// Performs `write`, then closes.
    pub fn new(write: Call) -> WriteThenClose {
        WriteThenClose { write: Some(Box::new(write)), step: At::Done }.begin()
    }
}
