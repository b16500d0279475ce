//! `ext4_writepages`: the flusher, or `filemap_write_and_wait_range`.

use super::end_page_io::EndPageIo;
use super::page_runs::{self, Run};
use super::wb_disksize::WbDisksize;
use crate::extent_probe::{Extent, MapBlocks, Mapped};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{Bio, Blocks, Handle, MapFor, Op, Outcome, Range, TaskId};
use crate::page::PAGE_BLOCKS;
use crate::task::{Place, Task};

/// Writes the dirty page back, allocating its blocks first where it has none.
///
/// | step        | kernel (v4.10; * up to v3.7, + from v3.11 on)                | holds after     |
/// |-------------|--------------------------------------------------------------|-----------------|
/// | TestTag     | ext4_writepages: mapping_tagged(PAGECACHE_TAG_DIRTY)         |                 |
/// | Estimate    | ext4_writepages: ext4_da_writepages_trans_blocks             |                 |
/// | StartHandle | ext4_writepages: ext4_journal_start                          | handle          |
/// | LockPage    | mpage_prepare_extent_to_map: lock_page                       | handle, page    |
/// | ReadSize    | mpage_process_page_bufs +, mpage_da_submit_io (after Map) * | handle, page    |
/// | Collect     | mpage_prepare_extent_to_map: dirty buffers, mapped or not    | handle, page    |
/// | Map         | mpage_map_one_extent, see MapBlocks; for each run of them    | handle, page    |
/// | ZeroTail    | ext4_bio_write_page: zero_user_segment, clear_buffer_dirty   | handle, page    |
/// | Clean       | mpage_submit_page: clear_page_dirty_for_io, set writeback    | handle, page    |
/// | Disksize    | mpage_map_and_submit_extent +, mpage_da_map_and_submit (after Map) *, see WbDisksize | handle, page |
/// | StopHandle  | ext4_writepages: ext4_journal_stop                           | page            |
/// | RaiseCount  | io_submit_add_bh: ext4_set_io_unwritten_flag *               | page            |
/// | RunBio      | ext4_io_submit, and the device writes; for each run          | page            |
/// | TakeDataSem | ext4_end_io: ext4_convert_unwritten_extents (was unwritten)  | + i_data_sem W  |
/// | Convert     | ext4_convert_unwritten_extents                               | + i_data_sem W  |
/// | DropDataSem | ext4_convert_unwritten_extents                               | page            |
/// | UnlockPage  | ext4_finish_bio: end_page_writeback                          |                 |
/// | Finish      | ext4_end_bio: ext4_add_complete_io, see EndPageIo *          |                 |
/// | WaitForPage | filemap_fdatawait_range: wait_on_page_writeback              | page            |
/// | LetPage     | filemap_fdatawait_range                                      |                 |
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
/// The page's lock is held to the end of writeback: PG_locked and PG_writeback are one. A buffer that is
/// mapped goes where it is mapped to, without another look at the extent tree. What lies past i_size is not
/// written: it is zeroed in the page and no longer dirty; from v3.11 on it is not allocated either. A page
/// that lies past i_size as a whole stays dirty here: whoever cuts it off is about to drop it. A hole gets
/// written blocks unless the mount has dioread_nolock, the default from 244adf6426ee on: with blocks of the
/// size of a page up to v6.1, of that size or less in v6.12 (fs/ext4/super.c). i_disksize is raised where
/// blocks were mapped: up to v3.7 to their end, later to the end of the page. Submission, interrupt and worker
/// are one task: each begins where the one before ends. The handle's credits are estimated by the depth of the
/// tree as it is before the handle is started, with no lock that a direct write would need
/// (`ext4_da_writepages` or `ext4_writepages`: `ext4_da_writepages_trans_blocks`, v3.6, v3.7.2, v3.11, v4.10.17,
/// v5.4.18, v5.10.44, v6.1.192, v6.12.117). Inside a call that may hold
/// `i_mutex` ([`WritePages::and_wait`]) the worker of v3.6, which needs it, is left to the call, for when it
/// holds the lock no longer; that of v3.7 runs at once, so that nobody waits for a call to return.
///
/// # Left out
/// Up to v3.11 `ext4_ext_map_blocks` loads `cur_aio_dio` here too, and with dioread_nolock flags the io_end of
/// the direct write that it finds there, which may have been freed: only direct writes do so in the model. The
/// reserved handle of the conversion, the second look at i_size from v3.11 on (who lowers it in between
/// waits for the page before it frees), errors; up to v3.7 that the page is unlocked between two runs that
/// must be mapped; from v3.11 on the count of unwritten I/O and the list on which a page's io_end waits for
/// the worker.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WritePages {
    task: TaskId,
    kernel: Kernel,
    unwritten: bool,
    waits: bool,
    size: Blocks,
    runs: Vec<Run>,
    /// Which run it is at.
    at: usize,
    /// Some dirty blocks lie past i_size.
    tail: bool,
    /// Where what it mapped ends.
    mapped_to: Option<Blocks>,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TestTag,
    Estimate,
    StartHandle,
    LockPage,
    ReadSize,
    Collect,
    Map(MapBlocks),
    ZeroTail,
    Clean,
    Disksize(WbDisksize),
    StopHandle,
    RaiseCount,
    RunBio,
    TakeDataSem,
    Convert,
    DropDataSem,
    UnlockPage,
    Finish(EndPageIo),
    WaitForPage,
    LetPage,
    Done,
}

