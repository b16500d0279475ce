//! An exported trace can be loaded by a trace viewer, and says what happened.

use diolock_verify::engine::{graph, shuttle};
use diolock_verify::litmus::catalogue;
use diolock_verify::program::Program;
use diolock_verify::report::perfetto;
use diolock_verify::traces::{self, Trace};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output};

fn list(program: &Program) -> Vec<Trace> {
    traces::list(program, None, |_| ControlFlow::Continue(())).expect("it can be listed").traces
}

/// What a trace viewer needs: names, times that do not go back, and an end for each beginning.
fn check(program: &Program, schedule: &[diolock::op::TaskId], text: &str) {
    let file: Value = serde_json::from_str(text).expect("it is JSON");
    let entries = file["traceEvents"].as_array().expect("a list of events");
    let mut named = BTreeSet::new();
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut open: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    let mut alone: BTreeMap<String, Vec<(u64, u64, bool)>> = BTreeMap::new();
    let mut steps = Vec::new();
    for entry in entries {
        let number = |key: &str| entry[key].as_u64().expect("a number");
        let name = entry["name"].as_str().expect("a name").to_owned();
        let (pid, tid, ts) = (number("pid"), number("tid"), number("ts"));
        match entry["ph"].as_str().expect("a phase") {
            "M" if name == "thread_name" => {
                let task = &program.names[tid as usize - 1];
                assert_eq!(entry["args"]["name"], task.text.as_str());
                assert!(named.insert(tid), "a name for each");
            }
            "M" => {}
            "X" => {
                assert!(named.contains(&tid), "the name comes first");
                assert_eq!((pid, number("dur")), (1, 1));
                assert!(last.insert(tid, ts).is_none_or(|before| before < ts));
                let args = &entry["args"];
                assert!(args["step"].is_string() && args["kernel"].is_string());
                assert!(args["held"].is_string());
                steps.push((ts, (tid - 1) as diolock::op::TaskId));
            }
            "b" => {
                open.entry(entry["id"].to_string()).or_default().push((name, ts));
            }
            "e" => {
                let holds = open.get_mut(&entry["id"].to_string()).expect("it has begun");
                let (begun, from) = holds.pop().expect("it has begun");
                assert_eq!(begun, name, "what begins last ends first");
                let (lock, _) = name.split_once(": ").expect("a lock");
                let shared = lock.strip_suffix(" R");
                let lock = shared.unwrap_or(lock).to_owned();
                alone.entry(lock).or_default().push((from, ts, shared.is_some()));
            }
            "C" => assert!(entry["args"]["i_dio_count"].is_i64()),
            other => panic!("{other} is no phase"),
        }
    }
    assert!(open.values().all(Vec::is_empty), "each beginning has its end");
    let wanted: Vec<(u64, diolock::op::TaskId)> = (1..).zip(schedule.iter().copied()).collect();
    assert_eq!(steps, wanted, "one slice a step, in order");
    for holds in alone.values() {
        for (at, a) in holds.iter().enumerate() {
            for b in &holds[at + 1..] {
                assert!(a.2 && b.2 || a.1 <= b.0 || b.1 <= a.0, "a lock held by two");
            }
        }
    }
}

#[test]
fn every_trace_can_be_exported() {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let all = litmuses.iter().flat_map(|l| l.expect.iter().map(|e| l.program(e.kernel)));
    let mut checked = 0;
    let fits = |program: &Program| {
        shuttle::unfit(program).is_none() && graph::fewer_states_than(300, program)
    };
    for program in all.filter(fits) {
        for trace in list(&program).iter().take(200) {
            let events = trace.events(&program);
            let text = perfetto(&program, &events);
            check(&program, &trace.schedule, &text);
            assert_eq!(text, perfetto(&program, &events));
            checked += 1;
        }
    }
    assert!(checked > 1_000, "only {checked}");
}

fn write(file: &Path, number: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.args(["show", "overwrite-truncate-read", "--kernel", "v3.7", "--trace", number]);
    command.arg("--perfetto").arg(file).output().expect("diolock starts")
}

#[test]
fn a_trace_is_written_to_a_file_and_replaces_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("trace.json");
    let litmus = catalogue::find("overwrite-truncate-read").expect("it is in the catalogue");
    let plain = litmus.expect.iter().find(|e| e.kernel.removed().count() == 0);
    let program = litmus.program(plain.expect("v3.7 as released").kernel);
    let traces = list(&program);
    let mut texts = Vec::new();
    for number in [12, 1, 1] {
        let output = write(&file, &number.to_string());
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("trace.json") && said.lines().count() == 1, "{said}");
        let text = std::fs::read_to_string(&file).expect("the file is there");
        check(&program, &traces[number - 1].schedule, &text);
        texts.push(text);
    }
    assert_eq!(texts[1], texts[2]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it reads").count(), 1);
}

#[cfg(unix)]
#[test]
fn a_trace_goes_into_a_pipe_alone() {
    let output = write(Path::new("/dev/stdout"), "1");
    assert_eq!(output.status.code(), Some(0));
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
    let link = std::fs::symlink_metadata("/dev/stdout").expect("it is there");
    assert!(link.is_symlink(), "it was replaced");
}
