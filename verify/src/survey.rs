//! One answer for each litmus test and kernel: graph's, or loom's where memory order is the claim.
//! It is what a comparison over the whole catalogue asks; `verify` asks every engine.

use crate::engine::loom::job::{self, Job};
use crate::engine::{EngineName, graph};
use crate::litmus::Litmus;
use crate::program::Memory;
use crate::suite::{self, guarded, side_by_side};
use crate::verdict::{Report, Verdict};
use diolock::kernel::Kernel;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A litmus test on a kernel.
#[derive(Clone, Debug)]
pub struct Question {
    /// The litmus test.
    pub litmus: Arc<Litmus>,
    /// The kernel.
    pub kernel: Kernel,
}

/// How to ask.
#[derive(Clone, Debug)]
pub struct Options {
    /// Questions at a time.
    pub jobs: usize,
    /// graph gives up after that many states.
    pub max_states: Option<usize>,
    /// The binary that loom's child processes run.
    pub exe: PathBuf,
}

impl Options {
    /// Every core, and no limit that a litmus test should reach; loom has the suite's.
    pub fn new(exe: PathBuf) -> Options {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        Options { jobs, max_states: Some(suite::MAX_STATES), exe }
    }
}

/// The engine that is asked about a litmus test.
pub fn teller(litmus: &Litmus) -> EngineName {
    match litmus.memory {
        Memory::Sc => EngineName::Graph,
        Memory::C11 => EngineName::Loom,
    }
}

/// Asks one question. Of a kernel that a call is not modelled on the answer is that the test is vacuous.
pub fn ask(question: &Question, options: &Options) -> Report {
    let Question { litmus, kernel } = question;
    if let Some(why) = litmus.not_modelled_on(kernel.version) {
        return Report { verdict: Verdict::Vacuous(why), ..Report::incomplete("") };
    }
    guarded(|| match teller(litmus) {
        EngineName::Loom => {
            let mut job = Job::new(litmus, *kernel);
            job.max_executions = Some(suite::MAX_LOOM);
            job::run_child(&job, &options.exe)
        }
        _ => {
            let options = graph::Options { max_states: options.max_states, ..Default::default() };
            graph::run(&litmus.program(*kernel), options)
        }
    })
}

/// Asks them all, side by side; `None` for those not answered when `stop` was set.
pub fn ask_all(
    questions: Vec<Question>,
    options: &Options,
    stop: &AtomicBool,
    on_done: impl FnMut(usize, &Report),
) -> Vec<Option<Report>> {
    let own = options.clone();
    side_by_side(questions, options.jobs, stop, move |question| ask(question, &own), on_done)
}

/// A verdict in a word: `never`, `R6`, `deadlock`, `livelock`; `vacuous`; `unseen` where sampling
/// found nothing; `cut` where the search did not end.
pub fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Exhausted => "never",
        Verdict::Violated(rule) => rule.code(),
        Verdict::Deadlocked => "deadlock",
        Verdict::Livelocked => "livelock",
        Verdict::Vacuous(_) => "vacuous",
        Verdict::Forbidden(_) => "forbidden",
        Verdict::Sampled => "unseen",
        Verdict::Bounded(_) | Verdict::Incomplete(_) => "cut",
    }
}
