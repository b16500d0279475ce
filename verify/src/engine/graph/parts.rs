//! The parts of a state, each by its number: a state is a row of them.

use crate::numbers::Interner;
use crate::program::{Local, Program, System};
use crate::rule::{RuleId, Rules, TaskRecord};
use diolock::inode::{FileState, Guards, Half, Inode};
use diolock::op::{Op, TaskId};
use std::ops::Range;
use std::sync::Arc;

/// What the rules remember but of single tasks, and which of them the last step broke.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rest {
    pub(super) rules: Rules,
    pub(super) broken: Option<RuleId>,
}

/// What is asked of a local state again and again.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// It has nothing left to do.
    pub(super) over: bool,
    /// Its next step touches that half of the inode.
    pub(super) guards: bool,
    pub(super) file: bool,
}

/// Every part that was met.
pub(super) struct Parts {
    tasks: usize,
    pub(super) locals: Interner<Local>,
    /// By local.
    known: Vec<Known>,
    pub(super) guards: Interner<Guards>,
    pub(super) files: Interner<FileState>,
    pub(super) records: Interner<TaskRecord>,
    pub(super) rests: Interner<Rest>,
}

// Where in a row a part is.
impl Parts {
    /// Where the rules' records of the tasks are; the tasks themselves come before.
    pub(super) fn records_at(&self) -> Range<usize> {
        self.tasks..2 * self.tasks
    }
    pub(super) fn record_at(&self, task: TaskId) -> usize {
        self.tasks + usize::from(task)
    }
    pub(super) fn guards_at(&self) -> usize {
        2 * self.tasks
    }
    pub(super) fn file_at(&self) -> usize {
        2 * self.tasks + 1
    }
    pub(super) fn rest_at(&self) -> usize {
        2 * self.tasks + 2
    }
    /// How many numbers a row has.
    pub(super) fn width(&self) -> usize {
        2 * self.tasks + 3
    }
}

impl Parts {
    /// The first row of a program.
    pub(super) fn new(program: &Program) -> (Parts, Vec<u32>) {
        let mut parts = Parts {
            tasks: program.calls.len(),
            locals: Interner::default(),
            known: Vec::new(),
            guards: Interner::default(),
            files: Interner::default(),
            records: Interner::default(),
            rests: Interner::default(),
        };
        let (system, mut rules) = (System::new(program), Rules::new(program));
        let mut row: Vec<u32> = system.tasks().map(|task| parts.local(&system, task)).collect();
        row.extend(rules.take_records().iter().map(|record| parts.records.number_of(record)));
        let (guards, file) = system.inode.halves();
        row.push(parts.guards.number(guards));
        row.push(parts.files.number(file));
        row.push(parts.rests.number(Rest { rules, broken: None }));
        (parts, row)
    }

    /// The tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = TaskId> + use<> {
        0..self.tasks as TaskId
    }

    /// The number of where a task stands.
    pub(super) fn local(&mut self, system: &System, task: TaskId) -> u32 {
        let number = self.locals.number(system.local(task));
        if number as usize == self.known.len() {
            let op: Option<Op> = system.next(task);
            let touches = |half: Half| op.as_ref().is_some_and(|op| half.touched_by(op));
            let (guards, file) = (touches(Half::Guards), touches(Half::File));
            self.known.push(Known { over: op.is_none(), guards, file });
        }
        number
    }

    /// What is known of it.
    pub(super) fn known(&self, local: u32) -> Known {
        self.known[local as usize]
    }

    /// The tasks and what they share.
    pub(super) fn system(&self, row: &[u32]) -> System {
        let locals = row[..self.tasks].iter().map(|&local| self.locals.get(local).as_ref());
        let guards = Guards::clone(self.guards.get(row[self.guards_at()]));
        let file = FileState::clone(self.files.get(row[self.file_at()]));
        System::of(Inode::of(guards, file), locals)
    }

    /// What the rules remember.
    pub(super) fn rules(&self, row: &[u32]) -> Rules {
        let mut rules = self.rests.get(row[self.rest_at()]).rules.clone();
        let records = row[self.records_at()].iter();
        rules.put_records(records.map(|&record| Arc::clone(self.records.get(record))).collect());
        rules
    }

    /// Which rule the last step broke.
    pub(super) fn broken(&self, row: &[u32]) -> Option<RuleId> {
        self.rests.get(row[self.rest_at()]).broken
    }
}
