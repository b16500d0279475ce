//! Tasks, blocks and ranges of them.

use serde::{Deserialize, Serialize};

/// Index of a task in its litmus test (completions of asynchronous I/O are tasks too).
pub type TaskId = u16;
/// A block of the file, counted from its start.
pub type LogicalBlock = u32;
/// A block of the device.
pub type PhysicalBlock = u32;
/// A file size, in blocks.
pub type Blocks = u32;

/// Blocks `start .. start + len` of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Range {
    /// First block.
    pub start: LogicalBlock,
    /// Number of blocks, at least 1.
    pub len: Blocks,
}

impl Range {
    /// One past the last block.
    pub fn end(self) -> Blocks {
        self.start + self.len
    }
    /// The blocks, in order.
    pub fn blocks(self) -> impl Iterator<Item = LogicalBlock> {
        self.start..self.end()
    }
}

/// As many blocks of the file a page holds: 1 KiB blocks, 4 KiB pages.
pub const PAGE_BLOCKS: Blocks = 4;
