//! What the page cache holds, and what the file does: R5 at the end.

use super::RuleId;
use super::rules::{Judgement, Rules, broken};
use crate::program::{Event, Program};
use diolock::extent_probe::{Content, Extent, Mapped};
use diolock::op::{Bio, LogicalBlock, Op, Outcome, PhysicalBlock, TaskId};
use diolock::page::PAGE_BLOCKS;
use std::collections::BTreeMap;

/// The cached page, the extent tree and the blocks, as far as events have told.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Cache {
    /// What each block of the page holds, and whether it is dirty; empty without a page.
    page: Vec<(Content, bool)>,
    extents: BTreeMap<LogicalBlock, Mapped>,
    blocks: BTreeMap<PhysicalBlock, Content>,
}

impl Cache {
    pub(super) fn new(program: &Program) -> Cache {
        let Some(page) = program.inode.cached_page() else { return Cache::default() };
        let dirty = |block| page.dirty.iter().any(|dirty| dirty.0 == block);
        let held = (0..PAGE_BLOCKS).zip(page.data).map(|(block, held)| (held[0], dirty(block)));
        Cache { page: held.collect(), ..Cache::default() }
    }

    pub(super) fn mapped(&self, block: LogicalBlock) -> Option<Mapped> {
        self.extents.get(&block).copied()
    }

    pub(super) fn remember(&mut self, event: &Event) {
        match (&event.op, &event.outcome) {
            (Op::PageFill(contents), _) => {
                self.page = contents.iter().map(|&content| (content[0], false)).collect();
            }
            (Op::PageStore(stored), _) => {
                for &(block, _) in stored {
                    if let Some(held) = self.page.get_mut(block as usize) {
                        *held = (Content::Of(event.task), true);
                    }
                }
            }
            (Op::PageClean(written), _) => {
                for &(block, _) in written {
                    if let Some(held) = self.page.get_mut(block as usize) {
                        held.1 = false;
                    }
                }
            }
            (Op::PagesDrop, _) | (Op::PageInvalidate, Outcome::Flag(true)) => self.page.clear(),
            (Op::PageTruncate(range), _) if range.start == 0 && range.end() >= PAGE_BLOCKS => {
                self.page.clear();
            }
            (Op::PageTruncate(range), _) => {
                let blocks = range.start as usize..range.end() as usize;
                for held in self.page.iter_mut().take(blocks.end).skip(blocks.start) {
                    *held = (Content::Zero, false);
                }
            }
            (Op::Map(range, _), Outcome::Mapping(found)) => {
                self.extents.extend(range.blocks().zip(found.iter().copied()));
            }
            (Op::Convert(..) | Op::ConvertExtent(..), Outcome::Converted(found)) => {
                for mapped in self.extents.values_mut() {
                    let converted = found.iter().any(|found| found.1 == mapped.block);
                    if mapped.extent == Extent::Unwritten && converted {
                        mapped.extent = Extent::Written;
                    }
                }
            }
            (Op::Free(_) | Op::FreeRange(_), Outcome::Freed(freed)) => {
                for mapped in self.extents.values_mut() {
                    if mapped.block.is_some_and(|block| freed.contains(&block)) {
                        *mapped = Mapped { extent: Extent::Hole, block: None };
                    }
                }
            }
            (Op::Bio(blocks, Bio::Write { half: None, .. }), _) => {
                self.blocks.extend(blocks.iter().map(|&b| (b, Content::Of(event.task))));
            }
            (Op::Bio(blocks, Bio::Page { start }), _) => {
                let page = self.page.iter().skip(*start as usize).map(|held| held.0);
                self.blocks.extend(blocks.iter().copied().zip(page));
            }
            _ => {}
        }
    }

    /// What the file holds there, if that is known.
    fn on_disk(&self, block: LogicalBlock) -> Option<Content> {
        let mapped = self.mapped(block)?;
        match (mapped.extent, mapped.block) {
            (Extent::Written, Some(block)) => self.blocks.get(&block).copied(),
            _ => Some(Content::Zero),
        }
    }
}

impl Rules {
    /// R5: a store goes to the page that is in the cache.
    pub(super) fn store_is_kept(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        match (&event.op, &self.cache) {
            (Op::PageStore(_), Some(cache)) if cache.page.is_empty() => {
                let who = name(event.task);
                broken(
                    RuleId::R5,
                    format!("{who} stored to a page that had been dropped: it is lost"),
                )
            }
            _ => Ok(()),
        }
    }

    /// R5, at the end: a clean block of the page is a copy of the file's.
    pub(super) fn page_agrees(&self, program: &Program) -> Judgement {
        let Some(cache) = &self.cache else { return Ok(()) };
        for (block, &(held, dirty)) in (0..self.size).zip(&cache.page) {
            let Some(disk) = cache.on_disk(block) else { continue };
            if !dirty && held != disk {
                let text = format!(
                    "at the end block {block} of the file holds {}, and its cached page {}",
                    words(program, disk),
                    words(program, held)
                );
                return broken(RuleId::R5, text);
            }
        }
        Ok(())
    }
}

fn words(program: &Program, content: Content) -> String {
    let letter = |task: TaskId| program.names[usize::from(task)].letter;
    match content {
        Content::Initial => "what it held at the start".to_owned(),
        Content::Of(task) => format!("{}'s data", letter(task)),
        Content::Zero => "zeros".to_owned(),
        Content::Stale => "what was on the device before".to_owned(),
        Content::Foreign => "another file's data".to_owned(),
    }
}
