//! Litmus tests: one claim each, read from TOML at run time.

mod cast;
pub mod catalogue;
mod expect;
pub mod parse;

mod schema;
pub mod starter;

use crate::engine::EngineName;

use crate::program::{Memory, Program, TaskName};
use crate::rule::{RuleId, RuleSet, Verb, Witness};
use diolock::dio_path::{
    AllocFileBlocks, BufferedWrite, Call, Commit, DirectRead, EndIo, Fault, FileDioWrite,
    FilemapRead, GenericPerformWrite, InodeDioDone, InodeDioWait, Truncate, Write,
};
use diolock::extent_probe::{Extent, Half};
use diolock::inode::Inode;
use diolock::inode_lock::{LockName, WaitQueue};
use diolock::kernel::Kernel;
use diolock::op::{Blocks, LogicalBlock, Range, TaskId};

/// A claim about the protocol, and the situation it speaks of.
#[derive(Clone, Debug)]
pub struct Litmus {
    /// The file's name without `.toml`.
    pub name: String,
    /// The file's text, for processes that read it again.
    pub source: String,
    /// The claim, one sentence.
    pub claim: String,
    /// The bug's number in the project's history notes, such as `B01`.
    pub bug: Option<String>,
    /// How the claim's bug is known: `message`, `source`, `derived` …, for people.
    pub evidence: Option<String>,
    /// i_size at the start, in blocks.
    pub size: Blocks,
    /// The mapping at the start.
    pub extents: Vec<Extent>,
    /// Pages cached at the start.
    pub cached_pages: Blocks,
    /// The mount option.
    pub dioread_nolock: bool,
    /// Who does what.
    pub tasks: Vec<TaskSpec>,
    /// The memory model.
    pub memory: Memory,
    /// Locks whose writers queue visibly in every engine.
    pub fair: Vec<LockName>,
    /// The rules judged, after `except` is taken away.
    pub rules: RuleSet,
    /// Rules not judged, each with its reason.
    pub except: Vec<(RuleId, String)>,
    /// What must be seen.
    pub reaches: Vec<Reach>,
    /// What is expected where.
    pub expect: Vec<Expect>,
}

/// One task of a litmus test.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    /// A capital letter.
    pub letter: char,
    /// What it calls.
    pub call: CallSpec,
}

/// A call and its arguments.
#[derive(Clone, Copy, Debug)]
pub enum CallSpec {
    /// A direct write, synchronous or asynchronous.
    Pwrite {
        /// Which blocks.
        range: Range,
        /// Half of one block: unaligned.
        half: Option<Half>,
        /// io_submit instead of pwrite.
        aio: bool,
        /// What goes wrong.
        fault: Option<Fault>,
    },
    /// A direct read.
    Pread {
        /// Which blocks.
        range: Range,
        /// i_size is read before the count is raised.
        stale_size: bool,
        /// It starts over for ever.
        repeat: bool,
    },
    /// A truncate.
    Ftruncate {
        /// The new size, in blocks.
        to: Blocks,
    },
    /// A buffered write.
    Write,
    /// A journal commit.
    Commit,
    /// `inode_dio_wait` or `ext4_aiodio_wait`, taken apart.
    DioWait(WaitQueue),
    /// `inode_dio_done` or its twin in `ext4_end_io_nolock`, taken apart: its reference is held from
    /// the start.
    DioDone(WaitQueue),
    /// A buffered write of a block that then ends the file, in a cached page.
    Append(LogicalBlock),
    /// A buffered read of a cached block.
    Read(LogicalBlock),
    /// A drain, then a lookup.
    Fallocate(Range),
}

/// A witness by letters: `W overwrites`, `T waits for w`.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The words, as written.
    pub text: String,
    /// Who (a completion has its submitter's letter in lower case).
    pub task: char,
    /// Does what.
    pub verb: ReachVerb,
}

/// [`Verb`] with a letter where it has a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReachVerb {
    /// A verb that needs no second task.
    Plain(Verb),
    /// `overlaps X`.
    Overlaps(char),
    /// `waits for X`.
    WaitsFor(char),
}

/// What a litmus test expects of one kernel.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The kernel, less the fixes named by `without`.
    pub kernel: Kernel,
    /// The verdict.
    pub expected: Expected,
    /// The engines that can tell; the others are not run. Empty: all (that know this memory model).
    pub engines: Vec<EngineName>,
    /// Why not all engines.
    pub why: Option<String>,
}

/// An expected verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expected {
    /// No rule is broken in any execution.
    Never,
    /// This rule is broken in some execution.
    Violates(RuleId),
    /// Tasks wait for each other.
    Deadlock,
    /// Tasks run and get nowhere.
    Livelock,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Expected::Never => f.write_str("never"),
            Expected::Violates(rule) => write!(f, "violates {}", rule.code()),
            Expected::Deadlock => f.write_str("deadlock"),
            Expected::Livelock => f.write_str("livelock"),
        }
    }
}

impl CallSpec {
    /// Whether its completion is a task of its own.
    pub fn is_aio(&self) -> bool {
        matches!(self, CallSpec::Pwrite { aio: true, .. })
    }

