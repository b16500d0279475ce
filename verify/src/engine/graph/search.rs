//! The states of a program, and the steps that lead from one to the next.
//!
//! A state is a row of numbers: where each task stands, what the rules remember of each, the two halves of the inode,
//! what else the rules remember. What a step does is found out once for its task and those of these parts that it
//! touches, and what the rules say of it once for those that they may see; after that it is looked up.

mod asked;

use super::parts::{Known, Parts, Rest};
use super::table::Table;
use crate::emit;
use crate::numbers::Interner;
use crate::program::{Event, Program, System};
use crate::rule::{Gathered, RuleId, Rules};
use crate::trace::TraceHash;
use diolock::inode::Guards;
use diolock::op::{Mode, Op, TaskId};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The step a task takes next: its own, or to queue if it is a writer that a rwsem makes wait.
pub fn pending(system: &System, task: TaskId) -> Option<Op> {
    let op = system.next(task)?;
    match op {
        Op::Lock(lock, Mode::Exclusive)
            if lock.is_rwsem()
                && system.inode.blocked(task, &op).is_some()
                && !system.inode.lock(lock).is_queued(task) =>
        {
            Some(Op::Queue(lock))
        }
        op => Some(op),
    }
}

/// The tasks that can take a step.
pub fn enabled(system: &System) -> impl Iterator<Item = TaskId> {
    system.tasks().filter(|&task| {
        pending(system, task).is_some_and(|op| system.inode.blocked(task, &op).is_none())
    })
}

/// The number of a state, in the order in which they were met.
pub(super) type StateId = u32;

/// What stands for the number of a part that is not looked at.
const ANY: u32 = u32::MAX;

/// A step that was taken, and what it left.
struct Done {
    /// The number of its event.
    event: u32,
    local: u32,
    /// [`ANY`] where it left it as it was.
    guards: u32,
    file: u32,
    /// Its task goes on to another call.
    new_iocb: bool,
    /// The completion that it starts.
    starts: Option<TaskId>,
}

/// The numbers of the parts that a step looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StepKey {
    task: TaskId,
    local: u32,
    guards: u32,
    file: u32,
}

/// The numbers of the parts that the rules look at: where an event starts a task, what they remember of that, and
/// where they ask for all, of all.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct JudgedKey {
    event: u32,
    rest: u32,
    own: u32,
    child: u32,
    all: u32,
}

/// What the rules remember after it.
#[derive(Clone, Copy)]
struct Judged {
    rest: u32,
    own: u32,
    child: u32,
}

/// The states met so far.
pub(super) struct Search<'a> {
    program: &'a Program,
    asks_for_all: bool,
    parts: Parts,
    states: Table,
    /// Which rule the end of an execution in that state breaks.
    ends: FxHashMap<StateId, RuleId>,
    /// With the local state of a task whose call it ended.
    events: Interner<(Event, Option<u32>)>,
    all: Interner<Box<[u32]>>,
    /// Of states that are still to be looked at.
    traces: Option<FxHashMap<StateId, TraceHash>>,
    steps: FxHashMap<StepKey, Option<u32>>,
    done: Vec<Done>,
    started: FxHashMap<(u32, u32), u32>,
    renewed: FxHashMap<(u32, TaskId), u32>,
    judged: FxHashMap<JudgedKey, Judged>,
    row: Vec<u32>,
    pub(super) found: Found,
}

/// A trace so far in two words of a row: that two of them are taken for one has the odds that `TraceHash` has.
fn fingerprint(trace: &TraceHash) -> [u32; 2] {
    let mut hasher = DefaultHasher::new();
    trace.hash(&mut hasher);
    let hash = hasher.finish();
    [(hash >> 32) as u32, hash as u32]
}

/// What is gathered over all states.
#[derive(Default)]
pub(super) struct Found {
    pub(super) gathered: Gathered,
    pub(super) traces: BTreeSet<u64>,
}

