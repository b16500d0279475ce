//! `diolock explain`.

use super::args::Explain;
use super::files::write_whole;
use super::names;
use super::output::{Out, Tone};
use diolock::kernel::{Fix, Kernel, Version};
use diolock_verify::explain::{explain, is_bad};
use diolock_verify::litmus::{Expected, Litmus};
use diolock_verify::report::story;
use diolock_verify::schedule;
use diolock_verify::verdict::Verdict;
use std::process::ExitCode;

/// Explains a litmus test on a kernel.
pub fn run(arguments: &Explain) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.litmus)?;
    let kernel = match kernel(arguments.kernel, &arguments.without)? {
        Some(kernel) => kernel,
        None => interesting(&litmus)?,
    };
    let exe = std::env::current_exe()
        .map_err(|error| miette::miette!("cannot tell where this program is: {error}"))?;
    let explained = explain(&litmus, kernel, &exe);
    let (program, report) = (&explained.program, &explained.report);
    let events = report.counterexample.as_ref().map(|found| &found.events);
    if let Some(file) = &arguments.save {
        let Some(events) = events.filter(|events| !events.is_empty()) else {
            miette::bail!("{} on {kernel} has no counterexample to save", litmus.name);
        };
        write_whole(file, &schedule::file(program, events, Some(&report.verdict)))?;
    }
    let mut out = Out::new();
    for line in story(&explained, arguments.long).lines() {
        if out.line(&paint(&out, line)).is_err() {
            return Ok(ExitCode::FAILURE);
        }
    }
    let told = is_bad(&report.verdict) || report.verdict == Verdict::Exhausted;
    Ok(if told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The kernel that options name; `None` if they name none.
pub fn kernel(version: Option<Version>, without: &[Fix]) -> miette::Result<Option<Kernel>> {
    let Some(version) = version else {
        return match without {
            [] => Ok(None),
            _ => Err(miette::miette!(
                help = "for example --kernel v3.7 --without 1f555cfa29e8",
                "--without needs --kernel"
            )),
        };
    };
    names::kernel_without(version, without).map(Some)
}

/// The kernel that says most: the newest on which the test fails, else the newest it speaks of.
pub fn interesting(litmus: &Litmus) -> miette::Result<Kernel> {
    let whole = |kernel: Kernel| kernel.removed().next().is_none();
    let fails = litmus.expect.iter().filter(|e| e.expected != Expected::Never).map(|e| e.kernel);
    let any = || litmus.expect.iter().map(|e| e.kernel).max();
    fails.max_by_key(|&kernel| (whole(kernel), kernel)).or_else(any).ok_or_else(|| {
        miette::miette!("{} speaks of no kernel: name one with --kernel", litmus.name)
    })
}

/// A line of the story in colour, on a terminal: what is broken stands out.
pub fn paint(out: &Out, line: &str) -> String {
    let bad = ["VIOLATED ", "DEADLOCKED ", "LIVELOCKED ", "VACUOUS ", "INCOMPLETE "];
    let good = line.starts_with("EXHAUSTED ") || line.trim_start().starts_with("fixed by");
    if bad.iter().any(|word| line.starts_with(word)) || line.contains("<-- R") {
        out.tone(line, Tone::Bad)
    } else if good || line.contains("<-- blocked") {
        out.tone(line, Tone::Good)
    } else {
        line.to_owned()
    }
}
