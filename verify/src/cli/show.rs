//! `diolock show`.

use super::args::Show;
use super::files::write_whole;
use super::output::{Out, Unwritten, say};
use super::which::{self, Prefer};
use super::{names, progress, signals};
use diolock_verify::program::Program;
use diolock_verify::report::{command, perfetto, run_table};
use diolock_verify::traces::{self, Trace, Traces};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One line of `--json`.
#[derive(Serialize)]
struct Line {
    n: usize,
    schedule: String,
    outcome: String,
    hash: String,
}

/// Lists the traces, or shows the one that was asked for.
pub fn run(arguments: &Show) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.on.litmus)?;
    let kernel = which::kernel(&litmus, &arguments.on, Prefer::Clean)?;
    let program = litmus.program(kernel);
    let found = find(&program, arguments.limit.map(|limit| limit as usize))?;
    let mut out = Out::new();
    match arguments.trace {
        None if arguments.json => json(&mut out, &program, &found)?,
        None => people(&mut out, &program, &found)?,
        Some(number) => {
            let trace = pick(&program, &found, number)?;
            match &arguments.perfetto {
                Some(file) => {
                    write_whole(file, &perfetto(&program, &trace.events(&program)))?;
                    // Not into the trace itself, where it goes to standard output.
                    let said =
                        format!("wrote {}; open it at https://ui.perfetto.dev", file.display());
                    if file.is_file() {
                        out.line(&said)?;
                    }
                }
                None => one(&mut out, &program, (number, found.traces.len()), trace)?,
            }
        }
    }
    Ok(if found.partial.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The traces, or those found before the limit or a signal.
fn find(program: &Program, limit: Option<usize>) -> miette::Result<Traces> {
    let stop = Arc::new(AtomicBool::new(false));
    signals::listen(Arc::clone(&stop))?;
    let spinner = progress::spinner("traces");
    let ticking = spinner.clone();
    let found = traces::list(program, limit, move |traces| {
        ticking.set_position(traces as u64);
        if stop.load(Ordering::Relaxed) {
            return ControlFlow::Break(signals::stopped().unwrap_or("interrupted").to_owned());
        }
        ControlFlow::Continue(())
    });
    spinner.finish_and_clear();
    found.map_err(|why| {
        let (litmus, kernel) = (&program.litmus, program.kernel);
        miette::miette!(
            help = format!("diolock verify {litmus} runs it on the engines that can"),
            "the traces of {litmus} on {kernel} cannot be listed: {why}"
        )
    })
}

fn pick<'a>(program: &Program, found: &'a Traces, number: usize) -> miette::Result<&'a Trace> {
    let (litmus, kernel, traces) = (&program.litmus, program.kernel, found.traces.len());
    if let Some(why) = &found.partial {
        miette::bail!("{why} after {traces} traces; their numbers are known once all are found");
    }
    number.checked_sub(1).and_then(|at| found.traces.get(at)).ok_or_else(|| {
        let all = if traces == 1 {
            "there is 1 trace, number 1".to_owned()
        } else {
            format!("there are {traces} traces, 1 to {traces}")
        };
        miette::miette!("there is no trace {number} of {litmus} on {kernel}: {all}")
    })
}

/// Why a list is not the whole one.
fn partial(found: &Traces) -> Option<String> {
    let (why, traces) = (found.partial.as_ref()?, found.traces.len());
    Some(format!("PARTIAL: {traces} traces, there are more ({why}); the numbers are of this list"))
}

fn json(out: &mut Out, program: &Program, found: &Traces) -> Result<(), Unwritten> {
    for (number, trace) in (1..).zip(&found.traces) {
        let line = Line {
            n: number,
            schedule: trace.letters(program),
            outcome: trace.outcome.join("; "),
            hash: format!("{:016x}", trace.hash),
        };
        out.json(&serde_json::to_string(&line)?)?;
    }
    if let Some(partial) = partial(found) {
        say(&partial);
    }
    Ok(())
}

/// A heading, then a line for each trace. What all of them have in common is said once.
fn people(out: &mut Out, program: &Program, found: &Traces) -> Result<(), Unwritten> {
    let traces = &found.traces;
    let outcomes: BTreeSet<&[String]> = traces.iter().map(|t| t.outcome.as_slice()).collect();
    if let Some(partial) = partial(found) {
        out.line(&partial)?;
    }
    let how = if found.partial.is_some() { "seen" } else { "exhausted" };
    out.line(&format!(
        "{} on {}: {}, {}, {how} in {}",
        program.litmus,
        program.kernel,
        count(traces.len(), "trace"),
        count(outcomes.len(), "outcome"),
        count(found.executions as usize, "execution"),
    ))?;
    out.line("A trace: all executions that differ only in the order of steps that commute.")?;
    out.line("Each line is one of them: whose steps follow each other, and how it ends.")?;
    let names: Vec<&str> = program.names.iter().map(|name| name.text.as_str()).collect();
    out.line(&format!("  {}", names.join(" | ")))?;
    let common =
        |part: &&String| traces.len() > 1 && traces.iter().all(|t| t.outcome.contains(part));
    let shared: Vec<&String> =
        traces.first().map(|t| t.outcome.iter().filter(common).collect()).unwrap_or_default();
    if !shared.is_empty() {
        let shared: Vec<&str> = shared.iter().map(|part| part.as_str()).collect();
        out.line(&format!("  in each of them: {}", shared.join("; ")))?;
    }
    if let Some(cycle) = &found.cycle {
        out.line(&format!("  violated {}: {}", cycle.rule.code(), cycle.text))?;
    }
    out.line("")?;
    let letters: Vec<String> = traces.iter().map(|trace| trace.letters(program)).collect();
    let width = letters.iter().map(String::len).max().unwrap_or(0).min(40);
    let digits = traces.len().to_string().len();
    for (number, (trace, letters)) in (1..).zip(traces.iter().zip(&letters)) {
        let own: Vec<&str> = trace
            .outcome
            .iter()
            .filter(|part| !shared.contains(part))
            .map(String::as_str)
            .collect();
        let line = format!("{number:>digits$}  {letters:<width$}  {}", own.join("; "));
        out.line(line.trim_end())?;
    }
    match partial(found) {
        Some(partial) if signals::stopped().is_some() => out.line(&partial),
        _ => Ok(()),
    }
}

/// A heading and the lane table.
fn one(
    out: &mut Out,
    program: &Program,
    (number, traces): (usize, usize),
    trace: &Trace,
) -> Result<(), Unwritten> {
    let (litmus, kernel) = (&program.litmus, program.kernel);
    out.line(&format!("{litmus} on {kernel}: trace {number} of {traces}"))?;
    out.line(&format!("  {}", trace.outcome.join("; ")))?;
    if let Some((_, text)) = &trace.wrong {
        // Who waits for whom: each on its own line.
        for line in text.split("; ") {
            out.line(&format!("  {line}"))?;
        }
    }
    out.line("")?;
    out.line(run_table(program, &trace.events(program)).trim_end())?;
    out.line(&format!("\n{}", command(program, &trace.letters(program)).trim_end()))
}

fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
