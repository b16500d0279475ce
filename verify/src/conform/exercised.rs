//! What an accepted recording exercised, for people and programs.

use super::coverage::{Coverage, Seen, TaskCoverage, Unfinished};
use super::event::Name;
use super::frame::Kind;
use super::trail::{Edge, Step};
use crate::report::{WIDTH, wrap};
use diolock::kernel::Kernel;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// Lines of transitions that are shown of a task.
const LINES: usize = 8;

/// An accepted recording: what it exercised, and what not.
pub fn accepted_text(path: &str, kernel: Kernel, coverage: &Coverage, name: Name) -> String {
    let lacks = coverage.lacks();
    let word = if lacks.is_empty() { "accepted" } else { "accepted but vacuous" };
    let mut text = format!("{path}: {word} by {kernel}, {} events\n", coverage.events);
    for lack in &lacks {
        let _ = writeln!(text, "  {lack}");
    }
    let Coverage { queued, waited, converted, not_modelled, .. } = coverage;
    let _ = writeln!(
        text,
        "  {queued} asynchronous, {waited} drains that waited, {converted} conversions; \
         {not_modelled} events of calls that are not modelled"
    );
    for Unfinished { thread, waits_for, because_of } in &coverage.unfinished {
        let mut line = format!("{} had not returned", name(*thread));
        if let Some(what) = waits_for {
            let _ = write!(line, ": it waited for {what}");
        }
        let by: Vec<String> = because_of.iter().map(|&other| name(other)).collect();
        if !by.is_empty() {
            let _ = write!(line, ", because of {}", by.join(", "));
        }
        text.push_str(&wrap(&line, "  ", WIDTH));
    }
    for kind in Kind::ALL {
        task_text(kind, &coverage.task(kind, kernel), &mut text);
    }
    text
}

/// A task's steps with their counts; of its transitions those that were not taken.
fn task_text(kind: Kind, task: &TaskCoverage, text: &mut String) {
    let TaskCoverage { calls, steps, edges } = task;
    let _ = writeln!(text, "\n{}: {calls} calls", kind.task());
    let _ = writeln!(text, "  steps: {}\n  edges: {}", counts(steps), counts(edges));
    for (step, seen) in steps {
        if let Seen::Exercised(times) = seen {
            let _ = writeln!(text, "  {times:>7}  {step}");
        }
    }
    for (seen, word) in [(Seen::Unclear, "perhaps"), (Seen::Never, "never")] {
        for step in with(steps, seen) {
            let _ = writeln!(text, "  {word:>7}  {step}");
        }
    }
    let hidden = by_function(with(steps, Seen::NotObservable));
    for (seen, heading, lines) in [
        (Seen::NotObservable, "steps that no recording shows", hidden),
        (Seen::Never, "edges never taken", by_step(with(edges, Seen::Never))),
        (Seen::Unclear, "edges perhaps taken", by_step(with(edges, Seen::Unclear))),
    ] {
        let shown = if lines.len() > LINES + 1 { LINES } else { lines.len() };
        if shown > 0 {
            let _ = writeln!(text, "  {heading}:");
        }
        for line in &lines[..shown] {
            text.push_str(&wrap(line, "    ", WIDTH));
        }
        if shown < lines.len() {
            let more: usize = with(edges, seen).count();
            let _ = writeln!(text, "    ... all {more}: --json");
        }
    }
}

/// Those of which that was seen.
fn with<T: Ord>(all: &BTreeMap<T, Seen>, wanted: Seen) -> impl Iterator<Item = &T> {
    all.iter().filter(move |(_, seen)| **seen == wanted).map(|(one, _)| one)
}

fn counts<T: Ord>(all: &BTreeMap<T, Seen>) -> String {
    let exercised = all.values().filter(|seen| matches!(seen, Seen::Exercised(_))).count();
    let mut text = format!("{exercised} of {} exercised", all.len());
    for (seen, word) in [
        (Seen::Never, "never"),
        (Seen::Unclear, "perhaps"),
        (Seen::NotObservable, "not observable"),
    ] {
        let count = with(all, seen).count();
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

/// A line for each function: `up_read: DropShared, DropRwsem`.
fn by_function<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<String> {
    let mut functions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in steps {
        functions.entry(step.function).or_default().push(step.name);
    }
    functions.into_iter().map(|(name, steps)| format!("{name}: {}", steps.join(", "))).collect()
}

/// A line for each step that they leave; a step of the same function is named without it.
fn by_step<'a>(edges: impl Iterator<Item = &'a Edge>) -> Vec<String> {
    let mut steps: BTreeMap<Step, Vec<String>> = BTreeMap::new();
    for Edge { from, to } in edges {
        let same = from.function == to.function;
        let to = if same { to.name.to_owned() } else { to.to_string() };
        steps.entry(*from).or_default().push(to);
    }
    steps.into_iter().map(|(from, to)| format!("{from} -> {}", to.join(", "))).collect()
}

/// A call that had not returned.
pub(super) fn unfinished_json(unfinished: &Unfinished, name: Name) -> Value {
    json!({
        "task": name(unfinished.thread),
        "waits_for": unfinished.waits_for,
        "because_of": unfinished.because_of.iter().map(|&other| name(other)).collect::<Vec<_>>(),
    })
}

/// A task's steps and transitions, each in one of four lists.
pub(super) fn task_json(kind: Kind, task: &TaskCoverage) -> Value {
    json!({
        "task": kind.task(),
        "calls": task.calls,
        "steps": lists(&task.steps),
        "edges": lists(&task.edges),
    })
}

fn lists<T: Ord + Display>(all: &BTreeMap<T, Seen>) -> Value {
    let names = |seen| with(all, seen).map(T::to_string).collect::<Vec<String>>();
    let exercised: serde_json::Map<String, Value> = all
        .iter()
        .filter_map(|(one, seen)| match seen {
            Seen::Exercised(times) => Some((one.to_string(), json!(times))),
            _ => None,
        })
        .collect();
    json!({
        "exercised": exercised,
        "never": names(Seen::Never),
        "perhaps": names(Seen::Unclear),
        "not_observable": names(Seen::NotObservable),
    })
}
