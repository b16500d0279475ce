//! The inode in two halves, of which most steps touch one only: what a step does can be found out for that half alone.

use super::{Extents, PageCache};
use crate::inode_lock::{Counter, Gate, Journal, RwSem, Waiters};
use crate::op::{IoEnd, LockName, Object, Op, Private, Size, TaskId, WaitQueue};
use smallvec::SmallVec;

/// What tasks wait for, and what they leave to each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Guards {
    pub(super) locks: [RwSem; LockName::KINDS],
    /// Those of pages behind the first.
    pub(super) page_locks: Vec<RwSem>,
    pub(super) dio_count: Counter,
    pub(super) unwritten: Counter,
    pub(super) io_ends: [Counter; 2],
    pub(super) gate: Gate,
    pub(super) journal: Journal,
    pub(super) completed: Vec<IoEnd>,
    pub(super) private: Vec<Private>,
    /// References to the io_end of each completion that were dropped.
    pub(super) io_end_puts: SmallVec<[u8; 16]>,
    /// The same for the dio.
    pub(super) dio_puts: SmallVec<[u8; 16]>,
    /// `cur_aio_dio`.
    pub(super) aio: Option<TaskId>,
    pub(super) queues: [Waiters; WaitQueue::ALL.len()],
}

/// What the file is: its sizes, its blocks, what is cached of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FileState {
    pub(super) size: Size,
    pub(super) disksize: Size,
    pub(super) orphan: bool,
    pub(super) extents: Extents,
    pub(super) cache: PageCache,
}

/// One of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// [`Guards`].
    Guards,
    /// [`FileState`].
    File,
}

impl Half {
    /// Where an object is; no step looks at one that is in none.
    pub fn of(object: Object) -> Option<Half> {
        match object {
            Object::Lock(_)
            | Object::DioCount
            | Object::Unwritten
            | Object::Ioend(_)
            | Object::Gate
            | Object::Admission
            | Object::Handles
            | Object::CompletedList
            | Object::IoEnd(_)
            | Object::DioRefcount(_)
            | Object::InodeAio
            | Object::Private(_)
            | Object::WaitQueue(_) => Some(Half::Guards),
            Object::Size
            | Object::Disksize
            | Object::Orphan
            | Object::Page(_)
            | Object::Extents
            | Object::Block(_)
            | Object::PageData(_)
            | Object::PageRefs(_) => Some(Half::File),
            Object::InFlight(_) | Object::File => None,
        }
    }

    /// Whether a step touches it. What it is seen to touch only once it has happened is in the same half.
    pub fn touched_by(self, op: &Op) -> bool {
        op.touches().iter().any(|&(object, _)| Half::of(object) == Some(self))
    }
}

impl FileState {
    /// Whether it has a page in the cache.
    pub fn is_cached(&self) -> bool {
        self.cache.iter().next().is_some()
    }
}

/// The lock of a page that nobody can take, as it is not followed.
static FREE: RwSem = RwSem::free();

impl Guards {
    /// A lock's state.
    pub fn lock(&self, lock: LockName) -> &RwSem {
        match lock {
            LockName::PageLock(page @ 1..) => {
                self.page_locks.get(usize::from(page) - 1).unwrap_or(&FREE)
            }
            lock => &self.locks[lock.kind()],
        }
    }

    /// The same, to change.
    pub(super) fn lock_mut(&mut self, lock: LockName) -> &mut RwSem {
        match lock {
            LockName::PageLock(page @ 1..) => &mut self.page_locks[usize::from(page) - 1],
            lock => &mut self.locks[lock.kind()],
        }
    }

    /// A task begins another call: its iocb is a new one.
    pub fn new_iocb(&mut self, task: TaskId) {
        self.private[usize::from(task)] = Private::Null;
    }
}
