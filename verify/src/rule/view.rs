//! The rules' memory, and the one door to it: a rule sees its event's own task and the objects that
//! the event touches.
//!
//! Steps that touch nothing in common commute, and loom and the exhaustive search of shuttle leave out
//! what differs by that only. A rule that looked further could say one thing of an execution and another
//! of its equivalent, and which of them an engine runs is chance.

use super::RuleId;
use super::memory::Memory;
use super::records::{
    BlockRecord, DioCountRecord, DioRecord, DisksizeRecord, ExtentsRecord, IoEndRecord, LockRecord,
    PageDataRecord, PageRecord, Set, SizeRecord, TaskRecord,
};
use crate::program::{Event, Program};
use diolock::op::{Access, LockName, LogicalBlock, Object, Op, PageNo, PhysicalBlock, TaskId};
use std::sync::Arc;

/// What the judgement of one event may see and change.
pub(super) struct View<'a> {
    pub(super) program: &'a Program,
    pub(super) event: &'a Event,
    memory: &'a mut Memory,
    touched: &'a [(Object, Access)],
    /// Who asks, for the message about one that asks for too much.
    pub(super) asking: Option<RuleId>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        program: &'a Program,
        event: &'a Event,
        memory: &'a mut Memory,
        touched: &'a [(Object, Access)],
    ) -> View<'a> {
        View { program, event, memory, touched, asking: None }
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
            self.asking(),
            self.what()
        );
        Arc::make_mut(&mut self.memory.tasks[usize::from(child)])
    }

    fn asking(&self) -> &'static str {
        self.asking.map_or("the rules' memory", RuleId::name)
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
        assert!(may, "{} looks at {object:?}, and {} does not", self.asking(), self.what());
    }

    /// A look changes nothing: two of them commute.
    fn may_change(&self, object: Object) {
        let may = self.touches(object, |access| access != Access::Read);
        assert!(may, "{} changes {object:?}, and {} does not", self.asking(), self.what());
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
    listed, listed_mut: Object::CompletedList => listed: Vec<TaskId>;
}

/// What an object of several goes by: its place among them.
trait Key {
    fn at(self) -> usize;
}

macro_rules! keys {
    ($($key:ty),+) => {
        $(impl Key for $key {
            fn at(self) -> usize {
                self as usize
            }
        })+
    };
}

keys!(PageNo, TaskId, LogicalBlock);

impl Key for LockName {
    fn at(self) -> usize {
        self.index()
    }
}

/// The same for objects that there are several of.
macro_rules! tables {
    ($($look:ident, $change:ident($key:ty): $object:path => $field:ident: $record:ty;)+) => {
        impl View<'_> {
            $(
                #[allow(dead_code, reason = "made for each object alike")]
                pub(super) fn $look(&self, key: $key) -> $record {
                    self.may_look($object(key));
                    self.memory.$field.get(key.at())
                }
                pub(super) fn $change(&mut self, key: $key) -> &mut $record {
                    self.may_change($object(key));
                    self.memory.$field.get_mut(key.at())
                }
            )+
        }
        impl End<'_> {
            $(
                #[allow(dead_code, reason = "made for each object alike")]
                pub(super) fn $look(self, key: $key) -> $record {
                    self.memory.$field.get(key.at())
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
    page, page_mut(PageNo): Object::Page => pages: PageRecord;
    page_data, page_data_mut(LogicalBlock): Object::PageData => page_data: PageDataRecord;
}

/// What the judgement of the end may see: everything, as the end is the same in every order of a trace.
#[derive(Clone, Copy)]
pub(super) struct End<'a> {
    memory: &'a Memory,
}

impl<'a> End<'a> {
    pub(super) fn of(memory: &'a Memory) -> End<'a> {
        End { memory }
    }

    pub(super) fn task(self, task: TaskId) -> &'a TaskRecord {
        self.memory.task(task)
    }

    pub(super) fn tasks(self) -> impl Iterator<Item = (TaskId, &'a TaskRecord)> + Clone {
        (0..).zip(self.memory.tasks.iter().map(Arc::as_ref))
    }
}
