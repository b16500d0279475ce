//! What a direct write asks for.

use crate::op::{Fault, Half, Range, TaskId};

/// What a direct write asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Write {
    /// The writing task.
    pub task: TaskId,
    /// Its completion, if it is asynchronous.
    pub end_io: Option<TaskId>,
    /// Which blocks.
    pub range: Range,
    /// Only half of one block: unaligned.
    pub half: Option<Half>,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// The pages of its buffer are not present: they are pinned under `mmap_sem` (modelled up to
    /// v5.4, and for overwrites only).
    pub pins: bool,
    /// `cur_aio_dio` is followed: another write of the file may change what this one looks for, or
    /// look for what this one changes.
    pub slot: bool,
}
