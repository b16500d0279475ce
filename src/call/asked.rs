//! What can be asked of a call: how it was made, and what came of it.

use super::Call;
use crate::dio_path::Plan;
use crate::op::{Span, TaskId};

impl Call {
    /// How a direct write does its I/O, once that is decided and until it is over (from v5.10 on).
    pub fn plan(&self) -> Option<Plan> {
        if let Call::DioWriteIter(write) = self.now() { write.plan() } else { None }
    }

    /// Whether it starts over for ever.
    pub fn repeats(&self) -> bool {
        matches!(self, Call::Read(read) if read.repeats())
    }

    /// Whether it was called with IOCB_NOWAIT.
    pub fn nowait(&self) -> bool {
        match self {
            Call::DioWriteIter(write) => write.nowait(),
            Call::FileWriteIter(write) => write.nowait(),
            _ => false,
        }
    }

    /// Of a completion: whether its write is O_SYNC.
    pub fn completes_osync(&self) -> bool {
        match self {
            Call::EndIo(end_io) => end_io.osync(),
            Call::DioComplete(end_io) => end_io.osync(),
            Call::IomapEndIo(end_io) => end_io.osync(),
            _ => false,
        }
    }

    /// Of a call that has returned: whether it gave up because it was not to wait.
    pub fn gave_up(&self) -> bool {
        match self {
            Call::DioWriteIter(write) => write.gave_up(),
            Call::FileWriteIter(write) => write.gave_up(),
            _ => false,
        }
    }

    /// Of a call that has returned: whether a page that was stored to kept it from its work.
    pub fn busy(&self) -> bool {
        matches!(self, Call::MoveExtents(moves) if moves.busy())
    }

    /// Of a call that has returned: whether it met a block that it could not read.
    pub fn failed(&self) -> bool {
        matches!(self, Call::DioReadIter(read) if read.failed())
    }

    /// The completion of an asynchronous direct read.
    pub fn read_completed_by(&self) -> Option<TaskId> {
        match self {
            Call::Read(read) => read.end_io(),
            Call::DioReadIter(read) => read.end_io(),
            _ => None,
        }
    }

    /// Of a direct read that has returned: what of the file it returned, or leaves to its completion.
    pub fn read(&self) -> Option<Span> {
        match self {
            Call::Read(read) => Some(read.returned()),
            Call::DioReadIter(read) => Some(read.returned()),
            _ => None,
        }
    }
}
