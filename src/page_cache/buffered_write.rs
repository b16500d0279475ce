//! A buffered write: the inode's lock, and `generic_perform_write` under it.

use super::generic_perform_write::GenericPerformWrite;
use crate::kernel::Kernel;
use crate::op::Mode::Exclusive;
use crate::op::{Half, LockName, Op, Range};
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
    /// versions modelled do not. O_SYNC, O_APPEND, the time update.
    pub struct BufferedWrite { half: Option<Half> }
    /// Writes the blocks of `range` that the page holds.
    pub fn new(range: Range, kernel: Kernel);
    in "ext4_buffered_write_iter" => Step / At |self, outcome|;

    TakeLock "inode_lock (i_mutex to v3.11)" => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    Write(write: GenericPerformWrite) => GenericPerformWrite::new(self.range, self.kernel).of_half(self.half);
    DropLock "inode_unlock" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}

impl BufferedWrite {
    /// The same of half a block.
    #[must_use]
    pub fn of_half(self, half: Option<Half>) -> BufferedWrite {
        BufferedWrite { half, ..self }
    }
}
