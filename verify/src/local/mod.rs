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
        let names = litmus.calls().into_iter().chain(std::iter::repeat("completion".to_owned()));
        for (call, name) in litmus.program(kernel).calls.into_iter().zip(names) {
            let known = calls.entry(name).or_default();
            if !known.contains(&call) {
                known.push(call);
            }
        }
    }
    Ok(calls)
}
