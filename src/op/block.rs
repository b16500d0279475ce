//! A block: what it is to the file, whose it is, what it holds, and a completed I/O that is to convert some.

use super::range::{PhysicalBlock, Range, TaskId};
use serde::{Deserialize, Serialize};

/// Who a device block belongs to, or which of two files is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Owner {
    /// The file under test.
    ThisFile,
    /// Another one. A block: freed, and given to somebody else.
    AnotherFile,
}

/// A call: whose it is, and which of its calls. A completion makes one, on behalf of the call that submitted it.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize,
)]
pub struct Caller {
    /// Who.
    pub task: TaskId,
    /// Which, from 0.
    pub call: u8,
}

/// What half a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Content {
    /// What the file held at the start.
    Initial,
    /// Data that this call wrote.
    Of(Caller),
    /// Zeros.
    Zero,
    /// Whatever was on the device before the block was allocated.
    Stale,
    /// Another file's data.
    Foreign,
}

/// The state of one block of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// No block; reads as zeros.
    Hole,
    /// A block whose content must never be shown: preallocated; reads as zeros.
    Unwritten,
    /// A block that holds file data.
    Written,
}

/// One block of a mapping, as `ext4_map_blocks` reports it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Mapped {
    /// What was found (before a written block was allocated).
    pub extent: Extent,
    /// The device block, unless it is a hole.
    pub block: Option<PhysicalBlock>,
}

/// A buffer head: what the page cache knows of a block of the page.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Buffer {
    /// The page holds what the block should: anybody may copy from it, without a lock.
    pub uptodate: bool,
    /// It was stored to and not written back.
    pub dirty: bool,
    /// Where writeback writes it, without a second look at the extent tree; of a dirty one `None` if it is to be
    /// allocated (delayed, or unwritten).
    pub mapped: Option<PhysicalBlock>,
    /// Where it is mapped to was unwritten (`BH_Uninit`, up to v3.7).
    pub uninit: bool,
}

/// A completed I/O that waits for conversion (`ext4_io_end_t`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct IoEnd {
    /// The completion it belongs to.
    pub task: TaskId,
    /// What to convert.
    pub range: Range,
    /// `EXT4_IO_END_DIRECT`; else it is writeback's.
    pub direct: bool,
}
