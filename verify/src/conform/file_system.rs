//! What the recording was made on.

use diolock::kernel::Kernel;

/// A mounted file system.
#[derive(Clone, Copy, Debug)]
pub struct FileSystem {
    /// The kernel that mounted it.
    pub kernel: Kernel,
    /// Bytes of a block.
    pub block: u64,
    /// Its journal.
    pub journal: Journal,
}

/// What is written to the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Journal {
    /// There is none.
    None,
    /// Metadata: data=ordered, data=writeback.
    Metadata,
    /// Data, too: data=journal. Direct I/O goes through the page cache then (`ext4_should_use_dio`).
    Data,
}

impl Journal {
    /// Whether there is one.
    pub fn exists(self) -> bool {
        self != Journal::None
    }
}