impl WritePages {
    /// Writes back as task `task`.
    pub fn new(task: TaskId, kernel: Kernel, dioread_nolock: bool) -> WritePages {
        WritePages {
            task,
            kernel,
            unwritten: dioread_nolock || kernel.has(Fix::WritebackIntoUnwritten),
            waits: false,
            size: PAGE_BLOCKS,
            runs: Vec::new(),
            at: 0,
            tail: false,
            mapped_to: None,
            step: Step::TestTag,
        }
    }

    /// `filemap_write_and_wait_range`, inside another call: waits, too, for what somebody else writes back.
    #[must_use]
    pub fn and_wait(self) -> WritePages {
        WritePages { waits: true, ..self }
    }

    /// What the worker has yet to convert, once this is done inside another call.
    pub(super) fn workers(&self) -> Vec<EndPageIo> {
        if !self.defers() {
            return Vec::new();
        }
        let converts = self.runs.iter().filter(|run| run.converts);
        converts.map(|run| self.end_io(run.range).worker()).collect()
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

    fn collect(&mut self, outcome: Outcome) -> Step {
        let dirty = if let Outcome::Buffers(dirty) = outcome { dirty } else { Vec::new() };
        self.runs = page_runs::runs(&dirty);
        if self.runs.is_empty() || self.size == 0 {
            self.runs.clear();
            return Step::UnlockPage;
        }
        if self.by_worker() {
            return self.map();
        }
        self.cut();
        self.map()
    }

    /// What lies past i_size is not written.
    fn cut(&mut self) {
        self.tail = self.runs.iter().any(|run| run.range.end() > self.size);
        self.runs = page_runs::below(std::mem::take(&mut self.runs), self.size);
    }

    /// Maps the next run that has no blocks.
    fn map(&mut self) -> Step {
        let Some(at) = self.runs.iter().position(Run::unmapped) else { return self.all_mapped() };
        self.at = at;
        let how = if self.unwritten { MapFor::Create } else { MapFor::Extend };
        let range = self.runs[at].range;
        Step::Map(MapBlocks::create(range, how, false, false).in_handle())
    }

    fn found(&mut self, found: &[Mapped]) -> Step {
        let run = &mut self.runs[self.at];
        run.blocks = found.iter().filter_map(|m| m.block).collect();
        run.converts = found.iter().any(|m| m.extent == Extent::Unwritten);
        self.mapped_to = Some(run.range.end());
        if self.runs[self.at].unmapped() {
            self.runs.remove(self.at);
        }
        self.map()
    }

    fn disksize(&self, to: Blocks) -> Step {
        Step::Disksize(WbDisksize::in_handle(to, self.kernel))
    }

    fn all_mapped(&self) -> Step {
        match (self.by_worker(), self.mapped_to) {
            (true, Some(to)) => self.disksize(to),
            (true, None) => Step::ReadSize,
            (false, _) => self.submit(),
        }
    }

    fn submit(&self) -> Step {
        if self.tail { Step::ZeroTail } else { self.zeroed() }
    }

    fn zeroed(&self) -> Step {
        if self.runs.is_empty() { Step::UnlockPage } else { Step::Clean }
    }

    fn sized(&mut self, outcome: &Outcome) -> Step {
        if let Outcome::Value(size) = *outcome {
            self.size = size;
        }
        if !self.by_worker() {
            return Step::Collect;
        }
        if self.size == 0 {
            self.runs.clear();
            return Step::UnlockPage;
        }
        self.cut();
        self.submit()
    }

    fn cleaned(&self) -> Step {
        match self.mapped_to {
            Some(_) if !self.by_worker() => self.disksize(PAGE_BLOCKS),
            _ => Step::StopHandle,
        }
    }

    /// The next run from there on goes to the device; then what was unwritten is converted.
    fn write(&mut self, at: usize) -> Step {
        self.at = at;
        if at < self.runs.len() {
            Step::RunBio
        } else if self.late() {
            Step::UnlockPage
        } else {
            self.convert(0)
        }
    }

    /// The next run from there on that was unwritten.
    fn convert(&mut self, from: usize) -> Step {
        let next = (from..self.runs.len()).find(|&at| self.runs[at].converts);
        self.at = next.unwrap_or(self.runs.len());
        match next {
            Some(at) if self.by_worker() => {
                let end_io = self.end_io(self.runs[at].range);
                Step::Finish(if self.defers() { end_io.interrupt() } else { end_io })
            }
            Some(_) => Step::TakeDataSem,
            None if self.late() => self.last(),
            None => Step::UnlockPage,
        }
    }

    /// Counts each run that is to be converted.
    fn raise(&mut self) -> Step {
        match (self.at..self.runs.len()).find(|&at| self.runs[at].converts) {
            Some(at) => {
                self.at = at;
                Step::RaiseCount
            }
            None => self.write(0),
        }
    }

    /// The page's writeback has ended.
    fn unlocked(&mut self) -> Step {
        if self.late() { self.convert(0) } else { self.last() }
    }

    fn last(&self) -> Step {
        if self.waits { Step::WaitForPage } else { Step::Done }
    }
}

impl Task for WritePages {
    fn next(&self) -> Option<Op> {
        let (page, sem, excl) = (LockName::PageLock, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::TestTag | Step::Collect => Op::PageDirty,
            Step::Estimate => Op::DepthRead,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::LockPage | Step::WaitForPage => Op::Lock(page, excl),
            Step::ReadSize => Op::SizeRead,
            Step::Map(map) => return map.next(),
            Step::ZeroTail => Op::PageTruncate(Range { start: self.size, len: PAGE_BLOCKS }),
            Step::Clean => {
                let written = self.runs.iter().flat_map(|r| r.range.blocks().zip(r.blocks.clone()));
                Op::PageClean(written.collect())
            }
            Step::Disksize(disksize) => return disksize.next(),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::RaiseCount => Op::UnwrittenBegin,
            Step::RunBio => {
                let run = self.runs.get(self.at)?;
                Op::Bio(run.blocks.clone(), Bio::Page { start: run.range.start })
            }
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::Convert => Op::Convert(self.runs.get(self.at)?.range, self.task),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::UnlockPage | Step::LetPage => Op::Unlock(page, excl),
            Step::Finish(finish) => return finish.next(),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let (by_worker, nothing) = (self.by_worker(), self.runs.is_empty());
        let counts = by_worker && self.kernel.has(Fix::CountBuffered);
        self.step = match &mut self.step {
            Step::TestTag if outcome == Outcome::Buffers(Vec::new()) => self.last(),
            Step::TestTag => Step::Estimate,
            Step::Estimate => Step::StartHandle,
            Step::StartHandle => Step::LockPage,
            Step::LockPage if by_worker => Step::Collect,
            Step::LockPage => Step::ReadSize,
            Step::ReadSize => self.sized(&outcome),
            Step::Collect => self.collect(outcome),
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().to_vec();
                self.found(&found)
            }
            Step::ZeroTail => self.zeroed(),
            Step::Clean => self.cleaned(),
            Step::Disksize(disksize) => {
                disksize.resume(outcome);
                if disksize.next().is_some() {
                    return;
                }
                if by_worker { Step::ReadSize } else { Step::StopHandle }
            }
            // There was nothing to write after all.
            Step::StopHandle if nothing => self.last(),
            Step::StopHandle if counts => {
                self.at = 0;
                self.raise()
            }
            Step::StopHandle => self.write(0),
            Step::RaiseCount => {
                self.at += 1;
                self.raise()
            }
            Step::RunBio => self.write(self.at + 1),
            Step::TakeDataSem => Step::Convert,
            Step::Convert => Step::DropDataSem,
            Step::DropDataSem => self.convert(self.at + 1),
            Step::UnlockPage if nothing => Step::StopHandle,
            Step::UnlockPage => self.unlocked(),
            Step::Finish(finish) => {
                finish.resume(outcome);
                if finish.next().is_some() {
                    return;
                }
                self.convert(self.at + 1)
            }
            Step::WaitForPage => Step::LetPage,
            Step::LetPage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Map(map) => return map.place(),
            Step::Disksize(disksize) => return disksize.place(),
            Step::Finish(finish) => return finish.place(),
            Step::TestTag => ("TestTag", "ext4_writepages"),
            Step::Estimate => ("Estimate", "ext4_da_writepages_trans_blocks"),
            Step::StartHandle => ("StartHandle", "ext4_writepages"),
            Step::LockPage => ("LockPage", "mpage_prepare_extent_to_map"),
            Step::ReadSize => ("ReadSize", "mpage_process_page_bufs"),
            Step::Collect => ("Collect", "mpage_prepare_extent_to_map"),
            Step::ZeroTail => ("ZeroTail", "ext4_bio_write_page"),
            Step::Clean => ("Clean", "mpage_submit_page"),
            Step::StopHandle => ("StopHandle", "ext4_writepages"),
            Step::RaiseCount => ("RaiseCount", "io_submit_add_bh"),
            Step::RunBio => ("RunBio", "ext4_io_submit"),
            Step::TakeDataSem => ("TakeDataSem", "ext4_end_io"),
            Step::Convert => ("Convert", "ext4_end_io"),
            Step::DropDataSem => ("DropDataSem", "ext4_end_io"),
            Step::UnlockPage => ("UnlockPage", "ext4_finish_bio"),
            Step::WaitForPage => ("WaitForPage", "filemap_fdatawait_range"),
            Step::LetPage => ("LetPage", "filemap_fdatawait_range"),
            Step::Done => ("Done", "ext4_writepages"),
        };
        Place { step, kernel }
    }
}
