//! `ext4_mpage_readpages` of a page that was not in the cache.

use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::op::LockName::PageLock;
use crate::op::Mode::Exclusive;
use crate::op::{
    Bio, Blocks, Content, Extent, MapFor, Mapped, Op, Outcome, PAGE_BLOCKS, PhysicalBlock, Range,
};
use crate::task::steps;
use std::collections::BTreeMap;
use std::mem::take;

steps! {
    /// Adds the page to the cache, locked, and reads it.
    ///
    /// # Kernel
    /// fs/ext4/readpage.c and mm/filemap.c, read in v5.10; v6.1 and v6.12 the same in this.
    ///
    /// # Modelled
    /// What lies past i_size, as it was read once at the start, and what is a hole or unwritten is filled
    /// with zeros. The page is in the cache, and locked, before i_size is read: whoever drops pages after
    /// that waits for the read to end.
    ///
    /// # Left out
    /// Read-ahead of further pages, errors.
    pub struct ReadPage {
        /// So many of its blocks lie below i_size.
        len: Blocks,
        mapped: Vec<Mapped>,
        contents: Vec<[Content; 2]>,
    }
    in "ext4_mpage_readpages" => Step / At |self, outcome|;

    LockPage in "add_to_page_cache_lru" "the page goes in locked" => Op::Lock(PageLock, Exclusive);
    Look in "add_to_page_cache_lru" "somebody else read it first: PageUptodate" => Op::PageFind
        => outcome.yes().then_some(Step::UnlockPage);
    AddPage in "add_to_page_cache_lru" => Op::PageIn;
    ReadSize "ext4_readpage_limit: i_size_read" => Op::SizeRead => self.len = outcome.value().min(PAGE_BLOCKS);
    Map(map: MapBlocks) if self.len > 0 => self.look_up()
        => self.mapped = map.found().unwrap_or_default().to_vec();
    RunBio "submit_bio, and the device reads" if !self.written().is_empty()
        => Op::Bio(self.written().into_values().collect(), Bio::WHOLE_READ) => self.read(outcome);
    Fill in "mpage_end_io" "SetPageUptodate" => Op::PageFill(self.contents.clone());
    UnlockPage in "mpage_end_io" "unlock_page" => Op::Unlock(PageLock, Exclusive);
}

impl ReadPage {
    /// Reads the page.
    pub fn new() -> ReadPage {
        let contents = vec![[Content::Zero; 2]; PAGE_BLOCKS as usize];
        ReadPage { len: 0, mapped: Vec::new(), contents, step: At::Done }.begin()
    }

    fn look_up(&mut self) -> MapBlocks {
        let range = Range { start: 0, len: take(&mut self.len) };
        MapBlocks::look_up(range, MapFor::Io, DataSemHeld::No)
    }

    /// The blocks that hold data, and where it is.
    fn written(&self) -> BTreeMap<usize, PhysicalBlock> {
        let written = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        self.mapped.iter().enumerate().filter_map(|(at, m)| Some((at, written(m)?))).collect()
    }

    fn read(&mut self, outcome: Outcome) {
        let data = if let Outcome::Data(data) = outcome { data } else { Vec::new() };
        for (at, read) in self.written().into_keys().zip(data) {
            self.contents[at] = read;
        }
    }
}

impl Default for ReadPage {
    fn default() -> ReadPage {
        ReadPage::new()
    }
}
