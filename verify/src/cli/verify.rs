//! `diolock verify`.

use super::args::Verify;
use super::drawings::Drawings;
use super::output::{Out, Tone, Unwritten, say};
use super::running::Running;
use super::{names, progress, signals, table, which};
use diolock::kernel::Kernel;
use diolock_verify::engine::EngineName;
use diolock_verify::explain::is_bad;
use diolock_verify::litmus::Litmus;
use diolock_verify::report::lanes;
use diolock_verify::rule::RuleId;
use diolock_verify::suite::{self, Cell, Done};
use diolock_verify::verdict::Verdict;
use serde::Serialize;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    litmus: &'a str,
    kernel: &'a str,
    without: Vec<&'a str>,
    engine: &'a str,
    verdict: &'a str,
    rule: Option<&'a str>,
    executions: u64,
    traces: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    states: Option<u64>,
    seconds: f64,
    expected: Option<String>,
    ok: Option<bool>,
    /// Which condition does not hold, and at what end; or what was never seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// Those that have one of these calls in them; all if none is named.
fn with_calls(litmuses: Vec<Litmus>, calls: &[String]) -> miette::Result<Vec<Litmus>> {
    let known: BTreeSet<String> = litmuses.iter().flat_map(Litmus::calls).flatten().collect();
    if let Some(call) = calls.iter().find(|call| !known.contains(*call)) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        miette::bail!("{}", names::unknown("call", call, &known));
    }
    let asked = |litmus: &Litmus| litmus.calls().iter().flatten().any(|call| calls.contains(call));
    Ok(litmuses.into_iter().filter(|litmus| calls.is_empty() || asked(litmus)).collect())
}

/// Runs what was asked for.
pub fn run(arguments: &Verify) -> miette::Result<ExitCode> {
    let start = Instant::now();
    let litmuses = with_calls(names::litmuses(&arguments.litmus)?, &arguments.calls)?;
    for &version in &arguments.kernels {
        names::kernel_without(version, &arguments.without)?;
        if !arguments.litmus.is_empty() {
            litmuses.iter().try_for_each(|litmus| which::modelled(litmus, version))?;
        }
    }
    let cells = suite::plan(&litmuses, &arguments.engines, &arguments.kernels, &arguments.without);
    if cells.is_empty() {
        miette::bail!(
            help = "weak-memory tests run on loom only; --without needs a kernel that has the fix",
            "nothing to run: no litmus test fits this choice of engines and kernels"
        );
    }
    let Running { stop, exe } = Running::new()?;
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let strategy = arguments.strategy.map(Into::into);
    let options = suite::Options {
        jobs,
        strategy,
        reduced: arguments.reduced,
        max_states: arguments.max_states as usize,
        exe,
    };
    let mut out = Out::new();
    let ok = if arguments.json {
        json(&mut out, &cells, &options, &stop)?
    } else {
        let drawings = Drawings::new(arguments.drawings.as_deref());
        let how = How {
            start,
            show: arguments.show,
            drawings: &drawings,
            whole: arguments.litmus.is_empty() && arguments.calls.is_empty() && !arguments.show,
            less: match (&arguments.kernels[..], &arguments.without[..]) {
                (&[version], [_, ..]) => Some(names::kernel_without(version, &arguments.without)?),
                _ => None,
            },
        };
        people(&mut out, &cells, &options, &stop, &how)?
    };
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How to print for people.
struct How<'a> {
    /// When it began.
    start: Instant,
    /// Every interleaving.
    show: bool,
    /// Where unexpected verdicts are drawn.
    drawings: &'a Drawings<'a>,
    /// The whole catalogue was asked: what nobody expected anything of is counted, not shown.
    whole: bool,
    /// The one kernel that was asked for, if it lacks a fix.
    less: Option<Kernel>,
}

