//! Whether a test needs `cur_aio_dio`, the inode's one slot for an io_end, to be followed.

use super::{CallSpec, Litmus};
use diolock::extent_probe::Extent;
use diolock::op::Range;

impl Litmus {
    /// Whether a write of this test may look at the slot while another changes it. Every direct write
    /// stores to it; in a test where nobody can look, the order of those stores is no matter, and
    /// leaving them out spares the engines the many orders they could come in.
    ///
    /// Only a write that allocates looks. So there are two writes, and a block that one of them wants is
    /// not written: not at the start, or no longer. A truncate alone leaves no such block within i_size:
    /// that takes a write that extends the file past a hole, a second one that allocates there and a
    /// third one to overwrite what the first or second has written. (An overwrite that began before the
    /// truncate has made its stores before blocks are freed: it holds `i_data_sem` for them.)
    pub(super) fn follows_slot(&self) -> bool {
        let writes: Vec<Range> = self.tasks.iter().filter_map(|t| t.call.direct_write()).collect();
        let written = |block: u32| self.extents.get(block as usize) == Some(&Extent::Written);
        let overlap = |(at, one): (usize, &Range)| {
            writes[..at].iter().any(|other| one.start < other.end() && other.start < one.end())
        };
        let allocates = writes.iter().any(|range| !range.blocks().all(written));
        let truncates = self.tasks.iter().any(|t| matches!(t.call, CallSpec::Ftruncate { .. }));
        let back = truncates && writes.len() > 2 && writes.iter().enumerate().any(overlap);
        let takes = self.tasks.iter().any(|t| !t.call.keeps_blocks());
        writes.len() > 1 && (allocates || back || takes)
    }
}

impl CallSpec {
    /// The range of a direct write.
    fn direct_write(&self) -> Option<Range> {
        match *self {
            CallSpec::Pwrite { range, .. }
            | CallSpec::PwriteClose { range }
            | CallSpec::Uring { range, .. } => Some(range),
            _ => None,
        }
    }

    /// Whether written blocks stay so, but for those past what a truncate leaves.
    fn keeps_blocks(&self) -> bool {
        matches!(
            self,
            CallSpec::Pwrite { .. }
                | CallSpec::PwriteClose { .. }
                | CallSpec::Pread { .. }
                | CallSpec::Ftruncate { .. }
                | CallSpec::Mmap
                | CallSpec::Write
                | CallSpec::Read(_)
                | CallSpec::Commit
                | CallSpec::Fsync
                | CallSpec::DioWait(_)
                | CallSpec::DioDone(_)
        )
    }
}
