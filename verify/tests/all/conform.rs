//! Recordings of real kernels are accepted, and altered ones are not.

use diolock::kernel::{Kernel, Version};
use diolock_verify::conform::{
    ALTERATIONS, FileSystem, Journal, Kind, Reader, Seen, Verdict, alter, conform,
};
use diolock_verify::rule::RuleId;
use diolock_verify::suite;
use flate2::read::GzDecoder;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The shipped recordings: name, kernel, text.
fn recordings() -> Vec<(String, Kernel, String)> {
    recordings_in("kernel/recordings")
}

fn recordings_in(folder: &str) -> Vec<(String, Kernel, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("recordings")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let recording = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        let version = if name.contains("6.12") { Version::V6_12_117 } else { Version::V6_1_192 };
        let mut text = String::new();
        let packed = fs::File::open(&path).expect("it opens");
        GzDecoder::new(packed).read_to_string(&mut text).expect("it is text");
        (name, Kernel::new(version), text)
    };
    paths.into_iter().map(recording).collect()
}

/// Those of a few rounds: the others are long, or of another file system.
fn short() -> Vec<(String, Kernel, String)> {
    let special = |name: &str| {
        ["-sizes", "-nojournal", "-datajournal", "-bad"].iter().any(|word| name.contains(word))
    };
    recordings().into_iter().filter(|(name, ..)| !special(name)).collect()
}

/// Those of direct I/O alone: two of each series. What others there are is there for what it holds.
fn of_direct_io() -> Vec<(String, Kernel, String)> {
    let special = |name: &str| name.contains("-3.") || name.contains("-mixed");
    short().into_iter().filter(|(name, ..)| !special(name)).collect()
}

/// What its file system had.
fn journal_of(name: &str) -> Journal {
    match name {
        _ if name.contains("-nojournal") => Journal::None,
        _ if name.contains("-datajournal") => Journal::Data,
        _ => Journal::Metadata,
    }
}

fn judge(text: &str, kernel: Kernel) -> Verdict {
    judge_on(text, kernel, Journal::Metadata)
}

