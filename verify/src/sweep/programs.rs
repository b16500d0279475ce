//! Which programs there are.

use super::calls::CALLS;
use super::options::Options;
use super::part::Part;
use super::starts::{STARTS, Start};
use crate::rule::RuleSet;
use std::collections::{BTreeMap, BTreeSet};

/// Those that can be written down, and the reasons of those that cannot.
pub(super) struct Programs {
    pub(super) parts: Vec<Part>,
    pub(super) not_stated: BTreeMap<String, usize>,
}

/// The programs that are asked for.
pub(super) fn programs(options: &Options) -> Programs {
    let mut programs = Programs { parts: Vec::new(), not_stated: BTreeMap::new() };
    // What one call alone cannot state is not tried with others.
    let alone: BTreeMap<&Start, Vec<Option<String>>> = STARTS
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
    let mut book = |part: Part| match why_not(&part) {
        None => programs.parts.push(part),
        Some(reason) => *programs.not_stated.entry(reason).or_default() += 1,
    };
    match options.programs {
        None => all(options.tasks).into_iter().for_each(&mut book),
        Some(wanted) => {
            let mut random = SplitMix(options.seed);
            let mut seen = BTreeSet::new();
            let mut stated = 0;
            // Far more than there are reasons to refuse one.
            for _ in 0..wanted.saturating_mul(100) {
                if stated == wanted {
                    break;
                }
                let file = STARTS[random.below(STARTS.len())].clone();
                let mut calls: Vec<usize> =
                    (0..options.tasks).map(|_| random.below(CALLS.len())).collect();
                calls.sort_unstable();
                let part = Part { file, calls };
                if seen.insert(part.clone()) {
                    stated += usize::from(why_not(&part).is_none());
                    book(part);
                }
            }
        }
    }
    programs
}

/// Every choice of that many calls, the same one twice included, on every file.
fn all(tasks: usize) -> Vec<Part> {
    let mut parts: Vec<Part> =
        STARTS.iter().map(|file| Part { file: file.clone(), calls: Vec::new() }).collect();
    for _ in 0..tasks {
        parts = parts
            .into_iter()
            .flat_map(|part| {
                let from = part.calls.last().copied().unwrap_or(0);
                (from..CALLS.len()).map(move |at| {
                    let calls = part.calls.iter().copied().chain([at]).collect();
                    Part { file: part.file.clone(), calls }
                })
            })
            .collect();
    }
    parts
}

/// Sebastiano Vigna's generator of that name: the same numbers everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}
