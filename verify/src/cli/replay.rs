//! `diolock replay`.

use super::args::Replay;
use super::explain::paint;
use super::names;
use super::output::Out;
use super::which::{self, Prefer};
use diolock::kernel::Kernel;
use diolock::op::TaskId;
use diolock::task::Task;
use diolock_verify::engine::native::{self, ScheduledEnd};
use diolock_verify::explain::many;
use diolock_verify::litmus::Litmus;
use diolock_verify::program::{Program, System};
use diolock_verify::report::{Chart, Detail, Mark, cycle, holder, table, waits_words};
use diolock_verify::schedule::{self, End, Schedule};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Lines of the table; `--long` shows every step.
const LINES: usize = 18;

/// Runs a schedule.
pub fn run(arguments: &Replay) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.on.litmus)?;
    let schedule = read(&arguments.schedule, &litmus)?;
    let kernel = kernel(&litmus, &schedule, arguments)?;
    let program = litmus.program(kernel);
    schedule.check(&program)?;
    let replay = schedule::replay(&program, &schedule);
    match &replay.end {
        End::Renamed { at, found } => schedule.renamed(*at, found)?,
        End::TooOld { at, why } => schedule.too_old(*at, why)?,
        _ => {}
    }
    let mut chart = Chart::of_run(&program, &replay.run.events);
    match (&replay.end, chart.rows.last_mut()) {
        (End::Broken(violation), Some(row)) => row.mark = Some(Mark::Broken(violation.rule)),
        (End::Blocked { waiting, .. }, _) => chart.blocked = Some(waiting.clone()),
        _ => {}
    }
    let (real, agrees) = real(&program, &schedule, &replay);
    let mut text = heading(&program, &schedule, &replay.end, &chart);
    text.push_str(&format!("  real locks: {real}\n"));
    let detail = if arguments.long { Detail::Long } else { Detail::Lines(LINES) };
    text.push_str(&format!("\n{}\n", table(&chart, detail)));
    text.push_str(&ends(&program, &schedule, &replay, &chart));
    let recorded = schedule.ends().filter(|recorded| *recorded != replay.end.word());
    if let Some(recorded) = recorded {
        text.push_str(&format!("  recorded as `{recorded}`; now `{}`\n", replay.end.word()));
    }
    let mut out = Out::new();
    for line in text.trim_end().lines() {
        out.line(&paint(&out, line))?;
    }
    let all = !matches!(replay.end, End::Blocked { .. } | End::NoStep { .. });
    Ok(if all && agrees && recorded.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A schedule from a file, from standard input (`-`), or as it is.
pub(super) fn read(given: &str, litmus: &Litmus) -> miette::Result<Schedule> {
    let path = Path::new(given);
    if given == "-" {
        let mut bytes = Vec::new();
        let most = schedule::MAX_BYTES as u64 + 1;
        std::io::stdin()
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| miette::miette!("standard input cannot be read: {error}"))?;
        let text = String::from_utf8_lossy(&bytes);
        if bytes.len() as u64 == most {
            miette::bail!(
                "the schedule on standard input is longer than {} KiB",
                (most - 1) / 1024
            );
        }
        return Ok(Schedule::parse("standard input", &text, litmus)?);
    }
    // No letter of a task, count, seal or name of a step has a `/` or a `.` in it.
    let one_line = !given.contains('\n');
    if one_line && (given.contains(['/', '.', '\\']) || path.is_file()) {
        return Ok(Schedule::load(path, litmus)?);
    }
    Ok(Schedule::parse("--schedule", given, litmus)?)
}

/// The kernel: the one asked for, the one recorded; both must agree.
fn kernel(litmus: &Litmus, schedule: &Schedule, arguments: &Replay) -> miette::Result<Kernel> {
    let asked = || which::kernel(litmus, &arguments.on, Prefer::Failing);
    let Some(recorded) = schedule.kernel else { return asked() };
    which::modelled(litmus, recorded.version)?;
    if arguments.on.kernel.is_none() && arguments.on.without.is_empty() {
        return Ok(recorded);
    }
    let asked = asked()?;
    if asked != recorded {
        return Err(miette::miette!(
            help = "take its `kernel:` and `seal:` lines out to try it on another",
            "this schedule was recorded on {recorded}, not on {asked}"
        ));
    }
    Ok(recorded)
}

