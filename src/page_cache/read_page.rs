//! `ext4_mpage_readpages` of a page that was not in the cache, `block_read_full_page` of one that was in part.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{
    Bio, Blocks, Content, Extent, LogicalBlock, MapFor, Mapped, Op, Outcome, PageNo, Paging,
    PhysicalBlock, Range,
};
use crate::task::steps;
use std::mem::take;

steps! {
    /// Adds the page to the cache, locked, unless it is there, and reads what is not up to date.
    ///
    /// # Kernel
    /// fs/ext4/readpage.c and mm/filemap.c, read in v5.10; v6.1 and v6.12 the same in this. `block_read_full_page`
    /// (fs/buffer.c), which reads a page that has buffers, in v3.7.2, v4.10.17 and v5.10.44.
    ///
    /// # Modelled
    /// What lies past i_size, as it was read once at the start, and what is a hole or unwritten is filled
    /// with zeros. The page is in the cache, and locked, before i_size is read: whoever drops pages after
    /// that waits for the read to end. Blocks that are up to date stay as they are.
    ///
    /// # Left out
    /// Read-ahead of further pages: each is read when it is wanted, as on a device with none (`ra_pages` is 0); errors; that `block_read_full_page` looks each block up by itself, and leaves its
    /// buffer mapped.
    pub struct ReadPage {
        page: PageNo,
        paging: Paging,
        /// What somebody else may have read meanwhile.
        wanted: Range,
        /// The page is kept until it was copied from.
        keeps: bool,
        /// What is read.
        contents: Vec<(LogicalBlock, [Content; 2])>,
        /// Where i_size, or the page, ends what is read of it.
        len: Blocks,
        mapped: Vec<(LogicalBlock, PhysicalBlock)>,
    }
    in "ext4_mpage_readpages" => Step / At |self, outcome|;

    LockPage in "add_to_page_cache_lru" "the page goes in locked" => Op::Lock(PageLock(self.page), Exclusive);
    Look in "add_to_page_cache_lru" "somebody else read it first: PageUptodate" => self.look()
        => self.there(&outcome).then_some(Step::UnlockPage);
    AddPage in "add_to_page_cache_lru" "unless it is there in part" => Op::PageIn(self.page)
        => self.added(&outcome);
    ReadSize "ext4_readpage_limit: i_size_read" => Op::SizeRead
        => self.len = outcome.size().up().min(self.paging.end_of(self.page));
    Map(map: MapBlocks) if self.below().len > 0 => self.look_up() => self.found(&map);
    RunBio "submit_bio, and the device reads" if !self.mapped.is_empty()
        => Op::Bio(self.mapped.iter().map(|mapped| mapped.1).collect(), Bio::WHOLE_READ) => self.read(outcome);
    Fill in "mpage_end_io" "SetPageUptodate" => Op::PageFill(self.page, self.contents.clone(), self.keeps);
    UnlockPage in "mpage_end_io" "unlock_page" => Op::Unlock(PageLock(self.page), Exclusive);
}

impl ReadPage {
    /// Reads the page of these blocks, of which they are wanted.
    pub fn new(wanted: Range, paging: Paging) -> ReadPage {
        let (page, contents, mapped) = (paging.page(wanted.start), Vec::new(), Vec::new());
        let keeps = false;
        ReadPage { page, paging, wanted, keeps, contents, len: 0, mapped, step: At::Done }.begin()
    }

    /// The page is kept for who copies from it.
    pub fn and_keep(self) -> ReadPage {
        ReadPage { keeps: true, ..self }
    }

    fn look(&self) -> Op {
        if self.keeps { Op::PageFind(self.page, self.wanted) } else { Op::PageLook(self.page) }
    }

    fn there(&self, outcome: &Outcome) -> bool {
        let of_page = (self.paging.start(self.page)..).zip(outcome.buffers());
        let mut wanted =
            of_page.filter(|(block, _)| (self.wanted.start..self.wanted.end()).contains(block));
        match outcome {
            Outcome::Page(page) => !page.is_empty() && wanted.all(|(_, buffer)| buffer.uptodate),
            found => found.yes(),
        }
    }

    /// Reads all of a page.
    pub fn of_page(page: PageNo, paging: Paging) -> ReadPage {
        ReadPage::new(Range::of_page(page, paging), paging)
    }

    fn added(&mut self, outcome: &Outcome) {
        let missing = (self.paging.start(self.page)..)
            .zip(outcome.buffers())
            .filter(|(_, buffer)| !buffer.uptodate);
        self.contents = missing.map(|(block, _)| (block, [Content::Zero; 2])).collect();
    }

    /// From the first to the last block that is missing and lies below i_size.
    fn below(&self) -> Range {
        let missing = self.contents.iter().map(|missing| missing.0);
        let below: Vec<_> = missing.filter(|&block| block < self.len).collect();
        match (below.first(), below.last()) {
            (Some(&start), Some(&last)) => Range { start, len: last + 1 - start },
            _ => Range { start: 0, len: 0 },
        }
    }

    fn look_up(&self) -> MapBlocks {
        MapBlocks::look_up(self.below(), MapFor::Io, DataSemHeld::No)
    }

    /// The missing blocks that hold data, and where it is.
    fn found(&mut self, map: &MapBlocks) {
        let written = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        let found = self.below().blocks().zip(map.found().unwrap_or_default());
        let found = found.filter_map(|(block, m)| Some((block, written(m)?)));
        let missing = |block| self.contents.iter().any(|missing| missing.0 == block);
        self.mapped = found.filter(|found| missing(found.0)).collect();
        self.len = 0;
    }

    fn read(&mut self, outcome: Outcome) {
        let data = if let Outcome::Data(data) = outcome { data } else { Vec::new() };
        for ((block, _), read) in take(&mut self.mapped).into_iter().zip(data) {
            if let Some(missing) = self.contents.iter_mut().find(|missing| missing.0 == block) {
                missing.1 = read;
            }
        }
    }
}
