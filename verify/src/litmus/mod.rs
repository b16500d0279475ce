//! Litmus tests: one claim each, read from TOML at run time.

mod call;
mod cast;
pub mod catalogue;
mod conditions;
mod embedded;
mod expect;
mod file;
mod fits;
mod keys;
mod kind;
mod make;
mod modelled;
pub mod parse;
mod place;
mod program;
mod reaches;
pub mod reference;
mod rules;
mod schema;
mod slot;
mod start;
pub mod starter;
mod words;

pub use call::CallSpec;
pub(crate) use cast::MAX_TASKS;
pub(crate) use file::MAX_BLOCKS;

use crate::condition::Conditions;
use crate::engine::EngineName;
use crate::program::Memory;
use crate::rule::{RuleId, RuleSet, Verb};
use diolock::kernel::Kernel;
use diolock::op::{Blocks, Extent, LockName, Paging, Size};

/// A claim about the protocol, and the situation it speaks of.
#[derive(Clone, Debug)]
pub struct Litmus {
    /// The file's name without `.toml`.
    pub name: String,
    /// How to name it on a command line: its name, or the path that was typed, quoted if need be.
    pub given: String,
    /// The file's text, for processes that read it again.
    pub source: String,
    /// The claim, one sentence.
    pub claim: String,
    /// The bug's number in the project's history notes, such as `B01`.
    pub bug: Option<String>,
    /// How the claim's bug is known: `message`, `source`, `derived` …, for people.
    pub evidence: Option<String>,
    /// i_size at the start, in blocks.
    pub size: Size,
    /// The mapping at the start.
    pub extents: Vec<Extent>,
    /// Pages cached at the start.
    pub cached_pages: Blocks,
    /// How large pages are.
    pub paging: Paging,
    /// The cached pages were stored to.
    pub dirty: bool,
    /// i_disksize at the start, if it lags behind.
    pub disksize: Option<Size>,
    /// The mount option.
    pub dioread_nolock: bool,
    /// Whether the file system has a journal.
    pub journal: bool,
    /// Calls that have made the file what it is, before anybody else begins.
    pub setup: Vec<CallSpec>,
    /// Who does what.
    pub tasks: Vec<TaskSpec>,
    /// The device does a bio block by block.
    pub torn: bool,
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
    /// What is asked of the end of executions.
    pub conditions: Conditions,
    /// What is expected where.
    pub expect: Vec<Expect>,
}

/// One task of a litmus test.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    /// A capital letter.
    pub letter: char,
    /// What it calls, one after another.
    pub calls: Vec<CallSpec>,
}

/// A witness by letters: `W overwrites`, `T waits for w`.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The words, as written.
    pub text: String,
    /// Who (a completion has a small letter).
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
    /// `frees under X`.
    FreesUnder(char),
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
    /// No rule is broken, and what `exists` asks for is seen in no execution.
    Forbidden,
}

impl Expected {
    /// Whether there is a run to show for it.
    pub fn goes_wrong(self) -> bool {
        !matches!(self, Expected::Never | Expected::Forbidden)
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Expected::Never => f.write_str("never"),
            Expected::Violates(rule) => write!(f, "violates {}", rule.code()),
            Expected::Deadlock => f.write_str("deadlock"),
            Expected::Livelock => f.write_str("livelock"),
            Expected::Forbidden => f.write_str("forbidden"),
        }
    }
}
