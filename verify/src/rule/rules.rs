//! The rules' state and their judgement of each event.

use super::{Gathered, Node, RuleId, Verb, Violation};
use crate::program::{Event, Program};
use diolock::dio_path::iocb::PrivateOp;
use diolock::extent_probe::{Content, Extent};
use diolock::inode_lock::{JOURNAL_RANK, LockName, Mode};
use diolock::op::{
    Access, Bio, Blocks, Handle, MapFor, Object, Op, Outcome, PhysicalBlock, TaskId,
};

/// What the rules remember of one task.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct TaskState {
    held: Vec<(LockName, Mode)>,
    handles: u8,
    time_handle: bool,
    /// References to i_dio_count held for this task's I/O.
    references: i8,
    /// It has taken a reference, for itself or its completion.
    counted: bool,
    /// It is the system call, not a completion.
    submits: bool,
    /// It decided that it is an overwrite.
    overwrite: bool,
    /// It dropped i_mutex to do I/O and has not taken its reference yet.
    committed: bool,
    /// Blocks it has mapped for I/O that is not done.
    in_flight: Vec<PhysicalBlock>,
    /// Tasks that dropped a reference since it took i_mutex (kept only if a witness asks).
    ended_meanwhile: u32,
}

/// What the rules remember of one device block.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct BlockState {
    freed: bool,
    /// Whose data each half holds, if a write put some there.
    data: [Option<TaskId>; 2],
}

/// The rules and all they remember: plain data, no part of any engine.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rules {
    tasks: Vec<TaskState>,
    blocks: Vec<BlockState>,
    dio_count: i8,
    unwritten: i8,
    size: Blocks,
    disksize: Option<Blocks>,
    size_touched: bool,
}

type Judgement = Result<(), Violation>;

fn broken(rule: RuleId, text: impl Into<String>) -> Judgement {
    Err(Violation { rule, text: text.into() })
}

/// The lock that guards a field, and whether changing it needs the lock alone. Fields that some
/// kernel touches without a lock by design (counters, state bits, reads of i_size) have none.
fn guard(op: &Op) -> Option<(LockName, Mode, &'static str)> {
    use LockName::{CompletedIoLock, IDataSem, IMutex};
    use Mode::{Exclusive, Shared};
    Some(match op {
        Op::Map(_, MapFor::Probe | MapFor::Io) => (IDataSem, Shared, "the extent tree"),
        Op::Map(..) | Op::Convert(..) | Op::Free(_) => (IDataSem, Exclusive, "the extent tree"),
        Op::SizeWrite(_) => (IMutex, Exclusive, "i_size"),
        Op::DisksizeWrite(_) => (IMutex, Exclusive, "i_disksize"),
        Op::PagesAdd | Op::PagesDrop | Op::PagesRead => (IMutex, Exclusive, "the page cache"),
        Op::ListAdd(_) | Op::ListTake(_) => (CompletedIoLock, Exclusive, "i_completed_io_list"),
        _ => return None,
    })
}

impl Rules {
    /// At the start of a program.
    pub fn new(program: &Program) -> Rules {
        Rules {
            tasks: vec![TaskState::default(); program.calls.len()],
            blocks: Vec::new(),
            dio_count: 0,
            unwritten: 0,
            size: 0,
            disksize: None,
            size_touched: false,
        }
    }

    fn task(&mut self, task: TaskId) -> &mut TaskState {
        &mut self.tasks[usize::from(task)]
    }

    fn block(&mut self, block: PhysicalBlock) -> &mut BlockState {
        let at = usize::from(block);
        if self.blocks.len() <= at {
            self.blocks.resize(at + 1, BlockState::default());
        }
        &mut self.blocks[at]
    }

    fn holds(&self, task: TaskId, lock: LockName, mode: Mode) -> bool {
        let held = &self.tasks[usize::from(task)].held;
        held.iter().any(|h| h.0 == lock && (h.1 == Mode::Exclusive || mode == Mode::Shared))
    }

