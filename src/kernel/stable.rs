//! What stable kernels have of later ones.

use super::fixes::Fix;
use super::version::Version;

/// The fixes that were brought back to a kernel and that the release it is placed behind does not have.
///
/// Read in 6.1.192 and 6.12.117, as Debian ships them: `ext4_buffered_write_iter` (fs/ext4/file.c),
/// `ext4_update_disksize_before_punch`, `ext4_punch_hole`, `ext4_setattr` (fs/ext4/inode.c), `ext4_ext_index_trans_blocks`,
/// `ext4_zero_range` (fs/ext4/extents.c). That 6.12.117 is placed behind v6.18 rests on these, on `ext4_fallocate`,
/// `ext4_do_fallocate`, `ext4_collapse_range` and `ext4_alloc_file_blocks`, and on the three `*_write_end`, which zero
/// the rest of the block that a file ended in.
pub(super) fn brought_back(version: Version) -> &'static [Fix] {
    match version {
        Version::V6_1_192 => &[Fix::DisksizeToHole, Fix::DeepestTree, Fix::BufferedDrains],
        Version::V6_12_117 => &[Fix::BufferedDrains],
        _ => &[],
    }
}
