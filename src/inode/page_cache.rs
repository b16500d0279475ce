//! The pages that are there, those who found them, and what they keep of one that has left.

use super::page::Page;
use crate::op::{
    Blocks, Buffer, Content, LogicalBlock, PageNo, Pages, Paging, Range, Size, TaskId, Tasks,
};

/// The page cache of the file: the pages that it has, and pages that left it while somebody was about to copy from
/// them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PageCache {
    paging: Paging,
    /// By number, up to the last that was ever there.
    pages: Vec<Option<Page>>,
    /// Who found which page that is there (each has a reference).
    finders: Vec<(TaskId, PageNo)>,
    /// What those hold who found a page that has left the cache since.
    gone: Vec<(TaskId, PageNo, Page)>,
}

impl PageCache {
    /// No page is there yet.
    pub fn new(paging: Paging) -> PageCache {
        let pages = vec![None; usize::from(paging.pages())];
        PageCache { paging, pages, ..PageCache::default() }
    }

    /// How large its pages are.
    pub fn paging(&self) -> Paging {
        self.paging
    }

    /// A page, if it is there.
    pub fn page(&self, page: PageNo) -> Option<&Page> {
        self.pages.get(usize::from(page))?.as_ref()
    }

    /// The same, to change.
    pub fn page_mut(&mut self, page: PageNo) -> Option<&mut Page> {
        self.pages.get_mut(usize::from(page))?.as_mut()
    }

    /// Those that are there.
    pub fn iter(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().flatten()
    }

    /// The page of a block, if it is there.
    pub fn of_block(&self, block: LogicalBlock) -> Option<&Page> {
        self.page(self.paging.page(block))
    }

    /// What a block holds, if it is up to date in its page.
    pub fn held(&self, block: LogicalBlock) -> Option<[Content; 2]> {
        self.of_block(block)?.held(block)
    }

    /// The blocks that were stored to and not written back, in file order.
    pub fn dirty(&self) -> impl Iterator<Item = LogicalBlock> {
        self.iter().flat_map(Page::dirty)
    }

    /// Which of these pages are there.
    pub fn there(&self, pages: Pages) -> Vec<PageNo> {
        pages.iter().filter(|&page| self.page(page).is_some()).collect()
    }

    /// Which of these pages are dirty.
    pub fn dirty_pages(&self, pages: Pages) -> Vec<PageNo> {
        let dirty = |page: &Page| page.dirty().next().is_some();
        pages.iter().filter(|&page| self.page(page).is_some_and(dirty)).collect()
    }

    /// `mapping->nrpages`, as far as it counts these.
    pub fn count(&self, pages: Pages) -> Blocks {
        pages.iter().filter(|&page| self.page(page).is_some()).count() as Blocks
    }

    /// A page goes in unless it is there.
    pub fn add(&mut self, page: PageNo) -> &mut Page {
        let (at, paging) = (usize::from(page), self.paging);
        if self.pages.len() <= at {
            self.pages.resize(at + 1, None);
        }
        self.pages[at].get_or_insert_with(|| Page::new(page, paging))
    }

    /// A page goes in, in place of the one that is there.
    pub fn insert(&mut self, page: PageNo, held: Page) {
        *self.add(page) = held;
    }

    /// The buffers of a page that is there.
    pub fn buffers(&self, page: PageNo) -> Vec<Buffer> {
        self.page(page).map_or_else(Vec::new, |page| page.buffers().to_vec())
    }

    /// `find_get_page` of a page of which these blocks can be copied, by that task: it keeps it, even if it leaves
    /// the cache.
    pub fn find(&mut self, task: TaskId, page: PageNo, range: Range) -> bool {
        let found = self.page(page).is_some_and(|page| page.uptodate(range));
        self.gone.retain(|gone| (gone.0, gone.1) != (task, page));
        self.finders.retain(|&finder| finder != (task, page));
        if found {
            self.finders.push((task, page));
            self.finders.sort_unstable();
        }
        found
    }

    /// Those that keep a page which is there.
    pub(super) fn keepers(&self, page: PageNo) -> Tasks {
        self.finders.iter().filter(|finder| finder.1 == page).map(|finder| finder.0).collect()
    }

    /// A task keeps none of these any more.
    pub(super) fn put(&mut self, task: TaskId, pages: Pages) {
        self.finders.retain(|finder| finder.0 != task || !pages.iter().contains(&finder.1));
        self.gone.retain(|gone| gone.0 != task || !pages.iter().contains(&gone.1));
    }

    /// Nobody has a reference to a page any more.
    pub(super) fn forget_finders(&mut self) {
        self.finders.clear();
        self.gone.clear();
    }

    /// The pages that a task found and that have left the cache since, and those it found that are there.
    pub(crate) fn found_by(&self, task: TaskId) -> (Vec<PageNo>, Vec<(PageNo, &Page)>) {
        let found = self.finders.iter().filter(|finder| finder.0 == task).map(|finder| finder.1);
        let gone = self.gone.iter().filter(|gone| gone.0 == task);
        (found.collect(), gone.map(|gone| (gone.1, &gone.2)).collect())
    }

    /// A task has found pages that are there, and keeps some that have left.
    pub(super) fn keep(&mut self, task: TaskId, found: &[PageNo], gone: &[(PageNo, Page)]) {
        self.finders.extend(found.iter().map(|&page| (task, page)));
        self.gone.extend(gone.iter().map(|(page, held)| (task, *page, held.clone())));
    }

    /// What a block of its page holds that the task has found, or else of the one that is there.
    pub fn read(&self, task: TaskId, block: LogicalBlock) -> [Content; 2] {
        let page = self.paging.page(block);
        let gone = self.gone.iter().find(|gone| (gone.0, gone.1) == (task, page));
        let held = gone.map(|gone| &gone.2).or(self.page(page)).and_then(|page| page.data(block));
        held.unwrap_or([Content::Zero; 2])
    }

    /// What of a page lies from there up to that block leaves the cache unwritten: the page if all of it does, else
    /// it is zeroed there (`truncate_inode_pages_range`).
    pub fn truncate(&mut self, page: PageNo, from: Size, to: LogicalBlock) {
        if self.paging.whole(page, from, to) {
            self.drop_page(page);
        } else if let Some(page) = self.page_mut(page) {
            page.zero(from, to);
        }
    }

    /// A page leaves the cache unless it is dirty; whether it is not there (`invalidate_inode_pages2_range`).
    pub fn invalidate(&mut self, page: PageNo) -> bool {
        let dirty = self.page(page).is_some_and(|page| page.dirty().next().is_some());
        if !dirty {
            self.drop_page(page);
        }
        !dirty
    }

    /// A page leaves the cache.
    pub fn drop_page(&mut self, page: PageNo) {
        let Some(held) = self.pages.get_mut(usize::from(page)).and_then(Option::take) else {
            return;
        };
        for (task, _) in self.finders.extract_if(.., |finder| finder.1 == page) {
            self.gone.push((task, page, held.clone()));
        }
        self.gone.sort_unstable_by_key(|gone| (gone.0, gone.1));
    }

    /// All that its pages hold is changed by `to`.
    pub(super) fn change_contents(&mut self, to: impl Fn(Content) -> Content) {
        self.pages.iter_mut().flatten().for_each(|page| page.change_contents(&to));
    }
}

#[cfg(test)]
mod tests;
