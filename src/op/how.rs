//! How a step is asked for.

use super::{Ends, LogicalBlock, PhysicalBlock, Range, Size, Span};
use serde::{Deserialize, Serialize};

/// What a journal handle is for; rule R8 needs to know the time update.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Handle {
    /// `file_update_time`.
    Time,
    /// `ext4_orphan_add` and the on-disk size.
    Orphan,
    /// Block mapping, conversion or removal.
    Extents,
}

/// A step on the list of orphans, which a crash truncates to `i_disksize`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum OrphanOp {
    /// `ext4_orphan_add`.
    Add,
    /// `ext4_orphan_del`.
    Del,
    /// `list_empty(&i_orphan)`, asked the other way round.
    Test,
}

/// Where `ext4_ext_shift_extents` moves blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Shift {
    /// Towards the start: a range is taken out.
    Left,
    /// Towards the end: one is put in.
    Right,
}

/// How a direct write asks for blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum MapFor {
    /// Look only: the overwrite probe of `ext4_file_dio_write`.
    Probe,
    /// Look up blocks that I/O will be sent to.
    Io,
    /// Look up the block of a page that is faulted in.
    Page,
    /// As `Io`, allocating unwritten blocks for holes (`EXT4_GET_BLOCKS_IO_CREATE_EXT`).
    Create,
    /// As `Create`, but the allocation fails with ENOSPC (fault injection).
    CreateFails,
    /// For fallocate: holes become unwritten blocks, and no I/O is sent there.
    Preallocate {
        /// A new block joins the unwritten extents next to it (before ec22ba8edb50).
        merge: bool,
    },
    /// For zero range: as `Preallocate`, and written blocks become unwritten
    /// (`EXT4_GET_BLOCKS_CONVERT_UNWRITTEN`). Tells what was there before.
    Unwrite,
    /// As `Create`, for a write past i_size: allocates *written* blocks, which i_size hides
    /// until the data is there.
    Extend,
}

/// What one bio carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Bio {
    /// Reads whole blocks.
    Read {
        /// So much of them, from the first on, is returned to the caller; the rest lies past the end of
        /// the file as the read saw it, and is in the buffer only.
        returned: Size,
    },
    /// Writes the cached page's blocks from this one on.
    Page {
        /// The first.
        start: LogicalBlock,
    },
    /// Writes blocks.
    Write {
        /// The ends that are not written.
        cut: Ends,
        /// Those of them that are zeroed, as their block looked new (`dio_zero_block`, `iomap_dio_zero`).
        zeroed: Ends,
        /// By which of its task's calls.
        call: u8,
    },
}

impl Submission {
    /// The blocks of the file that it touches.
    pub fn range(&self) -> Range {
        self.span.range()
    }
}

impl Bio {
    /// A read that returns all it reads.
    pub const WHOLE_READ: Bio = Bio::Read { returned: Size::MAX };
    /// A write of whole blocks.
    pub const WHOLE_WRITE: Bio = Bio::Write { cut: Ends::NONE, zeroed: Ends::NONE, call: 0 };
}

/// An asynchronous write on its way to the device.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Submission {
    /// Where in the file.
    pub span: Span,
    /// Where on the device.
    pub blocks: Vec<PhysicalBlock>,
    /// What it carries.
    pub bio: Bio,
    /// Blocks were unwritten: the completion converts (`EXT4_IO_END_UNWRITTEN`).
    pub unwritten: bool,
    /// `IOMAP_DIO_COMP_WORK` (from v7.0 on): the completion has other work that may sleep.
    pub works: bool,
}

/// An allocation that fails, on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    /// The io_end cannot be allocated.
    Enomem,
    /// No block can be allocated.
    Enospc,
}
