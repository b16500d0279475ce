//! The rules' state and their judgement of each event.

use super::cache::Cache;
use super::{Gathered, RuleId, Violation};
use crate::program::{Event, Program};
use diolock::dio_path::Call;
use diolock::extent_probe::Mapped;
use diolock::inode_lock::{LockName, Mode, WaitQueue};
use diolock::op::{Blocks, LogicalBlock, Op, PhysicalBlock, TaskId};

/// What the rules remember of one task.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct TaskState {
    pub(super) held: Vec<(LockName, Mode)>,
    pub(super) handles: u8,
    pub(super) time_handle: bool,
    /// References to i_dio_count held for this task's I/O.
    pub(super) references: i8,
    /// It has taken a reference, for itself or its completion.
    pub(super) counted: bool,
    /// It is the system call, not a completion.
    pub(super) submits: bool,
    /// It decided that it is an overwrite.
    pub(super) overwrite: bool,
    /// It dropped i_mutex to do I/O and has not taken its reference yet.
    pub(super) committed: bool,
    /// Blocks it has mapped for I/O that is not done.
    pub(super) in_flight: Vec<PhysicalBlock>,
    /// One past the last block of the range that it maps for its I/O.
    pub(super) mapped_to: Blocks,
    /// One past the last block that its data went to.
    pub(super) wrote_to: Blocks,
    /// It writes a page back, through no count of direct I/O.
    pub(super) writes_back: bool,
    /// The page that it wrote back is on the device, and its extent is unwritten still.
    pub(super) to_convert: bool,
    /// Tasks in that state when this one had waited for writeback.
    pub(super) awaits: u32,
    /// Its `aio_complete` let go of a file that was closed already: the inode may be gone.
    pub(super) let_go: bool,
    /// Tasks that dropped a reference since it took i_mutex (kept only if a witness asks).
    pub(super) ended_meanwhile: u32,
    /// i_size, as it last read it.
    pub(super) size_seen: Blocks,
    /// It has drained, and kept i_mutex since.
    pub(super) drained: bool,
    /// A completion: it has taken the io_end out of iocb->private.
    pub(super) took_io_end: bool,
    /// How deep the extent tree was when it last looked without a handle.
    pub(super) credits_for: Option<Blocks>,
    /// It has converted extents.
    pub(super) converted: bool,
    /// It has dropped the pages, or seen that there are none, and kept out all that bring some in since.
    pub(super) pages_gone: bool,
    /// It has closed the gate.
    pub(super) gate: bool,
}

/// What the rules remember of one device block.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct BlockState {
    pub(super) freed: bool,
    /// Whose data each half holds, if a write put some there.
    pub(super) data: [Option<TaskId>; 2],
    /// Whose I/O it was converted for.
    pub(super) converted: Option<TaskId>,
    /// It was unwritten when I/O last asked for it, and nobody has converted it since.
    pub(super) to_convert: bool,
}

/// The rules and all they remember: plain data, no part of any engine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rules {
    pub(super) tasks: Vec<TaskState>,
    pub(super) blocks: Vec<BlockState>,
    pub(super) dio_count: i8,
    pub(super) unwritten: i8,
    pub(super) size: Blocks,
    pub(super) disksize: Blocks,
    pub(super) size_touched: bool,
    pub(super) disksize_touched: bool,
    pub(super) orphan: bool,
    /// Who last changed the inode's slot for an io_end.
    pub(super) slot_by: Option<TaskId>,
    pub(super) closed: bool,
    /// What the page cache holds, in programs that use it.
    pub(super) cache: Option<Cache>,
}

pub(super) type Judgement = Result<(), Violation>;

pub(super) fn broken(rule: RuleId, text: impl Into<String>) -> Judgement {
    Err(Violation { rule, text: text.into() })
}

impl Rules {
    /// At the start of a program.
    pub fn new(program: &Program) -> Rules {
        let mut tasks = vec![TaskState::default(); program.calls.len()];
        for (queue, task) in program.calls.iter().filter_map(|call| call.holds()) {
            tasks[usize::from(task)].references += i8::from(queue == WaitQueue::Dio);
        }
        let mut rules = Rules {
            tasks,
            blocks: Vec::new(),
            dio_count: program.inode.count(WaitQueue::Dio),
            unwritten: program.inode.count(WaitQueue::Unwritten),
            size: program.inode.sizes().0,
            disksize: program.inode.sizes().1,
            size_touched: false,
            disksize_touched: false,
            orphan: false,
            slot_by: None,
            closed: false,
            cache: program.calls.iter().any(Call::uses_the_page).then(|| Cache::new(program)),
        };
        for (task, range) in program.calls.iter().filter_map(|call| call.end_bio()?.written()) {
            for block in program.inode.extents().mapped(range) {
                rules.block(block).data = [Some(task); 2];
            }
        }
        rules
    }

