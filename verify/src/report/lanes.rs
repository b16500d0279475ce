//! A run as a table: a lane per task, the locks held, at most 100 columns of ASCII.

use super::chart::{Chart, Row};
use super::fit::{fit, fold, wrap};
use super::story::command;
use super::words::lane_waits_words;
use crate::engine::EngineName;
use crate::engine::graph::Cost;
use crate::explain::shorten;
use crate::program::{Event, Program};
use crate::schedule;
use crate::verdict::{Counterexample, Report, Verdict};
use diolock::op::TaskId;
use std::fmt::Write;

/// Columns of the whole table.
pub const WIDTH: usize = 100;
/// Columns of the switch mark and the step number.
const NUMBER: usize = 8;
/// The most columns for the locks held; what does not fit goes on in the next line.
const HELD: usize = 40;
/// Lines of a table in a list of several: what is left out is counted in its place.
const LINES: usize = 18;

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

/// What an engine found, as a text that ends in a newline; empty if it found nothing wrong.
pub fn lanes(program: &Program, engine: EngineName, report: &Report) -> String {
    let mut shorter = report.clone();
    if engine != EngineName::Graph {
        shorten(program, &mut shorter, Cost::Switches);
    }
    let (Some(found), Some(shown)) = (&report.counterexample, &shorter.counterexample) else {
        return String::new();
    };
    let mut text = heading(program, &report.verdict, shown);
    let (steps, fewer) = (found.events.len(), shown.events.len());
    let _ = match engine {
        EngineName::Graph => writeln!(text, "  graph: {steps} steps, shortest"),
        other if found == shown => {
            writeln!(text, "  {}: execution {}", other.name(), report.executions)
        }
        other => {
            let (name, at) = (other.name(), report.executions);
            writeln!(text, "  {name}: execution {at}, {steps} steps; the same in {fewer}:")
        }
    };
    if let Some(chart) = Chart::of_report(program, &shorter).filter(|c| !c.rows.is_empty()) {
        let letters = schedule::letters(program, &shown.events);
        text.push('\n');
        text.push_str(&table(&chart, Detail::Lines(LINES)));
        text.push_str(&format!("\n{}", command(program, &letters)));
    }
    text
}

/// The verdict, the rule as a sentence, and what went wrong in this run's words.
pub fn heading(program: &Program, verdict: &Verdict, found: &Counterexample) -> String {
    let word = verdict.word().to_uppercase();
    let mut text = format!("{word} {} on {}", program.litmus, program.kernel);
    if let Verdict::Violated(rule) = verdict {
        let _ = write!(text, "   {} {}", rule.code(), rule.name());
        text = wrap(&text, "", WIDTH) + &wrap(rule.statement(), "  ", WIDTH);
    } else {
        text = wrap(&text, "", WIDTH);
    }
    // Who waits for whom: each on its own line.
    text.extend(found.text.split("; ").map(|line| wrap(line, "  ", WIDTH)));
    text
}

/// A run in which nothing is wrong, every step of it.
pub fn run_table(program: &Program, events: &[Event]) -> String {
    table(&Chart::of_run(program, events), Detail::Lines(usize::MAX))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::graph;
    use crate::engine::native::tests::program;
    use crate::rule::{RuleId, RuleSet};
    use diolock::op::LockName::{AioMutex, CompletedIoLock, IDataSem, IMutex};
    use diolock::op::Mode::{Exclusive, Shared};
    use diolock::op::Op;

    fn deadlock(extra: usize) -> String {
        let mut first = vec![Op::Lock(IMutex, Exclusive)];
        first.extend(vec![Op::PagesRead; extra]);
        first.push(Op::Lock(AioMutex, Exclusive));
        let mut second = vec![Op::Lock(AioMutex, Exclusive), Op::Lock(IMutex, Exclusive)];
        for steps in [&mut first, &mut second] {
            steps.extend([AioMutex, IMutex].map(|lock| Op::Unlock(lock, Exclusive)));
        }
        let program = program(RuleSet::NONE.with(RuleId::R12), &[&first, &second]);
        lanes(&program, EngineName::Graph, &graph::run(&program, graph::Options::default()))
    }

    #[test]
    fn a_deadlock_is_shown_with_who_waits_for_whom() {
        let shown = "\
DEADLOCKED script on v3.7
  A in (ours) waits for ext4_aio_mutex, held by B
  B in (ours) waits for i_mutex, held by A
  graph: 2 steps, shortest

  step  A script             B script                    locks held
     1  mutex_lock(i_mutex)                              A: i_mutex
>    2                       mutex_lock(ext4_aio_mutex)  A: i_mutex  B: ext4_aio_mutex

  replay: diolock replay script --kernel v3.7 --schedule AB@";
        let found = deadlock(0);
        assert!(found.starts_with(shown), "{found}");
    }

    #[test]
    fn a_long_run_of_steps_of_its_own_is_one_row() {
        let shown = deadlock(30);
        assert!(shown.contains("steps of its own)"), "{shown}");
        assert!(shown.contains(">   32  "), "{shown}");
        assert!(shown.is_ascii() && shown.lines().all(|line| line.len() <= WIDTH));
        assert!(shown.lines().count() <= LINES + 8);
    }

    /// Each takes a lock or a count of its own colour, and the last breaks R10.
    #[test]
    fn six_tasks_fit() {
        let locks = [
            vec![Op::Lock(AioMutex, Exclusive), Op::SizeWrite(1)],
            vec![Op::Lock(IMutex, Exclusive), Op::SizeWrite(0)],
            vec![Op::Lock(IDataSem, Shared), Op::SizeRead],
            vec![Op::Lock(IDataSem, Shared), Op::SizeRead],
            vec![Op::Lock(CompletedIoLock, Exclusive), Op::SizeRead],
            vec![Op::DioBegin(5), Op::DioEnd(5), Op::DioEnd(5)],
        ];
        let scripts: Vec<&[Op]> = locks.iter().map(Vec::as_slice).collect();
        let program = program(RuleSet::NONE.with(RuleId::R10), &scripts);
        let schedule = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 5, 5];
        let (wrong, run) = graph::replay(&program, &schedule);
        let (verdict, text) = wrong.verdict(&program);
        assert_eq!(verdict, Verdict::Violated(RuleId::R10));
        let found = Counterexample { events: run.events, text, loop_start: None };
        let report = Report { verdict, counterexample: Some(found), ..Report::incomplete("") };
        let shown = lanes(&program, EngineName::Graph, &report);
        assert!(shown.is_ascii() && shown.lines().all(|line| line.len() <= WIDTH), "{shown}");
        assert!(shown.contains("D: i_data_sem R"), "{shown}");
        assert!(shown.contains("<-- R10"), "{shown}");
    }
}
