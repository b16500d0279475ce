//! Does the catalogue notice mistakes in the protocol? Each of `mutants/list.toml` is one: a step dropped
//! or swapped, a lock in the wrong mode, a wrong bound.
//!
//! All of them go into one copy of the tree, each behind a number that the environment chooses, so that
//! it is built once. A mutant is noticed if a cell of the catalogue that is as expected without it is not
//! with it.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The copy of the tree asks for its number here.
const VARIABLE: &str = "DIOLOCK_MUTANT";

/// As many of a hundred have to be noticed.
const NOTICED: usize = 91;

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

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else if fs::read(&from).ok() != fs::read(&to).ok() {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

/// The program with all mutants in it.
fn build(files: &[(String, String)]) -> PathBuf {
    let home = root().join("target/mutants");
    let tree = home.join("tree");
    // What is no longer in the tree must not stay.
    let _ = fs::remove_dir_all(tree.join("verify/litmus"));
    for folder in ["src", "verify"] {
        copy(&root().join(folder), &tree.join(folder));
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(root().join(file), tree.join(file)).expect("a copy");
    }
    for (name, text) in files {
        fs::write(tree.join("src").join(name), text).expect("a file");
    }
    let lib = tree.join("src/lib.rs");
    let text = fs::read_to_string(&lib).expect("a file");
    // A guard that is never true leaves names unused.
    fs::write(lib, ["#![allow(warnings)]\n", &text, CHOICE].concat()).expect("a file");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "-q", "--offline", "-p", "diolock-verify", "--bin", "diolock"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", home.join("build"))
        .status()
        .expect("cargo starts");
    assert!(built.success(), "the tree with the mutants builds");
    home.join("build/debug/diolock")
}

fn start(program: &Path, number: usize) -> Child {
    Command::new(program)
        .args(["verify", "--engine", "graph", "--json"])
        .env(VARIABLE, number.to_string())
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("diolock starts")
}

/// The cells of a run, as far as `wanted`, each with whether it is as expected.
fn cells(child: &mut Child, mut wanted: impl FnMut(&str, bool) -> bool) {
    let stdout = child.stdout.take().expect("a pipe");
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let cell: serde_json::Value = serde_json::from_str(&line).expect("an object a line");
        let name = format!("{} on {} without {}", cell["litmus"], cell["kernel"], cell["without"]);
        if !wanted(&name.replace('"', ""), cell["ok"] == true) {
            break;
        }
    }
    let _ = child.kill();
    child.wait().expect("it ended");
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
    let program = build(&files);
    let mut good = BTreeSet::new();
    cells(&mut start(&program, 0), |name, ok| {
        if ok {
            good.insert(name.to_owned());
        }
        true
    });
    assert!(good.len() > 300, "only {} cells are as expected without a mutant", good.len());
    let mut survivors = Vec::new();
    for (at, mutant) in mutants.iter().enumerate() {
        let mut by = None;
        cells(&mut start(&program, at + 1), |name, ok| {
            if !ok && good.contains(name) {
                by = Some(name.to_owned());
            }
            by.is_none()
        });
        let number = at + 1;
        match &by {
            Some(by) => println!("{number:>4}  noticed   {}: {by}", mutant.what),
            None => {
                let same = mutant.same.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                println!("{number:>4}  SURVIVES  {}{same}", mutant.what);
                survivors.push(mutant);
            }
        }
    }
    let noticed = mutants.len() - survivors.len();
    println!("{noticed} of {} noticed", mutants.len());
    assert!(noticed * 100 >= NOTICED * mutants.len(), "{noticed} of {}", mutants.len());
}
