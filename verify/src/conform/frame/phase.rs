//! The events of one step: where a step of the model is several events.

use diolock::op::{LockName, Mode};

/// How much of the events of a task's next step was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// None.
    Ready,
    /// A lock was asked for.
    Asked(LockName, Mode),
    /// A lock was tried.
    Tried(LockName, Mode),
    /// `iomap_dio_rw`; not counted yet.
    Started,
    /// `dio_wait`.
    Draining,
    /// The checks look the blocks up: not called yet.
    Probe,
    /// They do.
    Probing,
    /// The blocks are mapped for I/O: between two pieces.
    Between,
    /// `iomap_ow_begin`.
    OwBegun,
    /// `iomap_begin`.
    Begun,
    /// ext4_map_blocks that only looks.
    Looking,
    /// It has returned.
    Looked,
    /// ext4_map_blocks that creates.
    Creating,
    /// It has returned.
    Created,
    /// The completion: `dio_complete`, then `end_io`.
    Head(u8),
    /// The conversion: between two pieces.
    ConvertBetween,
    /// ext4_map_blocks that converts.
    Converts,
    /// Blocks are removed: `es_remove`, `remove_space`, and its end.
    Removing(u8),
    /// The rest of a block is zeroed.
    Zeroing,
    /// fallocate: between two pieces.
    Allocating,
    /// ext4_map_blocks that allocates.
    Allocates,
    /// i_disksize is raised between two pieces: i_data_sem was asked for, is held.
    Raises(u8),
    /// Blocks are moved: `es_remove`, `ext4_ext_shift_extents`, and its return.
    Shifting(u8),
    /// `setattr_ret`.
    SetattrReturned,
    /// No block was found, and the I/O ends.
    NoSpace,
    /// An error: what is held is given back.
    Failed,
    /// What an extending write that failed may have allocated is freed: so many events of that were seen.
    CleansUp(u8),
    /// The call has returned.
    Over,
}
