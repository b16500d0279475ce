//! What can be typed.

use super::confirm::Confirm;
use super::diff::Diff;
use super::lessons::Lessons;
use super::lockgraph::LockGraph;
use super::matrix::Matrix;
use super::names;
use super::prove::Prove;
use super::run::Run;
use super::sources::Sources;
use super::steps::Steps;
use super::sweep::Sweep;
use clap::{Args, Parser, Subcommand, ValueEnum};
use diolock::kernel::{Fix, Version};
use diolock_verify::engine::EngineName;
use diolock_verify::engine::shuttle::Strategy;
use diolock_verify::suite;
use std::path::PathBuf;

/// Proves, samples and cross-checks claims about the locking protocol of ext4 direct I/O.
#[derive(Debug, Parser)]
#[command(
    name = "diolock",
    version,
    about,
    after_help = "Exit status, besides: 2 too if an output cannot be written; 141 if nobody reads it any more; \
                  130, 143, 129 after SIGINT, SIGTERM, SIGHUP, with what there is, marked PARTIAL."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run litmus tests and compare the verdicts with the expected ones
    #[command(after_help = "Exit status: 0 all as expected, 1 not, 2 bad input.")]
    Verify(Verify),
    /// Show the shortest way in which a litmus test fails, or the fix that keeps it from failing
    #[command(after_help = "Exit status: 0 explained, 1 nothing conclusive, 2 bad input.")]
    Explain(Explain),
    /// Run a schedule, step by step
    #[command(
        after_help = "Exit status: 0 every step ran, and it ended as recorded; 1 it did not; \
                            2 bad input.\nSchedules: WWTTW, W14T2 (counts), W:TakeImutex (a named \
                            step), T' (weak memory: reads the value before the last write)."
    )]
    Replay(Replay),
    /// List the traces of a litmus test, which is what "exhausted" covered, or show one of them
    #[command(after_help = "Exit status: 0 shown, 1 only a part of it, 2 bad input.")]
    Show(Show),
    /// Show which race is open on which kernel, and what each fix is needed for
    #[command(after_help = "Exit status: 0 as expected and all engines agree, 1 not, 2 bad input.")]
    Matrix(Matrix),
    /// Show what is held while what is waited for, over all executions of all litmus tests
    #[command(after_help = "Exit status: 0 no cycle, 1 a cycle, 2 bad input.")]
    Lockgraph(LockGraph),
    /// Compare two kernels: which litmus tests tell them apart?
    #[command(after_help = "Exit status: 0 no verdict changes, 1 some do, 2 bad input.\n\
                      Kernels: v3.7, v3.7-1f555cfa29e8 (less one fix), v3.7-1f555cfa29e8-closer-smp_mb.")]
    Diff(Diff),
    /// Print how litmus files are written: every key, call, condition and verdict
    #[command(long_about = diolock_verify::litmus::reference::reference())]
    Litmus,
    /// Judge whether a recorded run of a real kernel is one that the model allows
    #[command(
        after_help = "Exit status: 0 accepted, 1 rejected, or accepted but vacuous; 2 bad input."
    )]
    Conform(Conform),
    /// Judge every program of two calls, or random ones of three: each violation must have a name
    #[command(
        after_help = "Exit status: 0 every violation is a named race and the engines agree, 1 not, 2 bad input."
    )]
    Sweep(Sweep),
    /// Prove of any number of tasks that none is stuck, or that no two break a rule
    #[command(
        after_help = "Exit status: 0 all of it is proved, or the certificate is accepted; 1 not; 2 bad input."
    )]
    Prove(Prove),
    /// Carry litmus tests out on the kernel that runs here, and hold what it does against the model
    #[command(
        after_help = "Exit status: 0 all that was seen is allowed, 1 not, or not known; 2 bad input, or the test cannot be run."
    )]
    Run(Run),
    /// Hold a real kernel, under QEMU, to the schedule of a counterexample: does it fail there, or where does it refuse?
    #[command(
        after_help = "Exit status: 0 it does what the model says in nine of ten rounds, 1 it does not, 2 bad input."
    )]
    Confirm(Confirm),
    /// List the litmus tests
    List,
    /// Write the lessons as pages for a browser: you are the scheduler
    #[command(
        after_help = "Exit status: 0 written, 2 bad input, or a graph that does not fit on a page."
    )]
    Lessons(Lessons),
    /// Print the rules, and where the kernel states them
    Rules,
    /// Print what the terms of the lessons mean, or one of them
    Glossary {
        /// A term, such as i_dio_count
        term: Option<String>,
    },
    /// Show which kernel functions were read in which versions, and what is only derived
    Sources(Sources),
    /// Show what a call or a kernel function does on a kernel, step by step
    #[command(after_help = "Exit status: 0 shown, 2 bad input.")]
    Steps(Steps),
    /// Write a commented litmus test, NAME.toml, to start from
    New {
        /// Its name: lower-case letters, digits and '-'
        name: String,
    },
    /// Print the completions of a shell: source them, or keep them where it looks
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, for `man -l -`
    Man {
        /// Write it into this folder, and one for each subcommand
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Explore one job given on standard input (used by verify)
    #[command(hide = true)]
    LoomJob,
}

