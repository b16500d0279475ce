//! `ext4_ind_direct_IO` for a write past i_size: blocks first, then the sizes.

use super::write::{Write, new_ends};
use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel};
use crate::op::{
    Bio, Blocks, Ends, Extent, Fault, Handle, MapFor, Mapped, Op, PhysicalBlock, Range, Size, Span,
};
use crate::task::steps;

steps! {
    /// `ext4_ind_direct_IO`, with `do_blockdev_direct_IO` inside it, for a write that ends past i_size: of
    /// files with extents too. It is synchronous, and holds `i_mutex` throughout.
    ///
    /// # Kernel
    /// `ext4_ind_direct_IO` (fs/ext4/indirect.c), `get_more_blocks`, `do_direct_IO` (fs/direct-io.c), read in
    /// v3.6.5, v3.7.2 and v3.11.
    ///
    /// # Modelled
    /// Past i_size blocks are allocated as written: i_size hides them until the data is there. Below it no block
    /// is (`DIO_SKIP_HOLES`): at the first one that is not written the I/O ends, short, with both sizes as they
    /// were, and the caller writes the rest through the page cache. The second handle is opened whatever became
    /// of the I/O.
    ///
    /// # Left out
    /// The orphan list, which is followed from v4.10 on; the second try after ENOSPC, and
    /// `ext4_truncate_failed_write`, which frees what a failed write has allocated past i_size.
    pub struct IndDirectIo {
        blocks: Vec<PhysicalBlock>,
        /// Ends in new blocks.
        fresh: Ends,
        /// What came to a block below i_size that is not written, and all after it.
        rest: Option<Span>,
        /// The I/O could not be started.
        pub failed: bool,
    }
    /// Submits `write` to a file of that i_size, which holds as long as `i_mutex` is held.
    pub fn new(write: Write, size: Size, kernel: Kernel);
    in "ext4_ind_direct_IO" => Step / At |self, outcome|;

    StartOrphan "ext4_journal_start" => Op::JournalStart(Handle::Orphan);
    SetDisksize "i_disksize = i_size" => Op::DisksizeWrite(self.size);
    StopOrphan "ext4_journal_stop" => Op::JournalStop(Handle::Orphan);
    BeginIo in "do_blockdev_direct_IO" "atomic_inc" => Op::DioBegin(self.write.task);
    LookUp(map: MapBlocks) "ext4_get_block below i_size" if self.below().len > 0
        => self.look_up() => self.looked_up(map.found().unwrap_or_default());
    Map(map: MapBlocks) "ext4_get_block" => self.map() => self.mapped(map.found().unwrap_or_default());
    RunBio in "do_blockdev_direct_IO" "dio_await_completion" if !self.blocks.is_empty()
        => Op::Bio(self.blocks.clone(), self.bio());
    EndIo "inode_dio_done" => Op::DioEnd(self.write.task);
    StartSize "ext4_journal_start" => Op::JournalStart(Handle::Orphan);
    WriteDisksize "i_disksize" if self.whole() => Op::DisksizeWrite(self.write.end());
    WriteSize "i_size_write" if self.whole() => Op::SizeWrite(self.write.end());
    StopSize "ext4_journal_stop" => Op::JournalStop(Handle::Orphan);
}

impl IndDirectIo {
    /// What is left for the page cache.
    pub fn rest(&self) -> Option<Span> {
        self.rest
    }

    /// The blocks that lie below i_size; what is unaligned is counted in sectors, and a block that i_size is in
    /// the middle of lies below it if the write begins there below i_size.
    fn below(&self) -> Range {
        let Range { start, .. } = self.write.range();
        let counts_sectors = self.write.unaligned() && self.write.span.start < self.size;
        let end = if counts_sectors { self.size.up() } else { self.size.down() };
        Range { start, len: end.saturating_sub(start) }
    }

    fn look_up(&self) -> MapBlocks {
        MapBlocks::look_up(self.below(), MapFor::Io, DataSemHeld::No)
    }

    fn looked_up(&mut self, found: &[Mapped]) -> Option<Step> {
        let written = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        self.blocks = found.iter().map_while(written).collect();
        let start = self.write.range().start + self.blocks.len() as Blocks;
        let rest =
            Span { start: self.write.span.start.max(Size::blocks(start)), ..self.write.span };
        self.rest = (self.blocks.len() < found.len()).then_some(rest);
        self.rest.is_some().then_some(Step::RunBio)
    }

    fn map(&self) -> MapBlocks {
        let fails = self.write.fault == Some(Fault::Enospc);
        let how = if fails { MapFor::CreateFails } else { MapFor::Extend };
        let (start, end) = (self.below().end(), self.write.range().end());
        MapBlocks::create(
            Range { start, len: end - start },
            how,
            false,
            !self.kernel.has(Fix::CountUnwrittenOnSuccess),
        )
    }

    fn mapped(&mut self, found: &[Mapped]) {
        self.failed = found.is_empty();
        let new = new_ends(found);
        self.fresh = Ends { front: self.blocks.is_empty() && new.front, back: new.back };
        self.blocks.extend(found.iter().filter_map(|m| m.block));
    }

    fn bio(&self) -> Bio {
        self.write.bio(self.blocks.len(), self.fresh)
    }

    fn whole(&self) -> bool {
        !self.failed && self.rest.is_none()
    }
}
