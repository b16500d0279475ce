//! `ext4_ind_direct_IO` for reading: the dioread_nolock read.

use crate::extent_probe::{DataSemHeld, Extent, MapBlocks, Mapped};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Bio, Blocks, MapFor, Op, Outcome, PhysicalBlock, Range, Submission, TaskId};
use crate::task::{Place, Task};

/// A direct read: without `i_mutex` under dioread_nolock while the gate is open.
///
/// | step        | kernel (v3.7; v3.6 has no gate)                     | holds after          |
/// |-------------|-----------------------------------------------------|----------------------|
/// | ReadSize    | generic_file_aio_read: i_size_read                  |                      |
/// | Count       | ext4_ind_direct_IO: atomic_inc(i_dio_count)         |                      |
/// | Barrier     | ext4_ind_direct_IO: smp_mb                          |                      |
/// | TestGate    | ext4_ind_direct_IO: test DIOREAD_LOCK               |                      |
/// | Uncount     | ext4_ind_direct_IO: inode_dio_done (gate closed)    |                      |
/// | TakeImutex  | do_blockdev_direct_IO: mutex_lock(i_mutex)          | i_mutex (if locked)  |
/// | CountLocked | do_blockdev_direct_IO: atomic_inc(i_dio_count)      | i_mutex (if locked)  |
/// | CountAio    | do_blockdev_direct_IO: atomic_inc (unlocked, aio)   |                      |
/// | ReadLimit   | do_blockdev_direct_IO: dio->i_size = i_size_read    | i_mutex (if locked)  |
/// | Map         | ext4_get_block, see MapBlocks                       | i_mutex (if locked)  |
/// | Submit      | dio_bio_submit (asynchronous)                       | i_mutex (if locked)  |
/// | DropImutex  | do_blockdev_direct_IO: mutex_unlock(i_mutex)        |                      |
/// | RunBio      | dio_await_completion                                |                      |
/// | EndAio      | dio_complete: inode_dio_done (nothing to read, aio) |                      |
/// | EndIo       | inode_dio_done                                      |                      |
///
/// # Kernel
/// `generic_file_aio_read` (mm/filemap.c), `ext4_ind_direct_IO` (fs/ext4/indirect.c),
/// `do_blockdev_direct_IO`, `do_direct_IO`, `get_more_blocks`, `dio_complete` (fs/direct-io.c), read in v3.6.5,
/// v3.7.2 and v3.11.
///
/// # Modelled
/// A read at or past i_size, as read *before* the count is raised, does no I/O. What i_size is after that
/// only cuts the result short (`dio->i_size`), and ends the read at a block that is not mapped: mapped
/// blocks past it are read into the buffer. `late_size` gives another order, that of 9fe55eea7e4b (v3.14),
/// which no kernel here has: the one look at i_size comes after the count, and a read past it does no I/O.
/// The nested references of an unlocked read are one; an asynchronous one has both, as the inner one
/// outlives the call. v3.6 has the inner one only (`do_blockdev_direct_IO`); that its submitter holds one too
/// until the I/O is on its way, nobody can tell. Who completes an asynchronous read, its submitter or the interrupt, nobody can tell.
///
/// # Left out
/// The flush of completed I/O before an unlocked read (dccaf33fa37a), the write-back of cached pages, the
/// buffered read of what a short direct one has left; that i_size is read again at each block
/// that is not mapped.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DirectRead {
    task: TaskId,
    range: Range,
    kernel: Kernel,
    unlocked: bool,
    late_size: bool,
    repeat: bool,
    end_io: Option<TaskId>,
    locked: bool,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    past_end: bool,
    /// i_size after the count.
    limit: Blocks,
    returned: Blocks,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Count,
    Barrier,
    TestGate,
    Uncount,
    TakeImutex,
    CountLocked,
    CountAio,
    ReadSize,
    ReadLimit,
    Map(MapBlocks),
    Submit,
    DropImutex,
    RunBio,
    EndAio,
    EndIo,
    Done,
}

impl DirectRead {
    /// A read of `range`. `unlocked`: the mount has dioread_nolock. `repeat`: it starts over for
    /// ever.
    pub fn new(task: TaskId, range: Range, kernel: Kernel, unlocked: bool) -> DirectRead {
        let mut read = DirectRead {
            task,
            range,
            kernel,
            unlocked,
            late_size: false,
            repeat: false,
            end_io: None,
            locked: false,
            step: Step::Done,
            blocks: Vec::new(),
            past_end: false,
            limit: 0,
            returned: 0,
        };
        read.step = read.first();
        read
    }

    /// The same, completed by that task.
    #[must_use]
    pub fn completed_by(self, end_io: Option<TaskId>) -> DirectRead {
        DirectRead { end_io, ..self }
    }

    /// Reads i_size only after it has raised the count.
    #[must_use]
    pub fn late_size(mut self) -> DirectRead {
        self.late_size = true;
        self.step = self.first();
        self
    }

    /// Starts over for ever.
    #[must_use]
    pub fn repeat(mut self) -> DirectRead {
        self.repeat = true;
        self
    }

    /// Whether it starts over for ever.
    pub fn repeats(&self) -> bool {
        self.repeat
    }

    fn first(&self) -> Step {
        if self.late_size { self.count() } else { Step::ReadSize }
    }

    fn count(&self) -> Step {
        if self.unlocked { Step::Count } else { Step::TakeImutex }
    }

    fn counted(&self) -> Step {
        match (self.late_size, self.locked, self.end_io) {
            (true, ..) => Step::ReadSize,
            (false, false, Some(_)) => Step::CountAio,
            (false, ..) => Step::ReadLimit,
        }
    }

