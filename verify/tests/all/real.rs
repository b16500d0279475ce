//! `diolock run`: which litmus tests a real kernel can carry out, what the model allows of them, and that a model
//! that is wrong is told so. What needs ext4 says so and passes where there is none.
#![cfg(target_os = "linux")]

use diolock::kernel::{Kernel, Version};
use diolock_verify::condition::{Answer, Cell};
use diolock_verify::engine::{graph, shuttle};
use diolock_verify::litmus::{Expect, Expected, Litmus, catalogue};
use diolock_verify::program::{Program, System};
use diolock_verify::real::{
    self, Allowed, Back, Compared, Held, Options, Outcome, Place, Seen, Standing, Told,
};
use diolock_verify::rule::told;
use diolock_verify::traces;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fn litmus(name: &str) -> Litmus {
    catalogue::find(name).expect("it is in the catalogue")
}

fn allowed(litmus: &Litmus) -> Allowed {
    let program = litmus.program(Kernel::new(Version::V6_12));
    real::allowed(&program, litmus.tasks.len(), 200_000, &AtomicBool::new(false))
}

fn words(litmus: &Litmus, outcomes: &BTreeSet<Outcome>) -> Vec<String> {
    let program = litmus.program(Kernel::new(Version::V6_12));
    outcomes.iter().map(|outcome| outcome.words(&program)).collect()
}

/// Files made by tests go there: `None` if that is not on ext4, which is said.
fn place() -> Option<Place> {
    match Place::new(Path::new(env!("CARGO_TARGET_TMPDIR"))) {
        Ok(place) => Some(place),
        Err(why) => {
            eprintln!("not tested: {why}");
            None
        }
    }
}

fn diolock(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.arg("run").args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command.output().expect("diolock starts")
}

fn refused(arguments: &[&str], says: &str) {
    let output = diolock(arguments);
    let message = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(message.contains(says), "{arguments:?} should say {says:?}: {message}");
    assert!(output.stdout.is_empty());
}

/// Few rounds, of delays that are the same each time.
fn few(rounds: u32) -> Options {
    Options { time: Duration::from_secs(60), rounds: Some(rounds), seed: 1, still: false }
}

fn seen(place: &Place, litmus: &Litmus, rounds: u32) -> Seen {
    let run = real::run(place, litmus, &few(rounds), &AtomicBool::new(false), |_| {});
    run.unwrap_or_else(|error| panic!("{}: {error}", litmus.name))
}

/// The same test as the directory's file system would have it.
fn there(place: &Place, litmus: Litmus) -> Litmus {
    Litmus { journal: place.journal.unwrap_or(litmus.journal), ..litmus }
}

#[test]
fn what_is_allowed_is_what_may_be_seen_of_each_execution_whatever_rule_it_breaks() {
    let stale = litmus("stale-tail");
    let found = allowed(&stale);
    assert_eq!(found.partial, None);
    assert!(!found.stuck);
    assert_eq!(
        words(&stale, &found.outcomes),
        [
            "i_size 2; file old, W; R read old",
            "i_size 2; file old, W; R read old, zeros",
            "i_size 2; file old, W; R read old, W",
        ]
    );
    let aio = litmus("buffered-write-vs-aio");
    let found = words(&aio, &allowed(&aio).outcomes);
    assert!(found.contains(&"i_size 1; file B + old".to_owned()), "{found:?}");
}

/// What calls were told, in words that outcomes and answers have in common.
fn told_words(program: &Program, told: &[Vec<Told>]) -> String {
    let call = |told: &Told| {
        let half = |(at, held): &(u32, Held)| format!("{at} {}", held.words(program));
        let read: Vec<String> = told.read.iter().map(half).collect();
        let back = match &told.back {
            Back::Error(name) => name.clone(),
            back => format!("{back:?}").to_lowercase(),
        };
        format!("{back}: {}", read.join(", "))
    };
    let task = |calls: &Vec<Told>| calls.iter().map(call).collect::<Vec<_>>().join("; ");
    told.iter().map(task).collect::<Vec<_>>().join(" | ")
}

/// The same of answers.
fn answer_words(program: &Program, answers: &[Vec<Answer>]) -> String {
    // What was read from a device tells whose it is, and not of which of his calls.
    let name = |task| (program.task(task).0, 1);
    let call = |answer: &Answer| {
        let of_block = |&(block, cells): &(u32, [Cell; 2])| {
            let halves = (2 * block..).zip(cells).filter(|(_, cell)| *cell != Cell::Nothing);
            halves.map(|(at, cell)| format!("{at} {}", cell.words(name))).collect::<Vec<_>>()
        };
        let read: Vec<String> = answer.read.iter().flat_map(of_block).collect();
        format!("{}: {}", answer.returned.name(), read.join(", "))
    };
    let task = |calls: &Vec<Answer>| calls.iter().map(call).collect::<Vec<_>>().join("; ");
    answers.iter().map(task).collect::<Vec<_>>().join(" | ")
}

