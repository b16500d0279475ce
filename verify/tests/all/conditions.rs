//! Conditions on outcomes, threads of calls, setups and torn I/O: what they say, on every engine.

use diolock::kernel::{Kernel, Version};
use diolock_verify::engine::loom::job::{Job, run_child};
use diolock_verify::engine::{Wrong, graph, shuttle};
use diolock_verify::litmus::parse::parse;
use diolock_verify::litmus::{Litmus, catalogue};
use diolock_verify::rule::RuleId;
use diolock_verify::verdict::{Report, Verdict};
use std::path::Path;

fn exe() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_diolock"))
}

fn read(text: &str) -> Litmus {
    parse("test", "test.toml", text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}"))
}

/// What every engine says, in the same order: graph, shuttle, loom.
fn all_engines(litmus: &Litmus, kernel: Kernel) -> [Report; 3] {
    let program = litmus.program(kernel);
    [
        graph::run(&program, graph::Options { traces: true, ..Default::default() }),
        shuttle::run(&program, &shuttle::Options::exhaustive()),
        run_child(&Job::new(litmus, kernel), exe()),
    ]
}

/// A test of the catalogue that says one thing more, and is judged by that alone.
fn saying(name: &str, condition: &str, kernel: Version) -> Litmus {
    let all = catalogue::all().expect("the catalogue reads");
    let litmus = all.into_iter().find(|litmus| litmus.name == name).expect("it is there");
    let mut table: toml::Table = litmus.source.parse().expect("it is TOML");
    for key in ["rules", "except", "never", "always", "exists", "expect", "reaches"] {
        table.remove(key);
    }
    let more = format!(
        "rules = [\"condition\"]\n{condition}\n[[expect]]\nkernel = \"{}\"\nverdict = \"violates R15\"",
        kernel.name()
    );
    table.extend(more.parse::<toml::Table>().expect("it is TOML"));
    read(&table.to_string())
}

/// Where a condition fails and no rule is broken, on kernels of which its test says nothing: test, kernels, why.
const ELSEWHERE: [(&str, &[Version], &str); 2] = [
    (
        "fallocate-catches-up-with-i-disksize",
        &[Version::V4_10],
        "v4.10 does not look at i_disksize",
    ),
    (
        "nowait-into-unwritten-blocks",
        &[Version::V5_4, Version::V5_10, Version::V6_1],
        "up to v6.1 a NOWAIT write that is no overwrite returns -EAGAIN",
    ),
];

/// A condition that a rightful order breaks shows on a kernel where nothing else is wrong.
#[test]
fn a_condition_fails_with_a_rule_or_where_its_test_says_so() {
    let (mut asked, mut met) = (0, 0);
    for litmus in catalogue::all().expect("the catalogue reads") {
        if litmus.conditions.never.is_empty() && litmus.conditions.always.is_empty() {
            continue;
        }
        // The RFC's versions are v3.6 in what is not theirs.
        for version in Version::ALL.into_iter().filter(|&version| version >= Version::V3_6) {
            let kernel = Kernel::new(version);
            let spoken_of = litmus.expect.iter().any(|expect| expect.kernel == kernel);
            if spoken_of || litmus.not_modelled_on(version).is_some() {
                continue;
            }
            let options = graph::Options { max_states: Some(20_000), ..Default::default() };
            let report = graph::run(&litmus.program(kernel), options);
            let wrong = report.verdict == Verdict::Violated(RuleId::R15);
            let excused =
                ELSEWHERE.iter().any(|(name, on, _)| *name == litmus.name && on.contains(&version));
            assert_eq!(wrong, excused, "{} on {kernel}", litmus.name);
            (asked, met) = (asked + 1, met + usize::from(excused));
        }
    }
    let excused: usize = ELSEWHERE.iter().map(|(_, on, _)| on.len()).sum();
    assert!(asked > 100 && met == excused, "{asked} kernels, {met} excused");
}

