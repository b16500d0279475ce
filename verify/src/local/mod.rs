//! One task by itself: every step that it can take, whatever the others do.

mod outcomes;
mod rows;

pub use outcomes::outcomes;
pub use rows::{Holds, Row, rows};

use crate::litmus::{Litmus, catalogue};
use crate::sweep;
use diolock::call::Call;
use diolock::kernel::Kernel;
use std::collections::BTreeMap;

/// Every call that the catalogue or a sweep makes on a kernel, as it starts, by its name in a litmus test;
/// completions by the name of what they complete.
///
/// # Errors
/// If a litmus test of the catalogue does not read.
pub fn calls(kernel: Kernel) -> miette::Result<BTreeMap<String, Vec<Call>>> {
    let mut calls: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    let on_it = |litmus: &Litmus| {
        litmus.expect.iter().any(|expect| expect.kernel.version == kernel.version)
    };
    let alone = sweep::alone(kernel.version);
    for litmus in catalogue::all()?.into_iter().filter(on_it).chain(alone) {
        let program = litmus.program(kernel);
        let mut name = String::new();
        for (call, called) in program.calls.into_iter().zip(&program.names) {
            let text = called.text.split_once(' ').map_or("", |(_, text)| text);
            let of = text.split(['(', ' ']).next().unwrap_or_default();
            if of == "completion" {
                name = "completion".to_owned();
            } else {
                of.clone_into(&mut name);
            }
            let known = calls.entry(name.clone()).or_default();
            if !known.contains(&call) {
                known.push(call);
            }
        }
    }
    Ok(calls)
}