    /// The call, for people: `pwrite(0,1)`.
    pub fn text(&self) -> String {
        match self {
            CallSpec::Pwrite { range, half, aio, fault } => {
                let how = if *aio { "aio pwrite" } else { "pwrite" };
                let half = match half {
                    Some(Half::Lower) => " lower half",
                    Some(Half::Upper) => " upper half",
                    None => "",
                };
                let fault = match fault {
                    Some(Fault::Enomem) => " ENOMEM",
                    Some(Fault::Enospc) => " ENOSPC",
                    None => "",
                };
                format!("{how}({},{}){half}{fault}", range.start, range.len)
            }
            CallSpec::Pread { range, repeat, .. } => {
                let again = if *repeat { " for ever" } else { "" };
                format!("pread({},{}){again}", range.start, range.len)
            }
            CallSpec::Ftruncate { to } => format!("ftruncate({to})"),
            CallSpec::Write => "write".to_owned(),
            CallSpec::Commit => "commit".to_owned(),
            CallSpec::DioWait(WaitQueue::Dio) => "inode_dio_wait".to_owned(),
            CallSpec::DioWait(WaitQueue::Unwritten) => "ext4_aiodio_wait".to_owned(),
            CallSpec::DioDone(WaitQueue::Dio) => "inode_dio_done".to_owned(),
            CallSpec::DioDone(WaitQueue::Unwritten) => "ext4_end_io_nolock".to_owned(),
            CallSpec::Append(block) => format!("append({block})"),
            CallSpec::Read(block) => format!("read({block})"),
            CallSpec::Fallocate(range) => format!("fallocate({},{})", range.start, range.len),
        }
    }
}

impl Litmus {
    /// The tasks' letters in task order: those written down, then the completions of the
    /// asynchronous ones in the order of their submitters.
    pub fn letters(&self) -> Vec<char> {
        let aio = self.tasks.iter().filter(|t| t.call.is_aio());
        let completions = aio.map(|t| t.letter.to_ascii_lowercase());
        self.tasks.iter().map(|t| t.letter).chain(completions).collect()
    }

    /// The test on one kernel.
    pub fn program(&self, kernel: Kernel) -> Program {
        let letters = self.letters();
        let id = |letter: char| letters.iter().position(|&l| l == letter).unwrap_or(0) as TaskId;
        let mut calls = Vec::new();
        let mut names = Vec::new();
        let mut completions = Vec::new();
        for (at, spec) in self.tasks.iter().enumerate() {
            let task = at as TaskId;
            let letter = spec.letter;
            calls.push(match spec.call {
                CallSpec::Pwrite { range, half, aio, fault } => {
                    let end_io = aio.then(|| id(letter.to_ascii_lowercase()));
                    if let Some(end_io) = end_io {
                        completions.push(Call::EndIo(EndIo::new(end_io, task, kernel)));
                    }
                    let write = Write { task, end_io, range, half, fault };
                    Call::Write(FileDioWrite::new(write, kernel, self.dioread_nolock))
                }
                CallSpec::Pread { range, stale_size, repeat } => {
                    let mut read = DirectRead::new(task, range, kernel, self.dioread_nolock);
                    if stale_size {
                        read = read.stale_size();
                    }
                    Call::Read(if repeat { read.repeat() } else { read })
                }
                CallSpec::Ftruncate { to } => Call::Truncate(Truncate::new(to, kernel)),
                CallSpec::Write => Call::BufferedWrite(BufferedWrite::default()),
                CallSpec::Commit => Call::Commit(Commit::default()),
                CallSpec::DioWait(queue) => Call::DioWait(InodeDioWait::new(queue, kernel)),
                CallSpec::DioDone(queue) => Call::DioDone(InodeDioDone::new(task, queue, kernel)),
                CallSpec::Append(block) => Call::Append(GenericPerformWrite::new(block, kernel)),
                CallSpec::Read(block) => Call::BufferedRead(FilemapRead::new(block, kernel)),
                CallSpec::Fallocate(range) => {
                    Call::AllocFileBlocks(AllocFileBlocks::new(range, kernel))
                }
            });
            names.push(TaskName { letter, text: format!("{letter} {}", spec.call.text()) });
        }
        calls.extend(completions);
        for &letter in &letters[names.len()..] {
            names.push(TaskName { letter, text: format!("{letter} completion") });
        }
        let reaches = self
            .reaches
            .iter()
            .map(|reach| Witness {
                task: id(reach.task),
                verb: match reach.verb {
                    ReachVerb::Plain(verb) => verb,
                    ReachVerb::Overlaps(other) => Verb::Overlaps(id(other)),
                    ReachVerb::WaitsFor(other) => Verb::WaitsFor(id(other)),
                },
            })
            .collect();
        let mut inode = Inode::new(self.size, &self.extents, self.cached_pages, calls.len());
        calls.iter().filter_map(Call::holds).for_each(|(queue, _)| inode.give(queue));
        Program {
            litmus: self.name.clone(),
            kernel,
            inode,
            spawn_order: (0..calls.len() as TaskId).collect(),
            calls,
            names,
            fair: self.fair.clone(),
            memory: self.memory,
            rules: self.rules,
            reaches,
        }
    }
}
