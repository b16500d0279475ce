//! Proofs for any number of tasks: what is proved, what is refuted by a run, and what no certificate hides.

use diolock::kernel::{Fix, Kernel, Version};
use diolock_verify::litmus::{Expected, catalogue};
use diolock_verify::prove::certificate::certificate;
use diolock_verify::prove::check::check;
use diolock_verify::prove::{Deadlock, FILE, OfRules, Scene, concrete, deadlock, rules};
use diolock_verify::rule::RuleId;
use diolock_verify::suite;
use diolock_verify::verdict::Verdict;

fn scene(kernel: Kernel, calls: &[&str]) -> Scene {
    let calls: Vec<String> = calls.iter().map(|&call| call.to_owned()).collect();
    Scene::new(kernel, FILE, &calls).expect("it can be stated")
}

fn waits(scene: &Scene) -> Deadlock {
    deadlock(scene, |_, _| true).expect("nobody stops it")
}

fn judged(scene: &Scene) -> OfRules {
    rules(scene, |_, _| true).expect("nobody stops it")
}

fn without(version: Version, commit: &str) -> Kernel {
    Kernel::new(version).without(Fix::named(commit).expect("a fix"))
}

const CALLS: [&str; 7] = [
    "pwrite block=0",
    "aio_pwrite block=0",
    "pread block=0",
    "fsync",
    "ftruncate to=0",
    "punch_hole block=0",
    "commit",
];

#[test]
fn every_kernel_is_free_of_deadlocks_or_has_a_run_that_is_stuck() {
    for version in Version::ALL {
        let scene = scene(Kernel::new(version), &CALLS);
        let found = waits(&scene);
        let name = version.name();
        if version < Version::V3_7 {
            let run = concrete::stuck(&scene, &found).unwrap_or_else(|| panic!("{name}"));
            let stuck = matches!(run.report.verdict, Verdict::Deadlocked | Verdict::Livelocked);
            assert!(stuck, "{name}: {:?}", run.report.verdict);
        } else if version == Version::V3_11 {
            // A worker takes any number of io_ends at once.
            assert!(found.cut.is_some() && !found.proved(), "{name}");
        } else {
            assert!(found.proved(), "{name}: {:?}, {:?}", found.order, found.leaks);
        }
    }
}

#[test]
fn blocks_outlive_their_io_on_kernels_that_wait_for_it() {
    let calls = ["pwrite block=0", "aio_pwrite block=0", "pread block=0", "ftruncate to=0"];
    for version in [Version::V4_10, Version::V5_4, Version::V5_10, Version::V6_1, Version::V6_12] {
        let found = judged(&scene(Kernel::new(version), &calls));
        assert!(found.cut.is_none(), "{}", version.name());
        let suspects: Vec<&str> = found.suspects.iter().map(|s| s.rule.code()).collect();
        assert!(suspects.is_empty(), "{}: {suspects:?}", version.name());
        let has = |rule| found.rules.iter().any(|carried| carried.0 == rule);
        assert!(has(RuleId::R4) && has(RuleId::R5));
    }
}

#[test]
fn without_what_keeps_them_there_is_a_run() {
    let dio = ["pwrite block=0", "aio_pwrite block=0", "ftruncate to=0"];
    let reads = ["pwrite block=0", "ftruncate to=0", "pread block=0"];
    for (kernel, calls) in [
        (Kernel::new(Version::V3_6), reads),
        (without(Version::V3_7, "1c9114f9c0f1"), reads),
        (without(Version::V5_4, "1f555cfa29e8"), dio),
    ] {
        let scene = scene(kernel, &calls);
        let found = judged(&scene);
        let suspect = found.suspect(RuleId::R4).unwrap_or_else(|| panic!("{kernel}: R4"));
        let run = concrete::broken(&scene, suspect).unwrap_or_else(|| panic!("{kernel}: no run"));
        assert_eq!(run.report.verdict, Verdict::Violated(RuleId::R4), "{kernel}");
    }
}

/// Of the longest file that can be written down something is proved, and of one that grows each time nothing.
#[test]
fn only_what_grows_without_end_is_given_up() {
    let kernel = Kernel::new(Version::V6_12);
    assert!(waits(&scene(kernel, &["ftruncate to=8", "pwrite block=7"])).proved());
    let found = waits(&scene(kernel, &["pwrite append=true"]));
    assert!(found.cut.is_some() && !found.proved());
}

/// A file may have blocks of which the device has none.
#[test]
fn holes_are_followed() {
    let file = "size = 2, extents = [\"hole\", \"written\"]";
    let calls = ["pwrite block=0", "punch_hole block=0", "ftruncate to=0"].map(str::to_owned);
    let scene = Scene::new(Kernel::new(Version::V6_12), file, &calls).expect("it can be stated");
    let found = rules(&scene, |views, _| views < 1_000_000).expect("it ends");
    assert!(found.cut.is_none() && found.suspect(RuleId::R4).is_none());
}