#[test]
fn a_wrong_condition_is_refuted_by_every_engine_with_a_run() {
    use Version::{V3_7, V3_11, V4_10, V5_4, V5_10, V6_1, V6_12};
    let wrong = [
        ("truncate-twice", "always = 'i_size == 0'", V6_12),
        ("overwrites-of-one-block", "never = 'file[0] == V'", V3_7),
        ("unaligned-aio-pair", "always = 'file[0].upper == W'", V4_10),
        ("read-across-extend", "always = 'R.blocks == 1'", V6_12),
        ("extending-write-vs-direct-read", "never = 'R[0] == W'", V3_11),
        ("nowait-gives-up", "always = 'W.returns == ok'", V6_1),
        ("store-then-direct-read", "always = 'R2[0] == old'", V5_10),
        ("written-and-synced", "never = 'R[0] == zeros or R[0] == old'", V5_4),
        ("torn-read", "never = 'R[0] == old and R[1] == W'", V6_12),
        ("stale-tail", "never = 'R.blocks == 2 and R[1] == zeros'", V6_12),
    ];
    for (name, condition, version) in wrong {
        let litmus = saying(name, condition, version);
        let kernel = Kernel::new(version);
        let program = litmus.program(kernel);
        for report in all_engines(&litmus, kernel) {
            assert_eq!(report.verdict, Verdict::Violated(RuleId::R15), "{name}: {condition}");
            let found = report.counterexample.expect("there is a run");
            let (end, _) = graph::replay(&program, &found.schedule());
            let Wrong::Rule(violation) = end else { panic!("{name}: {condition}: {end:?}") };
            assert_eq!(violation.rule, RuleId::R15, "{name}: {condition}");
            assert!(violation.text.contains(" is "), "its values are shown: {}", violation.text);
        }
    }
}

#[test]
fn what_exists_nowhere_is_forbidden_by_every_engine() {
    let nowhere = "exists = ['R[0] == stale', 'R[0] == old', 'R[1] == stale']";
    let mut litmus = saying("torn-read", nowhere, Version::V6_12);
    for report in all_engines(&litmus, Kernel::new(Version::V6_12)) {
        let both = "at no end `R[0] == stale`, nor `R[1] == stale`";
        assert_eq!(report.verdict, Verdict::Forbidden(both.to_owned()));
    }
    // Done as a whole, a bio is not torn: by hand, two outcomes are left of four.
    let torn = "exists = ['R[0] == old and R[1] == W']";
    litmus = saying("torn-read", torn, Version::V6_12);
    let whole = read(&litmus.source.replace("torn = true", "torn = false"));
    for (litmus, forbidden) in [(&litmus, false), (&whole, true)] {
        for report in all_engines(litmus, Kernel::new(Version::V6_12)) {
            let found = matches!(report.verdict, Verdict::Forbidden(_));
            assert_eq!(found, forbidden, "{:?}", report.verdict);
        }
    }
}

const FILE: &str = "[file]\nsize = 1\nextents = [\"written\"]\n";
const EXPECT: &str = "[[expect]]\nkernel = \"v6.12\"\nverdict = \"violates R15\"\n";

/// What is said of a file that is wrong, with its place.
fn said(text: &str) -> String {
    let problems = parse("test", "test.toml", text).expect_err(text);
    format!("{:?}", miette::Report::from(problems))
}

/// A file whose second line is that, and whose seventh is the calls of R.
fn file(second: &str, calls: &str) -> String {
    format!("claim = \"c\"\n{second}\n{FILE}[[task]]\nname = \"R\"\n{calls}\n{EXPECT}")
}

#[test]
fn mistakes_in_conditions_are_told_with_their_place() {
    let mistakes = [
        ("i_sise == 2", "`i_sise` is not a value", 10),
        ("file[0] = old", "`=` is not a relation", 18),
        ("X[0] == zeros", "`X` is not a value", 10),
        ("i_size == zeros", "`i_size` is a number, and `zeros` is data", 20),
        ("file[9] == old", "a block is a number from 0 to 7", 15),
        ("(i_size == 1", "`)` is missing after the condition in it", 22),
        ("file[0] < page[0]", "data has no order", 18),
        ("i_size == 1 i_size", "the condition is over here", 22),
        ("R.block == 1", "`block` is nothing of a call", 12),
        ("file[0] ==", "here a value is missing", 20),
        ("é == 1", "`é` is no part of a condition", 10),
        ("R.returns == EAGIN", "`EAGIN` is not a value", 23),
        ("file[0].middle == R", "`middle` is not half a block", 18),
        ("R2 == old", "`R2` is not a value", 10),
        ("file[0] == R9", "`R9` is not a value", 21),
    ];
    let read = "calls = [\"pread 0\"]";
    for (condition, message, column) in mistakes {
        let said = said(&file(&format!("never = \"{condition}\""), read));
        assert!(said.contains(message), "{condition}: {said}");
        assert!(said.contains(&format!("test.toml:2:{column}")), "{condition}: {said}");
    }
    let deep = format!("never = \"{}i_size == 1\"", "not ".repeat(40));
    assert!(said(&file(&deep, read)).contains("nested more than"), "nothing nests without end");
    // What is long is not deep: no stack runs out.
    let long = format!("never = \"{}i_size == 9\"", "i_size == 9 or ".repeat(4_000));
    let long = file(&long, read)
        .replace("verdict =", "verdict = \"never\"\n#")
        .replace("claim = \"c\"", "claim = \"c\"\nreaches = [\"R returns\"]");
    let litmus = self::read(&long);
    for report in all_engines(&litmus, Kernel::new(Version::V6_12)) {
        assert_eq!(report.verdict, Verdict::Exhausted);
    }
}

