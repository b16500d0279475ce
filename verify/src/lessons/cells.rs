//! What a page shows of a state: named cells, each with a text and a tone.

use crate::program::{Program, System};
use crate::report::content_words;
use diolock::op::{Content, Extent, LockName, LogicalBlock, Mode, Owner, PhysicalBlock, TaskId};

/// How a cell is coloured; its text says the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Tone {
    /// Nothing is going on: a free lock, a count of 0.
    Idle,
    /// Held or counted, by more than one perhaps.
    Shared,
    /// Held alone, or closed.
    Alone,
    /// Data of this run.
    Data,
    /// What must never be seen.
    Wrong,
    /// None of these.
    Plain,
}

impl Tone {
    /// Its letter in the page's data.
    pub fn letter(self) -> char {
        match self {
            Tone::Idle => 'i',
            Tone::Shared => 's',
            Tone::Alone => 'a',
            Tone::Data => 'd',
            Tone::Wrong => 'w',
            Tone::Plain => 'p',
        }
    }
}

/// What a cell is about: which group of the panel, and its label there.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Label {
    /// `Locks`.
    pub group: &'static str,
    /// `i_mutex`.
    pub name: String,
    /// It can be left out of the panel while it says only this.
    pub quiet: &'static str,
}

/// A cell.
pub type Cell = (Label, Tone, String);

/// Every cell of a state, always the same ones in the same order for one program with so many blocks.
pub fn cells(program: &Program, system: &System, blocks: LogicalBlock) -> Vec<Cell> {
    let mut cells = Vec::new();
    for lock in LockName::ALL.into_iter().filter(|&lock| system.inode.has_lock(lock)) {
        let (tone, text) = lock_text(program, system, lock);
        cells.push(cell("Locks", lock.name(), "free", tone, text));
    }
    counters(program, system, &mut cells);
    file(program, system, blocks, &mut cells);
    cells
}

fn cell(
    group: &'static str,
    name: impl Into<String>,
    quiet: &'static str,
    tone: Tone,
    text: impl Into<String>,
) -> Cell {
    (Label { group, name: name.into(), quiet }, tone, text.into())
}

fn letters(program: &Program, tasks: impl Iterator<Item = TaskId>) -> String {
    let letters: Vec<String> =
        tasks.map(|task| program.names[usize::from(task)].letter.to_string()).collect();
    letters.join(", ")
}

fn lock_text(program: &Program, system: &System, lock: LockName) -> (Tone, String) {
    let sem = system.inode.lock(lock);
    let (tone, mut text) = match sem.holders() {
        [] => (Tone::Idle, "free".to_owned()),
        held => {
            let who = letters(program, held.iter().map(|held| held.0));
            match (lock.is_rwsem(), held[0].1) {
                (true, Mode::Shared) => (Tone::Shared, format!("shared by {who}")),
                (true, Mode::Exclusive) => (Tone::Alone, format!("exclusive: {who}")),
                (false, _) => (Tone::Alone, format!("held by {who}")),
            }
        }
    };
    if !sem.waiting().is_empty() {
        text.push_str(&format!("; queued: {}", letters(program, sem.waiting().iter().copied())));
    }
    (tone, text)
}

fn counters(program: &Program, system: &System, cells: &mut Vec<Cell>) {
    let inode = &system.inode;
    let counted = |n: i8| (if n == 0 { Tone::Idle } else { Tone::Shared }, n.to_string());
    let (tone, text) = counted(inode.dio_count());
    cells.push(cell("Counts", "i_dio_count", "", tone, text));
    let (tone, text) = counted(inode.unwritten());
    cells.push(cell("Counts", "i_unwritten", "0", tone, text));
    let gate = if inode.gate_closed() { (Tone::Alone, "closed") } else { (Tone::Idle, "open") };
    cells.push(cell("Counts", "gate (DIOREAD_LOCK)", "open", gate.0, gate.1));
    let handles = inode.journal().updates();
    let tone = if handles == 0 { Tone::Idle } else { Tone::Shared };
    cells.push(cell("Counts", "open journal handles", "0", tone, handles.to_string()));
    let commit = match inode.journal().can_start() {
        true => (Tone::Idle, "takes handles"),
        false => (Tone::Alone, "locked for commit"),
    };
    cells.push(cell("Counts", "transaction", "takes handles", commit.0, commit.1));
    let waiting = letters(program, inode.completed().iter().map(|io_end| io_end.task));
    let (tone, text) =
        if waiting.is_empty() { (Tone::Idle, "none") } else { (Tone::Shared, waiting.as_str()) };
    cells.push(cell("Counts", "waits for conversion", "none", tone, text));
    let sizes = [("i_size", inode.size()), ("i_disksize", inode.disksize())];
    for (name, size) in sizes {
        cells.push(cell("Sizes, in blocks", name, "", Tone::Plain, size.to_string()));
    }
}

fn file(program: &Program, system: &System, blocks: LogicalBlock, cells: &mut Vec<Cell>) {
    let extents = system.inode.extents();
    for block in 0..blocks {
        let mapped = extents.mapping().get(block as usize);
        let (tone, text) = match mapped.map(|mapped| (mapped.extent, mapped.block)) {
            Some((Extent::Written, Some(at))) => {
                (Tone::Data, format!("written, device block {at}"))
            }
            Some((Extent::Unwritten, Some(at))) => {
                (Tone::Shared, format!("unwritten, device block {at}"))
            }
            _ => (Tone::Idle, "hole".to_owned()),
        };
        cells.push(cell("File (extents)", format!("block {block}"), "", tone, text));
    }
    for block in 0..system.inode.paging().end() {
        let (tone, text) = page(program, system, block);
        cells.push(cell("Page cache", format!("cached block {block}"), "not cached", tone, text));
    }
    for block in 0..MOST_DEVICE_BLOCKS {
        let (tone, text) = device(program, system, block);
        cells.push(cell("Device", format!("device block {block}"), "", tone, text));
    }
}

/// As many device blocks are shown; a file of the catalogue takes fewer.
const MOST_DEVICE_BLOCKS: PhysicalBlock = 16;

fn page(program: &Program, system: &System, block: LogicalBlock) -> (Tone, String) {
    let Some(data) = system.inode.cache().held(block) else {
        return (Tone::Idle, NOT_CACHED.to_owned());
    };
    let (tone, held) = halves(program, data);
    let dirty = system.inode.cache().dirty().any(|dirty| dirty == block);
    let dirty = if dirty { ", dirty" } else { "" };
    (tone, format!("{held}{dirty}"))
}

const NOT_CACHED: &str = "not cached";

fn device(program: &Program, system: &System, block: PhysicalBlock) -> (Tone, String) {
    let extents = system.inode.extents();
    if block >= extents.device_blocks() {
        return (Tone::Idle, String::new());
    }
    let block = extents.block(block);
    if block.owner == Owner::AnotherFile {
        return (Tone::Wrong, "freed: another file has it now".to_owned());
    }
    halves(program, block.halves)
}

fn halves(program: &Program, halves: [Content; 2]) -> (Tone, String) {
    let words = halves.map(|half| match half {
        Content::Stale => "never written".to_owned(),
        Content::Foreign => "another file's data".to_owned(),
        Content::Of(_) => content_words(program, half) + " data",
        half => content_words(program, half),
    });
    let of_run = halves.iter().any(|half| matches!(half, Content::Of(_)));
    let tone = if of_run { Tone::Data } else { Tone::Plain };
    match &words {
        [lower, upper] if lower == upper => (tone, lower.clone()),
        [lower, upper] => (tone, format!("{lower} | {upper}")),
    }
}
