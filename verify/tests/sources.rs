//! The ledger of what was read names every kernel function that a run of the catalogue can show.

use diolock::kernel::{Kernel, Version};
use diolock::op::Op;
use diolock::sources;
use diolock::task::Task;
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Program, System};
use std::collections::{BTreeSet, HashSet};

/// States looked at of one program: in all but the largest, all of them.
const STATES: usize = 20_000;

/// The kernel functions that steps of a program are in.
fn shown(program: &Program, functions: &mut BTreeSet<&'static str>) {
    let first = System::new(program);
    let mut known = HashSet::from([first.clone()]);
    let mut stack = vec![first];
    while let Some(system) = stack.pop() {
        for task in system.tasks() {
            let Some(op): Option<Op> = system.pending(task, &program.fair) else { continue };
            functions.insert(system.calls[usize::from(task)].place().kernel);
            let mut next = system.clone();
            let new = next.perform(task, op).is_ok() && known.len() < STATES;
            if new && known.insert(next.clone()) {
                stack.push(next);
            }
        }
    }
}

#[test]
fn every_function_that_a_run_shows_is_in_the_ledger() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let mut missing = BTreeSet::new();
    for version in [Version::V3_6, Version::V3_7, Version::V6_1, Version::V6_12] {
        let mut functions = BTreeSet::new();
        for litmus in &litmuses {
            let less = litmus.expect.iter().map(|e| e.kernel).filter(|k| k.version == version);
            let mut kernels: Vec<Kernel> = less.collect();
            kernels.push(Kernel::new(version));
            kernels.dedup();
            if litmus.not_modelled_on(version).is_none() {
                kernels.iter().for_each(|&kernel| shown(&litmus.program(kernel), &mut functions));
            }
        }
        let named = |function: &&str| sources::of(function).next().is_some();
        let lacks = functions.into_iter().filter(|function| !named(function));
        missing.extend(lacks.map(|function| format!("{function} on {}", version.name())));
    }
    assert!(missing.is_empty(), "not in src/sources.rs: {missing:#?}");
}
