//! The table of verdicts.

use super::output::{Out, Tone};
use diolock::kernel::Kernel;
use diolock_verify::engine::EngineName;
use diolock_verify::suite::{Cell, Done};
use diolock_verify::verdict::{Report, Verdict};

/// A kernel, short: `v3.7 -1f555cfa29e8`.
pub fn kernel(kernel: Kernel) -> String {
    let mut text = kernel.version.name().to_owned();
    for fix in kernel.removed() {
        text.push_str(" -");
        text.push_str(fix.about().commit);
    }
    text
}

/// What is expected, in words; `-` for nothing.
pub fn expected(cell: &Cell) -> String {
    cell.expected.as_ref().map_or_else(|| "-".to_owned(), |expect| expect.expected.to_string())
}

/// A verdict with its counts: `exhausted 42x/12t`.
pub fn verdict(report: &Report) -> String {
    let mut counts = match report.states {
        Some(states) => format!("{states}s"),
        None => format!("{}x", report.executions),
    };
    if let Some(traces) = report.traces.filter(|_| report.states.is_none()) {
        counts.push_str(&format!("/{traces}t"));
    }
    match &report.verdict {
        Verdict::Exhausted => format!("exhausted {counts}"),
        Verdict::Bounded(k) => format!("bounded({k}) {counts}"),
        Verdict::Sampled => format!("sampled {}x", report.executions),
        Verdict::Violated(rule) => format!("violated {}", rule.code()),
        other => other.word().to_owned(),
    }
}

/// The lines of the table: a row for each litmus test and kernel, a column for each engine.
pub fn lines(out: &Out, cells: &[Cell], done: &[Option<Done>]) -> Vec<String> {
    let mut engines: Vec<EngineName> = Vec::new();
    for cell in cells {
        if !engines.contains(&cell.engine) {
            engines.push(cell.engine);
        }
    }
    let head = ["litmus", "kernel", "expected"].into_iter();
    let head = head.chain(engines.iter().map(|e| e.name())).map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = vec![head];
    let mut tones = vec![vec![Tone::Plain; 3 + engines.len()]];
    let mut last: Option<&Cell> = None;
    for (cell, done) in cells.iter().zip(done) {
        let same = |l: &Cell| l.litmus.name == cell.litmus.name && l.kernel == cell.kernel;
        if !last.is_some_and(same) {
            let mut row = vec![cell.litmus.name.clone(), kernel(cell.kernel), expected(cell)];
            row.resize(3 + engines.len(), String::new());
            rows.push(row);
            tones.push(vec![Tone::Plain; 3 + engines.len()]);
        }
        last = Some(cell);
        let column = 3 + engines.iter().position(|&e| e == cell.engine).unwrap_or(0);
        let at = rows.len() - 1;
        (rows[at][column], tones[at][column]) = match done {
            None => ("not run".to_owned(), Tone::Plain),
            Some(done) => match done.ok {
                Some(true) => (verdict(&done.report), Tone::Good),
                Some(false) => (format!("!{}", verdict(&done.report)), Tone::Bad),
                None => (verdict(&done.report), Tone::Plain),
            },
        };
    }
    columns(&rows, |row, column, text| out.tone(text, tones[row][column]))
}

/// Rows as lines with aligned columns; `paint` may add what takes no room.
pub fn columns(rows: &[Vec<String>], paint: impl Fn(usize, usize, &str) -> String) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| {
        let cells = rows.iter().filter_map(|row: &Vec<String>| row.get(column));
        cells.map(|cell: &String| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |(at, row): (usize, &Vec<String>)| {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(&paint(at, column, cell));
            let pad = widths[column] - cell.chars().count();
            line.push_str(&" ".repeat(pad + 2));
        }
        line.trim_end().to_owned()
    };
    rows.iter().enumerate().map(line).collect()
}
