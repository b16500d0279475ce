//! What each step does to the page cache.

use super::PageCache;
use crate::op::{Caller, Content, Op, Outcome, Range, TaskId};

impl PageCache {
    /// Performs a step on pages; any other does nothing to them.
    pub(super) fn perform(&mut self, task: TaskId, op: &Op) -> Outcome {
        match *op {
            Op::PagesRead(pages) => return Outcome::Value(self.count(pages)),
            Op::PagesFind(pages) => return Outcome::Pages(self.there(pages)),
            Op::PagesDirty(pages) => return Outcome::Pages(self.dirty_pages(pages)),
            Op::PageTruncate(page, from, to) => self.truncate(page, from, to),
            Op::PageInvalidate(page) => return Outcome::Flag(self.invalidate(page)),
            Op::PageRemove(page) => {
                let unused = self.keepers(page).is_empty();
                return Outcome::Flag(unused && self.invalidate(page));
            }
            Op::PagesPut(pages) => self.put(task, pages),
            Op::PageIn(page) => {
                self.add(page);
                return Outcome::Page(self.buffers(page));
            }
            Op::PageFind(page, range) => return Outcome::Flag(self.find(task, page, range)),
            Op::PageLook(page) | Op::PageDirty(page) => return Outcome::Page(self.buffers(page)),
            Op::PageFill(no, ref contents, keeps) => {
                // The page was locked since it was looked at: it is the one that is there.
                if let Some(page) = self.page_mut(no) {
                    contents.iter().for_each(|&(block, read)| page.fill(block, read));
                }
                if keeps {
                    self.find(task, no, Range::of_page(no, self.paging()));
                }
            }
            Op::PageStore(page, ref stored, cut, call) => {
                if let Some(page) = self.page_mut(page) {
                    for (at, &(block, mapped)) in stored.iter().enumerate() {
                        page.store(block, mapped);
                        if let Some(held) = page.data_mut(block) {
                            held[cut.halves(at, stored.len())]
                                .fill(Content::Of(Caller { task, call }));
                        }
                    }
                }
            }
            Op::PageZero(page, from, mapped) => {
                if let Some(page) = self.page_mut(page) {
                    page.store(from.down(), mapped);
                    page.zero_half(from);
                }
            }
            Op::PageClean(page, ref written, ref uninit) => {
                if let Some(page) = self.page_mut(page) {
                    for &(block, to) in written {
                        page.clean(block, to, uninit.contains(&block));
                    }
                }
            }
            Op::PageRelease(page) => {
                return Outcome::Flag(self.page_mut(page).is_none_or(|page| page.release()));
            }
            Op::PageCommit(page, ref written) => {
                if let Some(page) = self.page_mut(page) {
                    written.iter().for_each(|&(block, to)| page.store(block, Some(to)));
                }
            }
            Op::PageWrite(block) => {
                let page = self.page_mut(self.paging().page(block));
                if let Some(held) = page.and_then(|page| page.data_mut(block)) {
                    *held = [Content::Of(Caller { task, call: 0 }); 2];
                }
            }
            Op::PageRead(block) => return Outcome::Data(vec![self.read(task, block)]),
            _ => {}
        }
        Outcome::Done
    }
}
