//! `ext4_writepages`: the flusher, or `filemap_write_and_wait_range`.

use crate::extent_probe::{Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{
    Bio, Blocks, Handle, LogicalBlock, MapFor, Op, Outcome, PhysicalBlock, Range, TaskId,
};
use crate::task::{Place, Task};

/// Writes the dirty page back, allocating its blocks first if it has none.
///
/// | step        | kernel (v4.10)                                               | holds after     |
/// |-------------|--------------------------------------------------------------|-----------------|
/// | TestTag     | ext4_writepages: mapping_tagged(PAGECACHE_TAG_DIRTY)         |                 |
/// | StartHandle | ext4_writepages: ext4_journal_start                          | handle          |
/// | LockPage    | mpage_prepare_extent_to_map: lock_page                       | handle, page    |
/// | Collect     | mpage_prepare_extent_to_map: dirty buffers, mapped or not    | handle, page    |
/// | Map         | mpage_map_one_extent, see MapBlocks                          | handle, page    |
/// | Clean       | mpage_submit_page: clear_page_dirty_for_io, set writeback    | handle, page    |
/// | StopHandle  | ext4_writepages: ext4_journal_stop                           | page            |
/// | RunBio      | ext4_io_submit, and the device writes                        | page            |
/// | TakeDataSem | ext4_end_io: ext4_convert_unwritten_extents (was unwritten)  | + i_data_sem W  |
/// | Convert     | ext4_convert_unwritten_extents                               | + i_data_sem W  |
/// | DropDataSem | ext4_convert_unwritten_extents                               | page            |
/// | UnlockPage  | ext4_finish_bio: end_page_writeback                          |                 |
/// | WaitForPage | filemap_fdatawait_range: wait_on_page_writeback              | page            |
/// | LetPage     | filemap_fdatawait_range                                      |                 |
///
/// # Kernel
/// `ext4_writepages`, `mpage_map_one_extent` (fs/ext4/inode.c), `ext4_end_io`, `ext4_end_bio`
/// (fs/ext4/page-io.c), read in v4.10.17 and v5.10; writeback ends after the conversion (from v3.11).
///
/// # Modelled
/// The page's lock is held to the end of writeback: PG_locked and PG_writeback are one. A buffer that is
/// mapped goes where it is mapped to, without another look at the extent tree. A hole gets written blocks
/// unless the mount has dioread_nolock, the default from 244adf6426ee on: with blocks of the size of a
/// page up to v6.1, of that size or less in v6.12 (fs/ext4/super.c). Submission, interrupt and worker are
/// one task: each begins where the one before ends.
///
/// # Left out
/// The reserved handle of the conversion, i_disksize, more than one run of dirty blocks, errors.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WritePages {
    task: TaskId,
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
    RunBio,
    TakeDataSem,
    Convert,
    DropDataSem,
    UnlockPage,
    WaitForPage,
    LetPage,
    Done,
}

impl WritePages {
    /// Writes back as task `task`.
    pub fn new(task: TaskId, kernel: Kernel, dioread_nolock: bool) -> WritePages {
        WritePages {
            task,
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
            Step::RunBio => Op::Bio(self.blocks.clone(), Bio::Page { start: self.start }),
            Step::TakeDataSem => Op::Lock(sem, excl),
            Step::Convert => Op::Convert(self.range(self.blocks.len()), self.task),
            Step::DropDataSem => Op::Unlock(sem, excl),
            Step::UnlockPage | Step::LetPage => Op::Unlock(page, excl),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
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
            Step::StopHandle => Step::RunBio,
            Step::RunBio if self.converts => Step::TakeDataSem,
            Step::TakeDataSem => Step::Convert,
            Step::Convert => Step::DropDataSem,
            Step::RunBio | Step::DropDataSem => Step::UnlockPage,
            // There was nothing to write after all.
            Step::UnlockPage if self.blocks.is_empty() => Step::StopHandle,
            Step::WaitForPage => Step::LetPage,
            Step::UnlockPage | Step::LetPage | Step::Done => Step::Done,
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
