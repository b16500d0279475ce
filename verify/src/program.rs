//! A litmus test made concrete: an inode, its tasks, and what is asked of them.

pub use crate::run::Run;

use crate::condition::{self, Cell, Conditions};
use crate::rule::{RuleSet, Witness};
use diolock::call::Call;
use diolock::inode::{Blocked, Inode};
use diolock::kernel::{Kernel, Version};
use diolock::op::{
    Access, Bio, Caller, Content, Ends, LockName, LogicalBlock, Mode, Object, Op, Outcome,
    PhysicalBlock, Size, TaskId,
};
use diolock::task::{Place, Task};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which orders memory accesses may appear in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// Sequentially consistent: every engine.
    Sc,
    /// C11 with the kernel's orderings: loom only.
    C11,
}

/// Who a task is, for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TaskName {
    /// One capital letter; a completion has a small one, the first of each task its submitter's.
    pub letter: char,
    /// The letter and the call: `W pwrite(0,1)`.
    pub text: String,
}

/// A litmus test on one kernel.
#[derive(Clone, Debug)]
pub struct Program {
    /// The litmus test's name.
    pub litmus: String,
    /// How to name it on a command line: as it was typed, quoted for a shell if need be.
    pub given: String,
    /// What the litmus test's file says of files, options, tasks and rules, in one form: what a
    /// schedule's seal covers.
    pub situation: String,
    /// The kernel.
    pub kernel: Kernel,
    /// The inode at the start.
    pub inode: Inode,
    /// The tasks at the start.
    pub calls: Vec<Call>,
    /// Their names.
    pub names: Vec<TaskName>,
    /// Of each that is a completion: of which call.
    pub completes: Vec<Option<Caller>>,
    /// Locks whose writers queue visibly in every engine (graph queues on every rwsem).
    pub fair: Vec<LockName>,
    /// The memory model.
    pub memory: Memory,
    /// The rules that are judged.
    pub rules: RuleSet,
    /// What must be seen for a clean result to mean anything.
    pub reaches: Vec<Witness>,
    /// What is asked of the end of executions.
    pub conditions: Conditions,
    /// The device does a bio block by block.
    pub torn: bool,
    /// The order in which loom and shuttle spawn the tasks.
    pub spawn_order: Vec<TaskId>,
}

impl Program {
    /// The number of the witness that some execution came to its end, which is what conditions speak of: behind those
    /// of `reaches` and `exists`.
    pub fn witness_of_an_end(&self) -> usize {
        self.reaches.len() + self.conditions.exists.len()
    }

    /// The call on whose behalf one was made: of a completion, that which submitted it.
    pub fn asked(&self, by: Caller) -> Caller {
        self.completes[usize::from(by.task)].unwrap_or(by)
    }

    /// Whose call a task belongs to: a completion to its submitter.
    pub fn submitter(&self, task: TaskId) -> TaskId {
        self.asked(Caller { task, call: 0 }).task
    }

    /// A task as conditions have it: its letter, and how many calls it makes.
    pub fn task(&self, task: TaskId) -> condition::Task {
        let at = usize::from(task);
        (self.names[at].letter, self.calls[at].calls().len())
    }

    /// Whose data it is, for people: `W`; of one that makes several calls `W2`, the data of the second.
    pub fn whose(&self, by: Caller) -> String {
        Cell::Holds(Content::Of(self.asked(by))).words(|task| self.task(task))
    }

    /// Whether a page is appended to in the way that is about memory order: it stands for dirty, and is not
    /// followed as such.
    pub fn appends(&self) -> bool {
        self.calls.iter().any(|call| matches!(call, Call::Append(_)))
    }
}

/// One completed step.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Who.
    pub task: TaskId,
    /// What.
    pub op: Op,
    /// What came back.
    pub outcome: Outcome,
}

impl Event {
    /// What the step touched.
    pub fn touched(&self) -> Vec<(Object, Access)> {
        let mut touched = self.op.touches();
        touched.extend(self.op.also_touched(&self.outcome));
        touched
    }
}

/// The tasks and what they share, at one moment.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct System {
    /// What they share.
    pub inode: Inode,
    /// Where each stands. Copies of a system share those that have not moved since.
    pub calls: Vec<Arc<Call>>,
    /// Where I/O is torn: what of its bio each has done.
    torn: Option<Vec<Torn>>,
}

/// A bio of several blocks, which the device does one by one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Torn {
    /// So many blocks are over.
    over: usize,
    /// What was read of them.
    data: Vec<[Content; 2]>,
}

/// Where one task stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Local {
    call: Arc<Call>,
    torn: Option<Torn>,
}

impl Local {
    /// Its call.
    pub(crate) fn call(&self) -> &Call {
        &self.call
    }
}

/// One block of a bio.
fn part(blocks: &[PhysicalBlock], bio: Bio, at: usize) -> Option<Op> {
    let bio = match bio {
        Bio::Write { cut, zeroed, call } => {
            let of = |ends: Ends| ends.of_block(at, blocks.len());
            Bio::Write { cut: of(cut), zeroed: of(zeroed), call }
        }
        Bio::Page { start } => Bio::Page { start: start + at as LogicalBlock },
        Bio::Read { returned } => {
            let left = returned.in_halves().saturating_sub(2 * at as u32).min(2);
            Bio::Read { returned: Size::halves(left) }
        }
    };
    Some(Op::Bio(vec![*blocks.get(at)?], bio))
}

