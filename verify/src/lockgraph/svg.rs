//! The lock order as a picture: a row for each lock, outermost on top. What follows the ranks runs
//! down on the right; what goes against them comes back up on the left.

use super::graph::{Edge, LockGraph, rank};
use crate::report::escape;
use crate::rule::Node;
use std::fmt::Write;

const STYLE: &str = include_str!("picture.css");
const ROW: i32 = 62;
const BOX: i32 = 36;
const MARGIN: i32 = 20;
/// How far an arc over one row bulges, and each further row adds.
const BULGE: (i32, i32) = (34, 26);
/// Pixels that a character is wide at most.
const LETTER: i32 = 8;

/// Draws it as a file of its own: no script, font or other file, and the same bytes each time.
pub fn svg(graph: &LockGraph) -> String {
    let layout = Layout::new(graph);
    let key = key(graph, (layout.width - 2 * MARGIN) / 7);
    let height = layout.bottom + 18 + 17 * key.len() as i32 + MARGIN;
    let title = escape(&format!("lock order on {}", graph.kernel));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{height}\" \
         viewBox=\"0 0 {0} {height}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{title}</title>\n<desc id=\"desc\">{1}</desc>\n<style>\n{STYLE}</style>\n\
         <defs>{2}{3}</defs>\n<rect width=\"100%\" height=\"100%\" class=\"ground\"/>\n\
         <text x=\"{MARGIN}\" y=\"{4}\" class=\"heading\">{title}</text>\n",
        layout.width,
        escape(&sentences(graph)),
        arrow("to", "arrow"),
        arrow("to-cycle", "arrow cycle"),
        MARGIN + 8,
    );
    let mut y = MARGIN + 28;
    for line in graph.partial().into_iter().chain([graph.heading()]) {
        let _ =
            writeln!(out, "<text x=\"{MARGIN}\" y=\"{y}\" class=\"note\">{}</text>", escape(&line));
        y += 17;
    }
    // Cycles last: they are drawn over the others.
    let mut edges: Vec<&Edge> = graph.edges.iter().collect();
    edges.sort_by_key(|edge| edge.cyclic);
    for edge in &edges {
        layout.arc(&mut out, edge);
    }
    for (letter, edge) in graph.lettered() {
        layout.letter(&mut out, edge, &letter);
    }
    for &node in &graph.nodes {
        layout.node(&mut out, node);
    }
    let mut y = layout.bottom + 18;
    for (class, line) in key {
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{y}\" class=\"{class}\">{}</text>",
            escape(&line)
        );
        y += 17;
    }
    out.push_str("</svg>\n");
    out
}

fn arrow(id: &str, class: &str) -> String {
    format!(
        "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path d=\"M0 0.5L8 4L0 7.5z\" class=\"{class}\"/></marker>"
    )
}

/// Everything the picture shows, for those who cannot see it.
fn sentences(graph: &LockGraph) -> String {
    let sentence = |edge: &Edge| {
        let cycle = if edge.cyclic { ", part of a cycle" } else { "" };
        format!("{}{cycle}.", edge.words())
    };
    graph.edges.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// The lines below the picture.
fn key(graph: &LockGraph, width: i32) -> Vec<(&'static str, String)> {
    let width = usize::try_from(width).unwrap_or(40).max(40);
    let mut lines = Vec::new();
    let mut say = |class: &'static str, text: String, indent: usize| {
        for (at, line) in fold(&text, width - indent).into_iter().enumerate() {
            let indent = if at > 0 { "\u{a0}".repeat(indent) } else { String::new() };
            lines.push((class, format!("{indent}{line}")));
        }
    };
    say("note", "An arrow leads from what is held to what is waited for. Thin: other arrows lead there too.".to_owned(), 0);
    say(
        "note",
        "Dashed: the drain of i_dio_count, which waits for whoever has a reference.".to_owned(),
        0,
    );
    for cycle in &graph.cycles {
        say("key", format!("Cycle: {}", graph.cycle_words(cycle)), 4);
    }
    for (letter, edge) in graph.lettered() {
        say("key", format!("({letter}) {}", graph.makers(edge)), 4);
    }
    lines
}

/// A text in lines, cut between words.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

