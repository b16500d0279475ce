//! `diolock explain`.

use super::args::Explain;
use super::files::{check_writable, distinct, write_whole};
use super::output::{Out, Tone};
use super::running::Running;
use super::which::{self, Prefer};
use super::{names, signals};
use diolock::op::TaskId;
use diolock_verify::explain::{explain, is_bad};
use diolock_verify::lessons::data::link_name;
use diolock_verify::lessons::text;
use diolock_verify::program::{Event, Program};
use diolock_verify::report::{page_of, picture_of, story};
use diolock_verify::schedule;
use diolock_verify::traces::letters;
use diolock_verify::verdict::Verdict;
use std::process::ExitCode;

/// Explains a litmus test on a kernel.
pub fn run(arguments: &Explain) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.on.litmus)?;
    let prefer = Prefer::Failing;
    let kernel = which::kernel(&litmus, &arguments.on, prefer)?;
    let files = [&arguments.save, &arguments.svg, &arguments.html].map(|file| file.as_deref());
    distinct(&files)?;
    files.iter().flatten().try_for_each(|file| check_writable(file))?;
    let running = Running::new()?;
    let (asked, exe) = (litmus.clone(), running.exe.clone());
    let work = move || explain(&asked, kernel, &exe);
    let Some(explained) = signals::unless_stopped(&running.stop, work) else {
        let stopped = signals::stopped().unwrap_or("stopped");
        let partial =
            format!("PARTIAL: {stopped} before {} on {kernel} was explained", litmus.name);
        Out::new().line(&partial)?;
        return Ok(ExitCode::FAILURE);
    };
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
        out.line(&paint(&out, line))?;
    }
    if let Some(link) = events.and_then(|events| lesson_link(program, events)) {
        out.line(&link)?;
    }
    if let Some(note) = &explained.report.note {
        out.line(&format!("note: {note}"))?;
    }
    let told = is_bad(&report.verdict)
        || matches!(report.verdict, Verdict::Exhausted | Verdict::Forbidden(_));
    Ok(if told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The lesson that plays this test on this kernel, with a link straight to the failing schedule.
fn lesson_link(program: &Program, events: &[Event]) -> Option<String> {
    let lesson = text::all().ok()?.into_iter().find(|lesson| {
        lesson.litmus == program.litmus && lesson.broken.kernel() == Ok(program.kernel)
    })?;
    let schedule: Vec<TaskId> = events.iter().map(|event| event.task).collect();
    let (name, kernel) = (&lesson.name, link_name(program.kernel));
    let schedule = letters(program, &schedule);
    Some(format!(
        "  lesson: DIR/{name}.html#kernel={kernel}&schedule={schedule} (diolock lessons --out DIR)"
    ))
}

/// A line of the story in colour, on a terminal: what is broken stands out.
pub fn paint(out: &Out, line: &str) -> String {
    let bad = ["VIOLATED ", "DEADLOCKED ", "LIVELOCKED ", "VACUOUS ", "INCOMPLETE "];
    let good = ["EXHAUSTED ", "FORBIDDEN "].iter().any(|word| line.starts_with(word))
        || line.trim_start().starts_with("fixed by");
    if bad.iter().any(|word| line.starts_with(word)) || line.contains("<-- R") {
        out.tone(line, Tone::Bad)
    } else if good || line.contains("<-- blocked") {
        out.tone(line, Tone::Good)
    } else {
        line.to_owned()
    }
}