impl System {
    /// The start of a program.
    pub fn new(program: &Program) -> System {
        System {
            inode: program.inode.clone(),
            calls: program.calls.iter().cloned().map(Arc::new).collect(),
            torn: program.torn.then(|| vec![Torn::default(); program.calls.len()]),
        }
    }

    /// Put together again.
    pub(crate) fn of<'a>(inode: Inode, locals: impl Iterator<Item = &'a Local>) -> System {
        let (mut calls, mut torn) = (Vec::new(), None);
        for local in locals {
            calls.push(Arc::clone(&local.call));
            torn = local.torn.clone().map(|one| {
                let mut all: Vec<Torn> = torn.take().unwrap_or_default();
                all.push(one);
                all
            });
        }
        System { inode, calls, torn }
    }

    /// Where a task stands.
    pub(crate) fn local(&self, task: TaskId) -> Local {
        let at = usize::from(task);
        let torn = self.torn.as_ref().map(|torn| torn[at].clone());
        Local { call: Arc::clone(&self.calls[at]), torn }
    }

    /// A task's own next step; where I/O is torn, of a bio the next block.
    pub fn next(&self, task: TaskId) -> Option<Op> {
        let op = self.calls[usize::from(task)].next()?;
        match (&self.torn, &op) {
            (Some(torn), Op::Bio(blocks, bio)) if blocks.len() > 1 => {
                part(blocks, *bio, torn[usize::from(task)].over)
            }
            _ => Some(op),
        }
    }

    /// What a task wants to do next: its own step, or to queue for a fair lock first.
    pub fn pending(&self, task: TaskId, fair: &[LockName]) -> Option<Op> {
        let op = self.next(task)?;
        if let Op::Lock(lock, Mode::Exclusive) = op
            && fair.contains(&lock)
            && !self.inode.lock(lock).is_queued(task)
        {
            return Some(Op::Queue(lock));
        }
        Some(op)
    }

    /// Performs a task's step.
    ///
    /// # Errors
    /// If it has to wait; nothing has changed then.
    pub fn perform(&mut self, task: TaskId, op: Op) -> Result<Event, Blocked> {
        let outcome = self.inode.perform(task, &op)?;
        self.resume(task, &op, outcome.clone());
        Ok(Event { task, op, outcome })
    }

    /// Tells a task what came back.
    pub fn resume(&mut self, task: TaskId, op: &Op, outcome: Outcome) {
        if matches!(op, Op::Queue(_)) {
            return;
        }
        let Some(outcome) = self.whole(task, outcome) else { return };
        let call = Arc::make_mut(&mut self.calls[usize::from(task)]);
        call.resume(outcome);
        if call.went_on() {
            self.inode.new_iocb(task);
        }
        if let Op::Submit(child, submission) = op {
            Arc::make_mut(&mut self.calls[usize::from(*child)]).submit(submission.clone());
        }
    }

    /// What a task is told of its step; nothing yet, if it was a block of a torn bio and more are to come.
    fn whole(&mut self, task: TaskId, outcome: Outcome) -> Option<Outcome> {
        let Some(torn) = &mut self.torn else { return Some(outcome) };
        let (at, call) = (usize::from(task), &self.calls[usize::from(task)]);
        let Some(Op::Bio(blocks, _)) = call.next() else { return Some(outcome) };
        let torn = &mut torn[at];
        torn.over += 1;
        let is_data = matches!(outcome, Outcome::Data(_));
        if let Outcome::Data(data) = outcome {
            torn.data.extend(data);
        }
        if torn.over < blocks.len() {
            return None;
        }
        let Torn { data, .. } = std::mem::take(torn);
        Some(if is_data { Outcome::Data(data) } else { Outcome::Done })
    }

    /// The call that a task's last step has ended.
    pub fn just_over(&self, task: TaskId) -> Option<&Call> {
        self.calls[usize::from(task)].just_over()
    }

    /// The tasks, in order.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + use<> {
        0..self.calls.len() as TaskId
    }

    /// Whether nobody has anything left to do (a completion never submitted does not count).
    pub fn finished(&self) -> bool {
        self.calls.iter().all(|call| call.next().is_none())
    }

    /// Every task that waits, with where it stands and what for.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = self
            .tasks()
            .filter_map(|task| {
                let call = &self.calls[usize::from(task)];
                let blocked = self.inode.blocked(task, &call.next()?)?;
                Some(Waiting { task, place: call.place(), blocked })
            })
            .collect();
        let unfinished = self.calls.iter().filter(|call| call.next().is_some()).count();
        let alone = unfinished == waiting.len();
        for waiting in &mut waiting {
            if let Blocked::Asleep { forgotten, .. } = &mut waiting.blocked {
                *forgotten = alone;
            }
        }
        waiting
    }
}

/// A task that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Who.
    pub task: TaskId,
    /// Where in the kernel.
    pub place: Place,
    /// For what.
    pub blocked: Blocked,
}

impl Waiting {
    /// The same, with the function's name in that version.
    #[must_use]
    pub fn on(self, version: Version) -> Waiting {
        Waiting { place: self.place.on(version), ..self }
    }

    /// Whether it burns CPU meanwhile.
    pub fn spins(&self) -> bool {
        matches!(self.blocked, Blocked::Lock { spins: true, .. })
    }
}
