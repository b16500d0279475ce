//! What stable kernels have of later ones.

use super::fixes::Fix;
use super::version::Version;

/// The fixes that were brought back to a kernel and that the release it is placed behind does not have.
///
/// Read in 6.1.192 and 6.12.117, as Debian ships them: `ext4_buffered_write_iter` (fs/ext4/file.c),
/// `ext4_update_disksize_before_punch` (fs/ext4/inode.c), `ext4_ext_index_trans_blocks` (fs/ext4/extents.c).
pub(super) fn brought_back(version: Version) -> &'static [Fix] {
    match version {
        Version::V6_1_192 => &[Fix::DisksizeToHole, Fix::DeepestTree, Fix::BufferedDrains],
        Version::V6_12_117 => &[Fix::BufferedDrains],
        _ => &[],
    }
}
