//! A failing run as a table: a lane per task, the locks held, at most 100 columns of ASCII.

use super::words;
use crate::engine::EngineName;
use crate::program::{Event, Program};
use crate::rule::{Gathered, Rules};
use crate::verdict::{Counterexample, Report, Verdict};
use diolock::op::{Access, Object, Op, TaskId};
use std::fmt::Write;

/// Columns of the whole table.
const WIDTH: usize = 100;
/// Columns of the switch mark and the step number.
const NUMBER: usize = 8;
/// The narrowest lane; its text may run on into the lanes right of it.
const NARROW: usize = 6;
/// The most columns for the locks held; what does not fit goes on in the next line.
const HELD: usize = 40;
/// A table of at most that many rows leaves nothing out.
const ROWS: usize = 16;
/// In a longer one, runs of at least that many steps that concern nobody else are left out.
const RUN: usize = 3;

/// One line of the table.
struct Row {
    task: TaskId,
    switch: bool,
    text: String,
    /// One entry for each task that holds something.
    held: Vec<String>,
    mark: String,
    /// Steps left out in its place.
    elided: usize,
}

/// What an engine found, as a text that ends in a newline; empty if it found nothing wrong.
pub fn lanes(program: &Program, engine: EngineName, report: &Report) -> String {
    let Some(found) = &report.counterexample else { return String::new() };
    let mut text = heading(program, engine, report, found);
    if !found.events.is_empty() {
        text.push('\n');
        table(program, &report.verdict, found, &mut text);
        let letters = found.schedule().into_iter().map(|t| program.names[usize::from(t)].letter);
        let _ = write!(text, "\n  schedule: {}", letters.collect::<String>());
        text.push('\n');
    }
    text
}

fn heading(
    program: &Program,
    engine: EngineName,
    report: &Report,
    found: &Counterexample,
) -> String {
    let word = report.verdict.word().to_uppercase();
    let mut text = format!("{word} {} on {}", program.litmus, program.kernel);
    if let Verdict::Violated(rule) = report.verdict {
        let _ = write!(text, "   {} {}\n  {}", rule.code(), rule.name(), rule.statement());
    }
    text.push('\n');
    // Who waits for whom: one line each.
    for line in found.text.split("; ") {
        let _ = writeln!(text, "  {line}");
    }
    let steps = found.events.len();
    let _ = match engine {
        EngineName::Graph => writeln!(text, "  graph: {steps} steps, shortest"),
        other => writeln!(text, "  {}: execution {}", other.name(), report.executions),
    };
    text
}

fn table(program: &Program, verdict: &Verdict, found: &Counterexample, text: &mut String) {
    let all_of_it = vec![false; found.events.len()];
    let mut rows = rows(program, verdict, found, &all_of_it);
    // Locks go last: they are what the reader looks for.
    for keep_locks in [true, false] {
        if rows.len() > ROWS {
            rows = self::rows(program, verdict, found, &own_steps(found, keep_locks));
        }
    }
    let mut lanes: Vec<TaskId> = found.events.iter().map(|e| e.task).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let held = rows.iter().map(|r| r.held.join("  ").len()).max().unwrap_or(0).clamp(10, HELD);
    let mark = rows.iter().map(|r| r.mark.len()).max().unwrap_or(0);
    let natural = |lane: TaskId| {
        let texts = rows.iter().filter(|r| r.task == lane).map(|r| r.text.len());
        let name = program.names[usize::from(lane)].text.len();
        texts.chain([name]).max().unwrap_or(0) + 2
    };
    let widths = fit(lanes.iter().map(|&l| natural(l)).collect(), WIDTH - NUMBER - held - mark);
    let offset = |lane: TaskId| -> usize {
        lanes.iter().zip(&widths).take_while(|(l, _)| **l != lane).map(|(_, w)| w).sum()
    };
    let all: usize = widths.iter().sum();
    let mut head = String::from("  step  ");
    for (&lane, &width) in lanes.iter().zip(&widths) {
        let name: String = program.names[usize::from(lane)].text.chars().take(width - 1).collect();
        let _ = write!(head, "{name:width$}");
    }
    let _ = writeln!(text, "{head}locks held");
    let mut number = 0;
    for row in &rows {
        number += row.elided.max(1);
        let from = offset(row.task).min(all.saturating_sub(row.text.len() + 1));
        let cell: String = row.text.chars().take(all.saturating_sub(1)).collect();
        let cell = format!("{:from$}{cell}", "");
        let mut lines = fold(&row.held, held);
        let first = if lines.is_empty() { String::new() } else { lines.remove(0) };
        let step = if row.elided > 0 { String::from("...") } else { number.to_string() };
        let switch = if row.switch { ">" } else { " " };
        let line = format!("{switch} {step:>4}  {cell:all$}{first:held$}{}", row.mark);
        let _ = writeln!(text, "{}", line.trim_end());
        for line in lines {
            let _ = writeln!(text, "{:at$}{line}", "", at = NUMBER + all);
        }
    }
}

/// Lane widths that fit in `room`: the widest but the last give way.
fn fit(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    while widths.iter().sum::<usize>() > room {
        let last = widths.len() - 1;
        let at = (0..last).max_by_key(|&at| widths[at]).filter(|&at| widths[at] > NARROW);
        widths[at.unwrap_or(last)] -= 1;
    }
    widths
}

