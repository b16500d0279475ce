//! The matrix in Markdown, as `docs/races.md` has it.

use super::fixes::{FixRow, Need};
use super::table::{Answer, Boundary, Matrix, Row};
use super::words::{by, said};
use diolock::kernel::Version;
use std::fmt::Write;

/// Both tables. Links are relative to the project's root.
pub fn markdown(matrix: &Matrix) -> String {
    let mut out = String::new();
    if let Some(partial) = matrix.partial() {
        let _ = writeln!(out, "{partial}\n");
    }
    let kernels = Version::ALL.map(Version::name).join(" | ");
    let _ = writeln!(out, "| race | litmus test | {kernels} | fixed by |");
    let _ = writeln!(out, "|---|---|{}---|", "---|".repeat(Version::ALL.len()));
    for row in &matrix.rows {
        line(&mut out, matrix, row);
    }
    out.push_str("\n| fix | taken from | what fails without it |\n|---|---|---|\n");
    for row in &matrix.fixes {
        fix(&mut out, row);
    }
    out
}

fn link(name: &str) -> String {
    format!("[{name}](../litmus/{name}.toml)")
}

fn line(out: &mut String, matrix: &Matrix, row: &Row) {
    let engines = row.engines();
    let only = by(&engines, &matrix.engines).map(|by| format!(" ({by})")).unwrap_or_default();
    let bug = row.litmus.bug.as_deref().unwrap_or("–");
    let _ = write!(out, "| {bug} | {}{only} ", link(&row.litmus.name));
    for answer in &row.answers {
        let text = match answer {
            None => "–".to_owned(),
            Some(answer) if !answer.complete() => "?".to_owned(),
            Some(answer) => {
                let own = answer.engines();
                let by = (own != engines).then(|| by(&own, &matrix.engines)).flatten();
                let by = by.map(|by| format!(" ({by})")).unwrap_or_default();
                format!("{}{by}", emphasised(answer))
            }
        };
        let _ = write!(out, "| {text} ");
    }
    let mut fixed: Vec<String> = row.fixed.iter().map(boundary).collect();
    if row.open() {
        fixed.push("**open**".to_owned());
    }
    if let Some(last) = row.silent_after() {
        fixed.push(format!("says nothing after {}", last.name()));
    }
    let _ = writeln!(out, "| {} |", fixed.join("; "));
}

fn emphasised(answer: &Answer) -> String {
    let text = said(answer);
    if answer.bad() { format!("**{text}**") } else { text }
}

fn boundary(boundary: &Boundary) -> String {
    let commit = |(fix, word): &(diolock::kernel::Fix, &str)| match boundary.last {
        Some(_) => fix.about().commit.to_owned(),
        None => format!("{word} without {}", fix.about().commit),
    };
    match &boundary.fixes[..] {
        [] => format!("{}, by no one fix", boundary.first.name()),
        fixes => fixes.iter().map(commit).collect::<Vec<_>>().join(", "),
    }
}

/// The tests that name the fix, one at least; how many others.
fn list(needs: &[Need]) -> String {
    let one = |need: &Need| {
        let vacuous = if need.vacuous { " (with it: vacuous)" } else { "" };
        format!("{} {}{vacuous}", link(&need.litmus), need.verdict)
    };
    let shown = needs.iter().filter(|need| need.named).count().max(1).min(needs.len());
    let mut words: Vec<String> = needs[..shown].iter().map(one).collect();
    if needs.len() > shown {
        words.push(format!("{} more", needs.len() - shown));
    }
    words.join(", ")
}

fn fix(out: &mut String, row: &FixRow) {
    let about = row.fix.about();
    let mut text = match &row.older {
        _ if row.idle() => "**nothing**".to_owned(),
        Some((version, needs)) => {
            format!("nothing there; on {}: {}", version.name(), list(needs))
        }
        None => list(&row.needs),
    };
    if !row.cut.is_empty() {
        let _ = write!(text, " (not searched to the end: {})", row.cut.join(", "));
    }
    if row.missing > 0 {
        let _ = write!(text, " (not run: {})", row.missing);
    }
    let _ =
        writeln!(out, "| {}: {} | {} | {text} |", about.commit, about.words(), row.kernel.name());
}
