//! The search by parts against one that keeps whole states.

use super::*;
use crate::litmus::Expected;
use crate::litmus::catalogue;
use crate::litmus::parse::parse;
use crate::program::{Memory, System};
use crate::rule::Rules;
use crate::verdict::is_bad;
use diolock::kernel::{Kernel, Version};
use std::collections::HashMap;

/// Every cell of the catalogue that is about orders of steps.
fn cells() -> impl Iterator<Item = Program> {
    let catalogue = catalogue::all().expect("the catalogue reads").into_iter();
    catalogue.filter(|litmus| litmus.memory == Memory::Sc).flat_map(|litmus| {
        let programs: Vec<_> =
            litmus.expect.iter().map(|expect| litmus.program(expect.kernel)).collect();
        programs
    })
}

/// What a search finds: its states, the schedule that goes wrong if there is one, and what was gathered.
type Plain = (usize, Option<Vec<TaskId>>, Gathered);

/// Whole states in the order in which they are met; nothing if there are more than `most`.
fn plain(program: &Program, most: usize) -> Option<Plain> {
    let mut gathered = Gathered::default();
    let mut states = vec![(System::new(program), Rules::new(program), None)];
    let mut ways = vec![Vec::new()];
    let mut known = HashMap::from([(states[0].clone(), 0)]);
    let mut at = 0;
    while at < states.len() {
        let (system, rules, broken) = states[at].clone();
        let able: Vec<TaskId> = enabled(&system).collect();
        let stuck = !system.finished() && able.is_empty() && program.rules.has(RuleId::R12);
        if broken.is_some() || stuck {
            return Some((states.len(), Some(ways[at].clone()), gathered));
        }
        for task in able {
            let (mut system, mut rules) = (system.clone(), rules.clone());
            let op = pending(&system, task).expect("it can take a step");
            let event = system.perform(task, op).expect("it can take a step");
            let over = system.just_over(task);
            let mut judged = rules.observe(program, &event, over, &mut gathered);
            if judged.is_ok() && system.finished() {
                judged = rules.finish(program, &system, &mut gathered);
            }
            let next = (system, rules, judged.err().map(|violation| violation.rule));
            if known.insert(next.clone(), states.len()).is_none() {
                states.push(next);
                ways.push([&ways[at][..], &[task]].concat());
                if states.len() > most {
                    return None;
                }
            }
        }
        at += 1;
    }
    Some((states.len(), None, gathered))
}

/// A third of the catalogue's cells, as far as they have few states: the same states, the same run that goes wrong,
/// and the same locks, fields and witnesses seen on the way.
#[test]
fn parts_say_what_whole_states_say() {
    let mut compared = 0;
    for program in cells().step_by(3) {
        let Some((states, wrong, gathered)) = plain(&program, 1_500) else { continue };
        let mut search = Search::new(&program, false);
        let (way, _) = breadth_first(&mut search, &program, None, |_| false);
        let name = format!("{} on {}", program.litmus, program.kernel.version.name());
        assert_eq!((search.len(), way), (states, wrong), "{name}");
        let found = &search.found.gathered;
        assert_eq!(found.edges(), gathered.edges(), "{name}");
        assert_eq!(found.unprotected(), gathered.unprotected(), "{name}");
        let seen = |gathered: &Gathered| (0..64).map(|at| gathered.seen(at)).collect::<Vec<_>>();
        assert_eq!(seen(found), seen(&gathered), "{name}");
        compared += 1;
    }
    assert!(compared > 300, "{compared}");
}

/// A limit is one on states, and whoever reaches it proves nothing.
#[test]
fn a_search_that_is_cut_is_incomplete() {
    let litmus = catalogue::find("two-overwrites-truncate-read").expect("it is there");
    let program = litmus.program(Kernel::new(diolock::kernel::Version::V6_12));
    let verdict = |max_states| run(&program, Options { max_states, ..Default::default() }).verdict;
    let states = run(&program, Options::default()).states.expect("graph counts them") as usize;
    assert_eq!(verdict(Some(states + 1)), Verdict::Exhausted);
    // More steps than that are taken, and fewer states are met.
    for max in [1, states / 2, states - 1, states] {
        assert!(matches!(verdict(Some(max)), Verdict::Incomplete(_)), "{max}");
    }
}