/// Puts entries into lines of `width` columns; an entry longer than that is cut at a comma.
fn fold(entries: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for entry in entries {
        for (at, part) in entry.split_inclusive(", ").enumerate() {
            let gap = if at == 0 { "  " } else { "" };
            match lines.last_mut() {
                Some(line) if line.len() + gap.len() + part.trim_end().len() <= width => {
                    line.push_str(gap);
                    line.push_str(part);
                }
                _ => lines.push(part.to_owned()),
            }
        }
    }
    lines
}

fn rows(program: &Program, verdict: &Verdict, found: &Counterexample, own: &[bool]) -> Vec<Row> {
    let mut rules = Rules::new(program);
    let mut gathered = Gathered::default();
    let mut count = 0;
    let mut rows: Vec<Row> = Vec::new();
    let mut before = None;
    for (at, event) in found.events.iter().enumerate() {
        // Judged already; the rules only say who holds what here.
        let _ = rules.observe(program, event, &mut gathered);
        match event.op {
            Op::DioBegin(_) => count += 1,
            Op::DioEnd(_) => count -= 1,
            _ => {}
        }
        let switch = before.is_some_and(|task| task != event.task);
        before = Some(event.task);
        if own[at]
            && let Some(row) = rows.last_mut().filter(|r| r.elided > 0 && !switch)
        {
            row.elided += 1;
            row.text = format!("({} steps of its own)", row.elided);
            row.held = held(program, &rules);
            continue;
        }
        let mark = match verdict {
            Verdict::Violated(rule) if at + 1 == found.events.len() => {
                format!("  <-- {}", rule.code())
            }
            _ if found.loop_start == Some(at) => "  <-- loop".to_owned(),
            _ => String::new(),
        };
        rows.push(Row {
            task: event.task,
            switch,
            text: words(program, event, count),
            held: held(program, &rules),
            mark,
            elided: usize::from(own[at]),
        });
    }
    rows
}

fn held(program: &Program, rules: &Rules) -> Vec<String> {
    let tasks = 0..program.calls.len() as TaskId;
    let text = |task: TaskId| (program.names[usize::from(task)].letter, rules.held_text(task));
    let holding = tasks.map(text).filter(|(_, held)| !held.is_empty());
    holding.map(|(name, held)| format!("{name}: {held}")).collect()
}

/// The steps in runs that are long and touch nothing that others touch in this run.
fn own_steps(found: &Counterexample, keep_locks: bool) -> Vec<bool> {
    let events = &found.events;
    let touched: Vec<Vec<(Object, Access)>> = events.iter().map(Event::touched).collect();
    let conflict = |at: usize| {
        let others = (0..events.len()).filter(|&other| events[other].task != events[at].task);
        others.into_iter().any(|other| {
            let pairs = touched[at].iter().flat_map(|a| touched[other].iter().map(move |b| (a, b)));
            pairs.into_iter().any(|(a, b)| a.0 == b.0 && a.1.conflicts(b.1))
        })
    };
    let mut own: Vec<bool> = (0..events.len())
        .map(|at| {
            let shown = match events[at].op {
                Op::Submit(..) | Op::Queue(_) => true,
                Op::Lock(..) | Op::Unlock(..) | Op::JournalStart(_) => keep_locks,
                _ => false,
            };
            let last = at + 1 == events.len() || found.loop_start == Some(at);
            !shown && !last && !conflict(at)
        })
        .collect();
    let mut start = 0;
    for at in 1..=events.len() {
        let goes_on =
            at < events.len() && own[at] == own[start] && events[at].task == events[start].task;
        if !goes_on {
            if at - start < RUN {
                own[start..at].fill(false);
            }
            start = at;
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::graph;
    use crate::engine::native::tests::program;
    use crate::rule::{RuleId, RuleSet};
    use diolock::inode_lock::LockName::{AioMutex, IMutex};
    use diolock::inode_lock::Mode::Exclusive;

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
  A in (ours) waits for ext4_aio_mutex, held or queued for by B
  B in (ours) waits for i_mutex, held or queued for by A
  graph: 2 steps, shortest

  step  A script             B script                    locks held
     1  mutex_lock(i_mutex)                              A: i_mutex
>    2                       mutex_lock(ext4_aio_mutex)  A: i_mutex  B: ext4_aio_mutex

  schedule: AB
";
        assert_eq!(deadlock(0), shown);
    }

    #[test]
    fn a_long_run_of_steps_of_its_own_is_one_row() {
        let shown = deadlock(30);
        assert!(shown.contains("   ...  (30 steps of its own)"), "{shown}");
        assert!(shown.contains(">   32  "), "{shown}");
        assert!(shown.is_ascii() && shown.lines().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn lanes_give_way_from_the_left_and_held_locks_fold() {
        assert_eq!(fit(vec![30, 20, 25], 60), [18, 17, 25]);
        assert_eq!(fit(vec![30, 30, 30], 30), [6, 6, 18]);
        let held = ["W: i_mutex, i_data_sem R".to_owned(), "T: ext4_aio_mutex".to_owned()];
        assert_eq!(fold(&held, 50), ["W: i_mutex, i_data_sem R  T: ext4_aio_mutex"]);
        assert_eq!(fold(&held, 20), ["W: i_mutex, ", "i_data_sem R", "T: ext4_aio_mutex"]);
    }
}
