//! The lock order for graphviz.

use super::graph::{LockGraph, rank};
use crate::rule::Node;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Nodes of one rank in one row, drains dashed, cycles red and bold.
pub fn dot(graph: &LockGraph) -> String {
    let mut out = String::new();
    if let Some(partial) = graph.partial() {
        let _ = writeln!(out, "// {partial}");
    }
    let _ = writeln!(
        out,
        "digraph \"lock order on {}\" {{\n  label=\"lock order on {0}: {}\";\n  \
         node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];",
        graph.kernel,
        graph.heading()
    );
    let mut rows: BTreeMap<Option<u8>, Vec<Node>> = BTreeMap::new();
    for &node in &graph.nodes {
        let row = rank(node);
        let words = row.map_or("no rank".to_owned(), |rank| format!("rank {rank}"));
        let _ = writeln!(out, "  \"{0}\" [label=\"{0}\\n{words}\"];", node.name());
        rows.entry(row).or_default().push(node);
    }
    for nodes in rows.values().filter(|nodes| nodes.len() > 1) {
        let names: Vec<String> = nodes.iter().map(|n| format!("\"{}\"", n.name())).collect();
        let _ = writeln!(out, "  {{ rank=same; {}; }}", names.join("; "));
    }
    let letters: BTreeMap<(Node, Node), String> =
        graph.lettered().into_iter().map(|(l, edge)| ((edge.from, edge.to), l)).collect();
    for edge in &graph.edges {
        let mut with = vec![format!("tooltip=\"{}\"", edge.litmus.join(", "))];
        if edge.drain() {
            with.push("style=dashed".to_owned());
        }
        if let Some(letter) = letters.get(&(edge.from, edge.to)) {
            let list = graph.makers(edge).replace(", ", "\\n");
            with.push(format!("color=red, penwidth=2, label=\"({letter}) {list}\""));
        }
        // An edge against the ranks must not turn the picture upside down.
        if rank(edge.from) >= rank(edge.to) && rank(edge.to).is_some() {
            with.push("constraint=false".to_owned());
        }
        let (from, to) = (edge.from.name(), edge.to.name());
        let _ = writeln!(out, "  \"{from}\" -> \"{to}\" [{}];", with.join(", "));
    }
    out.push_str("}\n");
    out
}
