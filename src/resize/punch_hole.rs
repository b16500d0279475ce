//! Punch hole: under `i_mutex` or under nothing up to v3.11, under `i_rwsem` from v4.10 on.

use super::alloc_blocks::has_gate;
use super::disksize_before_punch::DisksizeBeforePunch;
use super::fallocate::{FallocateFirst, stamps_time, waits_first};
use super::setattr::locks_faults_out;
use crate::kernel::{Fix, Kernel, Version};
use crate::op::LockName::{self, IDataSem, IMutex, IRwsem};
use crate::op::Mode::Exclusive;
use crate::op::{Fault, Handle, Op, Size, Span};
use crate::page_cache::{
    EndPageIo, FlushCompleted, TruncatePages, WritePages, ZeroPartialBlocks, zeroes_first,
};
use crate::task::steps;

steps! {
    /// `ext4_ext_punch_hole`, from v3.10 on `ext4_punch_hole`.
    ///
    /// # Kernel
    /// fs/ext4/extents.c, read in v3.6 and v3.7.2; `ext4_punch_hole` (fs/ext4/inode.c) in v3.11.
    /// `ext4_punch_hole` (fs/ext4/inode.c) of v3.6 and v3.7.2 refuses files without extents; `ext4_ind_punch_hole`
    /// is in none of the trees read, and derived from the message of 26a4c0c6ccec.
    ///
    /// # Modelled
    /// v3.11 flushes nothing: its drain waits for the conversions too. v3.6 takes no `i_mutex` and waits for nothing
    /// but I/O that is on the completed list. `indirect` is the path of files without extents before 26a4c0c6ccec:
    /// `i_mutex`, no gate, no drain. It came after v3.7 (v3.9, from memory), so only kernels from v3.11 on, with or
    /// without that fix, say something about it.
    ///
    /// Up to v3.7 only whole pages leave the cache before the drain; of a page that is punched in part the hole is
    /// zeroed inside the handle. v3.11 does both before the drain. A punch that gets no handle (`failing`) opens
    /// the gate, lets `i_mutex` go and leaves the blocks; whole pages have left the cache by then.
    ///
    /// # Left out
    /// The flags that are checked again under `i_mutex`; up to v3.7 that the page which the file ends in is zeroed
    /// behind i_size.
    pub struct PunchHole { fails: bool, write_back: Option<Box<WritePages>>, workers: Vec<EndPageIo> }
    /// Punches `span` out of the file, which is mapped by `indirect` blocks or by extents.
    pub fn new(span: Span, kernel: Kernel, indirect: bool);
    in if self.apart() { "ext4_ind_punch_hole" } else { "ext4_ext_punch_hole" } => Step / At |self, outcome|;

    WriteBack(pages: Option<Box<WritePages>>) if self.locks() => self.write_back.take() => self.written(pages);
    TakeImutex "mutex_lock(i_mutex)" if self.locks() => Op::Lock(IMutex, Exclusive);
    ReadSize "inode->i_size" => Op::SizeRead
        => self.looked(outcome.size());
    WriteBackLate(pages: Option<Box<WritePages>>) if !self.locks() => self.write_back.take() => self.written(pages);
    DropPages(pages: Option<TruncatePages>) if self.frees() => self.pages()[0];
    CloseGate "ext4_inode_block_unlocked_dio: set_bit" if self.waits() => Op::GateClose;
    GateBarrier "ext4_inode_block_unlocked_dio: smp_mb" if self.waits() && self.kernel.has(Fix::CloserBarrier)
        => Op::SmpMb;
    Flush(flush: FlushCompleted) if self.flushes() => FlushCompleted::new(self.kernel, None, true);
    WaitUnwritten "ext4_flush_unwritten_io: i_unwritten == 0" if self.flushes() && self.kernel.has(Fix::FlushWaits)
        => Op::UnwrittenWait;
    Drain "inode_dio_wait" if self.waits() => Op::DioWait;
    StartHandle "ext4_journal_start" if !self.fails => Op::JournalStart(Handle::Extents);
    ZeroPage(pages: Option<TruncatePages>) if !self.fails && self.frees() => self.pages()[1];
    ZeroPartial(zero: ZeroPartialBlocks) if !self.fails => ZeroPartialBlocks::new(self.span, self.kernel);
    TakeDataSem "down_write(i_data_sem)" if !self.fails && self.frees() => Op::Lock(IDataSem, Exclusive);
    Free "ext4_ext_remove_space, ext4_free_hole_blocks" if !self.fails && self.frees()
        => Op::FreeRange(self.span.whole());
    DropDataSem "up_write(i_data_sem)" if !self.fails && self.frees() => Op::Unlock(IDataSem, Exclusive);
    StopHandle "ext4_journal_stop" if !self.fails => Op::JournalStop(Handle::Extents);
    OpenGate "ext4_inode_resume_unlocked_dio" if self.waits() => Op::GateOpen;
    DropImutex "mutex_unlock(i_mutex)" if self.locks() => Op::Unlock(IMutex, Exclusive);
    Worker(worker: Option<EndPageIo>) if !self.workers.is_empty() => self.workers.pop() => Step::Worker;
}

