//! The one page of the page cache that the model has, its buffer heads, and who has found it.

use crate::op::{Blocks, Content, LogicalBlock, PAGE_BLOCKS, PhysicalBlock, Range, TaskId};

/// The page, over the first [`PAGE_BLOCKS`] blocks of the file.
///
/// | value                  | means                                                            |
/// |------------------------|------------------------------------------------------------------|
/// | not `uptodate`         | about to be read, under the page's lock                          |
/// | `uptodate`             | anybody may copy from it, without a lock                         |
/// | `dirty = [(b, Some)]`  | block `b` was stored to; its buffer head is mapped: writeback    |
/// |                        | writes there without a second look at the extent tree            |
/// | `dirty = [(b, None)]`  | the same, to be allocated by writeback (delayed, or unwritten)   |
///
/// # Kernel
/// `PageUptodate`, `buffer_dirty`, `buffer_mapped`, `buffer_delay`: `ext4_mpage_readpages`,
/// `ext4_da_get_block_prep`, `mpage_add_bh_to_extent` (v4.10, v6.12). PG_locked and PG_writeback are one
/// lock here, [`crate::op::LockName::PageLock`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Page {
    /// It holds what it should.
    pub uptodate: bool,
    /// What each block of it holds, by halves.
    pub data: [[Content; 2]; PAGE_BLOCKS as usize],
    /// What was stored and not written back, in file order.
    pub dirty: Vec<(LogicalBlock, Option<PhysicalBlock>)>,
}

impl Page {
    /// A page that is yet to be read.
    pub fn new() -> Page {
        Page {
            uptodate: false,
            data: [[Content::Zero; 2]; PAGE_BLOCKS as usize],
            dirty: Vec::new(),
        }
    }

    /// Clean, with these blocks of data and zeros behind them.
    pub fn of(contents: &[[Content; 2]]) -> Page {
        let mut page = Page { uptodate: true, ..Page::new() };
        for (held, &content) in page.data.iter_mut().zip(contents) {
            *held = content;
        }
        page
    }

    /// A block was stored to, its buffer mapped to that device block.
    pub fn store(&mut self, block: LogicalBlock, mapped: Option<PhysicalBlock>) {
        self.dirty.retain(|dirty| dirty.0 != block);
        self.dirty.push((block, mapped));
        self.dirty.sort_unstable();
    }

    /// Zeros in these blocks, and nothing left to write back there.
    fn zero(&mut self, range: Range) {
        let inside = |block: LogicalBlock| range.start <= block && block < range.end();
        for (block, held) in (0..).zip(&mut self.data) {
            if inside(block) {
                *held = [Content::Zero; 2];
            }
        }
        self.dirty.retain(|dirty| !inside(dirty.0));
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

    /// Whether there is a page that can be copied from.
    pub fn uptodate(&self) -> bool {
        self.page().is_some_and(|page| page.uptodate)
    }

    /// `find_get_page` of a page that can be copied from, by that task: it keeps it, even if it leaves the
    /// cache.
    pub fn find(&mut self, task: TaskId) -> bool {
        let found = self.uptodate();
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
        let dirty = self.page().is_some_and(|page| !page.dirty.is_empty());
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

    fn cached() -> PageCache {
        let mut cache = PageCache::default();
        cache.insert(Page::of(&[OLD, OLD]));
        cache
    }

    #[test]
    fn who_found_a_page_copies_from_it_after_it_was_dropped() {
        let mut cache = cached();
        assert!(cache.find(1));
        cache.drop_page();
        cache.insert(Page::of(&[]));
        assert_eq!((cache.read(1, 0), cache.read(2, 0)), (OLD, ZERO));
        assert!(cache.find(1));
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
        assert_eq!(page.dirty, [(0, None)]);
        cache.truncate(Range { start: 0, len: 8 });
        assert_eq!(cache.pages(), 0);
    }

    #[test]
    fn a_dirty_page_is_not_invalidated() {
        let mut cache = cached();
        cache.page_mut().expect("it is there").store(0, None);
        assert!(!cache.invalidate());
        assert_eq!(cache.pages(), 1);
        cache.page_mut().expect("it is there").dirty.clear();
        assert!(cache.invalidate());
        assert_eq!(cache.pages(), 0);
    }
}
