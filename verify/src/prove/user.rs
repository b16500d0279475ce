//! One of any number: a call, and the completion that goes with it.

use crate::rule::UserRecord;
use diolock::call::Call;
use diolock::inode::Share;
use diolock::op::{Op, Outcome, TaskId};
use diolock::task::Task;

/// A user: where its tasks stand, what they hold, what the rules remember of them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct User {
    /// Which of the scene's calls it makes.
    pub(super) template: usize,
    pub(super) call: Call,
    pub(super) completion: Option<Call>,
    pub(super) share: Share,
    pub(super) record: UserRecord,
}

impl User {
    pub(super) fn task(&self, task: TaskId) -> Option<&Call> {
        if task == 0 { Some(&self.call) } else { self.completion.as_ref() }
    }

    /// The next step of one of its tasks.
    pub(super) fn next(&self, task: TaskId) -> Option<Op> {
        self.task(task)?.next()
    }

    /// Whether its completion has begun.
    pub(super) fn submitted(&self) -> bool {
        self.completion.as_ref().is_some_and(Call::started)
    }

    /// Whether both its tasks have returned.
    pub(super) fn over(&self) -> bool {
        self.next(0).is_none() && self.next(1).is_none()
    }

    /// Whether it is over and nothing is left of it.
    pub(super) fn gone(&self) -> bool {
        self.over() && self.share.is_free() && self.record.is_free()
    }

    pub(super) fn resume(&mut self, task: TaskId, op: &Op, outcome: Outcome) {
        let (mover, child) = match task {
            0 => (Some(&mut self.call), self.completion.as_mut()),
            _ => (self.completion.as_mut(), None),
        };
        if let Some(mover) = mover {
            mover.resume(outcome);
        }
        if let (Op::Submit(_, submission), Some(child)) = (op, child) {
            child.submit(submission.clone());
        }
        if self.next(task).is_none() {
            self.share.forget_page_of(task);
        }
    }
}
