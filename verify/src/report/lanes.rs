//! A failing run as a table: a lane per task, the locks held, at most 100 columns of ASCII.

use super::fit::{fit, fold, wrap};
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

/// A run without a verdict as a table, which ends in a newline.
pub fn run_table(program: &Program, events: &[Event]) -> String {
    let found = Counterexample { events: events.to_vec(), text: String::new(), loop_start: None };
    let mut text = String::new();
    table(program, &Verdict::Exhausted, &found, &mut text);
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
        let _ = write!(text, "   {} {}", rule.code(), rule.name());
        text = wrap(&text, "", WIDTH) + &wrap(rule.statement(), "  ", WIDTH);
    } else {
        text = wrap(&text, "", WIDTH);
    }
    // Who waits for whom: each on its own line.
    text.extend(found.text.split("; ").map(|line| wrap(line, "  ", WIDTH)));
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
    let mut shown: &[String] = &[];
    for row in &rows {
        number += row.elided.max(1);
        let (mut from, mut cell) = (offset(row.task), row.text.clone());
        if from + cell.len() >= all {
            // It starts left of its lane: say whose it is.
            cell = format!("{}: {cell}", program.names[usize::from(row.task)].letter);
            cell.truncate(all - 1);
            from = all - 1 - cell.len();
        }
        let cell = format!("{:from$}{cell}", "");
        let mut lines = fold(&row.held, held);
        let same = std::mem::replace(&mut shown, &row.held) == row.held;
        if lines.len() > 1 && same {
            lines = vec!["(the same)".to_owned()];
        }
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
    use diolock::inode_lock::LockName::{AioMutex, CompletedIoLock, IDataSem, IMutex};
    use diolock::inode_lock::Mode::{Exclusive, Shared};

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
