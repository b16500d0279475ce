//! The lock order of a kernel as it is, not as it is written down: what was held while what was
//! waited for, over every execution of every litmus test.
//!
//! No rule is judged and nothing ends a search early, so that a test that fails early on a kernel
//! still shows its later steps. As in lockdep, the union is over all tests: a cycle in it need not
//! be one execution's.

mod dot;
mod graph;
mod svg;
mod text;

pub use dot::dot;
pub use graph::{Edge, LockGraph, rank};
pub use svg::svg;
pub use text::text;

use crate::litmus::Litmus;
use crate::program::Memory;
use crate::rule::{Node, RuleSet};
use crate::survey::{self, Question};
use crate::verdict::{Report, Verdict};
use diolock::kernel::Kernel;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Explores every litmus test on a kernel. Once `stop` is set, what there is comes back.
pub fn run(
    litmuses: &[Litmus],
    kernel: Kernel,
    options: &survey::Options,
    stop: &AtomicBool,
    mut on_done: impl FnMut(&str),
) -> LockGraph {
    let on = |litmus: &&Litmus| litmus.not_modelled_on(kernel.version).is_none();
    let litmuses: Vec<&Litmus> = litmuses.iter().filter(on).collect();
    let question = |litmus: &&Litmus| {
        // The order of locks is the same under either memory model.
        let blind = Litmus {
            rules: RuleSet::NONE,
            reaches: Vec::new(),
            memory: Memory::Sc,
            ..(*litmus).clone()
        };
        Question { litmus: Arc::new(blind), kernel }
    };
    let reports =
        survey::ask_all(litmuses.iter().map(question).collect(), options, stop, |at, _| {
            on_done(&litmuses[at].name)
        });
    let ended = litmuses.iter().zip(&reports).map(|(litmus, report)| (&litmus.name, report));
    of(kernel, ended)
}

fn of<'a>(
    kernel: Kernel,
    reports: impl Iterator<Item = (&'a String, &'a Option<Report>)>,
) -> LockGraph {
    let mut made: BTreeMap<(Node, Node), Vec<String>> = BTreeMap::new();
    let mut cut = Vec::new();
    let mut explored = 0;
    for (name, report) in reports {
        match report {
            Some(report) if !matches!(report.verdict, Verdict::Incomplete(_)) => explored += 1,
            _ => cut.push(name.clone()),
        }
        for edge in report.iter().flat_map(|report| report.gathered.edges()) {
            made.entry(edge).or_default().push(name.clone());
        }
    }
    let pairs: Vec<(Node, Node)> = made.keys().copied().collect();
    let nodes = nodes(&pairs);
    let cycles = cycles(&pairs);
    let cyclic: BTreeSet<usize> = cycles.iter().flatten().copied().collect();
    let edges = made.into_iter().enumerate().map(|(at, ((from, to), litmus))| {
        let cyclic = cyclic.contains(&at);
        let implied = !cyclic && implied(&pairs, at);
        Edge { from, to, litmus, cyclic, implied }
    });
    LockGraph { kernel, nodes, edges: edges.collect(), cycles, explored, cut }
}

/// What appears in the edges, by rank. What has no rank comes right below the innermost lock it is
/// waited for under, of those that it does not wait for itself.
fn nodes(edges: &[(Node, Node)]) -> Vec<Node> {
    let all: BTreeSet<Node> = edges.iter().flat_map(|&(from, to)| [from, to]).collect();
    let place = |node: Node| match rank(node) {
        Some(rank) => (rank, 0),
        None => {
            let under = |cycles: bool| {
                let above = edges
                    .iter()
                    .filter(move |e| e.1 == node && (cycles || !edges.contains(&(node, e.0))));
                above.filter_map(|&(from, _)| rank(from)).max()
            };
            (under(false).or(under(true)).unwrap_or(0), 1)
        }
    };
    let mut nodes: Vec<Node> = all.into_iter().collect();
    nodes.sort_by_key(|&node| (place(node), node));
    nodes
}

/// A shortest way along the edges, as places in them.
fn way(edges: &[(Node, Node)], from: Node, to: Node, without: Option<usize>) -> Option<Vec<usize>> {
    let mut came: BTreeMap<Node, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    let mut seen = BTreeSet::from([from]);
    while let Some(node) = queue.pop_front() {
        for (at, &(start, end)) in edges.iter().enumerate() {
            if start != node || Some(at) == without || (!seen.insert(end) && end != to) {
                continue;
            }
            came.entry(end).or_insert(at);
            if end == to {
                let mut way = vec![came[&end]];
                while edges[way[0]].0 != from {
                    way.insert(0, came[&edges[way[0]].0]);
                }
                return Some(way);
            }
            queue.push_back(end);
        }
    }
    None
}

/// For each edge that is part of a cycle a shortest one, each cycle once, begun at its first edge.
fn cycles(edges: &[(Node, Node)]) -> Vec<Vec<usize>> {
    let mut cycles: Vec<Vec<usize>> = Vec::new();
    for (at, &(from, to)) in edges.iter().enumerate() {
        let back = if from == to { Some(Vec::new()) } else { way(edges, to, from, None) };
        let Some(back) = back else { continue };
        let mut cycle = [vec![at], back].concat();
        let first = (0..cycle.len()).min_by_key(|&i| cycle[i]).unwrap_or(0);
        cycle.rotate_left(first);
        if !cycles.contains(&cycle) {
            cycles.push(cycle);
        }
    }
    cycles.sort_by_key(|cycle| (cycle.len(), cycle.clone()));
    cycles
}

/// Whether the other edges lead from its beginning to its end as well.
fn implied(edges: &[(Node, Node)], at: usize) -> bool {
    let (from, to) = edges[at];
    way(edges, from, to, Some(at)).is_some()
}

#[cfg(test)]
mod tests;
