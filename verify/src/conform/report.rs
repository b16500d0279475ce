//! What became of a recording, for people and programs.

use super::coverage::Coverage;
use super::event::{Event, Name, Thread};
use super::exercised::{task_json, unfinished_json};
use super::frame::Kind;
use super::reject::Rejection;
use crate::report::{WIDTH, wrap};
use diolock::kernel::Kernel;
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) fn describe(event: &Event) -> String {
    let keys = event.what.keys();
    if keys.is_empty() {
        event.what.name().to_owned()
    } else {
        format!("{} {keys}", event.what.name())
    }
}

pub(super) fn reason(rejection: &Rejection, name: Name) -> String {
    let mut text = rejection.reason.text.clone();
    for &other in &rejection.reason.others {
        text = text.replacen("{}", &name(other), 1);
    }
    text
}

/// The threads of the window, in the order of their first event.
pub(super) fn lanes(rejection: &Rejection) -> Vec<Thread> {
    let mut lanes: Vec<Thread> = Vec::new();
    for (event, _) in &rejection.window {
        if !lanes.contains(&event.thread) {
            lanes.push(event.thread);
        }
    }
    lanes
}

/// A rejected recording: the first event that does not fit.
pub fn rejected_text(path: &str, kernel: &str, rejection: &Rejection, name: Name) -> String {
    let line = rejection.line;
    let mut text = format!("{path}:{line}: rejected by {kernel}\n");
    if let Some(event) = &rejection.event {
        let _ = writeln!(text, "  {} {}: {}", event.seq, name(event.thread), describe(event));
    }
    text.push_str(&wrap(&reason(rejection, name), "  ", WIDTH));
    if let Some(rule) = rejection.reason.rule {
        let words = format!("{} {}: {}", rule.code(), rule.name(), rule.statement());
        text.push_str(&wrap(&words, "  ", WIDTH));
    }
    if !rejection.expected.is_empty() {
        text.push_str("  it would have accepted:\n");
        for expected in &rejection.expected {
            let _ = writeln!(text, "    {expected}");
        }
    }
    let lanes = lanes(rejection);
    if lanes.is_empty() {
        return text;
    }
    let column = ((WIDTH - 10) / lanes.len()).max(12);
    let cell = |text: &str| {
        let cut: String = text.chars().take(column - 1).collect();
        format!("{cut:<column$}")
    };
    text.push_str("\n  line    ");
    text.extend(lanes.iter().map(|&thread| cell(&name(thread))));
    text.truncate(text.trim_end().len());
    text.push('\n');
    for (event, _) in &rejection.window {
        let at = lanes.iter().position(|&lane| lane == event.thread).unwrap_or(0);
        let mark = if event.line == line { '>' } else { ' ' };
        let indent = " ".repeat(at * column);
        let row = format!("{mark} {:<8}{indent}{}", event.line, describe(event));
        let _ = writeln!(text, "{}", row.chars().take(WIDTH).collect::<String>().trim_end());
    }
    text
}

/// The same as JSON.
pub fn json(
    path: &str,
    kernel: Kernel,
    outcome: Result<&Coverage, &Rejection>,
    name: Name,
) -> Value {
    match outcome {
        Ok(coverage) => {
            let lacks = coverage.lacks();
            let tasks: Vec<Value> = Kind::ALL
                .into_iter()
                .map(|kind| task_json(kind, &coverage.task(kind, kernel)))
                .collect();
            let unfinished: Vec<Value> =
                coverage.unfinished.iter().map(|one| unfinished_json(one, name)).collect();
            json!({
                "recording": path,
                "kernel": kernel.to_string(),
                "verdict": if lacks.is_empty() { "accepted" } else { "vacuous" },
                "lacks": lacks,
                "events": coverage.events,
                "asynchronous": coverage.queued,
                "drains_that_waited": coverage.waited,
                "conversions": coverage.converted,
                "not_modelled": coverage.not_modelled,
                "not_returned": unfinished,
                "tasks": tasks,
            })
        }
        Err(rejection) => {
            let event = |event: &Event| {
                json!({
                    "line": event.line,
                    "seq": event.seq,
                    "task": name(event.thread),
                    "event": event.what.name(),
                    "keys": event.what.keys(),
                })
            };
            json!({
                "recording": path,
                "kernel": kernel.to_string(),
                "verdict": "rejected",
                "line": rejection.line,
                "event": rejection.event.as_ref().map(event),
                "reason": reason(rejection, name),
                "rule": rejection.reason.rule.map(|rule| rule.code()),
                "expected": rejection.expected,
                "window": rejection.window.iter().map(|(shown, _)| event(shown)).collect::<Vec<_>>(),
            })
        }
    }
}
