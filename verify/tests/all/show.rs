//! `diolock show`: the list is what the exhaustive search covered, and every line of it runs.

use diolock::kernel::{Kernel, Version};
use diolock::op::{Mode, Op};
use diolock_verify::engine::{graph, shuttle};
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Program, System};
use diolock_verify::schedule::{self, Schedule};
use diolock_verify::trace::TraceHash;
use diolock_verify::traces::{self, Traces};
use diolock_verify::verdict::Verdict;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::process::{Command, Output, Stdio};

/// Each program of the catalogue whose traces can be listed and are few, and whether nothing should go wrong.
fn programs() -> Vec<(Program, bool)> {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let cells = litmuses.iter().flat_map(|litmus| {
        litmus.expect.iter().map(|e| (litmus.program(e.kernel), !e.expected.goes_wrong()))
    });
    cells
        .filter(|(program, _)| shuttle::unfit(program).is_none())
        // Those with more have too many traces to list one by one here.
        .filter(|(program, _)| graph::fewer_states_than(600, program))
        .collect()
}

fn list(program: &Program) -> Traces {
    traces::list(program, None, |_| ControlFlow::Continue(())).expect("it can be listed")
}

/// A program of v3.7.
fn program(name: &str) -> Program {
    catalogue::find(name).expect("it is in the catalogue").program(Kernel::new(Version::V3_7))
}

fn show(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.arg("show").args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command.output().expect("diolock starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = show(arguments);
    let message = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?} prints nothing but its message");
    for word in words {
        assert!(message.contains(word), "{arguments:?} should say {word:?}: {message}");
    }
}

#[test]
fn the_list_is_what_the_exhaustive_search_saw() {
    let mut clean = 0;
    let mut four_tasks = 0;
    for (program, never) in programs() {
        let what = format!("{} on {}", program.litmus, program.kernel);
        let options = shuttle::Options { traces: true, ..shuttle::Options::exhaustive() };
        let seen = shuttle::explore(&program, &shuttle::Options { keep_going: true, ..options });
        let list = list(&program);
        assert_eq!(list.partial, None, "{what}");
        assert_eq!(list.executions, seen.report.executions, "{what}");
        let hashes: BTreeSet<u64> = list.traces.iter().map(|trace| trace.hash).collect();
        assert_eq!(hashes.len(), list.traces.len(), "{what}: each trace once");
        assert_eq!(hashes, &seen.report.trace_set | &seen.stuck, "{what}");
        if never {
            let verdict = shuttle::run(&program, &shuttle::Options::exhaustive());
            assert_eq!(verdict.traces, Some(list.traces.len() as u64), "{what}");
            assert!(list.traces.iter().all(|trace| trace.wrong.is_none()), "{what}");
            clean += 1;
            four_tasks += u32::from(program.calls.len() >= 4);
        } else {
            let wrong = list.traces.iter().any(|trace| trace.wrong.is_some());
            assert!(wrong || list.cycle.is_some(), "{what}: somewhere it goes wrong");
        }
    }
    assert!(clean > 40 && four_tasks > 3, "{clean} clean ones, {four_tasks} of four tasks");
}

/// The tasks that letters and counts stand for.
fn expanded(program: &Program, letters: &str) -> Vec<diolock::op::TaskId> {
    let mut schedule = Vec::new();
    let mut rest = letters;
    while let Some(letter) = rest.chars().next() {
        let task = program.names.iter().position(|name| name.letter == letter);
        let digits = rest[1..].chars().take_while(char::is_ascii_digit).count();
        let count = if digits == 0 { 1 } else { rest[1..=digits].parse().expect("a number") };
        schedule.extend(vec![task.expect("a task's letter") as diolock::op::TaskId; count]);
        rest = &rest[1 + digits..];
    }
    schedule
}

