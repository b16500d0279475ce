//! Reads schedules, and says everything that is wrong with one at once.

use super::seal::Seal;
use super::steps::{KIND, Schedule, Step};
use crate::litmus::Litmus;
use crate::problem::{self, Finding, Problems, Span, shown};
use crate::program::Memory;
use diolock::kernel::{Fix, Kernel, Version};
use diolock::op::TaskId;
use std::path::Path;

/// A schedule file is never longer, in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// Nor has it more steps.
const MAX_STEPS: usize = 100_000;
const HEADERS: [&str; 4] = ["litmus", "kernel", "seal", "ends"];

struct Reader<'a> {
    litmus: &'a Litmus,
    letters: Vec<char>,
    findings: Vec<Finding>,
    seen: Vec<&'static str>,
    schedule: Schedule,
}

impl Schedule {
    /// Reads a schedule from its text; `path` is its name in messages.
    ///
    /// # Errors
    /// With every problem of the text, each with its place.
    pub fn parse(path: &str, text: &str, litmus: &Litmus) -> Result<Schedule, Problems> {
        let schedule = Schedule {
            steps: Vec::new(),
            kernel: None,
            seal: None,
            ends: None,
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let (letters, findings, seen) = (litmus.letters(), Vec::new(), Vec::new());
        let mut reader = Reader { litmus, letters, findings, seen, schedule };
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let code = line.split('#').next().unwrap_or_default().trim_end();
            reader.line(code, offset);
            offset += line.len();
        }
        if reader.schedule.steps.is_empty() && reader.findings.is_empty() {
            let mut finding =
                Finding::new(Some(0..text.len()), "there is no step in this schedule");
            finding.help("for example WWTTW: each letter is a step of that task");
            reader.findings.push(finding);
        }
        if reader.findings.is_empty() {
            return Ok(reader.schedule);
        }
        Err(Problems::new(KIND, path, text, reader.findings))
    }

    /// Reads a schedule from a file.
    ///
    /// # Errors
    /// If the file cannot be read, or with every problem of its text.
    pub fn load(path: &Path, litmus: &Litmus) -> Result<Schedule, Problems> {
        let advice = "a counterexample has some dozens of steps";
        let text = problem::read(KIND, path, MAX_BYTES, advice)?;
        Schedule::parse(&path.display().to_string(), &text, litmus)
    }
}

