//! The inode at the start.

use super::{Extents, FileState, Guards, Inode, Page, PageCache};
use crate::inode_lock::{Counter, Gate, Journal, RwSem};
use crate::op::{Blocks, Content, Extent, Paging, Private, Size};
use smallvec::smallvec;

impl Inode {
    /// A file of that size whose mapping starts with `extents`, for `tasks` tasks; so many of its `pages` from the
    /// first on are cached, clean: copies of what is written, and zeros.
    pub fn new(
        size: Size,
        extents: &[Extent],
        (pages, paging): (Blocks, Paging),
        tasks: usize,
    ) -> Inode {
        let written = |block: usize| extents.get(block) == Some(&Extent::Written);
        let held = |block| if written(block) { Content::Initial } else { Content::Zero };
        let mut contents: Vec<_> = (0..size.up() as usize).map(|at| [held(at); 2]).collect();
        let mut blocks = Extents::new(extents);
        if size.splits() {
            contents[size.down() as usize][1] = Content::Zero;
            blocks.zero_tail(size.down());
        }
        let mut cache = PageCache::new(paging);
        for page in paging.all().iter().take(pages as usize) {
            cache.insert(page, Page::of(page, paging, &contents));
        }
        let guards = Guards {
            locks: Default::default(),
            page_locks: vec![RwSem::default(); usize::from(paging.pages()) - 1],
            dio_count: Counter::default(),
            unwritten: Counter::default(),
            io_ends: Default::default(),
            gate: Gate::default(),
            journal: Journal::default(),
            completed: Vec::new(),
            private: vec![Private::Null; tasks],
            io_end_puts: smallvec![0; tasks],
            dio_puts: smallvec![0; tasks],
            aio: None,
            queues: Default::default(),
        };
        let file = FileState { size, disksize: size, orphan: false, extents: blocks, cache };
        Inode { guards, file }
    }

    /// The same with an `i_disksize` that lags behind: delayed allocation has yet to write back.
    #[must_use]
    pub fn with_disksize(mut self, disksize: Size) -> Inode {
        self.file.disksize = disksize;
        self
    }

    /// The same with cached pages that were stored to: each block of the file that they hold, from that one on, is
    /// to be written back.
    #[must_use]
    pub fn with_dirty_pages(mut self, from: Blocks) -> Inode {
        let size = self.file.size;
        for no in self.file.cache.there(self.paging().all()) {
            let Some(page) = self.file.cache.page_mut(no) else { continue };
            for block in page.range().blocks().filter(|block| (from..size.up()).contains(block)) {
                let mapped = self.file.extents.mapping().get(block as usize);
                let written = mapped.filter(|m| m.extent == Extent::Written);
                page.fill(block, [Content::Initial; 2]);
                page.store(block, written.and_then(|m| m.block));
            }
            page.zero_tail(size);
        }
        self
    }

    /// The same file later, when nobody remembers who did what to it: all data is what it holds at the start.
    #[must_use]
    pub fn settled(mut self) -> Inode {
        let settled = |half| if let Content::Of(_) = half { Content::Initial } else { half };
        for block in 0..self.file.extents.device_blocks() {
            let halves = &mut self.file.extents.block_mut(block).halves;
            *halves = halves.map(settled);
        }
        self.file.cache.change_contents(settled);
        self.file.cache.forget_finders();
        self.guards.private.fill(Private::Null);
        self
    }
}
