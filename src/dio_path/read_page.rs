//! `ext4_mpage_readpages` of a page that was not in the cache.

use crate::extent_probe::{Content, DataSemHeld, Extent, MapBlocks, Mapped};
use crate::inode_lock::{LockName, Mode};
use crate::op::{Bio, Blocks, MapFor, Op, Outcome, PhysicalBlock, Range};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// Adds the page to the cache, locked, and reads it.
///
/// | step       | kernel (v5.10)                                             | holds after |
/// |------------|------------------------------------------------------------|-------------|
/// | LockPage   | add_to_page_cache_lru: the page goes in locked             | page        |
/// | Look       | somebody else read it first: PageUptodate                  | page        |
/// | AddPage    | add_to_page_cache_lru                                      | page        |
/// | ReadSize   | ext4_readpage_limit: i_size_read                           | page        |
/// | Map        | ext4_mpage_readpages: ext4_map_blocks, see MapBlocks       | page        |
/// | RunBio     | submit_bio, and the device reads                           | page        |
/// | Fill       | mpage_end_io: SetPageUptodate                              | page        |
/// | UnlockPage | mpage_end_io: unlock_page                                  |             |
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ReadPage {
    step: Step,
    mapped: Vec<Mapped>,
    contents: Vec<[Content; 2]>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    LockPage,
    Look,
    AddPage,
    ReadSize,
    Map(MapBlocks),
    RunBio,
    Fill,
    UnlockPage,
    Done,
}

impl ReadPage {
    /// Reads the page.
    pub fn new() -> ReadPage {
        let contents = vec![[Content::Zero; 2]; PAGE_BLOCKS as usize];
        ReadPage { step: Step::LockPage, mapped: Vec::new(), contents }
    }

    fn written(&self) -> impl Iterator<Item = (usize, PhysicalBlock)> {
        let written = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        self.mapped.iter().enumerate().filter_map(move |(at, m)| Some((at, written(m)?)))
    }

    fn map(&self, size: Blocks) -> Step {
        match size.min(PAGE_BLOCKS) {
            0 => Step::Fill,
            len => {
                let range = Range { start: 0, len };
                Step::Map(MapBlocks::look_up(range, MapFor::Io, DataSemHeld::No))
            }
        }
    }
}

impl Default for ReadPage {
    fn default() -> ReadPage {
        ReadPage::new()
    }
}

impl Task for ReadPage {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::LockPage => Op::Lock(LockName::PageLock, Mode::Exclusive),
            Step::Look => Op::PageFind,
            Step::AddPage => Op::PageIn,
            Step::ReadSize => Op::SizeRead,
            Step::Map(map) => return map.next(),
            Step::RunBio => Op::Bio(self.written().map(|w| w.1).collect(), Bio::WHOLE_READ),
            Step::Fill => Op::PageFill(self.contents.clone()),
            Step::UnlockPage => Op::Unlock(LockName::PageLock, Mode::Exclusive),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::LockPage => Step::Look,
            Step::Look if outcome == Outcome::Flag(true) => Step::UnlockPage,
            Step::Look => Step::AddPage,
            Step::AddPage => Step::ReadSize,
            Step::ReadSize => self.map(if let Outcome::Value(size) = outcome { size } else { 0 }),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                self.mapped = map.found().unwrap_or_default().to_vec();
                if self.written().next().is_some() { Step::RunBio } else { Step::Fill }
            }
            Step::RunBio => {
                let data = if let Outcome::Data(data) = outcome { data } else { Vec::new() };
                let blocks: Vec<usize> = self.written().map(|w| w.0).collect();
                for (at, read) in blocks.into_iter().zip(data) {
                    self.contents[at] = read;
                }
                Step::Fill
            }
            Step::Fill => Step::UnlockPage,
            Step::UnlockPage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Map(map) => return map.place(),
            Step::LockPage => ("LockPage", "add_to_page_cache_lru"),
            Step::Look => ("Look", "add_to_page_cache_lru"),
            Step::AddPage => ("AddPage", "add_to_page_cache_lru"),
            Step::ReadSize => ("ReadSize", "ext4_mpage_readpages"),
            Step::RunBio => ("RunBio", "ext4_mpage_readpages"),
            Step::Fill => ("Fill", "mpage_end_io"),
            Step::UnlockPage => ("UnlockPage", "mpage_end_io"),
            Step::Done => ("Done", "ext4_mpage_readpages"),
        };
        Place { step, kernel }
    }
}
