//! Does the catalogue notice mistakes in the protocol? Each of `mutants/list.toml` is one: a step dropped
//! or swapped, a lock in the wrong mode, a wrong bound.
//!
//! All of them go into one copy of the tree, each behind a number that the environment chooses, so that
//! it is built once. A mutant is noticed if a cell of the catalogue that is as expected without it is not
//! with it: on graph, the litmus tests that cost little first, then those with weak memory on loom. One that
//! makes steps commute that do not is also noticed if `commuting_steps` fails, or if shuttle, which takes one
//! order of steps that commute, has another number of traces. Those that nothing can notice (`same`) are
//! counted apart.

use diolock_verify::litmus::catalogue;
use diolock_verify::program::Memory;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The copy of the tree asks for its number here.
const VARIABLE: &str = "DIOLOCK_MUTANT";

/// As many of a hundred have to be noticed, of those that are not the same protocol (`same`).
const NOTICED: usize = 95;

/// Litmus tests with more states than that, all kernels together, are left out: two, which cost what all
/// others do.
const COSTLY: u64 = 100_000;

/// Whether that mutant is to be run: all are, or those whose numbers `DIOLOCK_MUTANTS` has.
fn asked(number: usize) -> bool {
    let some = std::env::var("DIOLOCK_MUTANTS").unwrap_or_default();
    some.is_empty() || some.split(',').any(|one| one.parse() == Ok(number))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    /// What it breaks, in a few words.
    what: String,
    /// Below `src/`.
    file: String,
    /// A piece of the file that is there once, with «» around the expression that changes.
    old: String,
    /// What the expression is changed to.
    new: String,
    /// More places of the same mutant.
    #[serde(default)]
    also: Vec<Place>,
    /// It changes which steps commute, and perhaps nothing else.
    #[serde(default)]
    order: bool,
    /// Why nothing can notice it, of one that is the same protocol.
    #[serde(default)]
    same: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    old: String,
    new: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn list() -> Vec<Mutant> {
    let text = include_str!("../mutants/list.toml");
    toml::from_str::<List>(text).expect("the list of mutants reads").mutant
}

/// Where in a file, and what is put there.
struct Edit {
    start: usize,
    end: usize,
    number: usize,
    new: String,
}

/// The places of a mutant in the text of its file.
fn edits(mutant: &Mutant, number: usize, text: &str) -> Result<Vec<Edit>, String> {
    let first = (mutant.old.as_str(), mutant.new.as_str());
    let others = mutant.also.iter().map(|place| (place.old.as_str(), place.new.as_str()));
    [first]
        .into_iter()
        .chain(others)
        .map(|(old, new)| {
            let wrong = |why: &str| format!("{} ({}): {why}: {old}", mutant.what, mutant.file);
            let (before, rest) = old.split_once('«').ok_or_else(|| wrong("no «"))?;
            let (changed, after) = rest.split_once('»').ok_or_else(|| wrong("no »"))?;
            let whole = [before, changed, after].concat();
            match text.matches(&whole).count() {
                1 => {}
                n => return Err(wrong(&format!("there {n} times"))),
            }
            let start = text.find(&whole).unwrap_or_default() + before.len();
            Ok(Edit { start, end: start + changed.len(), number, new: new.to_owned() })
        })
        .collect()
}

/// The file with all its mutants, the first of which that is asked for replaces an expression.
fn mutated(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut out = String::new();
    let mut at = 0;
    let mut edits = edits.into_iter().peekable();
    while let Some(edit) = edits.next() {
        assert!(edit.start >= at, "mutant {} changes a part of what another one does", edit.number);
        out.push_str(&text[at..edit.start]);
        write!(out, "(if crate::mutant({}) {{ {} }}", edit.number, edit.new).expect("a string");
        while let Some(more) =
            edits.next_if(|next| (next.start, next.end) == (edit.start, edit.end))
        {
            write!(out, " else if crate::mutant({}) {{ {} }}", more.number, more.new)
                .expect("a string");
        }
        write!(out, " else {{ {} }})", &text[edit.start..edit.end]).expect("a string");
        at = edit.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Each file of `src/` that has mutants, with all of them; or every mutant that does not fit.
fn files(mutants: &[Mutant]) -> Result<Vec<(String, String)>, Vec<String>> {
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
    let mut files = Vec::new();
    let mut wrong = Vec::new();
    for name in names {
        let Ok(text) = fs::read_to_string(root().join("src").join(name)) else {
            wrong.push(format!("{name}: no such file"));
            continue;
        };
        let mut all = Vec::new();
        for (at, mutant) in mutants.iter().enumerate().filter(|(_, mutant)| mutant.file == name) {
            match edits(mutant, at + 1, &text) {
                Ok(edits) => all.extend(edits),
                Err(why) => wrong.push(why),
            }
        }
        files.push((name.to_owned(), mutated(&text, all)));
    }
    if wrong.is_empty() { Ok(files) } else { Err(wrong) }
}

const CHOICE: &str = r#"

/// Whether that mutant is asked for.
pub(crate) fn mutant(number: usize) -> bool {
    static ASKED: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let asked = || std::env::var("DIOLOCK_MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    *ASKED.get_or_init(asked) == number
}
"#;

/// Copies what is new, but for some files.
fn copy(from: &Path, to: &Path, but: &BTreeSet<PathBuf>) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to, but);
        } else if !but.contains(&to) {
            write(&to, fs::read(&from).expect("a file"));
        }
    }
}

