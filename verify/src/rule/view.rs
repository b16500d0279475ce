//! The rules' memory, and the one door to it: a rule sees its event's own task and the objects that
//! the event touches.
//!
//! Steps that touch nothing in common commute, and loom and the exhaustive search of shuttle leave out
//! what differs by that only. A rule that looked further could say one thing of an execution and another
//! of its equivalent, and which of them an engine runs is chance.

mod parts;

pub(super) use parts::Apart;
pub use parts::{UserRecord, Written};

use super::records::{
    BlockRecord, DioCountRecord, DioRecord, DisksizeRecord, ExtentsRecord, IoEndRecord, LockRecord,
    PageDataRecord, PagesRecord, Set, SizeRecord, TaskRecord,
};
use crate::program::{Event, Program};
use diolock::call::Call;
use diolock::op::{
    Access, Extent, LockName, LogicalBlock, Object, Op, PhysicalBlock, TaskId, WaitQueue,
};
use std::sync::Arc;

/// Records of objects that there are several of.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Table<R>(Vec<R>);

impl<R: Copy + Default> Table<R> {
    fn get(&self, at: usize) -> R {
        self.0.get(at).copied().unwrap_or_default()
    }
    fn get_mut(&mut self, at: usize) -> &mut R {
        if self.0.len() <= at {
            self.0.resize(at + 1, R::default());
        }
        &mut self.0[at]
    }
}

/// All that the rules remember.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Memory {
    /// Copies share those that have not changed since.
    tasks: Vec<Arc<TaskRecord>>,
    /// Tasks that make several calls.
    threads: Set,
    size: SizeRecord,
    disksize: DisksizeRecord,
    dio_count: DioCountRecord,
    unwritten: i8,
    orphan: bool,
    slot: Option<TaskId>,
    closed: bool,
    extents: ExtentsRecord,
    pages: PagesRecord,
    listed: Vec<TaskId>,
    locks: Table<LockRecord>,
    blocks: Table<BlockRecord>,
    in_flight: Table<Set>,
    io_ends: Table<IoEndRecord>,
    dios: Table<DioRecord>,
    page_data: Table<PageDataRecord>,
}

impl Memory {
    /// At the start of a program.
    pub(super) fn new(program: &Program) -> Memory {
        let count = program.calls.len();
        let mut tasks = vec![TaskRecord::default(); count];
        let mut references = vec![0; count];
        for (at, call) in program.calls.iter().enumerate() {
            if let Some((WaitQueue::Dio, of)) = call.holds() {
                tasks[at].references.push(of);
                references[usize::from(of)] += 1;
            }
            tasks[at].writes_back = matches!(call, Call::EndBio(_));
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
            pages: PagesRecord {
                there: program.inode.cached_page().is_some(),
                ..PagesRecord::default()
            },
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
                let file = super::records::Halves::below(size);
                memory.size.backed.join(super::records::Halves::of(at, None).and(file));
            }
        }
        for (task, range) in program.calls.iter().filter_map(|call| call.end_bio()?.written()) {
            for block in program.inode.extents().mapped(range) {
                memory.blocks.get_mut(block as usize).data = [Some(task); 2];
            }
        }
        memory
    }

    /// A task's call has returned.
    pub(super) fn next_call(&mut self, task: TaskId) {
        let record = &mut self.tasks[usize::from(task)];
        if self.threads.has(task) {
            *record = Arc::new(record.next_call());
        }
    }

    /// A task's record, for people and witnesses: no rule asks here.
    pub(super) fn task(&self, task: TaskId) -> &TaskRecord {
        &self.tasks[usize::from(task)]
    }

    /// Everything, for the end of an execution.
    pub(super) fn at_the_end(&self) -> End<'_> {
        End { memory: self }
    }
}

/// What the judgement of one event may see and change.
pub(super) struct View<'a> {
    pub(super) program: &'a Program,
    pub(super) event: &'a Event,
    memory: &'a mut Memory,
    touched: &'a [(Object, Access)],
    /// Who asks, for the message about one that asks for too much.
    pub(super) asking: &'static str,
}

