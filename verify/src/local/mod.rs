//! One task by itself: every step that it can take, whatever the others do.

mod outcomes;
mod rows;

pub use outcomes::outcomes;
pub(crate) use outcomes::subsets;
pub use rows::{ALL, FEW, Holds, Row, rows};

use crate::litmus::parse::parse;
use crate::litmus::{Litmus, catalogue};
use crate::sweep;
use diolock::call::Call;
use diolock::kernel::{Kernel, Version};
use std::collections::BTreeMap;

/// Every call that the catalogue or a sweep makes on a version, beside the others of its test (some steps are
/// taken only where another task could see them) and by itself.
pub struct Alone {
    tests: Vec<Litmus>,
}

impl Alone {
    /// Those of a version.
    ///
    /// # Errors
    /// If a litmus test of the catalogue does not read.
    pub fn on(version: Version) -> miette::Result<Alone> {
        let of_catalogue = catalogue::all()?;
        let by_itself = of_catalogue.iter().flat_map(|litmus| alone(litmus, version));
        let mut tests: Vec<Litmus> = by_itself.chain(sweep::alone(version)).collect();
        let on_it = |litmus: &Litmus| litmus.expect.iter().any(|e| e.kernel.version == version);
        tests.extend(of_catalogue.iter().filter(|litmus| on_it(litmus)).cloned());
        Ok(Alone { tests })
    }

    /// Those with such a name in a litmus test, as they start on a kernel; completions by `completion`.
    pub fn calls(
        &self,
        kernel: Kernel,
        wanted: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, Vec<Call>> {
        let mut found: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for litmus in &self.tests {
            let calls = litmus.calls();
            if !wanted(COMPLETION) && !calls.iter().flatten().any(|name| wanted(name)) {
                continue;
            }
            let completions = std::iter::repeat_with(|| vec![COMPLETION.to_owned()]);
            let tasks = litmus.program(kernel).calls;
            for (task, names) in tasks.iter().zip(calls.into_iter().chain(completions)) {
                for (&call, name) in task.calls().iter().zip(names) {
                    let known = found.entry(name).or_default();
                    if !known.contains(call) {
                        known.push(call.clone());
                    }
                }
            }
        }
        found.retain(|name, _| wanted(name));
        found
    }
}

/// What the completion of an asynchronous call goes by.
const COMPLETION: &str = "completion";

/// Each task of a litmus test by itself, on the same file; those that can be stated so on that version.
fn alone(litmus: &Litmus, version: Version) -> Vec<Litmus> {
    let Ok(table) = litmus.source.parse::<toml::Table>() else { return Vec::new() };
    let tasks = table.get("task").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let by_itself = |task: toml::Value| {
        let mut table = table.clone();
        for key in ["reaches", "except", "rules"] {
            table.remove(key);
        }
        table.insert("task".to_owned(), toml::Value::Array(vec![task]));
        let expect = format!("kernel = '{}'\nverdict = 'never'", version.name());
        let expect = toml::Value::Table(expect.parse().ok()?);
        table.insert("expect".to_owned(), toml::Value::Array(vec![expect]));
        parse(&litmus.name, "alone.toml", &table.to_string()).ok()
    };
    tasks.into_iter().filter_map(by_itself).collect()
}
