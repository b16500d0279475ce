//! The step tables in the docs of the tasks say what the code does: each row is a step that the
//! task's `place` returns, and each is taken by some litmus test.

use diolock::dio_path::Call;
use diolock_verify::engine::graph;
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Program, System};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Task types that have no steps of their own.
const WITHOUT_TABLE: [&str; 2] = ["Call", "Script"];

/// Steps that no litmus test takes: task, step, why.
const NOT_TAKEN: [(&str, &str, &str); 1] =
    [("UringThread", "TaskWork", "the truncate before it waits for it, for ever: that is the bug")];

/// What a source file says of one task.
struct Source {
    file: String,
    /// The steps that `place` names, in order.
    steps: Vec<String>,
    /// The first column of the doc table, if there is one.
    rows: Option<Vec<String>>,
}

/// Every task of the protocol, by the name of its type.
fn tasks() -> BTreeMap<String, Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut tasks = BTreeMap::new();
    for folder in ["dio_path", "extent_probe"] {
        for entry in fs::read_dir(root.join(folder)).expect("the protocol's sources are there") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                continue;
            }
            let file = format!("{folder}/{}", path.file_name().unwrap_or_default().display());
            let text = fs::read_to_string(&path).expect("the source can be read");
            let tables = tables(&text);
            for part in text.split("\nimpl Task for ").skip(1) {
                let name = word(part).to_owned();
                let (steps, rows) = (steps(part), tables.get(&name).cloned());
                tasks.insert(name, Source { file: file.clone(), steps, rows });
            }
        }
    }
    tasks
}

/// The identifier that a text begins with.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The first column of each table `| step | …`, by the type that it documents.
fn tables(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    let mut table: Option<Vec<String>> = None;
    for line in text.lines() {
        if let Some(row) = line.strip_prefix("/// |") {
            let step = row.split('|').next().unwrap_or_default().trim();
            match &mut table {
                Some(_) if step.starts_with("---") => {}
                Some(steps) => steps.push(step.to_owned()),
                None if step == "step" => table = Some(Vec::new()),
                None => {}
            }
        } else if let Some(name) = line.strip_prefix("pub struct ")
            && let Some(steps) = table.take()
        {
            tables.insert(word(name).to_owned(), steps);
        }
    }
    tables
}

/// The steps that the `place` of an implementation names: its strings in the place of a step, and
/// the variants whose step is that of the machine inside.
fn steps(implementation: &str) -> Vec<String> {
    let (_, body) = implementation.split_once("fn place(&self)").expect("a task has a place");
    let (body, _) = body.split_once("\n    }\n").expect("a function ends");
    // Where the kernel function is told apart by itself, its strings are no steps.
    let body = body.split("let kernel =").next().unwrap_or_default();
    let mut steps = Vec::new();
    if let Some((_, list)) = body.split_once("const STEPS")
        && let Some((list, _)) = list.split_once(';').and_then(|(_, list)| list.split_once(';'))
    {
        steps.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    for line in body.lines() {
        let Some((pattern, value)) = line.split_once(" => ") else { continue };
        if pattern.contains("::") && (value.ends_with(".place(),") || value.starts_with("match ")) {
            let variants = pattern.split(" | ").filter_map(|one| one.split_once("::"));
            steps.extend(variants.map(|(_, variant)| word(variant).to_owned()));
        } else if value.trim_start_matches("Place { step: ").starts_with(['"', '(']) {
            steps.extend(value.split('"').nth(1).map(str::to_owned));
        }
    }
    steps.retain(|step| step != "Done");
    steps
}

#[test]
fn every_step_table_has_the_steps_of_the_code() {
    let tasks = tasks();
    let mut wrong = Vec::new();
    for (name, Source { file, steps, rows }) in &tasks {
        let Some(rows) = rows else {
            if !WITHOUT_TABLE.contains(&name.as_str()) {
                wrong.push(format!("{file}: {name} has no step table"));
            }
            continue;
        };
        for step in steps.iter().filter(|step| !rows.contains(step)) {
            wrong.push(format!("{file}: the table of {name} has no row for the step {step}"));
        }
        for row in rows.iter().filter(|row| !steps.contains(row)) {
            wrong.push(format!("{file}: {name} has no step for the row {row}"));
        }
        for (at, row) in rows.iter().enumerate().filter(|(at, row)| rows[..*at].contains(row)) {
            wrong.push(format!("{file}: row {} of {name}'s table is {row} again", at + 1));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let tables = tasks.values().filter(|task| task.rows.is_some()).count();
    assert!(tables >= 11, "only {tables} tables were found");
}

/// Where a task and the machines inside it stand, as type and step: read off its `Debug` text, the
/// only view that tells a machine from the one inside it.
fn stands(call: &Call, tasks: &BTreeMap<String, Source>) -> Vec<(String, String)> {
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
                // Some tasks count their steps.
                let named = step.parse().ok().and_then(|at: usize| tasks[task].steps.get(at));
                let step = named.map_or(step, String::as_str);
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
fn walk(program: &Program, known: &mut HashSet<Call>, mut take: impl FnMut(&Call)) {
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
                    take(call);
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

#[test]
fn every_step_of_every_table_is_taken_by_some_litmus_test() {
    let tasks = tasks();
    let mut taken: BTreeSet<(String, String)> = BTreeSet::new();
    let mut known = HashSet::new();
    for litmus in catalogue::all().expect("the catalogue reads") {
        for expect in &litmus.expect {
            let program = litmus.program(expect.kernel);
            walk(&program, &mut known, |call| taken.extend(stands(call, &tasks)));
        }
    }
    let mut wrong = Vec::new();
    for (name, Source { file, rows, .. }) in &tasks {
        for row in rows.iter().flatten() {
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
