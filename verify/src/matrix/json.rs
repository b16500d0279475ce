//! The matrix as one JSON object a line.

use super::fixes::Need;
use super::table::Matrix;
use crate::survey::word;
use diolock::kernel::Version;
use serde_json::{Value, json};

/// A line for each cell (`"is": "cell"`), for each kernel where a litmus test stops failing
/// (`"fixed"`), for each test that fails on the newest kernel (`"open"`), and for each fix (`"fix"`).
pub fn json(matrix: &Matrix) -> Vec<String> {
    let mut lines: Vec<Value> = Vec::new();
    for row in &matrix.rows {
        let (name, bug) = (&row.litmus.name, &row.litmus.bug);
        for (version, answer) in Version::ALL.iter().zip(&row.answers) {
            let Some(answer) = answer else { continue };
            let said = answer.said.iter();
            let said = said.map(|(e, v)| (e.name().to_owned(), json!(v.as_ref().map(word))));
            lines.push(json!({
                "is": "cell", "litmus": name, "bug": bug, "kernel": version.name(),
                "verdict": answer.agreed(), "engines": said.collect::<serde_json::Map<_, _>>(),
                "agree": !answer.disagree(), "expected": answer.expected.to_string(),
                "ok": answer.ok && answer.complete(),
            }));
        }
        for boundary in &row.fixed {
            let fixes = boundary.fixes.iter();
            let fixes =
                fixes.map(|(fix, word)| json!({"fix": fix.about().commit, "without": word}));
            lines.push(json!({
                "is": "fixed", "litmus": name, "bug": bug,
                "last": boundary.last.map(Version::name), "first": boundary.first.name(),
                "by": fixes.collect::<Vec<_>>(),
            }));
        }
        if row.open() {
            lines.push(json!({"is": "open", "litmus": name, "bug": bug}));
        }
    }
    let need = |need: &Need| json!({"litmus": need.litmus, "verdict": need.verdict, "vacuous_with": need.vacuous});
    let list = |needs: &[Need]| needs.iter().map(need).collect::<Vec<_>>();
    for row in &matrix.fixes {
        let older = row.older.as_ref();
        let older = older.map(|(v, needs)| json!({"kernel": v.name(), "fails": list(needs)}));
        lines.push(json!({
            "is": "fix", "fix": row.fix.about().commit, "kernel": row.kernel.name(),
            "fails": list(&row.needs), "older": older, "needed": !row.idle(),
            "cut": row.cut, "not_run": row.missing,
        }));
    }
    lines.iter().map(Value::to_string).collect()
}
