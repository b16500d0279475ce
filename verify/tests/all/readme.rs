//! The README and the pages are true: their tables of races agree with the catalogue (whose verdicts other tests
//! check), the litmus test works, the output shown is what the program prints, and what is linked is there.

use diolock::kernel::{Kernel, Version};
use diolock_verify::engine::{EngineName, graph};
use diolock_verify::litmus::{Expected, Litmus, catalogue, parse};
use diolock_verify::program::Memory;
use diolock_verify::verdict::Verdict;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../../README.md");
const RACES: &str = include_str!("../../docs/races.md");
const LIMITS: &str = include_str!("../../docs/limits.md");

/// Every page for readers, by its path from the root.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("verify/docs")).expect("a folder").flatten();
    let docs = docs.map(|entry| Path::new("verify/docs").join(entry.file_name()));
    let all =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "verify/LITMUS.md"].map(PathBuf::from);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root.join(&path)).expect("a page");
        (path, text)
    };
    all.into_iter().chain(docs).filter(|path| path.extension().is_some()).map(read).collect()
}

/// The words of a cell: `R4` for a broken rule.
fn short(expected: Expected) -> String {
    match expected {
        Expected::Violates(rule) => rule.code().to_owned(),
        other => other.to_string(),
    }
}

/// What the catalogue expects of a version as released, and of it without a fix.
fn known(litmus: &Litmus, version: Version) -> (Option<String>, Vec<String>) {
    let plain = Kernel::new(version);
    let of = |e: &&diolock_verify::litmus::Expect| e.kernel.version == version;
    let rows: Vec<_> = litmus.expect.iter().filter(of).collect();
    let whole = rows.iter().find(|e| e.kernel == plain).map(|e| short(e.expected));
    let without = rows.iter().filter(|e| e.kernel != plain).map(|e| short(e.expected)).collect();
    (whole, without)
}

/// The tables of races in a text: their columns, and their rows.
fn tables(text: &str) -> Vec<(Vec<&str>, Vec<Vec<&str>>)> {
    fn split(line: &str) -> Vec<&str> {
        line.trim_matches('|').split('|').map(str::trim).collect()
    }
    let mut tables: Vec<(Vec<&str>, Vec<Vec<&str>>)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (line.starts_with("| "), inside) {
            (true, false) => tables.push((split(line), Vec::new())),
            (true, true) => tables.last_mut().expect("it began").1.push(split(line)),
            _ => {}
        }
        inside = line.starts_with('|');
    }
    let of_races = |table: &(Vec<&str>, Vec<Vec<&str>>)| {
        table.0[0] == "race" && Version::ALL.iter().any(|v| table.0.contains(&v.name()))
    };
    tables.into_iter().filter(of_races).collect()
}

#[test]
fn the_tables_of_races_agree_with_the_catalogue() {
    let by_hand = RACES.split("<!-- matrix -->").next().unwrap_or_default();
    let mut rows = 0;
    for (columns, table) in [README, by_hand].into_iter().flat_map(tables) {
        for row in table {
            let mut words = row.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
            let litmus = words.find_map(|name| catalogue::find(name).ok());
            let litmus = litmus.unwrap_or_else(|| panic!("no litmus test in {row:?}"));
            let name = &litmus.name;
            rows += 1;
            for (cell, column) in row.iter().zip(&columns) {
                let Some(version) = Version::ALL.into_iter().find(|v| v.name() == *column) else {
                    continue;
                };
                let (whole, without) = known(&litmus, version);
                let mut parts = cell.split(';').map(str::trim);
                let stated = parts.next().unwrap_or_default().replace('*', "");
                let what = format!("{name} on {column}");
                assert_eq!(stated, whole.unwrap_or_else(|| "–".to_owned()), "{what}");
                for part in parts {
                    let verdict = part.strip_suffix(" without").expect("`X without`").to_owned();
                    assert!(without.contains(&verdict), "{what}: {part}");
                }
            }
            let fix = row[row.len() - 1];
            if fix.len() == 12 && fix.bytes().all(|b| b.is_ascii_hexdigit()) {
                assert!(diolock::kernel::Fix::named(fix).is_some(), "{name}: {fix}");
            }
        }
    }
    assert!(rows >= 20, "only {rows} rows");
}

