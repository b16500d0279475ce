//! `diolock explain`.

use super::args::Explain;
use super::files::write_whole;
use super::names;
use super::output::{Out, Tone};
use super::which::{self, Prefer};
use diolock_verify::explain::{explain, is_bad};
use diolock_verify::report::{page_of, picture_of, story};
use diolock_verify::schedule;
use diolock_verify::verdict::Verdict;
use std::process::ExitCode;

/// Explains a litmus test on a kernel.
pub fn run(arguments: &Explain) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.on.litmus)?;
    let prefer = Prefer::Failing;
    let kernel = which::kernel(&litmus, &arguments.on, prefer)?;
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
    for (file, drawn) in [
        (&arguments.svg, arguments.svg.as_ref().map(|_| picture_of(&explained))),
        (&arguments.html, arguments.html.as_ref().map(|_| page_of(&explained))),
    ] {
        match (file, drawn) {
            (Some(file), Some(Some(drawn))) => write_whole(file, &drawn)?,
            (Some(_), _) => miette::bail!("{} on {kernel} has no run to draw", litmus.name),
            (None, _) => {}
        }
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
