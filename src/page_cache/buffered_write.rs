//! A buffered write: the inode's lock, and `generic_perform_write` under it.

use super::block_truncate_page::{BlockTruncatePage, grown_from, zeroes_first};
use super::generic_perform_write::GenericPerformWrite;
use crate::kernel::{Fix, Kernel};
use crate::op::Mode::Exclusive;
use crate::op::{LockName, Op, Size, Span};
use crate::task::steps;

steps! {
    /// `ext4_buffered_write_iter` (v5.10 on), `ext4_file_write_iter` (v4.10, v5.4), `generic_file_aio_write`.
    ///
    /// # Kernel
    /// `generic_file_aio_write` (mm/filemap.c, v3.6, v3.11), `ext4_file_write_iter` (fs/ext4/file.c, v4.10.17,
    /// v5.4.18), `ext4_buffered_write_iter` (v5.10.44, v6.1.192, v6.12, v6.12.117, v6.18.2, v7.0.0, v7.1.5; that of v7.3 in a translation to
    /// Rust), with `ext4_write_checks` (v7.1.5), which zeroes the rest of the block that a file ended in.
    ///
    /// # Left out
    /// O_SYNC, the time update.
    pub struct BufferedWrite { size: Size }
    /// Writes what of `span` the page holds; with O_APPEND it goes where the file ends.
    pub fn new(span: Span, append: bool, kernel: Kernel);
    in "ext4_buffered_write_iter" => Step / At |self, outcome|;

    TakeLock "inode_lock (i_mutex to v3.11)" => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    Drain in "inode_dio_wait" if self.kernel.has(Fix::BufferedDrains) => Op::DioWait;
    Append in "generic_write_checks" "i_size_read" if self.append => Op::SizeRead
        => self.span = self.span.moved_to(outcome.size());
    ReadSize in "ext4_write_checks" "i_size_read" if zeroes_first(self.kernel) => Op::SizeRead
        => self.size = outcome.size();
    ZeroTail(zero: BlockTruncatePage) if self.zeroes() => BlockTruncatePage::new(self.size, self.kernel);
    Write(write: GenericPerformWrite) => GenericPerformWrite::new(self.span, self.kernel);
    DropLock "inode_unlock" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}

impl BufferedWrite {
    fn zeroes(&self) -> bool {
        let past = self.span.start > self.size;
        past && grown_from(self.kernel, self.size) && zeroes_first(self.kernel)
    }
}
