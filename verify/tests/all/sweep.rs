//! `diolock sweep` on what takes seconds; `make sweep` asks about everything.

use std::fs;
use std::path::Path;
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
fn a_part_of_the_calls_and_files_is_asked_about() {
    let asked =
        ["--kernel", "v6.12", "--engines", "graph", "--call", "punch_hole,pread", "--files", "2"];
    let said = out(&sweep(&asked));
    // Of three preads and three punches 21 pairs, on two files.
    assert!(said.starts_with("v6.12: 42 programs of 2 call(s)"), "{said}");
    assert!(!said.contains("write"), "{said}");
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

/// The shards of a sweep in a folder of their own.
fn shards(folder: &Path, of: usize) -> Vec<String> {
    let shard = |number: usize| {
        let shard = format!("{number}/{of}");
        let asked = ["--kernel", "v3.7", "--tasks", "1", "--engines", "graph", "--json", "--shard"];
        let output = sweep(&[&asked[..], &[&shard]].concat());
        assert_eq!(output.status.code(), Some(0));
        let path = folder.join(format!("{number}.jsonl"));
        fs::write(&path, output.stdout).expect("it can be written");
        path.to_str().expect("a name in UTF-8").to_owned()
    };
    (1..=of).map(shard).collect()
}

fn merge(files: &[&str], more: &[&str]) -> Output {
    sweep(&[&["--merge"], files, more].concat())
}

#[test]
fn shards_put_together_say_what_the_sweep_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = shards(folder.path(), 3);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let turned = [files[2], files[0], files[1]];
    for form in [&[][..], &["--json"]] {
        let whole = ["--kernel", "v3.7", "--tasks", "1", "--engines", "graph"];
        let whole = sweep(&[&whole, form].concat());
        let merged = merge(&turned, form);
        assert_eq!(out(&merged), out(&whole));
        assert_eq!(merged.status.code(), whole.status.code());
    }
}

#[test]
fn what_is_no_whole_sweep_is_not_put_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = shards(folder.path(), 2);
    let text = fs::read_to_string(&files[0]).expect("it is there");
    let other = folder.path().join("other.jsonl");
    let other_name = other.to_str().expect("a name in UTF-8");
    let refused = |text: &str, why: &str| {
        fs::write(&other, text).expect("it can be written");
        let output = merge(&[other_name, &files[1]], &[]);
        let said = String::from_utf8_lossy(&output.stderr);
        let said =
            said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
        assert!(said.contains(why), "{why}: {said}");
        assert_eq!(output.status.code(), Some(2), "{why}");
    };
    let (first, rest) = text.split_once('\n').expect("lines");
    let cut = text.trim_end().rsplit_once('\n').expect("lines").0;
    refused("", "there is nothing in it");
    refused(cut, "its end is missing");
    refused(rest, "the line with what was asked for is missing");
    refused(&format!("{text}{first}\n"), "behind the end of the shard");
    refused(&format!("{first}\n{text}"), "line 2: a second shard");
    refused(&text.replace("\"seed\":1", "\"seed\":2"), "not of one sweep");
    refused(&text.replace("\"build\":\"", "\"build\":\"x"), "not of one sweep");
    refused(&text.replace("1/2", "2/2"), "a shard is there twice");
    refused(&text.replace("1/2", "1/3"), "of another cut");
    refused(&text.replace("\"not_run\":0", "\"not_run\":7"), "7 of its programs were not judged");
    refused(&text.replace("pwrite", "pwrote"), "no program has the call");
    refused(&text.replace("\"extents\":\"w", "\"extents\":\"x"), "extents are w, u and h");
    refused("{}", "line 1");
    let one = merge(&[&files[1]], &[]);
    assert!(String::from_utf8_lossy(&one.stderr).contains("1 of 2 shards are missing: 1/2"));
    assert_eq!(one.status.code(), Some(2));
}

#[test]
fn what_ends_a_race_is_said() {
    let asked = ["--engines", "graph", "--files", "1", "--kernel"];
    let said = |kernel, call| out(&sweep(&[&asked[..], &[kernel, "--call", call]].concat()));
    let read = said("v5.10", "read,punch_hole");
    assert!(read.contains("R4       buffered-read-vs-punch (until v6.1: 730633f0b7f9)"), "{read}");
    let tail = said("v6.12", "pwrite,read");
    assert!(tail.contains("R5       stale-tail (open)"), "{tail}");
}