/// One object a line, in plan order, each as soon as those before it are there.
fn json(
    out: &mut Out,
    cells: &[Cell],
    options: &suite::Options,
    stop: &AtomicBool,
) -> Result<bool, Unwritten> {
    let mut waiting: Vec<Option<Done>> = vec![None; cells.len()];
    let mut next = 0;
    let mut written = Ok(());
    let done = suite::run(cells, options, stop, |at, done| {
        waiting[at] = Some(done.clone());
        while written.is_ok()
            && let Some(done) = waiting.get_mut(next).and_then(Option::take)
        {
            written = object(&cells[next], &done).and_then(|line| out.json(&line));
            next += 1;
        }
        if written.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    written?;
    for (cell, done) in cells.iter().zip(&done).skip(next) {
        if let Some(done) = done {
            out.json(&object(cell, done)?)?;
        }
    }
    let ran = done.iter().flatten().count();
    if ran < cells.len() {
        say(&signals::partial(ran, cells.len(), "cells"));
    }
    for (cell, done) in cells.iter().zip(&done) {
        if let Some(why) = done.as_ref().and_then(|done| why(cell, done)) {
            say(&why);
        }
    }
    Ok(ran == cells.len() && done.iter().flatten().all(|done| done.ok != Some(false)))
}

fn object(cell: &Cell, done: &Done) -> Result<String, Unwritten> {
    let report = &done.report;
    let line = Line {
        litmus: &cell.litmus.name,
        kernel: cell.kernel.version.name(),
        without: cell.kernel.removed().map(|fix| fix.about().commit).collect(),
        engine: cell.engine.name(),
        verdict: report.verdict.word(),
        rule: match report.verdict {
            Verdict::Violated(rule) => Some(rule.code()),
            _ => None,
        },
        executions: report.executions,
        traces: report.traces,
        states: report.states,
        seconds: report.seconds,
        expected: cell.expected.as_ref().map(|expect| expect.expected.to_string()),
        ok: done.ok,
        says: match &report.verdict {
            Verdict::Violated(RuleId::R15) => report.counterexample.as_ref().map(|c| &*c.text),
            Verdict::Forbidden(why) | Verdict::Vacuous(why) => Some(why),
            _ => None,
        },
        // graph's is that its states are not all.
        note: worth_saying(cell, done, cell.engine == EngineName::Graph),
    };
    Ok(serde_json::to_string(&line)?)
}

/// A table, then what was not expected in detail, then the totals.
fn people(
    out: &mut Out,
    cells: &[Cell],
    options: &suite::Options,
    stop: &AtomicBool,
    &How { start, show, drawings, whole, less }: &How<'_>,
) -> miette::Result<bool> {
    let bar = progress::bar(cells.len());
    let done = suite::run(cells, options, stop, |at, _| {
        bar.set_message(cells[at].litmus.name.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let ran = done.iter().flatten().count();
    let partial = (ran < cells.len()).then(|| signals::partial(ran, cells.len(), "cells"));
    if let Some(partial) = &partial {
        out.line(partial)?;
    }
    // Of a whole catalogue: what somebody spoke of, and what fails.
    let quiet = |done: &Option<Done>| {
        let clean = |done: &Done| done.ok.is_none() && !is_bad(&done.report.verdict);
        whole && done.as_ref().is_some_and(clean)
    };
    let told: Vec<usize> = (0..cells.len()).filter(|&at| !quiet(&done[at])).collect();
    let shown: (Vec<Cell>, Vec<Option<Done>>) =
        told.iter().map(|&at| (cells[at].clone(), done[at].clone())).unzip();
    for line in table::lines(out, &shown.0, &shown.1) {
        out.line(&line)?;
    }
    let few = if options.reduced { " (orders that commute left out)" } else { "" };
    out.line(&format!("x executions, t distinct traces, s states{few}, ! not as expected\n"))?;
    for (cell, done) in cells.iter().zip(&done) {
        let Some(done) = done else { continue };
        if whole && done.ok.is_none() {
            continue;
        }
        if let Some(why) = why(cell, done) {
            out.line(&format!("{why}\n"))?;
        }
        if let Some(note) = worth_saying(cell, done, show) {
            let (name, kernel, engine) = (&cell.litmus.name, cell.kernel, cell.engine.name());
            out.line(&format!("note: {name} on {kernel}, {engine}: {note}"))?;
        }
        if (show || done.ok != Some(true)) && done.report.counterexample.is_some() {
            out.line(&lanes(&cell.litmus.program(cell.kernel), cell.engine, &done.report))?;
        }
        if done.ok == Some(false)
            && !stop.load(Ordering::SeqCst)
            && let Some(line) = drawings.draw(cell, done, &options.exe)?
        {
            out.line(&format!("{line}\n"))?;
        }
    }
    if show {
        for (cell, done) in cells.iter().zip(&done) {
            if let Some(line) = done.as_ref().and_then(|done| unprotected(cell, done)) {
                out.line(&line)?;
            }
        }
        out.line("")?;
    }
    let count = |ok| done.iter().flatten().filter(|done| done.ok == ok).count();
    let (good, bad, none) = (count(Some(true)), count(Some(false)), count(None));
    let seconds = start.elapsed().as_secs_f64();
    let mut asked = if none > 0 { format!(", {none} with no expectation") } else { String::new() };
    let unasked = || done.iter().flatten().filter(|done| done.ok.is_none());
    for word in ["vacuous", "incomplete"] {
        let count = unasked().filter(|done| done.report.verdict.word() == word).count();
        if count > 0 {
            asked.push_str(&format!(" ({count} {word})"));
        }
    }
    if let Some(less) = less.filter(|_| whole) {
        let with = Kernel::new(less.version);
        let without = table::kernel(less).replace(' ', "");
        out.line(&format!("what the missing fix changes: diolock diff {with} {without}\n"))?;
    }
    let tone = if bad == 0 && ran == cells.len() { Tone::Good } else { Tone::Bad };
    let total = format!("{ran} cells, {good} as expected, {bad} not{asked}, {seconds:.1} s");
    let total = match partial {
        Some(partial) => format!("{partial}: {total}"),
        None => total,
    };
    out.line(&out.tone(&total, tone))?;
    Ok(bad == 0 && ran == cells.len())
}

/// What an engine has to say besides: loom's of how it got there; the others give seeds, which only
/// matter where more is shown, or where something is not expected.
fn worth_saying<'a>(cell: &Cell, done: &'a Done, show: bool) -> Option<&'a str> {
    let said = show || cell.engine == EngineName::Loom || done.ok == Some(false);
    done.report.note.as_deref().filter(|_| said)
}

/// The fields that several tasks touch with no lock in common, as inferred from all executions
/// (after Eraser): by design, or a field that rule R1 should know of.
fn unprotected(cell: &Cell, done: &Done) -> Option<String> {
    let fields: Vec<String> =
        done.report.gathered.unprotected().iter().map(ToString::to_string).collect();
    let (name, kernel, engine) = (&cell.litmus.name, cell.kernel, cell.engine.name());
    (!fields.is_empty())
        .then(|| format!("no lock in common, {name} on {kernel}, {engine}: {}", fields.join(", ")))
}

/// What a verdict without a counterexample has to say for itself.
fn why(cell: &Cell, done: &Done) -> Option<String> {
    let report = &done.report;
    if done.ok == Some(true) || report.counterexample.is_some() {
        return None;
    }
    let why = match &report.verdict {
        Verdict::Forbidden(why) | Verdict::Vacuous(why) | Verdict::Incomplete(why) => why.as_str(),
        _ if done.ok.is_none() => return None,
        Verdict::Exhausted | Verdict::Sampled | Verdict::Bounded(_) => "nothing was found",
        _ => "no counterexample was kept",
    };
    let word = report.verdict.word().to_uppercase();
    let (kernel, engine) = (cell.kernel, cell.engine.name());
    let cut = matches!(report.verdict, Verdict::Incomplete(_)) && cell.engine == EngineName::Graph;
    let more = if cut { " (--reduced needs fewer; --max-states N allows more)" } else { "" };
    Some(format!("{word} {} on {kernel}, {engine}: {why}{more}", cell.litmus.name))
}
