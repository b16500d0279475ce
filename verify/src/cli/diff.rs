//! `diolock diff`.

use super::output::{Out, Tone, Unwritten, say};
use super::running::Running;
use super::{names, progress, signals, table};
use clap::Args;
use diolock::kernel::Kernel;
use diolock_verify::diff::{self, Change, Pair};
use diolock_verify::litmus::catalogue;
use serde_json::{Value, json};
use std::process::ExitCode;

/// `diolock diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// A kernel: v3.7, or v3.7-1f555cfa29e8 for v3.7 without that fix (may be repeated)
    #[arg(value_name = "KERNEL_A", value_parser = names::kernel_less)]
    pub a: Kernel,
    /// The other kernel
    #[arg(value_name = "KERNEL_B", value_parser = names::kernel_less)]
    pub b: Kernel,
    /// Print one JSON object a line, for every litmus test
    #[arg(long)]
    pub json: bool,
}

/// Runs the whole catalogue on both kernels and prints what differs.
pub fn run(arguments: &Diff) -> miette::Result<ExitCode> {
    let kernels = [arguments.a, arguments.b];
    let litmuses = catalogue::all()?;
    let running = Running::new()?;
    let bar = progress::bar(2 * litmuses.len());
    let pairs = diff::run(&litmuses, kernels, &running.survey(), &running.stop, |name| {
        bar.set_message(name.to_owned());
        bar.inc(1);
    });
    bar.finish_and_clear();
    let mut out = Out::new();
    if arguments.json {
        json(&mut out, kernels, &pairs)?;
    } else {
        people(&mut out, kernels, &pairs)?;
    }
    let none =
        pairs.iter().all(|p| matches!(p.change(), Change::Same | Change::Vacuous | Change::Absent));
    Ok(if none { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn of(pairs: &[Pair], change: Change) -> Vec<&Pair> {
    pairs.iter().filter(|pair| pair.change() == change).collect()
}

/// How many runs did not get to run.
fn partial(pairs: &[Pair]) -> Option<String> {
    let asked = 2 * pairs.iter().filter(|pair| pair.absent.is_none()).count();
    let ran = pairs.iter().flat_map(|pair| &pair.reports).flatten().count();
    (ran < asked).then(|| signals::partial(ran, asked, "runs"))
}

fn people(out: &mut Out, kernels: [Kernel; 2], pairs: &[Pair]) -> Result<(), Unwritten> {
    if let Some(partial) = partial(pairs) {
        out.line(&partial)?;
    }
    let names = kernels.map(table::kernel);
    let changed = of(pairs, Change::Changed);
    let vacuous = of(pairs, Change::Vacuous);
    let unknown = of(pairs, Change::Unknown);
    let absent = of(pairs, Change::Absent);
    for pair in &changed {
        let (a, b) = (pair.word(0), pair.word(1));
        let head = format!("{}: {a} on {}, {b} on {}", pair.litmus.name, names[0], names[1]);
        let tone = if b == "never" { Tone::Good } else { Tone::Bad };
        out.line(&out.tone(&head, tone))?;
        for (side, name) in names.iter().enumerate() {
            if let Some(summary) = pair.summary(side) {
                out.line(&format!("  {name}: {summary}"))?;
            }
        }
    }
    for (what, list) in [("vacuous", &vacuous), ("not known", &unknown)] {
        if !list.is_empty() {
            let blank = if changed.is_empty() { "" } else { "\n" };
            out.line(&format!("{blank}{what}, so that nothing can be said:"))?;
        }
        for pair in list {
            let (a, b) = (pair.word(0), pair.word(1));
            out.line(&format!("  {}: {a}, {b}", pair.litmus.name))?;
        }
    }
    if !absent.is_empty() {
        out.line("\nnot modelled on both:")?;
    }
    for pair in &absent {
        let why = pair.absent.as_deref().unwrap_or_default();
        out.line(&format!("  {}: {why}", pair.litmus.name))?;
    }
    if [&changed, &vacuous, &unknown, &absent].iter().any(|list| !list.is_empty()) {
        out.line("")?;
    }
    let what = match changed.len() {
        0 if unknown.is_empty() => "no verdict changes".to_owned(),
        0 => "no verdict known to change".to_owned(),
        1 => "1 verdict changes".to_owned(),
        n => format!("{n} verdicts change"),
    };
    let (all, empty, open) = (pairs.len() - absent.len(), vacuous.len(), unknown.len());
    let mut rest = String::new();
    let other = (absent.len(), "others not modelled on both");
    for (count, word) in [(empty, "vacuous"), (open, "not known"), other] {
        if count > 0 {
            rest.push_str(&format!(", {count} {word}"));
        }
    }
    out.line(&format!("{} to {}: {what}, of {all} litmus tests{rest}", names[0], names[1]))?;
    partial(pairs).map_or(Ok(()), |partial| out.line(&partial))
}

fn json(out: &mut Out, kernels: [Kernel; 2], pairs: &[Pair]) -> Result<(), Unwritten> {
    let names = kernels.map(table::kernel);
    for pair in pairs {
        let side = |side: usize| -> Value {
            let report = pair.reports[side].as_ref();
            let found = report.and_then(|report| report.counterexample.as_ref());
            json!({
                "kernel": names[side], "verdict": pair.word(side),
                "steps": found.map(|found| found.events.len()),
                "summary": pair.summary(side),
            })
        };
        let change = match pair.change() {
            Change::Same => "none",
            Change::Changed => "changed",
            Change::Vacuous => "vacuous",
            Change::Unknown => "unknown",
            Change::Absent => "not modelled",
        };
        let line = json!({
            "litmus": pair.litmus.name, "change": change, "a": side(0), "b": side(1),
            "why": pair.absent,
        });
        out.json(&line.to_string())?;
    }
    if let Some(partial) = partial(pairs) {
        say(&partial);
    }
    Ok(())
}