impl PunchHole {
    /// The same, but it gets no handle.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> PunchHole {
        PunchHole { fails: fault.is_some(), ..self }
    }

    /// The same, but it writes dirty pages back first, as the kernel does.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> PunchHole {
        let write_back = write_back.of(self.span.range()).and_wait();
        PunchHole { write_back: Some(Box::new(write_back)), ..self }.begin()
    }

    /// A hole that begins where the file is over is nothing to punch; one that reaches past it ends with a block.
    fn looked(&mut self, size: Size) -> Option<Step> {
        self.span = cut_off(self.span, size, self.kernel);
        (self.span.start >= size).then_some(Step::DropImutex)
    }

    /// Whether there are blocks in it as a whole.
    fn frees(&self) -> bool {
        self.span.whole().len > 0
    }

    fn written(&mut self, pages: Option<Box<WritePages>>) {
        self.workers = pages.map(|pages| pages.workers()).unwrap_or_default();
    }

    /// Whether a file without extents has a function of its own.
    fn apart(&self) -> bool {
        self.indirect && !self.kernel.has(Fix::OnePunchHole)
    }

    /// v3.6 looks at i_size once, under no lock, and before it writes pages back.
    fn locks(&self) -> bool {
        self.indirect || self.kernel.has(Fix::PunchWaits)
    }

    fn waits(&self) -> bool {
        self.kernel.has(Fix::PunchWaits) && !self.apart()
    }

    fn flushes(&self) -> bool {
        if self.waits() { self.kernel.version < Version::V3_11 } else { !self.indirect }
    }

    /// What it drops before it drains, and what it zeros later: up to v3.7 the pages of which the hole leaves part.
    fn pages(&self) -> [Option<TruncatePages>; 2] {
        if self.kernel.version < Version::V3_11 {
            return TruncatePages::apart(self.span.whole(), self.kernel);
        }
        [Some(TruncatePages::new(self.span.whole(), self.kernel)), None]
    }
}

/// Where a hole ends that reaches past the end of the file: with the page behind i_size (v3.6.5 to v6.12), with the page
/// of it (v6.18.2, v6.12.117), or with its block (v7.0.0, v7.1.5; one that ends at i_size, too).
fn cut_off(span: Span, size: Size, kernel: Kernel) -> Span {
    let page = kernel.paging.blocks();
    let end = match kernel.version {
        version if version >= Version::V7_0 && span.end >= size => size.up(),
        version if version >= Version::V7_0 || span.end <= size => return span,
        version if version >= Version::V6_18 => size.up().next_multiple_of(page),
        _ => (size.down() / page + 1) * page,
    };
    Span { end: Size::blocks(end), ..span }
}

