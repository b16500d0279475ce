//! What a schedule was made for, as a hash of both: the litmus test, and all its tasks can do.

use crate::litmus::MAX_TASKS;
use crate::local::subsets;
use crate::program::{Program, Run};
use crate::rule::Gathered;
use diolock::call::Call;
use diolock::op::{
    Bio, Buffer, Content, Extent, IoEnd, LogicalBlock, MapFor, Mapped, Op, OrphanOp, Outcome,
    Range, Size, Span, TaskId,
};
use diolock::task::Task;
use std::collections::HashMap;
use std::fmt::{self, Write};

/// Two hashes of 24 bits: an edit that changes what it covers keeps one of them with odds of 1 to 16
/// million.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seal {
    /// Of the litmus test: file, options, tasks, rules.
    pub litmus: u32,
    /// Of the protocol as far as these tasks use it on that kernel: their step graphs, and what the
    /// reference semantics answers in some runs.
    pub protocol: u32,
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}-{:06x}", self.litmus, self.protocol)
    }
}

impl Seal {
    /// Reads `5b1e09-77aa12`.
    pub fn parse(text: &str) -> Option<Seal> {
        let (litmus, protocol) = text.split_once('-')?;
        let half = |text: &str| {
            let hex = text.len() == 6 && text.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u32::from_str_radix(text, 16).ok()).flatten()
        };
        Some(Seal { litmus: half(litmus)?, protocol: half(protocol)? })
    }
}

/// The seal of a litmus test on a kernel. It is the same for every build of the same source: nothing
/// in it depends on the order of a hash map or on the compiler.
pub fn seal(program: &Program) -> Seal {
    let mut protocol = String::new();
    for task in 0..program.calls.len() as TaskId {
        step_graph(program, task, &mut protocol);
    }
    for seed in 0..16 {
        walk(program, seed, &mut protocol);
    }
    Seal { litmus: hash(&litmus_text(program)), protocol: hash(&protocol) }
}

/// FNV-1a, folded to 24 bits.
fn hash(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    ((hash ^ hash >> 24 ^ hash >> 48) & 0x00ff_ffff) as u32
}

/// The situation, and who the tasks are.
fn litmus_text(program: &Program) -> String {
    let names = program.names.iter().map(|name| format!("{}\n", name.text));
    names.chain([program.situation.clone()]).collect()
}

/// So many states of a task are looked at. One of several calls, or that meets several pages, may have more: what only
/// comes behind them is in the hash as far as the runs show it.
const STATES: usize = 1 << 15;

/// Writes down the states that a task can be in, whatever the other tasks do: its step there, and where each answer
/// leads.
fn step_graph(program: &Program, task: TaskId, text: &mut String) {
    let start = started(program, task);
    let mut numbers: HashMap<Call, usize> = HashMap::from([(start.clone(), 0)]);
    let mut states = vec![start];
    let mut at = 0;
    while at < states.len().min(STATES) {
        let state = states[at].clone();
        at += 1;
        let place = state.place();
        let Some(op) = state.next() else {
            let _ = writeln!(text, "{at} returns");
            continue;
        };
        let _ = write!(text, "{at} {} {} {op:?}:", place.kernel, place.step);
        for outcome in answers(task, &op) {
            let mut next = state.clone();
            next.resume(outcome);
            let fresh = states.len();
            let number = *numbers.entry(next.clone()).or_insert_with(|| {
                states.push(next);
                fresh
            });
            let _ = write!(text, " {number}");
        }
        text.push('\n');
    }
}

/// The task at its start; a completion as if its I/O had just been submitted.
fn started(program: &Program, task: TaskId) -> Call {
    use diolock::op::Submission;
    let mut call = program.calls[usize::from(task)].clone();
    if !call.started() {
        let range = Range { start: 0, len: 1 };
        let (span, bio) = (Span::of(range, None), Bio::WHOLE_WRITE);
        call.submit(Submission { span, blocks: vec![0], bio, unwritten: true, works: true });
    }
    call
}

