//! The inode by its objects: for whoever holds what a step touches against what it does.

use super::Inode;
use crate::op::{LockName, Object, Owner, TaskId, WaitQueue};
use std::hash::{DefaultHasher, Hash, Hasher};

fn hash(part: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    hasher.finish()
}

impl Inode {
    /// Every object that a field of the inode stands for.
    pub fn objects(&self) -> Vec<Object> {
        let tasks = || 0..self.guards.private.len() as TaskId;
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
            Object::Extents,
            Object::CompletedList,
            Object::InodeAio,
        ];
        let paging = self.paging();
        let locks = LockName::ALL.into_iter().filter(|&lock| self.has_lock(lock));
        objects.extend(locks.map(Object::Lock));
        objects.extend(paging.all().iter().map(Object::Page));
        objects.extend(paging.all().iter().map(Object::PageRefs));
        objects.extend(WaitQueue::ALL.map(Object::WaitQueue));
        objects.extend((0..paging.end()).map(Object::PageData));
        objects.extend((0..self.file.extents.device_blocks()).map(Object::Block));
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
            Object::DioCount => hash(self.guards.dio_count),
            Object::Unwritten => hash(self.guards.unwritten),
            Object::Ioend(whose) => hash(self.guards.io_ends[whose as usize]),
            Object::Gate => hash(self.guards.gate),
            Object::Admission => hash(self.guards.journal.can_start()),
            Object::Handles => hash(self.guards.journal.updates()),
            Object::Size => hash(self.file.size),
            Object::Disksize => hash(self.file.disksize),
            Object::Orphan => hash(self.file.orphan),
            Object::Page(page) => hash(self.file.cache.buffers(page)),
            Object::PageRefs(page) => hash(self.file.cache.keepers(page)),
            Object::Extents => hash(self.file.extents.tree()),
            Object::Block(block) => hash(self.file.extents.block(block)),
            Object::InFlight(_) | Object::File => 0,
            Object::CompletedList => hash(&self.guards.completed),
            Object::IoEnd(of) => hash(self.guards.io_end_puts[usize::from(of)]),
            Object::DioRefcount(of) => hash(self.guards.dio_puts[usize::from(of)]),
            Object::InodeAio => hash(self.guards.aio),
            Object::Private(of) => hash(self.guards.private[usize::from(of)]),
            Object::WaitQueue(queue) => hash(&self.guards.queues[queue as usize]),
            Object::PageData(block) => {
                hash(self.file.cache.of_block(block).and_then(|page| page.data(block)))
            }
        }
    }

    /// A hash of what only that task can tell: which pages it has found.
    pub fn own(&self, task: TaskId) -> u64 {
        hash(self.file.cache.found_by(task))
    }
}