    /// Whether a task has blocks mapped for I/O that is not done.
    pub fn in_flight(&self, task: TaskId) -> bool {
        !self.tasks[usize::from(task)].in_flight.is_empty()
    }

    /// Whether `other` dropped a reference since `task` took i_mutex.
    pub fn ended_meanwhile(&self, task: TaskId, other: TaskId) -> bool {
        self.tasks[usize::from(task)].ended_meanwhile >> other & 1 == 1
    }

    /// The locks a task holds, for people: `i_mutex, i_data_sem R`.
    pub fn held_text(&self, task: TaskId) -> String {
        let state = &self.tasks[usize::from(task)];
        let mut held: Vec<String> = state
            .held
            .iter()
            .map(|(lock, mode)| match (lock.is_rwsem(), mode) {
                (true, Mode::Shared) => format!("{} R", lock.name()),
                (true, Mode::Exclusive) => format!("{} W", lock.name()),
                (false, _) => lock.name().to_owned(),
            })
            .collect();
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
            self.lockset(event),
            self.lock_order(event),
            self.lock_balance(event, &name),
            self.block_lifetime(event, &name),
            self.no_stale_data(event, &name),
            self.reference_under_lock(event, &name),
            self.nolock_flag(event),
            self.time_before_unlock(event),
            self.convert_inside_count(event),
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
        let judgements = [self.nothing_held(program), self.counters_zero(), self.sizes_agree()];
        judgements
            .into_iter()
            .filter_map(Result::err)
            .find(|violation| program.rules.has(violation.rule))
            .map_or(Ok(()), Err)
    }

    /// R1.
    fn lockset(&self, event: &Event) -> Judgement {
        match guard(&event.op) {
            Some((lock, mode, field)) if !self.holds(event.task, lock, mode) => {
                let how = if mode == Mode::Exclusive { "" } else { " (not even shared)" };
                broken(RuleId::R1, format!("{field} was touched without {}{how}", lock.name()))
            }
            _ => Ok(()),
        }
    }

    /// R2, the part that one execution shows: ranks.
    fn lock_order(&self, event: &Event) -> Judgement {
        let state = &self.tasks[usize::from(event.task)];
        let (rank, wanted) = match event.op {
            Op::Lock(lock, _) => (lock.rank(), lock.name()),
            Op::JournalStart(_) => (JOURNAL_RANK, "a journal handle"),
            _ => return Ok(()),
        };
        if let Some((above, _)) = state.held.iter().find(|h| h.0.rank() > rank) {
            return broken(
                RuleId::R2,
                format!("{wanted} was waited for while {} was held", above.name()),
            );
        }
        if state.handles > 0 && JOURNAL_RANK > rank {
            return broken(
                RuleId::R2,
                format!("{wanted} was waited for while a journal handle was open"),
            );
        }
        Ok(())
    }

    /// R2, the part that all executions show together: edges, drains included.
    fn gather(&self, event: &Event, gathered: &mut Gathered) {
        let state = &self.tasks[usize::from(event.task)];
        let wanted = match event.op {
            Op::Lock(lock, _) | Op::LockByRequeue(lock) => Some(Node::Lock(lock)),
            Op::JournalStart(_) => Some(Node::Handle),
            Op::DioWait => Some(Node::Drain),
            _ => None,
        };
        if let Some(wanted) = wanted {
            for &(lock, _) in &state.held {
                gathered.edge(Node::Lock(lock), wanted);
            }
            if state.handles > 0 {
                gathered.edge(Node::Handle, wanted);
            }
            // Whoever owns a reference stands between the drainer and its wake-up.
            if state.references > 0 && wanted != Node::Drain {
                gathered.edge(Node::Drain, wanted);
            }
        }
        let held: Vec<LockName> = state.held.iter().map(|h| h.0).collect();
        for (object, access) in event.touched() {
            if !matches!(object, Object::Lock(_)) {
                gathered.touch(object, access, event.task, &held);
            }
        }
    }

