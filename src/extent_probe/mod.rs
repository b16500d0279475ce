//! What is looked up: `ext4_map_blocks`, the overwrite probe, unwritten conversion.

mod convert;
mod map_blocks;
mod probe;

pub use convert::ConvertUnwritten;
pub use map_blocks::{DataSemHeld, MapBlocks};
pub use probe::OverwriteProbe;