#[test]
fn every_line_runs_on_the_reference_semantics_to_its_trace() {
    let mut lines = 0;
    for (program, _) in programs() {
        for trace in list(&program).traces {
            let letters = trace.letters(&program);
            let what = format!("{} on {}: {letters}", program.litmus, program.kernel);
            let mut system = System::new(&program);
            let mut hash = TraceHash::new(program.calls.len());
            for task in expanded(&program, &letters) {
                let mut op = system.next(task).expect("it has a step");
                // A writer that has to wait takes its place first.
                if let Op::Lock(lock, Mode::Exclusive) = op
                    && system.inode.blocked(task, &op).is_some()
                {
                    op = Op::Queue(lock);
                }
                let event = system.perform(task, op).unwrap_or_else(|_| panic!("{what}: waits"));
                hash.observe(&event);
            }
            assert_eq!(hash.get(), trace.hash, "{what}");
            let (_, wrong) = trace.wrong.clone().unzip();
            let stuck = trace.outcome.iter().any(|o| o.contains("locked: "));
            assert_eq!(system.finished(), !stuck, "{what}: {wrong:?}");
            lines += 1;
        }
    }
    assert!(lines > 6_000, "only {lines} lines");
}

#[test]
fn every_line_replays_to_what_the_list_says() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for litmus in litmuses.iter().filter(|litmus| litmus.name != "four-overwrites-truncate") {
        for expect in &litmus.expect {
            let program = litmus.program(expect.kernel);
            if shuttle::unfit(&program).is_some() || !graph::fewer_states_than(600, &program) {
                continue;
            }
            for trace in list(&program).traces {
                let letters = trace.letters(&program);
                let what = format!("{} on {}: {letters}", program.litmus, program.kernel);
                let schedule = Schedule::parse("the list", &letters, litmus).expect("it reads");
                let replay = schedule::replay(&program, &schedule);
                let end = replay.end.word();
                let said = match &trace.wrong {
                    None => "clean".to_owned(),
                    Some((Verdict::Violated(rule), _)) => format!("violated {}", rule.code()),
                    Some((verdict, _)) => verdict.word().to_owned(),
                };
                assert_eq!(end, said, "{what}: {:?}", replay.end);
                *ends.entry(end).or_default() += 1;
            }
        }
    }
    for end in ["clean", "deadlocked", "livelocked", "violated R4"] {
        assert!(ends.contains_key(end), "{ends:?}");
    }
}

#[test]
fn two_runs_print_the_same_plain_lines() {
    for name in ["two-overwrites-truncate-read", "second-read-behind-truncate"] {
        let (first, second) = (show(&[name, "--traces"]), show(&[name, "--traces"]));
        assert_eq!(first.status.code(), Some(0));
        assert_eq!(first.stdout, second.stdout, "{name}");
        assert!(
            first.stdout.is_ascii() && !first.stdout.contains(&0x1b) && first.stderr.is_empty()
        );
        assert!(out(&first).lines().all(|line| line.len() <= 100), "{}", out(&first));
    }
}

#[test]
fn the_list_says_what_it_is_a_list_of() {
    let text = out(&show(&["truncate-vs-aio-overwrite", "--kernel", "v3.6", "--traces"]));
    let head = text.lines().next().expect("a heading");
    assert!(head.starts_with("truncate-vs-aio-overwrite on v3.6: "), "{text}");
    assert!(head.contains(" traces, ") && head.contains(" exhausted in "), "{text}");
    assert!(text.contains("violated R6"), "{text}");
    let text = out(&show(&["overwrite-truncate-read", "--traces"]));
    assert!(text.starts_with("overwrite-truncate-read on v3.7: 33 traces, "), "{text}");
    assert!(text.contains("R read old data") && text.contains("i_size 1, disk 0"), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.trim_start().starts_with(char::is_numeric)).count(),
        33
    );
    let text = out(&show(&["second-read-of-data-sem", "--traces"]));
    assert!(text.starts_with("second-read-of-data-sem on "), "{text}");
}

#[test]
fn json_has_a_line_for_each_trace() {
    let program = program("overwrite-truncate-read");
    let output = show(&["overwrite-truncate-read", "--traces", "--json"]);
    let hashes: BTreeSet<String> = out(&output)
        .lines()
        .zip(1_u64..)
        .map(|(line, n)| {
            let line: Value = serde_json::from_str(line).expect("each line is JSON");
            assert_eq!(line["n"], n);
            assert!(!expanded(&program, line["schedule"].as_str().expect("letters")).is_empty());
            assert!(line["outcome"].as_str().is_some_and(|text| text.contains("i_size")));
            line["hash"].as_str().expect("a hash").to_owned()
        })
        .collect();
    assert_eq!(hashes.len(), 33);
    assert!(hashes.iter().all(|hash| hash.len() == 16));
}

