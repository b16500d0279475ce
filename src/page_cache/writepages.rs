//! `ext4_writepages`: the flusher, or `filemap_write_and_wait_range`.

use super::convert_run::ConvertRun;
use super::end_page_io::EndPageIo;
use super::page_runs::{self, Run};
use super::wb_disksize::WbDisksize;
use crate::extent_probe::MapBlocks;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{ISync, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{
    Bio, Blocks, Extent, Handle, MapFor, Mapped, Op, Outcome, PAGE_BLOCKS, Range, Size, TaskId,
};
use crate::task::steps;
use std::mem::take;

steps! {
    /// Writes the dirty page back, allocating its blocks first where it has none.
    ///
    /// # Kernel
    /// `ext4_da_writepages`, `write_cache_pages_da`, `mpage_da_map_and_submit` and `mpage_da_submit_io`
    /// (fs/ext4/inode.c, v3.6, v3.7.2), `ext4_writepages`, `mpage_prepare_extent_to_map`,
    /// `mpage_process_page_bufs`, `mpage_map_one_extent`, `mpage_map_and_submit_buffers`, `mpage_submit_page` and
    /// `mpage_map_and_submit_extent` (v3.11, v4.10.17, v6.12), `ext4_bio_write_page`, `ext4_end_io`,
    /// `ext4_end_bio` (fs/ext4/page-io.c, v3.6, v3.7.2, v3.11, v4.10.17). Up to v3.7 the interrupt ends the page's
    /// writeback before its io_end is on the list, let alone converted; in v3.11 (b0857d309fae)
    /// `ext4_release_io_end` ends it after the conversion.
    ///
    /// # Modelled
    /// The page's lock is held to the end of writeback: PG_locked and PG_writeback are one. A buffer that is mapped
    /// goes where it is mapped to, without another look at the extent tree, and stays mapped: stored to again, it
    /// is written there again. Then it is not converted again, but up to v3.7 (`BH_Uninit`, which
    /// `mpage_da_submit_io` sets and `io_submit_add_bh` looks at; from v3.11 on `mpage_map_one_extent` flags the
    /// io_end that maps). What lies past i_size is not written: it is zeroed in the page and no longer dirty; from
    /// v3.11 on it is not allocated either. A page that lies past i_size as a whole stays dirty here: whoever cuts
    /// it off is about to drop it. A hole gets written blocks unless the mount has dioread_nolock, the default from
    /// 244adf6426ee on: with blocks of the size of a page up to v6.1, of that size or less in v6.12
    /// (fs/ext4/super.c). i_disksize is raised where blocks were mapped: up to v3.7 to their end, later to the end
    /// of the page. Submission, interrupt and worker are one task: each begins where the one before ends. The
    /// handle's credits are estimated by the depth of the tree as it is before the handle is started, with no lock
    /// that a direct write would need (`ext4_da_writepages` or `ext4_writepages`:
    /// `ext4_da_writepages_trans_blocks`, v3.6, v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.192, v6.12.117).
    /// Inside a call that may hold `i_mutex` ([`WritePages::and_wait`]) the worker of v3.6, which needs it, is left
    /// to the call, for when it holds the lock no longer; that of v3.7 runs at once, so that nobody waits for a
    /// call to return.
    ///
    /// # Left out
    /// Up to v3.11 `ext4_ext_map_blocks` loads `cur_aio_dio` here too, and with dioread_nolock flags the io_end that
    /// it finds there, which may have been freed: only direct writes do so in the model. The reserved handle of the conversion, the second look at i_size from v3.11 on (who lowers it in between waits
    /// for the page before it frees), errors; up to v3.7 that mapped buffers that are clean are written as well; up
    /// to v3.7 that the page is unlocked between two runs that must be mapped; from v3.11 on the count of unwritten
    /// I/O and the list on which a page's io_end waits for the worker.
    pub struct WritePages {
        task: TaskId,
        kernel: Kernel,
        unwritten: bool,
        waits: bool,
        /// By the flusher, of a file that may be evicted.
        syncs: bool,
        size: Size,
        runs: Vec<Run>,
        /// Some dirty blocks lie past i_size.
        tail: bool,
        /// Where what it mapped ends.
        mapped_to: Option<Size>,
        /// So many runs are counted as unwritten I/O, on the device, handed to their conversion.
        counted: usize,
        written: usize,
        converted: usize,
    }
    in "ext4_writepages" => Step / At |self, outcome|;

    SetSync in "writeback_sb_inodes" "I_SYNC, unless I_FREEING" if self.syncs => Op::TryLock(ISync, Exclusive)
        => outcome.no().then_some(Step::WaitForPage);
    TestTag "mapping_tagged(PAGECACHE_TAG_DIRTY)" => Op::PageDirty
        => outcome.buffers().iter().all(|buffer| !buffer.dirty).then_some(Step::NothingToSync);
    Estimate in "ext4_da_writepages_trans_blocks" => Op::DepthRead;
    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    LockPage in "mpage_prepare_extent_to_map" "lock_page" => Op::Lock(PageLock, Exclusive)
        => self.by_worker().then_some(Step::Collect);
    ReadSize in "mpage_process_page_bufs" "up to v3.7 mpage_da_submit_io, once all is mapped" => Op::SizeRead
        => self.sized(outcome.size());
    Collect in "mpage_prepare_extent_to_map" "dirty buffers, mapped or not" => Op::PageDirty
        => self.collected(&outcome);
    Map(map: MapBlocks) if self.mapped() < self.runs.len() => self.map()
        => { self.found(map.found().unwrap_or_default()); Step::Map };
    FirstDisksize(disksize: Option<WbDisksize>) if self.by_worker() => self.disksize(self.mapped_to)
        => Step::ReadSize;
    ZeroTail in "ext4_bio_write_page" "zero_user_segment, clear_buffer_dirty" if self.tail
        => Op::PageTruncate(self.size, self.size.up() + PAGE_BLOCKS);
    Clean in "mpage_submit_page" "clear_page_dirty_for_io, set writeback" if !self.runs.is_empty()
        => Op::PageClean(self.buffers(), self.uninit());
    Disksize(disksize: Option<WbDisksize>) => self.disksize(self.mapped_page())
        => self.runs.is_empty().then_some(Step::UnlockPage);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents)
        => self.runs.is_empty().then_some(Step::NothingToSync);
    ClearSync in "inode_sync_complete" if self.syncs => Op::Unlock(ISync, Exclusive);
    RaiseCount in "io_submit_add_bh" "ext4_set_io_unwritten_flag"
        if self.by_worker() && self.kernel.has(Fix::CountBuffered) && self.counted < self.converting().len()
        => Op::UnwrittenBegin => { self.counted += 1; Step::RaiseCount };
    RunBio in "ext4_io_submit" "and the device writes" if self.written < self.runs.len() => self.bio()
        => { self.written += 1; Step::RunBio };
    Convert(run: ConvertRun) if !self.late() && self.converted < self.converting().len()
        => self.convert() => Step::Convert;
    UnlockPage in "ext4_finish_bio" "end_page_writeback" => Op::Unlock(PageLock, Exclusive)
        => self.runs.is_empty().then_some(Step::StopHandle);
    ConvertLate(run: ConvertRun) if self.converted < self.converting().len() => self.convert() => Step::ConvertLate;
    NothingToSync in "inode_sync_complete" if self.syncs && self.runs.is_empty() => Op::Unlock(ISync, Exclusive);
    WaitForPage in "filemap_fdatawait_range" "wait_on_page_writeback" if self.waits
        => Op::Lock(PageLock, Exclusive);
    LetPage in "filemap_fdatawait_range" if self.waits => Op::Unlock(PageLock, Exclusive);
}

