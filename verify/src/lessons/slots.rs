//! Where a task stands in a state: its next step, and why it cannot be taken.

use super::cells::Tone;
use crate::program::{Program, System};
use crate::report::{op_words, waits_words};
use crate::rule::Rules;
use diolock::op::{Op, TaskId};
use diolock::task::Task;

/// What a cell says.
pub type Shown = (Tone, String);

/// A step that a task may stand before.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Step {
    /// Its name in the task's list of steps.
    pub name: &'static str,
    /// The kernel function that it is in.
    pub function: &'static str,
    /// What it does, in the kernel's words.
    pub does: String,
    /// Others can be in its way, or see it: where a run of steps stops.
    pub stops: bool,
}

/// Where a task stands.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// It has returned.
    Returned,
    /// A completion of I/O that is not submitted.
    NotSubmitted,
    /// Before a step.
    Before {
        /// Which.
        step: Step,
        /// Why it has to wait, in words: `waits for i_mutex, held by T`.
        waits: Option<String>,
        /// What it holds.
        holds: String,
    },
}

/// Where a task stands.
pub fn slot(program: &Program, system: &System, rules: &Rules, task: TaskId) -> Slot {
    let call = &system.calls[usize::from(task)];
    let Some(op) = system.next(task) else {
        return if call.started() { Slot::Returned } else { Slot::NotSubmitted };
    };
    let letter = |task: TaskId| program.names[usize::from(task)].letter;
    let waits = crate::engine::graph::pending(system, task)
        .filter(|pending| system.inode.blocked(task, pending).is_some())
        .and_then(|_| system.waiting().into_iter().find(|waiting| waiting.task == task))
        .map(|waiting| waits_words(&waiting, &letter));
    let place = call.place().on(program.kernel.version);
    let step =
        Step { name: place.step, function: place.kernel, does: does(&op), stops: stops(&op) };
    Slot::Before { step, waits, holds: rules.held_text(task) }
}

/// A step that is yet to come, in words: what is only looked at says so, and what waits says until when.
fn does(op: &Op) -> String {
    match op {
        Op::SizeRead | Op::DisksizeRead | Op::PagesRead(_) | Op::DepthRead | Op::CountRead(_) => {
            format!("read {}", op_words(op))
        }
        Op::DioWait => "inode_dio_wait: until i_dio_count = 0".to_owned(),
        Op::UnwrittenWait => "wait until i_unwritten = 0".to_owned(),
        Op::CommitWait => "commit: until no handle is open".to_owned(),
        op => op_words(op),
    }
}

/// A step before which a run of steps stops: others can be in its way, or it lets them go on, or it touches
/// what they look at.
fn stops(op: &Op) -> bool {
    matches!(
        op,
        Op::Lock(..)
            | Op::LockByRequeue(_)
            | Op::TryLock(..)
            | Op::Unlock(..)
            | Op::Downgrade(_)
            | Op::DioBegin(_)
            | Op::DioEnd(_)
            | Op::DioWait
            | Op::UnwrittenWait
            | Op::GateClose
            | Op::GateOpen
            | Op::GateTest
            | Op::JournalStart(_)
            | Op::CommitLock
            | Op::CommitWait
            | Op::CommitDone
            | Op::SizeRead
            | Op::SizeWrite(_)
            | Op::Submit(..)
            | Op::Bio(..)
            | Op::Free(_)
            | Op::FreeRange(_)
            | Op::SwapBlocks(_)
    )
}
