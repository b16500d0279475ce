//! `ext4_writepages`: the flusher, or `filemap_write_and_wait_range`.

use super::convert_run::ConvertRun;
use super::end_page_io::EndPageIo;
use super::fdatawait_range::FdatawaitRange;
use super::round::Round;
use super::todo::Todo;
use super::wb_disksize::WbDisksize;
use crate::extent_probe::MapBlocks;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{ISync, PageLock};
use crate::op::Mode::Exclusive;
use crate::op::{Handle, Op, Outcome, PageNo, Pages, Range, Size, TaskId};
use crate::task::steps;

steps! {
    /// Writes dirty pages back, allocating their blocks first where they have none.
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
    /// Of several pages `round.rs` says which are held together; one round after another, each under a handle of its own,
    /// until no page is dirty. A page's lock is held to the end of writeback: PG_locked and PG_writeback are one. A buffer
    /// that is mapped goes where it is mapped to, without another look at the extent tree, and stays mapped: stored to again,
    /// it is written there again. Then it is not converted again, but up to v3.7 (`BH_Uninit`, which `mpage_da_submit_io`
    /// sets and `io_submit_add_bh` looks at; from v3.11 on `mpage_map_one_extent` flags the io_end that maps). What lies past
    /// i_size is not written: it is zeroed in the page and no longer dirty; from v3.11 on it is not allocated either. A page
    /// that lies past i_size as a whole stays dirty here: whoever cuts it off is about to drop it. A hole gets written blocks
    /// unless the mount has dioread_nolock, the default from 244adf6426ee on: with blocks of the size of a page up to v6.1,
    /// of that size or less in v6.12 (fs/ext4/super.c). i_disksize is raised where blocks were mapped: up to v3.7 to their
    /// end, later to the end of the page. Submission, interrupt and worker are one task: each begins where the one before
    /// ends. The handle's credits are estimated by the depth of the tree as it is before the handle is started, with no lock
    /// that a direct write would need (`ext4_da_writepages` or `ext4_writepages`: `ext4_da_writepages_trans_blocks`, v3.6,
    /// v3.7.2, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1.192, v6.12.117). The flusher of a file that may be evicted does not
    /// look again behind the last page that it has found: nobody stores to that file. Inside a call that may hold `i_mutex`
    /// ([`WritePages::and_wait`]) the worker of v3.6, which needs it, is left to the call, for when it holds the lock no
    /// longer; that of v3.7 runs at once, so that nobody waits for a call to return.
    ///
    /// # Left out
    /// Up to v3.11 `ext4_ext_map_blocks` loads `cur_aio_dio` here too, and with dioread_nolock flags the io_end that it finds
    /// there, which may have been freed: only direct writes do so in the model. The reserved handle of the conversion, the
    /// second look at i_size from v3.11 on (who lowers it in between waits for the page before it frees), errors; up to v3.7
    /// that mapped buffers that are clean are written as well; up to v3.7 that the page is unlocked between two runs that
    /// must be mapped; from v3.11 on the count of unwritten I/O and the list on which a page's io_end waits for the worker.
    pub struct WritePages {
        task: TaskId,
        kernel: Kernel,
        unwritten: bool,
        waits: bool,
        /// By the flusher, of a file that may be evicted.
        syncs: bool,
        /// Those that are asked for.
        pages: Pages,
        /// Those of them that were found, and are yet to be seen to, as bits.
        todo: Todo,
        /// The one that is next to be written.
        next: PageNo,
        size: Size,
        round: Round,
        /// What rounds before this one have left to the worker.
        left: Vec<Range>,
    }
    in "ext4_writepages" => Step / At |self, outcome|;

    SetSync in "writeback_sb_inodes" "I_SYNC, unless I_FREEING" if self.syncs => Op::TryLock(ISync, Exclusive)
        => outcome.no().then_some(Step::Wait);
    TestTag "mapping_tagged(PAGECACHE_TAG_DIRTY)" => Op::PagesDirty(self.kernel.paging.all())
        => outcome.pages().is_empty().then_some(Step::NothingToSync);
    Estimate in "ext4_da_writepages_trans_blocks" => Op::DepthRead;
    StartHandle "ext4_journal_start" => Op::JournalStart(Handle::Extents);
    FindDirty in "mpage_prepare_extent_to_map" "pagevec_lookup_tag" if self.kernel.paging.many()
        => Op::PagesDirty(self.pages.from(self.next))
        => self.finds(outcome.pages()).then_some(Step::StopHandle);
    LockPage in "mpage_prepare_extent_to_map" "lock_page" => Op::Lock(PageLock(self.page()), Exclusive)
        => { self.round.held.push(self.page()); self.by_worker().then_some(Step::Collect) };
    ReadSize in "mpage_process_page_bufs" "up to v3.7 mpage_da_submit_io, once all is mapped" => Op::SizeRead
        => self.sized(outcome.size());
    Collect in "mpage_prepare_extent_to_map" "dirty buffers, mapped or not" => Op::PageDirty(self.page())
        => self.collected(&outcome);
    Map(map: MapBlocks) if self.round.mapped() < self.round.runs.len() => self.round.map(self.unwritten)
        => { self.round.found(map.found().unwrap_or_default()); Step::Map };
    FirstDisksize(disksize: Option<WbDisksize>) if self.by_worker() => self.disksize(self.round.mapped_to)
        => Step::ReadSize;
    ZeroTail in "ext4_bio_write_page" "zero_user_segment, clear_buffer_dirty" if self.round.tail
        => self.round.zero_tail(self.size, self.kernel);
    Clean in "mpage_submit_page" "clear_page_dirty_for_io, set writeback" if self.round.cleans(self.kernel)
        => self.round.clean(self.kernel)? => { self.round.cleaned(self.kernel); Step::Clean };
    Disksize(disksize: Option<WbDisksize>) => self.disksize(self.round.mapped_page(self.kernel))
        => self.round.nothing().then_some(Step::UnlockPage);
    StopHandle "ext4_journal_stop" => Op::JournalStop(Handle::Extents)
        => self.round.nothing().then(|| self.next_round());
    ClearSync in "inode_sync_complete" if self.syncs && self.is_last() => Op::Unlock(ISync, Exclusive);
    RaiseCount in "io_submit_add_bh" "ext4_set_io_unwritten_flag"
        if self.by_worker() && self.kernel.has(Fix::CountBuffered) && self.round.counted < self.round.converting().len()
        => Op::UnwrittenBegin => { self.round.counted += 1; Step::RaiseCount };
    RunBio in "ext4_io_submit" "and the device writes" if self.round.written < self.round.runs.len()
        => self.round.bio() => { self.round.written += 1; Step::RunBio };
    Convert(run: ConvertRun) if self.kernel.has(Fix::ConvertInsideWriteback) && self.round.converted < self.round.converting().len()
        => self.convert() => Step::Convert;
    UnlockPage in "ext4_finish_bio" "end_page_writeback" => Op::Unlock(PageLock(*self.round.held.first()?), Exclusive)
        => self.unlocked();
    ConvertLate(run: ConvertRun) if self.round.converted < self.round.converting().len() => self.convert()
        => self.converts_late();
    NothingToSync in "inode_sync_complete" if self.syncs && self.round.nothing() => Op::Unlock(ISync, Exclusive);
    Wait(wait: FdatawaitRange) if self.waits => FdatawaitRange::new(self.pages, self.kernel);
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
            pages: kernel.paging.all(),
            todo: Todo::FIRST,
            next: 0,
            size: Size::blocks(kernel.paging.end()),
            round: Round::default(),
            left: Vec::new(),
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

    /// Of several pages those that hold some of these blocks.
    #[must_use]
    pub fn of(self, range: Range) -> WritePages {
        let paging = self.kernel.paging;
        let pages = if paging.many() { range.pages(paging) } else { self.pages };
        WritePages { pages, ..self }
    }

    /// What the worker has yet to convert, once this is done inside another call.
    pub(crate) fn workers(&self) -> Vec<EndPageIo> {
        let now = if self.defers() { self.round.converting() } else { Vec::new() };
        let all = self.left.iter().copied().chain(now);
        all.map(|range| self.end_io(range).worker()).collect()
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

    /// The page that is looked at.
    fn page(&self) -> PageNo {
        self.todo.page()
    }

    /// Pages to be seen to; whether there is none.
    fn finds(&mut self, pages: &[PageNo]) -> bool {
        self.todo = pages.iter().copied().collect();
        self.todo.is_empty()
    }

    fn sized(&mut self, size: Size) -> Option<Step> {
        self.size = size;
        if self.by_worker() {
            self.round.cut(size, self.kernel);
        }
        self.by_worker().then_some(Step::ZeroTail)
    }

    /// Goes on with the next page, if that may be written together with this one.
    fn collected(&mut self, outcome: &Outcome) -> Option<Step> {
        let (fits, open) = self.round.collect(outcome.buffers(), self.size, self.kernel);
        self.next = self.page() + PageNo::from(fits);
        let rest = self.todo.rest();
        if open && !rest.is_empty() && self.round.goes_on_to(rest.page(), self.kernel) {
            self.todo = rest;
            return Some(Step::LockPage);
        }
        self.round.nothing().then_some(Step::ZeroTail)
    }

    fn disksize(&self, to: Option<Size>) -> Option<WbDisksize> {
        Some(WbDisksize::in_handle(to?, self.kernel))
    }

    fn convert(&mut self) -> ConvertRun {
        let (task, range) = (self.task, self.round.converting()[self.round.converted]);
        self.round.converted += 1;
        let end_io = self.by_worker().then(|| self.end_io(range));
        let end_io = end_io.map(|end_io| if self.defers() { end_io.interrupt() } else { end_io });
        ConvertRun::new(task, range, end_io)
    }

    /// Whether no page was found behind those of this round.
    fn is_last(&self) -> bool {
        self.todo.ends_before(self.next)
    }

    fn unlocked(&mut self) -> Step {
        self.round.held.remove(0);
        match () {
            () if !self.round.held.is_empty() => Step::UnlockPage,
            () if self.round.nothing() => Step::StopHandle,
            () => self.converts_late(),
        }
    }

    fn converts_late(&mut self) -> Step {
        let late = self.round.converted < self.round.converting().len();
        if late { Step::ConvertLate } else { self.next_round() }
    }

    /// Of several pages those that are left are looked for again, until none is dirty.
    fn next_round(&mut self) -> Step {
        if !self.kernel.paging.many() || self.todo.is_empty() || self.syncs && self.is_last() {
            return Step::NothingToSync;
        }
        if self.defers() {
            self.left.extend(self.round.converting());
        }
        (self.round, self.size) = (Round::default(), Size::blocks(self.kernel.paging.end()));
        Step::Estimate
    }
}