/// Removes from a copy what is no longer there.
fn forget(from: &Path, copy: &Path) {
    for entry in fs::read_dir(copy).into_iter().flatten().flatten() {
        let (from, copy) = (from.join(entry.file_name()), entry.path());
        match (from.is_dir(), copy.is_dir()) {
            (true, true) => forget(&from, &copy),
            (false, true) => fs::remove_dir_all(copy).expect("a folder"),
            _ if !from.is_file() => fs::remove_file(copy).expect("a file"),
            _ => {}
        }
    }
}

/// Writes what is new, and leaves the time of what is not.
fn write(to: &Path, text: impl AsRef<[u8]>) {
    if fs::read(to).ok().as_deref() != Some(text.as_ref()) {
        fs::write(to, text).expect("a file");
    }
}

/// What is run with a mutant in it.
struct Programs {
    /// The command line.
    diolock: PathBuf,
    /// `tests/commuting_steps.rs`.
    commuting: PathBuf,
}

/// Cargo in the copy of the tree: optimised, with all that we assert.
fn cargo(tree: &Path) -> Vec<serde_json::Value> {
    let checks = ["diolock", "diolock-verify"].map(|name| {
        let table = format!("profile.release.package.{name}");
        [format!("{table}.debug-assertions=true"), format!("{table}.overflow-checks=true")]
    });
    let checks = checks.into_iter().flatten().flat_map(|check| ["--config".to_owned(), check]);
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--no-run", "--test", "commuting_steps", "-p", "diolock-verify"])
        .args(["--release", "--offline", "-q", "--message-format=json"])
        .args(checks)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", root().join("target/mutants/build"))
        .env("CARGO_INCREMENTAL", "1")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&built.stdout);
    let messages: Vec<serde_json::Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if !built.status.success() {
        for message in &messages {
            println!("{}", message["message"]["rendered"].as_str().unwrap_or_default());
        }
        panic!("the tree with the mutants does not build");
    }
    messages
}

fn executable(messages: &[serde_json::Value], name: &str) -> PathBuf {
    let of = |m: &&serde_json::Value| m["target"]["name"] == name && m["executable"].is_string();
    let message = messages.iter().find(of).expect("it was built");
    PathBuf::from(message["executable"].as_str().unwrap_or_default())
}

/// The programs with all mutants in them.
fn build(files: &[(String, String)]) -> Programs {
    let tree = root().join("target/mutants/tree");
    for folder in ["src", "verify", "dpor", "plain"] {
        forget(&root().join(folder), &tree.join(folder));
    }
    let mutated = files.iter().map(|file| file.0.as_str()).chain(["lib.rs"]);
    let mutated: BTreeSet<PathBuf> = mutated.map(|name| tree.join("src").join(name)).collect();
    for folder in ["src", "verify", "dpor", "plain"] {
        copy(&root().join(folder), &tree.join(folder), &mutated);
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root().join(file), tree.join(file)).expect("a copy");
    }
    for (name, text) in files {
        write(&tree.join("src").join(name), text);
    }
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("a file");
    // A guard that is never true leaves names unused.
    write(&tree.join("src/lib.rs"), ["#![allow(warnings)]\n", &lib, CHOICE].concat());
    // With a test cargo builds the command line as well.
    let built = cargo(&tree);
    Programs {
        diolock: executable(&built, "diolock"),
        commuting: executable(&built, "commuting_steps"),
    }
}

/// One line of `diolock verify --json`.
struct Cell {
    litmus: String,
    name: String,
    ok: bool,
    /// Of a search of every trace.
    traces: Option<u64>,
    states: u64,
}

fn start(program: &Path, number: usize, engine: &str, litmus: &[String]) -> Child {
    Command::new(program)
        .args(["verify", "--engine", engine, "--json"])
        .args(litmus)
        .env(VARIABLE, number.to_string())
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("diolock starts")
}

/// The cells of a run, as far as `wanted`.
fn cells(mut child: Child, mut wanted: impl FnMut(Cell) -> bool) {
    let stdout = child.stdout.take().expect("a pipe");
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let cell: serde_json::Value = serde_json::from_str(&line).expect("an object a line");
        let name = format!("{} on {} without {}", cell["litmus"], cell["kernel"], cell["without"]);
        let exhausted = cell["verdict"] == "exhausted";
        let cell = Cell {
            litmus: cell["litmus"].as_str().unwrap_or_default().to_owned(),
            name: name.replace(['"', '[', ']'], "").trim_end_matches(" without ").to_owned(),
            ok: cell["ok"] == true,
            traces: cell["traces"].as_u64().filter(|_| exhausted),
            states: cell["states"].as_u64().unwrap_or(0),
        };
        if !wanted(cell) {
            break;
        }
    }
    let _ = child.kill();
    child.wait().expect("it ended");
}

