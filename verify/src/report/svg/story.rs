//! A run in words: for those who cannot see the picture, and for its labels.

use super::what::what;
use crate::program::Waiting;
use crate::report::{Chart, Hold, Mark, Row, waits_words};
use diolock::inode::Blocked;
use diolock::op::TaskId;

/// Above that many steps the middle is left out.
const LONG: usize = 200;
/// Steps that stay around each place that matters, in a run that is too long.
const NEAR: usize = 3;

/// A row, or rows left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// The row at this index.
    Row(usize),
    /// The rows from the first index to the second, both left out.
    Gap(usize, usize),
}

/// What is shown of a run: all of it, unless it is too long.
pub(crate) fn parts(chart: &Chart) -> Vec<Part> {
    let rows = &chart.rows;
    let end = rows.len().saturating_sub(LONG / 2);
    let near = |at: usize| {
        let marked = |other: usize| rows.get(other).is_some_and(|row| row.mark.is_some());
        (at.saturating_sub(NEAR)..=at + NEAR).any(marked)
    };
    let shown = |at: usize| rows.len() <= LONG || at < LONG / 2 || at >= end || near(at);
    let mut parts = Vec::new();
    for at in 0..rows.len() {
        match parts.last_mut() {
            _ if shown(at) => parts.push(Part::Row(at)),
            Some(Part::Gap(_, last)) => *last = at,
            _ => parts.push(Part::Gap(at, at)),
        }
    }
    parts
}

/// The words in a gap's place.
pub(crate) fn gap(chart: &Chart, first: usize, last: usize) -> String {
    let number = |at: usize| chart.rows.get(at).map_or(at + 1, |row| row.number);
    format!("{} steps left out ({} to {})", last + 1 - first, number(first), number(last))
}

/// What a row's mark says.
pub(crate) fn mark(chart: &Chart, row: &Row) -> Option<String> {
    let mark = row.mark?;
    Some(match mark {
        Mark::Broken(rule) => format!("{} {} broken here", mark.text(), rule.name()),
        Mark::Loop => {
            let last = chart.rows.last().map_or(row.number, |row| row.number);
            format!("{}: steps {} to {last} repeat for ever", mark.text(), row.number)
        }
        Mark::Rejected => format!("{} here", mark.text()),
    })
}

/// The loop's last step: where it goes on.
pub(crate) fn back(chart: &Chart, at: usize) -> Option<String> {
    let start = chart.rows.get(chart.loop_start?)?;
    (at + 1 == chart.rows.len()).then(|| format!("back to step {}", start.number))
}

/// Whether it goes wrong there.
pub(crate) fn breaks(row: &Row) -> bool {
    matches!(row.mark, Some(Mark::Broken(_) | Mark::Rejected))
}

/// Who is shown as waiting below the last step. A run that breaks a rule, or that stops at a step
/// of its schedule, has not ended because of who waits.
pub(crate) fn stuck(chart: &Chart) -> &[Waiting] {
    if chart.blocked.is_some() || chart.rows.iter().any(breaks) { &[] } else { &chart.stuck }
}

/// A step's words.
pub(crate) fn step(row: &Row) -> String {
    let old = if row.old_value { " (an old value)" } else { "" };
    format!("{}{old}", row.text)
}

/// A task's letter.
pub(crate) fn letter(chart: &Chart, task: TaskId) -> String {
    chart.letters.get(usize::from(task)).map_or_else(|| "?".to_owned(), char::to_string)
}

/// A task's name.
pub(crate) fn name(chart: &Chart, task: TaskId) -> &str {
    chart.names.get(usize::from(task)).map_or("?", String::as_str)
}

fn letters(chart: &Chart, tasks: &[TaskId]) -> String {
    let letters: Vec<String> = tasks.iter().map(|&task| letter(chart, task)).collect();
    letters.join(", ")
}

/// What is held.
pub(crate) fn hold(hold: Hold) -> String {
    hold.lock.in_mode(hold.mode)
}

/// What a task waits for, and who is in the way: `waits for i_mutex, held by W`.
pub(crate) fn waits(chart: &Chart, waiting: &Waiting) -> String {
    let words = waits_words(waiting, &|task| chart.letters[usize::from(task)]);
    let open = chart.rows.last().map_or(&[][..], |row| &row.handles);
    match &waiting.blocked {
        Blocked::OpenHandles(_) if !open.is_empty() => {
            format!("{words}, held by {}", letters(chart, open))
        }
        _ => words,
    }
}

/// The run, a sentence a step.
pub(crate) fn story(chart: &Chart) -> Vec<String> {
    let mut story = Vec::new();
    if chart.rows.is_empty() {
        story.push("There are no steps.".to_owned());
    }
    for part in parts(chart) {
        let at = match part {
            Part::Row(at) => at,
            Part::Gap(first, last) => {
                story.push(format!("{}.", gap(chart, first, last)));
                continue;
            }
        };
        let row = &chart.rows[at];
        let who = letter(chart, row.task);
        let place = match row.place.kernel {
            "" => String::new(),
            function => format!(", in {function}"),
        };
        story.push(format!("Step {}: {who}{place}: {}.", row.number, step(row)));
        let before = at.checked_sub(1).map_or(&[][..], |at| &chart.rows[at].waiting);
        for waiting in &row.waiting {
            if !before.iter().any(|other| other.task == waiting.task) {
                // Who is in the way is known for the end of the run only.
                let what = what(&waiting.blocked).heading();
                story.push(format!("{} now has to wait: {what}.", letter(chart, waiting.task)));
            }
        }
        story.extend(mark(chart, row).map(|mark| format!("{mark}.")));
        story.extend(back(chart, at).map(|back| format!("Then {back}.")));
    }
    let end = |waiting: &Waiting| {
        format!(
            "{}, in {}, {}.",
            letter(chart, waiting.task),
            waiting.place.kernel,
            waits(chart, waiting)
        )
    };
    story.extend(stuck(chart).iter().map(|waiting| format!("At the end {}", end(waiting))));
    story.extend(chart.blocked.iter().map(|waiting| format!("Blocked: {}", end(waiting))));
    story
}
