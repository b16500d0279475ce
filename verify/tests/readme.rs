//! The README is true: its table agrees with the catalogue (whose verdicts other tests check), its
//! litmus test works, and the output it shows is what the program prints.

use diolock::kernel::{Kernel, Version};
use diolock_verify::engine::{EngineName, graph};
use diolock_verify::litmus::{Expected, Litmus, catalogue, parse};
use diolock_verify::program::Memory;
use diolock_verify::verdict::Verdict;
use std::process::Command;

const README: &str = include_str!("../../README.md");

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

#[test]
fn the_table_of_races_agrees_with_the_catalogue() {
    let table = README.split("## What is found").nth(1).expect("the section is there");
    let table = table.split("\n### ").next().expect("it ends");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 15, "only {} rows", rows.len());
    for row in rows {
        let name = row[1].split('`').nth(1).expect("a litmus test");
        let litmus = catalogue::find(name).expect("it is in the catalogue");
        for (cell, version) in row[2..6].iter().zip(Version::ALL) {
            let (whole, without) = known(&litmus, version);
            let mut parts = cell.split(';').map(str::trim);
            let stated = parts.next().unwrap_or_default().replace('*', "");
            let what = format!("{name} on {}", version.name());
            assert_eq!(stated, whole.unwrap_or_else(|| "–".to_owned()), "{what}");
            for part in parts {
                let verdict = part.strip_suffix(" without").expect("`X without`").to_owned();
                assert!(without.contains(&verdict), "{what}: {part}");
            }
        }
        let fix = row[6];
        if fix.len() == 12 && fix.bytes().all(|b| b.is_ascii_hexdigit()) {
            assert!(diolock::kernel::Fix::named(fix).is_some(), "{name}: {fix}");
        }
    }
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

#[test]
fn the_interleaving_shown_is_what_is_printed() {
    let shown = README.split("```\n$ diolock ").nth(1).expect("there is one");
    let shown = shown.split("```").next().expect("it ends");
    let (command, shown) = shown.split_once('\n').expect("a command and its output");
    let output = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(command.split_whitespace())
        .output()
        .expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    let mut rest = printed.as_str();
    for line in shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "...") {
        let at = rest.find(line).unwrap_or_else(|| panic!("not printed: {line:?}\n{printed}"));
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn every_path_named_is_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for path in README.split('`').filter(|word| word.contains('/') && !word.contains(' ')) {
        let is_path = path.starts_with("verify/") || path.starts_with("src/");
        assert!(!is_path || std::path::Path::new(root).join(path).exists(), "{path} is not there");
    }
}

/// That an engine exhausts the others is what the catalogue's cells say.
#[test]
fn the_clean_cells_that_an_engine_does_not_run_are_named() {
    let section = README.split("## What is *not* proved").nth(1).expect("the section is there");
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