fn judge_on(text: &str, kernel: Kernel, journal: Journal) -> Verdict {
    let input = Cursor::new(text.to_owned().into_bytes());
    let mut reader = Reader::new("altered", input).expect("it reads");
    conform(&mut reader, FileSystem { kernel, block: 4096, journal })
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn shipped_recordings_are_accepted_and_show_something() {
    let all = recordings();
    assert!(all.len() >= 4, "two of each series");
    for (name, kernel, text) in all {
        let journal = journal_of(&name);
        match judge_on(&text, kernel, journal) {
            Verdict::Accepted(coverage) => {
                assert_eq!(coverage.lacks(), Vec::<&str>::new(), "{name}");
                assert_eq!(coverage.events, text.lines().count(), "{name}");
                // What a task can do is listed for file systems with a journal.
                for kind in Kind::ALL.into_iter().filter(|_| journal == Journal::Metadata) {
                    assert_eq!(coverage.beyond(kind, kernel), [], "{name}: {kind:?}");
                }
            }
            Verdict::Rejected(rejection) => panic!("{name}: {rejection:?}"),
        }
    }
}

/// Each goes on a little past the line that a fault of `conform` had rejected.
#[test]
fn what_was_rejected_once_is_accepted() {
    let all = recordings_in("kernel/once-rejected");
    assert_eq!(all.len(), 7);
    for (name, kernel, text) in all {
        let verdict = judge_on(&text, kernel, journal_of(&name));
        assert!(matches!(verdict, Verdict::Accepted(_)), "{name}: {verdict:?}");
    }
}

/// What `--json` says of a recording.
fn found(text: &str, kernel: Kernel) -> serde_json::Value {
    let (code, out, err) = command(text.as_bytes(), &["--kernel", kernel.version.name(), "--json"]);
    assert!(code < Some(2), "{err}");
    serde_json::from_str(&out).expect("JSON")
}

/// The transitions of a task that were exercised, and all that it can take.
fn edges(found: &serde_json::Value, kind: Kind) -> (BTreeSet<String>, BTreeSet<String>) {
    let tasks = found["tasks"].as_array().expect("tasks");
    let task = tasks.iter().find(|task| task["task"] == kind.task()).expect("the task");
    let lists = task["edges"].as_object().expect("lists");
    assert_eq!(lists.len(), 4);
    let (mut exercised, mut all) = (BTreeSet::new(), BTreeSet::new());
    for (word, list) in lists {
        let names: Vec<String> = match list {
            serde_json::Value::Object(counts) => counts.keys().cloned().collect(),
            list => serde_json::from_value(list.clone()).expect("names"),
        };
        if word == "exercised" {
            exercised = names.iter().cloned().collect();
        }
        let before = all.len();
        all.extend(names.iter().cloned());
        assert_eq!(all.len(), before + names.len(), "{word} names what another list does");
    }
    (exercised, all)
}

#[test]
fn each_transition_of_a_task_is_exercised_or_said_not_to_be() {
    for (name, kernel, text) in of_direct_io() {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let cut = found(&lines[..lines.len() / 8].concat(), kernel);
        let whole = found(&text, kernel);
        let mut less = 0;
        for kind in Kind::ALL {
            let (exercised, all) = edges(&whole, kind);
            let (fewer, same) = edges(&cut, kind);
            assert!(!exercised.is_empty() && exercised.len() < all.len(), "{name}: {kind:?}");
            assert_eq!(all, same, "{name}: {kind:?} can do what it can do");
            assert!(fewer.is_subset(&exercised), "{name}: {kind:?}");
            less += exercised.len() - fewer.len();
        }
        assert!(less > 0, "{name}: a part exercises less than the whole");
    }
}

#[test]
fn what_no_recording_shows_is_not_called_missing() {
    for (_, kernel, text) in short() {
        let Verdict::Accepted(coverage) = judge(&text, kernel) else { panic!("rejected") };
        for kind in Kind::ALL {
            let task = coverage.task(kind, kernel);
            let seen =
                |name| task.steps.iter().find(|step| step.0.name == name).map(|step| *step.1);
            let hidden = [None, Some(Seen::NotObservable)];
            assert!(hidden.contains(&seen("AioComplete")), "after the last event: {kind:?}");
            assert!(hidden.contains(&seen("LockPage")), "the page cache: {kind:?}");
            assert_ne!(seen("TakeRwsem"), Some(Seen::NotObservable), "{kind:?}");
        }
        let truncate = coverage.task(Kind::Setattr, kernel);
        let rwsem = truncate.steps.iter().find(|step| step.0.name == "TakeRwsem").expect("a step");
        assert_eq!(*rwsem.1, Seen::Exercised(truncate.calls));
    }
}

#[test]
fn a_recording_without_one_of_its_drains_is_rejected() {
    let column = |line: &str, at: usize| line.split('\t').nth(at).unwrap_or_default().to_owned();
    let mut dropped = 0;
    // The third is long.
    for (name, kernel, text) in short().into_iter().filter(|(name, ..)| !name.contains("-3.")) {
        let lines: Vec<&str> = text.lines().collect();
        for at in (0..lines.len()).filter(|&at| column(lines[at], 2) == "dio_wait") {
            let returns = |&next: &usize| {
                column(lines[next], 1) == column(lines[at], 1)
                    && column(lines[next], 2) == "dio_wait_ret"
            };
            let Some(next) = (at + 1..lines.len()).find(returns) else { continue };
            let without = [&lines[..at], &lines[at + 1..next], &lines[next + 1..]].concat();
            let verdict = judge(&format!("{}\n", without.join("\n")), kernel);
            assert!(matches!(verdict, Verdict::Rejected(_)), "{name} without line {}", at + 1);
            dropped += 1;
        }
    }
    assert!(dropped > 300, "{dropped}");
}

#[test]
fn a_recording_of_one_series_is_not_one_of_the_other() {
    for (name, kernel, text) in short() {
        let other = match kernel.version {
            Version::V6_1_192 => Version::V6_12_117,
            _ => Version::V6_1_192,
        };
        let verdict = judge(&text, Kernel::new(other));
        assert!(matches!(verdict, Verdict::Rejected(_)), "{name} on {}", other.name());
    }
}

/// What may stay unnoticed, in a thousand of all runs.
const UNNOTICED: usize = 5;

#[test]
fn altered_recordings_are_rejected() {
    let all = short();
    let seeds: u64 = if suite::thorough() { 20 } else { 5 };
    let found = Mutex::new((0, Vec::new()));
    crate::common::each(&ALTERATIONS, |(alteration, _)| {
        let mut placed: usize = 0;
        for seed in 0..seeds {
            for (name, kernel, text) in &all {
                let Some(altered) = alter(text, alteration, seed) else { continue };
                assert_ne!(*text, altered, "{alteration} changes nothing");
                placed += 1;
                if matches!(judge(&altered, *kernel), Verdict::Accepted(_)) {
                    let accepted = format!("{alteration} seed {seed} of {name}");
                    found.lock().expect("nobody panics with it").1.push(accepted);
                }
            }
        }
        assert!(placed >= seeds as usize, "{alteration} has a place");
        found.lock().expect("nobody panics with it").0 += placed;
    });
    let (runs, accepted) = found.into_inner().expect("nobody panicked");
    println!("{} of {runs} accepted: {accepted:?}", accepted.len());
    assert!(
        accepted.len() * 1000 <= runs * UNNOTICED,
        "{} of {runs} accepted:\n{}",
        accepted.len(),
        accepted.join("\n")
    );
}

/// Runs `diolock conform -` on bytes.
fn command(bytes: &[u8], more: &[&str]) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(["conform", "-"])
        .args(if more.contains(&"--kernel") { &[][..] } else { &["--kernel", "v6.1"] })
        .args(more)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It may stop reading at a line that it refuses.
    let _ = child.stdin.take().expect("a pipe").write_all(bytes);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The recording, with i_data_sem taken alone before a fallocate's drain that has to wait, and given
/// back at once unless `held`: one for each such drain. The call is made one without a task, so that
/// its order of locks is not judged: a zeroed range that begins amid a block.
fn drains_under_i_data_sem(text: &str, held: bool) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let column = |line: &str, at| line.split('\t').nth(at).unwrap_or("").to_owned();
    let call_of = |at: usize| {
        let calls = |line: &&&str| {
            let of_thread = column(line, 1) == column(lines[at], 1);
            of_thread && ["fallocate", "setattr"].contains(&&column(line, 2)[..])
        };
        lines[..at].iter().rposition(|line| calls(&line))
    };
    let partial = |call: &str| {
        let number = |key| call.split([' ', '\t']).find_map(|word| word.strip_prefix(key));
        let keeps = match number("mode=")? {
            "0x0" | "0x10" => 0,
            "0x1" | "0x11" => 1,
            _ => return None,
        };
        let [pos, len] = ["pos=", "len="].map(|key| number(key)?.parse::<u64>().ok());
        let head = call.split("mode=").next()?;
        Some(format!("{head}mode={:#x} pos={} len={}", 0x10 | keeps, pos? + 1, len? - 1))
    };
    let waits = |&at: &usize| {
        let fits = call_of(at).is_some_and(|call| partial(lines[call]).is_some());
        column(lines[at], 2) == "dio_wait" && !lines[at].ends_with("dio=0") && fits
    };
    let drains = (0..lines.len()).filter(waits);
    let altered = |at: usize| {
        let thread = column(lines[at], 1);
        let mut events = vec!["req\tl=data m=X", "acq\tl=data m=X"];
        if !held {
            events.push("rel\tl=data m=X cnt=0x1");
        }
        let added = events.iter().map(|event| format!("{thread}\t{event}"));
        let old = |line: &&str| line.split_once('\t').expect("a number").1.to_owned();
        let call = call_of(at).expect("it was found");
        let mut before: Vec<String> = lines[..at].iter().map(old).collect();
        before[call] = old(&partial(lines[call]).expect("it fits").as_str());
        let all = before.into_iter().chain(added).chain(lines[at..].iter().map(old));
        all.enumerate().map(|(seq, line)| format!("{seq}\t{line}\n")).collect()
    };
    drains.map(altered).collect()
}

