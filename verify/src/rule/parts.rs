//! The rules' memory of one user of the inode and of what all share, apart: for proofs about any number of users.
//!
//! What a rule remembers of others is either with those others (their I/O in flight) or with the file (what was
//! written to its blocks). Rules that count who came before whom are not carried.

use super::memory::{Memory, Table};
use super::records::{
    BlockRecord, DioCountRecord, DioRecord, DisksizeRecord, IoEndRecord, SizeRecord, TaskRecord,
};
use diolock::inode::{Inode, TASKS};
use diolock::op::{LockName, Mode, Owner, PhysicalBlock, Size, TaskId};
use smallvec::smallvec;
use std::sync::Arc;

/// What is remembered of a user: of its call and its completion, and what they leave to each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct UserRecord {
    tasks: [TaskRecord; TASKS],
    listed: Vec<TaskId>,
    io_ends: [IoEndRecord; TASKS],
    dios: [DioRecord; TASKS],
}

/// Which halves of which device blocks a write has put data into since they came to the file.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Written(Vec<[bool; 2]>);

impl Written {
    /// Of a file at its start.
    pub fn of(inode: &Inode) -> Written {
        Written(vec![[false; 2]; inode.extents().device_blocks() as usize])
    }
}

impl UserRecord {
    /// The locks that one of its tasks holds.
    pub fn held(&self, task: TaskId) -> &[(LockName, Mode)] {
        &self.tasks[usize::from(task)].held
    }

    /// Whether one of its tasks has a journal handle.
    pub fn has_handle(&self, task: TaskId) -> bool {
        self.tasks[usize::from(task)].handles > 0
    }

    /// Whether one of its tasks has closed the gate.
    pub fn has_gate(&self, task: TaskId) -> bool {
        self.tasks[usize::from(task)].gate
    }

    /// Whether one of its tasks is to drop a reference to i_dio_count, or will be the last to drop what one goes with.
    pub fn has_reference(&self, task: TaskId) -> bool {
        let left = self.io_ends.iter().any(|io_end| io_end.references > 0)
            || self.dios.iter().any(|dio| dio.references > 0);
        left || !self.tasks[usize::from(task)].references.is_empty()
    }

    /// Whether one of its tasks has taken an io_end of another off the list.
    pub fn has_taken(&self, task: TaskId) -> bool {
        let TaskRecord { references, buffered, .. } = &self.tasks[usize::from(task)];
        let others = TASKS as TaskId..2 * TASKS as TaskId;
        others.into_iter().any(|of| references.contains(&of) || buffered.has(of))
    }

    /// Whether references to i_dio_count go with its io_ends on the list.
    pub fn has_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    /// Whether I/O of it is in flight to one of these blocks.
    pub fn flies_to(&self, blocks: &[PhysicalBlock]) -> bool {
        self.tasks.iter().flat_map(|task| &task.flying).any(|block| blocks.contains(block))
    }

    /// Whether nothing of it is held any more.
    pub fn is_free(&self) -> bool {
        let free = |task: &TaskRecord| {
            task.held.is_empty() && task.handles == 0 && !task.gate && task.references.is_empty()
        };
        self.tasks.iter().all(free) && self.listed.is_empty()
    }

    /// What the rules that are carried ask for.
    fn reduced(mut self) -> UserRecord {
        for task in &mut self.tasks {
            task.held.sort_unstable();
            let seen = task.size_seen;
            *task = TaskRecord {
                held: std::mem::take(&mut task.held),
                references: std::mem::take(&mut task.references),
                flying: std::mem::take(&mut task.flying),
                handles: task.handles,
                time_handle: task.time_handle,
                submits: task.submits,
                writes_back: task.writes_back,
                buffered: task.buffered,
                gate: task.gate,
                pages_gone: task.pages_gone,
                size_seen: if seen.splits() { seen } else { Size::default() },
                ..TaskRecord::default()
            };
        }
        for dio in &mut self.dios {
            dio.wrote = Default::default();
        }
        self
    }
}

/// What is put together for one event: a user that moves, and others that look on.
#[derive(Clone, Copy)]
pub(super) struct Apart<'a> {
    pub inode: &'a Inode,
    pub written: &'a Written,
    pub mover: &'a UserRecord,
    pub others: &'a [&'a UserRecord],
}

impl Memory {
    /// As the event of a task of the mover finds it: its tasks are 0 and 1, those of the first other 2 and 3.
    pub(super) fn together(parts: Apart<'_>) -> Memory {
        let Apart { inode, written, mover, others } = parts;
        let mut tasks: Vec<Arc<TaskRecord>> = mover.tasks.iter().cloned().map(Arc::new).collect();
        tasks.resize(TASKS * (others.len() + 2), Arc::default());
        let (size, disksize) = inode.sizes();
        let mut memory = Memory {
            threads: Default::default(),
            size: SizeRecord { value: size, ..Default::default() },
            disksize: DisksizeRecord { value: disksize, ..Default::default() },
            dio_count: DioCountRecord {
                references: smallvec![0; tasks.len()],
                ..Default::default()
            },
            tasks,
            unwritten: 0,
            orphan: false,
            slot: None,
            closed: false,
            extents: Default::default(),
            pages: Table::of_pages(inode),
            listed: mover.listed.clone(),
            locks: Table::default(),
            blocks: Table::default(),
            in_flight: Table::default(),
            io_ends: Table(mover.io_ends.to_vec()),
            dios: Table(mover.dios.to_vec()),
            page_data: Table::default(),
        };
        for (block, data) in (0..).zip(&written.0) {
            *memory.blocks.get_mut(block) = BlockRecord {
                freed: inode.extents().block(block as u32).owner == Owner::AnotherFile,
                data: data.map(|written| written.then_some(0)),
            };
        }
        for (first, user) in (0 as TaskId..).step_by(TASKS).zip([mover].iter().chain(others)) {
            for (task, record) in (first..).zip(&user.tasks) {
                for &block in &record.flying {
                    memory.in_flight.get_mut(block as usize).add(task);
                }
            }
        }
        for (first, other) in (TASKS as TaskId..).step_by(TASKS).zip(others) {
            memory.listed.extend(other.listed.iter().map(|&of| first + of));
        }
        memory
    }

    /// What became of the mover, of those whose io_end it took, and of what was written.
    pub(super) fn apart(
        &self,
        inode: &Inode,
        others: &[&UserRecord],
    ) -> (UserRecord, Vec<UserRecord>, Written) {
        let of_user = |first: TaskId| {
            let own = move |&&of: &&TaskId| (first..first + TASKS as TaskId).contains(&of);
            self.listed.iter().filter(own).map(|&of| of - first).collect::<Vec<TaskId>>()
        };
        let two = |at: usize| TaskRecord::clone(&self.tasks[at]);
        let mover = UserRecord {
            tasks: [two(0), two(1)],
            listed: of_user(0),
            io_ends: [self.io_ends.get(0), self.io_ends.get(1)],
            dios: [self.dios.get(0), self.dios.get(1)],
        };
        let others = (TASKS as TaskId..).step_by(TASKS).zip(others);
        let others =
            others.map(|(first, &other)| UserRecord { listed: of_user(first), ..other.clone() });
        let blocks = 0..inode.extents().device_blocks();
        let written = blocks.map(|block| {
            let record = self.blocks.get(block as usize);
            let foreign = inode.extents().block(block).owner == Owner::AnotherFile;
            record.data.map(|data| data.is_some() && !foreign)
        });
        (mover.reduced(), others.collect(), Written(written.collect()))
    }
}