    /// Whose reference the one is that the I/O itself needs.
    fn counted_for(&self) -> TaskId {
        self.end_io.unwrap_or(self.task)
    }

    fn map(&self) -> Step {
        Step::Map(MapBlocks::look_up(self.range, MapFor::Io, DataSemHeld::No))
    }

    fn found(&mut self, found: &[Mapped]) -> Step {
        let mapped = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        let limit = if self.late_size { Blocks::MAX } else { self.limit };
        for (at, m) in self.range.blocks().zip(found) {
            match mapped(m) {
                Some(block) => self.blocks.push(block),
                None if at >= limit => break,
                None => {}
            }
            if at < limit {
                self.returned = self.blocks.len() as Blocks;
            }
        }
        match (self.end_io, self.blocks.is_empty()) {
            (Some(_), false) => Step::Submit,
            (None, _) | (Some(_), true) => self.mapped(),
        }
    }

    fn mapped(&self) -> Step {
        if self.locked { Step::DropImutex } else { self.io() }
    }

    fn io(&self) -> Step {
        match (self.end_io, self.blocks.is_empty()) {
            (None, false) => Step::RunBio,
            // The reference of the I/O goes with its completion, or, if there is nothing to read, here.
            (Some(_), true) => Step::EndAio,
            (Some(_), false) if self.locked => Step::Done,
            _ => Step::EndIo,
        }
    }

    fn bio(&self) -> Bio {
        Bio::Read { returned: self.returned }
    }

    fn end(&mut self) -> Step {
        if !self.repeat {
            return Step::Done;
        }
        self.locked = false;
        self.past_end = false;
        self.returned = 0;
        self.blocks.clear();
        self.first()
    }
}

impl Task for DirectRead {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::Count => Op::DioBegin(self.task),
            Step::CountLocked | Step::CountAio => Op::DioBegin(self.counted_for()),
            Step::EndAio => Op::DioEnd(self.counted_for()),
            Step::Barrier => Op::SmpMb,
            Step::TestGate => Op::GateTest,
            Step::Uncount | Step::EndIo => Op::DioEnd(self.task),
            Step::TakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
            Step::ReadSize | Step::ReadLimit => Op::SizeRead,
            Step::Map(map) => return map.next(),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::Submit => {
                let (range, blocks) = (self.range, self.blocks.clone());
                let submission = Submission { range, blocks, bio: self.bio(), unwritten: false };
                Op::Submit(self.end_io?, submission)
            }
            Step::RunBio => Op::Bio(self.blocks.clone(), self.bio()),
            Step::Done => return None,
        })
    }

    fn resume(&mut self, outcome: Outcome) {
        self.step = match &mut self.step {
            Step::Count if !self.kernel.has(Fix::Gate) => self.counted(),
            Step::Count if self.kernel.has(Fix::ReaderBarrier) => Step::Barrier,
            Step::Count | Step::Barrier => Step::TestGate,
            Step::TestGate if outcome == Outcome::Flag(true) => Step::Uncount,
            Step::TestGate => self.counted(),
            Step::Uncount => Step::TakeImutex,
            Step::TakeImutex => {
                self.locked = true;
                Step::CountLocked
            }
            Step::CountLocked => self.counted(),
            Step::CountAio => Step::ReadLimit,
            Step::ReadSize => {
                let size = if let Outcome::Value(size) = outcome { size } else { 0 };
                self.past_end = self.range.start >= size;
                match (self.late_size, self.past_end) {
                    (false, true) => self.end(),
                    (false, false) => self.count(),
                    (true, true) => self.mapped(),
                    (true, false) => self.map(),
                }
            }
            Step::ReadLimit => {
                self.limit = if let Outcome::Value(size) = outcome { size } else { 0 };
                self.map()
            }
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default().to_vec();
                self.found(&found)
            }
            Step::Submit => self.mapped(),
            Step::DropImutex => self.io(),
            Step::EndAio if self.locked => Step::Done,
            Step::RunBio | Step::EndAio => Step::EndIo,
            Step::EndIo => self.end(),
            Step::Done => Step::Done,
        };
    }

    fn place(&self) -> Place {
        let (step, kernel) = match &self.step {
            Step::Map(map) => return map.place(),
            Step::Count => ("Count", "ext4_ind_direct_IO"),
            Step::Barrier => ("Barrier", "ext4_ind_direct_IO"),
            Step::TestGate => ("TestGate", "ext4_ind_direct_IO"),
            Step::Uncount => ("Uncount", "ext4_ind_direct_IO"),
            Step::TakeImutex => ("TakeImutex", "do_blockdev_direct_IO"),
            Step::CountLocked => ("CountLocked", "do_blockdev_direct_IO"),
            Step::CountAio => ("CountAio", "do_blockdev_direct_IO"),
            Step::ReadSize => ("ReadSize", "generic_file_aio_read"),
            Step::ReadLimit => ("ReadLimit", "do_blockdev_direct_IO"),
            Step::Submit => ("Submit", "do_blockdev_direct_IO"),
            Step::EndAio => ("EndAio", "dio_complete"),
            Step::DropImutex => ("DropImutex", "do_blockdev_direct_IO"),
            Step::RunBio => ("RunBio", "do_blockdev_direct_IO"),
            Step::EndIo => ("EndIo", "inode_dio_done"),
            Step::Done => ("Done", "ext4_ind_direct_IO"),
        };
        Place { step, kernel }
    }
}
