//! Which litmus test runs on which kernel and engine, running them side by side, and whether the
//! verdict is the expected one.

mod costs;
mod pool;

pub use costs::{Costs, Selection, cost, thorough};
pub use pool::{guarded, side_by_side};

use crate::engine::{EngineName, graph, loom, native, shuttle};
use crate::litmus::{Expect, Expected, Litmus};
use crate::program::Memory;
use crate::verdict::{Report, Verdict};
use diolock::kernel::{Fix, Kernel, Version};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Searches that need more states are incomplete: some forty times what the catalogue needs, and under a gigabyte.
/// Counts, not seconds: a verdict must not depend on how busy the machine is.
pub const MAX_STATES: usize = 10_000_000;
/// The same for loom, whose executions leave some kilobytes behind each.
pub const MAX_LOOM: u64 = 100_000;

/// One run: a litmus test on a kernel and an engine.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The litmus test.
    pub litmus: Arc<Litmus>,
    /// The kernel.
    pub kernel: Kernel,
    /// The engine.
    pub engine: EngineName,
    /// What the litmus test expects there, if it says so.
    pub expected: Option<Expect>,
}

/// What came of a cell.
#[derive(Clone, Debug)]
pub struct Done {
    /// What the engine found.
    pub report: Report,
    /// Whether that was expected; `None` if nothing was.
    pub ok: Option<bool>,
}

/// How to run cells.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cells at a time.
    pub jobs: usize,
    /// shuttle's strategy; `None` lets the expectation decide.
    pub strategy: Option<shuttle::Strategy>,
    /// graph leaves out orders of steps that commute.
    pub reduced: bool,
    /// graph gives a cell up after that many states.
    pub max_states: usize,
    /// The binary that loom's child processes run.
    pub exe: PathBuf,
}

/// The kernels of one litmus test that a selection asks for. Without a selection: those with an
/// expectation. `versions` and `without` together name kernels exactly; `without` alone is applied
/// to every version that has an expectation and that fix.
pub fn kernels(litmus: &Litmus, versions: &[Version], without: &[Fix]) -> Vec<Kernel> {
    let mut kernels: Vec<Kernel> = if versions.is_empty() && without.is_empty() {
        litmus.expect.iter().map(|expect| expect.kernel).collect()
    } else if versions.is_empty() {
        litmus.expect.iter().map(|expect| Kernel::new(expect.kernel.version)).collect()
    } else {
        versions.iter().copied().map(Kernel::new).collect()
    };
    kernels.retain(|kernel| without.iter().all(|&fix| kernel.has(fix)));
    kernels.retain(|kernel| litmus.not_modelled_on(kernel.version).is_none());
    for kernel in &mut kernels {
        *kernel = without.iter().fold(*kernel, |kernel, &fix| kernel.without(fix));
    }
    let mut seen = BTreeSet::new();
    kernels.retain(|&kernel| seen.insert(kernel));
    kernels
}

/// What to run, in the order of litmus tests, kernels and engines.
pub fn plan(
    litmuses: &[Litmus],
    engines: &[EngineName],
    versions: &[Version],
    without: &[Fix],
) -> Vec<Cell> {
    let mut cells = Vec::new();
    for litmus in litmuses {
        let kernels = kernels(litmus, versions, without);
        let litmus = Arc::new(litmus.clone());
        for kernel in kernels {
            let expected = litmus.expect.iter().find(|expect| expect.kernel == kernel).cloned();
            let told = expected.as_ref().map_or(&[][..], |expect| &expect.engines);
            let tells = |engine: EngineName| {
                (told.is_empty() || told.contains(&engine))
                    && (litmus.memory == Memory::Sc || engine == EngineName::Loom)
            };
            for &engine in engines.iter().filter(|&&engine| tells(engine)) {
                let (litmus, expected) = (Arc::clone(&litmus), expected.clone());
                cells.push(Cell { litmus, kernel, engine, expected });
            }
        }
    }
    cells
}