impl<'a> View<'a> {
    pub(super) fn new(
        program: &'a Program,
        event: &'a Event,
        memory: &'a mut Memory,
        touched: &'a [(Object, Access)],
    ) -> View<'a> {
        View { program, event, memory, touched, asking: "the rules' memory" }
    }

    /// What the event touches.
    pub(super) fn touched(&self) -> &'a [(Object, Access)] {
        self.touched
    }

    /// A task's letter.
    pub(super) fn name(&self, task: TaskId) -> char {
        self.program.names[usize::from(task)].letter
    }

    /// The letter of the event's own task.
    pub(super) fn who(&self) -> char {
        self.name(self.event.task)
    }

    /// The record of the event's own task.
    pub(super) fn me(&self) -> &TaskRecord {
        &self.memory.tasks[usize::from(self.event.task)]
    }

    pub(super) fn me_mut(&mut self) -> &mut TaskRecord {
        Arc::make_mut(&mut self.memory.tasks[usize::from(self.event.task)])
    }

    /// The record of the completion that the event starts: nothing else of it comes before.
    pub(super) fn started(&mut self, child: TaskId) -> &mut TaskRecord {
        let starts = matches!(self.event.op, Op::Submit(started, _) if started == child);
        assert!(
            starts,
            "{} asks for task {child}, which {} does not start",
            self.asking,
            self.what()
        );
        Arc::make_mut(&mut self.memory.tasks[usize::from(child)])
    }

    fn what(&self) -> String {
        format!("{:?} of task {}", self.event.op, self.event.task)
    }

    fn touches(&self, object: Object, how: impl Fn(Access) -> bool) -> bool {
        self.touched.iter().any(|&(touched, access)| touched == object && how(access))
    }

    /// An addition does not look: two of them commute.
    fn may_look(&self, object: Object) {
        let may = self.touches(object, |access| access != Access::Add);
        assert!(may, "{} looks at {object:?}, and {} does not", self.asking, self.what());
    }

    /// A look changes nothing: two of them commute.
    fn may_change(&self, object: Object) {
        let may = self.touches(object, |access| access != Access::Read);
        assert!(may, "{} changes {object:?}, and {} does not", self.asking, self.what());
    }
}

/// For each object two accessors, one to look at its record and one to change it.
macro_rules! records {
    ($($look:ident, $change:ident: $object:expr => $field:ident: $record:ty;)+) => {
        impl View<'_> {
            $(
                #[allow(dead_code, reason = "made for each object alike")]
                pub(super) fn $look(&self) -> &$record {
                    self.may_look($object);
                    &self.memory.$field
                }
                pub(super) fn $change(&mut self) -> &mut $record {
                    self.may_change($object);
                    &mut self.memory.$field
                }
            )+
        }
        impl<'a> End<'a> {
            $(
                #[allow(dead_code, reason = "made for each object alike")]
                pub(super) fn $look(self) -> &'a $record {
                    &self.memory.$field
                }
            )+
        }
    };
}

records! {
    size, size_mut: Object::Size => size: SizeRecord;
    disksize, disksize_mut: Object::Disksize => disksize: DisksizeRecord;
    dio_count, dio_count_mut: Object::DioCount => dio_count: DioCountRecord;
    unwritten, unwritten_mut: Object::Unwritten => unwritten: i8;
    orphan, orphan_mut: Object::Orphan => orphan: bool;
    slot, slot_mut: Object::InodeAio => slot: Option<TaskId>;
    closed, closed_mut: Object::File => closed: bool;
    extents, extents_mut: Object::Extents => extents: ExtentsRecord;
    pages, pages_mut: Object::Pages => pages: PagesRecord;
    listed, listed_mut: Object::CompletedList => listed: Vec<TaskId>;
}

/// The same for objects that there are several of.
macro_rules! tables {
    ($($look:ident, $change:ident($key:ty): $object:path => $field:ident: $record:ty;)+) => {
        impl View<'_> {
            $(
                #[allow(dead_code, reason = "made for each object alike")]
                pub(super) fn $look(&self, key: $key) -> $record {
                    self.may_look($object(key));
                    self.memory.$field.get(key as usize)
                }
                pub(super) fn $change(&mut self, key: $key) -> &mut $record {
                    self.may_change($object(key));
                    self.memory.$field.get_mut(key as usize)
                }
            )+
        }
        impl End<'_> {
            $(
                #[allow(dead_code, reason = "made for each object alike")]
                pub(super) fn $look(self, key: $key) -> $record {
                    self.memory.$field.get(key as usize)
                }
            )+
        }
    };
}

tables! {
    lock, lock_mut(LockName): Object::Lock => locks: LockRecord;
    block, block_mut(PhysicalBlock): Object::Block => blocks: BlockRecord;
    in_flight, in_flight_mut(PhysicalBlock): Object::InFlight => in_flight: Set;
    io_end, io_end_mut(TaskId): Object::IoEnd => io_ends: IoEndRecord;
    dio, dio_mut(TaskId): Object::DioRefcount => dios: DioRecord;
    page_data, page_data_mut(LogicalBlock): Object::PageData => page_data: PageDataRecord;
}

/// What the judgement of the end may see: everything, as the end is the same in every order of a trace.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    memory: &'a Memory,
}

impl<'a> End<'a> {
    pub(super) fn task(self, task: TaskId) -> &'a TaskRecord {
        self.memory.task(task)
    }

    pub(super) fn tasks(self) -> impl Iterator<Item = (TaskId, &'a TaskRecord)> + Clone {
        (0..).zip(self.memory.tasks.iter().map(Arc::as_ref))
    }
}
