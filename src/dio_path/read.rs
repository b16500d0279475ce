//! `ext4_ind_direct_IO` for reading: the dioread_nolock read.

use super::dio_read_iter::within;
use crate::extent_probe::{DataSemHeld, MapBlocks};
use crate::kernel::{Fix, Kernel};
use crate::op::LockName::IMutex;
use crate::op::Mode::Exclusive;
use crate::op::{Bio, Extent, MapFor, Mapped, Op, PhysicalBlock, Size, Span, Submission, TaskId};
use crate::page_cache::{EndPageIo, WritePages};
use crate::task::steps;

steps! {
    /// A direct read: without `i_mutex` under dioread_nolock while the gate is open.
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
    /// Under `i_mutex` cached pages are written back once more (`do_blockdev_direct_IO`, DIO_LOCKING). In v3.6 nothing is
    /// to be converted of that: without dioread_nolock writeback allocates written blocks.
    /// The nested references of an unlocked read are one; an asynchronous one has both, as the inner one
    /// outlives the call. v3.6 has the inner one only (`do_blockdev_direct_IO`); that its submitter holds one too
    /// until the I/O is on its way, nobody can tell. Who completes an asynchronous read, its submitter or the
    /// interrupt, nobody can tell. What v3.6 has written back its worker converts before the read goes on: the flush
    /// of completed I/O before an unlocked read, dccaf33fa37a, waits for that.
    ///
    /// # Left out
    /// The pages that the buffered rest of another's short write brings in meanwhile. That flush of what others
    /// have completed, the buffered read of what a short direct one has left; that i_size is read again at each
    /// block that is not mapped.
    pub struct DirectRead {
        late_size: bool,
        repeat: bool,
        end_io: Option<TaskId>,
        /// How cached pages are written back, where there may be some.
        write_back: Option<Box<WritePages>>,
        /// What v3.6 has yet to convert of that.
        workers: Vec<EndPageIo>,
        locked: bool,
        blocks: Vec<PhysicalBlock>,
        past_end: bool,
        /// i_size after the count.
        limit: Size,
        returned: Size,
    }
    /// A read of `span`. `unlocked`: the mount has dioread_nolock. `repeat`: it starts over for
    /// ever.
    pub fn new(task: TaskId, span: Span, kernel: Kernel, unlocked: bool);
    in "ext4_ind_direct_IO" => Step / At |self, outcome|;

    ReadSize in "generic_file_aio_read" "i_size_read" if !self.late_size => Op::SizeRead
        => self.read_past(outcome.size()).then(|| self.end());
    LookForPages in "filemap_write_and_wait_range" "nrpages" if self.write_back.is_some()
        => Op::PagesRead(self.kernel.paging.all())
        => (outcome.number() == 0).then_some(Step::Count);
    WriteBack(write: Option<Box<WritePages>>) "filemap_write_and_wait_range" => self.write_back.clone()
        => self.workers = write.map(|write| write.workers()).unwrap_or_default();
    Worker(worker: Option<EndPageIo>) if !self.workers.is_empty() => self.workers.pop() => Step::Worker;
    Count "atomic_inc(i_dio_count)" if self.unlocked => Op::DioBegin(self.task);
    Barrier "smp_mb" if self.looks_at_gate() && self.kernel.has(Fix::ReaderBarrier)
        => Op::SmpMb;
    TestGate "test DIOREAD_LOCK" if self.looks_at_gate() => Op::GateTest
        => outcome.no().then_some(Step::CountAio);
    Uncount "inode_dio_done (gate closed)" if self.looks_at_gate() => Op::DioEnd(self.task);
    TakeImutex in "do_blockdev_direct_IO" "mutex_lock(i_mutex)" if self.takes_imutex()
        => Op::Lock(IMutex, Exclusive) => self.locked = true;
    LookLocked in "do_blockdev_direct_IO" "filemap_write_and_wait_range: nrpages"
        if self.locked && self.write_back.is_some() => Op::PagesRead(self.kernel.paging.all())
        => (outcome.number() == 0).then_some(Step::CountLocked);
    WriteLocked(write: Option<Box<WritePages>>) "filemap_write_and_wait_range" if self.locked
        => self.write_back.clone();
    CountLocked in "do_blockdev_direct_IO" "atomic_inc(i_dio_count)" if self.locked
        => Op::DioBegin(self.counted_for());
    CountAio in "do_blockdev_direct_IO" "atomic_inc (unlocked, aio)" if self.counts_aio()
        => Op::DioBegin(self.counted_for());
    LateSize(late: LateSize) if self.late_size => LateSize { size: Size::default(), step: Late::Done }.begin()
        => if self.read_past(late.size) { Step::DropImutex } else { Step::Map };
    ReadLimit in "do_blockdev_direct_IO" "dio->i_size = i_size_read" => Op::SizeRead => self.limit = outcome.size();
    Map(map: MapBlocks) "ext4_get_block" => MapBlocks::look_up(self.span.range(), MapFor::Io, DataSemHeld::No)
        => self.found(map.found().unwrap_or_default());
    Submit in "do_blockdev_direct_IO" "dio_bio_submit" if self.end_io.is_some() && !self.blocks.is_empty()
        => Op::Submit(self.end_io?, self.submission());
    DropImutex in "do_blockdev_direct_IO" "mutex_unlock(i_mutex)" if self.locked => Op::Unlock(IMutex, Exclusive);
    RunBio in "do_blockdev_direct_IO" "dio_await_completion" if self.end_io.is_none() && !self.blocks.is_empty()
        => Op::Bio(self.blocks.clone(), self.bio());
    EndAio in "dio_complete" "inode_dio_done (nothing to read)" if self.end_io.is_some() && self.blocks.is_empty()
        => Op::DioEnd(self.counted_for());
    EndIo in "inode_dio_done" if self.end_io.is_none() || !self.locked => Op::DioEnd(self.task) => self.end();
}