#[test]
fn the_litmus_test_shown_holds() {
    let text = README.split("```toml\n").nth(1).expect("there is one");
    let text = text.split("```").next().expect("it ends");
    let litmus = parse::parse("readme", "README.md", text).expect("it reads");
    for expect in &litmus.expect {
        let report = graph::run(&litmus.program(expect.kernel), graph::Options::default());
        let found = match report.verdict {
            Verdict::Exhausted => "never".to_owned(),
            Verdict::Violated(rule) => rule.code().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(found, short(expect.expected), "{}", expect.kernel);
    }
}

/// On every page, but for what only a mounted ext4 or a real kernel can print; lines of dots stand for any.
#[test]
fn what_pages_show_is_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut ran = 0;
    for (page, text) in pages() {
        for block in text.split("\n```").skip(1).step_by(2) {
            let Some((command, shown)) =
                block.split_once("$ diolock ").and_then(|(_, shown)| shown.split_once('\n'))
            else {
                continue;
            };
            if command.starts_with("run ") || command.starts_with("confirm ") {
                continue;
            }
            let output = Command::new("sh")
                .args(["-c", &format!("exec \"$0\" {command}"), env!("CARGO_BIN_EXE_diolock")])
                .current_dir(&root)
                .output()
                .expect("it runs");
            let printed = String::from_utf8(output.stdout).expect("text");
            let mut rest = printed.as_str();
            let dots = |line: &str| ["", "...", "…"].contains(&line.trim());
            for line in shown.lines().filter(|line| !dots(line)) {
                let at = rest.find(line).unwrap_or_else(|| {
                    panic!("{}: {command} does not print {line:?}\n{printed}", page.display())
                });
                rest = &rest[at + line.len()..];
            }
            ran += 1;
        }
    }
    assert!(ran >= 2, "only {ran}");
}

#[test]
fn every_path_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (page, text) in pages().iter().filter(|(page, _)| page != Path::new("CHANGELOG.md")) {
        for path in text.split('`').filter(|word| word.contains('/') && !word.contains(' ')) {
            let is_path = path.starts_with("verify/") || path.starts_with("src/");
            assert!(
                !is_path || root.join(path).exists(),
                "{}: {path} is not there",
                page.display()
            );
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut links = 0;
    for (page, text) in pages() {
        let folder = root.join(&page).parent().expect("a folder").to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            links += 1;
            let (path, _) = target.split_once('#').unwrap_or((target, ""));
            assert!(folder.join(path).exists(), "{}: {target} leads nowhere", page.display());
        }
    }
    assert!(links > 100, "only {links}");
}

#[test]
fn the_readme_is_one_that_is_read() {
    let lines = README.lines().count();
    assert!(lines <= 180, "{lines} lines");
}

/// That an engine exhausts the others is what the catalogue's cells say.
#[test]
fn the_clean_cells_that_an_engine_does_not_run_are_named() {
    let section = LIMITS;
    for engine in [EngineName::Loom, EngineName::Shuttle] {
        let start = format!("**{}**", engine.name());
        let bullet = section.split("\n* ").find(|bullet| bullet.starts_with(&start));
        let bullet = bullet.expect("it has a bullet");
        let mut named: Vec<&str> = bullet.split('`').skip(1).step_by(2).collect();
        let mut left_out = Vec::new();
        for litmus in catalogue::all().expect("the catalogue reads") {
            let skips = |expect: &diolock_verify::litmus::Expect| {
                expect.expected == Expected::Never
                    && !expect.engines.is_empty()
                    && !expect.engines.contains(&engine)
            };
            let weak = litmus.memory == Memory::C11;
            if !(weak && engine == EngineName::Shuttle) && litmus.expect.iter().any(skips) {
                left_out.push(litmus.name);
            }
        }
        named.sort_unstable();
        assert_eq!(named, left_out, "{}", engine.name());
    }
}
