//! The overwrite probe: may this direct write do without `i_mutex`?

use super::{DataSemHeld, Extent, MapBlocks};
use crate::op::{Blocks, MapFor, Op, Outcome, Range};
use crate::task::{Place, Task};

/// The test in `ext4_file_dio_write` (patch 3 of the RFC, with the lookup of patch 2).
///
/// | step      | kernel (v3.6)                                   | holds after                |
/// |-----------|-------------------------------------------------|----------------------------|
/// | ReadPages | ext4_file_dio_write: mapping->nrpages           | i_mutex                    |
/// | ReadSize  | ext4_file_dio_write: i_size_read                | i_mutex                    |
/// | LookUp    | ext4_map_blocks(NULL, inode, &map, 0)           | i_mutex (+ i_data_sem R)   |
///
/// # Modelled
/// Overwrite if nothing is cached, the write ends within i_size, it is not unaligned asynchronous,
/// the mount has dioread_nolock, and *every* block is mapped and written. The caller reads i_size
/// here also for its second test, `final_size <= i_size`: `i_mutex` is held in between.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OverwriteProbe {
    range: Range,
    allowed: bool,
    step: Step,
    /// Cached pages, as read; 0 where they were not asked for.
    pub pages: Blocks,
    /// i_size, as read.
    pub size: Blocks,
    /// The verdict, once done.
    pub overwrite: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    ReadPages,
    ReadSize,
    LookUp(MapBlocks),
    Done,
}

impl OverwriteProbe {
    /// The same whatever is cached (4b0524aae008, v4.9): `ext4_overwrite_io`.
    pub fn of_any_pages(range: Range, allowed: bool) -> OverwriteProbe {
        OverwriteProbe { step: Step::ReadSize, ..OverwriteProbe::new(range, allowed) }
    }

    /// `allowed`: dioread_nolock is on and this is no unaligned asynchronous write.
    pub fn new(range: Range, allowed: bool) -> OverwriteProbe {
        let step = if allowed { Step::ReadPages } else { Step::ReadSize };
        OverwriteProbe { range, allowed, step, pages: 0, size: 0, overwrite: false }
    }
}

impl Task for OverwriteProbe {
    fn next(&self) -> Option<Op> {
        match &self.step {
            Step::ReadPages => Some(Op::PagesRead),
            Step::ReadSize => Some(Op::SizeRead),
            Step::LookUp(map) => map.next(),
            Step::Done => None,
        }
    }

    fn resume(&mut self, outcome: Outcome) {
        match &mut self.step {
            Step::ReadPages => {
                if let Outcome::Value(pages) = outcome {
                    self.pages = pages;
                }
                self.step = Step::ReadSize;
            }
            Step::ReadSize => {
                if let Outcome::Value(size) = outcome {
                    self.size = size;
                }
                let inside = self.allowed && self.pages == 0 && self.range.end() <= self.size;
                self.step = if inside {
                    Step::LookUp(MapBlocks::look_up(self.range, MapFor::Probe, DataSemHeld::No))
                } else {
                    Step::Done
                };
            }
            Step::LookUp(map) => {
                map.resume(outcome);
                if map.next().is_none() {
                    let found = map.found().unwrap_or_default();
                    self.overwrite = found.iter().all(|m| m.extent == Extent::Written);
                    self.step = Step::Done;
                }
            }
            Step::Done => {}
        }
    }

    fn place(&self) -> Place {
        match &self.step {
            Step::ReadPages => Place { step: "ReadPages", kernel: "ext4_file_dio_write" },
            Step::ReadSize => Place { step: "ReadSize", kernel: "ext4_file_dio_write" },
            Step::LookUp(map) => map.place(),
            Step::Done => Place { step: "Done", kernel: "ext4_file_dio_write" },
        }
    }
}
