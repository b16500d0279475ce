//! A run as a table: a lane per task, the locks held, at most 100 columns of ASCII.

use super::chart::{Chart, Row};
use super::fit::{WIDTH, fit, fold};
use super::words::lane_waits_words;
use diolock::op::TaskId;
use std::fmt::Write;

/// Columns of the switch mark and the step number.
const NUMBER: usize = 8;
/// The most columns for the locks held; what does not fit goes on in the next line.
const HELD: usize = 40;

/// How much of a run to show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// At most that many lines: what matters least is left out, and counted where it was.
    Lines(usize),
    /// Every step, with the kernel function it is in.
    Long,
}

/// One line of the table, before it is fitted.
struct Line {
    task: TaskId,
    switch: bool,
    step: String,
    text: String,
    /// One entry for each task that holds something.
    held: Vec<String>,
    mark: String,
}

/// The run, a line a step.
pub fn table(chart: &Chart, detail: Detail) -> String {
    let Detail::Lines(most) = detail else { return render(chart, &[], true) };
    let mut left_out = vec![false; chart.rows.len()];
    let mut text = render(chart, &left_out, false);
    for at in by_weight(chart) {
        if text.lines().count() <= most {
            break;
        }
        left_out[at] = true;
        text = render(chart, &left_out, false);
    }
    text
}

/// The steps that may be left out, those that say least first.
fn by_weight(chart: &Chart) -> Vec<usize> {
    let mut order: Vec<usize> = (0..chart.rows.len().saturating_sub(1))
        .filter(|&at| chart.rows[at].mark.is_none())
        .collect();
    // Of two that say as much, the earlier: what goes wrong is at the end.
    order.sort_by_key(|&at| (chart.rows[at].weight, at));
    order
}

fn lines(chart: &Chart, left_out: &[bool]) -> Vec<Line> {
    let is_out = |at: usize| left_out.get(at).copied().unwrap_or(false);
    let mut lines: Vec<Line> = Vec::new();
    let mut at = 0;
    while at < chart.rows.len() {
        let start = at;
        let row = &chart.rows[start];
        while at < chart.rows.len() && is_out(at) && chart.rows[at].task == row.task {
            at += 1;
        }
        // One step left out would take as much room as the step.
        if at > start + 1 {
            let own = chart.rows[start..at].iter().all(|row| !row.shared);
            let whose = if own { " of its own" } else { "" };
            lines.push(Line {
                task: row.task,
                switch: row.switch,
                step: "...".to_owned(),
                text: format!("({} steps{whose})", at - start),
                held: held(chart, &chart.rows[at - 1]),
                mark: String::new(),
            });
            continue;
        }
        at = start + 1;
        let mark = match row.mark {
            Some(mark) => format!("  <-- {}", mark.text()),
            None => String::new(),
        };
        let old = if row.old_value { " (old value)" } else { "" };
        lines.push(Line {
            task: row.task,
            switch: row.switch,
            step: row.number.to_string(),
            text: format!("{}{old}", row.text),
            held: held(chart, row),
            mark,
        });
    }
    if let Some(waiting) = &chart.blocked {
        let letter = |task: TaskId| chart.letters[usize::from(task)];
        lines.push(Line {
            task: waiting.task,
            switch: chart.rows.last().is_some_and(|row| row.task != waiting.task),
            step: (chart.rows.len() + 1).to_string(),
            text: lane_waits_words(waiting, &letter),
            held: chart.rows.last().map(|row| held(chart, row)).unwrap_or_default(),
            mark: "  <-- blocked".to_owned(),
        });
    }
    lines
}

fn render(chart: &Chart, left_out: &[bool], long: bool) -> String {
    let lines = lines(chart, left_out);
    let mark = lines.iter().map(|l| l.mark.len()).max().unwrap_or(0);
    let lanes: Vec<TaskId> =
        chart.lanes.iter().copied().filter(|&t| lines.iter().any(|l| l.task == t)).collect();
    let natural = |lane: TaskId| {
        let texts = lines.iter().filter(|l| l.task == lane).map(|l| l.text.len());
        texts.chain([chart.names[usize::from(lane)].len()]).max().unwrap_or(0) + 2
    };
    let natural: Vec<usize> = lanes.iter().map(|&lane| natural(lane)).collect();
    // The locks held get what the lanes leave, and at least room for a few.
    let left = (WIDTH - NUMBER - mark).saturating_sub(natural.iter().sum());
    let held = lines.iter().map(|l| l.held.join("  ").len()).max().unwrap_or(0);
    let held = held.clamp(10, HELD.max(left));
    let widths = fit(natural, WIDTH - NUMBER - held - mark);
    let offset = |lane: TaskId| -> usize {
        lanes.iter().zip(&widths).take_while(|(l, _)| **l != lane).map(|(_, w)| w).sum()
    };
    let all: usize = widths.iter().sum();
    let mut text = String::from("  step  ");
    for (&lane, &width) in lanes.iter().zip(&widths) {
        let name = cut(&chart.names[usize::from(lane)], width - 1);
        let _ = write!(text, "{name:width$}");
    }
    text.push_str("locks held\n");
    let mut shown: &[String] = &[];
    for (at, line) in lines.iter().enumerate() {
        let (mut from, mut cell) = (offset(line.task), line.text.clone());
        if from + cell.len() >= all {
            // It starts left of its lane: say whose it is.
            cell = format!("{}: {cell}", chart.letters[usize::from(line.task)]);
            cell.truncate(all - 1);
            from = all - 1 - cell.len();
        }
        let cell = format!("{:from$}{cell}", "");
        let mut folded = fold(&line.held, held);
        let same = std::mem::replace(&mut shown, &line.held) == line.held;
        if folded.len() > 1 && same {
            folded = vec!["(the same)".to_owned()];
        }
        let first = if folded.is_empty() { String::new() } else { folded.remove(0) };
        let switch = if line.switch { ">" } else { " " };
        let mut shown = format!("{switch} {:>4}  {cell:all$}{first:held$}{}", line.step, line.mark);
        if long {
            let waiting = chart.blocked.as_ref().map(|waiting| waiting.place);
            let Some(place) = chart.rows.get(at).map(|row| row.place).or(waiting) else { continue };
            let edge = NUMBER + all + held + mark;
            shown = format!("{shown:edge$}  {}: {}", place.kernel, place.step);
        }
        let _ = writeln!(text, "{}", shown.trim_end());
        for line in folded {
            let _ = writeln!(text, "{:at$}{line}", "", at = NUMBER + all);
        }
    }
    text
}

/// As many words of a task's name as fit, at least its letter.
fn cut(name: &str, width: usize) -> String {
    let mut words: Vec<&str> = name.split(' ').collect();
    while words.len() > 1 && words.join(" ").len() > width {
        words.pop();
    }
    words.join(" ").chars().take(width).collect()
}

/// Who holds what after a step: `W: i_mutex, i_data_sem R`.
fn held(chart: &Chart, row: &Row) -> Vec<String> {
    let text = |&task: &TaskId| {
        let of_task = row.held.iter().filter(|hold| hold.task == task);
        let mut held: Vec<String> = of_task.map(|hold| hold.lock.in_mode(hold.mode)).collect();
        if row.handles.contains(&task) {
            held.push("handle".to_owned());
        }
        let letter = chart.letters[usize::from(task)];
        (!held.is_empty()).then(|| format!("{letter}: {}", held.join(", ")))
    };
    chart.lanes.iter().filter_map(text).collect()
}
