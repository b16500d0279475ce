//! What the engines are checked against: small random programs, and all their traces by brute force.
//!
//! The programs mean nothing in a kernel. They mix every kind of step that can wait, be tried or be
//! counted, so that an engine which misses an order, or a step that is wrongly said to commute,
//! shows as a difference between trace sets.

mod brute;

pub use brute::{Outcomes, brute_force, enabled, history_graph};

use crate::condition::Conditions;
use crate::program::{Memory, Program, TaskName};
use crate::rule::RuleSet;
use diolock::call::{Call, Script};
use diolock::dio_path::EndIo;
use diolock::inode::Inode;
use diolock::kernel::{Kernel, Version};
use diolock::op::{
    Bio, Extent, Handle, LockName, MapFor, Mode, Op, Pages, Paging, Range, Size, Span, Submission,
    TaskId,
};

/// A small random generator: splitmix64, so that a seed means the same everywhere and for ever.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`, which is small and not 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.draw() % n as u64) as usize
    }

    /// Yes, once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// A random program of `tasks` tasks with at most `steps` steps each (a completion has 4). No rule
/// is judged; deadlocks are outcomes.
///
/// Locks, counters and handles are balanced. Steps that ignore a failure, such as a trylock, come
/// last in their task.
pub fn random_program(seed: u64, tasks: usize, steps: usize) -> Program {
    generate(seed, tasks, steps, true)
}

/// As [`random_program`], but some counters are lowered more often than raised, or the reverse.
pub fn unbalanced_program(seed: u64, tasks: usize, steps: usize) -> Program {
    generate(seed, tasks, steps, false)
}

fn generate(seed: u64, tasks: usize, steps: usize, balanced: bool) -> Program {
    let mut random = Random::new(seed);
    let kernel = Kernel::new(Version::V3_6);
    let fair = random.once_in(4);
    let commit = random.once_in(3).then(|| random.below(tasks));
    let completion = (tasks > 1 && steps > 2 && random.once_in(5)).then(|| tasks - 1);
    let calls: Vec<Call> = (0..tasks)
        .map(|at| {
            let task = at as TaskId;
            if completion == Some(at) {
                return Call::EndIo(EndIo::new(task, kernel));
            }
            let mut writer =
                Writer { random: &mut random, balanced, task, held: Vec::new(), ops: Vec::new() };
            if at == 0
                && let Some(child) = completion
            {
                writer.submit(child as TaskId, steps);
            } else if commit == Some(at) && steps > 2 {
                writer.commit(steps);
            } else {
                writer.fill(steps);
            }
            Call::Script(Script::new(writer.ops))
        })
        .collect();
    let name = |at: usize| {
        let letter = (b'A' + at as u8) as char;
        TaskName { letter, text: format!("{letter} random") }
    };
    Program {
        litmus: format!("random-{seed}"),
        given: String::new(),
        situation: String::new(),
        kernel,
        inode: Inode::new(Size::blocks(1), &[Extent::Written], (0, Paging::default()), tasks),
        names: (0..tasks).map(name).collect(),
        completes: vec![None; tasks],
        calls,
        fair: if fair { vec![LockName::IDataSem] } else { Vec::new() },
        memory: Memory::Sc,
        rules: RuleSet::NONE,
        reaches: Vec::new(),
        conditions: Conditions::default(),
        torn: false,
        spawn_order: (0..tasks as TaskId).rev().collect(),
    }
}

/// Writes one task's steps.
struct Writer<'a> {
    random: &'a mut Random,
    balanced: bool,
    task: TaskId,
    held: Vec<Op>,
    ops: Vec<Op>,
}

impl Writer<'_> {
    /// `steps` steps, the last of them perhaps a trylock.
    fn fill(&mut self, steps: usize) {
        let try_last = steps > 0 && self.random.once_in(6);
        self.some(steps - usize::from(try_last));
        if try_last {
            let mode = if self.random.once_in(2) { Mode::Shared } else { Mode::Exclusive };
            self.ops.push(Op::TryLock(LockName::IDataSem, mode));
        }
    }

    /// `steps` steps with everything closed that was opened.
    fn some(&mut self, steps: usize) {
        let mut left = steps;
        while left > 0 {
            if left > 1 && self.random.once_in(2) {
                let inner = self.random.below(left - 1);
                let (open, close) = self.pair();
                // A task that waits for itself says nothing about the order of tasks.
                if self.held.contains(&open) {
                    continue;
                }
                self.held.push(open.clone());
                self.ops.push(open);
                self.some(inner);
                self.ops.push(close);
                self.held.pop();
                left -= inner + 2;
            } else {
                let op = self.single();
                self.ops.push(op);
                left -= 1;
            }
        }
    }

    fn pair(&mut self) -> (Op, Op) {
        let locked = |lock, mode| (Op::Lock(lock, mode), Op::Unlock(lock, mode));
        let handle = Handle::Extents;
        match self.random.below(7) {
            0 | 1 => locked(LockName::IMutex, Mode::Exclusive),
            2 => locked(LockName::IDataSem, Mode::Exclusive),
            3 => locked(LockName::IDataSem, Mode::Shared),
            4 => (Op::DioBegin(self.task), Op::DioEnd(self.task)),
            5 => (Op::UnwrittenBegin, Op::UnwrittenEnd),
            _ => (Op::JournalStart(handle), Op::JournalStop(handle)),
        }
    }

    fn single(&mut self) -> Op {
        if !self.balanced && self.random.once_in(4) {
            let ops = [Op::DioEnd(self.task), Op::DioBegin(self.task), Op::UnwrittenEnd];
            return ops[self.random.below(ops.len())].clone();
        }
        let range = Range { start: 0, len: 1 };
        match self.random.below(16) {
            0 | 1 => Op::SizeRead,
            2 => Op::SizeWrite(Size::blocks(self.task.into())),
            3 => Op::PageIn(0),
            4 => Op::PagesRead(Pages::one(0)),
            5 => Op::GateClose,
            6 => Op::GateOpen,
            7 => Op::GateTest,
            8 => Op::UnwrittenWait,
            9 => Op::Bio(vec![0], Bio::WHOLE_READ),
            10 => Op::Bio(vec![0], Bio::WHOLE_WRITE),
            11 => Op::Map(range, MapFor::Io),
            12 => Op::Free(0),
            13 => Op::DepthRead,
            14 => Op::PutIoEnd(0),
            _ => Op::DioWait,
        }
    }

    /// A commit among other steps.
    fn commit(&mut self, steps: usize) {
        let before = self.random.below(steps - 2);
        self.some(before);
        self.ops.extend([Op::CommitLock, Op::CommitWait]);
        if steps > 3 + before && self.random.once_in(2) {
            let op = self.single();
            self.ops.push(op);
        }
        self.ops.push(Op::CommitDone);
    }

    /// An asynchronous write: its completion drops the count.
    fn submit(&mut self, child: TaskId, steps: usize) {
        let submission = Submission {
            span: Span::of(Range { start: 0, len: 1 }, None),
            blocks: vec![0],
            bio: Bio::WHOLE_WRITE,
            unwritten: false,
            works: false,
        };
        let before = self.random.below(steps - 1);
        self.some(before);
        self.ops.extend([Op::DioBegin(child), Op::Submit(child, submission)]);
        self.some(steps - 2 - before);
    }
}
