//! The matrix for a terminal or a pipe.

use super::fixes::{FixRow, Need};
use super::table::{Answer, Boundary, Matrix, Row};
use super::words::said;
use crate::engine::EngineName;
use diolock::kernel::Version;
use std::fmt::Write;

/// As wide as it gets, unless a litmus test's name is longer than most.
const COLUMNS: usize = 120;

const LEGEND: &str = "\
never explored to the end, nothing wrong; dead, live deadlock, livelock; R1 to R15 the broken rule; - not asked
by: g graph, l loom, s shuttle, n native; after a cell, where others than in most of the row
fixed by: without it, the first clean kernel fails again; (in brackets) fails on no kernel as released";

/// Both tables, plain.
pub fn text(matrix: &Matrix) -> String {
    let mut out = String::new();
    if let Some(partial) = matrix.partial() {
        let _ = writeln!(out, "{partial}\n");
    }
    let head = ["race", "litmus test", "by"].into_iter();
    let head = head.chain(Version::ALL.map(Version::name)).chain(["fixed by"]);
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    let mut last = None;
    for row in &matrix.rows {
        let bug = row.litmus.bug.as_deref();
        let shown = if last == bug && bug.is_some() { "" } else { bug.unwrap_or("-") };
        last = bug;
        rows.push(line(row, shown));
    }
    for line in aligned(&rows) {
        let _ = writeln!(out, "{line}");
    }
    let _ = writeln!(out, "{LEGEND}\n");
    out.push_str("What fails without one fix, taken from the newest kernel that has it:\n\n");
    for row in &matrix.fixes {
        fix(&mut out, row);
    }
    out.push_str("~ with the fix in place this test does not get as far as what it speaks of\n");
    out
}

fn line(row: &Row, bug: &str) -> Vec<String> {
    let most = most(row);
    let mut line = vec![bug.to_owned(), row.litmus.name.clone(), letters(&most)];
    line.extend(row.answers.iter().map(|answer| cell(answer.as_ref(), &most)));
    line.push(fixed(row));
    line
}

/// The engines that were asked of most kernels.
fn most(row: &Row) -> Vec<EngineName> {
    let sets: Vec<Vec<EngineName>> = row.answers.iter().flatten().map(Answer::engines).collect();
    let count = |set: &Vec<EngineName>| sets.iter().filter(|other| *other == set).count();
    sets.iter().max_by_key(|set| (count(set), set.len())).cloned().unwrap_or_default()
}

fn letters(engines: &[EngineName]) -> String {
    engines.iter().map(|engine| &engine.name()[..1]).collect()
}

fn cell(answer: Option<&Answer>, most: &[EngineName]) -> String {
    let Some(answer) = answer else { return "-".to_owned() };
    if !answer.complete() {
        return "?".to_owned();
    }
    let mut text = said(answer).replace("deadlock", "dead").replace("livelock", "live");
    let engines = answer.engines();
    if answer.agreed().is_some() && engines != most {
        let _ = write!(text, " {}", letters(&engines));
    }
    text
}

fn fixed(row: &Row) -> String {
    let of = |boundary: &Boundary| {
        let first = match boundary.fixes.first() {
            Some((fix, _)) => fix.about().commit.to_owned(),
            None => format!("in {}", boundary.first.name()),
        };
        let more = boundary.fixes.len().saturating_sub(1);
        let text = if more > 0 { format!("{first} +{more}") } else { first };
        if boundary.last.is_some() { text } else { format!("({text})") }
    };
    let open = row.open().then(|| "open".to_owned());
    let silent = row.silent_after().map(|last| format!("? after {}", last.name()));
    row.fixed.iter().map(of).chain(open).chain(silent).collect::<Vec<_>>().join(", ")
}

/// A fix, and what needs it, folded.
fn fix(out: &mut String, row: &FixRow) {
    let about = row.fix.about();
    let head = format!("{:<17} {:<6}  ", about.commit, row.kernel.name());
    let indent = " ".repeat(head.len());
    let mut text = head;
    let mut used = indent.len();
    for (at, word) in words(row).iter().enumerate() {
        if at > 0 && used + 1 + word.len() > COLUMNS {
            let _ = write!(text, "\n{indent}");
            used = indent.len();
        } else if at > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += word.len();
    }
    let _ = writeln!(out, "{}", text.trim_end());
}

/// The pieces of a line that are not broken.
fn words(row: &FixRow) -> Vec<String> {
    let mut words = Vec::new();
    let list = |needs: &[Need], words: &mut Vec<String>| {
        for (at, need) in needs.iter().enumerate() {
            let comma = if at + 1 < needs.len() { "," } else { "" };
            let mark = if need.vacuous { "~" } else { "" };
            words.push(format!("{}{mark} {}{comma}", need.litmus, need.verdict));
        }
    };
    list(&row.needs, &mut words);
    if let Some((version, needs)) = &row.older {
        words.push(format!("nothing needs it there; on {}:", version.name()));
        list(needs, &mut words);
    }
    if row.idle() {
        words.push("NOTHING NEEDS IT".to_owned());
    }
    if !row.cut.is_empty() {
        words.push(format!("(not searched to the end: {})", row.cut.join(", ")));
    }
    if row.missing > 0 {
        words.push(format!("(not run: {})", row.missing));
    }
    words
}

fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
