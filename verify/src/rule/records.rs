//! What the rules remember: a record for each task, and one for each shared object.

use super::answers::Answers;
use diolock::op::{
    Blocks, LockName, LogicalBlock, Mode, PhysicalBlock, Range, Size, TaskId, Tasks,
};
use smallvec::SmallVec;

/// A set of small numbers: tasks, or blocks of the device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Set(u128);

impl Set {
    fn bit(member: u32) -> u128 {
        1_u128.checked_shl(member).expect("a program has at most 128 tasks and device blocks")
    }
    pub(super) fn add(&mut self, member: impl Into<u32>) {
        self.0 |= Set::bit(member.into());
    }
    pub(super) fn remove(&mut self, member: impl Into<u32>) {
        self.0 &= !Set::bit(member.into());
    }
    pub(super) fn has(self, member: impl Into<u32>) -> bool {
        self.0 & Set::bit(member.into()) != 0
    }
    pub(super) fn join(&mut self, other: Set) {
        self.0 |= other.0;
    }
    pub(super) fn less(self, other: Set) -> Set {
        Set(self.0 & !other.0)
    }
    pub(super) fn first(self) -> Option<u32> {
        (self.0 != 0).then(|| self.0.trailing_zeros())
    }
}

/// Halves of blocks of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Halves(u64);

impl Halves {
    /// All below that place.
    pub(super) fn below(end: Size) -> Halves {
        Halves(1_u64.checked_shl(end.in_halves()).map_or(u64::MAX, |bit| bit - 1))
    }
    /// All from that place on.
    pub(super) fn from(start: Size) -> Halves {
        Halves(!Halves::below(start).0)
    }
    /// Those of these blocks.
    pub(super) fn of_range(range: Range) -> Halves {
        Halves::from(Size::blocks(range.start)).and(Halves::below(Size::blocks(range.end())))
    }
    /// Those of a block with these places in a pair.
    pub(super) fn within(block: LogicalBlock, halves: std::ops::Range<usize>) -> Halves {
        let mut found = Halves::default();
        halves.for_each(|half| found.join(Halves::of(block, Some(half))));
        found
    }
    /// Both halves of a block, or the one with that index.
    pub(super) fn of(block: LogicalBlock, half: Option<usize>) -> Halves {
        let both = Halves::of_range(Range { start: block, len: 1 });
        match half {
            None => both,
            Some(0) => Halves(both.0 & 0x5555_5555_5555_5555),
            Some(_) => Halves(both.0 & 0xaaaa_aaaa_aaaa_aaaa),
        }
    }
    pub(super) fn and(self, other: Halves) -> Halves {
        Halves(self.0 & other.0)
    }
    pub(super) fn less(self, other: Halves) -> Halves {
        Halves(self.0 & !other.0)
    }
    pub(super) fn join(&mut self, other: Halves) {
        self.0 |= other.0;
    }
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Whether half of that block or both are of them.
    pub(super) fn has(self, block: LogicalBlock) -> bool {
        !self.and(Halves::of(block, None)).is_empty()
    }
}

/// What the rules remember of one task: what it did and what it was told.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct TaskRecord {
    pub(super) held: Vec<(LockName, Mode)>,
    pub(super) handles: u8,
    pub(super) time_handle: bool,
    /// References to i_dio_count that it is to drop or to hand on, each with the task whose I/O it is for.
    pub(super) references: Tasks,
    /// It has taken a reference, for itself or its completion.
    pub(super) counted: bool,
    /// It is the system call, not a completion.
    pub(super) submits: bool,
    /// It decided that it is an overwrite.
    pub(super) overwrite: bool,
    /// Overwrites that had dropped the inode's lock without a reference when this task took it.
    pub(super) uncounted: Set,
    /// Tasks whose I/O had ended when this one drained, as long as it keeps the inode's lock.
    pub(super) drained: Set,
    /// The blocks that its lookups for I/O found, or that it was submitted with, as long as nothing was
    /// written there.
    pub(super) mapped: Vec<(LogicalBlock, PhysicalBlock)>,
    /// Of these the unwritten ones.
    pub(super) unwritten: Set,
    /// It was submitted: I/O of its own is in flight to these blocks.
    pub(super) flying: SmallVec<[PhysicalBlock; 4]>,
    /// One past the last block of the range that it maps for its I/O.
    pub(super) mapped_to: Blocks,
    /// Where what it wrote to the device ends.
    pub(super) wrote_to: Size,
    /// Where in the file it put data, on the device or in a page.
    pub(super) wrote: Halves,
    /// It writes pages back, through no count of direct I/O.
    pub(super) writes_back: bool,
    /// Tasks whose buffered io_ends it took off the list.
    pub(super) buffered: Set,
    /// Unwritten blocks that it wrote a page to under the page's lock.
    pub(super) wrote_back: Set,
    /// Such blocks of others, that it waited for.
    pub(super) awaits: Set,
    /// Its `aio_complete` let go of a file that was closed already: the inode may be gone.
    pub(super) let_go: bool,
    /// i_size, as it last read it.
    pub(super) size_seen: Size,
    /// i_size, as it last read or wrote it.
    pub(super) size_known: Size,
    /// The same, if it has read it.
    pub(super) size_looked: Option<Size>,
    /// Where the file ended for it when it took a page to write it back.
    pub(super) page_end: Option<Size>,
    /// What i_size vouched for when it last read it.
    pub(super) vouched: Halves,
    /// Where the extent tree had lost data when it last looked.
    pub(super) holes: Halves,
    /// The same, when the pages were filled that it found.
    pub(super) page_holes: Halves,
    /// How deep the extent tree was when it last looked without a handle.
    pub(super) credits_for: Option<Blocks>,
    /// It has flushed what it wrote.
    pub(super) synced: bool,
    /// It has converted extents.
    pub(super) converted: bool,
    /// It runs in interrupt.
    pub(super) interrupt: bool,
    /// It has dropped the pages, or seen that there are none, and kept out all that bring some in since.
    pub(super) pages_gone: bool,
    /// It has closed the gate.
    pub(super) gate: bool,
    /// Calls of it that are over, of a thread.
    pub(super) calls: u8,
    /// What conditions ask for; no rule of events can see into it.
    pub(super) told: Answers,
}

