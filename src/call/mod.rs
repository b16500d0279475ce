//! Who runs: the system calls, the interrupt, the worker and the journal commit.

mod asked;
mod of_kernel;
mod returned;
mod thread;

pub use of_kernel::Mount;
pub use returned::Returned;
pub use thread::Thread;

use crate::dio_path::{
    DioComplete, DioReadComplete, DioReadIter, DioWriteIter, DirectRead, EndIo, FileDioWrite,
    FileWriteIter, IomapEndIo, IomapReadEndIo, UringThread, WriteThenClose,
};
use crate::inode_lock::{Commit, InodeDioDone, InodeDioWait};
use crate::op::{Op, Outcome, Submission, TaskId, WaitQueue};
use crate::page_cache::{
    Append, BufferedWrite, EndBio, FilemapFault, FilemapRead, PageFault, Reclaim, SyncFile, VmMmap,
    WbDisksize, WritePages,
};
use crate::resize::{
    AllocFileBlocks, EvictInode, ExtFallocate, MoveExtents, PunchHole, PunchHoleRwsem, Setattr,
    ShiftRange, Truncate, WriteThatEvicts, ZeroRange,
};
use crate::task::{Place, Task};

/// Makes [`Call`] and its [`Task`] of one list.
macro_rules! calls {
    ($($call:ident($task:ty) = $doc:literal;)+) => {
        /// Any task, so that a run can hold them side by side.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        #[allow(clippy::large_enum_variant, reason = "a run keeps each behind an `Arc`")]
        pub enum Call {
            $(#[doc = $doc] $call($task),)+
        }

        impl Task for Call {
            fn next(&self) -> Option<Op> {
                match self { $(Call::$call(task) => task.next(),)+ }
            }
            fn resume(&mut self, outcome: Outcome) {
                match self { $(Call::$call(task) => task.resume(outcome),)+ }
            }
            fn place(&self) -> Place {
                match self { $(Call::$call(task) => task.place(),)+ }
            }
        }
    };
}

calls! {
    Write(FileDioWrite) = " A direct write.";
    EndIo(EndIo) = " The completion of an asynchronous write.";
    Truncate(Truncate) = " A truncate.";
    Read(DirectRead) = " A direct read.";
    BufferedWrite(BufferedWrite) = " A buffered write.";
    Commit(Commit) = " A journal commit.";
    FileWriteIter(FileWriteIter) = " A direct write, v4.10 and v5.4.";
    DioComplete(DioComplete) = " The completion of an asynchronous write, v4.10 and v5.4.";
    DioWriteIter(DioWriteIter) = " A direct write, from v5.10 on.";
    IomapEndIo(IomapEndIo) = " The completion of an asynchronous write, from v5.10 on.";
    DioReadComplete(DioReadComplete) = " The completion of an asynchronous read, up to v5.4.";
    IomapReadEndIo(IomapReadEndIo) = " The completion of an asynchronous read, from v5.10 on.";
    DioReadIter(Box<DioReadIter>) = " A direct read, from v4.10 on.";
    Setattr(Setattr) = " A truncate, from v4.10 on.";
    PunchHole(PunchHoleRwsem) = " A punched hole, from v4.10 on.";
    PunchHoleImutex(PunchHole) = " A punched hole, up to v3.11.";
    MoveExtents(MoveExtents) = " Blocks swapped with a donor file.";
    PageFault(PageFault) = " A page fault that allocates.";
    VmMmap(VmMmap) = " A thread that changes the address space.";
    WbDisksize(WbDisksize) = " Writeback that raises i_disksize.";
    Fault(FilemapFault) = " A store to a mapped page.";
    WritePages(WritePages) = " The flusher.";
    Reclaim(Reclaim) = " Memory reclaim.";
    Uring(Box<UringThread>) = " An io_uring thread.";
    SyncFile(SyncFile) = " fsync.";
    WriteThenClose(WriteThenClose) = " An asynchronous write, then a close.";
    DioWait(InodeDioWait) = " A drain, taken apart.";
    DioDone(InodeDioDone) = " The end of a reference, taken apart.";
    Append(Append) = " A buffered write that appends.";
    BufferedRead(FilemapRead) = " A buffered read.";
    AllocFileBlocks(AllocFileBlocks) = " A drain and a lookup.";
    EndBio(EndBio) = " The completion of a buffered write.";
    Evict(EvictInode) = " The end of an inode.";
    WriteThatEvicts(WriteThatEvicts) = " A buffered write that evicts another inode.";
    ExtFallocate(ExtFallocate) = " A preallocation, with its credits and the size.";
    ShiftRange(ShiftRange) = " A range taken out of the file, or put in.";
    ZeroRange(ZeroRange) = " A zeroed range.";
    Thread(Box<Thread<Call>>) = " Calls one after another.";
    Script(Script) = " A fixed list of steps (ours: litmus tests of the engines themselves).";
}

/// A task that performs a fixed list of steps and ignores what comes back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Script {
    steps: Vec<Op>,
    at: usize,
}

