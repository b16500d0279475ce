//! A buffered write that appends to a cached page, and a buffered read of it: i_size says which of the
//! page's bytes are file data.

use super::read_page::ReadPage;
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
pub struct GenericPerformWrite {
    block: LogicalBlock,
    kernel: Kernel,
    step: Append,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Append {
    TakeImutex,
    CopyIn,
    DirtyBarrier,
    ReadSize,
    WriteSize,
    DropImutex,
    Done,
}

impl GenericPerformWrite {
    /// Writes `block`, after which the file ends.
    pub fn new(block: LogicalBlock, kernel: Kernel) -> GenericPerformWrite {
        GenericPerformWrite { block, kernel, step: Append::TakeImutex }
    }
}

impl Task for GenericPerformWrite {
    fn next(&self) -> Option<Op> {
        Some(match self.step {
            Append::TakeImutex => Op::Lock(LockName::of_inode(self.kernel), Mode::Exclusive),
            Append::CopyIn => Op::PageWrite(self.block),
            Append::DirtyBarrier => Op::SmpMb,
            Append::ReadSize => Op::SizeRead,
            Append::WriteSize => Op::SizeWrite(self.block + 1),
            Append::DropImutex => Op::Unlock(LockName::of_inode(self.kernel), Mode::Exclusive),
            Append::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let within = matches!(outcome, Outcome::Value(size) if size > self.block);
        self.step = match self.step {
            Append::TakeImutex => Append::CopyIn,
            Append::CopyIn if self.kernel.has(Fix::DirtyBarrier) => Append::DirtyBarrier,
            Append::CopyIn | Append::DirtyBarrier => Append::ReadSize,
            Append::ReadSize if within => Append::DropImutex,
            Append::ReadSize => Append::WriteSize,
            Append::WriteSize => Append::DropImutex,
            Append::DropImutex | Append::Done => Append::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match self.step {
            Append::TakeImutex => ("TakeImutex", "generic_file_aio_write"),
            Append::CopyIn => ("CopyIn", "generic_perform_write"),
            Append::DirtyBarrier => ("DirtyBarrier", "block_write_end"),
            Append::ReadSize => ("ReadSize", "generic_write_end"),
            Append::WriteSize => ("WriteSize", "generic_write_end"),
            Append::DropImutex => ("DropImutex", "generic_file_aio_write"),
            Append::Done => ("Done", "generic_file_aio_write"),
        };
        Place { step, kernel }
    }
}

/// `filemap_read` of one block of a cached page (`do_generic_file_read` in v3.6).
///
/// | step        | kernel (v6.1; v3.6 the same but for the barrier)          | holds after |
/// |-------------|-----------------------------------------------------------|-------------|
/// | Find        | filemap_get_pages: is it there and up to date?            |             |
/// | TakeInvalidate | filemap_create_folio: filemap_invalidate_lock_shared (from v6.1) | invalidate_lock R |
/// | ReadPage    | filemap_read_folio, see ReadPage                          | invalidate_lock R |
/// | DropInvalidate | filemap_create_folio: filemap_invalidate_unlock_shared |             |
/// | ReadSize    | filemap_read: i_size_read                                 |             |
/// | ReadBarrier | filemap_read: smp_rmb                                     |             |
/// | CopyOut     | copy_folio_to_iter                                        |             |
///
/// # Kernel
/// mm/filemap.c. `smp_rmb` was read in v6.1.141; v4.10.17, v5.10.44 and v6.1.0 do not have it, and
/// v6.12 has none but reads i_size with `smp_load_acquire`.
///
/// # Modelled
/// i_size is read after the page was found up to date. A page that was cached at the start has been found
/// already; whoever found it copies from it even if it is dropped meanwhile. A read at or past the end
/// copies nothing.
///
/// # Left out
/// Read-ahead.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FilemapRead {
    block: LogicalBlock,
    kernel: Kernel,
    step: Stage,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Stage {
    Find,
    TakeInvalidate,
    ReadPage(ReadPage),
    DropInvalidate,
    ReadSize,
    ReadBarrier,
    CopyOut,
    Done,
}

impl FilemapRead {
    /// Reads `block`, of a page that has been found or is yet to be looked for.
    pub fn new(block: LogicalBlock, kernel: Kernel, found: bool) -> FilemapRead {
        let step = if found { Stage::ReadSize } else { Stage::Find };
        FilemapRead { block, kernel, step }
    }
}

impl Task for FilemapRead {
    fn next(&self) -> Option<Op> {
        let invalidate = LockName::InvalidateLock;
        Some(match &self.step {
            Stage::Find => Op::PageFind,
            Stage::TakeInvalidate => Op::Lock(invalidate, Mode::Shared),
            Stage::ReadPage(read) => return read.next(),
            Stage::DropInvalidate => Op::Unlock(invalidate, Mode::Shared),
            Stage::ReadSize => Op::SizeRead,
            Stage::ReadBarrier => Op::SmpRmb,
            Stage::CopyOut => Op::PageRead(self.block),
            Stage::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Stage::Find if outcome == Outcome::Flag(true) => Stage::ReadSize,
            Stage::Find if self.kernel.has(Fix::ReadLock) => Stage::TakeInvalidate,
            Stage::Find | Stage::TakeInvalidate => Stage::ReadPage(ReadPage::new()),
            Stage::ReadPage(read) => {
                read.resume(outcome);
                if read.next().is_some() {
                    return;
                }
                if self.kernel.has(Fix::ReadLock) { Stage::DropInvalidate } else { Stage::ReadSize }
            }
            Stage::DropInvalidate => Stage::ReadSize,
            Stage::ReadSize => match outcome {
                Outcome::Value(size) if self.block >= size => Stage::Done,
                _ if self.kernel.has(Fix::SizeReadBarrier) => Stage::ReadBarrier,
                _ => Stage::CopyOut,
            },
            Stage::ReadBarrier => Stage::CopyOut,
            Stage::CopyOut | Stage::Done => Stage::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Stage::ReadPage(read) => return read.place(),
            Stage::Find => ("Find", "filemap_get_pages"),
            Stage::TakeInvalidate => ("TakeInvalidate", "filemap_create_folio"),
            Stage::DropInvalidate => ("DropInvalidate", "filemap_create_folio"),
            Stage::ReadSize => ("ReadSize", "filemap_read"),
            Stage::ReadBarrier => ("ReadBarrier", "filemap_read"),
            Stage::CopyOut => ("CopyOut", "copy_folio_to_iter"),
            Stage::Done => ("Done", "filemap_read"),
        };
        Place { step, kernel }
    }
}