/// What the rest of the system might answer to a step.
pub(crate) fn answers(task: TaskId, op: &Op) -> Vec<Outcome> {
    let mapping = |range: Range, extent: Extent| {
        let block = |at: LogicalBlock| (extent != Extent::Hole).then_some(at);
        let mapped = range.blocks().map(|at| Mapped { extent, block: block(at) });
        Outcome::Mapping(mapped.collect())
    };
    let extents = [Extent::Hole, Extent::Unwritten, Extent::Written];
    match op {
        Op::TryLock(..)
        | Op::GateTest
        | Op::Private(..)
        | Op::PutIoEnd(_)
        | Op::DropRefcount(_)
        | Op::Orphan(OrphanOp::Test)
        | Op::PageFind(..)
        | Op::PageInvalidate(_)
        | Op::PageRemove(_)
        | Op::PageRelease(_)
        | Op::WaitLook(_)
        | Op::CountDecAndTest(..) => {
            vec![Outcome::Flag(false), Outcome::Flag(true)]
        }
        Op::PagesRead(_) | Op::CountRead(_) | Op::DepthRead => [0, 1].map(Outcome::Value).to_vec(),
        Op::SizeRead | Op::DisksizeRead => {
            (0..=3).chain([16]).map(|n| Outcome::Size(Size::blocks(n))).collect()
        }
        Op::Map(_, MapFor::CreateFails) => vec![Outcome::NoSpace],
        Op::Map(range, _) => extents.iter().map(|&extent| mapping(*range, extent)).collect(),
        Op::ListTake(_) => {
            let io_end = IoEnd { task, range: Range { start: 0, len: 1 }, direct: true };
            vec![Outcome::IoEnd(None), Outcome::IoEnd(Some(io_end))]
        }
        Op::InodeAio => {
            let tasks = (0..2 * MAX_TASKS as TaskId).map(Some);
            [None].into_iter().chain(tasks).map(Outcome::InodeAio).collect()
        }
        Op::Bio(blocks, Bio::Read { .. }) => {
            vec![Outcome::Data(vec![[Content::Initial; 2]; blocks.len()])]
        }
        Op::PageLook(_) | Op::PageDirty(_) => pages(),
        Op::PagesFind(pages) | Op::PagesDirty(pages) => subsets(*pages),
        Op::PageIn(_) => pages().split_off(1),
        Op::PageRead(_) => vec![Outcome::Data(vec![[Content::Initial; 2]])],
        Op::Free(_) | Op::FreeRange(_) => vec![Outcome::Freed(Vec::new())],
        Op::Convert(range, _) | Op::ConvertExtent(range, _) => extents
            .iter()
            .map(|&extent| {
                Outcome::Converted(range.blocks().map(|at| (extent, Some(at))).collect())
            })
            .collect(),
        _ => vec![Outcome::Done],
    }
}

/// No page, a page that was not read yet, and pages that were: clean, and stored to in one block.
fn pages() -> Vec<Outcome> {
    let page = |first: Buffer| {
        let rest = Buffer { dirty: false, mapped: None, uninit: false, ..first };
        Outcome::Page(vec![first, rest, rest, rest])
    };
    let clean = Buffer { uptodate: true, ..Buffer::default() };
    let dirty = Buffer { dirty: true, ..clean };
    let mapped = Buffer { mapped: Some(0), ..dirty };
    let firsts = [Buffer::default(), clean, dirty, mapped, Buffer { uninit: true, ..mapped }];
    std::iter::once(Outcome::Page(Vec::new())).chain(firsts.map(page)).collect()
}

/// One run in an order fixed by a seed, with every answer.
fn walk(program: &Program, seed: u64, text: &mut String) {
    let mut run = Run::new(program);
    let mut gathered = Gathered::default();
    let mut random = seed;
    // A task that repeats for ever has shown what it does by then.
    for _ in 0..200 {
        let enabled: Vec<TaskId> = crate::engine::graph::enabled(&run.system).collect();
        if enabled.is_empty() {
            break;
        }
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let task = enabled[(random >> 33) as usize % enabled.len()];
        let Some(op) = crate::engine::graph::pending(&run.system, task) else { break };
        let Ok(event) = run.system.perform(task, op) else { break };
        let _ = writeln!(text, "{event:?}");
        if let Err(violation) = run.observe(program, event, &mut gathered) {
            let _ = writeln!(text, "{violation:?}");
            break;
        }
    }
}
