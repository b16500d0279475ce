//! What an engine found: its heading, the run as a table, and the command that runs it again.

use super::chart::Chart;
use super::command::command;
use super::fit::{WIDTH, wrap};
use super::table::{Detail, table};
use crate::engine::EngineName;
use crate::engine::graph::Cost;
use crate::explain::shorten;
use crate::program::{Event, Program};
use crate::schedule;
use crate::verdict::{Counterexample, Report, Verdict};
use std::fmt::Write;

/// Lines of a table in a list of several: what is left out is counted in its place.
const LINES: usize = 18;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::graph;
    use crate::engine::native::tests::program;
    use crate::rule::{RuleId, RuleSet};
    use diolock::op::LockName::{AioMutex, CompletedIoLock, IDataSem, IMutex};
    use diolock::op::Mode::{Exclusive, Shared};
    use diolock::op::{Op, Size};

    fn deadlock(extra: usize) -> String {
        let mut first = vec![Op::Lock(IMutex, Exclusive)];
        first.extend(vec![Op::PagesRead(diolock::op::Pages::one(0)); extra]);
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
            vec![Op::Lock(AioMutex, Exclusive), Op::SizeWrite(Size::blocks(1))],
            vec![Op::Lock(IMutex, Exclusive), Op::SizeWrite(Size::ZERO)],
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
