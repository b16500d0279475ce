//! `ext4_writepages`: the flusher, or `filemap_write_and_wait_range`.

use super::end_page_io::EndPageIo;
use crate::extent_probe::{Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel, Version};
use crate::op::{
    Bio, Blocks, Handle, LogicalBlock, MapFor, Op, Outcome, PhysicalBlock, Range, TaskId,
};
use crate::task::{Place, Task};

/// Writes the dirty page back, allocating its blocks first if it has none.
///
/// | step        | kernel (v4.10; * up to v3.7)                                 | holds after     |
/// |-------------|--------------------------------------------------------------|-----------------|
/// | TestTag     | ext4_writepages: mapping_tagged(PAGECACHE_TAG_DIRTY)         |                 |
/// | StartHandle | ext4_writepages: ext4_journal_start                          | handle          |
/// | LockPage    | mpage_prepare_extent_to_map: lock_page                       | handle, page    |
/// | Collect     | mpage_prepare_extent_to_map: dirty buffers, mapped or not    | handle, page    |
/// | Map         | mpage_map_one_extent, see MapBlocks                          | handle, page    |
/// | Clean       | mpage_submit_page: clear_page_dirty_for_io, set writeback    | handle, page    |
/// | StopHandle  | ext4_writepages: ext4_journal_stop                           | page            |
/// | RaiseCount  | io_submit_add_bh: ext4_set_io_unwritten_flag *               | page            |
/// | RunBio      | ext4_io_submit, and the device writes                        | page            |
/// | TakeDataSem | ext4_end_io: ext4_convert_unwritten_extents (was unwritten)  | + i_data_sem W  |
/// | Convert     | ext4_convert_unwritten_extents                               | + i_data_sem W  |
/// | DropDataSem | ext4_convert_unwritten_extents                               | page            |
/// | UnlockPage  | ext4_finish_bio: end_page_writeback                          |                 |
/// | Finish      | ext4_end_bio: ext4_add_complete_io, see EndPageIo *          |                 |
/// | WaitForPage | filemap_fdatawait_range: wait_on_page_writeback              | page            |
/// | LetPage     | filemap_fdatawait_range                                      |                 |
///
/// # Kernel
/// `ext4_writepages`, `mpage_map_one_extent` (fs/ext4/inode.c), `ext4_end_io`, `ext4_end_bio`
/// (fs/ext4/page-io.c), read in v4.10.17 and v5.10. fs/ext4/page-io.c was read in v3.6, v3.7.2 and v3.11
/// as well: up to v3.7 the interrupt ends the page's writeback before its io_end is on the list, let alone
/// converted; in v3.11 (b0857d309fae) `ext4_release_io_end` ends it after the conversion.
///
/// # Modelled
/// The page's lock is held to the end of writeback: PG_locked and PG_writeback are one. A buffer that is
/// mapped goes where it is mapped to, without another look at the extent tree. A hole gets written blocks
/// unless the mount has dioread_nolock, the default from 244adf6426ee on: with blocks of the size of a
/// page up to v6.1, of that size or less in v6.12 (fs/ext4/super.c). Submission, interrupt and worker are
/// one task: each begins where the one before ends.
///
/// # Left out
/// The reserved handle of the conversion, i_disksize, more than one run of dirty blocks, errors; from
/// v3.11 on the count of unwritten I/O and the list on which a page's io_end waits for the worker.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WritePages {
    task: TaskId,
    kernel: Kernel,
    unwritten: bool,
    waits: bool,
    start: LogicalBlock,
    blocks: Vec<PhysicalBlock>,
    converts: bool,
    step: Step,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    TestTag,
    StartHandle,
    LockPage,
    Collect,
    Map(MapBlocks),
    Clean,
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
            start: 0,
            blocks: Vec::new(),
            converts: false,
            step: Step::TestTag,
        }
    }

    /// `filemap_write_and_wait_range`: waits, too, for what somebody else writes back.
    #[must_use]
    pub fn and_wait(self) -> WritePages {
        WritePages { waits: true, ..self }
    }

    fn range(&self, len: usize) -> Range {
        Range { start: self.start, len: len as Blocks }
    }

    /// The first run of dirty buffers that are all mapped, or all not.
    fn collect(&mut self, dirty: &[(LogicalBlock, Option<PhysicalBlock>)]) -> Step {
        let Some(&(start, first)) = dirty.first() else { return Step::UnlockPage };
        let same = |(at, buffer): &(usize, &(LogicalBlock, Option<PhysicalBlock>))| {
            buffer.0 == start + *at as LogicalBlock && buffer.1.is_some() == first.is_some()
        };
        let run: Vec<_> = dirty.iter().enumerate().take_while(same).map(|(_, &b)| b).collect();
        self.start = start;
        self.blocks = run.iter().filter_map(|buffer| buffer.1).collect();
        if first.is_some() {
            return Step::Clean;
        }
        let how = if self.unwritten { MapFor::Create } else { MapFor::Extend };
        Step::Map(MapBlocks::create(self.range(run.len()), how, false, false).in_handle())
    }

    /// Up to v3.7 the interrupt hands the io_end to the worker.
    fn by_worker(&self) -> bool {
        self.converts && self.kernel.version < Version::V3_11
    }

    fn late(&self) -> bool {
        !self.kernel.has(Fix::ConvertInsideWriteback)
    }

    /// The page's writeback has ended.
    fn unlocked(&self) -> Step {
        if self.by_worker() {
            return Step::Finish(EndPageIo::new(
                self.task,
                self.range(self.blocks.len()),
                self.kernel,
            ));
        }
        if self.converts && self.late() { Step::TakeDataSem } else { Step::Done }
    }

    fn waits(&self) -> Step {
        if self.waits { Step::WaitForPage } else { Step::Done }
    }
}

