//! The inode by its objects: for whoever holds what a step touches against what it does.

use super::Inode;
use crate::op::{LockName, Object, Owner, PAGE_BLOCKS, TaskId, WaitQueue};
use std::hash::{DefaultHasher, Hash, Hasher};

fn hash(part: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    hasher.finish()
}

impl Inode {
    /// Every object that a field of the inode stands for.
    pub fn objects(&self) -> Vec<Object> {
        let tasks = || 0..self.private.len() as TaskId;
        let mut objects = vec![
            Object::DioCount,
            Object::Unwritten,
            Object::Ioend(Owner::ThisFile),
            Object::Ioend(Owner::AnotherFile),
            Object::Gate,
            Object::Admission,
            Object::Handles,
            Object::Size,
            Object::Disksize,
            Object::Orphan,
            Object::Pages,
            Object::Extents,
            Object::CompletedList,
            Object::InodeAio,
        ];
        objects.extend(LockName::ALL.map(Object::Lock));
        objects.extend(WaitQueue::ALL.map(Object::WaitQueue));
        objects.extend((0..PAGE_BLOCKS).map(Object::PageData));
        objects.extend((0..self.extents.device_blocks()).map(Object::Block));
        objects.extend(tasks().map(Object::IoEnd));
        objects.extend(tasks().map(Object::DioRefcount));
        objects.extend(tasks().map(Object::Private));
        objects
    }

    /// A hash of what an object holds now: the same for every state in which it holds the same. Of an object
    /// that no field stands for (`InFlight`, `File`) it is always the same.
    pub fn part(&self, object: Object) -> u64 {
        match object {
            Object::Lock(lock) => hash(self.lock(lock)),
            Object::DioCount => hash(self.dio_count),
            Object::Unwritten => hash(self.unwritten),
            Object::Ioend(whose) => hash(self.io_ends[whose as usize]),
            Object::Gate => hash(self.gate),
            Object::Admission => hash(self.journal.can_start()),
            Object::Handles => hash(self.journal.updates()),
            Object::Size => hash(self.size),
            Object::Disksize => hash(self.disksize),
            Object::Orphan => hash(self.orphan),
            Object::Pages => hash(self.cache.page().map(|page| page.buffers)),
            Object::Extents => hash(self.extents.tree()),
            Object::Block(block) => hash(self.extents.block(block)),
            Object::InFlight(_) | Object::File => 0,
            Object::CompletedList => hash(&self.completed),
            Object::IoEnd(of) => hash(self.io_end_puts[usize::from(of)]),
            Object::DioRefcount(of) => hash(self.dio_puts[usize::from(of)]),
            Object::InodeAio => hash(self.aio),
            Object::Private(of) => hash(self.private[usize::from(of)]),
            Object::WaitQueue(queue) => hash(&self.queues[queue as usize]),
            Object::PageData(block) => {
                hash(self.cache.page().map(|page| page.data[block as usize]))
            }
        }
    }

    /// A hash of what only that task can tell: which page it has found.
    pub fn own(&self, task: TaskId) -> u64 {
        hash(self.cache.found_by(task))
    }
}