/// Every cell of the catalogue with few enough states: the reduced search finds something wrong where the whole one does,
/// and nowhere else.
#[test]
fn orders_left_out_hide_nothing() {
    let (mut compared, mut whole, mut few) = (0, 0, 0);
    for program in cells() {
        if program.calls.iter().any(|call| call.repeats()) {
            continue;
        }
        let mut search = Search::new(&program, false);
        let (wrong, complete) = breadth_first(&mut search, &program, Some(4_000), |_| false);
        if wrong.is_none() && !complete {
            continue;
        }
        let mut left = Search::new(&program, false);
        let end = reduced::run(&mut left, program.rules.has(RuleId::R12), None);
        let name = format!("{} on {}", program.litmus, program.kernel.version.name());
        assert_eq!(matches!(end, reduced::End::Wrong(_)), wrong.is_some(), "{name}");
        if wrong.is_none() {
            assert!(left.len() <= search.len(), "{name}");
            let (found, all) = (&left.found.gathered, &search.found.gathered);
            assert_eq!(found.edges(), all.edges(), "{name}");
            assert_eq!(found.unprotected(), all.unprotected(), "{name}");
            let ends = |gathered| crate::engine::forbidden(&program, gathered);
            assert_eq!(ends(found), ends(all), "{name}");
            whole += search.len();
            few += left.len();
        }
        compared += 1;
    }
    assert!(compared > 1_000, "{compared}");
    assert!(3 * few < 2 * whole, "{few} of {whole} states");
}

/// What is said of a program is the same, witnesses, conditions and the shortest run that goes wrong among it.
#[test]
fn what_is_said_is_the_same() {
    let mut said = BTreeSet::new();
    for program in cells().step_by(9) {
        let whole = run(&program, Options { max_states: Some(3_000), ..Options::default() });
        if matches!(whole.verdict, Verdict::Incomplete(_)) {
            continue;
        }
        let reduced = run(&program, Options { reduced: true, ..Options::default() });
        // A run that goes wrong is the shortest of all orders; who repeats without end is searched in all of them.
        let all = is_bad(&reduced.verdict) || program.calls.iter().any(|call| call.repeats());
        assert_eq!(reduced.note.is_none(), all, "{} on {}", program.litmus, program.kernel);
        assert_eq!(whole.verdict, reduced.verdict, "{}", program.litmus);
        let text = |report: &Report| report.counterexample.as_ref().map(|found| found.text.clone());
        assert_eq!(text(&whole), text(&reduced), "{}", program.litmus);
        said.insert(whole.verdict.word());
    }
    assert!(said.len() >= 3, "{said:?}");
}

/// What is wrong is found beside a reader without end as well. (None of these programs needs the proviso for loops.)
#[test]
fn a_reader_without_end_hides_nothing() {
    let endless =
        "[[task]]\nname = \"Z\"\ncall = \"pread\"\nblock = 0\nrepeat = true\n\n[[expect]]";
    let mut tried = 0;
    for litmus in catalogue::all().expect("the catalogue reads") {
        let Some(wrong) = litmus.expect.iter().find(|expect| {
            matches!(expect.expected, Expected::Violates(_))
                && expect.kernel.version <= Version::V3_11
        }) else {
            continue;
        };
        let text = litmus.source.replacen("[[expect]]", endless, 1);
        let Ok(more) = parse(&litmus.name, "test.toml", &text) else { continue };
        let program = more.program(wrong.kernel);
        let mut search = Search::new(&program, false);
        let end = reduced::run(&mut search, false, Some(20_000));
        if !matches!(end, reduced::End::Cut) {
            assert!(matches!(end, reduced::End::Wrong(_)), "{}", litmus.name);
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}
