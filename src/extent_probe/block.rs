//! A device block: whose it is and what it holds.

use crate::op::TaskId;
use serde::{Deserialize, Serialize};

/// Half a block, the unit of an unaligned write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// The first half.
    Lower,
    /// The second.
    Upper,
}

/// Who a device block belongs to, or which of two files is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Owner {
    /// The file under test.
    ThisFile,
    /// Another one. A block: freed, and given to somebody else.
    AnotherFile,
}

/// What half a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Content {
    /// What the file held at the start.
    Initial,
    /// Data of the write by that task.
    Of(TaskId),
    /// Zeros.
    Zero,
    /// Whatever was on the device before the block was allocated.
    Stale,
    /// Another file's data.
    Foreign,
}

/// A device block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Block {
    /// Whose it is.
    pub owner: Owner,
    /// Its two halves, lower first.
    pub halves: [Content; 2],
}

impl Half {
    /// Its place in [`Block::halves`].
    pub fn index(self) -> usize {
        match self {
            Half::Lower => 0,
            Half::Upper => 1,
        }
    }
}
