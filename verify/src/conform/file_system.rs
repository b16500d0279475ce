//! What the recording was made on.

use diolock::kernel::Kernel;

/// A mounted file system.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem {
    /// The kernel that mounted it.
    pub kernel: Kernel,
    /// Bytes of a block.
    pub block: u64,
    /// It has a journal.
    pub journal: bool,
}