impl Cell {
    /// How shuttle runs it: all schedules where nothing should be found, else PCT.
    pub fn strategy(&self, forced: Option<shuttle::Strategy>) -> shuttle::Strategy {
        let bug = self.expected.as_ref().is_some_and(|e| e.expected.goes_wrong());
        match forced {
            Some(strategy) => strategy,
            None if bug => shuttle::Strategy::Pct { depth: 3 },
            None => shuttle::Strategy::Exhaustive,
        }
    }

    /// Whether a verdict is the expected one.
    pub fn judge(&self, verdict: &Verdict, forced: Option<shuttle::Strategy>) -> Option<bool> {
        let native = self.engine == EngineName::Native;
        let expected = self.expected.as_ref()?.expected;
        // A run that proves nothing is not what anybody expects.
        if matches!(verdict, Verdict::Vacuous(_) | Verdict::Incomplete(_)) && !native {
            return Some(false);
        }
        let samples = native
            || self.engine == EngineName::Shuttle
                && !matches!(self.strategy(forced), shuttle::Strategy::Exhaustive);
        Some(match (expected, verdict) {
            (Expected::Never, Verdict::Exhausted) => !samples,
            (Expected::Never, Verdict::Sampled) => samples,
            (Expected::Forbidden, Verdict::Forbidden(_)) => !samples,
            (Expected::Forbidden, Verdict::Sampled) => samples,
            // Which rule real threads break first is up to them.
            (Expected::Violates(_), Verdict::Violated(_)) if native => true,
            (Expected::Violates(wanted), Verdict::Violated(found)) => wanted == *found,
            (Expected::Deadlock, Verdict::Deadlocked) => true,
            (Expected::Livelock, Verdict::Livelocked) => true,
            // A sampler of real threads may miss anything, and cannot run everything.
            (_, Verdict::Sampled | Verdict::Vacuous(_) | Verdict::Incomplete(_)) => native,
            _ => false,
        })
    }

    fn run(&self, options: &Options) -> Report {
        let program = || self.litmus.program(self.kernel);
        match self.engine {
            EngineName::Graph => graph::run(
                &program(),
                graph::Options {
                    reduced: options.reduced,
                    max_states: Some(options.max_states),
                    ..Default::default()
                },
            ),
            EngineName::Loom => {
                let mut job = loom::job::Job::new(&self.litmus, self.kernel);
                job.max_executions = Some(MAX_LOOM);
                loom::job::run_child(&job, &options.exe)
            }
            EngineName::Shuttle => {
                let strategy = self.strategy(options.strategy);
                if options.strategy.is_none() && strategy != shuttle::Strategy::Exhaustive {
                    return shuttle::hunt(&program(), 20_000, 1);
                }
                let options = shuttle::Options {
                    max_executions: Some(shuttle::MAX_EXECUTIONS),
                    ..shuttle::Options::sample(strategy, 20_000, 1)
                };
                shuttle::run(&program(), &options)
            }
            EngineName::Native => native::run(&program(), &native::Options::default()),
        }
    }

    /// Runs it in this thread; an engine that panics is an incomplete run.
    pub fn done(&self, options: &Options) -> Done {
        let report = guarded(|| self.run(options));
        Done { ok: self.judge(&report.verdict, options.strategy), report }
    }
}

/// Runs cells, as many at a time as `options` says. `on_done` hears of each in the order in which
/// they end; the results are in plan order. Once `stop` is set, child processes are killed and what
/// there is comes back: `None` for cells that did not end.
pub fn run(
    cells: &[Cell],
    options: &Options,
    stop: &AtomicBool,
    on_done: impl FnMut(usize, &Done),
) -> Vec<Option<Done>> {
    let (jobs, options) = (options.jobs, options.clone());
    side_by_side(cells.to_vec(), jobs, stop, move |cell| cell.done(&options), on_done)
}

#[cfg(test)]
mod tests;