impl Search<'_> {
    /// The state in which a program starts.
    pub(super) const FIRST: StateId = 0;

    /// With the first state alone. Where `traces` are asked for, states remember how they were reached, up to commuting
    /// steps.
    pub(super) fn new(program: &Program, traces: bool) -> Search<'_> {
        let (parts, mut row) = Parts::new(program);
        let start = TraceHash::new(program.calls.len());
        let traces = traces.then(|| {
            row.extend(fingerprint(&start));
            FxHashMap::from_iter([(Self::FIRST, start)])
        });
        let mut states = Table::new(row.len());
        states.insert(&row);
        Search {
            program,
            asks_for_all: Rules::new(program).ask_for_all(),
            parts,
            states,
            ends: FxHashMap::default(),
            events: Interner::default(),
            all: Interner::default(),
            traces,
            steps: FxHashMap::default(),
            done: Vec::new(),
            started: FxHashMap::default(),
            renewed: FxHashMap::default(),
            judged: FxHashMap::default(),
            row,
            found: Found::default(),
        }
    }

    /// The state after a step of a task, if it can take one.
    pub(super) fn next(&mut self, state: StateId, task: TaskId) -> Option<StateId> {
        let number = self.step(state, task)?;
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        row.extend_from_slice(self.states.row(state));
        let Done { event, local, guards, file, new_iocb, starts } = self.done[number as usize];
        row[usize::from(task)] = local;
        if guards != ANY {
            row[self.parts.guards_at()] = guards;
        } else if new_iocb {
            row[self.parts.guards_at()] = self.renew(row[self.parts.guards_at()], task);
        }
        if file != ANY {
            row[self.parts.file_at()] = file;
        }
        if let Some(child) = starts {
            row[usize::from(child)] = self.start(state, number, child);
        }
        self.judge(&mut row, event, task, starts);
        let trace = self.traces.as_ref().map(|traces| {
            let mut trace = traces[&state].clone();
            trace.observe(&self.events.get(event).0);
            row[self.parts.width()..].copy_from_slice(&fingerprint(&trace));
            trace
        });
        let (next, new) = self.states.insert(&row);
        self.row = row;
        if let (true, Some(traces), Some(trace)) = (new, &mut self.traces, trace) {
            traces.insert(next, trace);
        }
        if new && self.finished(next) {
            self.end(next);
        }
        Some(next)
    }

    /// A state whose steps were all taken: how it was reached is no matter any more.
    pub(super) fn leave(&mut self, state: StateId) {
        if let Some(traces) = &mut self.traces {
            traces.remove(&state);
        }
    }

    /// What a task's next step does, by its number; nothing if it has to wait, or has returned.
    fn step(&mut self, state: StateId, task: TaskId) -> Option<u32> {
        let row = self.states.row(state);
        let local = row[usize::from(task)];
        let known = self.parts.known(local);
        if known.over {
            return None;
        }
        let part = |looks, at: usize| if looks { row[at] } else { ANY };
        let guards = part(known.guards, self.parts.guards_at());
        let file = part(known.file, self.parts.file_at());
        let key = StepKey { task, local, guards, file };
        if let Some(&step) = self.steps.get(&key) {
            return step;
        }
        let step = self.take(state, task, known);
        self.steps.insert(key, step);
        step
    }

    /// Takes a step for the first time.
    fn take(&mut self, state: StateId, task: TaskId, known: Known) -> Option<u32> {
        let mut system = self.system(state);
        let event = pending(&system, task).and_then(|op| system.perform(task, op).ok())?;
        let starts = match event.op {
            Op::Submit(child, _) => Some(child),
            _ => None,
        };
        let call = &system.calls[usize::from(task)];
        let new_iocb = call.went_on() && !matches!(event.op, Op::Queue(_));
        let over = call.just_over().is_some();
        let local = self.parts.local(&system, task);
        let (guards, file) = system.inode.halves();
        let row = self.states.row(state);
        let touched = "a step changes what it does not touch";
        assert!(
            known.file || file == **self.parts.files.get(row[self.parts.file_at()]),
            "{touched}: {event:?}"
        );
        let guards_before = row[self.parts.guards_at()];
        let guards = match known.guards {
            true => self.parts.guards.number(guards),
            false => {
                let renewed = match new_iocb {
                    true => self.renew(guards_before, task),
                    false => guards_before,
                };
                assert!(guards == **self.parts.guards.get(renewed), "{touched}: {event:?}");
                ANY
            }
        };
        let file = if known.file { self.parts.files.number(file) } else { ANY };
        let event = self.events.number((event, over.then_some(local)));
        self.done.push(Done { event, local, guards, file, new_iocb, starts });
        Some(self.done.len() as u32 - 1)
    }

    /// What tasks wait for, once one of them begins another call.
    fn renew(&mut self, guards: u32, task: TaskId) -> u32 {
        if let Some(&renewed) = self.renewed.get(&(guards, task)) {
            return renewed;
        }
        let mut after = Guards::clone(self.parts.guards.get(guards));
        after.new_iocb(task);
        let renewed = self.parts.guards.number(after);
        self.renewed.insert((guards, task), renewed);
        renewed
    }

    /// Where a completion stands that a step starts.
    fn start(&mut self, state: StateId, done: u32, child: TaskId) -> u32 {
        let key = (done, self.states.row(state)[usize::from(child)]);
        if let Some(&local) = self.started.get(&key) {
            return local;
        }
        let mut system = self.system(state);
        let Event { task, op, outcome } = &self.events.get(self.done[done as usize].event).0;
        system.resume(*task, op, outcome.clone());
        let local = self.parts.local(&system, child);
        self.started.insert(key, local);
        local
    }

    /// What the rules remember after an event.
    fn judge(&mut self, row: &mut [u32], event: u32, task: TaskId, starts: Option<TaskId>) {
        let (own_at, rest_at) = (self.parts.record_at(task), self.parts.rest_at());
        let child_at = starts.map(|child| self.parts.record_at(child));
        let child = child_at.map_or(ANY, |at| row[at]);
        let all = match self.asks_for_all {
            true => self.all.number(row[self.parts.records_at()].into()),
            false => ANY,
        };
        if emit::wanted() {
            emit::step(self.program, &self.parts.rules(row), &self.events.get(event).0);
        }
        let key = JudgedKey { event, rest: row[rest_at], own: row[own_at], child, all };
        let judged = match self.judged.get(&key) {
            Some(&judged) => judged,
            None => {
                let judged = self.ask(row, event, starts);
                self.judged.insert(key, judged);
                judged
            }
        };
        (row[rest_at], row[own_at]) = (judged.rest, judged.own);
        if let Some(at) = child_at {
            row[at] = judged.child;
        }
    }

    /// Asks the rules for the first time.
    fn ask(&mut self, row: &[u32], event: u32, starts: Option<TaskId>) -> Judged {
        let mut rules = self.parts.rules(row);
        let (event, over) = &**self.events.get(event);
        let over = over.and_then(|local| self.parts.locals.get(local).call().just_over());
        let judged = rules.observe(self.program, event, over, &mut self.found.gathered);
        let broken = judged.err().map(|violation| violation.rule);
        let records = rules.take_records();
        for (task, record) in self.parts.tasks().zip(&records) {
            let left = task == event.task || starts == Some(task);
            let before = self.parts.records.get(row[self.parts.record_at(task)]);
            assert!(left || record == before, "a rule notes of task {task} what {event:?} does");
        }
        let mut record = |task: TaskId| self.parts.records.number_of(&records[usize::from(task)]);
        let (own, child) = (record(event.task), starts.map_or(ANY, &mut record));
        let rest = self.parts.rests.number(Rest { rules, broken });
        Judged { rest, own, child }
    }

    /// Books the end of an execution.
    fn end(&mut self, state: StateId) {
        let row = self.states.row(state);
        if let Some(traces) = &self.traces {
            self.found.traces.insert(traces[&state].get());
        }
        if self.parts.broken(row).is_none() {
            let (rules, system) = (self.parts.rules(row), self.parts.system(row));
            let end = rules.finish(self.program, &system, &mut self.found.gathered);
            self.ends.extend(end.err().map(|violation| (state, violation.rule)));
        }
    }
}

/// The steps from the first state to one, by how each was met first.
pub(super) fn way(ways: &[(StateId, TaskId)], mut to: StateId) -> Vec<TaskId> {
    let mut schedule = Vec::new();
    while to != Search::FIRST {
        let (from, task) = ways[to as usize];
        schedule.push(task);
        to = from;
    }
    schedule.reverse();
    schedule
}
