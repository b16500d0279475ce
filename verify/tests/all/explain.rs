//! What `diolock explain` says: short enough to read, the shortest there is, and true when replayed.

use diolock::kernel::{Fix, Kernel, Version};
use diolock_verify::engine::graph;
use diolock_verify::explain::{Explained, explain, is_bad};
use diolock_verify::litmus::{Expected, Litmus, catalogue};
use diolock_verify::program::Memory;
use diolock_verify::report::{LINES, page_of, picture_of, story};
use diolock_verify::schedule::{self, End, Schedule};
use diolock_verify::suite::{self, Costs};
use diolock_verify::verdict::Verdict;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_diolock"))
}

fn explained(name: &str, version: Version, without: &[Fix]) -> Explained {
    let litmus = catalogue::find(name).expect("it is in the catalogue");
    let kernel = without.iter().fold(Kernel::new(version), |kernel, &fix| kernel.without(fix));
    explain(&litmus, kernel, exe())
}

/// Every expectation of the catalogue; without DIOLOCK_ALL (`make test-all`) of every third litmus test the first that
/// fails, and the last that does not, of those that cost little.
fn for_each_cell(check: impl Fn(&Litmus, Kernel, Expected) + Sync) -> usize {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let costs = Costs::read(&catalogue::directory().join("COSTS.tsv")).expect("the costs read");
    let mut cells: Vec<(&Litmus, Kernel, Expected)> = Vec::new();
    let every = if suite::thorough() { 1 } else { 3 };
    for litmus in litmuses.iter().step_by(every) {
        let all = litmus.expect.iter().map(|e| (litmus, e.kernel, e.expected));
        if suite::thorough() {
            cells.extend(all);
            continue;
        }
        let cheap = all.filter(|&(_, kernel, _)| costs.cheap(&litmus.name, kernel));
        let (never, bad): (Vec<_>, Vec<_>) =
            cheap.partition(|&(.., expected)| !expected.goes_wrong());
        cells.extend(never.last().into_iter().chain(bad.first()));
    }
    crate::common::each(&cells, |&(litmus, kernel, expected)| check(litmus, kernel, expected));
    cells.len()
}

#[test]
fn every_failing_cell_is_explained_by_its_shortest_run_which_replays() {
    let failing = AtomicUsize::new(0);
    for_each_cell(|litmus, kernel, expected| {
        if !expected.goes_wrong() {
            return;
        }
        let what = format!("{} on {kernel}", litmus.name);
        let explained = explain(litmus, kernel, exe());
        let (program, report) = (&explained.program, &explained.report);
        assert!(is_bad(&report.verdict), "{what}: {:?}", report.verdict);
        let text = story(&explained, false);
        assert!(text.is_ascii() && text.lines().count() <= LINES, "{what}\n{text}");
        // A schedule is one word, to be copied whole.
        let narrow = |line: &str| line.len() <= 100 || line.contains("--schedule ");
        assert!(text.lines().all(narrow), "{what}\n{text}");
        let found = report.counterexample.as_ref().expect("a failing cell has a run");
        if found.events.is_empty() {
            return; // A cycle that no single run shows.
        }
        failing.fetch_add(1, Ordering::Relaxed);
        let letters = schedule::letters(program, &found.events);
        let schedule = Schedule::parse("printed", &letters, litmus).expect("it reads");
        schedule.check(program).expect("it is of this program");
        let replay = schedule::replay(program, &schedule);
        match (&report.verdict, &replay.end) {
            (Verdict::Violated(rule), End::Broken(again)) => {
                assert_eq!(*rule, again.rule, "{what}")
            }
            (Verdict::Deadlocked | Verdict::Livelocked, End::Stuck(_)) => {}
            // Around the loop: nothing is wrong with any step of it.
            (Verdict::Livelocked, End::Ran) if found.loop_start.is_some() => {}
            (verdict, end) => panic!("{what}: {verdict:?} replays as {end:?}"),
        }
        assert_eq!(replay.run.events.len(), found.events.len(), "{what}: no step is left over");
        if program.memory == Memory::Sc && found.loop_start.is_none() {
            let shortest = graph::run(program, graph::Options::default());
            let shortest = shortest.counterexample.expect("graph finds it too").events.len();
            assert_eq!(found.events.len(), shortest, "{what}: breadth first, so none is shorter");
        }
        let file = schedule::file(program, &found.events, Some(&report.verdict));
        let from_file = Schedule::parse("file", &file, litmus).expect("the file reads");
        from_file.check(program).expect("and is of this program");
        assert_eq!(schedule::replay(program, &from_file).run.events, replay.run.events, "{what}");
        assert!(picture_of(&explained).is_some() && page_of(&explained).is_some(), "{what}");
    });
    assert!(failing.into_inner() > 40, "the catalogue fails in many ways");
}

