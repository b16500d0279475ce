//! The search by parts against one that keeps whole states.

use super::*;
use crate::litmus::catalogue;
use crate::program::{Memory, System};
use crate::rule::Rules;
use diolock::kernel::Kernel;
use std::collections::HashMap;

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
    let catalogue = catalogue::all().expect("the catalogue reads");
    let cells = catalogue
        .iter()
        .filter(|litmus| litmus.memory == Memory::Sc)
        .flat_map(|litmus| litmus.expect.iter().map(move |expect| litmus.program(expect.kernel)));
    let mut compared = 0;
    for program in cells.step_by(3) {
        let Some((states, wrong, gathered)) = plain(&program, 1_500) else { continue };
        let mut search = Search::new(&program, false);
        let (way, _) = breadth_first(&mut search, &program, None);
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
    let verdict = |max_states| run(&program, Options { traces: false, max_states }).verdict;
    let states = run(&program, Options::default()).states.expect("graph counts them") as usize;
    assert_eq!(verdict(Some(states + 1)), Verdict::Exhausted);
    // More steps than that are taken, and fewer states are met.
    for max in [1, states / 2, states - 1, states] {
        assert!(matches!(verdict(Some(max)), Verdict::Incomplete(_)), "{max}");
    }
}
