//! The one page of the page cache that the model has, its buffer heads, and who has found it.

use crate::op::{Blocks, Buffer, Content, LogicalBlock, PAGE_BLOCKS, PhysicalBlock, Range, TaskId};

/// The page, over the first [`PAGE_BLOCKS`] blocks of the file.
///
/// | buffer of a block           | means                                                            |
/// |-----------------------------|------------------------------------------------------------------|
/// | not `uptodate`              | never read, nor stored to: who wants it reads it in, under the page's lock |
/// | `uptodate`                  | anybody may copy from it, without a lock                         |
/// | `dirty`, `mapped = Some(b)` | it was stored to; writeback writes to `b` without a second look at the extent tree |
/// | `dirty`, `mapped = None`    | the same, to be allocated by writeback (delayed, or unwritten)   |
/// | clean, `mapped = Some(b)`   | it was written back to `b`; a store does not look it up again, until it leaves the cache |
/// | `uninit`                    | `b` was unwritten then: writeback converts it, and does so again |
///
/// The page is `PageUptodate` if all of its blocks are.
///
/// # Kernel
/// `PageUptodate`, `buffer_uptodate`, `buffer_dirty`, `buffer_mapped`, `buffer_delay`, `buffer_uninit`:
/// `ext4_mpage_readpages`, `__block_write_begin`, `__block_commit_write`, `ext4_da_get_block_prep`,
/// `mpage_da_submit_io`, `mpage_add_bh_to_extent`, `discard_buffer` (v3.7, v4.10, v6.12). PG_locked and
/// PG_writeback are one lock here, [`crate::op::LockName::PageLock`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Page {
    /// What is known of each block of it.
    pub buffers: [Buffer; PAGE_BLOCKS as usize],
    /// What each block of it holds, by halves: zeros where it is not up to date.
    pub data: [[Content; 2]; PAGE_BLOCKS as usize],
}

impl Page {
    /// A page of which nothing was read yet.
    pub fn new() -> Page {
        Page { buffers: Default::default(), data: [[Content::Zero; 2]; PAGE_BLOCKS as usize] }
    }

    /// Up to date and clean, with these blocks of data and zeros behind them.
    pub fn of(contents: &[[Content; 2]]) -> Page {
        let mut page = Page::new();
        for (block, held) in (0..).zip(page.data) {
            page.fill(block, contents.get(block as usize).copied().unwrap_or(held));
        }
        page
    }

    /// Whether these blocks of the page are up to date.
    pub fn uptodate(&self, range: Range) -> bool {
        let blocks = range.start..range.end().min(PAGE_BLOCKS);
        blocks.into_iter().all(|block| self.buffers[block as usize].uptodate)
    }

    /// What a block holds, if it is up to date.
    pub fn held(&self, block: LogicalBlock) -> Option<[Content; 2]> {
        let at = block as usize;
        self.buffers.get(at).filter(|buffer| buffer.uptodate).map(|_| self.data[at])
    }

    /// The blocks that were stored to and not written back, in file order.
    pub fn dirty(&self) -> impl Iterator<Item = LogicalBlock> {
        (0..).zip(&self.buffers).filter(|(_, buffer)| buffer.dirty).map(|(block, _)| block)
    }

    /// A block was read.
    pub fn fill(&mut self, block: LogicalBlock, read: [Content; 2]) {
        self.buffers[block as usize].uptodate = true;
        self.data[block as usize] = read;
    }

    /// A block was stored to, its buffer mapped to that device block.
    pub fn store(&mut self, block: LogicalBlock, mapped: Option<PhysicalBlock>) {
        let buffer = &mut self.buffers[block as usize];
        let uninit = buffer.uninit && mapped.is_some();
        *buffer = Buffer { uptodate: true, dirty: true, mapped, uninit };
    }

    /// A block is on its way to that device block, which may have been unwritten.
    pub fn clean(&mut self, block: LogicalBlock, to: PhysicalBlock, uninit: bool) {
        let buffer = &mut self.buffers[block as usize];
        *buffer = Buffer { dirty: false, mapped: Some(to), uninit, ..*buffer };
    }

    /// The data of some blocks went to others of the device, and their buffers with it.
    pub fn move_to(&mut self, from: PhysicalBlock, to: PhysicalBlock) {
        for buffer in self.buffers.iter_mut().filter(|buffer| buffer.mapped == Some(from)) {
            buffer.mapped = Some(to);
        }
    }

    /// Zeros in these blocks, and nothing left to write back there.
    fn zero(&mut self, range: Range) {
        for block in range.start..range.end().min(PAGE_BLOCKS) {
            self.data[block as usize] = [Content::Zero; 2];
            let buffer = &mut self.buffers[block as usize];
            *buffer = Buffer { uptodate: buffer.uptodate, ..Buffer::default() };
        }
    }
}

impl Default for Page {
    fn default() -> Page {
        Page::new()
    }
}

/// The page cache of the file: its page if it has one, and pages that left it while somebody was about to
/// copy from them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PageCache {
    page: Option<Page>,
    /// Who found the page that is there (each has a reference).
    finders: Vec<TaskId>,
    /// What those hold who found a page that has left the cache since.
    gone: Vec<(TaskId, Page)>,
}