    /// R3.
    fn lock_balance(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        let held = &self.tasks[usize::from(event.task)].held;
        let who = name(event.task);
        match event.op {
            Op::Unlock(lock, mode) if !held.contains(&(lock, mode)) => {
                broken(RuleId::R3, format!("{who} released {}, which it did not hold", lock.name()))
            }
            Op::Lock(lock, _) if held.iter().any(|h| h.0 == lock) => broken(
                RuleId::R3,
                format!("{who} took {} a second time while holding it", lock.name()),
            ),
            _ => Ok(()),
        }
    }

    fn nothing_held(&self, program: &Program) -> Judgement {
        for (state, name) in self.tasks.iter().zip(&program.names) {
            if let Some((lock, _)) = state.held.first() {
                return broken(
                    RuleId::R3,
                    format!("{} returned with {} held", name.letter, lock.name()),
                );
            }
        }
        Ok(())
    }

    /// R4.
    fn block_lifetime(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        match (&event.op, &event.outcome) {
            (Op::Free(_), Outcome::Freed(freed)) => {
                for (task, state) in self.tasks.iter().enumerate() {
                    if let Some(block) = freed.iter().find(|b| state.in_flight.contains(b)) {
                        let whose = name(task as TaskId);
                        return broken(
                            RuleId::R4,
                            format!(
                                "block {block} was freed while {whose}'s I/O to it was in flight"
                            ),
                        );
                    }
                }
                Ok(())
            }
            (Op::Bio(blocks, _), _) => {
                let gone = |b: &&PhysicalBlock| {
                    self.blocks.get(usize::from(**b)).is_some_and(|block| block.freed)
                };
                match blocks.iter().find(gone) {
                    Some(block) => broken(
                        RuleId::R4,
                        format!("I/O reached block {block}, which belongs to another file by now"),
                    ),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// R5.
    fn no_stale_data(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        let block = |b: PhysicalBlock| self.blocks.get(usize::from(b));
        match (&event.op, &event.outcome) {
            (Op::Convert(..), Outcome::Converted(found)) => {
                for &(extent, number) in found {
                    let data = number.and_then(block).is_some_and(|b| b.data != [None; 2]);
                    if extent == Extent::Hole {
                        return broken(
                            RuleId::R5,
                            "the range to convert had been removed by a truncate",
                        );
                    }
                    if extent == Extent::Unwritten && !data {
                        return broken(
                            RuleId::R5,
                            format!(
                                "block {} became written with nothing written to it",
                                number.unwrap_or(0)
                            ),
                        );
                    }
                }
                Ok(())
            }
            (Op::Bio(blocks, Bio::Write { half: Some(half), zero_rest: true }), _) => {
                let other = 1 - half.index();
                for &b in blocks {
                    if let Some(loser) = block(b).and_then(|state| state.data[other])
                        && loser != event.task
                    {
                        return broken(
                            RuleId::R5,
                            format!(
                                "{} zeroed the half of block {b} that {} had written",
                                name(event.task),
                                name(loser)
                            ),
                        );
                    }
                }
                Ok(())
            }
            (Op::Bio(blocks, Bio::Read), Outcome::Data(data)) => {
                for (b, halves) in blocks.iter().zip(data) {
                    if halves.iter().any(|c| matches!(c, Content::Stale | Content::Foreign)) {
                        return broken(
                            RuleId::R5,
                            format!(
                                "the read of block {b} returned bytes that the file never held"
                            ),
                        );
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// R6.
    fn reference_under_lock(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        if event.op == Op::DioWait
            && let Some(late) = self.tasks.iter().position(|state| state.committed)
        {
            return broken(
                RuleId::R6,
                format!(
                    "the drain saw i_dio_count == 0 although {} had already dropped i_mutex for its I/O",
                    name(late as TaskId)
                ),
            );
        }
        Ok(())
    }

    /// R7.
    fn nolock_flag(&self, event: &Event) -> Judgement {
        let Op::Private(_, op) = event.op else { return Ok(()) };
        let imutex = self.holds(event.task, LockName::IMutex, Mode::Exclusive);
        match op {
            PrivateOp::PointAtFlag if !imutex => {
                broken(RuleId::R7, "iocb->private was set without i_mutex")
            }
            PrivateOp::ReadFlag { .. } if event.outcome == Outcome::Flag(false) => broken(
                RuleId::R7,
                "iocb->private was read as the no-lock flag but does not hold it",
            ),
            PrivateOp::TakeIoEnd if event.outcome == Outcome::Flag(false) => broken(
                RuleId::R7,
                "the completion took the no-lock flag in iocb->private for an io_end",
            ),
            _ => Ok(()),
        }
    }

    /// R8.
    fn time_before_unlock(&self, event: &Event) -> Judgement {
        let state = &self.tasks[usize::from(event.task)];
        let in_order = self.holds(event.task, LockName::IMutex, Mode::Exclusive)
            && !self.holds(event.task, LockName::IDataSem, Mode::Shared);
        match event.op {
            Op::JournalStart(Handle::Time) if !in_order => broken(
                RuleId::R8,
                "file_update_time started its handle with i_mutex dropped and i_data_sem held",
            ),
            Op::Lock(LockName::IDataSem, _) | Op::Unlock(LockName::IMutex, _)
                if state.time_handle =>
            {
                broken(RuleId::R8, "file_update_time's handle was still open")
            }
            _ => Ok(()),
        }
    }

    /// R9.
    fn convert_inside_count(&self, event: &Event) -> Judgement {
        let Op::Convert(_, of) = event.op else { return Ok(()) };
        let counted = self.tasks[usize::from(of)].references > 0;
        let inline = of == event.task
            && self.tasks[usize::from(of)].submits
            && self.holds(event.task, LockName::IMutex, Mode::Exclusive);
        if counted || inline {
            return Ok(());
        }
        broken(RuleId::R9, "extents were converted after the I/O's i_dio_count reference had gone")
    }

    /// R10.
    fn counters(&self) -> Judgement {
        match (self.dio_count, self.unwritten) {
            (..0, _) => broken(RuleId::R10, "i_dio_count went negative"),
            (_, ..0) => broken(RuleId::R10, "the count of unwritten I/O went negative"),
            _ => Ok(()),
        }
    }

    fn counters_zero(&self) -> Judgement {
        match (self.dio_count, self.unwritten) {
            (0, 0) => Ok(()),
            (0, n) => broken(RuleId::R10, format!("the count of unwritten I/O is {n} at the end")),
            (n, _) => broken(RuleId::R10, format!("i_dio_count is {n} at the end")),
        }
    }

    /// R11.
    fn size(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        let Op::SizeWrite(size) = event.op else { return Ok(()) };
        if self.tasks[usize::from(event.task)].overwrite {
            return broken(
                RuleId::R11,
                format!(
                    "{}, an overwrite, set i_size to {size} after a truncate had changed it",
                    name(event.task)
                ),
            );
        }
        Ok(())
    }

    fn sizes_agree(&self) -> Judgement {
        match self.disksize {
            Some(disksize) if self.size_touched && disksize != self.size => broken(
                RuleId::R11,
                format!("i_size is {} and i_disksize {disksize} at the end", self.size),
            ),
            _ => Ok(()),
        }
    }

    fn remember(&mut self, program: &Program, event: &Event) {
        let me = event.task;
        match (&event.op, &event.outcome) {
            (Op::TryLock(_, _), Outcome::Flag(false)) => {}
            (&Op::Lock(lock, mode) | &Op::TryLock(lock, mode), _) => self.take(me, lock, mode),
            (&Op::LockByRequeue(lock), _) => self.take(me, lock, Mode::Exclusive),
            (&Op::Unlock(lock, mode), _) => {
                let state = self.task(me);
                if let Some(at) = state.held.iter().position(|&h| h == (lock, mode)) {
                    state.held.remove(at);
                }
                if lock == LockName::IMutex {
                    state.committed = state.overwrite && !state.counted;
                    state.ended_meanwhile = 0;
                }
            }
            (&Op::Downgrade(lock), _) => {
                for hold in &mut self.task(me).held {
                    if hold.0 == lock {
                        hold.1 = Mode::Shared;
                    }
                }
            }
            (&Op::DioBegin(of), _) => {
                self.dio_count += 1;
                self.task(of).references += 1;
                self.task(me).counted = true;
                self.task(me).committed = false;
            }
            (&Op::DioEnd(of), _) => {
                self.dio_count -= 1;
                self.task(of).references -= 1;
                self.task(me).in_flight.clear();
                if program.reaches.iter().any(|w| matches!(w.verb, Verb::WaitsFor(_))) {
                    for state in &mut self.tasks {
                        if state.held.iter().any(|h| h.0 == LockName::IMutex) {
                            state.ended_meanwhile |= 1 << of;
                        }
                    }
                }
            }
            (Op::UnwrittenBegin, _) => self.unwritten += 1,
            (Op::UnwrittenEnd, _) => self.unwritten -= 1,
            (&Op::JournalStart(handle), _) => {
                self.task(me).handles += 1;
                self.task(me).time_handle |= handle == Handle::Time;
            }
            (&Op::JournalStop(handle), _) => {
                let state = self.task(me);
                state.handles = state.handles.saturating_sub(1);
                state.time_handle &= handle != Handle::Time;
            }
            (&Op::SizeWrite(size), _) => {
                self.size = size;
                self.size_touched = true;
            }
            (&Op::DisksizeWrite(size), _) => self.disksize = Some(size),
            (Op::Map(_, MapFor::Probe), _) => {}
            (Op::Map(..), Outcome::Mapping(found)) => {
                self.task(me).in_flight = found.iter().filter_map(|m| m.block).collect();
            }
            (Op::Submit(child, _), _) => {
                let blocks = std::mem::take(&mut self.task(me).in_flight);
                self.task(*child).in_flight = blocks;
            }
            (Op::Bio(blocks, bio), _) => {
                self.task(me).in_flight.clear();
                if let Bio::Write { half, zero_rest } = *bio {
                    for &b in blocks {
                        let data = &mut self.block(b).data;
                        match half {
                            None => *data = [Some(me); 2],
                            Some(half) => {
                                if zero_rest {
                                    *data = [None; 2];
                                }
                                data[half.index()] = Some(me);
                            }
                        }
                    }
                }
            }
            (Op::Free(_), Outcome::Freed(freed)) => {
                for &b in freed {
                    self.block(b).freed = true;
                }
            }
            (Op::Private(_, PrivateOp::PointAtFlag), _) => self.task(me).submits = true,
            (&Op::Private(_, PrivateOp::ReadFlag { overwrite }), _) => {
                self.task(me).overwrite = overwrite;
            }
            _ => {}
        }
    }

    fn take(&mut self, task: TaskId, lock: LockName, mode: Mode) {
        let state = self.task(task);
        state.held.push((lock, mode));
        if lock == LockName::IMutex {
            state.committed = false;
            state.ended_meanwhile = 0;
        }
    }

    /// Whether the guard that [`Rules`] demands for this access is held.
    pub fn guarded(&self, task: TaskId, lock: LockName, access: Access) -> bool {
        let mode = if access == Access::Write { Mode::Exclusive } else { Mode::Shared };
        self.holds(task, lock, mode)
    }
}
