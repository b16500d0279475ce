//! Which programs there are: each is a number, and a number is a program.

use super::calls::{CALLS, CallText};
use super::options::Options;
use super::part::Part;
use super::random::SplitMix;
use super::starts::{STARTS, Start};
use crate::rule::RuleSet;
use std::collections::{BTreeMap, BTreeSet};

/// Those that can be written down, each with its place among all that are asked for, and the reasons of those that
/// cannot.
pub(super) struct Programs {
    pub(super) parts: Vec<(u64, Part)>,
    pub(super) not_stated: BTreeMap<String, usize>,
}

/// The programs of a shard.
pub(super) fn programs(options: &Options) -> Programs {
    let starts = STARTS.each_ref().map(|file| file.in_pages(options.paging));
    // What one call alone cannot state is not tried with others.
    let alone: BTreeMap<&Start, Vec<Option<String>>> = starts
        .iter()
        .map(|file| {
            let part = |at| Part { file: file.clone(), calls: vec![at] };
            let why = |at| part(at).litmus(options.version, RuleSet::ALL).err();
            (file, (0..CALLS.len()).map(why).collect())
        })
        .collect();
    let why_not = |part: &Part| {
        let one = part.calls.iter().find_map(|&at| alone[&part.file][at].clone());
        one.or_else(|| part.litmus(options.version, RuleSet::ALL).err())
    };
    let asked = |part: &Part| {
        let named = |call: CallText| options.calls.iter().any(|name| name == call.name());
        starts[..options.files].contains(&part.file)
            && (options.calls.is_empty() || part.call_texts().all(named))
    };
    let mut programs = Programs { parts: Vec::new(), not_stated: BTreeMap::new() };
    let mut book = |at: u64, part: Part| match why_not(&part) {
        _ if !options.shard.has(at) => {}
        None => programs.parts.push((at, part)),
        Some(reason) => *programs.not_stated.entry(reason).or_default() += 1,
    };
    match options.programs {
        None => (0..count(options.tasks))
            .filter(|&at| options.shard.has(at))
            .map(|at| (at, decode(options.tasks, at)))
            .map(|(at, part)| (at, Part { file: part.file.in_pages(options.paging), ..part }))
            .filter(|(_, part)| asked(part))
            .for_each(|(at, part)| book(at, part)),
        Some(wanted) => {
            let mut random = SplitMix(options.seed);
            let mut seen = BTreeSet::new();
            let mut stated = 0;
            // Far more than there are reasons to refuse one.
            for at in 0..wanted as u64 * 100 {
                if stated == wanted {
                    break;
                }
                let file = starts[random.below(starts.len())].clone();
                let mut calls: Vec<usize> =
                    (0..options.tasks).map(|_| random.below(CALLS.len())).collect();
                calls.sort_unstable();
                let part = Part { file, calls };
                if asked(&part) && seen.insert(part.clone()) {
                    stated += usize::from(why_not(&part).is_none());
                    book(at, part);
                }
            }
        }
    }
    programs
}

/// As many choices of `chosen` of `kinds` as there are, where one may be taken again and order is no matter.
fn choices(kinds: usize, chosen: usize) -> u64 {
    (0..chosen as u64).fold(1, |all, at| all * (kinds as u64 + at) / (at + 1))
}

/// How many programs of that many calls there are.
pub fn count(tasks: usize) -> u64 {
    STARTS.len() as u64 * choices(CALLS.len(), tasks)
}

/// The program of a number: a file, and calls on it in order, so that none is there twice.
pub(super) fn decode(tasks: usize, number: u64) -> Part {
    let of_file = choices(CALLS.len(), tasks);
    let file = STARTS[(number / of_file) as usize].clone();
    let mut rest = number % of_file;
    let mut calls = Vec::with_capacity(tasks);
    let mut call = 0;
    while calls.len() < tasks {
        let with_it = choices(CALLS.len() - call, tasks - calls.len() - 1);
        if rest < with_it {
            calls.push(call);
        } else {
            rest -= with_it;
            call += 1;
        }
    }
    Part { file, calls }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_program_and_no_two_are_the_same() {
        for tasks in [1, 2] {
            let parts: BTreeSet<Part> = (0..count(tasks)).map(|at| decode(tasks, at)).collect();
            assert_eq!(parts.len() as u64, count(tasks));
            assert!(parts.iter().all(|part| part.calls.is_sorted() && part.calls.len() == tasks));
        }
        assert_eq!(count(2), 15 * 61 * 62 / 2);
        assert_eq!(decode(3, count(3) - 1).calls, [60, 60, 60]);
        assert_eq!(decode(3, 61).calls, [0, 1, 1]);
    }
}
