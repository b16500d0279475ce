//! What can be told of a run from outside: what each call returned and read, what the file holds, and its size.

use crate::condition::{Answer, Cell, Facts};
use crate::program::Program;
use diolock::call::{Call, Returned};
use diolock::op::{Content, TaskId};
use std::collections::BTreeSet;

/// What half a block holds.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Held {
    /// What the file held at the start.
    Old,
    /// Zeros.
    Zeros,
    /// What that task wrote.
    Of(TaskId),
    /// Nothing that this file was ever given.
    Stale,
    /// Parts of several: finer than the model, which moves half a block at a time.
    Mixed(BTreeSet<Held>),
}

/// What a call returned.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Back {
    /// It did what it was asked for; a read, as much as there was.
    Ok,
    /// A write that ended early: after so many halves.
    Short(u32),
    /// An error, by its name.
    Error(String),
}

/// What one call told its task.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Told {
    /// What it returned.
    pub back: Back,
    /// What it read: halves of the file, each with what it held.
    pub read: Vec<(u32, Held)>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Outcome {
    /// i_size, in half blocks.
    pub size: u32,
    /// Each half block below it, as a buffered read finds it.
    pub file: Vec<Held>,
    /// What each call of each task was told.
    pub told: Vec<Vec<Told>>,
}

impl Held {
    /// What the model says of half a block; `None` where there is none.
    fn of(cell: Cell) -> Option<Held> {
        Some(match cell {
            Cell::Nothing => return None,
            Cell::Hole | Cell::Unwritten | Cell::Holds(Content::Zero) => Held::Zeros,
            Cell::Holds(Content::Initial) => Held::Old,
            Cell::Holds(Content::Of(by)) => Held::Of(by.task),
            Cell::Holds(Content::Stale | Content::Foreign) => Held::Stale,
        })
    }

    /// In words: `old`, `zeros`, `W`, `old|W` if it is a bit of both.
    pub fn words(&self, program: &Program) -> String {
        match self {
            Held::Old => "old".to_owned(),
            Held::Zeros => "zeros".to_owned(),
            Held::Stale => "stale".to_owned(),
            Held::Of(task) => program.names[usize::from(*task)].letter.to_string(),
            Held::Mixed(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part.words(program)).collect();
                parts.join("|")
            }
        }
    }

    /// Whether it is that, or is so in part.
    fn may_be(&self, model: &Held) -> bool {
        match self {
            Held::Mixed(parts) => parts.contains(model),
            whole => whole == model,
        }
    }
}

impl Back {
    fn of(returned: Returned) -> Back {
        match returned {
            Returned::Ok => Back::Ok,
            error => Back::Error(error.name().to_owned()),
        }
    }

    /// In words, if there is anything to say.
    fn words(&self) -> Option<String> {
        match self {
            Back::Ok => None,
            Back::Short(halves) => Some(format!("short write of {halves} half blocks")),
            Back::Error(name) => Some(name.clone()),
        }
    }
}

impl Told {
    fn of(answer: &Answer) -> Told {
        let halves = |&(block, cells): &(u32, [Cell; 2])| {
            let held = [0, 1].map(|half| (2 * block + half, Held::of(cells[half as usize])));
            held.into_iter().filter_map(|(at, held)| Some((at, held?)))
        };
        let read = answer.read.iter().flat_map(halves).collect();
        Told { back: Back::of(answer.returned), read }
    }

    fn may_be(&self, model: &Told, by_halves: bool) -> bool {
        let near = |at: u32, other: u32| if by_halves { at == other } else { at / 2 == other / 2 };
        let half = |((at, _), (there, held)): (&(u32, Held), &(u32, Held))| {
            let found = || self.read.iter().filter(|(other, _)| near(*at, *other));
            at == there && found().any(|(_, seen)| seen.may_be(held))
        };
        let read = self.read.len() == model.read.len();
        self.back == model.back && read && self.read.iter().zip(&model.read).all(half)
    }
}

