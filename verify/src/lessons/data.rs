//! A graph as the JSON that a page walks: what is said often is said once and then numbered.
//!
//! | key       | holds                                                                              |
//! |-----------|------------------------------------------------------------------------------------|
//! | `kernel`  | the kernel's name, as in a link: `v3.7-1f555cfa29e8`                               |
//! | `replay`  | the command that runs a schedule, but for the schedule                             |
//! | `tasks`   | `[letter, name, steps]` a task; a step is `[name, function, does, stops]`          |
//! | `labels`  | `[group, name]` a cell of the panel                                                |
//! | `cells`   | `tone text`: what cells say, the tone one letter                                   |
//! | `panels`  | a cell number for each label                                                       |
//! | `slots`   | `[step, why, holds]` for each task, flat: step -1 has returned, -2 is not submitted |
//! | `texts`   | what steps, reasons and locks held say; number 0 is empty                          |
//! | `ends`    | `[bad, title, text]`                                                               |
//! | `states`  | `[panel, slots, end or -1, steps to a failure or -1, task, state, text, …]`        |
//! | `runs`    | how many runs there are, in words                                                  |

use super::graph::{End, Graph};
use super::intern::Intern;
use super::slots::{Slot, Step};
use super::steps::steps;
use super::ways;
use crate::traces::letters;
use diolock::kernel::Kernel;
use diolock::op::TaskId;
use serde_json::{Value, json};

/// The graph as JSON.
pub fn data(graph: &Graph) -> Value {
    let mut texts: Intern<String> = Intern::default();
    texts.number(String::new());
    let lists = steps(graph);
    let shown = shown(graph);
    let panels: Vec<Vec<usize>> = graph
        .panels
        .values()
        .iter()
        .map(|panel| shown.iter().map(|&at| panel[at]).collect())
        .collect();
    let slots: Vec<Vec<i64>> =
        graph.slots.values().iter().map(|slots| flat(slots, &lists, &mut texts)).collect();
    let far = ways::distances(graph);
    let words: Vec<usize> =
        graph.words.values().iter().map(|words| texts.number(words.clone())).collect();
    let states: Vec<Vec<i64>> = (0..graph.nodes.len())
        .map(|at| {
            let node = &graph.nodes[at];
            let end = node.end.map_or(-1, number);
            let mut state = vec![number(node.panel), number(node.slots), end];
            state.push(far[at].map_or(-1, number));
            for edge in &node.edges {
                state.extend([i64::from(edge.task), number(edge.to), number(words[edge.words])]);
            }
            state
        })
        .collect();
    let program = &graph.program;
    let way = ways::shortest(graph);
    json!({
        "kernel": link_name(program.kernel),
        "replay": format!("diolock replay {} {}", program.given, program.kernel.options()),
        "litmus": program.litmus,
        "tasks": (0..program.calls.len()).map(|task| {
            let list: Vec<Value> = lists[task].iter().map(step).collect();
            json!([program.names[task].letter.to_string(), program.names[task].text, list])
        }).collect::<Vec<_>>(),
        "labels": shown.iter().map(|&at| json!([graph.labels[at].group, graph.labels[at].name]))
            .collect::<Vec<_>>(),
        "cells": graph.cells.values().iter().map(|(tone, text)| format!("{}{text}", tone.letter()))
            .collect::<Vec<_>>(),
        "panels": panels,
        "slots": slots,
        "texts": texts.values(),
        "ends": graph.ends.values().iter().map(end).collect::<Vec<_>>(),
        "states": states,
        "shortest": way.map(|way| letters(program, &way)),
        "runs": runs_text(graph),
    })
}

/// The kernel's name in a link: `v3.7-1f555cfa29e8`.
pub fn link_name(kernel: Kernel) -> String {
    let without = kernel.removed().map(|fix| format!("-{}", fix.about().commit));
    format!("{}{}", kernel.version.name(), without.collect::<String>())
}

fn number(n: usize) -> i64 {
    n as i64
}

fn step(step: &Step) -> Value {
    json!([step.name, step.function, step.does, u8::from(step.stops)])
}

/// A bad end's title and text, as a person reads them.
pub fn end(end: &End) -> (u8, String, String) {
    match end {
        End::Good => (0, "Every task has returned, and nothing is wrong".to_owned(), String::new()),
        End::Broken(rule, text) => {
            let title = format!("{} {} is broken: {text}", rule.code(), rule.name());
            (1, title, format!("{}: {}", rule.code(), rule.statement()))
        }
        End::Stuck { spins: false, text } => {
            (1, "Deadlock: nobody can go on".to_owned(), text.clone())
        }
        End::Stuck { spins: true, text } => {
            (1, "Livelock: somebody runs for ever and gets nowhere".to_owned(), text.clone())
        }
    }
}

/// The cells that say something somewhere in the graph.
fn shown(graph: &Graph) -> Vec<usize> {
    let says = |at: &usize| {
        let quiet = graph.labels[*at].quiet;
        graph.panels.values().iter().any(|panel| {
            let text = &graph.cells.values()[panel[*at]].1;
            !text.is_empty() && text != quiet
        })
    };
    (0..graph.labels.len()).filter(says).collect()
}

fn flat(slots: &[Slot], lists: &[Vec<Step>], texts: &mut Intern<String>) -> Vec<i64> {
    let mut flat = Vec::with_capacity(3 * slots.len());
    for (slot, list) in slots.iter().zip(lists) {
        flat.extend(match slot {
            Slot::Returned => [-1, 0, 0],
            Slot::NotSubmitted => [-2, 0, 0],
            Slot::Before { step, waits, holds } => {
                let at = list.iter().position(|known| known == step).unwrap_or(0);
                let why = waits.clone().unwrap_or_default();
                [number(at), number(texts.number(why)), number(texts.number(holds.clone()))]
            }
        });
    }
    flat
}

/// How many runs there are: `1,234`, `about 3.4 × 10^12`.
pub fn runs_text(graph: &Graph) -> String {
    match ways::runs(graph) {
        None => "more than can be counted".to_owned(),
        Some(runs) if runs < 10_000_000 => grouped(runs),
        Some(runs) => {
            let digits = runs.to_string();
            let (first, second) = (&digits[..1], &digits[1..2]);
            format!("about {first}.{second} × 10^{}", digits.len() - 1)
        }
    }
}

/// `1,234,567`.
fn grouped(n: u128) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A schedule of the page's letters, each step by itself.
pub fn spelt(graph: &Graph, way: &[TaskId]) -> String {
    way.iter().map(|&task| graph.program.names[usize::from(task)].letter).collect()
}