#[test]
fn a_trace_is_shown_with_a_lane_for_each_task() {
    let list = out(&show(&["overwrite-truncate-read", "--traces"]));
    let line = list.lines().find(|line| line.starts_with("12  ")).expect("the list has it");
    let letters = line.split_whitespace().nth(1).expect("letters");
    let text = out(&show(&["overwrite-truncate-read", "--trace", "12"]));
    assert!(text.starts_with("overwrite-truncate-read on v3.7: trace 12 of 33\n"), "{text}");
    for word in ["W pwrite(0,1)", "locks held", &format!("--schedule {letters}\n")] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let text = out(&show(&["truncate-vs-aio-unwritten", "--kernel", "v3.6", "--trace", "2"]));
    assert!(text.contains("livelocked: ") && text.contains(" waits for "), "{text}");
}

#[test]
fn a_cut_list_says_so_and_exits_1() {
    let output = show(&["two-overwrites-truncate-read", "--traces", "--limit", "5"]);
    assert_eq!(output.status.code(), Some(1));
    let text = out(&output);
    assert!(text.starts_with("PARTIAL: 5 traces") && !text.contains("exhausted"), "{text}");
    let output = show(&["two-overwrites-truncate-read", "--traces", "--limit", "5", "--json"]);
    assert_eq!((output.status.code(), out(&output).lines().count()), (Some(1), 5));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("PARTIAL: 5 traces"));
    let output = show(&["two-overwrites-truncate-read", "--traces", "--limit", "312"]);
    assert_eq!(output.status.code(), Some(0), "there are no more: nothing is cut");
}

#[test]
fn what_cannot_be_shown_is_bad_input() {
    let name = "overwrite-truncate-read";
    refused(&[name], &["--traces", "--trace"]);
    refused(&[name, "--traces", "--trace", "1"], &["cannot be used with"]);
    refused(&[name, "--trace", "0"], &["no trace 0", "there are 33 traces, 1 to 33"]);
    refused(&[name, "--trace", "34"], &["no trace 34", "there are 33 traces, 1 to 33"]);
    refused(&[name, "--trace", "x"], &["'x'"]);
    refused(&[name, "--traces", "--kernel", "v3.8"], &["no kernel 'v3.8'", "mean v3."]);
    refused(
        &[name, "--traces", "--kernel", "v3.6", "--without", "1f555cfa29e8"],
        &["came with v3.7"],
    );
    refused(&[name, "--traces", "--limit", "0"], &["--limit"]);
    refused(&[name, "--traces", "--perfetto", "x.json"], &["--perfetto"]);
    refused(&[name, "--trace", "1", "--json"], &["--json"]);
    refused(&[name, "--trace", "1", "--limit", "3"], &["--limit"]);
    refused(
        &["overwrite-truncate-red", "--traces"],
        &["did you mean overwrite-", "`diolock list`"],
    );
    refused(&["gate-fences", "--traces"], &["cannot be listed", "loom"]);
    refused(&["endless-truncate", "--traces"], &["cannot be listed", "graph"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("none/trace.json").display().to_string();
    refused(&[name, "--trace", "1", "--perfetto", &file], &["cannot be written"]);
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(["show", "unaligned-aio-pair", "--without", "e9e3bcecf44c", "--traces"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("diolock starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(141), "not everything was said");
}

#[cfg(unix)]
#[test]
fn ctrl_c_lists_what_there_is() {
    // The first step on stderr says that it runs; all of them take a while.
    let mut child = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(["show", "four-overwrites-truncate", "--traces"])
        .env("RUST_LOG", "diolock::step=trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("diolock starts");
    let mut steps = BufReader::new(child.stderr.take().expect("a pipe"));
    steps.read_line(&mut String::new()).expect("a step");
    std::thread::spawn(move || std::io::copy(&mut steps, &mut std::io::sink()));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill starts").success());
    let output = child.wait_with_output().expect("it ends");
    let text = out(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.starts_with("PARTIAL: ") && text.contains("(stopped by SIGINT)"), "{text}");
    assert!(text.lines().any(|line| line.trim_start().starts_with("1  ")), "{text}");
}
