//! Everything that a task can do, whatever it is asked and answered.

use super::mapping::mapped;
use super::silent::NO_PAGES;
use super::{Asked, Frame, Kind};
use crate::conform::file_system::{FileSystem, Journal};
use crate::conform::flags::{COLLAPSE, INSERT, KEEP_SIZE, PUNCH_HOLE, ZERO};
use crate::conform::trail::Edge;
use crate::conform::value::Iocb;
use crate::schedule::answers;
use diolock::call::Call;
use diolock::kernel::Kernel;
use diolock::op::{Extent, Op, Outcome};
use diolock::task::Task;
use std::collections::{BTreeMap, HashSet};

/// Every transition that a call of that kind can take on a kernel, and whether a recording can show
/// it: whether the task comes to it with answers that `Frame` gives.
pub fn graph(kind: Kind, kernel: Kernel) -> BTreeMap<Edge, bool> {
    let mut edges = BTreeMap::new();
    // What a recording can show comes last, and stays.
    for shown_only in [false, true] {
        let mut open = starts(kind, kernel);
        let mut seen: HashSet<Call> = HashSet::new();
        while let Some(call) = open.pop() {
            let Some(op) = call.next() else { continue };
            if !seen.insert(call.clone()) {
                continue;
            }
            let answers = answers(0, &op).into_iter().chain(mixed(kind, &op));
            for outcome in answers.filter(|outcome| !shown_only || shown(&op, outcome)) {
                let mut next = call.clone();
                next.resume(outcome);
                let (from, to) = (call.place().into(), next.place().into());
                edges.insert(Edge { from, to }, shown_only);
                if !(shown_only && last_of(kind, &op)) {
                    open.push(next);
                }
            }
        }
    }
    edges
}

/// A read may find a hole beside a written block, which it reads all the same.
fn mixed(kind: Kind, op: &Op) -> Option<Outcome> {
    match op {
        Op::Map(range, _) if kind == Kind::Read && range.len == 2 => {
            Some(Outcome::Mapping(vec![mapped(Extent::Hole), mapped(Extent::Written)]))
        }
        _ => None,
    }
}

/// Whether `Frame` gives that answer.
fn shown(op: &Op, outcome: &Outcome) -> bool {
    match op {
        Op::PagesRead(_) => *outcome == NO_PAGES,
        Op::PageDirty(_) => outcome.buffers().is_empty(),
        _ => true,
    }
}

/// Whether `Frame` follows a call no further than to that step.
pub(super) fn last_of(kind: Kind, op: &Op) -> bool {
    kind == Kind::Completion && matches!(op, Op::DioEnd(_))
}

/// Where a task starts, for each way in which it can be called.
fn starts(kind: Kind, kernel: Kernel) -> Vec<Call> {
    const BLOCK: u64 = 4096;
    // Past the one page that the model has: no page is looked for there.
    const FAR: u64 = 8 * BLOCK;
    let on = FileSystem { kernel, block: BLOCK, journal: Journal::Metadata };
    let asked = |pos, end, nowait| Asked { pos, end, nowait };
    let iocb = Iocb(0);
    let modes = |modes: &[u64]| {
        let call = |&mode: &u64| Frame::fallocate(on, mode, asked(0, BLOCK, false));
        modes.iter().filter_map(call).collect::<Vec<_>>()
    };
    let frames: Vec<Frame> = match kind {
        Kind::Write => [(0, BLOCK), (0, BLOCK / 8), (FAR, FAR + BLOCK), (FAR, FAR + BLOCK / 8)]
            .into_iter()
            .flat_map(|(pos, end)| {
                [false, true].map(|nowait| Frame::write(on, asked(pos, end, nowait)))
            })
            .collect(),
        Kind::Read => {
            // Of two blocks one may be a hole, and the other is read.
            let spans = [(0, 1), (FAR, 1), (0, 2)];
            let read = |(pos, len)| Frame::read(on, asked(pos, pos + len * BLOCK, false));
            spans.map(read).to_vec()
        }
        Kind::Setattr => vec![Frame::setattr(on, BLOCK)],
        Kind::Punch => modes(&[PUNCH_HOLE | KEEP_SIZE]),
        Kind::Fallocate => modes(&[0, KEEP_SIZE]),
        // Behind i_size, too.
        Kind::Zero => [0, BLOCK]
            .into_iter()
            .flat_map(|pos| [ZERO, ZERO | KEEP_SIZE].map(|mode| (mode, pos)))
            .filter_map(|(mode, pos)| Frame::fallocate(on, mode, asked(pos, pos + BLOCK, false)))
            .collect(),
        Kind::Shift => modes(&[COLLAPSE, INSERT]),
        Kind::Completion => [(0, false), (0, true), (FAR, false), (FAR, true)]
            .map(|(pos, unwritten)| {
                let asked = asked(pos, pos + BLOCK, false);
                Frame::completion(on, asked, unwritten, iocb)
            })
            .to_vec(),
    };
    frames.into_iter().flat_map(|frame| frame.candidates).map(|c| c.call).collect()
}