#[test]
fn what_is_allowed_is_what_some_trace_ends_with() {
    let v6_12 = Kernel::new(Version::V6_12);
    let mut asked = 0;
    for litmus in catalogue::all().expect("the catalogue reads") {
        let clean = |e: &Expect| e.kernel == v6_12 && e.expected == Expected::Never;
        let program = Program { torn: true, ..litmus.program(v6_12) };
        if !litmus.expect.iter().any(clean)
            || shuttle::unfit(&program).is_some()
            || !graph::fewer_states_than(300, &program)
        {
            continue;
        }
        let tasks = litmus.tasks.len();
        let traces = traces::list(&program, None, |_| ControlFlow::Continue(()));
        let mut ends = BTreeSet::new();
        for trace in traces.expect("it can be listed").traces {
            let events = trace.events(&program);
            let mut system = System::new(&program);
            for event in &events {
                system.perform(event.task, event.op.clone()).expect("it ran so");
            }
            if system.finished() {
                let told = answer_words(&program, &told(&program, &events)[..tasks]);
                ends.insert((system.inode.size().in_halves(), told));
            }
        }
        let outcomes = allowed(&litmus).outcomes;
        let found: BTreeSet<_> =
            outcomes.iter().map(|o| (o.size, told_words(&program, &o.told))).collect();
        assert_eq!(found, ends, "{}", litmus.name);
        asked += 1;
    }
    assert!(asked > 20, "{asked} tests");
}

#[test]
fn a_model_that_is_given_up_knows_less_and_says_so() {
    let litmus = litmus("stale-tail");
    let program = litmus.program(Kernel::new(Version::V6_12));
    let part = real::allowed(&program, 2, 20, &AtomicBool::new(false));
    assert_eq!(part.partial.as_deref(), Some("20 states"));
    let whole = allowed(&litmus);
    let unknown = whole.outcomes.difference(&part.outcomes).next().expect("it knows less");
    assert_eq!(part.standing(unknown), Standing::Unknown);
}

