//! The ledger of what was read names every kernel function that a run of the catalogue can show.

use diolock::kernel::{Kernel, Version};
use diolock::op::Op;
use diolock::sources::{self, Reading};
use diolock::task::Task;
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Program, System};
use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;

/// States looked at of one program: in most of them all.
const STATES: usize = 4_000;

/// The kernel functions that steps of a program are in.
fn shown(program: &Program, functions: &mut BTreeSet<&'static str>) {
    let first = System::new(program);
    let mut known = HashSet::from([first.clone()]);
    let mut stack = vec![first];
    while let Some(system) = stack.pop() {
        for task in system.tasks() {
            let Some(op): Option<Op> = system.pending(task, &program.fair) else { continue };
            let place = system.calls[usize::from(task)].place().on(program.kernel.version);
            functions.insert(place.kernel);
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
    let all_missing = Mutex::new(BTreeSet::new());
    crate::common::each(
        &[
            Version::V3_6,
            Version::V3_7,
            Version::V6_1,
            Version::V6_12,
            Version::V6_18,
            Version::V7_0,
            Version::V7_3,
        ],
        |&version| {
            let mut missing = BTreeSet::new();
            let mut functions = BTreeSet::new();
            for litmus in &litmuses {
                let less = litmus.expect.iter().map(|e| e.kernel).filter(|k| k.version == version);
                let mut kernels: Vec<Kernel> = less.collect();
                kernels.push(Kernel::new(version));
                kernels.dedup();
                if litmus.not_modelled_on(version).is_none() {
                    kernels
                        .iter()
                        .for_each(|&kernel| shown(&litmus.program(kernel), &mut functions));
                }
            }
            let name = version.name();
            for function in functions.into_iter().filter(|function| !function.starts_with('(')) {
                let memory = ["ext4_ind_punch_hole"].contains(&function);
                if !memory && !sources::exists(function, version) {
                    missing.insert(format!("{function}: {name} has no such function"));
                }
                if !sources::was_read(function, version)
                    && sources::derived(function, version).is_none()
                {
                    missing.insert(format!(
                        "{function}: neither read in {name} nor derived from anything"
                    ));
                }
            }
            all_missing.lock().expect("nobody panics with it").append(&mut missing);
        },
    );
    let missing = all_missing.into_inner().expect("nobody panicked");
    assert!(missing.is_empty(), "src/sources.rs: {missing:#?}");
}

#[test]
fn what_was_read_exists() {
    let lacks = |reading: &Reading| {
        let exists = |f: &str| reading.read.iter().all(|&v| sources::exists(f, v));
        let absent: Vec<&str> = reading.functions.iter().copied().filter(|f| !exists(f)).collect();
        (!absent.is_empty()).then(|| format!("{}: {absent:?}", reading.task))
    };
    let wrong: Vec<String> = sources::READ.iter().filter_map(lacks).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
