//! What to sweep, and where engines give up.

use crate::engine::EngineName;
use diolock::kernel::Version;
use std::path::PathBuf;

/// What to sweep.
#[derive(Clone, Debug)]
pub struct Options {
    /// On this kernel.
    pub version: Version,
    /// Calls of a program: one, two or three.
    pub tasks: usize,
    /// That many programs, chosen at random; `None`: all.
    pub programs: Option<usize>,
    /// Where the choice starts.
    pub seed: u64,
    /// Who judges. The first one's answer is the one that is explained.
    pub engines: Vec<EngineName>,
    /// Where each gives up.
    pub limits: Limits,
    /// Programs at a time.
    pub jobs: usize,
    /// The binary that loom's child processes run.
    pub exe: PathBuf,
}

/// Where engines give up: never by the clock.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// graph, in states.
    pub states: usize,
    /// shuttle, in executions.
    pub executions: u64,
}