    /// What the extent tree says of a block, as far as it was looked at.
    pub(super) fn mapped(&self, block: LogicalBlock) -> Option<Mapped> {
        self.cache.as_ref()?.mapped(block)
    }

    pub(super) fn task(&mut self, task: TaskId) -> &mut TaskState {
        &mut self.tasks[usize::from(task)]
    }

    pub(super) fn block(&mut self, block: PhysicalBlock) -> &mut BlockState {
        let at = block as usize;
        if self.blocks.len() <= at {
            self.blocks.resize(at + 1, BlockState::default());
        }
        &mut self.blocks[at]
    }

    pub(super) fn holds(&self, task: TaskId, lock: LockName, mode: Mode) -> bool {
        let held = &self.tasks[usize::from(task)].held;
        held.iter().any(|h| h.0 == lock && (h.1 == Mode::Exclusive || mode == Mode::Shared))
    }

    pub(super) fn holds_inode_lock(&self, task: TaskId, mode: Mode) -> bool {
        self.holds(task, LockName::IMutex, mode) || self.holds(task, LockName::IRwsem, mode)
    }

    /// Whether a task has blocks mapped for I/O that is not done.
    pub fn in_flight(&self, task: TaskId) -> bool {
        !self.tasks[usize::from(task)].in_flight.is_empty()
    }

    /// Whether the task has taken a reference.
    pub fn counted(&self, task: TaskId) -> bool {
        self.tasks[usize::from(task)].counted
    }

    /// Whether this event takes a reference under `i_rwsem` held in that mode.
    pub fn begins_io(&self, event: &Event, mode: Mode) -> bool {
        let held = &self.tasks[usize::from(event.task)].held;
        matches!(event.op, Op::DioBegin(_)) && held.contains(&(LockName::IRwsem, mode))
    }

    /// Whether `other` dropped a reference since `task` took i_mutex.
    pub fn ended_meanwhile(&self, task: TaskId, other: TaskId) -> bool {
        self.tasks[usize::from(task)].ended_meanwhile >> other & 1 == 1
    }

    /// The locks a task holds, for people: `i_mutex, i_data_sem R`.
    pub fn held_text(&self, task: TaskId) -> String {
        let state = &self.tasks[usize::from(task)];
        let mut held: Vec<String> =
            state.held.iter().map(|&(lock, mode)| lock.in_mode(mode)).collect();
        if state.handles > 0 {
            held.push("handle".to_owned());
        }
        held.join(", ")
    }

    /// Judges one event.
    ///
    /// # Errors
    /// The first rule (of those judged) that it breaks.
    pub fn observe(
        &mut self,
        program: &Program,
        event: &Event,
        gathered: &mut Gathered,
    ) -> Judgement {
        let name = |task: TaskId| program.names[usize::from(task)].letter;
        self.gather(event, gathered);
        let judgements = [
            self.lockset(program, event),
            self.io_end_slot(program, event, &name),
            self.lock_order(event),
            self.lock_balance(event, &name),
            self.block_lifetime(event, &name),
            self.no_stale_data(program, event, &name),
            self.store_is_kept(event, &name),
            self.reference_under_lock(program, event, &name),
            self.nolock_flag(event),
            self.time_before_unlock(event),
            self.convert_inside_count(program, event),
            self.synced(event, &name),
            self.inode_is_kept(program, event, &name),
            self.io_end_is_kept(event, &name),
            self.handle_credits(event, &name),
            self.grows_the_file(event, &name),
        ];
        let witness_before = self.witnesses(program, event, false);
        self.remember(program, event);
        let later = [self.counters(), self.size(event, &name)];
        for at in witness_before.into_iter().chain(self.witnesses(program, event, false)) {
            gathered.witness(at);
        }
        judgements
            .into_iter()
            .chain(later)
            .filter_map(Result::err)
            .find(|violation| program.rules.has(violation.rule))
            .map_or(Ok(()), Err)
    }

    /// Books the witnesses of tasks that have returned.
    pub fn returned(&self, program: &Program, event: &Event, gathered: &mut Gathered) {
        for at in self.witnesses(program, event, true) {
            gathered.witness(at);
        }
    }

    fn witnesses(&self, program: &Program, event: &Event, returned: bool) -> Vec<usize> {
        let shown = |w: &super::Witness| w.shown_by(event, self, returned);
        (0..program.reaches.len()).filter(|&at| shown(&program.reaches[at])).collect()
    }

    /// Judges the end of an execution in which every task returned.
    ///
    /// # Errors
    /// The first rule (of those judged) that the final state breaks.
    pub fn finish(&self, program: &Program) -> Judgement {
        let judgements = [
            self.nothing_held(program),
            self.counters_zero(),
            self.all_converted(program),
            self.page_agrees(program),
            self.sizes_agree(program),
        ];
        judgements
            .into_iter()
            .filter_map(Result::err)
            .find(|violation| program.rules.has(violation.rule))
            .map_or(Ok(()), Err)
    }
}
