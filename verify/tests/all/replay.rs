//! `diolock replay` and what it refuses: every broken schedule has a message with its place, and the
//! exit status says whether the schedule ran.

use diolock::op::TaskId;
use diolock_verify::engine::shuttle;
use diolock_verify::engine::{EngineName, graph, native};
use diolock_verify::explain::{is_bad, shorten};
use diolock_verify::litmus::catalogue;
use diolock_verify::program::Memory;
use diolock_verify::schedule::{self, End, Schedule};
use diolock_verify::suite;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

const TEST: &str = "truncate-vs-aio-overwrite-harm";
const BUGGY: [&str; 2] = ["--kernel", "v3.6"];

fn replay(litmus: &str, schedule: &str, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(["replay", litmus, "--schedule", schedule])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("diolock starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

/// stderr with line breaks and decoration taken out, as messages are wrapped.
fn err(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The schedule that `explain` prints, with its seal.
fn printed(litmus: &str, options: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(["explain", litmus])
        .args(options)
        .output()
        .expect("diolock starts");
    let text = out(&output);
    let at = text.rfind("--schedule ").expect("it prints one") + "--schedule ".len();
    text[at..].split_whitespace().next().expect("it is a word").to_owned()
}

#[test]
fn what_explain_prints_runs_to_the_same_end_on_real_locks_too() {
    let output = replay(TEST, &printed(TEST, &BUGGY), &BUGGY);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{}", err(&output));
    assert!(text.starts_with("VIOLATED truncate-vs-aio-overwrite-harm on v3.6   R4"), "{text}");
    assert!(text.contains("real locks: the same 36 steps"), "{text}");
    assert!(text.contains("<-- R4") && text.is_ascii(), "{text}");
}

#[test]
fn a_step_that_cannot_run_says_why_and_who_is_in_the_way() {
    // W takes i_mutex, then T wants it.
    let output = replay(TEST, "WT", &["--kernel", "v3.7"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1));
    let why = "step 2 cannot run: T in do_truncate waits for i_mutex, held by W (since step 1, ";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("real locks: the same 1 step"), "{text}");
    let output = replay(TEST, "w", &["--kernel", "v3.7"]);
    assert!(out(&output).contains("step 1 cannot run: w has no I/O to complete yet"));
    assert_eq!(output.status.code(), Some(1));
    let output = replay("size-comes-back", "W99", &["--kernel", "v3.7"]);
    assert!(out(&output).contains("cannot run: W has returned"), "{}", out(&output));
    let output = replay(TEST, "W3", &["--kernel", "v3.7"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(out(&output).contains("nothing is wrong so far; next:"), "{}", out(&output));
}

#[test]
fn a_deadlock_ends_with_its_cycle() {
    let litmus = "second-read-behind-truncate";
    let options = ["--kernel", "v3.6", "--without", "729f52c6be51"];
    let text = out(&replay(litmus, &printed(litmus, &options), &options));
    assert!(text.starts_with("DEADLOCKED "), "{text}");
    assert!(
        text.contains("W in ext4_map_blocks waits for i_data_sem R, queued for by T"),
        "{text}"
    );
}

/// The same steps on the fixed kernel: T is blocked, and nothing goes wrong.
#[test]
fn the_fixed_kernel_stops_the_same_letters_once_the_seal_is_off() {
    let letters = printed(TEST, &BUGGY);
    let letters = letters.split('@').next().expect("letters come first");
    let output = replay(TEST, letters, &["--kernel", "v3.7"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).starts_with("STOPPED "), "{}", out(&output));
}

#[test]
fn broken_schedules_are_refused_with_their_place() {
    let sealed = printed(TEST, &BUGGY);
    let (letters, seal) = sealed.split_once('@').expect("it has a seal");
    let other = printed("truncate-vs-aio-overwrite", &BUGGY);
    let other_seal = other.split_once('@').expect("it has a seal").1;
    let protocol =
        format!("{}-{}", &seal[..6], if seal.ends_with('0') { "000001" } else { "000000" });
    let cases: [(&str, &[&str]); 24] = [
        ("", &["there is no step in this schedule"]),
        ("# only a comment", &["there is no step"]),
        ("WXT", &["there is no task X", ":1:2", "the tasks: W, T, w"]),
        ("WW\nTQ", &["there is no task Q", ":2:2"]),
        ("W0", &["W cannot take 0 steps", ":1:1"]),
        ("W99999999999999999999999", &["cannot take 99999999999999999999999 steps"]),
        ("W60000T60000", &["at most 100000 steps", ":1:7"]),
        ("14W", &["`1` is not a task's letter", ":1:1"]),
        ("W-T", &["`-` is not a task's letter", ":1:2"]),
        ("W\u{7}T", &["is not a task's letter"]),
        ("W\u{e9}", &["there is no task \u{e9}", ":1:2"]),
        ("WT'", &["every step of this test reads the last value", ":1:2"]),
        ("W:Nowhere", &["step 1 is TakeImutex, not Nowhere", ":1:1"]),
        ("W2:TakeImutex", &["a name is for one step", ":1:1"]),
        ("W:", &["is not the name of a step", "W:TakeImutex"]),
        ("WW@", &["is not a seal", ":1:4"]),
        ("WW@xyz", &["`xyz` is not a seal", "six hex digits"]),
        ("WW@5b1e09-77aa12 T@5b1e09-77aa12", &["there is a seal already", ":1:20"]),
        ("litmus: other\nWW", &["this is a schedule of `other`", ":1:9"]),
        ("kernel: v3.66\nWW", &["is not a kernel of the model", "did you mean `v3.6`?", ":1:9"]),
        ("kernel: v3.6 without 1f555cfa29e8\nWW", &["v3.6 has no fix `1f555cfa29e8`"]),
        ("kernal: v3.6\nWW", &["`kernal` is not a heading", "did you mean `kernel`?"]),
        ("ends: clean\nends: clean\nWW", &["`ends` is there already", ":2:1"]),
        ("kernel: v3.7\nWW", &["was recorded on v3.7, not on v3.6"]),
    ];
    let refused = |schedule: &str, words: &[&str]| {
        let output = replay(TEST, schedule, &BUGGY);
        let message = err(&output);
        assert_eq!(output.status.code(), Some(2), "{schedule:?}: {message}{}", out(&output));
        assert!(output.stdout.is_empty() && !message.contains("panicked"), "{message}");
        for word in words {
            assert!(message.contains(word), "{schedule:?} should say {word:?}: {message}");
        }
    };
    for (schedule, words) in cases {
        refused(schedule, words);
    }
    refused(
        &format!("{letters}@{other_seal}"),
        &["was not made for", "the first half of the seal"],
    );
    refused(&format!("{letters}@{protocol}"), &["the protocol of v3.6 has changed", "second half"]);
    refused("no/such/file.schedule", &["no/such/file.schedule cannot be read"]);
    // Old values, where they are allowed but cannot be.
    let weak = |schedule: &str, word: &str| {
        let output = replay("gate-fences", schedule, &["--kernel", "v3.7"]);
        assert_eq!(output.status.code(), Some(2), "{schedule}");
        assert!(err(&output).contains(word), "{schedule}: {}", err(&output));
    };
    weak("R'", "step 1 cannot read an old value: it reads nothing that could be old");
    weak("RRR'", "there was no value before");
    weak("R2'", "a count and a ' together");
    // The reader has counted, and both have their barrier: the drain must see it.
    weak("R2T9T'", "smp_mb in steps");
}

#[test]
fn broken_files_are_refused_and_good_ones_run_from_standard_input_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.schedule");
    let path = file.to_str().expect("UTF-8");
    let refused = |bytes: &[u8], word: &str| {
        std::fs::write(&file, bytes).expect("it can be written");
        let output = replay(TEST, path, &BUGGY);
        assert_eq!(output.status.code(), Some(2), "{}", err(&output));
        assert!(err(&output).contains(word), "{word}: {}", err(&output));
    };
    refused(b"WW\xff\xfe", "this is not UTF-8");
    refused(&vec![b'W'; 300 * 1024], "is longer than 256 KiB");
    refused(b"# a note\n  WWQ", "x.schedule:2:5");
    std::fs::write(&file, "# W alone\nkernel: v3.6\nW:TakeImutex # first\nW4, W;W\n\n").unwrap();
    assert_eq!(replay(TEST, path, &[]).status.code(), Some(0));
    std::fs::write(&file, "kernel: v3.6\nends: violated R4\nWW\n").unwrap();
    let output = replay(TEST, path, &[]);
    assert_eq!(output.status.code(), Some(1), "it ended otherwise when it was recorded");
    assert!(out(&output).contains("recorded as `violated R4`; now `clean`"), "{}", out(&output));
    let mut child = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .args(["replay", TEST, "--schedule", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("diolock starts");
    child.stdin.take().unwrap().write_all(b"kernel: v3.6\nWWW\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn an_edit_of_the_test_or_of_the_protocol_changes_the_seal() {
    let litmus = catalogue::find(TEST).expect("it is in the catalogue");
    let kernel = |name: &str| {
        let mut expect = litmus.expect.iter().map(|e| e.kernel);
        expect.find(|k| k.to_string() == name).expect("it is spoken of")
    };
    let of = |litmus: &diolock_verify::litmus::Litmus, name| {
        schedule::seal(&litmus.program(kernel(name)))
    };
    let (old, new) = (of(&litmus, "v3.6"), of(&litmus, "v3.7"));
    assert_eq!(old.litmus, new.litmus, "the same test");
    assert_ne!(old.protocol, new.protocol, "another protocol");
    let mut edited = litmus.clone();
    edited.source = edited.source.replace("size = 1", "size = 2");
    assert_ne!(of(&edited, "v3.6").litmus, old.litmus);
    let mut commented = litmus.clone();
    commented.source.push_str("# a remark\n");
    commented.claim.push('!');
    assert_eq!(of(&commented, "v3.6"), old, "words are no part of it");
    // Every run of this one breaks R8 in step 11; what its task would do later counts as well.
    let broken = catalogue::find("time-update-under-data-sem").expect("it is in the catalogue");
    let rfc = diolock::kernel::Kernel::new(diolock::kernel::Version::RfcV1);
    let later = rfc.without(diolock::kernel::Fix::ClearPrivate);
    let protocol = |kernel| schedule::seal(&broken.program(kernel)).protocol;
    assert_ne!(protocol(rfc), protocol(later));
}

/// What samplers find is longer than it need be; what is shown is not.
#[test]
fn what_shuttle_and_native_find_is_shrunk_to_the_fewest_switches() {
    let shrunk = AtomicUsize::new(0);
    let most = if suite::thorough() { usize::MAX } else { 250 };
    let litmuses = catalogue::all().expect("the catalogue reads");
    let cells: Vec<_> = litmuses
        .iter()
        .filter(|litmus| litmus.memory == Memory::Sc)
        .flat_map(|litmus| litmus.expect.iter().map(move |expect| (litmus, expect)))
        .filter(|(_, expect)| expect.expected.goes_wrong())
        .filter(|(litmus, expect)| graph::fewer_states_than(most, &litmus.program(expect.kernel)))
        .flat_map(|(litmus, expect)| {
            [EngineName::Shuttle, EngineName::Native].map(|engine| (litmus, expect, engine))
        })
        .filter(|(_, expect, engine)| expect.engines.is_empty() || expect.engines.contains(engine))
        .collect();
    crate::common::each(&cells, |&(litmus, expect, engine)| {
        let program = litmus.program(expect.kernel);
        let found = match engine {
            EngineName::Shuttle => shuttle::hunt(&program, 2_000, 3),
            _ => native::run(&program, &native::Options { iterations: 20, ..Default::default() }),
        };
        if !is_bad(&found.verdict) {
            return;
        }
        let mut less = found.clone();
        shorten(&program, &mut less, graph::Cost::Switches);
        let (before, after) = (found.counterexample.unwrap(), less.counterexample.unwrap());
        let switches = |s: &[TaskId]| s.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let cost = |s: &[TaskId]| (switches(s), s.len());
        let what = format!("{} on {}", litmus.name, expect.kernel);
        if after != before {
            shrunk.fetch_add(1, Ordering::Relaxed);
            // To queue is a step that only the reference semantics shows.
            let queued = after.events.len().min(program.calls.len());
            let (old, new) = (cost(&before.schedule()), cost(&after.schedule()));
            assert!(new.0 <= old.0 && new.1 <= old.1 + queued || new.0 < old.0, "{what}");
        }
        let letters = schedule::letters(&program, &after.events);
        let schedule = Schedule::parse("shrunk", &letters, litmus).expect("it reads");
        let end = schedule::replay(&program, &schedule).end;
        assert!(matches!(end, End::Broken(_) | End::Stuck(_)), "{what}: {end:?}");
    });
    let shrunk = shrunk.into_inner();
    assert!(shrunk > 60, "{shrunk}");
}