impl Outcome {
    /// What can be told of the end of an execution, of whose tasks the first so many are not completions.
    pub(super) fn of(facts: &Facts, tasks: usize) -> Outcome {
        let file = facts.file.iter().flatten().filter_map(|&cell| Held::of(cell)).collect();
        let told = facts.answers.iter().take(tasks);
        let told = told.map(|calls| calls.iter().map(Told::of).collect()).collect();
        Outcome { size: facts.size.in_halves(), file, told }
    }

    /// In words: `i_size 2; file old, W; R read old, zeros`.
    pub fn words(&self, program: &Program) -> String {
        let size = diolock::op::Size::halves(self.size);
        let mut parts = vec![format!("i_size {size}")];
        let file: Vec<(u32, &Held)> = (0..).zip(&self.file).collect();
        if !file.is_empty() {
            parts.push(format!("file {}", blocks(program, &file)));
        }
        for (task, calls) in self.told.iter().enumerate() {
            let letter = program.names[task].letter;
            let made = program.calls[task].calls();
            for (at, told) in calls.iter().enumerate() {
                let number = if calls.len() > 1 { (at + 1).to_string() } else { String::new() };
                let read: Vec<(u32, &Held)> = told.read.iter().map(|(at, h)| (*at, h)).collect();
                if let Some(back) = told.back.words() {
                    parts.push(format!("{letter}{number} {back}"));
                } else if !read.is_empty() {
                    parts.push(format!("{letter}{number} read {}", blocks(program, &read)));
                } else if made.get(at).is_some_and(|call| reads(call)) {
                    parts.push(format!("{letter}{number} read nothing"));
                }
            }
        }
        parts.join("; ")
    }

    /// Whether it is this outcome of the model, if that moves as a whole what a device, or a copy to user space, moves
    /// in parts: of half a block that holds several things each counts for all of it, and, unless the model tells
    /// halves of blocks apart, each half of a block that was read for all of that.
    pub(super) fn may_be(&self, model: &Outcome, by_halves: bool) -> bool {
        let file = self.file.len() == model.file.len()
            && self.file.iter().zip(&model.file).all(|(seen, held)| seen.may_be(held));
        let calls = |(seen, told): (&Told, &Told)| seen.may_be(told, by_halves);
        let tasks = |(seen, told): (&Vec<Told>, &Vec<Told>)| {
            seen.len() == told.len() && seen.iter().zip(told).all(calls)
        };
        self.size == model.size && file && self.told.iter().zip(&model.told).all(tasks)
    }

    /// Whether there is a block of which one half holds something else than the other, or of which there is only half.
    pub(super) fn splits_a_block(&self) -> bool {
        let file: Vec<(u32, Held)> = (0..).zip(self.file.iter().cloned()).collect();
        let split = |held: &[(u32, Held)]| {
            let mut blocks = held.chunk_by(|a, b| a.0 / 2 == b.0 / 2);
            blocks.any(|block| block.len() == 1 || block[0].1 != block[1].1)
        };
        split(&file) || self.told.iter().flatten().any(|told| split(&told.read))
    }
}

/// Whether a call tells what it read.
fn reads(call: &Call) -> bool {
    matches!(call, Call::Read(_) | Call::DioReadIter(_) | Call::BufferedRead(_))
}

/// Block after block: `old, W + zeros`.
fn blocks(program: &Program, halves: &[(u32, &Held)]) -> String {
    let of_block = |block: &[(u32, &Held)]| {
        let words: Vec<String> = block.iter().map(|(_, held)| held.words(program)).collect();
        match &words[..] {
            [lower, upper] if lower == upper => lower.clone(),
            [lower, upper] => format!("{lower} + {upper}"),
            [lower] if block[0].0.is_multiple_of(2) => format!("half of {lower}"),
            other => other.join(" + "),
        }
    };
    let blocks: Vec<String> = halves.chunk_by(|a, b| a.0 / 2 == b.0 / 2).map(of_block).collect();
    blocks.join(", ")
}
