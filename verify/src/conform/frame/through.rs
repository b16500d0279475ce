//! Steps that many events make: the task takes them all at once, with what the events came to.

use super::graph::last_of;
use super::mapping::mapped;
use super::phase::Phase;
use super::{Candidate, Frame};
use crate::conform::trail::Edge;
use diolock::op::{Blocks, Extent, MapFor, Op, Outcome};
use diolock::task::Task;

impl Frame {
    pub(super) fn stepped(
        &self,
        candidate: &Candidate,
        outcomes: impl IntoIterator<Item = Outcome>,
    ) -> Candidate {
        let mut next = candidate.clone();
        next.phase = Phase::Ready;
        for outcome in outcomes {
            if next.call.next().is_some_and(|op| last_of(self.kind, &op)) {
                next.phase = Phase::Over;
            }
            let from = next.call.place().into();
            next.call.resume(outcome);
            let to = next.call.place().into();
            next.trail.certain.push(Edge { from, to });
        }
        next
    }

    /// The task goes on as long as it is in one of these functions.
    fn through(
        &self,
        candidate: &Candidate,
        functions: &[&str],
        outcome: impl Fn(&Op) -> Outcome,
    ) -> Candidate {
        let mut next = candidate.clone();
        while functions.contains(&next.call.place().kernel)
            && let Some(op) = next.call.next()
        {
            next = self.stepped(&next, [outcome(&op)]);
        }
        next
    }

    /// The task does its mapping at once, with what all pieces came to.
    pub(super) fn through_mapping(&self, candidate: &Candidate) -> Candidate {
        self.through(candidate, &MAPPING, |op| match op {
            Op::Map(range, how) => {
                let before = *how == MapFor::Io && self.mapping.creates();
                Outcome::Mapping(self.mapping.mapping(*range, before))
            }
            _ => Outcome::Done,
        })
    }

    /// Everything is allocated.
    pub(super) fn through_allocation(&self, candidate: &Candidate) -> Candidate {
        self.through(candidate, &MAPPING, |op| match op {
            Op::DepthRead => Outcome::Value(0),
            Op::Map(range, _) => {
                Outcome::Mapping((0..range.len).map(|_| mapped(Extent::Unwritten)).collect())
            }
            _ => Outcome::Done,
        })
    }

    /// The lookup of the checks: the first `found` blocks are in that state.
    pub(super) fn through_probe(
        &self,
        candidate: &Candidate,
        extent: Extent,
        found: u64,
    ) -> Candidate {
        let of = |at: Blocks| if u64::from(at) < found { extent } else { Extent::Hole };
        self.through(candidate, &MAPPING, |op| match op {
            Op::Map(range, _) => {
                Outcome::Mapping((0..range.len).map(|at| mapped(of(at))).collect())
            }
            _ => Outcome::Done,
        })
    }

    /// All that was written is converted.
    pub(super) fn through_conversion(&self, candidate: &Candidate) -> Candidate {
        self.through(candidate, &["ext4_convert_unwritten_extents"], |op| match op {
            Op::Convert(range, _) => {
                let unwritten = range.blocks().map(|_| (Extent::Unwritten, Some(0)));
                Outcome::Converted(unwritten.collect())
            }
            _ => Outcome::Done,
        })
    }
}

/// The functions in which a task maps blocks.
const MAPPING: [&str; 3] = ["ext4_map_blocks", "_ext4_get_block", "ext4_ext_map_blocks"];
