//! The shuttle engine: random and PCT sampling, and an exhaustive scheduler of ours.
//!
//! Each task of a program is one shuttle thread. The reference semantics decides who can go on and
//! what a step does; shuttle, or our own search, decides who goes next.
//!
//! # Limits
//! Sequentially consistent: a program that asks for C11 is refused. Writers queue only on the locks
//! that the program calls fair. A task that repeats for ever is refused: its executions do not end.

mod adapter;
mod coenabled;
mod conductor;
mod dpor;
mod exploration;
mod options;

pub use exploration::{Exploration, Watcher};
pub use options::{Options, Strategy};

use crate::program::{Memory, Program};
use crate::verdict::{Report, Verdict};
use adapter::Shared;
use conductor::{Choice, Conductor};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Threads hold little, but formatting a `tracing` event needs more than shuttle's 60 KiB.
const STACK_SIZE: usize = 256 * 1024;

/// A search of every trace gives up after that many executions: twenty times what the catalogue needs.
pub const MAX_EXECUTIONS: u64 = 300_000;

/// Runs a program.
pub fn run(program: &Program, options: &Options) -> Report {
    explore(program, options).report
}

/// Samples with PCT at depths 3, 4 and 5 until something is found: most bugs here need at most two
/// well-placed switches, a few need three or four. Depth 2 comes next, for programs so short that a
/// second switch always lands where it undoes the first. What all of them miss, one short window at the
/// end of a long run, is left to the search of every trace.
///
/// Two rounds: the first with a tenth of those executions for each of the five, which is enough for most
/// programs, the second with all, and as many for the search as it can be hoped to need.
pub fn hunt(program: &Program, iterations: usize, seed: u64) -> Report {
    let first = Options {
        max_executions: Some(iterations as u64 / 10),
        ..Options::sample(Strategy::Exhaustive, iterations / 10, seed)
    };
    let second = Options {
        max_executions: Some(MAX_EXECUTIONS),
        ..Options::sample(Strategy::Exhaustive, iterations, seed)
    };
    let pct = [3, 4, 5, 2].map(|depth| Strategy::Pct { depth });
    let round = |options: Options| {
        pct.into_iter().chain([Strategy::Exhaustive]).map(move |strategy| options.with(strategy))
    };
    let mut passes = round(first).chain(round(second)).peekable();
    let mut before = (0, 0.0);
    while let Some(options) = passes.next() {
        let mut report = run(program, &options);
        before = (before.0 + report.executions, before.1 + report.seconds);
        (report.executions, report.seconds) = before;
        report.note = Some(match options.strategy {
            Strategy::Pct { depth } => format!("PCT depth {depth}, seed {seed}"),
            _ => format!("every trace, after PCT with seed {seed}"),
        });
        let open = matches!(report.verdict, Verdict::Sampled | Verdict::Incomplete(_));
        if !open || passes.peek().is_none() {
            return report;
        }
    }
    unreachable!("the last pass returns")
}

/// Runs a program and keeps the details.
pub fn explore(program: &Program, options: &Options) -> Exploration {
    watch(program, options, Box::new(|_| ControlFlow::Continue(())))
}

/// As [`explore`], and shows each execution that was not cut off. Without
/// [`Options::keep_going`], one that breaks a rule is cut off there.
pub fn watch(program: &Program, options: &Options, watcher: Watcher) -> Exploration {
    if let Some(why) = refused(program, options) {
        return Exploration::refused(program, why);
    }
    let start = Instant::now();
    let choice = match options.strategy {
        Strategy::Random => {
            Choice::Random(Some(RandomScheduler::new_from_seed(options.seed, usize::MAX)))
        }
        Strategy::Pct { depth } => {
            Choice::Pct(PctScheduler::new_from_seed(options.seed, depth.max(1), usize::MAX))
        }
        Strategy::Exhaustive => Choice::Exhaustive(Box::new(dpor::search(program))),
    };
    let program = Arc::new(program.clone());
    let shared = Arc::new(Mutex::new(Shared::new(
        &program,
        options.keep_going,
        options.strategy != Strategy::Exhaustive,
    )));
    let conductor = Conductor::new(&program, &shared, (choice, watcher), *options);
    let body = adapter::body(&program, &shared);
    let iterations = Runner::new(conductor, config()).run(body) as u64;
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    shared.finish(&program, options, iterations, start.elapsed().as_secs_f64())
}

/// The median number of executions to the first failure over some seeds, each run giving up at
/// `limit`; `None` if half of them give up. Without a strategy it is [`hunt`] that runs.
pub fn median_iterations(
    program: &Program,
    strategy: Option<Strategy>,
    seeds: Range<u64>,
    limit: usize,
) -> Option<u64> {
    let mut found: Vec<u64> = seeds
        .map(|seed| match strategy {
            None => hunt(program, limit, seed),
            Some(strategy) => run(program, &Options::sample(strategy, limit, seed)),
        })
        .map(|report| match report.verdict {
            Verdict::Violated(_) | Verdict::Deadlocked | Verdict::Livelocked => report.executions,
            _ => u64::MAX,
        })
        .collect();
    found.sort_unstable();
    found.get(found.len().checked_sub(1)? / 2).copied().filter(|&n| n != u64::MAX)
}

/// Why the engine cannot run a program, and who can.
pub fn unfit(program: &Program) -> Option<String> {
    if program.memory == Memory::C11 {
        return Some("sequentially consistent only: a C11 program needs loom".to_owned());
    }
    if let Some(at) = program.calls.iter().position(|call| call.repeats()) {
        let task = &program.names[at].text;
        return Some(format!("{task} repeats for ever: graph looks for the loop"));
    }
    None
}

fn refused(program: &Program, options: &Options) -> Option<String> {
    if let Some(why) = unfit(program) {
        return Some(why);
    }
    // shuttle would replace the seed without a word.
    if options.strategy != Strategy::Exhaustive && std::env::var_os("SHUTTLE_RANDOM_SEED").is_some()
    {
        return Some("SHUTTLE_RANDOM_SEED is set and would replace the seed".to_owned());
    }
    None
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_SIZE;
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::None;
    config.silence_warnings = true;
    config
}
