//! Who runs: the system calls, the interrupt, the worker and the journal commit.

mod alloc_file_blocks;
mod buffered_write;
mod commit;
mod direct_io;
mod drain;
mod end_io;
mod file_dio_write;
mod flush;
pub mod iocb;
mod page_cache;
mod read;
mod truncate;

pub use alloc_file_blocks::AllocFileBlocks;
pub use buffered_write::BufferedWrite;
pub use commit::Commit;
pub use direct_io::{DirectIo, Fault, Write};
pub use drain::{InodeDioDone, InodeDioWait};
pub use end_io::EndIo;
pub use file_dio_write::FileDioWrite;
pub use flush::{FinishIoEnd, FlushCompleted};
pub use page_cache::{FilemapRead, GenericPerformWrite};
pub use read::DirectRead;
pub use truncate::Truncate;

use crate::inode_lock::WaitQueue;
use crate::op::{Op, Outcome, Submission, TaskId};
use crate::task::{Place, Task};

/// Any task, so that a run can hold them side by side.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// A direct write.
    Write(FileDioWrite),
    /// The completion of an asynchronous write.
    EndIo(EndIo),
    /// A truncate.
    Truncate(Truncate),
    /// A direct read.
    Read(DirectRead),
    /// A buffered write.
    BufferedWrite(BufferedWrite),
    /// A journal commit.
    Commit(Commit),
    /// A drain, taken apart.
    DioWait(InodeDioWait),
    /// The end of a reference, taken apart.
    DioDone(InodeDioDone),
    /// A buffered write that appends.
    Append(GenericPerformWrite),
    /// A buffered read.
    BufferedRead(FilemapRead),
    /// A drain and a lookup.
    AllocFileBlocks(AllocFileBlocks),
    /// A fixed list of steps (ours: litmus tests of the engines themselves).
    Script(Script),
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
        Place { step: "Script", kernel: "(ours)" }
    }
}

impl Call {
    /// Whether the task runs from the start; a completion waits for its submission.
    pub fn started(&self) -> bool {
        !matches!(self, Call::EndIo(end_io) if !end_io.submitted())
    }

    /// Starts a completion.
    pub fn submit(&mut self, submission: Submission) {
        if let Call::EndIo(end_io) = self {
            end_io.submit(submission);
        }
    }

    /// Whether it starts over for ever.
    pub fn repeats(&self) -> bool {
        matches!(self, Call::Read(read) if read.repeats())
    }

    /// The counter of which the task holds a reference before its first step.
    pub fn holds(&self) -> Option<(WaitQueue, TaskId)> {
        if let Call::DioDone(done) = self { Some(done.holds()) } else { None }
    }

    fn task(&self) -> &dyn Task {
        match self {
            Call::Write(t) => t,
            Call::EndIo(t) => t,
            Call::Truncate(t) => t,
            Call::Read(t) => t,
            Call::BufferedWrite(t) => t,
            Call::Commit(t) => t,
            Call::DioWait(t) => t,
            Call::DioDone(t) => t,
            Call::Append(t) => t,
            Call::BufferedRead(t) => t,
            Call::AllocFileBlocks(t) => t,
            Call::Script(t) => t,
        }
    }
}

impl Task for Call {
    fn next(&self) -> Option<Op> {
        self.task().next()
    }
    fn resume(&mut self, outcome: Outcome) {
        match self {
            Call::Write(t) => t.resume(outcome),
            Call::EndIo(t) => t.resume(outcome),
            Call::Truncate(t) => t.resume(outcome),
            Call::Read(t) => t.resume(outcome),
            Call::BufferedWrite(t) => t.resume(outcome),
            Call::Commit(t) => t.resume(outcome),
            Call::DioWait(t) => t.resume(outcome),
            Call::DioDone(t) => t.resume(outcome),
            Call::Append(t) => t.resume(outcome),
            Call::BufferedRead(t) => t.resume(outcome),
            Call::AllocFileBlocks(t) => t.resume(outcome),
            Call::Script(t) => t.resume(outcome),
        }
    }
    fn place(&self) -> Place {
        self.task().place()
    }
}