#[test]
fn what_is_refused_has_a_reason_and_most_tests_of_v6_12_are_not() {
    let all = catalogue::all().expect("the catalogue reads");
    let v6_12 = Kernel::new(Version::V6_12);
    let spoken: Vec<&Litmus> =
        all.iter().filter(|l| l.expect.iter().any(|e| e.kernel == v6_12)).collect();
    let can = spoken.iter().filter(|litmus| real::refused(litmus).is_none()).count();
    assert!(can >= 120, "{can} of {}", spoken.len());
    for (name, says) in [
        ("gate-fences", "memory orders"),
        ("drain-wake-up", "memory orders"),
        ("drain-join-before-look", "taken apart"),
        ("endless-truncate", "never ends"),
        ("time-update-vs-commit", "for the kernel to choose"),
    ] {
        let why = real::refused(&litmus(name)).unwrap_or_default();
        assert!(why.contains(says), "{name} should say {says:?}: {why}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_in_words() {
    let here = env!("CARGO_TARGET_TMPDIR");
    refused(&["stale-tail", "--dir", "/proc"], "not on ext4");
    refused(&["stale-tail", "--dir", "/nowhere/at/all"], "No such file");
    refused(&["stale-tail", "--dir", "/proc/version"], "not a directory");
    refused(&["stale-tale", "--dir", here], "did you mean stale-tail?");
    refused(&["stale-tail", "--dir", here, "--kernel", "v6.13"], "no kernel");
    refused(&["stale-tail", "--dir", here, "--rounds", "0"], "0 is not in");
    if place().is_some() {
        refused(&["gate-fences", "--dir", here], "memory orders");
        refused(&["endless-truncate", "--dir", here, "--kernel", "v3.7"], "never ends");
    }
}

#[test]
fn the_kernel_that_runs_here_is_held_against_the_model_and_no_file_stays() {
    let Some(place) = place() else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let dir = folder.path().to_str().expect("text");
    let output = diolock(&[
        "read-truncate-extend",
        "aio-then-truncate",
        "gate-fences",
        "--dir",
        dir,
        "--rounds",
        "20",
        "--json",
    ]);
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for line in &lines[..2] {
        assert_eq!(line["rounds"], 20);
        assert_eq!(line["running"], place.release.as_str());
        let seen = line["outcomes"].as_array().expect("a list").iter();
        assert_eq!(seen.filter_map(|one| one["rounds"].as_u64()).sum::<u64>(), 20);
    }
    assert!(lines[2]["refused"].as_str().expect("a reason").contains("memory orders"));
    assert_eq!(std::fs::read_dir(dir).expect("it reads").count(), 0, "files are left");
}

#[test]
fn a_signal_leaves_a_part_that_says_so_and_no_file() {
    if place().is_none() {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let dir = folder.path().to_str().expect("text");
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.args(["run", "aio-then-truncate", "--seconds", "300", "--dir", dir]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let child = command.spawn().expect("diolock starts");
    let files = || std::fs::read_dir(dir).expect("it reads").flatten().map(|e| e.file_name());
    let mut made = BTreeSet::new();
    let start = Instant::now();
    // The first file is there to try the directory out; one more means that rounds are run.
    while made.len() < 2 && start.elapsed() < Duration::from_secs(60) {
        made.extend(files());
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(made.len() > 1, "no round was run");
    assert_eq!(output.status.code(), Some(143), "{text}");
    assert!(text.contains("PARTIAL: stopped by SIGTERM"), "{text}");
    assert_eq!(files().count(), 0, "files are left");
}

#[test]
fn every_layout_is_made_as_it_is_written_down() {
    let Some(place) = place() else { return };
    let all = catalogue::all().expect("the catalogue reads");
    let mut made = BTreeSet::new();
    for litmus in all.iter().filter(|litmus| real::refused(litmus).is_none()) {
        let file = format!(
            "{} {:?} {} {} {:?} {}",
            litmus.size,
            litmus.extents,
            litmus.cached_pages,
            litmus.dirty,
            litmus.disksize,
            litmus.setup.len()
        );
        if made.insert(file) {
            // Every one of the first rounds' files is looked at.
            seen(&place, litmus, 2);
        }
    }
    assert!(made.len() > 30, "{} layouts", made.len());
}

#[test]
fn a_model_that_lacks_what_the_kernel_does_is_wrong() {
    let Some(place) = place() else { return };
    for name in ["aio-read-vs-truncate", "append-vs-truncate", "stale-tail"] {
        let litmus = there(&place, litmus(name));
        let whole = allowed(&litmus);
        let seen = seen(&place, &litmus, 60).outcomes;
        assert!(!seen.is_empty());
        for outcome in seen.keys() {
            let mut without = whole.clone();
            without.outcomes.remove(outcome);
            let compared = Compared::new(&seen, &without);
            let wrong: Vec<&Outcome> = compared
                .lines
                .iter()
                .filter(|line| line.standing == Standing::NotAllowed && line.rounds > 0)
                .map(|line| &line.outcome)
                .collect();
            assert!(wrong.contains(&outcome), "{name}: {outcome:?} is not missed");
        }
    }
}

#[test]
fn what_moves_in_parts_counts_for_what_the_model_moves_as_a_whole() {
    let stale = litmus("stale-tail");
    let whole = allowed(&stale);
    let new = whole.outcomes.last().expect("there is one").clone();
    assert_eq!(
        words(&stale, &BTreeSet::from([new.clone()])),
        ["i_size 2; file old, W; R read old, W"]
    );
    let read = |lower: Held, upper: Held| {
        let mut outcome = new.clone();
        outcome.told[1][0].read[2].1 = lower;
        outcome.told[1][0].read[3].1 = upper;
        outcome
    };
    let both = || Held::Mixed(BTreeSet::from([Held::Zeros, Held::Of(0)]));
    assert_eq!(whole.standing(&read(Held::Of(0), Held::Zeros)), Standing::Torn);
    assert_eq!(whole.standing(&read(Held::Of(0), both())), Standing::Torn);
    assert_eq!(whole.standing(&read(Held::Old, Held::Old)), Standing::NotAllowed);
    // Where halves are told apart, one does not count for the other.
    let litmus = litmus("stale-tail-inside-a-block");
    let whole = allowed(&litmus);
    assert!(words(&litmus, &whole.outcomes).iter().any(|words| words.contains(" + ")));
    let mut seen = whole.outcomes.last().expect("there is one").clone();
    let told = seen.told.iter_mut().flatten().find(|told| told.read.len() == 2);
    told.expect("a read of a block").read.swap_with_slice(&mut [(0, Held::Stale), (1, Held::Old)]);
    assert_eq!(whole.standing(&seen), Standing::NotAllowed);
}

#[test]
fn what_is_seen_and_what_is_allowed_stand_side_by_side() {
    let whole = allowed(&litmus("stale-tail"));
    let first = whole.outcomes.first().expect("there is one").clone();
    let seen = BTreeMap::from([(first.clone(), 7)]);
    let compared = Compared::new(&seen, &whole);
    assert_eq!(compared.lines.len(), whole.outcomes.len());
    assert_eq!((&compared.lines[0].outcome, compared.lines[0].rounds), (&first, 7));
    assert_eq!(compared.seen(Standing::Allowed), 1);
    assert_eq!(compared.seen(Standing::NotAllowed), 0);
}