impl WritePages {
    /// Writes back as task `task`.
    pub fn new(task: TaskId, kernel: Kernel, dioread_nolock: bool) -> WritePages {
        WritePages {
            task,
            kernel,
            unwritten: dioread_nolock || kernel.has(Fix::WritebackIntoUnwritten),
            waits: false,
            syncs: false,
            size: Size::blocks(PAGE_BLOCKS),
            runs: Vec::new(),
            tail: false,
            mapped_to: None,
            counted: 0,
            written: 0,
            converted: 0,
            step: At::Done,
        }
        .begin()
    }

    /// `filemap_write_and_wait_range`, inside another call: waits, too, for what somebody else writes back.
    #[must_use]
    pub fn and_wait(self) -> WritePages {
        WritePages { waits: true, ..self }
    }

    /// By the flusher, which lets go of the inode before its I/O is over.
    #[must_use]
    pub fn syncing(self) -> WritePages {
        WritePages { syncs: true, ..self }.begin()
    }

    /// What the worker has yet to convert, once this is done inside another call.
    pub(crate) fn workers(&self) -> Vec<EndPageIo> {
        let converting = if self.defers() { self.converting() } else { Vec::new() };
        converting.into_iter().map(|range| self.end_io(range).worker()).collect()
    }

    /// The worker needs the lock that the call around this one may hold.
    fn defers(&self) -> bool {
        self.by_worker() && self.waits && !self.kernel.has(Fix::ConvertWithoutImutex)
    }

