//! Files that nobody would write: every parser gets mutated litmus tests, schedules and recordings. None
//! may panic, hang, print without bound or take memory without bound.
//!
//! The inputs are the same in every run: case N of a parser is made from N alone. `DIOLOCK_FUZZ=N` runs
//! that many of each (`make fuzz`: 100,000 in all); without it, a few hundred.

#[path = "fuzz/mutate.rs"]
mod mutate;

use diolock::kernel::{Kernel, Version};
use diolock_verify::conform::{
    FileSystem, Journal, Reader, Thread, Verdict, accepted_text, conform, json, rejected_text,
    rejection_svg,
};
use diolock_verify::engine::graph;
use diolock_verify::litmus::parse::{Problems, parse};
use diolock_verify::litmus::{Litmus, catalogue};
use diolock_verify::printable::is_printable;
use diolock_verify::schedule::{self, End, Schedule};
use mutate::{Random, mutated};
use std::fs;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Lines that a refused file costs, whatever is in it.
const LINES: usize = 100;
/// Kilobytes of memory that the whole of this may take.
const MEMORY: u64 = 500 * 1024;
/// A case that takes longer hangs.
const HANGS: Duration = Duration::from_secs(60);

fn cases() -> u64 {
    std::env::var("DIOLOCK_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

/// What is printed of a refused file.
fn refused(problems: Problems) {
    assert!(!problems.problems().is_empty());
    let mut shown = String::new();
    let theme = miette::GraphicalTheme::unicode_nocolor();
    miette::GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .render_report(&mut shown, &problems)
        .expect("it can be rendered");
    assert!(shown.lines().count() < LINES, "{shown}");
    assert!(shown.chars().all(|c| is_printable(c) || c == '\n'), "{shown:?}");
}

/// Runs the cases of a parser; a case that panics or hangs is named and kept.
fn fuzz(parser: &'static str, corpus: Vec<Vec<u8>>, case: impl Fn(&[u8], u64) + Send + 'static) {
    assert!(!corpus.is_empty());
    let (cases, at) = (cases(), Arc::new(AtomicU64::new(0)));
    let keep = move |bytes: &[u8]| {
        let path = std::env::temp_dir().join(format!("fuzz-{parser}-{}", std::process::id()));
        fs::write(&path, bytes)
            .map_or_else(|error| error.to_string(), |()| path.display().to_string())
    };
    let (send, ended) = mpsc::channel();
    let now = Arc::clone(&at);
    let worker = std::thread::spawn(move || {
        for number in 0..cases {
            let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let bytes = mutated(&mut random, &corpus);
            now.store(number, Ordering::SeqCst);
            if catch_unwind(AssertUnwindSafe(|| case(&bytes, number))).is_err() {
                panic!("{parser}: case {number} fails; its input is {}", keep(&bytes));
            }
        }
        let _ = send.send(());
    });
    let mut last = u64::MAX;
    while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(HANGS) {
        let at = at.load(Ordering::SeqCst);
        assert_ne!(at, last, "{parser}: case {at} hangs");
        last = at;
    }
    worker.join().expect("no case fails");
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    let most: u64 = most.trim().trim_end_matches("kB").trim().parse().expect("a number");
    eprintln!("{parser}: {cases} cases, at most {} MB", most / 1024);
    assert!(most < MEMORY, "{parser}: {most} kB");
}

fn litmus_files() -> Vec<Vec<u8>> {
    let files = fs::read_dir(catalogue::directory()).expect("the catalogue");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("it reads")).collect()
}

#[test]
fn litmus_tests() {
    fuzz("litmus", litmus_files(), |bytes, number| {
        let text = String::from_utf8_lossy(bytes);
        match parse("fuzz", "fuzz.toml", &text) {
            Err(problems) => refused(problems),
            Ok(litmus) => {
                for version in Version::ALL {
                    if litmus.not_modelled_on(version).is_some() {
                        continue;
                    }
                    let program = litmus.program(Kernel::new(version));
                    if number.is_multiple_of(16) {
                        let max_states = Some(300);
                        graph::run(&program, graph::Options { max_states, ..Default::default() });
                    }
                }
            }
        }
    });
}

/// The schedules of the golden explanations, and what stands in their first lines.
fn schedules() -> (Litmus, Vec<Vec<u8>>) {
    let litmus = catalogue::find("size-comes-back").expect("it is in the catalogue");
    let program = litmus.program(Kernel::new(Version::V3_7));
    let found = graph::run(&program, graph::Options::default()).counterexample;
    let events = found.expect("it fails there").events;
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut corpus = vec![schedule::file(&program, &events, None).into_bytes()];
    let steps = ["WWTTW", "W4T2W", "W:TakeImutex T", "T' W", "w W3"];
    corpus.extend(steps.into_iter().map(|steps| steps.as_bytes().to_vec()));
    let mut paths: Vec<_> = fs::read_dir(golden)
        .expect("golden files")
        .map(|file| file.expect("a file").path())
        .collect();
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(path).expect("it is text");
        let steps = text.lines().filter_map(|line| line.split_once("--schedule "));
        corpus.extend(steps.map(|(_, steps)| steps.as_bytes().to_vec()));
    }
    (litmus, corpus)
}