#[test]
fn a_drain_that_keeps_its_io_from_completing_is_a_deadlock() {
    let (mut deadlocks, mut fine) = (0, 0);
    for (name, kernel, text) in of_direct_io() {
        for altered in drains_under_i_data_sem(&text, true) {
            let Verdict::Rejected(rejection) = judge(&altered, kernel) else { continue };
            let others = &rejection.reason.others;
            // With nothing to convert the drain ends, and the call asks again for what it holds, or
            // returns with it.
            let alone = others.iter().all(|other| *other == others[0]);
            if !alone {
                deadlocks += 1;
                assert_eq!(rejection.reason.rule, Some(RuleId::R12), "{name}: {rejection:?}");
                assert!(rejection.reason.text.contains("waits for i_dio_count"), "{rejection:?}");
                let shown =
                    |thread| rejection.window.iter().any(|(event, _)| event.thread == thread);
                assert!(others.iter().all(|&thread| shown(thread)));
            }
        }
        for altered in drains_under_i_data_sem(&text, false) {
            let verdict = judge(&altered, kernel);
            assert!(matches!(verdict, Verdict::Accepted(_)), "{name}: {verdict:?}");
            fine += 1;
        }
    }
    println!("{deadlocks} deadlocks of {fine}");
    assert!(deadlocks > 0);
}

#[test]
fn who_has_not_returned_is_listed_with_what_it_waits_for() {
    let text = "1\td_w\twrite_iter\tpos=0 len=4096 kflags=0x20000 isize=8192\n\
                2\td_w\treq\tl=rwsem m=S\n\
                3\td_w\tacq\tl=rwsem m=S\n\
                4\td_t\treq\tl=rwsem m=X\n";
    let (_, out, err) = command(text.as_bytes(), &[]);
    assert!(out.contains("  d_w had not returned\n"), "{out}{err}");
    assert!(
        out.contains("  d_t had not returned: it waited for i_rwsem W, because of d_w\n"),
        "{out}"
    );
}

