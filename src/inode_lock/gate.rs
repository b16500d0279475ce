//! The DIOREAD_LOCK gate: a bit that sends unlocked readers to `i_mutex`.

/// `EXT4_STATE_DIOREAD_LOCK`.
///
/// | value    | means                                                            |
/// |----------|------------------------------------------------------------------|
/// | `open`   | a reader that has taken its reference may read without `i_mutex` |
/// | `closed` | it drops the reference and reads under `i_mutex`                 |
///
/// # Priority policy
/// The closer holds `i_mutex`; closing is not a lock, it only bounds how many readers a drain
/// waits for. Reader: count, barrier, test. Closer: set, barrier, drain.
///
/// # Kernel
/// `ext4_inode_block_unlocked_dio`, `ext4_inode_resume_unlocked_dio` (fs/ext4/ext4.h, v3.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Gate {
    /// The bit.
    pub closed: bool,
}
