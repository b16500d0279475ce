//! What to run and when to stop.

/// Who goes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Anybody, each step anew.
    Random,
    /// Probabilistic concurrency testing: fixed priorities that change at `depth - 1` places.
    Pct {
        /// The number of ordering constraints a bug may need.
        depth: usize,
    },
    /// Every trace: source-DPOR with sleep sets.
    Exhaustive,
}

/// What to run and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Who goes next.
    pub strategy: Strategy,
    /// Executions to sample; `Exhaustive` ignores it.
    pub iterations: usize,
    /// Where the sampling starts; `Exhaustive` ignores it.
    pub seed: u64,
    /// Give up after that many executions (`Exhaustive` only).
    pub max_executions: Option<u64>,
    /// Hand out the traces' fingerprints.
    pub traces: bool,
    /// Go on after a violation or a deadlock, to see every trace.
    pub keep_going: bool,
}

impl Options {
    /// That many executions, chosen in this way from this seed.
    pub fn sample(strategy: Strategy, iterations: usize, seed: u64) -> Options {
        Options { iterations, seed, ..Options::exhaustive() }.with(strategy)
    }

    /// Every trace, without a limit.
    pub fn exhaustive() -> Options {
        Options {
            strategy: Strategy::Exhaustive,
            iterations: 0,
            seed: 0,
            max_executions: None,
            traces: false,
            keep_going: false,
        }
    }

    pub(super) fn with(self, strategy: Strategy) -> Options {
        Options { strategy, ..self }
    }
}
