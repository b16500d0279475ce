//! The program of this crate's documentation, as small as one can be that is worth exploring.

use crate::program::{Access, Program, Task, Touches};

/// Two tasks add one to a number, each in two steps: an update may be lost.
///
/// Of the six orders of four steps two pairs differ only in which task looks first: four traces.
#[derive(Clone, Copy, Debug)]
pub struct TwoIncrements;

/// The number, and where each task stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Increments {
    /// What is shared.
    pub number: u32,
    /// Steps of each task so far.
    pub at: [usize; 2],
    /// What each has read.
    pub read: [u32; 2],
}

impl Program for TwoIncrements {
    type State = Increments;
    /// A look, then a change.
    type Step = Access;
    type Footprint = Touches<()>;
    type Counter = ();

    fn tasks(&self) -> usize {
        2
    }

    fn start(&self) -> Increments {
        Increments::default()
    }

    fn next(&self, state: &Increments, task: Task) -> Option<Access> {
        [Access::Read, Access::Write].get(state.at[task]).copied()
    }

    fn enabled(&self, _: &Increments, _: Task, _: &Access) -> bool {
        true
    }

    fn footprint(&self, _: &Increments, _: Task, step: &Access) -> Touches<()> {
        vec![((), *step)]
    }

    fn take(&self, state: &mut Increments, task: Task, step: &Access) -> Touches<()> {
        state.at[task] += 1;
        match step {
            Access::Read => state.read[task] = state.number,
            _ => state.number = state.read[task] + 1,
        }
        vec![((), *step)]
    }
}
