//! A buffered write: the inode's lock, and `generic_perform_write` under it.

use super::generic_perform_write::GenericPerformWrite;
use crate::kernel::Kernel;
use crate::op::Mode::Exclusive;
use crate::op::{LockName, Op, Span};
use crate::task::steps;

steps! {
    /// `ext4_buffered_write_iter` (v5.10 on), `ext4_file_write_iter` (v4.10, v5.4), `generic_file_aio_write`.
    ///
    /// # Kernel
    /// `generic_file_aio_write` (mm/filemap.c, v3.6, v3.11), `ext4_file_write_iter` (fs/ext4/file.c, v4.10.17,
    /// v5.4.18), `ext4_buffered_write_iter` (v5.10.44, v6.12).
    ///
    /// # Left out
    /// The drain of `ext4_buffered_write_iter`: stable kernels have it (v6.1.192 and v6.12.117 were read), the
    /// versions modelled do not. O_SYNC, the time update.
    pub struct BufferedWrite {}
    /// Writes what of `span` the page holds; with O_APPEND it goes where the file ends.
    pub fn new(span: Span, append: bool, kernel: Kernel);
    in "ext4_buffered_write_iter" => Step / At |self, outcome|;

    TakeLock "inode_lock (i_mutex to v3.11)" => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    Append in "generic_write_checks" "i_size_read" if self.append => Op::SizeRead
        => self.span = self.span.moved_to(outcome.size());
    Write(write: GenericPerformWrite) => GenericPerformWrite::new(self.span, self.kernel);
    DropLock "inode_unlock" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}
