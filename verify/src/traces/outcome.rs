//! How a run ends, in one line: enough to tell traces apart at a glance.

use super::replayed::Replayed;
use crate::condition::{Answer, Cell};
use crate::engine::Wrong;
use crate::program::{Event, Program};
use crate::report::content_words;
use crate::rule::told;
use diolock::call::Call;
use diolock::op::{Content, Extent, Mapped, Outcome, TaskId};

/// `i_size 0`, `R read zeros`, `T freed block 0`: after what went wrong, if anything did.
pub(super) fn parts(program: &Program, run: &Replayed, stuck: Option<&Wrong>) -> Vec<String> {
    let name = |task: TaskId| program.names[usize::from(task)].letter;
    let mut parts = Vec::new();
    if let Some(violation) = &run.broken {
        parts.push(format!("violated {}", violation.rule.code()));
    }
    if let Some(wrong @ Wrong::Stuck(waiting)) = stuck {
        let who: Vec<String> = waiting.iter().map(|w| name(w.task).to_string()).collect();
        parts.push(format!("{}: {}", wrong.verdict(program).0.word(), who.join(", ")));
    }
    let inode = &run.system.inode;
    parts.push(match (inode.size(), inode.disksize()) {
        (size, disk) if size == disk => format!("i_size {size}"),
        (size, disk) => format!("i_size {size}, disk {disk}"),
    });
    parts.extend(file(program, run));
    let answers = told(program, &run.events);
    for task in run.system.tasks() {
        let own: Vec<&Event> = run.events.iter().filter(|event| event.task == task).collect();
        let told = answers[usize::from(task)].iter().enumerate();
        parts.extend(told.filter_map(|call| read(program, task, call)));
        for event in own {
            match (&event.op, &event.outcome) {
                (_, Outcome::NoSpace) => parts.push(format!("{} got ENOSPC", name(task))),
                (_, Outcome::Freed(blocks)) if !blocks.is_empty() => {
                    let list: Vec<String> = blocks.iter().map(ToString::to_string).collect();
                    let noun = if list.len() == 1 { "block" } else { "blocks" };
                    parts.push(format!("{} freed {noun} {}", name(task), list.join(", ")));
                }
                _ => {}
            }
        }
    }
    if inode.dio_count() != 0 {
        parts.push(format!("i_dio_count {}", inode.dio_count()));
    }
    if inode.unwritten() != 0 {
        parts.push(format!("i_unwritten {}", inode.unwritten()));
    }
    parts
}

/// What the file's blocks hold; blocks past `i_size` in brackets. Nothing for an empty file.
fn file(program: &Program, run: &Replayed) -> Option<String> {
    let (inode, extents) = (&run.system.inode, run.system.inode.extents());
    let blocks = extents.mapping().len().max(inode.size().up() as usize);
    let mut held: Vec<String> = (0..blocks)
        .map(|at| {
            let text = match extents.mapping().get(at) {
                Some(&Mapped { extent: Extent::Written, block: Some(block) }) => {
                    holds(program, extents.block(block).halves)
                }
                Some(Mapped { extent: Extent::Unwritten, .. }) => "unwritten".to_owned(),
                _ => "hole".to_owned(),
            };
            if at < inode.size().up() as usize { text } else { format!("[{text}]") }
        })
        .collect();
    if held.iter().all(|text| *text == held[0]) {
        held.truncate(1);
    }
    (!held.is_empty()).then(|| format!("file: {}", held.join(", ")))
}

/// What a call of a task read, if it is one that reads.
fn read(program: &Program, task: TaskId, (at, answer): (usize, &Answer)) -> Option<String> {
    let calls = program.calls[usize::from(task)].calls();
    let call = calls.get(at)?;
    if !matches!(call, Call::Read(_) | Call::DioReadIter(_) | Call::BufferedRead(_)) {
        return None;
    }
    let letter = program.names[usize::from(task)].letter;
    let words = |cell| match cell {
        Cell::Holds(content) => content_words(program, content),
        _ => String::new(),
    };
    let both = |[lower, upper]: [Cell; 2]| match lower == upper {
        true => words(lower),
        false => format!("{} + {}", words(lower), words(upper)),
    };
    let mut found: Vec<String> = answer.read.iter().map(|&(_, cells)| both(cells)).collect();
    if found.iter().all(|text| *text == found[0]) {
        found.truncate(1);
    }
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
    Some(format!("{letter} read {found}"))
}

/// Both halves of a block: `old data`, `W's + zeros`.
fn holds(program: &Program, [lower, upper]: [Content; 2]) -> String {
    let words = |content| content_words(program, content);
    match lower == upper {
        true => words(lower),
        false => format!("{} + {}", words(lower), words(upper)),
    }
}
