//! `diolock confirm`.

use super::names;
use clap::Args;
use diolock::kernel::{Fix, Version};
use std::path::PathBuf;

/// `diolock confirm`.
#[derive(Debug, Args)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "it is refused whatever is asked"))]
pub struct Confirm {
    /// Litmus test: a name, or the path of a TOML file
    pub litmus: String,
    /// The kernel, as Debian builds it: v6.1 (6.1.192) or v6.12 (6.12.117)
    #[arg(long, value_name = "V", default_value = "v6.12", value_parser = names::debian_kernel)]
    pub kernel: Version,
    /// The model's kernel lacks the fix of this commit (may be repeated), the real one does not: what it does not confirm
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// Where the test does not fail: the schedule of the kernel without the fix of this commit; default: a fix without which
    /// it fails
    #[arg(long, value_name = "COMMIT", value_parser = names::fix, conflicts_with = "schedule")]
    pub fix: Option<Fix>,
    /// The steps in task letters, a file of them, or - for standard input; default: the counterexample with the fewest
    /// switches
    #[arg(long, value_name = "STEPS|FILE|-")]
    pub schedule: Option<String>,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub rounds: u32,
    /// Bytes of a block of the file system
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1024..=4096))]
    pub block: u32,
    /// Say who is held where, and boot nothing
    #[arg(long)]
    pub plan: bool,
    /// The script that boots the kernel, in the project's folder
    #[arg(long, value_name = "FILE", default_value = "verify/kernel/boot")]
    pub boot: PathBuf,
    /// Print one JSON object instead of lines
    #[arg(long)]
    pub json: bool,
}