steps! {
    /// The look at i_size that comes after the count.
    struct LateSize { size: Size }
    in "generic_file_aio_read" => LateStep / Late |self, outcome|;

    ReadSize "i_size_read" => Op::SizeRead => self.size = outcome.size();
}

impl DirectRead {
    /// The same, on a file that may have cached pages, which it writes back first.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> DirectRead {
        let write_back = write_back.of(self.span.range()).and_wait();
        DirectRead { write_back: Some(Box::new(write_back)), ..self }
    }

    /// The same, completed by that task.
    #[must_use]
    pub fn completed_by(self, end_io: Option<TaskId>) -> DirectRead {
        DirectRead { end_io, ..self }
    }

    /// Reads i_size only after it has raised the count.
    #[must_use]
    pub fn late_size(self) -> DirectRead {
        DirectRead { late_size: true, ..self }.begin()
    }

    /// Starts over for ever.
    #[must_use]
    pub fn repeat(self) -> DirectRead {
        DirectRead { repeat: true, ..self }
    }

    /// Whether it starts over for ever.
    pub fn repeats(&self) -> bool {
        self.repeat
    }

    /// Its completion, if it is asynchronous.
    pub fn end_io(&self) -> Option<TaskId> {
        self.end_io
    }

    /// What it returned, with the early look at i_size.
    pub fn returned(&self) -> Span {
        self.span.below(if self.past_end { Size::default() } else { self.limit })
    }

    fn read_past(&mut self, size: Size) -> bool {
        self.past_end = self.span.start >= size;
        self.past_end
    }

    fn looks_at_gate(&self) -> bool {
        self.unlocked && self.kernel.has(Fix::Gate)
    }

    fn takes_imutex(&self) -> bool {
        !self.unlocked || self.looks_at_gate()
    }

    fn counts_aio(&self) -> bool {
        self.end_io.is_some() && !self.locked && !self.late_size
    }

    /// Whose reference the one is that the I/O itself needs: it goes with its completion, or, if there is
    /// nothing to read, with the call.
    fn counted_for(&self) -> TaskId {
        self.end_io.unwrap_or(self.task)
    }

    fn found(&mut self, found: &[Mapped]) {
        let mapped = |m: &Mapped| m.block.filter(|_| m.extent == Extent::Written);
        let limit = if self.late_size { Size::MAX } else { self.limit };
        let mut read = Vec::new();
        for (at, m) in self.span.blocks().zip(found) {
            match mapped(m) {
                Some(block) => read.push((at, block)),
                None if at >= limit.up() => break,
                None => {}
            }
        }
        self.returned = within(&read, limit);
        self.blocks = read.into_iter().map(|(_, block)| block).collect();
    }

    fn bio(&self) -> Bio {
        Bio::Read { returned: self.returned }
    }

    fn submission(&self) -> Submission {
        let (span, blocks) = (self.span, self.blocks.clone());
        Submission { span, blocks, bio: self.bio(), unwritten: false, works: false }
    }

    fn end(&mut self) -> Step {
        if !self.repeat {
            return Step::Done;
        }
        (self.locked, self.past_end, self.returned) = Default::default();
        self.blocks.clear();
        Step::ReadSize
    }
}
