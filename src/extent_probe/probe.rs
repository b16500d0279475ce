//! The overwrite probe: may this direct write do without `i_mutex`?

use super::{DataSemHeld, MapBlocks};
use crate::kernel::Kernel;
use crate::op::{Blocks, Extent, MapFor, Op, Size, Span};
use crate::task::steps;

steps! {
    /// The test in `ext4_file_dio_write` (patch 3 of the RFC, with the lookup of patch 2).
    ///
    /// # Modelled
    /// Overwrite if nothing is cached, the write ends within i_size, it is not unaligned asynchronous,
    /// the mount has dioread_nolock, and *every* block is mapped and written. The caller reads i_size
    /// here also for its second test, `final_size <= i_size`: `i_mutex` is held in between.
    pub struct OverwriteProbe {
        any_pages: bool,
        /// Cached pages, as read; 0 where they were not asked for.
        pub pages: Blocks,
        /// i_size, as read.
        pub size: Size,
        /// The verdict, once done.
        pub overwrite: bool,
    }
    /// `allowed`: dioread_nolock is on and this is no unaligned asynchronous write.
    pub fn new(span: Span, allowed: bool, kernel: Kernel);
    in "ext4_file_dio_write" => Step / At |self, outcome|;

    ReadPages "mapping->nrpages" if self.allowed && !self.any_pages
        => Op::PagesRead(self.kernel.paging.all()) => self.pages = outcome.number();
    ReadSize "i_size_read" => Op::SizeRead => self.size = outcome.size();
    LookUp(map: MapBlocks) if self.may_be() => MapBlocks::look_up(self.span.range(), MapFor::Probe, DataSemHeld::No)
        => self.overwrite = map.found().unwrap_or_default().iter().all(|m| m.extent == Extent::Written);
}

impl OverwriteProbe {
    /// The same whatever is cached (4b0524aae008, v4.9): `ext4_overwrite_io`.
    pub fn of_any_pages(span: Span, allowed: bool, kernel: Kernel) -> OverwriteProbe {
        OverwriteProbe { any_pages: true, ..OverwriteProbe::new(span, allowed, kernel) }.begin()
    }

    fn may_be(&self) -> bool {
        self.allowed && self.pages == 0 && self.span.end <= self.size
    }
}
