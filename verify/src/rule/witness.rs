//! What must be seen for a clean result to mean anything.

use super::Rules;
use super::records::Set;
use super::view::Memory;
use crate::program::{Event, Program};
use crate::trace::HappensBefore;
use diolock::op::{Bio, Extent, LockName, MapFor, Mode, Op, Outcome, PrivateOp, TaskId, WaitQueue};

/// Something that a run must show at least once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witness {
    /// Who.
    pub task: TaskId,
    /// Does what.
    pub verb: Verb,
}

/// What a task is seen to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// A write takes the no-lock path.
    Overwrites,
    /// A write keeps `i_mutex`.
    KeepsImutex,
    /// A write begins its I/O holding `i_rwsem` alone.
    KeepsIRwsem,
    /// A write lets the shared lock go before its I/O, to take it alone.
    Upgrades,
    /// A trylock fails.
    FindsLockBusy,
    /// Data moves to the device.
    Writes,
    /// Data moves from the device.
    Reads,
    /// A read finds the gate closed.
    FindsGateClosed,
    /// A truncate frees at least one block.
    Frees,
    /// Something unwritten becomes written.
    Converts,
    /// The allocation fails.
    RunsOutOfSpace,
    /// The probe finds cached pages.
    FindsCachedPages,
    /// Its data moves while the other has blocks mapped and its data not yet moved.
    Overlaps(TaskId),
    /// It frees blocks while the other's I/O is in flight.
    FreesUnder(TaskId),
    /// Its drain returns after the other dropped a reference while it held `i_mutex`.
    WaitsFor(TaskId),
    /// Stores to a cached page.
    Stores,
    /// It returns.
    Returns,
    /// It sleeps on a wait queue and is woken.
    Sleeps,
}

/// What witnesses ask for that looks at several tasks at once. It is kept for programs that ask only, as
/// it tells executions of one trace apart.
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

impl Verb {
    /// The words of a litmus file.
    pub fn text(self, program: &Program) -> String {
        let name = |task: TaskId| program.names[usize::from(task)].letter;
        match self {
            Verb::Overlaps(other) => format!("overlaps {}", name(other)),
            Verb::FreesUnder(other) => format!("frees under {}", name(other)),
            Verb::WaitsFor(other) => format!("waits for {}", name(other)),
            plain => Verb::PLAIN.iter().find(|p| p.1 == plain).map_or("", |p| p.0).to_owned(),
        }
    }