#[test]
fn malformed_recordings_are_refused_with_their_place() {
    let good = "1\td_w\twrite_iter\tpos=0 len=4096 kflags=0x20000 isize=8192\n";
    let huge = format!("2\td_w\treq\tl=rwsem m={}\n", "S".repeat(1 << 20));
    let cases: &[(&str, &[u8], &str)] = &[
        ("empty", b"", "holds no event"),
        ("an empty line", b"\n", "this is no event"),
        ("no tabs", b"2 d_w req l=rwsem m=S\n", "this is no event"),
        ("two columns", b"2\td_w\n", "this is no event"),
        ("a truncated line", b"2\td_w\treq\tl=rwsem", "no end"),
        ("a truncated word", b"2\td_w\treq\tl=rwsem m\n", "not key=value"),
        ("a missing key", b"2\td_w\treq\tl=rwsem\n", "`m` is missing"),
        ("an unknown event", b"2\td_w\trequest\tl=rwsem m=S\n", "there is no event `request`"),
        ("an unknown lock", b"2\td_w\treq\tl=i_rwsem m=S\n", "rwsem, data or inval"),
        ("an unknown mode", b"2\td_w\treq\tl=rwsem m=W\n", "S or X"),
        ("no number", b"2\td_w\tdio_begin\tdio=one\n", "a whole number"),
        ("a sign", b"2\td_w\tdio_begin\tdio=-1\n", "a whole number"),
        ("a plus", b"2\td_w\tdio_begin\tdio=+1\n", "a whole number"),
        ("too large", b"2\td_w\tdio_begin\tdio=99999999999999999999\n", "a whole number"),
        ("no hexadecimal", b"2\td_w\trel\tl=rwsem m=S cnt=256\n", "0x1f"),
        ("a key twice", b"2\td_w\treq\tl=rwsem m=S m=X\n", "given twice"),
        ("no request", b"2\td_w\tdio_bio_end\tiocb=17 ref=1 wait=1\n", "k17"),
        ("out of order", b"1\td_w\treq\tl=rwsem m=S\n", "out of order"),
        ("no sequence number", b"x\td_w\treq\tl=rwsem m=S\n", "not the number of an event"),
        ("no task", b"2\t\treq\tl=rwsem m=S\n", "no name"),
        ("not UTF-8", b"2\td_w\treq\tl=rwsem m=\xff\xfe\n", "not UTF-8"),
        ("a huge field", huge.as_bytes(), "longer than"),
        ("a carriage return", b"2\td_w\treq\tl=rwsem m=S\r\n", "S or X"),
    ];
    assert!(cases.len() >= 20);
    for (what, bytes, wanted) in cases {
        let first: &[u8] = if *what == "empty" { b"" } else { good.as_bytes() };
        let (code, out, err) = command(&[first, bytes].concat(), &[]);
        assert_eq!(code, Some(2), "{what}: {out}{err}");
        let joined = err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(wanted), "{what}: {err}");
        if *what != "empty" {
            assert!(err.contains("standard input:2:"), "{what} is on line 2: {err}");
        }
        assert!(out.is_empty(), "{what}: {out}");
    }
}

#[test]
fn what_does_not_fit_is_shown_with_its_line_and_what_would_have() {
    let text = "1\td_w\twrite_iter\tpos=0 len=4096 kflags=0x20000 isize=8192\n\
                2\td_w\treq\tl=rwsem m=X cnt=0x0\n";
    let (code, out, _) = command(text.as_bytes(), &[]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("-:2: rejected by v6.1\n"), "{out}");
    assert!(out.contains("req l=rwsem m=S (ext4_dio_write_iter: TakeShared)"), "{out}");
    assert!(out.contains("> 2       req l=rwsem m=X"), "{out}");
    let (code, out, _) = command(text.as_bytes(), &["--json"]);
    let found: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(code, Some(1));
    assert_eq!((&found["verdict"], &found["line"]), (&"rejected".into(), &2.into()));
}

#[test]
fn a_recording_that_shows_nothing_is_vacuous() {
    let text = "1\td_w\twrite_iter\tpos=0 len=4096 kflags=0x20008 isize=8192\n\
                2\td_w\ttry\tl=rwsem m=S cnt=0x3\n\
                3\td_w\tfail\tl=rwsem m=S at=x\n\
                4\td_w\twrite_iter_ret\tret=-11 at=x\n";
    let (code, out, err) = command(text.as_bytes(), &[]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("accepted but vacuous"), "{out}");
}
