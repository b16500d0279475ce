//! The lock order of a kernel as it is, not as it is written down: what was held while what was
//! waited for, over every execution of every litmus test.
//!
//! No rule is judged and nothing ends a search early, so that a test that fails early on a kernel
//! still shows its later steps. As in lockdep, the union is over all tests: a cycle in it need not
//! be one execution's.

mod dot;
mod svg;
mod text;

pub use dot::dot;
pub use svg::svg;
pub use text::text;

use crate::litmus::Litmus;
use crate::program::Memory;
use crate::rule::{Node, RuleSet};
use crate::survey::{self, Question};
use crate::verdict::{Report, Verdict};
use diolock::kernel::Kernel;
use diolock::op::JOURNAL_RANK;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How many litmus tests a picture names at an edge; the text names all.
const SHOWN: usize = 6;

/// `from` was held while `to` was waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// What was held. A drain is held by whoever has a reference: the drainer waits for him.
    pub from: Node,
    /// What was waited for.
    pub to: Node,
    /// The litmus tests in which that happened.
    pub litmus: Vec<String>,
    /// It is part of a cycle.
    pub cyclic: bool,
    /// It says nothing new: other edges lead the same way.
    pub implied: bool,
}

impl Edge {
    /// What it says: `i_mutex held, i_data_sem waited for`.
    pub fn words(&self) -> String {
        let held = match self.from {
            Node::Drain => "a reference to i_dio_count",
            node => node.name(),
        };
        format!("{held} held, {} waited for", self.to.name())
    }

    /// Whether it is about the drain of `i_dio_count`, which lockdep does not see.
    pub fn drain(&self) -> bool {
        self.from == Node::Drain || self.to == Node::Drain
    }
}

/// The lock order of a kernel.
#[derive(Clone, Debug)]
pub struct LockGraph {
    /// The kernel.
    pub kernel: Kernel,
    /// What appears in it, outermost first.
    pub nodes: Vec<Node>,
    /// Its edges, by node.
    pub edges: Vec<Edge>,
    /// Its cycles, each as places in `edges`, shortest first.
    pub cycles: Vec<Vec<usize>>,
    /// Litmus tests that were explored to the end.
    pub explored: usize,
    /// Litmus tests that were not: their edges, if any, are not all there.
    pub cut: Vec<String>,
}

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

/// The rank of a lock; a counter's drain has none.
pub fn rank(node: Node) -> Option<u8> {
    match node {
        Node::Lock(lock) => Some(lock.rank()),
        Node::Handle => Some(JOURNAL_RANK),
        Node::Drain => None,
    }
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

impl LockGraph {
    /// Whether every litmus test was explored to the end.
    pub fn complete(&self) -> bool {
        self.cut.is_empty()
    }

    /// A cycle in words: `i_mutex -> drain -> i_mutex`.
    pub fn cycle_words(&self, cycle: &[usize]) -> String {
        let mut words: Vec<&str> = cycle.iter().map(|&at| self.edges[at].from.name()).collect();
        words.extend(cycle.last().map(|&at| self.edges[at].to.name()));
        words.join(" -> ")
    }

    /// The litmus tests that make an edge, those first that make few others; no more than a picture
    /// has room for.
    fn makers(&self, edge: &Edge) -> String {
        let makes = |name: &String| self.edges.iter().filter(|e| e.litmus.contains(name)).count();
        let mut names: Vec<&String> = edge.litmus.iter().collect();
        names.sort_by_key(|name| makes(name));
        let shown: Vec<&str> = names.iter().take(SHOWN).map(|name| name.as_str()).collect();
        match names.len().saturating_sub(SHOWN) {
            0 => shown.join(", "),
            more => format!("{}, and {more} more", shown.join(", ")),
        }
    }

    /// The edges that are part of a cycle, in order, each with its letter.
    pub fn lettered(&self) -> Vec<(String, &Edge)> {
        let letter = |at: usize| match u8::try_from(at) {
            Ok(at) if at < 26 => char::from(b'a' + at).to_string(),
            _ => format!("z{at}"),
        };
        let cyclic = self.edges.iter().filter(|edge| edge.cyclic);
        cyclic.enumerate().map(|(at, edge)| (letter(at), edge)).collect()
    }

    /// What it is, in a line.
    fn heading(&self) -> String {
        let what = match self.cycles.len() {
            0 => "no cycle".to_owned(),
            1 => "1 cycle".to_owned(),
            n => format!("{n} cycles"),
        };
        let tests = self.explored;
        let s = if tests == 1 { "" } else { "s" };
        format!("every execution of {tests} litmus test{s}, {what}")
    }

    /// The words for a union that is not whole.
    fn partial(&self) -> Option<String> {
        let (cut, all) = (self.cut.len(), self.cut.len() + self.explored);
        (cut > 0).then(|| format!("PARTIAL: {cut} of {all} litmus tests not explored to the end"))
    }
}

#[cfg(test)]
mod tests;
