//! `diolock steps`.

use super::names::{self, kernel_without, unknown};
use super::output::Out;
use super::table::columns;
use clap::Args;
use diolock::call::Call;
use diolock::kernel::{About, FIXES, Fix, Kernel, Version};
use diolock::sources::was_read;
use diolock_verify::local::{self, Alone, Row};
use diolock_verify::report::op_words;
use diolock_verify::suite::side_by_side;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// `diolock steps`.
#[derive(Debug, Args)]
pub struct Steps {
    /// A call as litmus tests name it (`punch_hole`, `completion`), or a kernel function
    #[arg(value_name = "TASK")]
    pub task: String,
    /// On this kernel (`diolock list` has them)
    #[arg(long, value_name = "V", default_value = "v6.12", value_parser = names::kernel)]
    pub kernel: Version,
    /// Without the fix of this commit (may be repeated)
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Prints the steps of a task.
///
/// # Errors
/// If there is no such task on that kernel, or nothing can be written.
pub fn run(arguments: &Steps) -> miette::Result<ExitCode> {
    let kernel = kernel_without(arguments.kernel, &arguments.without)?;
    let alone = Arc::new(Alone::on(arguments.kernel)?);
    let (calls, rows) = steps(&arguments.task, &alone, kernel)?;
    let fixes = fixes(&arguments.task, &calls, &alone, kernel, &rows);
    let mut out = Out::new();
    let head = ["step", "kernel function", "what", "does", "holds after", "fix", "source"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    for (row, fixes) in rows.iter().zip(fixes) {
        let holds: Vec<String> = row.holds.iter().map(local::Holds::text).collect();
        let read = was_read(row.place.kernel, arguments.kernel);
        if arguments.json {
            let line = json!({
                "step": row.place.step, "function": row.place.kernel, "what": row.place.what,
                "does": op_words(&row.op), "holds": holds, "fixes": fixes, "read": read,
            });
            out.line(&line.to_string())?;
            continue;
        }
        let source = if read { "read" } else { "derived" }.to_owned();
        let texts = [row.place.step, row.place.kernel, row.place.what].map(str::to_owned);
        let holds = either(&holds);
        table.push(
            [texts.to_vec(), vec![op_words(&row.op), holds, fixes.join(" "), source]].concat(),
        );
    }
    if !arguments.json {
        for line in columns(&table, |_, _, text| text.to_owned()) {
            out.line(&line)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is held after a step in one way or another.
fn either(holds: &[String]) -> String {
    let named = holds.iter().map(|held| if held.is_empty() { "nothing" } else { held.as_str() });
    let named: Vec<&str> = named.collect();
    match named.as_slice() {
        ["nothing"] => String::new(),
        all => all.join(" or "),
    }
}

/// The calls that a name means, and their rows: of that call, or of those that go through that kernel function.
fn steps(
    name: &str,
    alone: &Alone,
    kernel: Kernel,
) -> miette::Result<(BTreeSet<String>, Vec<Row>)> {
    let calls = alone.calls(kernel, |_| true);
    if let Some(starts) = calls.get(name) {
        return Ok(([name.to_owned()].into(), local::rows(starts, kernel.version, local::ALL)));
    }
    let mut known: BTreeSet<&str> = calls.keys().map(String::as_str).collect();
    let mut through = BTreeSet::new();
    for (call, starts) in &calls {
        let rows = local::rows(starts, kernel.version, local::FEW);
        if rows.iter().any(|row| row.place.kernel == name) {
            through.insert(call.clone());
        }
        known.extend(rows.iter().map(|row| row.place.kernel));
    }
    if through.is_empty() {
        let known: Vec<&str> = known.into_iter().collect();
        let message = unknown("call or kernel function", name, &known);
        miette::bail!("{message}\n  (on {}; other kernels have others)", kernel.version.name());
    }
    let rows = rows_of(name, &through, alone, kernel, local::ALL);
    Ok((through, rows))
}

/// The rows of these calls; of one kernel function, if that is meant.
fn rows_of(
    name: &str,
    calls: &BTreeSet<String>,
    alone: &Alone,
    kernel: Kernel,
    follow: usize,
) -> Vec<Row> {
    let starts = alone.calls(kernel, |call| calls.contains(call));
    let starts: Vec<Call> = starts.into_values().flatten().collect();
    let mut rows = local::rows(&starts, kernel.version, follow);
    rows.retain(|row| calls.contains(name) || row.place.kernel == name);
    rows
}

/// For each row the fixes without which it is not there, or something else is held after it.
fn fixes(
    name: &str,
    calls: &BTreeSet<String>,
    alone: &Arc<Alone>,
    kernel: Kernel,
    rows: &[Row],
) -> Vec<Vec<&'static str>> {
    let few = rows_of(name, calls, alone, kernel, local::FEW);
    let (name, calls, alone) = (name.to_owned(), calls.clone(), Arc::clone(alone));
    let without = move |about: &&About| {
        let without = |follow| rows_of(&name, &calls, &alone, kernel.without(about.fix), follow);
        (without(local::FEW) != few).then(|| without(local::ALL))
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let asked: Vec<&About> = FIXES.iter().filter(|about| kernel.has(about.fix)).collect();
    let found = side_by_side(asked.clone(), jobs, &AtomicBool::new(false), without, |_, _| ());
    let mut fixes: Vec<Vec<&'static str>> = vec![Vec::new(); rows.len()];
    let by_key = |row: &Row| (row.place.step, row.place.kernel, op_words(&row.op));
    for (about, without) in asked.into_iter().zip(found) {
        // Nobody says stop: who has not answered has broken off.
        let Some(without) = without.expect("it ended") else { continue };
        let other: BTreeMap<_, &Row> = without.iter().map(|row| (by_key(row), row)).collect();
        for (row, fixes) in rows.iter().zip(&mut fixes) {
            if other.get(&by_key(row)).is_none_or(|other| other.holds != row.holds) {
                fixes.push(about.commit);
            }
        }
    }
    fixes
}
