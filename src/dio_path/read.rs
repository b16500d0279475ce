//! `ext4_ind_direct_IO` for reading: the dioread_nolock read.

use crate::extent_probe::{DataSemHeld, Extent, MapBlocks};
use crate::inode_lock::{LockName, Mode};
use crate::kernel::{Fix, Kernel};
use crate::op::{Bio, MapFor, Op, Outcome, PhysicalBlock, Range, TaskId};
use crate::task::{Place, Task};

/// A direct read: without `i_mutex` under dioread_nolock while the gate is open.
///
/// | step        | kernel (v3.7; v3.6 has no gate)                     | holds after          |
/// |-------------|-----------------------------------------------------|----------------------|
/// | Count       | ext4_ind_direct_IO: atomic_inc(i_dio_count)         |                      |
/// | Barrier     | ext4_ind_direct_IO: smp_mb                          |                      |
/// | TestGate    | ext4_ind_direct_IO: test DIOREAD_LOCK               |                      |
/// | Uncount     | ext4_ind_direct_IO: inode_dio_done (gate closed)    |                      |
/// | TakeImutex  | do_blockdev_direct_IO: mutex_lock(i_mutex)          | i_mutex (if locked)  |
/// | CountLocked | do_blockdev_direct_IO: atomic_inc(i_dio_count)      | i_mutex (if locked)  |
/// | ReadSize    | do_blockdev_direct_IO: i_size_read                  | i_mutex (if locked)  |
/// | Map         | ext4_get_block, see MapBlocks                       | i_mutex (if locked)  |
/// | DropImutex  | do_blockdev_direct_IO: mutex_unlock(i_mutex)        |                      |
/// | RunBio      | dio_await_completion                                |                      |
/// | EndIo       | inode_dio_done                                      |                      |
///
/// # Modelled
/// A read at or past i_size, as read *after* the count was raised, does no I/O. v3.6 and v3.7 read
/// i_size earlier still, in `generic_file_aio_read`, and here only to cut the result short; the
/// order modelled is that of 9fe55eea7e4b (v3.14). `stale_size` gives the older order: i_size first,
/// everything else after.
///
/// # Left out
/// The flush of completed I/O before an unlocked read (dccaf33fa37a), short reads.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DirectRead {
    task: TaskId,
    range: Range,
    kernel: Kernel,
    unlocked: bool,
    stale_size: bool,
    repeat: bool,
    locked: bool,
    step: Step,
    blocks: Vec<PhysicalBlock>,
    past_end: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Step {
    Count,
    Barrier,
    TestGate,
    Uncount,
    TakeImutex,
    CountLocked,
    ReadSize,
    Map(MapBlocks),
    DropImutex,
    RunBio,
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
            stale_size: false,
            repeat: false,
            locked: false,
            step: Step::Done,
            blocks: Vec::new(),
            past_end: false,
        };
        read.step = read.first();
        read
    }

    /// Reads i_size before it raises the count.
    #[must_use]
    pub fn stale_size(mut self) -> DirectRead {
        self.stale_size = true;
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
        match (self.stale_size, self.unlocked) {
            (true, _) => Step::ReadSize,
            (false, true) => Step::Count,
            (false, false) => Step::TakeImutex,
        }
    }

    fn counted(&self) -> Step {
        if self.stale_size { self.map() } else { Step::ReadSize }
    }

    fn map(&self) -> Step {
        Step::Map(MapBlocks::look_up(self.range, MapFor::Io, DataSemHeld::No))
    }

    fn mapped(&self) -> Step {
        match (self.locked, self.blocks.is_empty()) {
            (true, _) => Step::DropImutex,
            (false, true) => Step::EndIo,
            (false, false) => Step::RunBio,
        }
    }

    fn end(&mut self) -> Step {
        if !self.repeat {
            return Step::Done;
        }
        self.locked = false;
        self.past_end = false;
        self.blocks.clear();
        self.first()
    }
}

impl Task for DirectRead {
    fn next(&self) -> Option<Op> {
        Some(match &self.step {
            Step::Count | Step::CountLocked => Op::DioBegin(self.task),
            Step::Barrier => Op::SmpMb,
            Step::TestGate => Op::GateTest,
            Step::Uncount | Step::EndIo => Op::DioEnd(self.task),
            Step::TakeImutex => Op::Lock(LockName::IMutex, Mode::Exclusive),
            Step::ReadSize => Op::SizeRead,
            Step::Map(map) => return map.next(),
            Step::DropImutex => Op::Unlock(LockName::IMutex, Mode::Exclusive),
            Step::RunBio => Op::Bio(self.blocks.clone(), Bio::Read),
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
            Step::ReadSize => {
                let size = if let Outcome::Value(size) = outcome { size } else { 0 };
                self.past_end = self.range.start >= size;
                match (self.stale_size, self.past_end) {
                    (true, true) => self.end(),
                    (true, false) if self.unlocked => Step::Count,
                    (true, false) => Step::TakeImutex,
                    (false, true) => self.mapped(),
                    (false, false) => self.map(),
                }
            }
            Step::Map(map) => {
                map.resume(outcome);
                if map.next().is_some() {
                    return;
                }
                let found = map.found().unwrap_or_default();
                self.blocks = found
                    .iter()
                    .filter(|m| m.extent == Extent::Written)
                    .filter_map(|m| m.block)
                    .collect();
                self.mapped()
            }
            Step::DropImutex if self.blocks.is_empty() => Step::EndIo,
            Step::DropImutex => Step::RunBio,
            Step::RunBio => Step::EndIo,
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
            Step::ReadSize => ("ReadSize", "do_blockdev_direct_IO"),
            Step::DropImutex => ("DropImutex", "do_blockdev_direct_IO"),
            Step::RunBio => ("RunBio", "do_blockdev_direct_IO"),
            Step::EndIo => ("EndIo", "inode_dio_done"),
            Step::Done => ("Done", "ext4_ind_direct_IO"),
        };
        Place { step, kernel }
    }
}
