//! What writeback writes in one go: dirty pages that it holds together.

use super::page_runs::{self, Run};
use crate::extent_probe::MapBlocks;
use crate::kernel::{Kernel, Version};
use crate::op::{
    Bio, Blocks, Buffer, Extent, LogicalBlock, MapFor, Mapped, Op, PageNo, Paging, PhysicalBlock,
    Range, Size,
};
use std::mem::take;

/// The pages that are locked together, and what of them is written.
///
/// # Kernel
/// `write_cache_pages_da`, `mpage_add_bh_to_extent` (v3.6.5, v3.7.2): pages next to each other, as long as what is to
/// be allocated in them is one extent. `mpage_prepare_extent_to_map`, `mpage_process_page_bufs`,
/// `mpage_add_bh_to_extent` (v3.11, v4.10.17, v6.12): all dirty pages up to the first with something to allocate,
/// from there on as before. A page that does not fit is locked, too, and let go with the others.
///
/// # Modelled
/// The locks of all are held until all of it is on the device. The kernel lets each page go by itself once its own
/// I/O is over, as one io_end, and hence what is converted, is for all of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Round {
    pub(super) held: Vec<PageNo>,
    pub(super) runs: Vec<Run>,
    /// Dirty blocks of the page that i_size is in lie past it.
    pub(super) tail: bool,
    /// Where what it mapped ends.
    pub(super) mapped_to: Option<Size>,
    /// So many of its pages are under writeback.
    cleaned: usize,
    /// So many runs are counted as unwritten I/O.
    pub(super) counted: usize,
    /// So many are on the device.
    pub(super) written: usize,
    /// So many were handed to their conversion.
    pub(super) converted: usize,
}

impl Round {
    /// A page has been locked: takes its dirty blocks, unless they do not fit. Whether they did, and whether the next
    /// page may be one more.
    pub(super) fn collect(
        &mut self,
        buffers: &[Buffer],
        size: Size,
        kernel: Kernel,
    ) -> (bool, bool) {
        let page = self.held.last().copied().unwrap_or_default();
        let start = kernel.paging.start(page);
        let more = page_runs::runs(buffers, start);
        if !self.extends_to(&more) {
            return (false, false);
        }
        for run in more {
            match self.runs.last_mut() {
                Some(last) if last.unmapped() && run.unmapped() && last.range.end() == start => {
                    last.range.len += run.range.len;
                }
                _ => self.runs.push(run),
            }
        }
        self.cut(size, kernel);
        (true, self.is_open(kernel.paging.end_of(page)))
    }

