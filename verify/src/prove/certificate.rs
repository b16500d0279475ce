//! A proof that nobody is stuck, on paper: the order of what is waited for, and every step that waits.
//!
//! ```text
//! diolock certificate 1
//! kernel: v6.12
//! without: 1c9114f9c0f1
//! file: size = 1, extents = ["written"]
//! call: pwrite block=0
//! order: i_rwsem < i_dio_count < i_data_sem
//! wait: pwrite block=0 | ext4_map_blocks TakeShared | i_data_sem | i_rwsem, i_dio_count
//! ```
//!
//! Of a wait: the call (`pwrite block=0, completion` of its completion), the kernel function and the step, what is
//! waited for, and all that may be held meanwhile.

use super::deadlock::Deadlock;
use super::scene::Scene;
use super::waits::{Class, Wait};
use diolock::kernel::{Fix, Kernel, Version};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The first line.
pub(super) const TITLE: &str = "diolock certificate 1";

/// What follows a call's text for its completion.
pub(super) const COMPLETION: &str = ", completion";

/// The certificate, if there is a proof.
pub fn certificate(scene: &Scene, found: &Deadlock) -> Option<String> {
    let order = found.order.as_ref().ok().filter(|_| found.proved())?;
    let mut text = format!("{TITLE}\nkernel: {}\n", scene.kernel.version.name());
    for fix in scene.kernel.removed() {
        let _ = writeln!(text, "without: {}", fix.about().commit);
    }
    let _ = writeln!(text, "file: {}", scene.file);
    for template in &scene.templates {
        let _ = writeln!(text, "call: {}", template.text);
    }
    let _ = writeln!(text, "order: {}", in_order(order));
    // What is held less is covered by what is held more.
    let covered = |wait: &Wait, by: &Wait| {
        let place = |wait: &Wait| (wait.completion, wait.function, wait.step);
        wait.call == by.call && place(wait) == place(by) && wait.holds.is_subset(&by.holds)
    };
    for wait in &found.waits {
        if !found.waits.iter().any(|by| by != wait && covered(wait, by)) {
            let _ = writeln!(text, "wait: {}", line(wait));
        }
    }
    Some(text)
}

/// `i_rwsem < i_data_sem`.
pub fn in_order(order: &[Class]) -> String {
    let names: Vec<String> = order.iter().map(Class::to_string).collect();
    names.join(" < ")
}

fn line(wait: &Wait) -> String {
    let Wait { call, completion, function, step, holds, wants } = wait;
    let completion = if *completion { COMPLETION } else { "" };
    let holds: Vec<String> = holds.iter().map(Class::to_string).collect();
    let holds = if holds.is_empty() { "-".to_owned() } else { holds.join(", ") };
    format!("{call}{completion} | {function} {step} | {wants} | {holds}")
}

/// What is wrong with a certificate, and in which line (from 1; 0 if something is not there at all).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The line.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

pub(super) fn no<T>(line: usize, why: impl Into<String>) -> Result<T, Rejected> {
    Err(Rejected { line, why: why.into() })
}

/// What was read.
pub(super) struct Certificate {
    pub(super) kernel: Kernel,
    pub(super) file: String,
    pub(super) calls: Vec<String>,
    /// In its line.
    pub(super) order: (usize, Vec<Class>),
    pub(super) waits: Vec<Stated>,
}

/// A wait, as its line has it.
pub(super) struct Stated {
    pub(super) line: usize,
    /// The call, or its completion.
    pub(super) call: String,
    /// Function and step.
    pub(super) step: String,
    pub(super) wants: Class,
    pub(super) holds: BTreeSet<Class>,
}

/// Reads a certificate; what it says is not judged here.
pub(super) fn read(text: &str) -> Result<Certificate, Rejected> {
    let (mut kernel, mut file, mut order) = (None, None, None);
    let (mut calls, mut waits) = (Vec::new(), Vec::new());
    let class = |line, name: &str| match Class::named(name) {
        Some(class) => Ok(class),
        None => no(line, format!("nothing called `{name}` is waited for")),
    };
    if text.lines().next() != Some(TITLE) {
        return no(1, format!("a certificate begins with `{TITLE}`"));
    }
    for (line, text) in (1..).zip(text.lines()).skip(1) {
        let Some((key, value)) = text.split_once(": ") else {
            return no(line, "a line is `key: value`");
        };
        match (key, &kernel, &order) {
            ("kernel", None, _) => {
                let found = Version::named(value);
                let Some(version) = found else { return no(line, format!("no kernel `{value}`")) };
                kernel = Some(Kernel::new(version));
            }
            ("without", Some(whole), _) => match Fix::named(value).filter(|&fix| whole.has(fix)) {
                Some(fix) => kernel = Some(whole.without(fix)),
                None => return no(line, format!("it has no fix `{value}`")),
            },
            ("file", Some(_), _) if file.is_none() => file = Some(value.to_owned()),
            ("call", Some(_), None) if !calls.contains(&value.to_owned()) => {
                calls.push(value.to_owned());
            }
            ("order", Some(_), None) => {
                let classes: Result<Vec<Class>, Rejected> =
                    value.split(" < ").map(|name| class(line, name)).collect();
                order = Some((line, classes?));
            }
            ("wait", Some(_), Some(_)) => {
                let parts: Vec<&str> = value.split(" | ").collect();
                let [call, step, wants, holds] = parts[..] else {
                    return no(line, "a wait is `call | function step | what for | what is held`");
                };
                let holds = holds.split(", ").filter(|&name| name != "-");
                let holds: Result<BTreeSet<Class>, Rejected> =
                    holds.map(|name| class(line, name)).collect();
                let (call, step) = (call.to_owned(), step.to_owned());
                waits.push(Stated { line, call, step, wants: class(line, wants)?, holds: holds? });
            }
            _ => return no(line, format!("`{key}` has no place here")),
        }
    }
    match (kernel, file, order) {
        (Some(kernel), Some(file), Some(order)) if !calls.is_empty() => {
            Ok(Certificate { kernel, file, calls, order, waits })
        }
        _ => no(0, "a certificate names a kernel, a file, calls and an order"),
    }
}