/// One more than there may be.
const SEVEN: &str = "\"aio_pwrite 0\", \"aio_pwrite 0\", \"aio_pwrite 0\", \"aio_pwrite 0\", \"aio_pwrite 0\", \"aio_pwrite 0\", \"aio_pread 0\"";

#[test]
fn mistakes_in_lists_of_calls_are_told_with_their_place() {
    let mistakes = [
        ("\"pwrit 0\"", "`pwrit` is not a call", 11),
        ("\"pwrite x\"", "`x` says nothing of a call", 18),
        ("\"ftruncate 0 nowait\"", "`nowait` is not for ftruncate", 23),
        ("\"pwrite 3-1\"", "`3-1` is of no block", 18),
        ("\"pwrite 0 fail=enosp\"", "`enosp` is not a failure", 20),
        ("{ call = \"fsync\", block = 0 }", "`block` is not for fsync", 28),
        (SEVEN, "a litmus test has at most 6 asynchronous calls", 107),
        ("\"evict\"", "evict is a task of its own", 11),
        ("7", "must be an array of calls", 10),
        ("\"pwrite 0 1\"", "`block` is said twice", 20),
    ];
    for (calls, message, column) in mistakes {
        let said = said(&file("bug = \"B01\"", &format!("calls = [{calls}]")));
        assert!(said.contains(message), "{calls}: {said}");
        assert!(said.contains(&format!("test.toml:8:{column}")), "{calls}: {said}");
    }
}

#[test]
fn a_condition_of_ends_that_never_come_proves_nothing() {
    let text = |expect: &str| {
        format!(
            "claim = \"c\"\nnever = \"i_size == 9\"\nreaches = [\"R reads\"]\n{FILE}[[task]]\nname = \"R\"\ncall = \"pread\"\n\
         block = 0\nrepeat = true\n[[expect]]\nkernel = \"v3.7\"\nverdict = \"{expect}\"\nengines = [\"graph\"]\nwhy = \"endless\"\n"
        )
    };
    let program = read(&text("never")).program(Kernel::new(Version::V3_7));
    let verdict = graph::run(&program, graph::Options::default()).verdict;
    let Verdict::Vacuous(why) = verdict else { panic!("{verdict:?}") };
    assert!(why.contains("no execution came to its end"), "{why}");
}

/// But insert range, which raises the sizes before it shifts (`ext4_insert_range`, v4.10.17 to v6.12).
#[test]
fn no_call_that_finds_no_space_changes_a_size() {
    let calls = [
        "pwrite 1",
        "aio_pwrite 1",
        "pwrite 0-2",
        "falloc 1",
        "zero_range 1",
        "falloc_grow 1",
        "collapse_range 0",
    ];
    let mut asked = 0;
    for call in calls {
        let text = format!(
            "claim = \"c\"\nrules = [\"condition\"]\nreaches = [\"F returns\"]\nalways = \"i_size == 1 and i_disksize == 1\"\n\
             {FILE}[[task]]\nname = \"F\"\ncalls = [\"{call} fail=enospc\"]\n"
        );
        for version in Version::ALL {
            let expect =
                format!("[[expect]]\nkernel = \"{}\"\nverdict = \"never\"\n", version.name());
            let Ok(litmus) = parse("test", "test.toml", &format!("{text}{expect}")) else {
                continue;
            };
            let program = litmus.program(Kernel::new(version));
            let report = graph::run(&program, graph::Options::default());
            let found = report.counterexample.map(|found| found.text);
            assert_eq!(
                report.verdict,
                Verdict::Exhausted,
                "{call} on {}: {found:?}",
                version.name()
            );
            asked += 1;
        }
    }
    assert!(asked > 50, "only {asked} were asked");
}