/// Whatever a litmus test says goes wrong is proved of no number of its tasks.
#[test]
fn nothing_that_the_catalogue_refutes_is_proved() {
    let (mut asked, mut left_out, mut given_up) = (0, 0, 0);
    for litmus in catalogue::all().expect("it reads") {
        for expect in &litmus.expect {
            let rule = match expect.expected {
                Expected::Violates(rule @ (RuleId::R4 | RuleId::R9 | RuleId::R3)) => Some(rule),
                Expected::Deadlock | Expected::Livelock => None,
                _ => continue,
            };
            let Ok(scene) = Scene::of_litmus(expect.kernel, &litmus) else {
                left_out += 1;
                continue;
            };
            let what = format!("{} on {}", litmus.name, expect.kernel);
            asked += 1;
            // More views are no proof.
            let most = if suite::thorough() { 300_000 } else { 50_000 };
            let go_on = |views, _| views < most;
            match rule {
                Some(rule) => {
                    let Some(found) = rules(&scene, go_on) else {
                        given_up += 1;
                        continue;
                    };
                    let open = found.cut.is_some() || found.suspect(rule).is_some();
                    given_up += usize::from(found.suspect(rule).is_none());
                    assert!(open, "{what}: {} is proved", rule.code());
                }
                None => {
                    let Some(found) = deadlock(&scene, go_on) else {
                        given_up += 1;
                        continue;
                    };
                    assert!(!found.proved(), "{what}: nobody is stuck");
                }
            }
        }
    }
    println!(
        "{asked} cells, {given_up} of them given up, {left_out} of calls that are not carried"
    );
    assert!(asked - given_up > 80, "{asked} cells, {given_up} given up");
}

fn proved() -> String {
    let scene = scene(Kernel::new(Version::V6_12), &CALLS);
    certificate(&scene, &waits(&scene)).expect("a proof")
}

#[test]
fn a_certificate_is_accepted() {
    let all = [Version::V4_10, Version::V6_12, Version::V3_7, Version::V5_4, Version::V7_3];
    for version in all.into_iter().take(if suite::thorough() { 5 } else { 2 }) {
        let scene = scene(Kernel::new(version), &CALLS);
        let text = certificate(&scene, &waits(&scene)).expect("a proof");
        let waits = check(&text);
        assert!(waits.as_ref().is_ok_and(|&waits| waits > 20), "{}: {waits:?}", version.name());
    }
    // Of another kernel it is none.
    let old = proved().replace("kernel: v6.12", "kernel: v4.10");
    assert!(check(&old).is_err());
}

#[test]
fn a_broken_certificate_is_rejected() {
    let good = proved();
    let line = |start: &str| good.lines().find(|line| line.starts_with(start)).expect("a line");
    let order = line("order: ").to_owned();
    let classes: Vec<&str> = order["order: ".len()..].split(" < ").collect();
    let swapped = |a: usize, b: usize| {
        let mut classes = classes.clone();
        classes.swap(a, b);
        good.replace(&order, &format!("order: {}", classes.join(" < ")))
    };
    let waits: Vec<&str> = good.lines().filter(|line| line.starts_with("wait: ")).collect();
    let drop_line = |line: &str| good.replacen(&format!("{line}\n"), "", 1);
    let place = |wait: &str| wait.split(" | ").take(2).collect::<Vec<_>>().join(" | ");
    let once = |wait: &&&str| waits.iter().filter(|other| place(other) == place(wait)).count() == 1;
    let held = waits.iter().filter(once).find(|wait| wait.ends_with(" | i_rwsem"));
    let held = held.expect("something is held").to_string();
    let last = classes.len() - 1;
    let mut broken = vec![
        ("nothing", String::new()),
        ("no title", good.replacen("diolock certificate 1\n", "", 1)),
        ("another title", good.replacen("certificate 1", "certificate 2", 1)),
        ("no kernel", drop_line(line("kernel: "))),
        ("an unknown kernel", good.replace("kernel: v6.12", "kernel: v6.13")),
        ("an unknown fix", good.replace("file: ", "without: 123456789abc\nfile: ")),
        ("no file", drop_line(line("file: "))),
        ("an impossible file", good.replace("size = 1", "size = none")),
        ("no order", drop_line(&order)),
        ("two orders", good.replace(&order, &format!("{order}\n{order}"))),
        ("the order the other way round", swapped(0, last)),
        ("two neighbours swapped", swapped(last - 1, last)),
        ("a class twice", good.replace(&order, &format!("{order} < {}", classes[0]))),
        ("a class less", good.replace(&order, &order.replace(&format!("{} < ", classes[0]), ""))),
        ("an unknown class", good.replace(&order, &format!("{order} < i_nothing"))),
        ("an unknown call", good.replacen("call: pwrite block=0", "call: pwritten block=0", 1)),
        ("a call less", drop_line("call: fsync")),
        ("half of it", good[..good.len() / 2].to_owned()),
        (
            "no waits",
            good.lines().filter(|l| !l.starts_with("wait")).map(|l| format!("{l}\n")).collect(),
        ),
        ("a line that says nothing", format!("{good}and so on\n")),
        ("a key that is none", format!("{good}because: it is so\n")),
        (
            "less held",
            good.replacen(
                &held,
                held.rsplit_once(" | ")
                    .map(|w| format!("{} | -", w.0))
                    .as_deref()
                    .unwrap_or_default(),
                1,
            ),
        ),
        ("something else waited for", good.replacen(" | i_data_sem | ", " | page | ", 1)),
        ("another step", good.replacen("TakeShared", "TakeNothing", 1)),
    ];
    // Those that some run of two or three of the calls comes to.
    let met = |wait: &&&str| {
        ["ext4_map_blocks", "inode_dio_wait", "ext4_truncate", "jbd2"]
            .iter()
            .any(|f| wait.contains(f))
    };
    for wait in waits.iter().filter(met) {
        broken.push(("a wait less", drop_line(wait)));
    }
    assert!(broken.len() >= 20);
    for (what, text) in &broken {
        assert_ne!(*text, good, "{what}");
        assert!(check(text).is_err(), "{what} is accepted");
    }
}
