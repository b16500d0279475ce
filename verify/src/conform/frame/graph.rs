//! Everything that a task can do, whatever it is asked and answered.

use super::{Asked, Frame, Kind};
use crate::conform::event::Iocb;
use crate::schedule::answers;
use diolock::dio_path::Call;
use diolock::kernel::Kernel;
use diolock::task::Task;
use std::collections::{BTreeSet, HashSet};

/// Every step that a call of that kind can come to on a kernel, whatever it is asked and answered:
/// `(kernel function, step)`.
pub fn steps_of(kind: Kind, kernel: Kernel) -> BTreeSet<(&'static str, &'static str)> {
    const BLOCK: u64 = 4096;
    let asked = |pos, end, nowait| Asked { pos, end, nowait };
    let iocb = Iocb(0);
    let frames: Vec<Frame> = match kind {
        Kind::Write => [(0, BLOCK), (0, BLOCK / 8)]
            .into_iter()
            .flat_map(|(pos, end)| {
                [false, true].map(|nowait| Frame::write(kernel, BLOCK, asked(pos, end, nowait)))
            })
            .collect(),
        Kind::Read => vec![Frame::read(kernel, BLOCK, asked(0, BLOCK, false))],
        Kind::Setattr => vec![Frame::setattr(kernel, BLOCK, BLOCK, false)],
        Kind::Punch => Frame::punch(kernel, BLOCK, asked(0, BLOCK, false)).into_iter().collect(),
        Kind::Completion => [false, true]
            .map(|unwritten| {
                Frame::completion(kernel, BLOCK, asked(0, BLOCK, false), unwritten, iocb)
            })
            .to_vec(),
    };
    let mut open: Vec<Call> =
        frames.into_iter().flat_map(|frame| frame.candidates).map(|c| c.call).collect();
    let mut seen: HashSet<Call> = HashSet::new();
    let mut steps = BTreeSet::new();
    while let Some(call) = open.pop() {
        let Some(op) = call.next() else { continue };
        if !seen.insert(call.clone()) {
            continue;
        }
        let place = call.place();
        steps.insert((place.kernel, place.step));
        for outcome in answers(0, &op) {
            let mut next = call.clone();
            next.resume(outcome);
            open.push(next);
        }
    }
    steps
}
