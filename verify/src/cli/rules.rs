//! `diolock rules`.

use super::output::Out;
use diolock_verify::report::wrap;
use diolock_verify::rule::RuleId;
use std::process::ExitCode;

/// Columns of a line.
const WIDTH: usize = 100;

/// Prints the rules: what each says, and where the kernel says so.
///
/// # Errors
/// If they cannot be written.
pub fn run() -> miette::Result<ExitCode> {
    let mut out = Out::new();
    for rule in RuleId::ALL {
        out.line(&format!("{} {}", rule.code(), rule.name()))?;
        for text in [rule.statement(), rule.reference()] {
            out.line(wrap(text, "    ", WIDTH).trim_end_matches('\n'))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