#[test]
fn schedules_are_read_and_run() {
    let (litmus, corpus) = schedules();
    fuzz("schedule", corpus, move |bytes, _| {
        let text = String::from_utf8_lossy(bytes);
        let schedule = match Schedule::parse("fuzz", &text, &litmus) {
            Ok(schedule) => schedule,
            Err(problems) => return refused(problems),
        };
        let kernel = schedule.kernel.unwrap_or(Kernel::new(Version::V3_7));
        if litmus.not_modelled_on(kernel.version).is_some() {
            return;
        }
        let program = litmus.program(kernel);
        if let Err(problems) = schedule.check(&program) {
            return refused(problems);
        }
        let wrong = match schedule::replay(&program, &schedule).end {
            End::Renamed { at, found } => schedule.renamed(at, found),
            End::TooOld { at, why } => schedule.too_old(at, &why),
            _ => Ok(()),
        };
        wrong.map_or_else(refused, |()| {});
    });
}

/// The first lines of the shipped recordings, as text and compressed.
fn recordings() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernel/recordings");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("recordings")
        .map(|file| file.expect("a file").path())
        .collect();
    paths.sort();
    let mut corpus = Vec::new();
    for path in paths {
        let packed = fs::read(path).expect("it reads");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("it is text");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for from in [0, 3000, 9000] {
            let part = lines.iter().skip(from).take(300).copied().collect::<String>();
            corpus.push(part.into_bytes());
        }
        corpus.push(packed[..packed.len().min(8000)].to_vec());
    }
    corpus
}

#[test]
fn recordings_are_judged() {
    fuzz("recording", recordings(), |bytes, number| {
        let versions = [Version::V6_1, Version::V6_12, Version::V6_1_192, Version::V6_12_117];
        let kernel = Kernel::new(versions[number as usize % versions.len()]);
        let journal = if number % 7 == 0 { Journal::Data } else { Journal::Metadata };
        let mut reader = Reader::new("fuzz", Cursor::new(bytes.to_vec())).expect("it reads");
        let verdict = conform(&mut reader, FileSystem { kernel, block: 4096, journal });
        let name = |thread: Thread| reader.name(thread).to_owned();
        match verdict {
            Err(problems) => refused(*problems),
            Ok(Verdict::Accepted(coverage)) => {
                accepted_text("fuzz", kernel, &coverage, &name);
                json("fuzz", kernel, Ok(&coverage), &name);
            }
            Ok(Verdict::Rejected(rejection)) => {
                let text = rejected_text("fuzz", &kernel.to_string(), &rejection, &name);
                assert!(text.lines().count() < LINES, "{text}");
                let drawn = rejection_svg("fuzz", &kernel.to_string(), &rejection, &name);
                roxmltree::Document::parse(&drawn).expect("the picture is well-formed");
                json("fuzz", kernel, Err(&rejection), &name);
            }
        }
    });
}

/// The program itself: it ends by itself, with one of its three statuses.
#[test]
fn the_program_ends_with_a_status_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpora = [litmus_files(), schedules().1, recordings()];
    for number in 0..cases().min(2_000) / 4 {
        let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let kind = number as usize % 3;
        let name = ["mutated.toml", "mutated.txt", "mutated.tsv"][kind];
        let bytes = mutated(&mut random, &corpora[kind]);
        fs::write(folder.path().join(name), &bytes).expect("it can be written");
        let arguments: &[&str] = match kind {
            0 => &["replay", "./mutated.toml", "--schedule", "W"],
            1 => &["replay", "size-comes-back", "--schedule", "./mutated.txt"],
            _ => &["conform", "mutated.tsv", "--kernel", "v6.1"],
        };
        let output = Command::new(env!("CARGO_BIN_EXE_diolock"))
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0..=2)), "case {number}: {said}");
        assert!(said.lines().count() < LINES, "case {number}: {said}");
        for text in [&said, &String::from_utf8_lossy(&output.stdout)] {
            let bad = text.chars().find(|&c| !is_printable(c) && c != '\n' && c != '\t');
            assert_eq!(bad, None, "case {number}: {text:?}");
        }
    }
}