#[test]
fn no_setup_is_more_than_the_model_can_run() {
    let calls = [
        "pwrite 0",
        "pwrite 0-1",
        "pwrite 1 lower",
        "pwrite 1 fail=enospc",
        "pwrite 0 osync",
        "pread 0-1",
        "ftruncate 0",
        "ftruncate 2",
        "ftruncate 0 fail=enomem",
        "fault 0",
        "write 1",
        "write 0 upper",
        "writepages",
        "fsync",
        "read 0-1",
        "punch_hole 0",
        "punch_hole 0 fail=enomem",
        "falloc 1",
        "falloc_grow 2",
        "zero_range 0",
        "collapse_range 0",
        "insert_range 0",
        "move_extents 0",
        "commit",
    ];
    let (mut run, mut refused) = (0, 0);
    for first in calls {
        for second in calls {
            let setup = format!("setup = [\"{first}\", \"{second}\"]");
            for version in Version::ALL {
                let text = file(&setup, "calls = [\"pread 0\"]").replace("v6.12", version.name());
                match parse("test", "test.toml", &text) {
                    Ok(litmus) => {
                        let inode = litmus.program(Kernel::new(version)).inode;
                        assert_eq!(inode.held(), None, "{setup} on {}", version.name());
                        run += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(run > 4_000, "{run} run, {refused} refused");
}

#[test]
fn a_thread_of_one_call_is_that_call() {
    let with = |call: &str| {
        read(&format!(
            "claim = \"c\"\nreaches = [\"T returns\"]\n{FILE}[[task]]\nname = \"W\"\ncall = \"aio_pwrite\"\nblock = 0\n\
             [[task]]\nname = \"T\"\n{call}\n[[expect]]\nkernel = \"v6.12\"\nverdict = \"never\"\n"
        ))
    };
    let kernel = Kernel::new(Version::V6_12);
    let alone = all_engines(&with("call = \"ftruncate\"\nto = 0"), kernel);
    for list in ["calls = [\"ftruncate 0\"]", "calls = [{ call = \"ftruncate\", to = 0 }]"] {
        for (one, other) in alone.iter().zip(all_engines(&with(list), kernel)) {
            assert_eq!(one.verdict, Verdict::Exhausted);
            assert_eq!(one.states, other.states);
            assert_eq!(one.trace_set, other.trace_set);
        }
    }
}

#[test]
fn a_setup_leaves_what_its_calls_leave() {
    let test = |start: &str| {
        read(&format!(
            "claim = \"c\"\n{start}\n[[task]]\nname = \"R\"\ncall = \"read\"\nblock = 0\n\
             [[task]]\nname = \"W\"\ncall = \"pwrite\"\nblock = 0\n{EXPECT}"
        ))
    };
    let hole = "[file]\nsize = 1\nextents = [\"hole\"]\n";
    let never = "rules = [\"condition\"]\nnever = \"i_size == 9\"\n";
    let by_calls = test(&format!("{never}setup = [\"pwrite 0-1\", \"ftruncate 1\"]\n{hole}"));
    let written_down = test(&format!("{never}{FILE}"));
    for version in Version::ALL {
        let kernel = Kernel::new(version);
        let [left, right] = [&by_calls, &written_down].map(|litmus| litmus.program(kernel).inode);
        assert_eq!(left.sizes(), right.sizes(), "{}", version.name());
        assert_eq!(left.cache(), right.cache(), "{}", version.name());
        let content = |inode: &diolock::inode::Inode| {
            let block = inode.extents().mapping().first().and_then(|mapped| mapped.block);
            block.map(|block| inode.extents().block(block).halves)
        };
        assert_eq!(content(&left), content(&right), "{}", version.name());
        let run = |litmus: &Litmus| {
            graph::run(
                &litmus.program(kernel),
                graph::Options { traces: true, ..Default::default() },
            )
        };
        let (left, right) = (run(&by_calls), run(&written_down));
        assert_eq!(left.verdict, Verdict::Exhausted, "{}", version.name());
        assert_eq!(right.verdict, Verdict::Exhausted, "{}", version.name());
    }
}
