//! What changes the size of a file or its blocks: truncate, punch, zero, collapse, insert, fallocate, the
//! swap of blocks, and the end of the inode.

mod alloc_blocks;
mod alloc_file_blocks;
mod disksize_before_punch;
mod evict;
mod fallocate;
mod move_extent_per_page;
mod move_extents;
mod punch_hole;
mod setattr;
mod shift_range;
mod truncate;
mod truncate_failed_write;
mod zero_range;

pub use alloc_blocks::AllocBlocks;
pub use alloc_file_blocks::AllocFileBlocks;
pub use disksize_before_punch::DisksizeBeforePunch;
pub use evict::{EvictInode, WriteThatEvicts};
pub use move_extent_per_page::MoveExtentPerPage;
pub use move_extents::MoveExtents;
pub use punch_hole::{PunchHole, PunchHoleRwsem};
pub use setattr::Setattr;
pub use shift_range::ShiftRange;
pub use truncate::Truncate;
pub use truncate_failed_write::TruncateFailedWrite;
pub use zero_range::{ExtFallocate, ZeroRange};
