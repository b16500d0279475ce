//! Each row of each task's list is taken by some litmus test; and what a task can do whatever it is told
//! (`diolock steps`) is all that tasks do in litmus tests.

use diolock::call::Call;
use diolock::kernel::{Kernel, Version};
use diolock::op::TaskId;
use diolock::task::Task as _;
use diolock_verify::engine::graph;
use diolock_verify::litmus::catalogue;
use diolock_verify::local::{self, Alone, Row, rows};
use diolock_verify::program::{Program, System};
use diolock_verify::suite;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Steps that no litmus test takes: task, step, why.
const NOT_TAKEN: [(&str, &str, &str); 2] = [
    ("DirectIo", "NoIoEnd", "it only goes elsewhere"),
    ("UringThread", "TaskWork", "the truncate before it waits for it, for ever: that is the bug"),
];

/// What a source file says of one task.
struct Source {
    file: String,
    /// The steps of its list, in order.
    steps: Vec<String>,
}

/// Every task of the protocol, by the name of its type.
fn tasks() -> BTreeMap<String, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut tasks = BTreeMap::new();
    for room in ["dio_path", "resize", "page_cache", "extent_probe", "inode_lock"] {
        for entry in fs::read_dir(root.join(room)).expect("the protocol's sources are there") {
            let path = entry.expect("the folder can be read").path();
            let file = format!("{room}/{}", path.file_name().unwrap_or_default().display());
            let text = fs::read_to_string(&path).expect("the source can be read");
            for list in text.split("\nsteps! {\n").skip(1) {
                let (list, _) = list.split_once("\n}\n").expect("a list ends");
                let (_, name) = list.split_once("struct ").expect("a list has a struct");
                let (_, rows) = list.split_once("|self, outcome|").expect("a list has a head");
                let row = |line: &&str| {
                    line.strip_prefix("    ").is_some_and(|row| row.starts_with(char::is_uppercase))
                };
                let steps =
                    rows.lines().filter(row).map(|row| word(row.trim()).to_owned()).collect();
                tasks.insert(word(name).to_owned(), Source { file: file.clone(), steps });
            }
        }
    }
    assert!(tasks.len() > 45, "only {} lists were found", tasks.len());
    tasks
}

/// The identifier that a text begins with.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Where a task and the machines inside it stand, as type and step: read off its `Debug` text, the
/// only view that tells a machine from the one inside it.
fn stands(call: &Call) -> Vec<(String, String)> {
    let text = format!("{call:?}");
    let mut inside: Vec<&str> = Vec::new();
    let mut stands = Vec::new();
    for (at, c) in text.char_indices() {
        let (before, after) = text.split_at(at);
        match c {
            '{' => inside.push(before.trim_end().rsplit([' ', '(']).next().unwrap_or_default()),
            '}' => {
                inside.pop();
            }
            's' if after.starts_with("step: ") && before.ends_with([' ', '{']) => {
                let (Some(&task), step) = (inside.last(), word(&after["step: ".len()..])) else {
                    continue;
                };
                stands.push((task.to_owned(), step.to_owned()));
            }
            _ => {}
        }
    }
    stands
}

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Hands every task that takes a step in some reachable state to `take`, once for each of its own
/// states.
fn walk(program: &Program, known: &mut HashSet<Call>, mut take: impl FnMut(TaskId, &Call)) {
    let start = System::new(program);
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut level = vec![start];
    while !level.is_empty() {
        let mut next = Vec::new();
        for system in &level {
            for task in graph::enabled(system) {
                let Some(op) = graph::pending(system, task) else { continue };
                let call = &system.calls[usize::from(task)];
                if !known.contains(call) {
                    take(task, call);
                    known.insert(Call::clone(call));
                }
                let mut system = system.clone();
                if system.perform(task, op).is_ok() && seen.insert(fingerprint(&system)) {
                    next.push(system);
                }
            }
        }
        level = next;
    }
}

/// What has few states, unless `make test-all` asks.
fn is_asked(program: &Program) -> bool {
    suite::thorough() || graph::fewer_states_than(6_000, program)
}

#[test]
fn every_step_of_every_list_is_taken_by_some_litmus_test() {
    let tasks = tasks();
    let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
    let mut known = HashSet::new();
    for litmus in catalogue::all().expect("the catalogue reads") {
        for expect in &litmus.expect {
            let program = litmus.program(expect.kernel);
            if is_asked(&program) {
                walk(&program, &mut known, |_, call| taken.extend(stands(call)));
            }
        }
    }
    let mut wrong = Vec::new();
    for (name, Source { file, steps }) in &tasks {
        for row in steps {
            let excused = NOT_TAKEN.iter().any(|(task, step, _)| task == name && step == row);
            match (taken.contains(&(name.clone(), row.clone())), excused) {
                (false, false) => {
                    wrong.push(format!("{file}: no litmus test takes {name}'s {row}"));
                }
                (true, true) => {
                    wrong.push(format!("{name}'s {row} is taken now: not an exception"))
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for (task, step, why) in NOT_TAKEN {
        assert!(tasks.contains_key(task), "no task {task} (whose {step} is excused: {why})");
    }
}

#[test]
fn what_a_task_can_do_by_itself_is_all_that_it_does_among_others() {
    let mut taken = 0;
    let all = [Version::V6_12, Version::V3_7, Version::V5_4, Version::V7_3];
    for version in all.into_iter().take(if suite::thorough() { 4 } else { 1 }) {
        let kernel = Kernel::new(version);
        let alone = Alone::on(version).expect("the catalogue reads").calls(kernel, |_| true);
        let step = |call: &Call| {
            let place = call.place().on(version);
            (place.step, place.kernel, call.next().map(|op| std::mem::discriminant(&op)))
        };
        let can: BTreeMap<&str, HashSet<_>> = alone
            .iter()
            .map(|(name, starts)| {
                let rows = rows(starts, version, local::ALL).into_iter();
                let step = |row: Row| {
                    (row.place.step, row.place.kernel, Some(std::mem::discriminant(&row.op)))
                };
                (name.as_str(), rows.map(step).collect())
            })
            .collect();
        let mut known = HashSet::new();
        let on_it = catalogue::all().expect("the catalogue reads").into_iter();
        let on_it = on_it.filter(|l| l.expect.iter().any(|expect| expect.kernel == kernel));
        for litmus in on_it {
            let names = litmus.calls();
            let program = litmus.program(kernel);
            if !is_asked(&program) {
                continue;
            }
            walk(&program, &mut known, |task, call| {
                // Of a thread only the whole is known.
                let name = match names.get(usize::from(task)).map(Vec::as_slice) {
                    Some([name]) => name.as_str(),
                    Some(_) => return,
                    None => "completion",
                };
                let (step, kernel, op) = step(call);
                let can = can.get(name).is_some_and(|can| can.contains(&(step, kernel, op)));
                assert!(can, "{}: {name} alone never takes {step} in {kernel}", litmus.name);
                taken += 1;
            });
        }
    }
    assert!(taken > 5_000, "only {taken} states of tasks were looked at");
}

#[test]
#[ignore = "two minutes; make test-all runs it"]
fn following_more_states_finds_no_other_rows() {
    for version in [Version::V3_7, Version::V6_12] {
        let alone = Alone::on(version).expect("the catalogue reads");
        for (name, starts) in alone.calls(Kernel::new(version), |_| true) {
            let more = rows(&starts, version, 16 * local::ALL);
            assert!(rows(&starts, version, local::ALL) == more, "{name} on {}", version.name());
        }
    }
}
