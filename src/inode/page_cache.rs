//! The page that is there, those who found it, and what they keep of one that has left.

use super::page::Page;
use crate::op::{Blocks, Buffer, Content, LogicalBlock, PAGE_BLOCKS, Range, Size, TaskId};

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

    /// Nobody has a reference to a page any more.
    pub(super) fn forget_finders(&mut self) {
        self.finders.clear();
        self.gone.clear();
    }

    /// The page that a task found and that has left the cache since, and whether it found the one that is there.
    pub(crate) fn found_by(&self, task: TaskId) -> (bool, Option<&Page>) {
        let gone = self.gone.iter().find(|gone| gone.0 == task).map(|gone| &gone.1);
        (self.finders.contains(&task), gone)
    }

    /// A task has found the page that is there, or keeps one that has left.
    pub(super) fn keep(&mut self, task: TaskId, found: bool, gone: Option<Page>) {
        self.finders.extend(found.then_some(task));
        self.gone.extend(gone.map(|page| (task, page)));
    }

    /// What a block of the page holds that the task has found, or else of the one that is there.
    pub fn read(&self, task: TaskId, block: LogicalBlock) -> [Content; 2] {
        let (_, gone) = self.found_by(task);
        let held = gone.or(self.page()).and_then(|page| page.data.get(block as usize));
        held.copied().unwrap_or([Content::Zero; 2])
    }

    /// What lies from there up to that block leaves the cache unwritten: the page if all of it does, else it is
    /// zeroed there (`truncate_inode_pages_range`).
    pub fn truncate(&mut self, from: Size, to: LogicalBlock) {
        if from == Size::default() && to >= PAGE_BLOCKS {
            self.drop_page();
        } else if let Some(page) = &mut self.page {
            page.zero(from, to);
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
    use super::*;

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
        cache.truncate(Size::blocks(1), 8);
        let page = cache.page().expect("it stays");
        assert_eq!((page.data[0], page.data[1]), (OLD, ZERO));
        assert_eq!(page.dirty().collect::<Vec<_>>(), [0]);
        cache.truncate(Size::default(), 8);
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
    fn buffers_are_dropped_unless_one_is_dirty_and_so_is_what_is_known_of_a_page_in_part() {
        let mut page = Page::of(&[OLD]);
        page.store(0, Some(3));
        assert!(!page.release());
        assert_eq!(page.buffers[0].mapped, Some(3));
        page.clean(0, 3, false);
        assert!(page.release());
        assert_eq!((page.buffers[0].mapped, page.held(0)), (None, Some(OLD)));
        let mut part = Page::new();
        part.fill(1, OLD);
        assert!(part.release());
        assert_eq!(part.held(1), None);
        part.store(1, Some(4));
        assert_eq!(part.held(1), Some(OLD));
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
        page.zero(Size::blocks(1), 2);
        assert_eq!(page.buffers[1], Buffer { uptodate: true, ..Buffer::default() });
    }
}