/// The same schedule on OS threads with parking_lot's locks: what became of it, and whether that is
/// what became of it on the reference semantics.
fn real(program: &Program, schedule: &Schedule, replay: &schedule::Replay) -> (String, bool) {
    if schedule.steps.iter().any(|step| step.old > 0) {
        return ("not run: they read no old values".to_owned(), true);
    }
    let tasks: Vec<TaskId> = schedule.steps.iter().map(|step| step.task).collect();
    let real = native::replay(program, &tasks);
    let steps = real.events.len();
    let same_end = match (&real.end, &replay.end) {
        (ScheduledEnd::Ran, End::Ran | End::Finished | End::Stuck(_)) => true,
        (ScheduledEnd::Violated(real), End::Broken(reference)) => real == reference,
        (ScheduledEnd::Blocked(real), End::Blocked { waiting, .. }) => real.task == waiting.task,
        (ScheduledEnd::Ended(_), End::NoStep { .. }) => true,
        _ => false,
    };
    match &real.end {
        _ if same_end && real.events == replay.run.events => {
            (format!("the same {}", many(steps, "step")), true)
        }
        ScheduledEnd::Disagree(what) => {
            (format!("{} alike, then not: {what}", many(steps, "step")), false)
        }
        _ => (format!("not alike: {} there", many(steps, "step")), false),
    }
}

/// What the schedule shows, in a line or more.
fn heading(program: &Program, schedule: &Schedule, end: &End, chart: &Chart) -> String {
    let mut text = format!("{} {} on {}", end.title(), program.litmus, program.kernel);
    match end {
        End::Broken(violation) => {
            let rule = violation.rule;
            text.push_str(&format!("   {} {}\n", rule.code(), rule.name()));
            text.push_str(&format!("  {}\n  {}\n", rule.statement(), violation.text));
        }
        End::Stuck(_) => {
            for line in cycle(chart) {
                text.push_str(&format!("\n  {line}"));
            }
            text.push('\n');
        }
        _ => text.push('\n'),
    }
    let (ran, all) = (chart.rows.len(), schedule.steps.len());
    let how = if ran == all { format!("{all} steps") } else { format!("{ran} of {all} steps") };
    text.push_str(&format!("  reference semantics: {how}\n"));
    text
}

/// Why it ended there, and who could go on.
fn ends(
    program: &Program,
    schedule: &Schedule,
    replay: &schedule::Replay,
    chart: &Chart,
) -> String {
    let letter = |task: TaskId| program.names[usize::from(task)].letter;
    let left = schedule.steps.len().saturating_sub(replay.run.events.len());
    match &replay.end {
        End::Broken(_) if left > 0 => format!("  the last {left} steps were not run\n"),
        End::Finished => "  every task has returned, and nothing is wrong\n".to_owned(),
        End::Ran => {
            format!(
                "  nothing is wrong so far; next:\n{}",
                next(&replay.run.system, program, &letter)
            )
        }
        End::Blocked { at, waiting } => {
            let (step, who) = (at + 1, letter(waiting.task));
            let (place, waits) = (waiting.place.kernel, waits_words(waiting, &letter));
            let holder = holder(chart, waiting);
            format!("  step {step} cannot run: {who} in {place} {waits}{holder}\n")
        }
        End::NoStep { at, task, not_submitted } => {
            let (step, who) = (at + 1, letter(*task));
            let why = if *not_submitted { "has no I/O to complete yet" } else { "has returned" };
            format!("  step {step} cannot run: {who} {why}\n")
        }
        _ => String::new(),
    }
}

/// What each task would do next.
fn next(system: &System, program: &Program, letter: &impl Fn(TaskId) -> char) -> String {
    let waiting = system.waiting();
    let line = |task: TaskId| {
        let call = &system.calls[usize::from(task)];
        call.next()?;
        let (place, who) = (call.place().on(program.kernel.version), letter(task));
        let waits = waiting.iter().find(|w| w.task == task);
        let waits = waits.map(|w| format!(", {}", waits_words(w, letter))).unwrap_or_default();
        Some(format!("    {who} {} in {}{waits}\n", place.step, place.kernel))
    };
    system.tasks().filter_map(line).collect()
}