impl Reader<'_> {
    fn wrong(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        self.findings.push(Finding::new(Some(span), message));
        self.findings.last_mut().expect("one was just pushed")
    }

    fn line(&mut self, code: &str, offset: usize) {
        let start = offset + code.len() - code.trim_start().len();
        let code = code.trim();
        if let Some((key, value)) = code.split_once(':')
            && key.chars().count() > 1
            && key.chars().all(|c| c.is_ascii_lowercase())
        {
            let key_span = start..start + key.len();
            let lead = value.len() - value.trim_start().len();
            let value_start = start + key.len() + 1 + lead;
            let value = value.trim();
            let span = value_start..value_start + value.len().max(1);
            return self.header(key, key_span, value, span);
        }
        let mut at = start;
        for word in code.split_inclusive([' ', '\t', ',', ';']) {
            let token = word.trim_end_matches([' ', '\t', ',', ';']);
            if !token.is_empty() {
                self.token(token, at);
            }
            at += word.len();
        }
    }

    fn header(&mut self, key: &str, key_span: Span, value: &str, span: Span) {
        let Some(known) = HEADERS.into_iter().find(|h| *h == key) else {
            self.wrong(key_span, format!("`{}` is not a heading", shown(key)))
                .choices(key, HEADERS);
            return;
        };
        if self.seen.contains(&known) {
            self.wrong(key_span, format!("`{known}` is there already"));
            return;
        }
        self.seen.push(known);
        match known {
            "litmus" if value != self.litmus.name => {
                let message = format!("this is a schedule of `{}`", shown(value));
                let name = self.litmus.name.clone();
                self.wrong(span, message).label(format!("not of {name}"));
            }
            "kernel" => self.kernel(value, span),
            "seal" => self.seal(value, span),
            "ends" => self.schedule.ends = Some(value.to_owned()),
            _ => {}
        }
    }

    fn kernel(&mut self, value: &str, span: Span) {
        let (version, without) = value.split_once(" without ").unwrap_or((value, ""));
        let names = Version::ALL.map(Version::name);
        let version = version.trim();
        let Some(found) = Version::named(version) else {
            self.wrong(span, format!("`{}` is not a kernel of the model", shown(version)))
                .choices(version, names);
            return;
        };
        let mut kernel = Kernel::new(found);
        for name in without.split([',', ' ']).filter(|name| !name.is_empty() && *name != "without")
        {
            match Fix::named(name).filter(|&fix| Kernel::new(found).has(fix)) {
                Some(fix) => kernel = kernel.without(fix),
                None => {
                    let fixes = Kernel::new(found).fixes().map(|fix| fix.about().commit);
                    self.wrong(span.clone(), format!("{version} has no fix `{}`", shown(name)))
                        .choices(name, fixes);
                }
            }
        }
        self.schedule.kernel = Some(kernel);
    }

    fn seal(&mut self, value: &str, span: Span) {
        match Seal::parse(value) {
            Some(_) if self.schedule.seal.is_some() => {
                self.wrong(span, "there is a seal already");
            }
            Some(seal) => self.schedule.seal = Some((seal, span)),
            None => {
                self.wrong(span, format!("`{}` is not a seal", shown(value)))
                    .label("six hex digits, `-`, six hex digits")
                    .help(
                        "leave it out: it only guards against changes since the schedule was made",
                    );
            }
        }
    }

    fn token(&mut self, token: &str, at: usize) {
        let (steps, seal) = match token.split_once('@') {
            Some((steps, seal)) => (steps, Some(seal)),
            None => (token, None),
        };
        if let Some(seal) = seal {
            let start = at + steps.len() + 1;
            self.seal(seal, start..start + seal.len().max(1));
        }
        let (letters, name) = match steps.split_once(':') {
            Some((letters, name)) => (letters, Some(name)),
            None => (steps, None),
        };
        let before = self.schedule.steps.len();
        self.letters(letters, at);
        let Some(name) = name else { return };
        let span = at..at + steps.len();
        let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric());
        match &mut self.schedule.steps[before..] {
            [step] if word => {
                step.name = Some(name.to_owned());
                step.span = span;
            }
            _ if !word => {
                self.wrong(span, format!("`{}` is not the name of a step", shown(name)))
                    .help("for example W:TakeImutex");
            }
            [] => {}
            _ => {
                self.wrong(span, "a name is for one step").help("write a line for each step");
            }
        }
    }

    fn letters(&mut self, text: &str, offset: usize) {
        let mut chars = text.char_indices().peekable();
        while let Some((at, letter)) = chars.next() {
            let start = offset + at;
            let mut end = start + letter.len_utf8();
            let mut digits = String::new();
            while let Some(&(_, digit)) = chars.peek().filter(|(_, c)| c.is_ascii_digit()) {
                digits.push(digit);
                end += 1;
                chars.next();
            }
            let mut old = 0_u8;
            while chars.peek().is_some_and(|(_, c)| *c == '\'') {
                old = old.saturating_add(1);
                end += 1;
                chars.next();
            }
            self.steps(letter, &digits, old, start..end);
        }
    }

    fn steps(&mut self, letter: char, digits: &str, old: u8, span: Span) {
        let task = self.letters.iter().position(|&l| l == letter);
        let Some(task) = task else {
            let letters: Vec<String> = self.letters.iter().map(char::to_string).collect();
            let name = self.litmus.name.clone();
            let message = if letter.is_alphabetic() {
                format!("there is no task {letter} in {name}")
            } else {
                format!("`{}` is not a task's letter", shown(&letter.to_string()))
            };
            let help = format!("the tasks: {} (lower case: a completion)", letters.join(", "));
            self.wrong(span, message).help(help);
            return;
        };
        let count: usize = if digits.is_empty() { 1 } else { digits.parse().unwrap_or(usize::MAX) };
        if count == 0 || count > MAX_STEPS - self.schedule.steps.len().min(MAX_STEPS) {
            let message = format!("{letter} cannot take {} steps", shown(digits));
            self.wrong(span, message)
                .label(format!("a count is 1 or more, a schedule has at most {MAX_STEPS} steps"));
            return;
        }
        if old > 0 && self.litmus.memory != Memory::C11 {
            self.wrong(span, "every step of this test reads the last value written")
                .label("leave the ' out")
                .help("old values are for litmus tests with memory = \"c11\"");
            return;
        }
        if old > 0 && count > 1 {
            self.wrong(span, "a count and a ' together say too little")
                .help("write each of these steps with its own letter");
            return;
        }
        let step = Step { task: task as TaskId, old, name: None, span };
        self.schedule.steps.extend(std::iter::repeat_n(step, count));
    }
}