steps! {
    /// `ext4_punch_hole`.
    ///
    /// # Kernel
    /// Read in v4.10.17, v5.4.18, v5.10.44, v6.1-rc7, v6.1.141, v6.1.192, v6.12, v6.18.2, v7.0.0 and v7.1.5. v6.12
    /// writes back before it takes the lock, 6.12.117 does not.
    ///
    /// # Modelled
    /// A hole at or past i_size is nothing to punch. In
    /// v4.10 the gate stays closed to the end, though no reader looks at it. On an error (no handle, or
    /// `ext4_ext_remove_space` must split an extent and finds no block) the pages are gone and the blocks
    /// stay.
    pub struct PunchHoleRwsem { fault: Option<Fault>, write_back: Option<Box<WritePages>> }
    /// Punches `span` out of the file.
    pub fn new(span: Span, kernel: Kernel);
    in "ext4_punch_hole" => Punch / PunchAt |self, outcome|;

    WriteBack(pages: Option<Box<WritePages>>) if !self.kernel.has(Fix::PunchWritesNothing) => self.write_back.take();
    TakeRwsem "inode_lock" => Op::Lock(IRwsem, Exclusive);
    First(first: FallocateFirst) if waits_first(self.kernel) => FallocateFirst::new(true, self.kernel);
    ReadSize "inode->i_size" => Op::SizeRead => self.looked(outcome.size());
    CloseGate "ext4_inode_block_unlocked_dio" if has_gate(self.kernel) => Op::GateClose;
    Drain "inode_dio_wait" if self.kernel.has(Fix::PunchDrains) => Op::DioWait;
    StartTime "file_modified: ext4_journal_start" if stamps_time(self.kernel) => Op::JournalStart(Handle::Time);
    StopTime "file_modified: ext4_journal_stop" if stamps_time(self.kernel) => Op::JournalStop(Handle::Time);
    TakeMmap "filemap_invalidate_lock (to v5.10 i_mmap_sem)"
        if locks_faults_out(self.kernel) && !waits_first(self.kernel)
        => Op::Lock(LockName::against_faults(self.kernel), Exclusive);
    Disksize(disksize: DisksizeBeforePunch) if self.takes_blocks() || waits_first(self.kernel)
        => DisksizeBeforePunch::new(self.span, self.kernel);
    DropPages(pages: TruncatePages) if self.takes_blocks() => TruncatePages::new(self.span.whole(), self.kernel);
    ZeroFirst(zero: ZeroPartialBlocks) if zeroes_first(self.kernel) => ZeroPartialBlocks::new(self.span, self.kernel);
    StartHandle "ext4_journal_start" if self.has_handle() => Op::JournalStart(Handle::Extents);
    ZeroPartial(zero: ZeroPartialBlocks) if self.has_handle() && !zeroes_first(self.kernel) => ZeroPartialBlocks::new(self.span, self.kernel);
    TakeDataSem "down_write(i_data_sem)" if self.frees() => Op::Lock(IDataSem, Exclusive);
    Free "ext4_ext_remove_space" if self.frees() && self.fault.is_none() => Op::FreeRange(self.span.whole());
    DropDataSem "up_write(i_data_sem)" if self.frees() => Op::Unlock(IDataSem, Exclusive);
    StopHandle "ext4_journal_stop" if self.has_handle() => Op::JournalStop(Handle::Extents);
    DropMmap "filemap_invalidate_unlock" if locks_faults_out(self.kernel)
        => Op::Unlock(LockName::against_faults(self.kernel), Exclusive);
    OpenGate "ext4_inode_resume_unlocked_dio" if has_gate(self.kernel) => Op::GateOpen;
    DropRwsem "inode_unlock" => Op::Unlock(IRwsem, Exclusive);
}

impl PunchHoleRwsem {
    fn looked(&mut self, size: Size) -> Option<Punch> {
        let out = if waits_first(self.kernel) { Punch::DropMmap } else { Punch::DropRwsem };
        self.span = cut_off(self.span, size, self.kernel);
        (self.span.start >= size).then_some(out)
    }

    fn takes_blocks(&self) -> bool {
        self.span.whole().len > 0
    }

    fn has_handle(&self) -> bool {
        self.fault != Some(Fault::Enomem)
    }

    fn frees(&self) -> bool {
        self.takes_blocks() && self.has_handle()
    }

    /// The same, but it writes dirty pages back first, as the kernel does.
    #[must_use]
    pub fn writing_back(self, write_back: WritePages) -> PunchHoleRwsem {
        let write_back = write_back.of(self.span.range()).and_wait();
        PunchHoleRwsem { write_back: Some(Box::new(write_back)), ..self }.begin()
    }

    /// The same, but it gets no handle, or finds no block to split an extent with.
    #[must_use]
    pub fn failing(self, fault: Option<Fault>) -> PunchHoleRwsem {
        PunchHoleRwsem { fault, ..self }
    }
}