/// `diolock verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Litmus tests: names, or paths of TOML files; all if none is given
    #[arg(value_name = "LITMUS")]
    pub litmus: Vec<String>,
    /// Only litmus tests with this call in them (may be repeated)
    #[arg(long = "call", value_name = "CALL", value_delimiter = ',', conflicts_with = "litmus")]
    pub calls: Vec<String>,
    /// Engines: graph, loom, shuttle, native
    #[arg(
        long = "engine",
        value_name = "ENGINE",
        value_delimiter = ',',
        default_value = "graph,loom,shuttle",
        value_parser = names::engine
    )]
    pub engines: Vec<EngineName>,
    /// Only this kernel (`diolock list` has them): as released, less what --without names
    #[arg(long = "kernel", value_name = "V", value_delimiter = ',', value_parser = names::kernel)]
    pub kernels: Vec<Version>,
    /// Without the fix of this commit (may be repeated)
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// How shuttle chooses schedules; default: all where nothing should be found, else pct
    #[arg(long)]
    pub strategy: Option<StrategyName>,
    /// graph gives a litmus test up after that many states, some 80 bytes each
    #[arg(long, value_name = "N", default_value_t = suite::MAX_STATES as u32, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_states: u32,
    /// graph leaves out orders of steps that commute: fewer states, the same verdict
    #[arg(long)]
    pub reduced: bool,
    /// Print the interleaving of every violation, the expected ones too
    #[arg(long, conflicts_with = "json")]
    pub show: bool,
    /// Print one JSON object a line instead of a table
    #[arg(long)]
    pub json: bool,
    /// Draw what is not expected in this folder; default: a fresh one among the temporary files
    #[arg(long, value_name = "FOLDER", conflicts_with = "json")]
    pub drawings: Option<PathBuf>,
}

/// One litmus test on one kernel.
#[derive(Debug, Args)]
pub struct On {
    /// Litmus test: a name, or the path of a TOML file
    pub litmus: String,
    /// This kernel, less what --without names; default: the one recorded in a schedule, else the
    /// newest on which the test fails (explain, replay), or on which it does not (show)
    #[arg(long, value_name = "V", value_parser = names::kernel)]
    pub kernel: Option<Version>,
    /// Without the fix of this commit (may be repeated)
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
}

/// `diolock explain`.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    pub on: On,
    /// Show every step, with the kernel function it is in
    #[arg(long)]
    pub long: bool,
    /// Write the counterexample as a schedule for `diolock replay`
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Draw the run as a picture
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Draw the buggy and the fixed run of the same schedule side by side
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `diolock replay`.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    pub on: On,
    /// The steps in task letters, a file of them, or - for standard input
    #[arg(long, value_name = "STEPS|FILE|-", allow_hyphen_values = true)]
    pub schedule: String,
    /// Show every step, with the kernel function it is in
    #[arg(long)]
    pub long: bool,
}

/// `diolock show`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["traces", "trace"])))]
pub struct Show {
    #[command(flatten)]
    pub on: On,
    /// List the traces: one line each, the tasks in the order of their steps and how it ends
    #[arg(long)]
    pub traces: bool,
    /// Show trace N of the list, with a lane for each task
    #[arg(long, value_name = "N")]
    pub trace: Option<usize>,
    /// Write that trace to FILE as Chrome trace JSON, for ui.perfetto.dev, instead of showing it
    #[arg(long, value_name = "FILE", conflicts_with = "traces")]
    pub perfetto: Option<PathBuf>,
    /// Stop after N traces; the list is then PARTIAL
    #[arg(long, value_name = "N", conflicts_with = "trace", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Print one JSON object a trace
    #[arg(long, conflicts_with = "trace")]
    pub json: bool,
}

/// `diolock conform`.
#[derive(Debug, Args)]
pub struct Conform {
    /// The recording, plain or compressed with gzip, or - for standard input
    #[arg(value_name = "TRACE")]
    pub trace: PathBuf,
    /// The kernel that it is to be a run of: v6.1, v6.12, or what Debian has of them, v6.1.192 and v6.12.117; less what --without names
    #[arg(long, value_name = "V", value_parser = names::recorded_kernel)]
    pub kernel: Version,
    /// Without the fix of this commit (may be repeated)
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// Bytes of a block of the file system
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(512..=65536))]
    pub block_size: u64,
    /// The file system has no journal
    #[arg(long)]
    pub no_journal: bool,
    /// It is mounted with data=journal: what asks for direct I/O goes through the page cache
    #[arg(long, conflicts_with = "no_journal")]
    pub data_journal: bool,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    /// Draw the events around the one that does not fit
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

/// A strategy of shuttle.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StrategyName {
    /// Uniformly random
    Random,
    /// Probabilistic concurrency testing, depth 3
    Pct,
    /// All schedules, up to the order of commuting steps
    Exhaustive,
}

impl From<StrategyName> for Strategy {
    fn from(name: StrategyName) -> Strategy {
        match name {
            StrategyName::Random => Strategy::Random,
            StrategyName::Pct => Strategy::Pct { depth: 3 },
            StrategyName::Exhaustive => Strategy::Exhaustive,
        }
    }
}
