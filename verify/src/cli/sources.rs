//! `diolock sources`.

use super::names::unknown;
use super::output::Out;
use clap::Args;
use diolock::kernel::Version;
use diolock::sources::{READ, Reading, exists};
use serde_json::json;
use std::process::ExitCode;

/// `diolock sources`.
#[derive(Debug, Args)]
pub struct Sources {
    /// A task, as `diolock sources` names it, or a kernel function; all tasks if left out
    #[arg(value_name = "TASK")]
    pub task: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Prints what was read of the kernel's source.
///
/// # Errors
/// If there is no such task, or nothing can be written.
pub fn run(arguments: &Sources) -> miette::Result<ExitCode> {
    let fits = |reading: &&Reading, name: &str| {
        reading.task.eq_ignore_ascii_case(name) || reading.functions.contains(&name)
    };
    let readings: Vec<&Reading> = match &arguments.task {
        None => READ.iter().collect(),
        Some(name) => READ.iter().filter(|reading| fits(reading, name)).collect(),
    };
    if let (Some(name), true) = (&arguments.task, readings.is_empty()) {
        let mut tasks: Vec<&str> = READ.iter().map(|reading| reading.task).collect();
        tasks.dedup();
        let message = unknown("task", name, &tasks);
        miette::bail!(help = "`diolock sources` names them all", "{message}");
    }
    let mut out = Out::new();
    let mut last = "";
    for reading in readings {
        let versions: Vec<&str> = reading.read.iter().map(|version| version.name()).collect();
        let text = if arguments.json {
            json!({
                "task": reading.task, "functions": reading.functions, "read": versions,
                "note": reading.note,
            })
            .to_string()
        } else {
            let head =
                if reading.task == last { String::new() } else { format!("{}\n", reading.task) };
            last = reading.task;
            format!("{head}{}", lines(reading))
        };
        out.line(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A line a function: the versions in which it was read, and why the others that have it are as they are.
fn lines(reading: &Reading) -> String {
    let text = |function: &&str| {
        let has = |v: &Version| *v >= Version::V3_6 && exists(function, *v);
        let named = |read: bool| {
            let versions = Version::ALL.into_iter().filter(has);
            let versions = versions.filter(|v| reading.read.contains(v) == read);
            versions.map(Version::name).collect::<Vec<&str>>().join(" ")
        };
        let (read, derived) = (named(true), named(false));
        let read = if read.is_empty() { String::new() } else { format!("read in {read}") };
        let derived = match (derived.is_empty(), reading.note) {
            (true, "") | (false, "") => String::new(),
            (true, note) => format!("derived: {note}"),
            (false, note) => format!("derived in {derived}: {note}"),
        };
        let gap = if read.is_empty() || derived.is_empty() { "" } else { "; " };
        format!("  {function:32} {read}{gap}{derived}")
    };
    reading.functions.iter().map(text).collect::<Vec<String>>().join("\n")
}