impl PageCache {
    /// The page that is there.
    pub fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// The page that is there, to change.
    pub fn page_mut(&mut self) -> Option<&mut Page> {
        self.page.as_mut()
    }

    /// `mapping->nrpages`.
    pub fn pages(&self) -> Blocks {
        Blocks::from(self.page.is_some())
    }

    /// A page goes in.
    pub fn insert(&mut self, page: Page) {
        self.page = Some(page);
    }

    /// The buffers of the page that is there.
    pub fn buffers(&self) -> Vec<Buffer> {
        self.page().map_or_else(Vec::new, |page| page.buffers.to_vec())
    }

    /// `find_get_page` of a page of which these blocks can be copied, by that task: it keeps it, even if it leaves
    /// the cache.
    pub fn find(&mut self, task: TaskId, range: Range) -> bool {
        let found = self.page().is_some_and(|page| page.uptodate(range));
        self.gone.retain(|gone| gone.0 != task);
        self.finders.retain(|&finder| finder != task);
        if found {
            self.finders.push(task);
            self.finders.sort_unstable();
        }
        found
    }

    /// The page that a task found and that has left the cache since, and whether it found the one that is there.
    pub(crate) fn found_by(&self, task: TaskId) -> (bool, Option<&Page>) {
        let gone = self.gone.iter().find(|gone| gone.0 == task).map(|gone| &gone.1);
        (self.finders.contains(&task), gone)
    }

    /// What a block of the page holds that the task has found, or else of the one that is there.
    pub fn read(&self, task: TaskId, block: LogicalBlock) -> [Content; 2] {
        let (_, gone) = self.found_by(task);
        let held = gone.or(self.page()).and_then(|page| page.data.get(block as usize));
        held.copied().unwrap_or([Content::Zero; 2])
    }

    /// What lies in the range leaves the cache unwritten: the page if all of it does, else those blocks are
    /// zeroed (`truncate_inode_pages_range`).
    pub fn truncate(&mut self, range: Range) {
        if range.start == 0 && range.end() >= PAGE_BLOCKS {
            self.drop_page();
        } else if let Some(page) = &mut self.page {
            page.zero(range);
        }
    }

    /// The page leaves the cache unless it is dirty; whether none is left (`invalidate_inode_pages2_range`).
    pub fn invalidate(&mut self) -> bool {
        let dirty = self.page().is_some_and(|page| page.dirty().next().is_some());
        if !dirty {
            self.drop_page();
        }
        !dirty
    }

    /// The page leaves the cache.
    pub fn drop_page(&mut self) {
        let Some(page) = self.page.take() else { return };
        for task in self.finders.drain(..) {
            self.gone.push((task, page.clone()));
        }
        self.gone.sort_unstable_by_key(|gone| gone.0);
    }
}

#[cfg(test)]
mod tests {
    use crate::*;

    const OLD: [Content; 2] = [Content::Initial; 2];
    const ZERO: [Content; 2] = [Content::Zero; 2];

    const FIRST: Range = Range { start: 0, len: 1 };

    fn cached() -> PageCache {
        let mut cache = PageCache::default();
        cache.insert(Page::of(&[OLD, OLD]));
        cache
    }

    #[test]
    fn who_found_a_page_copies_from_it_after_it_was_dropped() {
        let mut cache = cached();
        assert!(cache.find(1, FIRST));
        cache.drop_page();
        cache.insert(Page::of(&[]));
        assert_eq!((cache.read(1, 0), cache.read(2, 0)), (OLD, ZERO));
        assert!(cache.find(1, FIRST));
        assert_eq!(cache.read(1, 0), ZERO);
    }

    #[test]
    fn a_page_that_goes_in_part_is_zeroed_there_and_stays() {
        let mut cache = cached();
        for block in [0, 1] {
            cache.page_mut().expect("it is there").store(block, None);
        }
        cache.truncate(Range { start: 1, len: 7 });
        let page = cache.page().expect("it stays");
        assert_eq!((page.data[0], page.data[1]), (OLD, ZERO));
        assert_eq!(page.dirty().collect::<Vec<_>>(), [0]);
        cache.truncate(Range { start: 0, len: 8 });
        assert_eq!(cache.pages(), 0);
    }

    #[test]
    fn a_dirty_page_is_not_invalidated() {
        let mut cache = cached();
        cache.page_mut().expect("it is there").store(0, None);
        assert!(!cache.invalidate());
        assert_eq!(cache.pages(), 1);
        cache.page_mut().expect("it is there").clean(0, 7, false);
        assert!(cache.invalidate());
        assert_eq!(cache.pages(), 0);
    }

    #[test]
    fn only_what_was_read_or_stored_is_up_to_date_and_a_buffer_keeps_its_mapping() {
        let mut page = Page::new();
        page.store(1, None);
        let second = Range { start: 1, len: 1 };
        assert!(page.uptodate(second) && !page.uptodate(FIRST));
        assert_eq!((page.held(0), page.held(1)), (None, Some(ZERO)));
        page.clean(1, 5, true);
        page.store(1, Some(5));
        assert_eq!(page.buffers[1].mapped, Some(5));
        assert!(page.buffers[1].uninit);
        page.zero(second);
        assert_eq!(page.buffers[1], Buffer { uptodate: true, ..Buffer::default() });
    }
}
