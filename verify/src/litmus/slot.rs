//! Whether a test needs `cur_aio_dio`, the inode's one slot for an io_end, to be followed.

use super::file::MAX_BLOCKS;
use super::{CallSpec, Litmus};
use diolock::op::{Extent, Range};

impl Litmus {
    /// Whether a write of this test may look at the slot while another changes it. Every direct write
    /// stores to it; in a test where nobody can look, the order of those stores is no matter, and
    /// leaving them out spares the engines the many orders they could come in.
    ///
    /// An overwrite changes it without the lock, a write that allocates looks at it: two writes, of which
    /// the one wants blocks that are written and the other one that is not, or no longer. A truncate
    /// alone leaves no such block within i_size: that takes a write that extends the file past a hole, a
    /// second one that allocates there and a third one to overwrite what one of them has written. (An
    /// overwrite that began before the truncate has made its stores before blocks are freed: it holds
    /// `i_data_sem` for them.)
    /// (The calls of one thread count as if they could meet.)
    pub(super) fn follows_slot(&self) -> bool {
        let writes: Vec<DirectWrite> =
            self.calls_made().filter_map(CallSpec::direct_write).collect();
        if !self.setup.is_empty() {
            // Which blocks are written then is not looked at here.
            return writes.len() > 1;
        }
        let written = |block: u32| self.extents.get(block as usize) == Some(&Extent::Written);
        let others = |at: usize| writes.iter().enumerate().filter(move |w| w.0 != at).map(|w| w.1);
        let again = |at: usize, block| others(at).any(|w| w.range.blocks().any(|b| b == block));
        let overwrites = |at: usize| {
            let mut blocks = writes[at].range.blocks();
            self.dioread_nolock
                && !writes[at].serialized
                && blocks.all(|block| written(block) || again(at, block))
        };
        let takes = self.calls_made().any(|call| !call.keeps_blocks());
        let truncates = self.calls_made().any(|call| matches!(call, CallSpec::Ftruncate { .. }));
        let allocates = |at: usize, beside: usize| {
            let returns = || writes[beside].range.blocks().any(|block| again(beside, block));
            let holes = truncates && writes.len() > 2 && returns();
            takes || holes || !writes[at].range.blocks().all(written)
        };
        let all = || 0..writes.len();
        all().any(|w| overwrites(w) && all().any(|at| at != w && allocates(at, w)))
    }
}

/// A direct write, as far as it matters here.
struct DirectWrite {
    range: Range,
    /// It never drops the lock: unaligned and asynchronous.
    serialized: bool,
}

impl CallSpec {
    fn direct_write(&self) -> Option<DirectWrite> {
        match *self {
            // Where O_APPEND puts it is not followed here.
            CallSpec::Pwrite { append: true, .. } => {
                Some(DirectWrite { range: Range { start: 0, len: MAX_BLOCKS }, serialized: false })
            }
            CallSpec::Pwrite { span, aio, .. } => {
                Some(DirectWrite { range: span.range(), serialized: span.unaligned() && aio })
            }
            CallSpec::PwriteClose { range } | CallSpec::Uring { range, .. } => {
                Some(DirectWrite { range, serialized: false })
            }
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
                | CallSpec::AioPread(_)
                | CallSpec::Ftruncate { .. }
                | CallSpec::Mmap
                | CallSpec::Write { .. }
                | CallSpec::Read(_)
                | CallSpec::Commit
                | CallSpec::Fsync
                | CallSpec::Reclaim { .. }
                | CallSpec::DioWait(_)
                | CallSpec::DioDone(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::graph;
    use crate::litmus::{catalogue, parse};
    use crate::verdict::Verdict;
    use diolock::kernel::{Kernel, Version};

    /// Whether following the slot makes a difference to the verdict; none if there are too many states.
    fn matters(litmus: &Litmus, kernel: Kernel) -> Option<bool> {
        let options = graph::Options { max_states: Some(150_000), ..Default::default() };
        let run = |slot| graph::run(&litmus.program_following(kernel, slot), options).verdict;
        let ended = |slot| Some(run(slot)).filter(|v| !matches!(v, Verdict::Incomplete(_)));
        Some(ended(true)? != ended(false)?)
    }

    #[test]
    fn where_it_is_not_followed_it_makes_no_difference() {
        let kernels = [Version::V3_6, Version::V3_7, Version::V3_11].map(Kernel::new);
        let mut asked = 0;
        for litmus in catalogue::all().expect("the catalogue reads") {
            let cells = || kernels.iter().filter(|k| litmus.expect.iter().any(|e| e.kernel == **k));
            for &kernel in cells().filter(|_| !litmus.follows_slot()) {
                let matters = matters(&litmus, kernel);
                asked += usize::from(matters == Some(false));
                assert_ne!(matters, Some(true), "{} on {kernel}", litmus.name);
            }
        }
        assert!(asked > 110, "{asked} cells");
    }

    /// Writes of one block each, of a file of written blocks, and a truncate.
    fn writes_and_truncate(blocks: &[u32], to: u32) -> Litmus {
        let mut text = r#"
            claim = "the slot matters only if it is followed"
            evidence = "ours"
            reaches = ["W returns"]
            [except]
            R4 = "B01"
            R6 = "B01"
            R11 = "B13"
            [file]
            size = 3
            extents = ["written", "written", "written"]
        "#
        .to_owned();
        for (letter, block) in "WVUX".chars().zip(blocks) {
            text += &format!("[[task]]\nname = \"{letter}\"\ncall = \"pwrite\"\nblock = {block}\n");
        }
        text += &format!("[[task]]\nname = \"T\"\ncall = \"ftruncate\"\nto = {to}\n");
        text += "[[expect]]\nkernel = \"v3.7\"\nverdict = \"never\"\n";
        parse::parse("t", "t.toml", &text).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn a_truncate_makes_it_matter_only_where_three_writes_meet() {
        let kernel = Kernel::new(Version::V3_7);
        let mut mattered = 0;
        for (v, u) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)] {
            let litmus = writes_and_truncate(&[2, v, u], 0);
            let matters = matters(&litmus, kernel);
            assert!(litmus.follows_slot() || matters == Some(false), "blocks 2, {v}, {u}");
            mattered += usize::from(matters == Some(true));
        }
        assert!(mattered > 0, "it never matters: nothing was shown");
    }
}