impl Task for WritePages {
    fn next(&self) -> Option<Op> {
        let (page, sem, excl) = (LockName::PageLock, LockName::IDataSem, Mode::Exclusive);
        Some(match &self.step {
            Step::TestTag | Step::Collect => Op::PageDirty,
            Step::StartHandle => Op::JournalStart(Handle::Extents),
            Step::LockPage | Step::WaitForPage => Op::Lock(page, excl),
            Step::Map(map) => return map.next(),
            Step::Clean => Op::PageClean((self.start..).zip(self.blocks.clone()).collect()),
            Step::StopHandle => Op::JournalStop(Handle::Extents),
            Step::RaiseCount => Op::UnwrittenBegin,
            Step::RunBio => Op::Bio(self.blocks.clone(), Bio::Page { start: self.start }),
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::Convert => Op::Convert(self.range(self.blocks.len()), self.task),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::UnlockPage | Step::LetPage => Op::Unlock(page, excl),
            Step::Finish(finish) => return finish.next(),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        let late = self.late();
        let counts = self.by_worker() && self.kernel.has(Fix::CountBuffered);
        self.step = match &mut self.step {
            Step::TestTag if outcome == Outcome::Buffers(Vec::new()) => self.waits(),
            Step::TestTag => Step::StartHandle,
            Step::StartHandle => Step::LockPage,
            Step::LockPage => Step::Collect,
            Step::Collect => match outcome {
                Outcome::Buffers(dirty) => self.collect(&dirty),
                _ => Step::UnlockPage,
            },
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default();
                self.converts = found.iter().any(|m| m.extent == Extent::Unwritten);
                self.blocks = found.iter().filter_map(|m| m.block).collect();
                Step::Clean
            }
            Step::Clean => Step::StopHandle,
            Step::StopHandle if self.blocks.is_empty() => Step::Done,
            Step::StopHandle if counts => Step::RaiseCount,
            Step::StopHandle | Step::RaiseCount => Step::RunBio,
            Step::RunBio if self.converts && !late => Step::TakeDataSem,
            Step::TakeDataSem => Step::Convert,
            Step::Convert => Step::DropDataSem,
            Step::DropDataSem if late => Step::Done,
            Step::RunBio | Step::DropDataSem => Step::UnlockPage,
            // There was nothing to write after all.
            Step::UnlockPage if self.blocks.is_empty() => Step::StopHandle,
            Step::UnlockPage => self.unlocked(),
            Step::Finish(finish) => {
                finish.resume(outcome);
                if finish.next().is_some() {
                    return;
                }
                Step::Done
            }
            Step::WaitForPage => Step::LetPage,
            Step::LetPage | Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Map(map) => return map.place(),
            Step::TestTag => ("TestTag", "ext4_writepages"),
            Step::StartHandle => ("StartHandle", "ext4_writepages"),
            Step::LockPage => ("LockPage", "mpage_prepare_extent_to_map"),
            Step::Collect => ("Collect", "mpage_prepare_extent_to_map"),
            Step::Clean => ("Clean", "mpage_submit_page"),
            Step::StopHandle => ("StopHandle", "ext4_writepages"),
            Step::Finish(finish) => return finish.place(),
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
