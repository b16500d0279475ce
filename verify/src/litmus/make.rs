//! The calls of a litmus file made into tasks, and the file that they begin with.

use super::{CallSpec, Litmus};
use diolock::call::{Call, Mount};
use diolock::dio_path::{Write, WriteFlags};
use diolock::inode::Inode;
use diolock::inode_lock::{Commit, InodeDioDone, InodeDioWait};
use diolock::kernel::Kernel;
use diolock::op::{Caller, Range, Span, TaskId};
use diolock::page_cache::{
    Append, EndBio, FilemapFault, FilemapRead, PageFault, Reclaim, VmMmap, WbDisksize,
};
use diolock::resize::{
    AllocFileBlocks, EvictInode, ExtFallocate, MoveExtents, WriteThatEvicts, ZeroRange,
};
use diolock::task::Task;

/// As many steps takes no call that nobody meets.
const MAX_STEPS_ALONE: usize = 10_000;

/// What a call needs to know of the others.
#[derive(Clone)]
pub(super) struct Making<'a> {
    litmus: &'a Litmus,
    kernel: Kernel,
    mount: Mount,
    /// The asynchronous calls, in the order of their completions.
    asynchronous: Vec<Caller>,
    /// There may be cached pages.
    pages: bool,
    /// `cur_aio_dio` is followed.
    slot: bool,
    /// The file is evicted.
    evicts: bool,
    /// Pages may leave the cache unless a reader keeps them.
    counted: bool,
}