    fn to_allocate(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.unmapped())
    }

    /// Whether what is dirty in the next page goes on with the extent that is to be allocated, if there is one.
    fn extends_to(&self, more: &[Run]) -> bool {
        let Some(extent) = self.to_allocate().last() else { return true };
        more.first().is_none_or(|run| run.unmapped() && run.range.start == extent.range.end())
    }

    /// Whether nothing is to be allocated yet, or one extent, up to the end of the page.
    fn is_open(&self, end: LogicalBlock) -> bool {
        let last = self.runs.last().is_some_and(|run| run.unmapped() && run.range.end() == end);
        match self.to_allocate().count() {
            0 => true,
            extents => extents == 1 && last,
        }
    }

    /// Whether that page may come next: up to v3.7, and once something is to be allocated, the one behind.
    pub(super) fn goes_on_to(&self, page: PageNo, kernel: Kernel) -> bool {
        let next = self.held.last().is_none_or(|last| last + 1 == page);
        let any = kernel.version >= Version::V3_11 && self.to_allocate().next().is_none();
        any || next
    }

    /// What lies past i_size is not written; a page that lies there as a whole stays as it is.
    pub(super) fn cut(&mut self, size: Size, kernel: Kernel) {
        let split = kernel.paging.page(size.down());
        let ends_in = Size::blocks(kernel.paging.start(split)) < size;
        let past = |run: &Run| {
            let there = run.range.start < kernel.paging.end_of(split);
            there && Size::blocks(run.range.end()) > size
        };
        self.tail |= ends_in && self.runs.iter().any(past);
        self.runs = page_runs::below(take(&mut self.runs), size);
    }

    /// How many runs have blocks before the first that has none.
    pub(super) fn mapped(&self) -> usize {
        self.runs.iter().take_while(|run| !run.unmapped()).count()
    }

    /// Finds, or allocates, blocks for the first that has none.
    pub(super) fn map(&self, unwritten: bool) -> MapBlocks {
        let how = if unwritten { MapFor::Create } else { MapFor::Extend };
        MapBlocks::create(self.runs[self.mapped()].range, how, false, false).in_handle()
    }

    /// Whether nothing is to be written.
    pub(super) fn nothing(&self) -> bool {
        self.runs.is_empty()
    }

    /// What is found for the first that has none.
    pub(super) fn found(&mut self, found: &[Mapped]) {
        let at = self.mapped();
        let run = &mut self.runs[at];
        run.blocks = found.iter().filter_map(|m| m.block).collect();
        run.converts = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.mapped_to = Some(Size::blocks(run.range.end()));
        if run.unmapped() {
            self.runs.remove(at);
        }
    }

    /// Where i_disksize is to go once what was mapped is on its way, from v3.11 on: to the end of its page.
    pub(super) fn mapped_page(&self, kernel: Kernel) -> Option<Size> {
        let late = kernel.version >= Version::V3_11 && !self.runs.is_empty();
        let mapped = self.mapped_to.filter(|_| late)?;
        Some(Size::blocks(kernel.paging.end_of(kernel.paging.page(mapped.up() - 1))))
    }

    /// Zeros what of the page that i_size is in lies past it.
    pub(super) fn zero_tail(&self, size: Size, kernel: Kernel) -> Op {
        let page = kernel.paging.page(size.down());
        Op::PageTruncate(page, size, kernel.paging.end_of(page))
    }

    /// The blocks of a page that are written, and where to.
    pub(super) fn buffers(&self, page: PageNo, paging: Paging) -> Vec<(Blocks, PhysicalBlock)> {
        let all = self.runs.iter().flat_map(|run| run.range.blocks().zip(run.blocks.clone()));
        all.filter(|&(block, _)| paging.page(block) == page).collect()
    }

    /// The next of the pages that something is written of, and its place.
    fn to_clean_at(&self, kernel: Kernel) -> Option<(usize, PageNo)> {
        let mut pages = self.held.iter().copied().enumerate().skip(self.cleaned);
        pages.find(|&(_, page)| !self.buffers(page, kernel.paging).is_empty())
    }

    /// Whether there is one.
    pub(super) fn cleans(&self, kernel: Kernel) -> bool {
        self.to_clean_at(kernel).is_some()
    }

    /// Up to v3.7 a buffer remembers that its block was unwritten (`mpage_da_submit_io`, `io_submit_add_bh`).
    pub(super) fn clean(&self, kernel: Kernel) -> Option<Op> {
        let (_, page) = self.to_clean_at(kernel)?;
        let remembers = kernel.version < Version::V3_11;
        let converting = if remembers { self.converting() } else { Vec::new() };
        let of_page = |&block: &LogicalBlock| kernel.paging.page(block) == page;
        let uninit = converting.into_iter().flat_map(Range::blocks).filter(of_page).collect();
        Some(Op::PageClean(page, self.buffers(page, kernel.paging), uninit))
    }

    /// That page is under writeback.
    pub(super) fn cleaned(&mut self, kernel: Kernel) {
        self.cleaned = self.to_clean_at(kernel).map_or(self.held.len(), |(at, _)| at + 1);
    }

    /// The bio of the next run.
    pub(super) fn bio(&self) -> Op {
        let run = &self.runs[self.written];
        Op::Bio(run.blocks.clone(), Bio::Page { start: run.range.start })
    }

    /// What is to be converted.
    pub(super) fn converting(&self) -> Vec<Range> {
        self.runs.iter().filter(|run| run.converts).map(|run| run.range).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Paging;

    /// Buffers of a page of two blocks: clean, to be allocated, or mapped.
    fn page(blocks: [Option<Option<PhysicalBlock>>; 2]) -> [Buffer; 2] {
        let clean = Buffer { uptodate: true, ..Buffer::default() };
        blocks.map(|b| b.map_or(clean, |mapped| Buffer { dirty: true, mapped, ..clean }))
    }

    /// Which of these pages, each dirty, are written together.
    fn together(version: Version, pages: &[(PageNo, [Buffer; 2])]) -> (Vec<PageNo>, usize) {
        let kernel = Kernel::new(version).with_pages(Paging::of(2).expect("a page of two"));
        let mut round = Round::default();
        let mut written = Vec::new();
        for (page, buffers) in pages {
            if !round.goes_on_to(*page, kernel) {
                break;
            }
            round.held.push(*page);
            let (fits, open) = round.collect(buffers, Size::blocks(8), kernel);
            written.extend(fits.then_some(*page));
            if !open {
                break;
            }
        }
        (written, round.runs.len())
    }

    const DELAYED: Option<Option<PhysicalBlock>> = Some(None);
    const MAPPED: Option<Option<PhysicalBlock>> = Some(Some(7));

    #[test]
    fn pages_are_written_together_as_long_as_one_extent_is_to_be_allocated() {
        let (all, first) = (page([DELAYED; 2]), page([DELAYED, None]));
        for version in [Version::V3_7, Version::V6_12] {
            assert_eq!(together(version, &[(0, all), (1, all), (2, first)]), (vec![0, 1, 2], 1));
            assert_eq!(together(version, &[(0, first), (1, all)]), (vec![0], 1));
            assert_eq!(together(version, &[(0, all), (1, page([None, DELAYED]))]), (vec![0], 1));
            assert_eq!(together(version, &[(0, all), (1, page([MAPPED; 2]))]), (vec![0], 1));
            assert_eq!(together(version, &[(0, all), (2, all)]), (vec![0], 1));
        }
    }

    #[test]
    fn pages_with_nothing_to_allocate_need_not_be_next_to_each_other_from_v3_11_on() {
        let pages = [(0, page([MAPPED, None])), (2, page([DELAYED; 2]))];
        assert_eq!(together(Version::V3_7, &pages), (vec![0], 1));
        assert_eq!(together(Version::V3_11, &pages), (vec![0, 2], 2));
    }
}
