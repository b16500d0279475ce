//! All that the rules remember. They come to it by `view` alone.

use super::answers::Answers;
use super::records::{
    BlockRecord, DioCountRecord, DioRecord, DisksizeRecord, ExtentsRecord, Halves, IoEndRecord,
    LockRecord, PageDataRecord, PageRecord, Set, SizeRecord, TaskRecord,
};
use crate::program::{Event, Program};
use diolock::call::Call;
use diolock::inode::Inode;
use diolock::op::{Extent, TaskId, WaitQueue};
use smallvec::smallvec;
use std::sync::Arc;

/// Records of objects that there are several of.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Table<R>(pub(super) Vec<R>);

impl<R: Copy + Default> Table<R> {
    /// One of them.
    pub(super) fn get(&self, at: usize) -> R {
        self.0.get(at).copied().unwrap_or_default()
    }
    /// One of them, to change.
    pub(super) fn get_mut(&mut self, at: usize) -> &mut R {
        if self.0.len() <= at {
            self.0.resize(at + 1, R::default());
        }
        &mut self.0[at]
    }
}

impl Table<PageRecord> {
    /// The pages of a file at the start.
    pub(super) fn of_pages(inode: &Inode) -> Table<PageRecord> {
        let there = |page| inode.cache().page(page).is_some();
        let pages = inode.paging().all().iter();
        Table(pages.map(|page| PageRecord { there: there(page), ..Default::default() }).collect())
    }
}

/// All that the rules remember.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    /// Copies share those that have not changed since.
    pub(super) tasks: Vec<Arc<TaskRecord>>,
    /// Tasks that make several calls.
    pub(super) threads: Set,
    pub(super) size: SizeRecord,
    pub(super) disksize: DisksizeRecord,
    pub(super) dio_count: DioCountRecord,
    pub(super) unwritten: i8,
    pub(super) orphan: bool,
    pub(super) slot: Option<TaskId>,
    pub(super) closed: bool,
    pub(super) extents: ExtentsRecord,
    pub(super) pages: Table<PageRecord>,
    pub(super) listed: Vec<TaskId>,
    pub(super) locks: Table<LockRecord>,
    pub(super) blocks: Table<BlockRecord>,
    pub(super) in_flight: Table<Set>,
    pub(super) io_ends: Table<IoEndRecord>,
    pub(super) dios: Table<DioRecord>,
    pub(super) page_data: Table<PageDataRecord>,
}

impl Memory {
    /// At the start of a program.
    pub(super) fn new(program: &Program) -> Memory {
        let count = program.calls.len();
        let mut tasks = vec![TaskRecord::default(); count];
        let mut references = smallvec![0; count];
        let conditions = &program.conditions;
        for (at, call) in program.calls.iter().enumerate() {
            if let Some((WaitQueue::Dio, of)) = call.holds() {
                tasks[at].references.push(of);
                references[usize::from(of)] += 1;
            }
            tasks[at].writes_back = matches!(call, Call::EndBio(_));
            if !conditions.is_empty() {
                tasks[at].told = Answers::new(call, conditions.ask_for_answers());
            }
        }
        let (size, disksize) = program.inode.sizes();
        let mut threads = Set::default();
        for (task, _) in (0_u32..).zip(&program.calls).filter(|(_, c)| c.calls().len() > 1) {
            threads.add(task);
        }
        let mut memory = Memory {
            threads,
            tasks: tasks.into_iter().map(Arc::new).collect(),
            size: SizeRecord { value: size, ..SizeRecord::default() },
            disksize: DisksizeRecord { value: disksize, ..DisksizeRecord::default() },
            dio_count: DioCountRecord { references, ..DioCountRecord::default() },
            unwritten: program.inode.count(WaitQueue::Unwritten),
            orphan: false,
            slot: None,
            closed: false,
            extents: ExtentsRecord::default(),
            pages: Table::of_pages(&program.inode),
            listed: Vec::new(),
            locks: Table::default(),
            blocks: Table::default(),
            in_flight: Table::default(),
            io_ends: Table::default(),
            dios: Table::default(),
            page_data: Table::default(),
        };
        for (at, mapped) in (0..).zip(program.inode.extents().mapping()) {
            if let (Extent::Written, Some(block)) = (mapped.extent, mapped.block) {
                memory.extents.written.add(block);
                let file = Halves::below(size);
                memory.size.backed.join(Halves::of(at, None).and(file));
            }
        }
        for (task, range) in program.calls.iter().filter_map(|call| call.end_bio()?.written()) {
            for block in program.inode.extents().mapped(range) {
                memory.blocks.get_mut(block as usize).data = [Some(task); 2];
            }
        }
        memory
    }

    /// Notes what a task is told by an event.
    pub(super) fn tell(&mut self, event: &Event) {
        let record = &mut self.tasks[usize::from(event.task)];
        if record.told.are_kept() {
            Arc::make_mut(record).told.remember(event);
        }
    }

    /// A call of a task has returned.
    pub(super) fn next_call(&mut self, task: TaskId, call: &Call) {
        let record = &mut self.tasks[usize::from(task)];
        if record.told.are_kept() {
            Arc::make_mut(record).told.returned(call);
        }
        if self.threads.has(task) {
            *record = Arc::new(record.next_call());
        }
    }

    /// A task's record, for people and witnesses: no rule asks here.
    pub(super) fn task(&self, task: TaskId) -> &TaskRecord {
        &self.tasks[usize::from(task)]
    }
}
