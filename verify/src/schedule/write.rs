//! Writes schedules down.

use super::{marks, seal};
use crate::program::{Event, Program, System};
use crate::report::words;
use crate::verdict::Verdict;
use diolock::task::Task;
use std::fmt::Write;

/// A run as letters, `WWTT'W`, with the seal of its program: `WWTT'W@5b1e09-77aa12`.
pub fn letters(program: &Program, events: &[Event]) -> String {
    let marks = marks(program, events);
    let mut text = String::new();
    for (event, old) in events.iter().zip(marks) {
        text.push(program.names[usize::from(event.task)].letter);
        text.push_str(&"'".repeat(usize::from(old)));
    }
    format!("{text}@{}", seal(program))
}

/// A run as a file: what it is of, then a line for each step with its name and what it does.
pub fn file(program: &Program, events: &[Event], verdict: Option<&Verdict>) -> String {
    let mut text = format!(
        "# A schedule: who takes the next step. Run it with\n#   diolock replay {} --schedule FILE\n",
        program.given
    );
    let _ = writeln!(text, "litmus: {}", program.litmus);
    let removed: Vec<&str> = program.kernel.removed().map(|fix| fix.about().commit).collect();
    let without =
        if removed.is_empty() { String::new() } else { format!(" without {}", removed.join(",")) };
    let _ = writeln!(text, "kernel: {}{without}", program.kernel.version.name());
    let _ = writeln!(text, "seal: {}", seal(program));
    if let Some(verdict) = verdict {
        let _ = writeln!(text, "ends: {}", ends(verdict));
    }
    text.push('\n');
    let mut system = System::new(program);
    for (event, old) in events.iter().zip(marks(program, events)) {
        let place = system.calls[usize::from(event.task)].place();
        // Under weak memory a step may not be possible now; its own outcome is what counts.
        let _ = system.inode.perform(event.task, &event.op);
        system.resume(event.task, &event.op, event.outcome.clone());
        let letter = program.names[usize::from(event.task)].letter;
        let step = format!("{letter}{}:{}", "'".repeat(usize::from(old)), place.step);
        let what = words(program, event, system.inode.dio_count());
        let _ = writeln!(text, "{step:24} # {what}");
    }
    text
}

/// How a run ends, in a word or two.
pub(super) fn ends(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Violated(rule) => format!("violated {}", rule.code()),
        other => other.word().to_owned(),
    }
}
