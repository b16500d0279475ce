//! A kernel that the script `verify/kernel/boot` has booted.

use super::confirm::Confirm;
use diolock_verify::confirm::Offsets;
use diolock_verify::litmus::{CallSpec, Litmus};
use miette::miette;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs, process};

/// Requests a second that the disk serves where a call is to be over before its I/O is.
const SLOW: &str = "3";

/// A machine that waits for a debugger.
pub struct Guest {
    boot: Child,
    lines: BufReader<ChildStdout>,
    waits: Waits,
    /// The litmus test, as a file for the guest.
    file: PathBuf,
}

/// The script's first line.
#[derive(Deserialize)]
struct Waits {
    socket: PathBuf,
    kallsyms: PathBuf,
    kernel: String,
    offsets: Offsets,
}

/// Its last one.
#[derive(Deserialize)]
struct Said {
    told: String,
    console: PathBuf,
    recordings: Vec<PathBuf>,
    lost: Option<String>,
}

/// What the guest said.
pub struct Told {
    /// The kernel, and how it was run.
    pub machine: String,
    /// Each outcome, and in how many rounds.
    pub outcomes: BTreeMap<String, usize>,
    /// What was recorded, file for file; or why nothing was.
    pub recorded: Result<Vec<PathBuf>, String>,
}

/// A line of `diolock run --json`.
#[derive(Deserialize)]
struct Ran {
    outcomes: Vec<RanOutcome>,
}

#[derive(Deserialize)]
struct RanOutcome {
    outcome: String,
    rounds: usize,
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It ends by itself when its machine has: this is for when something went wrong before.
        let _ = self.boot.kill();
        let _ = self.boot.wait();
        let _ = fs::remove_file(&self.file);
    }
}

impl Guest {
    /// Boots the kernel asked for, which is to run the test so many rounds.
    pub fn boot(arguments: &Confirm, litmus: &Litmus) -> miette::Result<Guest> {
        if !arguments.boot.is_file() {
            return Err(miette!(
                help = "call it in the project's folder, or name the script with --boot",
                "{} is not there: it boots the kernel",
                arguments.boot.display()
            ));
        }
        let exe = env::current_exe()
            .map_err(|error| miette!("cannot tell where this program is: {error}"))?;
        let file = env::temp_dir().join(format!("diolock-{}-{}.toml", process::id(), litmus.name));
        fs::write(&file, &litmus.source).map_err(|error| miette!("{}: {error}", file.display()))?;
        let version = arguments.kernel.name();
        // `v6.12.117` is of Debian's series 6.12.
        let series = version.trim_start_matches('v').rsplit_once('.').map_or(version, |(of, _)| of);
        let (rounds, block) = (arguments.rounds.to_string(), arguments.block.to_string());
        let processors = (litmus.tasks.len() + 1).to_string();
        let mut boot = Command::new(
            fs::canonicalize(&arguments.boot).unwrap_or_else(|_| arguments.boot.clone()),
        );
        boot.arg(series).arg("--program").arg(exe).arg("--litmus").arg(&file);
        boot.args(["--name", &litmus.name]);
        boot.args(["--processors", &processors, "--block", &block]);
        if flies(litmus) {
            boot.args(["--iops", SLOW]);
        }
        if !litmus.journal {
            boot.arg("--no-journal");
        }
        boot.args(["--", "--json", "--still", "--rounds", &rounds, "--kernel", version]);
        let boot = boot.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut boot = boot.map_err(|error| miette!("{}: {error}", arguments.boot.display()))?;
        let output = boot.stdout.take().ok_or_else(|| miette!("the script has no output"))?;
        let mut lines = BufReader::new(output);
        let waits = line(&mut lines)?;
        Ok(Guest { boot, lines, waits, file })
    }

    /// Where QEMU listens.
    pub fn socket(&self) -> &Path {
        &self.waits.socket
    }

    /// Where fields are in that kernel.
    pub fn offsets(&self) -> Offsets {
        self.waits.offsets
    }

    /// Its symbol table.
    pub fn symbols(&self) -> miette::Result<String> {
        let path = &self.waits.kallsyms;
        fs::read_to_string(path).map_err(|error| miette!("{}: {error}", path.display()))
    }

    /// Waits for its end: what it said.
    pub fn told(&mut self) -> miette::Result<Told> {
        let said: Said = line(&mut self.lines)?;
        let ran: Option<Ran> = said.told.lines().find_map(|line| serde_json::from_str(line).ok());
        let ran =
            ran.ok_or_else(|| miette!("the guest ran nothing: see {}", said.console.display()))?;
        let outcomes = ran.outcomes.into_iter().filter(|one| one.rounds > 0);
        let machine =
            format!("{} under QEMU", self.waits.kernel.trim_start_matches("linux-image-"));
        let outcomes = outcomes.map(|one| (one.outcome, one.rounds)).collect();
        Ok(Told { machine, outcomes, recorded: said.lost.map_or(Ok(said.recordings), Err) })
    }
}

/// Whether I/O of a call is in flight when it returns.
fn flies(litmus: &Litmus) -> bool {
    let calls = litmus.tasks.iter().flat_map(|task| &task.calls);
    calls
        .into_iter()
        .any(|call| matches!(call, CallSpec::AioPread(_) | CallSpec::Pwrite { aio: true, .. }))
}

/// The script's next line.
fn line<T: for<'a> Deserialize<'a>>(lines: &mut impl BufRead) -> miette::Result<T> {
    let mut line = String::new();
    let read = lines.read_line(&mut line).map_err(|error| miette!("the script: {error}"))?;
    if read == 0 {
        miette::bail!("the kernel was not booted: the script has said why");
    }
    serde_json::from_str(&line)
        .map_err(|error| miette!("the script says `{}`: {error}", line.trim()))
}
