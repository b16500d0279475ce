//! `diolock glossary`.

use super::names::unknown;
use super::output::Out;
use diolock_verify::lessons::escape::plain;
use diolock_verify::lessons::glossary::{Glossary, Term};
use diolock_verify::report::wrap;
use std::process::ExitCode;

/// Columns of a line.
const WIDTH: usize = 100;

/// Prints what the terms mean, or one of them.
///
/// # Errors
/// If there is no such term, or nothing can be written.
pub fn run(term: Option<&str>) -> miette::Result<ExitCode> {
    let glossary = Glossary::read();
    let terms: Vec<&Term> = match term {
        None => glossary.terms.iter().collect(),
        Some(name) => {
            let found = glossary.find(name).ok_or_else(|| {
                let names: Vec<&str> = glossary.terms.iter().map(|t| t.name.as_str()).collect();
                miette::miette!(
                    help = "`diolock glossary` prints them all",
                    "{}",
                    unknown("term", name, &names)
                )
            })?;
            vec![found]
        }
    };
    let mut out = Out::new();
    for term in terms {
        out.line(&term.name)?;
        out.line(wrap(&plain(&term.means), "    ", WIDTH).trim_end_matches('\n'))?;
    }
    Ok(ExitCode::SUCCESS)
}