impl TaskRecord {
    /// That of the task's next call: what it holds, where it put data and what it was told stays.
    pub(super) fn next_call(&self) -> TaskRecord {
        TaskRecord {
            held: self.held.clone(),
            handles: self.handles,
            references: self.references.clone(),
            gate: self.gate,
            wrote: self.wrote,
            wrote_to: self.wrote_to,
            calls: self.calls + 1,
            told: self.told.clone(),
            ..TaskRecord::default()
        }
    }

    pub(super) fn holds(&self, lock: LockName, mode: Mode) -> bool {
        self.held.iter().any(|h| h.0 == lock && (h.1 == Mode::Exclusive || mode == Mode::Shared))
    }

    pub(super) fn holds_inode_lock(&self, mode: Mode) -> bool {
        self.holds(LockName::IMutex, mode) || self.holds(LockName::IRwsem, mode)
    }

    /// Whether it holds the lock of a page.
    pub(super) fn holds_page(&self) -> bool {
        self.held.iter().any(|held| matches!(held.0, LockName::PageLock(_)))
    }

    /// The references for that task's I/O; they are somebody else's from now on.
    pub(super) fn hand_on(&mut self, of: TaskId) -> Tasks {
        let (handed, kept) = std::mem::take(&mut self.references)
            .into_iter()
            .partition(|&reference| reference == of);
        self.references = kept;
        handed
    }
}

/// `i_size`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct SizeRecord {
    pub(super) value: Size,
    pub(super) touched: bool,
    /// What it vouches for: data that was there at the start, or that whoever raised it had put there.
    pub(super) backed: Halves,
    /// What it has been below of.
    pub(super) cut: Halves,
}

/// `i_disksize`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct DisksizeRecord {
    pub(super) value: Size,
    pub(super) touched: bool,
    /// What a change that did not raise it, a truncate's, left out, and none has covered since.
    pub(super) cut: Halves,
}

/// `i_dio_count`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct DioCountRecord {
    /// References for the I/O of each task, by task.
    pub(super) references: SmallVec<[i8; 16]>,
    /// Tasks that have begun I/O.
    pub(super) begun: Set,
    /// Tasks whose I/O has ended.
    pub(super) ended: Set,
}

/// The extent tree.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct ExtentsRecord {
    /// Blocks of the device that have been written ones.
    pub(super) written: Set,
    /// Blocks that were converted, each with the task whose I/O had been there.
    pub(super) converted: Vec<(PhysicalBlock, TaskId)>,
    /// Blocks of the device that were taken out of it.
    pub(super) freed: Set,
    /// Where in the file data has been taken away, or moved from or to.
    pub(super) holes: Halves,
}

/// A lock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct LockRecord {
    /// The inode's: overwrites that dropped it without a reference.
    pub(super) uncounted: Set,
    /// A page's: unwritten blocks that the page was written to.
    pub(super) wrote_back: Set,
}

/// A block of the device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct BlockRecord {
    pub(super) freed: bool,
    /// Whose data each half holds, if a write put some there.
    pub(super) data: [Option<TaskId>; 2],
}

/// The io_end of a completion.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct IoEndRecord {
    /// The completion has taken it out of iocb->private.
    pub(super) taken: bool,
    /// References to i_dio_count that go with it to whoever drops it last.
    pub(super) references: u8,
}

/// A page of the cache.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct PageRecord {
    /// It is there.
    pub(super) there: bool,
    /// Where who filled it knew of data taken away.
    pub(super) holes: Halves,
}

/// The dio of an asynchronous write: what whoever drops it first leaves to the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct DioRecord {
    /// References to i_dio_count.
    pub(super) references: u8,
    /// Where in the file it put data.
    pub(super) wrote: Halves,
}

/// A block of a cached page.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct PageDataRecord {
    /// Which halves were zeroed, the page staying.
    pub(super) cut: [bool; 2],
}
