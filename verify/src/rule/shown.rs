//! Whether a run, or its trace, shows what must be seen.

use super::rules::Rules;
use super::witness::{Verb, Witness};
use crate::program::{Event, Program};
use crate::trace::HappensBefore;
use diolock::op::{Bio, Extent, LockName, MapFor, Mode, Op, Outcome, PrivateOp, TaskId};

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
                matches!((&event.op, &event.outcome), (Op::PagesRead(_), Outcome::Value(1..)))
            }
            Verb::Overlaps(other) => matches!(event.op, Op::Bio(..)) && rules.in_flight(other),
            Verb::FreesUnder(other) => {
                matches!(&event.outcome, Outcome::Freed(blocks) if !blocks.is_empty())
                    && rules.in_flight(other)
            }
            Verb::WaitsFor(other) => {
                event.op == Op::DioWait && rules.ended_meanwhile(self.task, other)
            }
            Verb::Stores => matches!(event.op, Op::PageStore(..) | Op::PageZero(..)),
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
