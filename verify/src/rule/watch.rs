//! What witnesses ask for that looks at several tasks at once.

use super::memory::Memory;
use super::records::Set;
use super::witness::Verb;
use crate::program::{Event, Program};
use diolock::op::{MapFor, Mode, Op, Outcome, TaskId, WaitQueue};

/// What witnesses ask for. It is kept for programs that ask only, as it tells executions of one trace
/// apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Watch {
    /// Tasks with blocks mapped for I/O that is not done.
    mapped: Option<Set>,
    /// For each task those that dropped a reference since it took the inode's lock.
    ended: Vec<Set>,
}

impl Watch {
    pub(super) fn new(program: &Program) -> Watch {
        let asks = |verb: fn(Verb) -> bool| program.reaches.iter().any(|w| verb(w.verb));
        let mapped = asks(|verb| matches!(verb, Verb::Overlaps(_) | Verb::FreesUnder(_)));
        let ended = asks(|verb| matches!(verb, Verb::WaitsFor(_)));
        Watch {
            mapped: mapped.then(Set::default),
            ended: vec![Set::default(); if ended { program.calls.len() } else { 0 }],
        }
    }

    pub(super) fn in_flight(&self, task: TaskId) -> bool {
        self.mapped.is_some_and(|mapped| mapped.has(task))
    }

    pub(super) fn ended_meanwhile(&self, task: TaskId, other: TaskId) -> bool {
        self.ended.get(usize::from(task)).is_some_and(|ended| ended.has(other))
    }

    /// Whether what it notes depends on what others hold than the event's own task.
    pub(super) fn asks_for_all(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Notes an event, of which the rules have taken note already.
    pub(super) fn remember(&mut self, event: &Event, memory: &Memory) {
        let me = event.task;
        if let Some(mapped) = &mut self.mapped {
            match (&event.op, &event.outcome) {
                (
                    Op::Map(
                        _,
                        MapFor::Preallocate { .. } | MapFor::Unwrite | MapFor::Probe | MapFor::Page,
                    ),
                    _,
                ) => {}
                (Op::Map(..), Outcome::Mapping(found))
                    if found.iter().any(|m| m.block.is_some()) =>
                {
                    mapped.add(me);
                }
                (&Op::Submit(child, _), _) => {
                    mapped.remove(me);
                    mapped.add(child);
                }
                (Op::Map(..) | Op::Bio(..) | Op::DioEnd(_), _) => mapped.remove(me),
                _ => {}
            }
        }
        if self.ended.is_empty() {
            return;
        }
        match event.op {
            Op::DioEnd(of) | Op::CountDecAndTest(WaitQueue::Dio, of) => {
                for (task, ended) in (0..).zip(&mut self.ended) {
                    if memory.task(task).holds_inode_lock(Mode::Shared) {
                        ended.add(of);
                    }
                }
            }
            Op::Lock(lock, _) | Op::Unlock(lock, _) | Op::LockByRequeue(lock)
                if lock.is_inode_lock() =>
            {
                self.ended[usize::from(me)] = Set::default();
            }
            _ => {}
        }
    }
}
