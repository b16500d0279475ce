//! A buffered write that appends to a cached page, taken apart for its memory order: i_size says which of the
//! page's bytes are file data.

use crate::kernel::{Fix, Kernel};
use crate::op::Mode::Exclusive;
use crate::op::{LockName, LogicalBlock, Op, Size};
use crate::task::steps;

steps! {
    /// `generic_perform_write` of one block that ends the file, into a page that is up to date.
    ///
    /// # Kernel
    /// mm/filemap.c, fs/buffer.c, v3.6, v6.1, v6.12: `mark_buffer_dirty` has `smp_mb` where the buffer is
    /// dirty already and an atomic test-and-set, a full barrier too, where it is not. `SetPageUptodate`
    /// has `smp_wmb` as well (v3.6).
    ///
    /// # Modelled
    /// The page is in the cache and up to date before: a page of several blocks, of which those past the
    /// end hold zeros. Only then can a reader have the page in hand before the data is there.
    ///
    /// # Left out
    /// The page's lock, delayed allocation, i_disksize (it follows later and nobody here reads it).
    pub struct Append {}
    /// Writes `block`, after which the file ends.
    pub fn new(block: LogicalBlock, kernel: Kernel);
    in "generic_file_aio_write" => Step / At |self, outcome|;

    TakeImutex "mutex_lock(i_mutex)" => Op::Lock(LockName::of_inode(self.kernel), Exclusive);
    CopyIn in "generic_perform_write" "iov_iter_copy_from_user_atomic" => Op::PageWrite(self.block);
    DirtyBarrier in "block_write_end" "mark_buffer_dirty, a full barrier" if self.kernel.has(Fix::DirtyBarrier)
        => Op::SmpMb;
    ReadSize in "generic_write_end" "ext4_da_write_end: inode->i_size" => Op::SizeRead
        => (outcome.size() > Size::blocks(self.block)).then_some(Step::DropImutex);
    WriteSize in "generic_write_end" "ext4_da_write_end: i_size_write" => Op::SizeWrite(Size::blocks(self.block + 1));
    DropImutex "mutex_unlock(i_mutex)" => Op::Unlock(LockName::of_inode(self.kernel), Exclusive);
}
