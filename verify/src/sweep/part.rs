//! A program of a sweep, or a part of one.

use super::calls::{CALLS, CallText};
use super::starts::{Start, StartText};
use crate::engine::graph;
use crate::litmus::Litmus;
use crate::litmus::parse::parse;
use crate::problem::Problems;
use crate::program::System;
use crate::rule::{RuleId, RuleSet};
use diolock::kernel::{Kernel, Version};
use miette::Diagnostic;
use serde::{Deserialize, Serialize};

/// Calls on a file, by their numbers, in order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Part {
    pub(super) file: Start,
    pub(super) calls: Vec<usize>,
}

/// The same in words, as JSON has it.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    file: StartText,
    calls: Vec<String>,
}

impl From<Part> for Written {
    fn from(part: Part) -> Written {
        let calls = part.calls.iter().map(|&at| CALLS[at].to_owned()).collect();
        Written { file: part.file.into(), calls }
    }
}

impl TryFrom<Written> for Part {
    type Error = String;
    fn try_from(written: Written) -> Result<Part, String> {
        let number = |text: &String| {
            let at = CALLS.iter().position(|call| call == text);
            at.ok_or_else(|| format!("no program has the call {text}"))
        };
        let calls = written.calls.iter().map(number).collect::<Result<_, _>>()?;
        Ok(Part { file: written.file.try_into()?, calls })
    }
}

impl Part {
    /// The calls.
    pub(super) fn call_texts(&self) -> impl Iterator<Item = CallText> {
        self.calls.iter().map(|&at| CallText::number(at))
    }

    /// Its parts with one call less.
    pub(super) fn smaller(&self) -> impl Iterator<Item = Part> {
        let count = self.calls.len();
        let less = move |leave: usize| {
            let mut calls = self.calls.clone();
            calls.remove(leave);
            Part { file: self.file.clone(), calls }
        };
        (0..count).filter(move |_| count > 1).map(less)
    }

    /// Each way to have one of its calls first: the others, on the file that this one alone leaves.
    pub(super) fn later(&self, version: Version) -> Vec<Part> {
        let count = self.calls.len();
        let later = |first: usize| {
            let mut calls = self.calls.clone();
            let alone = Part { file: self.file.clone(), calls: vec![calls.remove(first)] };
            let program = alone.litmus(version, RuleSet::ALL).ok()?.program(Kernel::new(version));
            let mut system = System::new(&program);
            // None of these calls repeats for ever.
            let next = |system: &System| graph::enabled(system).next();
            while let Some(task) = next(&system) {
                let op = graph::pending(&system, task)?;
                system.perform(task, op).ok()?;
            }
            Some(Part { file: Start::now(&system.inode), calls })
        };
        (0..count).filter(|_| count > 2).filter_map(later).collect()
    }

    /// In one line: `size = 1, extents = ["written"]: pwrite block=0 | ftruncate to=0`.
    pub fn line(&self) -> String {
        let calls: Vec<&str> = self.calls.iter().map(|&at| CALLS[at]).collect();
        let pages = self.file.page_blocks();
        let pages = pages.map_or_else(String::new, |blocks| format!("page_blocks = {blocks}, "));
        format!("{pages}{}: {}", self.file.text(), calls.join(" | "))
    }

    /// Whether it runs without dioread_nolock. Up to v3.7 a hole within a page is zeroed after the wait for unwritten
    /// I/O, one of whole pages before it: the former needs a block smaller than a page, and then `ext4_fill_super`
    /// refuses dioread_nolock. Elsewhere the order is the same for both, and a block may be taken for a page.
    fn refuses_nolock(&self, version: Version) -> bool {
        const STORES: [&str; 4] = ["write", "fault", "writepages", "fsync"];
        let has = |names: &[&str]| self.call_texts().any(|call| names.contains(&call.name()));
        let writes_back = has(&["punch_hole"]) && (self.file.dirty || has(&STORES));
        version < Version::V3_11 && writes_back && self.file.paging.blocks() > 1
    }

    /// As a litmus file that expects a verdict.
    pub fn litmus_text(&self, version: Version, rules: RuleSet, verdict: &str) -> String {
        let mut text = "claim = \"nothing goes wrong between these calls\"\n".to_owned();
        if rules != RuleSet::ALL {
            let judged = RuleId::ALL.into_iter().filter(|&rule| rules.has(rule));
            let codes: Vec<String> = judged.map(|rule| format!("\"{}\"", rule.code())).collect();
            text.push_str(&format!("rules = [{}]\n", codes.join(", ")));
        }
        if self.refuses_nolock(version) {
            text.push_str("mount = { dioread_nolock = false }\n");
        }
        if let Some(blocks) = self.file.page_blocks() {
            text.push_str(&format!("page_blocks = {blocks}\n"));
        }
        text.push_str(&format!("file = {{ {} }}\ntask = [\n", self.file.text()));
        for (call, letter) in self.call_texts().zip('A'..) {
            text.push_str(&call.task(letter));
        }
        let name = version.name();
        text.push_str("]\n");
        text.push_str(&format!("expect = [{{ kernel = \"{name}\", verdict = \"{verdict}\" }}]\n"));
        text
    }

    /// As a litmus test, or why it cannot be one.
    pub(super) fn litmus(&self, version: Version, rules: RuleSet) -> Result<Litmus, String> {
        // Whatever is expected: nobody compares.
        let rule = RuleId::ALL.into_iter().find(|&rule| rules.has(rule)).unwrap_or(RuleId::R1);
        let text = self.litmus_text(version, rules, &format!("violates {}", rule.code()));
        parse("sweep", "sweep.toml", &text).map_err(|problems| reason(&problems))
    }
}

/// The first problem, without the letter of the task that has it.
fn reason(problems: &Problems) -> String {
    let Some(problem) = problems.problems().first() else { return "no reason".to_owned() };
    let label = problem.labels().and_then(|mut labels| labels.next()?.label().map(str::to_owned));
    let message = problem.to_string();
    let text = match label {
        Some(label) if message.starts_with("a call is not modelled") => label,
        _ => message,
    };
    match text.split_once("'s ") {
        Some((letter, rest)) if letter.len() == 1 => rest.to_owned(),
        _ => text,
    }
}
