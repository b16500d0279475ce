//! `diolock sweep` on what takes seconds; `make sweep` asks about everything.

use std::process::{Command, Output, Stdio};

fn sweep(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.arg("sweep").args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command.output().expect("diolock starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

#[test]
fn one_call_alone_breaks_nothing_without_a_name() {
    for kernel in
        ["rfc-v1", "rfc-v2", "v3.6", "v3.7", "v3.11", "v4.10", "v5.4", "v5.10", "v6.1", "v6.12"]
    {
        let output = sweep(&["--kernel", kernel, "--tasks", "1"]);
        assert_eq!(output.status.code(), Some(0), "{kernel}:\n{}", out(&output));
    }
}

#[test]
fn what_cannot_be_written_down_is_counted_with_its_reason() {
    let output = sweep(&["--kernel", "v3.7", "--tasks", "1", "--engines", "graph"]);
    assert!(
        out(&output).contains("not stated: collapse_range(0,1) is modelled from"),
        "{}",
        out(&output)
    );
}

#[test]
fn the_same_seed_asks_about_the_same_programs() {
    let ask = |seed| {
        let all = ["--kernel", "v6.12", "--programs", "20", "--engines", "graph", "--seed", seed];
        out(&sweep(&all))
    };
    assert_eq!(ask("1"), ask("1"));
    assert_ne!(ask("1"), ask("2"));
}

#[test]
fn loom_agrees_on_a_few() {
    let output = sweep(&[
        "--kernel",
        "v6.12",
        "--programs",
        "12",
        "--seed",
        "3",
        "--engines",
        "graph,shuttle,loom",
    ]);
    assert!(out(&output).contains("0 contradictions, 0 not decided"), "{}", out(&output));
}

#[test]
fn bad_input_is_refused() {
    for bad in
        [["--tasks", "4"], ["--engines", "native"], ["--kernel", "v9.9"], ["--programs", "0"]]
    {
        let output = sweep(&bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty(), "{bad:?}");
    }
}
