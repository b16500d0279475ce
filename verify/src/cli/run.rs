//! `diolock run`.

use super::names;
use clap::Args;
use diolock::kernel::{Fix, Version};
use std::path::PathBuf;

/// `diolock run`.
#[derive(Debug, Args)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "it is refused whatever is asked"))]
pub struct Run {
    /// Litmus tests: names, or paths of TOML files; all if none is given
    #[arg(value_name = "LITMUS")]
    pub litmus: Vec<String>,
    /// A directory on ext4, mounted, in which files may be made; they are removed again
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// That long, each test; default: 5, or with --rounds as long as they take
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: Option<u32>,
    /// That many rounds at most, each test
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// What this kernel is allowed; default: the newest that is not newer than the running one
    #[arg(long, value_name = "V", value_parser = names::kernel)]
    pub kernel: Option<Version>,
    /// Without the fix of this commit (may be repeated): what the real kernel shows is not changed by it
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// Where the random delays start
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Without delays, for `diolock confirm`
    #[arg(long, hide = true)]
    pub still: bool,
    /// The model is given up after that many states; what was not found by then is not known
    #[arg(long, value_name = "N", default_value_t = 3_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_states: u32,
    /// Print one JSON object a test instead of a list
    #[arg(long)]
    pub json: bool,
}