    /// The verbs that name no second task, with their words.
    pub const PLAIN: [(&'static str, Verb); 15] = [
        ("overwrites", Verb::Overwrites),
        ("keeps i_mutex", Verb::KeepsImutex),
        ("keeps i_rwsem", Verb::KeepsIRwsem),
        ("upgrades", Verb::Upgrades),
        ("finds the lock busy", Verb::FindsLockBusy),
        ("writes", Verb::Writes),
        ("reads", Verb::Reads),
        ("finds the gate closed", Verb::FindsGateClosed),
        ("frees", Verb::Frees),
        ("converts", Verb::Converts),
        ("runs out of space", Verb::RunsOutOfSpace),
        ("finds cached pages", Verb::FindsCachedPages),
        ("stores", Verb::Stores),
        ("returns", Verb::Returns),
        ("sleeps", Verb::Sleeps),
    ];
}

impl Witness {
    /// Whether this event, after which the rules stand so, shows it.
    pub fn shown_by(&self, event: &Event, rules: &Rules, returned: bool) -> bool {
        if event.task != self.task {
            return false;
        }
        match self.verb {
            Verb::Overwrites => {
                matches!(event.op, Op::Private(_, PrivateOp::ReadFlag { overwrite: true }))
                    || rules.begins_io(event, Mode::Shared)
            }
            Verb::KeepsIRwsem => rules.begins_io(event, Mode::Exclusive),
            Verb::Upgrades => {
                matches!(event.op, Op::Unlock(LockName::IRwsem, Mode::Shared))
                    && !rules.counted(event.task)
            }
            Verb::FindsLockBusy => {
                matches!(event.op, Op::TryLock(..)) && event.outcome == Outcome::Flag(false)
            }
            Verb::KeepsImutex => {
                matches!(event.op, Op::Private(_, PrivateOp::ReadFlag { overwrite: false }))
            }
            Verb::Writes => {
                matches!(event.op, Op::Bio(_, Bio::Write { .. } | Bio::Page { .. }))
            }
            Verb::Reads => matches!(event.op, Op::Bio(_, Bio::Read { .. }) | Op::PageRead(_)),
            Verb::FindsGateClosed => {
                event.op == Op::GateTest && event.outcome == Outcome::Flag(true)
            }
            Verb::Frees => matches!(&event.outcome, Outcome::Freed(blocks) if !blocks.is_empty()),
            Verb::Converts => {
                matches!(&event.outcome, Outcome::Converted(found)
                    if found.iter().any(|f| f.0 == Extent::Unwritten))
            }
            Verb::RunsOutOfSpace => event.outcome == Outcome::NoSpace,
            Verb::FindsCachedPages => {
                event.op == Op::PagesRead && matches!(event.outcome, Outcome::Value(1..))
            }
            Verb::Overlaps(other) => matches!(event.op, Op::Bio(..)) && rules.in_flight(other),
            Verb::FreesUnder(other) => {
                matches!(&event.outcome, Outcome::Freed(blocks) if !blocks.is_empty())
                    && rules.in_flight(other)
            }
            Verb::WaitsFor(other) => {
                event.op == Op::DioWait && rules.ended_meanwhile(self.task, other)
            }
            Verb::Stores => matches!(event.op, Op::PageStore(_)),
            Verb::Returns => returned,
            Verb::Sleeps => matches!(event.op, Op::WaitSleep(_)),
        }
    }

    /// Whether some execution with the trace of these events shows an order that was asked for.
    pub fn shown_by_trace(&self, events: &[Event], order: &HappensBefore) -> bool {
        let of = |task: TaskId, wanted: fn(&Op) -> bool| {
            (0..events.len()).filter(move |&at| events[at].task == task && wanted(&events[at].op))
        };
        let bio: fn(&Op) -> bool = |op| matches!(op, Op::Bio(..));
        match self.verb {
            Verb::Overlaps(other) => {
                // Each moved its data with the other's blocks mapped already, or could have.
                let mapped = |task: TaskId| {
                    (0..events.len()).filter(move |&at| match &events[at].op {
                        Op::Map(_, how) => events[at].task == task && *how != MapFor::Probe,
                        Op::Submit(child, _) => *child == task,
                        _ => false,
                    })
                };
                of(self.task, bio).any(|mine| {
                    of(other, bio).any(|theirs| {
                        mapped(self.task).any(|map| map < mine && !order.before(theirs, map))
                            && mapped(other).any(|map| map < theirs && !order.before(mine, map))
                    })
                })
            }
            Verb::FreesUnder(other) => of(self.task, |op| matches!(op, Op::Free(_))).any(|free| {
                let submitted = (0..free).any(|at| {
                    matches!(events[at].op, Op::Submit(child, _) if child == other)
                        && !order.before(free, at)
                });
                submitted && of(other, bio).all(|moved| !order.before(moved, free))
            }),
            Verb::WaitsFor(other) => of(self.task, |op| *op == Op::DioWait).any(|wait| {
                let lock =
                    of(self.task, |op| matches!(op, Op::Lock(lock, _) if lock.is_inode_lock()))
                        .rfind(|&at| at < wait);
                (0..wait).any(|at| {
                    events[at].op == Op::DioEnd(other)
                        && lock.is_some_and(|lock| !order.before(at, lock))
                })
            }),
            _ => false,
        }
    }
}
