//! A buffered write that appends to a cached page, taken apart for its memory order: i_size says which of the
//! page's bytes are file data.

use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{LogicalBlock, Op, Outcome};
use crate::task::{Place, Task};

/// `generic_perform_write` of one block that ends the file, into a page that is up to date.
///
/// | step         | kernel (v3.6)                                             | holds after |
/// |--------------|-----------------------------------------------------------|-------------|
/// | TakeImutex   | generic_file_aio_write: mutex_lock(i_mutex)               | i_mutex     |
/// | CopyIn       | generic_perform_write: iov_iter_copy_from_user_atomic     | i_mutex     |
/// | DirtyBarrier | block_write_end: mark_buffer_dirty, a full barrier        | i_mutex     |
/// | ReadSize     | generic_write_end, ext4_da_write_end: inode->i_size       | i_mutex     |
/// | WriteSize    | generic_write_end, ext4_da_write_end: i_size_write        | i_mutex     |
/// | DropImutex   | generic_file_aio_write: mutex_unlock(i_mutex)             |             |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Append {
    block: LogicalBlock,
    kernel: Kernel,
    step: Step,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    TakeImutex,
    CopyIn,
    DirtyBarrier,
    ReadSize,
    WriteSize,
    DropImutex,
    Done,
}

impl Append {
    /// Writes `block`, after which the file ends.
    pub fn new(block: LogicalBlock, kernel: Kernel) -> Append {
        Append { block, kernel, step: Step::TakeImutex }
    }
}

impl Task for Append {
    fn next(&self) -> Option<Op> {
        Some(match self.step {
            Step::TakeImutex => Op::Lock(LockName::of_inode(self.kernel), Mode::Exclusive),
            Step::CopyIn => Op::PageWrite(self.block),
            Step::DirtyBarrier => Op::SmpMb,
            Step::ReadSize => Op::SizeRead,
            Step::WriteSize => Op::SizeWrite(self.block + 1),
            Step::DropImutex => Op::Unlock(LockName::of_inode(self.kernel), Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let within = matches!(outcome, Outcome::Value(size) if size > self.block);
        self.step = match self.step {
            Step::TakeImutex => Step::CopyIn,
            Step::CopyIn if self.kernel.has(Fix::DirtyBarrier) => Step::DirtyBarrier,
            Step::CopyIn | Step::DirtyBarrier => Step::ReadSize,
            Step::ReadSize if within => Step::DropImutex,
            Step::ReadSize => Step::WriteSize,
            Step::WriteSize => Step::DropImutex,
            Step::DropImutex | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Step::TakeImutex => ("TakeImutex", "generic_file_aio_write"),
            Step::CopyIn => ("CopyIn", "generic_perform_write"),
            Step::DirtyBarrier => ("DirtyBarrier", "block_write_end"),
            Step::ReadSize => ("ReadSize", "generic_write_end"),
            Step::WriteSize => ("WriteSize", "generic_write_end"),
            Step::DropImutex => ("DropImutex", "generic_file_aio_write"),
            Step::Done => ("Done", "generic_file_aio_write"),
        };
        Place { step, kernel }
    }
}