    fn end_io(&self, range: Range) -> EndPageIo {
        EndPageIo::new(self.task, range, self.kernel)
    }

    /// Up to v3.7 the interrupt hands the io_end to the worker, and nobody reads i_size before blocks are
    /// allocated.
    fn by_worker(&self) -> bool {
        self.kernel.version < Version::V3_11
    }

    fn late(&self) -> bool {
        !self.kernel.has(Fix::ConvertInsideWriteback)
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        self.size = size;
        self.cut();
        self.by_worker().then_some(Step::ZeroTail)
    }

    fn collected(&mut self, outcome: &Outcome) -> Option<Step> {
        self.runs = page_runs::runs(outcome.buffers());
        self.cut();
        self.runs.is_empty().then_some(Step::ZeroTail)
    }

    /// What lies past i_size is not written; a page that lies there as a whole stays as it is.
    fn cut(&mut self) {
        let past = |run: &Run| Size::blocks(run.range.end()) > self.size;
        self.tail = self.size > Size::default() && self.runs.iter().any(past);
        self.runs = page_runs::below(take(&mut self.runs), self.size);
    }

    /// How many runs have blocks before the first that has none.
    fn mapped(&self) -> usize {
        self.runs.iter().take_while(|run| !run.unmapped()).count()
    }

    fn map(&self) -> MapBlocks {
        let how = if self.unwritten { MapFor::Create } else { MapFor::Extend };
        MapBlocks::create(self.runs[self.mapped()].range, how, false, false).in_handle()
    }

    fn found(&mut self, found: &[Mapped]) {
        let at = self.mapped();
        let run = &mut self.runs[at];
        run.blocks = found.iter().filter_map(|m| m.block).collect();
        run.converts = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.mapped_to = Some(Size::blocks(run.range.end()));
        if run.unmapped() {
            self.runs.remove(at);
        }
    }

    fn disksize(&self, to: Option<Size>) -> Option<WbDisksize> {
        Some(WbDisksize::in_handle(to?, self.kernel))
    }

    /// Once what was mapped is on its way, from v3.11 on.
    fn mapped_page(&self) -> Option<Size> {
        let mapped = self.mapped_to.filter(|_| !self.by_worker() && !self.runs.is_empty());
        mapped.and(Some(Size::blocks(PAGE_BLOCKS)))
    }

    fn buffers(&self) -> Vec<(Blocks, Blocks)> {
        self.runs.iter().flat_map(|run| run.range.blocks().zip(run.blocks.clone())).collect()
    }

    /// Up to v3.7 a buffer remembers that its block was unwritten (`mpage_da_submit_io`, `io_submit_add_bh`).
    fn uninit(&self) -> Vec<Blocks> {
        let uninit = if self.by_worker() { self.converting() } else { Vec::new() };
        uninit.into_iter().flat_map(Range::blocks).collect()
    }

    fn bio(&self) -> Op {
        let run = &self.runs[self.written];
        Op::Bio(run.blocks.clone(), Bio::Page { start: run.range.start })
    }

    /// What is to be converted.
    fn converting(&self) -> Vec<Range> {
        self.runs.iter().filter(|run| run.converts).map(|run| run.range).collect()
    }

    fn convert(&mut self) -> ConvertRun {
        let (task, range) = (self.task, self.converting()[self.converted]);
        self.converted += 1;
        let end_io = self.by_worker().then(|| self.end_io(range));
        let end_io = end_io.map(|end_io| if self.defers() { end_io.interrupt() } else { end_io });
        ConvertRun::new(task, range, end_io)
    }
}