struct Layout<'g> {
    graph: &'g LockGraph,
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
    width: i32,
}

impl<'g> Layout<'g> {
    fn new(graph: &'g LockGraph) -> Layout<'g> {
        let longest = graph.nodes.iter().map(|n| n.name().chars().count()).max().unwrap_or(8);
        let mut layout =
            Layout { graph, left: MARGIN, right: 0, top: MARGIN + 66, bottom: 0, width: 0 };
        let widest = |layout: &Layout, down: bool| {
            let of = |edge: &&Edge| layout.down(edge) == down;
            let bulge = graph.edges.iter().filter(of).map(|edge| layout.bulge(edge)).max();
            // A curve goes three quarters of the way to its control points.
            bulge.map_or(0, |bulge| bulge * 3 / 4 + 16)
        };
        layout.left += widest(&layout, false);
        layout.right = layout.left + longest as i32 * LETTER + 24;
        layout.bottom = layout.top + ROW * graph.nodes.len() as i32;
        layout.width = (layout.right + widest(&layout, true) + MARGIN).max(560);
        layout
    }

    fn row(&self, node: Node) -> i32 {
        self.graph.nodes.iter().position(|&n| n == node).unwrap_or(0) as i32
    }

    /// The middle of a node's box.
    fn y(&self, node: Node) -> i32 {
        self.top + ROW * self.row(node) + BOX / 2
    }

    /// Whether an edge goes the way of the ranks.
    fn down(&self, edge: &Edge) -> bool {
        self.row(edge.from) < self.row(edge.to)
    }

    fn bulge(&self, edge: &Edge) -> i32 {
        let rows = (self.row(edge.from) - self.row(edge.to)).abs();
        if rows == 0 {
            return 2 * BULGE.0;
        }
        BULGE.0 + BULGE.1 * (rows - 1).max(0)
    }

    /// Where an edge leaves, where it arrives, and which way it bulges.
    fn ends(&self, edge: &Edge) -> (i32, i32, i32, i32) {
        let (x, side) = if self.down(edge) { (self.right, 1) } else { (self.left, -1) };
        // Leaving and arriving edges of one node do not meet.
        let apart = match edge.from == edge.to {
            true => -14,
            false => 7 * side,
        };
        (x, self.y(edge.from) + apart, self.y(edge.to) - apart, side * self.bulge(edge))
    }

    fn arc(&self, out: &mut String, edge: &Edge) {
        let (x, from, to, bulge) = self.ends(edge);
        let classes = [
            (true, "edge"),
            (edge.drain(), "drain"),
            (edge.implied, "implied"),
            (edge.cyclic, "cycle"),
        ];
        let classes: Vec<&str> = classes.iter().filter(|c| c.0).map(|c| c.1).collect();
        let marker = if edge.cyclic { "to-cycle" } else { "to" };
        let out_x = x + bulge;
        let tip = format!("{}: {}", edge.words(), edge.litmus.join(", "));
        let _ = writeln!(
            out,
            "<path d=\"M{x} {from}C{out_x} {from} {out_x} {to} {x} {to}\" class=\"{}\" \
             marker-end=\"url(#{marker})\"><title>{}</title></path>",
            classes.join(" "),
            escape(&tip)
        );
    }

    fn letter(&self, out: &mut String, edge: &Edge, letter: &str) {
        let (x, from, to, bulge) = self.ends(edge);
        let (x, y) = (x + bulge * 3 / 4, (from + to) / 2 + 4);
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" class=\"letter\">({letter})</text>");
    }

    fn node(&self, out: &mut String, node: Node) {
        let (x, y) = (self.left, self.y(node) - BOX / 2);
        let (width, middle) = (self.right - self.left, (self.left + self.right) / 2);
        let class = if node == Node::Drain { "node drain" } else { "node" };
        let rank = rank(node).map_or("no rank".to_owned(), |rank| format!("rank {rank}"));
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX}\" rx=\"3\" class=\"{class}\"/>\n\
             <text x=\"{middle}\" y=\"{}\" class=\"name\">{}</text>\n\
             <text x=\"{middle}\" y=\"{}\" class=\"rank\">{rank}</text>",
            y + 16,
            escape(node.name()),
            y + 30,
        );
    }
}