/// What the catalogue says without a mutant.
struct Good {
    /// Litmus tests for graph, those first that cost little.
    graph: Vec<String>,
    /// Litmus tests with weak memory.
    weak: Vec<String>,
    /// The cells that are as expected, by engine, each with its number of traces.
    cells: BTreeMap<&'static str, BTreeMap<String, Option<u64>>>,
}

impl Good {
    fn new(program: &Path) -> Good {
        let all = catalogue::all().expect("the catalogue reads");
        let (strong, weak): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|litmus| litmus.memory == Memory::Sc);
        let names = |tests: Vec<_>| -> Vec<String> {
            tests.into_iter().map(|litmus: diolock_verify::litmus::Litmus| litmus.name).collect()
        };
        let mut good = Good { graph: names(strong), weak: names(weak), cells: BTreeMap::new() };
        let mut cost: BTreeMap<String, u64> = BTreeMap::new();
        for engine in ["graph", "loom", "shuttle"] {
            let mut seen = BTreeMap::new();
            cells(start(program, 0, engine, good.tests(engine)), |cell| {
                *cost.entry(cell.litmus).or_default() += cell.states;
                if cell.ok {
                    seen.insert(cell.name, cell.traces);
                }
                true
            });
            good.cells.insert(engine, seen);
        }
        good.graph.retain(|name| cost.get(name).is_none_or(|&states| states <= COSTLY));
        good.graph.sort_by_key(|name| cost.get(name).copied());
        let kept: BTreeSet<&str> =
            good.graph.iter().chain(&good.weak).map(String::as_str).collect();
        for seen in good.cells.values_mut() {
            seen.retain(|name, _| name.split(' ').next().is_some_and(|name| kept.contains(name)));
        }
        good
    }

    fn tests(&self, engine: &str) -> &[String] {
        if engine == "loom" { &self.weak } else { &self.graph }
    }

    /// The first cell that is not as without that mutant.
    fn differs(&self, program: &Path, number: usize, engine: &str) -> Option<String> {
        let good = &self.cells[engine];
        let (mut by, mut seen) = (None, 0);
        cells(start(program, number, engine, self.tests(engine)), |cell| {
            let Some(traces) = good.get(&cell.name) else { return true };
            seen += 1;
            if !cell.ok {
                by = Some(cell.name);
            } else if engine == "shuttle" && *traces != cell.traces {
                by = Some(format!("another number of traces of {}", cell.name));
            }
            by.is_none()
        });
        by.or_else(|| (seen < good.len()).then(|| format!("{engine} stops")))
    }
}

/// What notices a mutant.
fn noticed(programs: &Programs, good: &Good, mutant: &Mutant, number: usize) -> Option<String> {
    let catalogue = |engine| good.differs(&programs.diolock, number, engine);
    catalogue("graph").or_else(|| catalogue("loom")).or_else(|| {
        if !mutant.order {
            return None;
        }
        let commuting = Command::new(&programs.commuting)
            .current_dir(root().join("target/mutants/tree/verify"))
            .env(VARIABLE, number.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it starts");
        if commuting.success() { catalogue("shuttle") } else { Some("commuting_steps".to_owned()) }
    })
}

#[test]
fn every_mutant_fits_its_file() {
    if let Err(wrong) = files(&list()) {
        panic!("{}", wrong.join("\n"));
    }
}

#[test]
#[ignore = "builds a copy of the tree, then minutes; make mutants runs it"]
fn the_catalogue_notices() {
    let mutants = list();
    let files = files(&mutants).unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    let programs = build(&files);
    let good = Good::new(&programs.diolock);
    let cells = good.cells["graph"].len();
    assert!(cells > 300, "only {cells} cells are as expected without a mutant");
    let (mut found, mut same) = (0, 0);
    let (mut survivors, mut other) = (Vec::new(), Vec::new());
    for (at, mutant) in mutants.iter().enumerate().filter(|(at, _)| asked(at + 1)) {
        let number = at + 1;
        let by = noticed(&programs, &good, mutant, number);
        match (&by, &mutant.same) {
            (Some(by), None) => {
                println!("{number:>4}  noticed   {}: {by}", mutant.what);
                found += 1;
            }
            (Some(by), Some(_)) => {
                println!("{number:>4}  DIFFERS   {}: {by}", mutant.what);
                other.push(&mutant.what);
            }
            (None, Some(why)) => {
                println!("{number:>4}  the same  {} ({why})", mutant.what);
                same += 1;
            }
            (None, None) => {
                println!("{number:>4}  SURVIVES  {}", mutant.what);
                survivors.push(&mutant.what);
            }
        }
    }
    let others = found + survivors.len();
    println!("{found} of {others} noticed; {same} more are the same protocol");
    assert!(other.is_empty(), "not the same protocol after all: {other:#?}");
    assert!(found * 100 >= NOTICED * others, "{found} of {others}: {survivors:#?}");
}
