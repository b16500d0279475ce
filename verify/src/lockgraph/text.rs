//! The lock order in words.

use super::graph::{LockGraph, rank};
use std::fmt::Write;

/// As wide as it gets.
const COLUMNS: usize = 100;

/// What was waited for under what, outermost first; then the cycles and who makes them.
pub fn text(graph: &LockGraph) -> String {
    let mut out = String::new();
    if let Some(partial) = graph.partial() {
        let _ = writeln!(out, "{partial}");
        list(&mut out, "  ", &graph.cut);
    }
    let _ = writeln!(out, "lock order on {}: {}", graph.kernel, graph.heading());
    out.push_str(
        "held -> waited for; a drain is held by whoever has a reference to i_dio_count\n\n",
    );
    let width = graph.nodes.iter().map(|node| node.name().len()).max().unwrap_or(0);
    for &node in &graph.nodes {
        let rank = rank(node).map_or("-".to_owned(), |rank| rank.to_string());
        let _ = writeln!(out, "  rank {rank:>3}  {}", node.name());
        for edge in graph
            .nodes
            .iter()
            .filter_map(|&to| graph.edges.iter().find(|edge| edge.from == node && edge.to == to))
        {
            let marks = [(edge.cyclic, "CYCLE"), (edge.drain(), "drain")];
            let marks: Vec<&str> = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
            let (to, tests) = (edge.to.name(), edge.litmus.len());
            let line =
                format!("            -> {to:<width$}  {tests:>3} tests  {}", marks.join(" "));
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    for cycle in &graph.cycles {
        let _ = writeln!(out, "\nCYCLE {}", graph.cycle_words(cycle));
        for &at in cycle {
            let edge = &graph.edges[at];
            let _ = writeln!(out, "  {}:", edge.words());
            list(&mut out, "    ", &edge.litmus);
        }
    }
    out
}

/// Names, folded.
fn list(out: &mut String, indent: &str, names: &[String]) {
    let mut line = String::new();
    for (at, name) in names.iter().enumerate() {
        let name = if at + 1 < names.len() { format!("{name},") } else { name.clone() };
        if !line.is_empty() && indent.len() + line.len() + 1 + name.len() > COLUMNS {
            let _ = writeln!(out, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&name);
    }
    let _ = writeln!(out, "{indent}{line}");
}
