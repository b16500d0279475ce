//! The lock order of a kernel: what appears in it, its edges and its cycles.

use crate::rule::Node;
use diolock::kernel::Kernel;
use diolock::op::JOURNAL_RANK;

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

/// The rank of a lock; a counter's drain has none.
pub fn rank(node: Node) -> Option<u8> {
    match node {
        Node::Lock(lock) => Some(lock.rank()),
        Node::Handle => Some(JOURNAL_RANK),
        Node::Drain => None,
    }
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
    pub(super) fn makers(&self, edge: &Edge) -> String {
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
    pub(super) fn heading(&self) -> String {
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
    pub(super) fn partial(&self) -> Option<String> {
        let (cut, all) = (self.cut.len(), self.cut.len() + self.explored);
        (cut > 0).then(|| format!("PARTIAL: {cut} of {all} litmus tests not explored to the end"))
    }
}