/// And counted, and the same in shards.
#[test]
fn programs_of_three_calls_that_hold_a_race_of_two_are_left_out() {
    let asked = ["--engines", "graph", "--kernel", "v5.10", "--tasks", "3", "--programs", "60"];
    let ask = |more: &[&str]| out(&sweep(&[&asked[..], more].concat()));
    let count = |said: &str, what: &str| -> usize {
        let line = said.lines().find(|line| line.contains(what));
        let number = line.and_then(|line| line.split(' ').nth(1)?.parse().ok());
        number.unwrap_or_else(|| panic!("{what}: {said}"))
    };
    let (few, whole) = (ask(&[]), ask(&["--supersets"]));
    let (judged, left) = (count(&few, "programs of 3"), count(&few, "more are not judged"));
    assert!(judged > 0 && left > 0, "{few}");
    assert_eq!(count(&whole, "programs of 3"), judged + left);
    assert!(few.contains(", 0 of them break something"), "{few}");
    assert!(whole.contains("osync-extension") && !whole.contains("not judged"), "{whole}");
    let folder = tempfile::tempdir().expect("a folder");
    let shard = |number: usize| {
        let path = folder.path().join(format!("{number}.jsonl"));
        let shard = format!("{number}/2");
        let output = sweep(&[&asked[..], &["--json", "--shard", &shard]].concat());
        fs::write(&path, output.stdout).expect("it can be written");
        path.to_str().expect("a name in UTF-8").to_owned()
    };
    let files = [shard(1), shard(2)];
    assert_eq!(out(&merge(&[&files[0], &files[1]], &[])), few);
}

#[test]
fn two_kernels_are_compared_over_all_programs() {
    let asked = ["--tasks", "1", "--engines", "graph", "--diff"];
    let said = out(&sweep(&[&asked[..], &["v3.6", "v6.12"]].concat()));
    assert!(said.contains("possible on v6.12, not on v3.6:\n      -  nothing\n"), "{said}");
    assert!(said.contains("R11      "), "{said}");
    let same = out(&sweep(&[&asked[..], &["v6.12", "v6.12"]].concat()));
    assert_eq!(same.matches("-  nothing").count(), 2, "{same}");
}

/// What a cluster's script does for one shard: without a cluster, by the variable that it would set.
#[test]
fn the_script_for_slurm_makes_a_shard_once() {
    let folder = tempfile::Builder::new().prefix("a sweep ").tempdir().expect("a folder");
    let bin = Path::new(env!("CARGO_BIN_EXE_diolock")).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweep/slurm.sbatch");
    let run = |number: &str| {
        let mut command = Command::new(&script);
        command.arg(folder.path()).args(["2", "--kernel", "v3.7", "--tasks", "1"]);
        command.args(["--engines", "graph"]).env("SLURM_ARRAY_TASK_ID", number).env("PATH", &path);
        assert!(command.status().expect("the script starts").success());
        folder.path().join(format!("{number}.jsonl"))
    };
    let files = [run("1"), run("2")];
    let first = fs::read_to_string(&files[0]).expect("the shard is there");
    fs::write(&files[0], format!("{first}\n")).expect("it can be written");
    run("1");
    assert_eq!(fs::read_to_string(&files[0]).expect("it is there"), format!("{first}\n"));
    fs::write(&files[0], first).expect("it can be written");
    let files = files.map(|path| path.to_str().expect("a name in UTF-8").to_owned());
    let merged = merge(&[&files[0], &files[1]], &[]);
    let whole = sweep(&["--kernel", "v3.7", "--tasks", "1", "--engines", "graph"]);
    assert_eq!(out(&merged), out(&whole));
}

/// GNU parallel spreads the shards; killed, it goes on where it was.
#[test]
fn the_script_goes_on_where_it_was() {
    let there = Command::new("parallel").arg("--version").stdout(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        println!("left out: GNU parallel is not installed (Debian's package `parallel`)");
        return;
    }
    let folder = tempfile::Builder::new().prefix("a sweep ").tempdir().expect("a folder");
    let asked = ["--kernel", "v3.7", "--tasks", "1", "--engines", "graph"];
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweep/parallel");
    let run = || {
        let mut command = Command::new(&script);
        command.arg(folder.path()).arg("4").args(asked).stdin(Stdio::null());
        command.env("DIOLOCK", env!("CARGO_BIN_EXE_diolock")).env("JOBS", "2");
        command.output().expect("the script starts")
    };
    let first = run();
    let said = out(&first);
    assert_eq!(said, out(&sweep(&asked)), "{}", String::from_utf8_lossy(&first.stderr));
    // As if it had been killed before the last shard was there.
    let log = folder.path().join("joblog");
    let text = fs::read_to_string(&log).expect("the log is there");
    let (kept, lost) = text.trim_end().rsplit_once('\n').expect("lines");
    fs::write(&log, format!("{kept}\n")).expect("it can be written");
    let number = lost.split('\t').next().expect("a number");
    fs::remove_file(folder.path().join(format!("{number}.jsonl"))).expect("the shard is there");
    assert_eq!(out(&run()), said);
}

#[test]
fn bad_input_is_refused() {
    for bad in [
        ["--tasks", "4"],
        ["--engines", "native"],
        ["--kernel", "v9.9"],
        ["--programs", "0"],
        ["--files", "16"],
        ["--call", "pwrit"],
    ] {
        let output = sweep(&bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty(), "{bad:?}");
    }
}
