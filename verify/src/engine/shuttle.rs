//! STUB, replaced by the shuttle engine's branch: only the signatures that the command line uses.

use crate::program::Program;
use crate::verdict::Report;

/// How schedules are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Uniformly.
    Random,
    /// PCT.
    Pct {
        /// Bug depth.
        depth: usize,
    },
    /// All of them, up to commuting steps.
    Exhaustive,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How schedules are chosen.
    pub strategy: Strategy,
    /// How many (not for exhaustive).
    pub iterations: usize,
    /// Of the random choices.
    pub seed: u64,
    /// Collect the set of traces.
    pub traces: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { strategy: Strategy::Exhaustive, iterations: 20_000, seed: 1, traces: false }
    }
}

/// Runs a program.
pub fn run(_: &Program, _: &Options) -> Report {
    Report::incomplete("shuttle is a stub on this branch")
}