impl Script {
    /// Performs `steps` in order.
    pub fn new(steps: Vec<Op>) -> Script {
        Script { steps, at: 0 }
    }
}

impl Task for Script {
    fn next(&self) -> Option<Op> {
        self.steps.get(self.at).cloned()
    }
    fn resume(&mut self, _: Outcome) {
        self.at += 1;
    }
    fn place(&self) -> Place {
        Place { step: "Script", kernel: "(ours)", what: "" }
    }
}

impl Call {
    /// Whether the task runs from the start; a completion waits for its submission.
    pub fn started(&self) -> bool {
        match self {
            Call::EndIo(end_io) => end_io.submission.is_some(),
            Call::DioComplete(end_io) => end_io.submission.is_some(),
            Call::IomapEndIo(end_io) => end_io.submitted(),
            Call::DioReadComplete(end_io) => end_io.submission.is_some(),
            Call::IomapReadEndIo(end_io) => end_io.submission.is_some(),
            _ => true,
        }
    }

    /// Starts a completion.
    pub fn submit(&mut self, submission: Submission) {
        match self {
            Call::EndIo(end_io) => end_io.submission = Some(submission),
            Call::DioComplete(end_io) => end_io.submission = Some(submission),
            Call::IomapEndIo(end_io) => end_io.submit(submission),
            Call::DioReadComplete(end_io) => end_io.submission = Some(submission),
            Call::IomapReadEndIo(end_io) => end_io.submission = Some(submission),
            _ => {}
        }
    }

    /// One call, or a thread of several.
    pub fn thread(calls: Vec<Call>) -> Option<Call> {
        match <[Call; 1]>::try_from(calls) {
            Ok([call]) => Some(call),
            Err(calls) => Some(Call::Thread(Box::new(Thread::new(calls)?))),
        }
    }

    /// The call that it is in: itself, unless it is a thread.
    pub fn now(&self) -> &Call {
        if let Call::Thread(thread) = self { thread.now() } else { self }
    }

    /// Its calls, from the one on that it is in: itself, unless it is a thread.
    pub fn calls(&self) -> Vec<&Call> {
        if let Call::Thread(thread) = self { thread.calls().collect() } else { vec![self] }
    }

    /// Its call with that number, from the one on that it is in.
    pub fn nth(&self, at: usize) -> Option<&Call> {
        match self {
            Call::Thread(thread) => thread.calls().nth(at),
            call => (at == 0).then_some(call),
        }
    }

    /// The call that its last step has ended.
    pub fn just_over(&self) -> Option<&Call> {
        match self {
            Call::Thread(thread) => thread.just_over(),
            call => call.done().then_some(call),
        }
    }

    /// Whether its last step has ended a call that another one follows, with an iocb of its own.
    pub fn went_on(&self) -> bool {
        matches!(self, Call::Thread(thread) if thread.went_on())
    }

    /// Whether it reads or writes the page cache and what it holds.
    pub fn uses_the_page(&self) -> bool {
        match self {
            Call::Script(script) => {
                script.steps.iter().any(|op| matches!(op, Op::PageFill(..) | Op::PageStore(..)))
            }
            call => call.calls().into_iter().any(|call| {
                matches!(
                    call,
                    Call::Fault(_)
                        | Call::BufferedRead(_)
                        | Call::BufferedWrite(_)
                        | Call::WritePages(_)
                        | Call::SyncFile(_)
                        | Call::MoveExtents(_)
                )
            }),
        }
    }

    /// The counter of which the task holds a reference before its first step.
    pub fn holds(&self) -> Option<(WaitQueue, TaskId)> {
        match self {
            Call::DioDone(done) => Some(done.holds()),
            Call::EndBio(end_bio) => Some((WaitQueue::Unwritten, end_bio.written()?.0)),
            _ => None,
        }
    }

    /// The completion of a buffered write whose I/O is done.
    pub fn end_bio(&self) -> Option<&EndBio> {
        if let Call::EndBio(end_bio) = self { Some(end_bio) } else { None }
    }
}
