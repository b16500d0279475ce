//! Runs that are stopped: what there is, is said, and marked; and no process is left.
#![cfg(unix)]

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Commands that run for long, and how many processes of loom they have at that time, at least.
const LONG: [(&[&str], usize); 7] = [
    (&["verify", "--engine", "loom"], 1),
    (&["matrix", "--engine", "loom"], 1),
    (&["diff", "v3.6", "v3.7"], 0),
    (&["lockgraph", "--kernel", "v3.7"], 0),
    (&["sweep", "--kernel", "v6.12"], 0),
    (&["explain", "four-overwrites-truncate"], 0),
    (&["show", "four-overwrites-truncate", "--traces"], 0),
];

fn start(arguments: &[&str], mark: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(arguments)
        // The children inherit it: that is how they are found.
        .env("DIOLOCK_TEST_MARK", mark)
        // The first step on stderr says that it runs.
        .env("RUST_LOG", "diolock::step=trace")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("diolock starts")
}

/// The processes that have the mark.
fn marked(mark: &str) -> usize {
    let mark = format!("DIOLOCK_TEST_MARK={mark}\0");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let with_mark = processes.filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|part| part == mark.as_bytes())
    });
    with_mark.count()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Stops a command with a signal; its status and output.
fn stopped(arguments: &[&str], children: usize, signal: &str) -> (Option<i32>, String) {
    let mark = format!("{}-{}-{signal}", std::process::id(), arguments.join("-"));
    let mut child = start(arguments, &mark);
    let mut steps = BufReader::new(child.stderr.take().expect("a pipe"));
    steps.read_line(&mut String::new()).expect("it says something");
    thread::spawn(move || io::copy(&mut steps, &mut io::sink()));
    if cfg!(target_os = "linux") {
        wait_until("it has children", || marked(&mark) > children);
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([signal, &pid]).status().expect("kill starts").success());
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    let code = child.wait().expect("it ends").code();
    wait_until("no process is left", || marked(&mark) == 0);
    (code, text)
}

/// Whether SIGHUP is ignored here, as under nohup, and so by every command that is started.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

#[test]
fn a_signal_leaves_a_part_that_says_so_and_no_process() {
    let signals = [("-INT", "SIGINT", 130), ("-TERM", "SIGTERM", 143), ("-HUP", "SIGHUP", 129)];
    for (arguments, children) in LONG {
        for (signal, name, status) in signals {
            if signal == "-HUP" && hangup_is_ignored() {
                continue;
            }
            let (code, text) = stopped(arguments, children, signal);
            assert_eq!(code, Some(status), "{arguments:?} {signal}: {text}");
            let lines: Vec<&str> = text.lines().collect();
            for line in [lines.first(), lines.last()] {
                let line = line.expect("it says something");
                assert!(line.starts_with("PARTIAL: "), "{arguments:?} {signal}: {text}");
                assert!(line.contains(&format!("stopped by {name}")), "{line}");
            }
        }
    }
}

#[test]
fn a_killed_run_leaves_no_process() {
    for (arguments, children) in LONG {
        let (code, text) = stopped(arguments, children, "-KILL");
        assert_eq!((code, text.as_str()), (None, ""), "{arguments:?}");
    }
}

/// The binary goes, or another is put in its place: nothing changes for the run.
#[cfg(target_os = "linux")]
#[test]
fn a_run_is_of_one_build_whatever_becomes_of_its_binary() {
    let folder = tempfile::tempdir().expect("a folder");
    for replaced in [false, true] {
        let exe = folder.path().join("diolock");
        std::fs::copy(env!("CARGO_BIN_EXE_diolock"), &exe).expect("it can be copied");
        let tests = ["size-comes-back"; 12];
        let mut child = Command::new(&exe)
            .args(["verify", "--engine", "loom", "--json"])
            .args(tests)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        lines.next().expect("a line").expect("text");
        std::fs::remove_file(&exe).expect("it can be removed");
        if replaced {
            std::fs::write(&exe, "#!/bin/sh\nexit 0\n").expect("it can be replaced");
        }
        for line in lines {
            let line = line.expect("text");
            assert!(line.contains("\"ok\":true"), "{line}");
        }
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        let _ = std::fs::remove_file(&exe);
    }
}

#[test]
fn a_job_for_another_build_is_refused() {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .arg("loom-job")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let line = b"{\"build\":\"another\",\"job\":{}}\n";
    // Kept open: its end would be the end of the child.
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(line).expect("it is read");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("it is for build another"), "{said}");
}
