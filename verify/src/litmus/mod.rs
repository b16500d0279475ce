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
    AllocFileBlocks, Call, Commit, DirectRead, EndBio, EvictInode, ExtFallocate, Fallocate, Fault,
    FilemapFault, FilemapRead, GenericPerformWrite, InodeDioDone, InodeDioWait, Mount, MoveExtents,
    PageFault, SyncFile, VmMmap, WbDisksize, Write, WriteFlags, WriteThatEvicts, WriteThenClose,
    ZeroRange,
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
    /// The cached page was stored to.
    pub dirty: bool,
    /// i_disksize at the start, if it lags behind.
    pub disksize: Option<Blocks>,
    /// The mount option.
    pub dioread_nolock: bool,
    /// Whether the file system has a journal.
    pub journal: bool,
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
        /// IOCB_NOWAIT, O_SYNC.
        flags: WriteFlags,
        /// Its buffer is not present.
        pins: bool,
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
    /// A store to a mapped page that is not in the cache.
    Fault {
        /// Which blocks.
        range: Range,
    },
    /// The flusher writes the page back.
    WritePages,
    /// fsync.
    Fsync,
    /// A hole is punched.
    PunchHole {
        /// Which blocks.
        range: Range,
        /// The file is mapped by indirect blocks.
        indirect: bool,
    },
    /// Online defragmentation.
    MoveExtents {
        /// Which blocks.
        range: Range,
    },
    /// A page fault that allocates.
    PageFault {
        /// Over which blocks.
        range: Range,
    },
    /// A thread that changes the address space.
    Mmap,
    /// Writeback that raises i_disksize.
    Writeback {
        /// Up to there.
        to: Blocks,
    },
    /// An asynchronous direct write, then a truncate, by one io_uring thread.
    Uring {
        /// Which blocks it writes.
        range: Range,
        /// The new size, in blocks.
        to: Blocks,
    },
    /// An asynchronous direct write, then the last close.
    PwriteClose {
        /// Which blocks it writes.
        range: Range,
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
    /// A preallocation that keeps the size, up to v3.11.
    Preallocate(Range),
    /// A drain, then a lookup.
    Fallocate(Range),
    /// A preallocation with its credits; it keeps the size, or raises it.
    Falloc {
        /// Which blocks.
        range: Range,
        /// The file is to reach to their end.
        grows: bool,
    },
    /// A zeroed range.
    ZeroRange(Range),
    /// The completion of a buffered write, to this file or to another.
    EndBio(Option<Range>),
    /// The end of the inode.
    Evict,
    /// A buffered write that evicts another inode.
    WriteThatEvicts,
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
        matches!(
            self,
            CallSpec::Pwrite { aio: true, .. }
                | CallSpec::Uring { .. }
                | CallSpec::PwriteClose { .. }
        )
    }

    /// The call, for people: `pwrite(0,1)`.
    pub fn text(&self) -> String {
        match self {
            CallSpec::Pwrite { range, half, aio, fault, flags, pins } => {
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
                let nowait = if flags.nowait { " NOWAIT" } else { "" };
                let osync = if flags.osync { " O_SYNC" } else { "" };
                let at = if flags.at_eof { " at i_size" } else { "" };
                let pins = if *pins { " from absent pages" } else { "" };
                let range = format!("{},{}", range.start, range.len);
                format!("{how}({range}){half}{at}{fault}{nowait}{osync}{pins}")
            }
            CallSpec::Pread { range, repeat, .. } => {
                let again = if *repeat { " for ever" } else { "" };
                format!("pread({},{}){again}", range.start, range.len)
            }
            CallSpec::Ftruncate { to } => format!("ftruncate({to})"),
            CallSpec::Fault { range } => format!("fault({},{})", range.start, range.len),
            CallSpec::WritePages => "writepages".to_owned(),
            CallSpec::Fsync => "fsync".to_owned(),
            CallSpec::PunchHole { range, indirect } => {
                let indirect = if *indirect { " indirect" } else { "" };
                format!("punch_hole({},{}){indirect}", range.start, range.len)
            }
            CallSpec::MoveExtents { range } => {
                format!("move_extents({},{})", range.start, range.len)
            }
            CallSpec::PageFault { range } => format!("page fault({},{})", range.start, range.len),
            CallSpec::Mmap => "mmap".to_owned(),
            CallSpec::Writeback { to } => format!("writeback({to})"),
            CallSpec::Uring { range, to } => {
                format!("uring pwrite({},{}); ftruncate({to})", range.start, range.len)
            }
            CallSpec::PwriteClose { range } => {
                format!("aio pwrite({},{}); close", range.start, range.len)
            }
            CallSpec::Write => "write".to_owned(),
            CallSpec::Commit => "commit".to_owned(),
            CallSpec::DioWait(WaitQueue::Dio) => "inode_dio_wait".to_owned(),
            CallSpec::DioWait(WaitQueue::Unwritten) => "ext4_aiodio_wait".to_owned(),
            CallSpec::DioDone(WaitQueue::Dio) => "inode_dio_done".to_owned(),
            CallSpec::DioDone(WaitQueue::Unwritten) => "ext4_end_io_nolock".to_owned(),
            CallSpec::Append(block) => format!("append({block})"),
            CallSpec::Read(block) => format!("read({block})"),
            CallSpec::Preallocate(range) => {
                format!("fallocate({},{})", range.start, range.len)
            }
            CallSpec::Fallocate(range) => format!("fallocate({},{})", range.start, range.len),
            CallSpec::Falloc { range, grows } => {
                let grows = if *grows { ", growing" } else { "" };
                format!("fallocate({},{}){grows}", range.start, range.len)
            }
            CallSpec::ZeroRange(range) => format!("zero_range({},{})", range.start, range.len),
            CallSpec::EndBio(Some(range)) => format!("end_bio({},{})", range.start, range.len),
            CallSpec::EndBio(None) => "end_bio of another file".to_owned(),
            CallSpec::Evict => "evict".to_owned(),
            CallSpec::WriteThatEvicts => "write, evicts another file".to_owned(),
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

    /// What the file says of the situation, whatever its layout: not the words, the witnesses and
    /// the expectations.
    fn situation(&self) -> String {
        let Ok(mut table) = self.source.parse::<toml::Table>() else { return String::new() };
        for words in ["claim", "bug", "evidence", "reaches", "expect"] {
            table.remove(words);
        }
        if let Some(toml::Value::Table(except)) = table.get_mut("except") {
            for (_, reason) in except.iter_mut() {
                *reason = toml::Value::Boolean(true);
            }
        }
        table.to_string()
    }

    /// The test on one kernel.
    pub fn program(&self, kernel: Kernel) -> Program {
        let letters = self.letters();
        let id = |letter: char| letters.iter().position(|&l| l == letter).unwrap_or(0) as TaskId;
        let mut calls = Vec::new();
        let mut names = Vec::new();
        let mut completions = Vec::new();
        let mount = Mount { dioread_nolock: self.dioread_nolock, journal: self.journal };
        for (at, spec) in self.tasks.iter().enumerate() {
            let task = at as TaskId;
            let letter = spec.letter;
            calls.push(match spec.call {
                CallSpec::Pwrite { range, half, aio, fault, flags, pins } => {
                    let end_io = aio.then(|| id(letter.to_ascii_lowercase()));
                    if let Some(end_io) = end_io {
                        completions.push(Call::completion(end_io, task, flags, kernel));
                    }
                    let write = Write { task, end_io, range, half, fault, pins };
                    Call::pwrite(write, flags, kernel, mount)
                }
                CallSpec::Pread { range, stale_size, repeat } if stale_size || repeat => {
                    let nolock = self.dioread_nolock;
                    let mut read = DirectRead::new(task, range, kernel, nolock);
                    if stale_size {
                        read = read.stale_size();
                    }
                    Call::Read(if repeat { read.repeat() } else { read })
                }
                CallSpec::Pread { range, .. } => Call::pread(task, range, kernel, mount),
                CallSpec::Ftruncate { to } => Call::ftruncate(to, kernel, mount),
                CallSpec::Fault { range } => Call::Fault(FilemapFault::new(range, kernel)),
                CallSpec::WritePages => Call::writepages(task, kernel, mount),
                CallSpec::Fsync => Call::SyncFile(SyncFile::new(kernel)),
                CallSpec::PunchHole { range, indirect } => {
                    Call::punch_hole(range, kernel, indirect)
                }
                CallSpec::MoveExtents { range } => {
                    Call::MoveExtents(MoveExtents::new(range, kernel))
                }
                CallSpec::PageFault { range } => Call::PageFault(PageFault::new(range, kernel)),
                CallSpec::Mmap => Call::VmMmap(VmMmap::default()),
                CallSpec::Writeback { to } => Call::WbDisksize(WbDisksize::new(to, kernel)),
                CallSpec::Uring { range, to } => {
                    let end_io = id(letter.to_ascii_lowercase());
                    let write = Write {
                        task,
                        end_io: Some(end_io),
                        range,
                        half: None,
                        fault: None,
                        pins: false,
                    };
                    let (thread, completion) = Call::uring(write, end_io, to, kernel, mount);
                    completions.push(completion);
                    thread
                }
                CallSpec::PwriteClose { range } => {
                    let end_io = id(letter.to_ascii_lowercase());
                    let flags = WriteFlags::default();
                    completions.push(Call::completion(end_io, task, flags, kernel));
                    let write = Write {
                        task,
                        end_io: Some(end_io),
                        range,
                        half: None,
                        fault: None,
                        pins: false,
                    };
                    Call::WriteThenClose(WriteThenClose::new(Call::pwrite(
                        write, flags, kernel, mount,
                    )))
                }
                CallSpec::Write => Call::buffered_write(kernel),
                CallSpec::Commit => Call::Commit(Commit::default()),
                CallSpec::DioWait(queue) => Call::DioWait(InodeDioWait::new(queue, kernel)),
                CallSpec::DioDone(queue) => Call::DioDone(InodeDioDone::new(task, queue, kernel)),
                CallSpec::Append(block) => Call::Append(GenericPerformWrite::new(block, kernel)),
                CallSpec::Read(block) => {
                    Call::BufferedRead(FilemapRead::new(block, kernel, self.cached_pages > 0))
                }
                CallSpec::Fallocate(range) => {
                    Call::AllocFileBlocks(AllocFileBlocks::new(range, kernel))
                }
                CallSpec::Preallocate(range) => Call::Fallocate(Fallocate::new(range, kernel)),
                CallSpec::Falloc { range, grows } => {
                    Call::ExtFallocate(ExtFallocate::new(range, grows, kernel))
                }
                CallSpec::ZeroRange(range) => Call::ZeroRange(ZeroRange::new(range, kernel)),
                CallSpec::EndBio(range) => Call::EndBio(EndBio::new(task, range, kernel)),
                CallSpec::Evict => Call::Evict(EvictInode::new(kernel)),
                CallSpec::WriteThatEvicts => Call::WriteThatEvicts(WriteThatEvicts::default()),
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
                    ReachVerb::FreesUnder(other) => Verb::FreesUnder(id(other)),
                    ReachVerb::WaitsFor(other) => Verb::WaitsFor(id(other)),
                },
            })
            .collect();
        let mut inode = Inode::new(self.size, &self.extents, self.cached_pages, calls.len())
            .with_disksize(self.disksize.unwrap_or(self.size));
        if self.dirty {
            inode = inode.with_dirty_page();
        }
        calls.iter().filter_map(Call::holds).for_each(|(queue, _)| inode.give(queue));
        calls.iter().filter_map(Call::end_bio).for_each(|end_bio| inode.give_io_end(end_bio));
        Program {
            litmus: self.name.clone(),
            situation: self.situation(),
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
