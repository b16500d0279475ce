//! `i_dio_count` and the other counters that a drainer waits on.

/// A counter with a drain.
///
/// | value | means                                                       |
/// |-------|-------------------------------------------------------------|
/// | `> 0` | that many direct I/Os in flight; a drainer waits            |
/// | `0`   | none; a drainer passes, even if one is about to begin       |
/// | `< 0` | ended more often than begun: rule R10                       |
///
/// # Priority policy
/// None: a new reference may be taken while a drainer waits. What keeps a drain finite is the lock
/// its callers hold (or the gate), never the counter.
///
/// # Kernel
/// `inode->i_dio_count`, `inode_dio_wait`, `inode_dio_done` (fs/inode.c, v3.6);
/// `EXT4_I(inode)->i_aiodio_unwritten`, `ext4_aiodio_wait` (fs/ext4/file.c, v3.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Counter(i8);

impl Counter {
    /// Takes a reference.
    pub fn begin(&mut self) {
        self.0 += 1;
    }
    /// Drops one.
    pub fn end(&mut self) {
        self.0 -= 1;
    }
    /// So many references at once.
    pub(crate) fn add(&mut self, references: i8) {
        self.0 += references;
    }
    /// Whether a drainer would pass now.
    pub fn drained(self) -> bool {
        self.0 == 0
    }
    /// The value.
    pub fn get(self) -> i8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drain_passes_at_zero_only() {
        let mut count = Counter::default();
        assert!(count.drained());
        count.begin();
        count.begin();
        count.end();
        assert!(!count.drained());
        count.end();
        assert!(count.drained());
        count.end();
        assert_eq!(count.get(), -1);
        assert!(!count.drained(), "an underflow hangs the drainer (32c80b32c053)");
    }
}