#[test]
fn every_clean_cell_says_what_was_explored_and_what_closes_the_window() {
    let closed = AtomicUsize::new(0);
    for_each_cell(|litmus, kernel, expected| {
        // Four tasks: graph takes seconds for each fix that it tries.
        if expected != Expected::Never || litmus.letters().len() > 3 && !suite::thorough() {
            return;
        }
        let what = format!("{} on {kernel}", litmus.name);
        let explained = explain(litmus, kernel, exe());
        assert_eq!(explained.report.verdict, Verdict::Exhausted, "{what}");
        let text = story(&explained, false);
        assert!(text.is_ascii() && text.lines().count() <= LINES, "{what}\n{text}");
        // A schedule is one word, to be copied whole.
        let narrow = |line: &str| line.len() <= 100 || line.contains("--schedule ");
        assert!(text.lines().all(narrow), "{what}\n{text}");
        if let Some(closing) = explained.closing() {
            closed.fetch_add(1, Ordering::Relaxed);
            assert!(is_bad(&closing.report.verdict), "{what}");
            assert!(closing.followed.broken.is_none(), "{what}: {:?}", closing.followed.broken);
        }
    });
    assert!(closed.into_inner() > 20, "most clean cells are clean because of a fix");
}

/// Text and picture, as they were looked at. `INSTA_UPDATE=always` writes them anew.
#[test]
fn explanations_are_as_they_were_read() {
    use Version::{RfcV1, RfcV2, V3_6, V3_7};
    let golden: [(&str, Version, &[Fix]); 17] = [
        ("truncate-vs-aio-overwrite-harm", V3_6, &[]), // use after free
        ("io-end-slot-freed", V3_6, &[]),              // a pointer that dangles
        ("truncate-vs-aio-overwrite", V3_6, &[]),
        ("truncate-vs-aio-overwrite", V3_7, &[]), // clean
        ("unlocked-read-vs-truncate", V3_6, &[]), // use after free, by a reader
        ("time-update-vs-commit", RfcV1, &[]),    // deadlock, three tasks
        ("second-read-behind-truncate", V3_6, &[Fix::GetBlocksNoLock]), // deadlock behind a writer
        ("enomem-then-truncate", RfcV2, &[]),     // deadlock with a lock nobody lets go
        ("leak-hangs-unaligned-aio", V3_6, &[]),  // deadlock on a counter
        ("endless-truncate", V3_6, &[]),          // livelock, a loop
        ("truncate-vs-aio-unwritten", V3_6, &[]), // livelock, a requeueing worker
        ("size-comes-back", V3_7, &[]),           // lost update, open
        ("unaligned-aio-pair", V3_7, &[Fix::SerializeUnalignedAio]), // lost data
        ("conversion-inside-count", V3_7, &[Fix::CountCoversConversion]),
        ("completed-list-lock", V3_7, &[Fix::LockCompletedList]),
        ("gate-fences", V3_7, &[Fix::CloserBarrier]), // weak memory
        ("gate-fences", V3_7, &[]),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, version, without) in golden {
            let explained = explained(name, version, without);
            let kernel = explained.program.kernel.to_string().replace(' ', "-");
            insta::assert_snapshot!(format!("{name}-{kernel}"), story(&explained, false));
            if let Some(picture) = picture_of(&explained) {
                insta::assert_snapshot!(format!("{name}-{kernel}.svg"), picture);
            }
        }
    });
}

#[test]
fn long_shows_every_step_with_its_place() {
    let explained = explained("unaligned-aio-pair", Version::V3_7, &[Fix::SerializeUnalignedAio]);
    let text = story(&explained, true);
    let steps = explained.report.counterexample.as_ref().expect("it fails").events.len();
    assert!(!text.contains("...") && text.lines().count() > steps);
    assert!(text.contains("ext4_ext_direct_IO: SetIoEnd"), "{text}");
}

#[test]
fn the_same_is_said_and_drawn_each_time() {
    let drawn = || {
        let explained = explained("truncate-vs-aio-overwrite-harm", Version::V3_6, &[]);
        (story(&explained, false), picture_of(&explained), page_of(&explained))
    };
    assert_eq!(drawn(), drawn());
}