impl Making<'_> {
    pub(super) fn of(litmus: &Litmus, kernel: Kernel, slot: bool) -> Making<'_> {
        let kernel = kernel.with_pages(litmus.paging);
        let calls = || litmus.calls_made().chain(&litmus.setup);
        Making {
            litmus,
            kernel,
            mount: Mount { dioread_nolock: litmus.dioread_nolock, journal: litmus.journal },
            asynchronous: litmus.asynchronous(),
            pages: litmus.cached_pages > 0 || calls().any(CallSpec::brings_pages),
            slot,
            evicts: calls().any(|call| matches!(call, CallSpec::Evict)),
            counted: litmus.calls_made().any(CallSpec::takes_unused_pages),
        }
    }

    /// The task that completes an asynchronous call: they come after those that are written down.
    fn completion(&self, of: Caller) -> TaskId {
        let at = self.asynchronous.iter().position(|&known| known == of).unwrap_or(0);
        (self.litmus.tasks.len() + at) as TaskId
    }

    fn plain(&self, task: TaskId, end_io: TaskId, range: Range) -> Write {
        let (span, append) = (Span::of(range, None), false);
        let (fault, pins) = (None, false);
        Write { task, end_io: Some(end_io), span, append, fault, pins, slot: self.slot }
    }

    /// A call, and its completion.
    pub(super) fn call(&self, by: Caller, spec: CallSpec) -> (Call, Option<Call>) {
        let task = by.task;
        let (kernel, mount) = (self.kernel, self.mount);
        let mut completion = None;
        let call = match spec {
            CallSpec::Pwrite { span, append, aio, fault, flags, pins } => {
                let end_io = aio.then(|| self.completion(by));
                if let Some(end_io) = end_io {
                    completion = Some(Call::completion(end_io, flags, kernel));
                }
                let write = Write { task, end_io, span, append, fault, pins, slot: self.slot };
                Call::pwrite(write, flags, kernel, mount)
            }
            CallSpec::Pread { range, late_size, repeat } => {
                match Call::pread(task, None, Span::of(range, None), kernel, (mount, self.pages)) {
                    Call::Read(read) => {
                        let read = if late_size { read.late_size() } else { read };
                        Call::Read(if repeat { read.repeat() } else { read })
                    }
                    read => read,
                }
            }
            CallSpec::AioPread(range) => {
                let end_io = self.completion(by);
                completion = Some(Call::read_completion(end_io, kernel));
                Call::pread(task, Some(end_io), Span::of(range, None), kernel, (mount, self.pages))
            }
            CallSpec::Ftruncate { to, fault } => Call::ftruncate(to, fault, kernel, mount),
            CallSpec::Fault { range } => Call::Fault(FilemapFault::new(range, kernel)),
            CallSpec::WritePages => match Call::writepages(task, kernel, mount) {
                Call::WritePages(flusher) if self.evicts => Call::WritePages(flusher.syncing()),
                flusher => flusher,
            },
            CallSpec::Reclaim { writes } => Call::Reclaim(Reclaim::new(kernel, writes)),
            CallSpec::Fsync => Call::fsync(task, kernel, mount),
            CallSpec::PunchHole { span, indirect, fault } => {
                Call::punch_hole(task, span, fault, kernel, (mount, indirect))
            }
            CallSpec::MoveExtents { range } => {
                Call::MoveExtents(MoveExtents::new(range, kernel, mount.journal))
            }
            CallSpec::PageFault { range } => Call::PageFault(PageFault::new(range, kernel)),
            CallSpec::Mmap => Call::VmMmap(VmMmap::default()),
            CallSpec::Writeback { to } => {
                let of_page = self.litmus.cached_pages > 0;
                Call::WbDisksize(WbDisksize::new(to, kernel).of_page(of_page))
            }
            CallSpec::Uring { range, to } => {
                let end_io = self.completion(by);
                let write = self.plain(task, end_io, range);
                let (thread, work) = Call::uring(write, end_io, to, kernel, mount);
                completion = Some(work);
                thread
            }
            CallSpec::PwriteClose { range } => {
                let end_io = self.completion(by);
                let flags = WriteFlags::default();
                completion = Some(Call::completion(end_io, flags, kernel));
                let write = self.plain(task, end_io, range);
                Call::pwrite_close(write, flags, kernel, mount)
            }
            CallSpec::Write { span, append } => Call::buffered_write(span, append, kernel),
            CallSpec::Commit => Call::Commit(Commit::default()),
            CallSpec::DioWait(queue) => Call::DioWait(InodeDioWait::new(queue, kernel)),
            CallSpec::DioDone(queue) => Call::DioDone(InodeDioDone::new(task, queue, kernel)),
            CallSpec::Append(block) => Call::Append(Append::new(block, kernel)),
            CallSpec::Read(range) => {
                Call::BufferedRead(FilemapRead::new(range, kernel, self.counted))
            }
            CallSpec::Fallocate(range) => {
                Call::AllocFileBlocks(AllocFileBlocks::new(range, kernel))
            }
            CallSpec::Falloc { range, grows, fault } => {
                Call::ExtFallocate(ExtFallocate::new(range, grows, kernel).failing(fault))
            }
            CallSpec::ShiftRange { range, shift, fault } => {
                Call::shift_range(task, (range, shift), fault, kernel, mount)
            }
            CallSpec::ZeroRange { span, fault } => {
                Call::ZeroRange(ZeroRange::new(span, true, kernel).failing(fault))
            }
            CallSpec::EndBio(range) => Call::EndBio(EndBio::new(task, range, kernel)),
            CallSpec::Evict => Call::Evict(EvictInode::new(kernel)),
            CallSpec::WriteThatEvicts => Call::WriteThatEvicts(WriteThatEvicts::default()),
        };
        (call, completion)
    }

    /// The file that the tasks begin with: as it is written down, and then as the setup left it. (The setup runs on
    /// the kernel as it was released: what is tested is what the tasks do.)
    ///
    /// # Errors
    /// If the setup cannot be run by itself, in words.
    pub(super) fn start(&self, tasks: usize) -> Result<Inode, String> {
        let Litmus { size, extents, cached_pages, paging, disksize, .. } = self.litmus;
        let mut inode = Inode::new(*size, extents, (*cached_pages, *paging), tasks)
            .with_disksize(disksize.unwrap_or(*size));
        if self.litmus.dirty {
            inode = inode.with_dirty_pages(0);
        } else if let Some(disksize) = disksize.filter(|_| *cached_pages > 0) {
            // What i_disksize lags behind for is in the pages, and delayed.
            inode = inode.with_dirty_pages(disksize.down());
        }
        let released =
            Making { kernel: Kernel::new(self.kernel.version).with_pages(*paging), ..self.clone() };
        for &spec in &self.litmus.setup {
            let (call, _) = released.call(Caller::default(), spec);
            let wrong = |why| format!("{} {why} on {}", spec.text(), self.kernel.version.name());
            inode = after(inode, call).map_err(wrong)?;
        }
        Ok(inode)
    }
}

/// The file after a call that nobody meets.
fn after(mut inode: Inode, mut call: Call) -> Result<Inode, String> {
    for _ in 0..MAX_STEPS_ALONE {
        let Some(op) = call.next() else {
            return match inode.held() {
                None => Ok(inode.settled()),
                Some(what) => Err(format!("returns with {what} held")),
            };
        };
        let Ok(outcome) = inode.perform(0, &op) else {
            return Err(format!("waits for ever ({})", call.place().kernel));
        };
        call.resume(outcome);
    }
    Err("does not end".to_owned())
}
