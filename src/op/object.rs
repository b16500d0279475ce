//! What steps are ordered on, and how they touch it.

use super::{LockName, LogicalBlock, Owner, PageNo, PhysicalBlock, TaskId, WaitQueue};
use serde::{Deserialize, Serialize};

/// Shared state that steps are ordered on. Steps on different objects commute.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Object {
    /// A lock.
    Lock(LockName),
    /// `i_dio_count`.
    DioCount,
    /// `i_aiodio_unwritten` / `i_unwritten`.
    Unwritten,
    /// `i_ioend_count` of an inode.
    Ioend(Owner),
    /// `EXT4_STATE_DIOREAD_LOCK`.
    Gate,
    /// Whether the running transaction lets handles start (`T_LOCKED`).
    Admission,
    /// The open handles of the running transaction (`t_updates`).
    Handles,
    /// `i_size`.
    Size,
    /// `i_disksize`.
    Disksize,
    /// Whether the inode is on the list of orphans.
    Orphan,
    /// A page: whether it is in the cache, and its buffers.
    Page(PageNo),
    /// The extent tree.
    Extents,
    /// A device block.
    Block(PhysicalBlock),
    /// Whether I/O to a device block has been submitted and not ended. Nothing in the kernel says so;
    /// whoever frees the block must know.
    InFlight(PhysicalBlock),
    /// `i_completed_io_list`.
    CompletedList,
    /// The reference count of the io_end of a completion.
    IoEnd(TaskId),
    /// The reference count of the dio of a completion.
    DioRefcount(TaskId),
    /// `cur_aio_dio`, the inode's one slot for an io_end.
    InodeAio,
    /// `iocb->private` of a task.
    Private(TaskId),
    /// The open file, which keeps the inode: `f_count`.
    File,
    /// A wait queue.
    WaitQueue(WaitQueue),
    /// What a block of a cached page holds.
    PageData(LogicalBlock),
    /// The references to a page of those that found it.
    PageRefs(PageNo),
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Object::Lock(lock) => lock.name(),
            Object::DioCount => "i_dio_count",
            Object::Unwritten => "i_unwritten",
            Object::Ioend(_) => "i_ioend_count",
            Object::Gate => "DIOREAD_LOCK",
            Object::Admission => "T_LOCKED",
            Object::Handles => "t_updates",
            Object::Size => "i_size",
            Object::Disksize => "i_disksize",
            Object::Orphan => "i_orphan",
            Object::Page(0) => "nrpages",
            Object::Page(page) => return write!(f, "page {page}"),
            Object::Extents => "extent tree",
            Object::Block(block) => return write!(f, "block {block}"),
            Object::InFlight(block) => return write!(f, "I/O to block {block}"),
            Object::CompletedList => "i_completed_io_list",
            Object::IoEnd(_) => "io_end->count",
            Object::DioRefcount(_) => "dio->refcount",
            Object::InodeAio => "cur_aio_dio",
            Object::Private(_) => "iocb->private",
            Object::File => "f_count",
            Object::WaitQueue(queue) => return write!(f, "wait queue of {}", queue.counter()),
            Object::PageData(block) => return write!(f, "cached block {block}"),
            Object::PageRefs(_) => "page->_refcount",
        };
        f.write_str(name)
    }
}

/// How a step touches an object. Two reads commute, two additions commute, nothing else does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Access {
    /// Looks.
    Read,
    /// Adds to a counter and does not look.
    Add,
    /// Changes.
    Write,
}

impl Access {
    /// Whether the order of these two accesses to one object can be told apart.
    pub fn conflicts(self, other: Access) -> bool {
        self != other || self == Access::Write
    }
}
