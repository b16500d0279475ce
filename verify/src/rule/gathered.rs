//! What is gathered over all executions of a litmus test: lock-order edges, inferred locksets and
//! the witnesses seen. It is no part of any state.

use super::{RuleId, Violation};
use diolock::op::{Access, LockName, Object, TaskId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something that is waited for, in the lock order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Node {
    /// A lock.
    Lock(LockName),
    /// A journal handle.
    Handle,
    /// The drain of `i_dio_count`: waited for by inode_dio_wait, held by whoever will drop a reference.
    Drain,
}

impl Node {
    /// The kernel's word.
    pub fn name(self) -> &'static str {
        match self {
            Node::Lock(lock) => lock.name(),
            Node::Handle => "journal handle",
            Node::Drain => "i_dio_count drain",
        }
    }
}

/// Eraser's candidate set of one field.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Candidates {
    /// Locks held at every access so far.
    pub locks: Vec<LockName>,
    /// Who touched it.
    pub tasks: Vec<TaskId>,
    /// Whether anybody changed it.
    pub written: bool,
}

/// What was gathered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gathered {
    edges: Vec<(Node, Node)>,
    fields: Vec<(Object, Candidates)>,
    witnesses: u64,
}

impl Gathered {
    /// `from` was held while `to` was waited for.
    pub fn edge(&mut self, from: Node, to: Node) {
        if !self.edges.contains(&(from, to)) {
            self.edges.push((from, to));
        }
    }

    /// A field was touched while `held` was held.
    pub fn touch(&mut self, object: Object, access: Access, task: TaskId, held: &[LockName]) {
        let at = self.fields.iter().position(|f| f.0 == object).unwrap_or_else(|| {
            let all = Candidates { locks: held.to_vec(), tasks: Vec::new(), written: false };
            self.fields.push((object, all));
            self.fields.len() - 1
        });
        let field = &mut self.fields[at].1;
        if !field.locks.is_empty() {
            field.locks.retain(|lock| held.contains(lock));
        }
        if !field.tasks.contains(&task) {
            field.tasks.push(task);
        }
        field.written |= access == Access::Write;
    }

    /// Witness number `at` was seen.
    pub fn witness(&mut self, at: usize) {
        self.witnesses |= 1 << at;
    }

    /// What was seen elsewhere was seen.
    pub fn see(&mut self, elsewhere: &Gathered) {
        self.witnesses |= elsewhere.witnesses;
    }

    /// Whether witness number `at` was seen.
    pub fn seen(&self, at: usize) -> bool {
        self.witnesses >> at & 1 == 1
    }

    /// The lock-order edges, sorted.
    pub fn edges(&self) -> Vec<(Node, Node)> {
        let mut edges = self.edges.clone();
        edges.sort_unstable();
        edges
    }

    /// The fields that several tasks touch, at least one of them writing, with no lock in common.
    pub fn unprotected(&self) -> Vec<Object> {
        let mut fields: Vec<Object> = self
            .fields
            .iter()
            .filter(|(_, c)| c.locks.is_empty() && c.tasks.len() > 1 && c.written)
            .map(|f| f.0)
            .collect();
        fields.sort_unstable();
        fields
    }

    /// A cycle in the lock order, as a broken rule R2.
    pub fn cycle(&self) -> Option<Violation> {
        let mut graph = petgraph::graph::DiGraph::<Node, ()>::new();
        let mut index = BTreeMap::new();
        for &(from, to) in &self.edges() {
            let from = *index.entry(from).or_insert_with(|| graph.add_node(from));
            let to = *index.entry(to).or_insert_with(|| graph.add_node(to));
            graph.add_edge(from, to, ());
        }
        let cyclic = petgraph::algo::tarjan_scc(&graph).into_iter().find(|component| {
            component.len() > 1 || graph.contains_edge(component[0], component[0])
        })?;
        let names: Vec<&str> = cyclic.iter().map(|&node| graph[node].name()).collect();
        let text = format!("over all executions the lock order has a cycle: {}", names.join(", "));
        Some(Violation { rule: RuleId::R2, text })
    }
}
