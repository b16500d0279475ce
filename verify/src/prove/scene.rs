//! What a proof is about: calls, any number of each at a time, on a file.

use crate::litmus::Litmus;
use crate::litmus::parse::parse;
use crate::program::{Program, TaskName};
use crate::rule::{RuleSet, Written};
use diolock::call::Call;
use diolock::inode::Inode;
use diolock::kernel::{Kernel, Version};
use diolock::op::LockName;
use toml::{Table, Value};

/// A call that any number of tasks make.
#[derive(Clone, Debug)]
pub struct Template {
    /// As litmus files write it: `pwrite block=0`.
    pub text: String,
    /// Its task.
    pub call: Call,
    /// The task that completes it, if it is asynchronous.
    pub completion: Option<Call>,
    /// The two of them as a program, for the rules.
    pub(super) program: Program,
}

/// Calls on a file.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The kernel.
    pub kernel: Kernel,
    /// The file at the start, as litmus files write it.
    pub file: String,
    /// The calls.
    pub templates: Vec<Template>,
    pub(super) start: Inode,
    pub(super) written: Written,
    /// Locks of which everybody knows whether somebody holds them alone.
    pub(super) exposed: Vec<LockName>,
}

/// A call in one line, as a task of a litmus file: `aio_pwrite block=0` with a letter.
fn task_line(text: &str, letter: char) -> String {
    let mut words = text.split_whitespace();
    let mut line =
        format!("{{ name = \"{letter}\", call = \"{}\"", words.next().unwrap_or_default());
    for pair in words {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        let plain = matches!(value, "true" | "false") || value.parse::<f64>().is_ok();
        let value = if plain { value.to_owned() } else { format!("\"{value}\"") };
        line.push_str(&format!(", {key} = {value}"));
    }
    line.push_str(" }");
    line
}

/// A litmus file of these calls on a file, which expects a verdict.
pub fn litmus_text(kernel: Kernel, file: &str, calls: &[&str], expected: &str) -> String {
    let line = |(call, letter): (&&str, char)| format!("    {},\n", task_line(call, letter));
    let tasks: String = calls.iter().zip(('A'..='Z').cycle()).map(line).collect();
    let without = kernel.removed().map(|fix| format!("\"{}\"", fix.about().commit));
    let without: Vec<String> = without.collect();
    let without = match without.is_empty() {
        true => String::new(),
        false => format!(", without = [{}]", without.join(", ")),
    };
    format!(
        "claim = \"nothing goes wrong between these calls\"\nfile = {{ {file} }}\ntask = [\n{tasks}]\nexpect = [{{ kernel = \"{}\"{without}, verdict = \"{expected}\" }}]\n",
        kernel.version.name()
    )
}

/// What a litmus file says besides of its calls and of the file that they meet on.
const BESIDES: [&str; 10] =
    ["reaches", "exists", "never", "always", "rules", "except", "bug", "evidence", "fair", "torn"];

impl Scene {
    /// These calls on a file of that kernel.
    ///
    /// # Errors
    /// Why a call cannot be made there, or not be carried to any number of tasks, in words.
    pub fn new(kernel: Kernel, file: &str, calls: &[String]) -> Result<Scene, String> {
        if calls.is_empty() {
            return Err("there is no call".to_owned());
        }
        let texts: Vec<&str> = calls.iter().map(|call| &call[..]).collect();
        let text = litmus_text(kernel, file, &texts, "deadlock");
        let table = text.parse::<Table>().map_err(|error| error.message().to_owned())?;
        Scene::of(kernel, &table, file, calls)
    }

    /// The calls of a litmus test, any number of each.
    ///
    /// # Errors
    /// The same.
    pub fn of_litmus(kernel: Kernel, litmus: &Litmus) -> Result<Scene, String> {
        let table = litmus.source.parse::<Table>().map_err(|error| error.message().to_owned())?;
        let names = litmus.program(kernel).names.into_iter().map(|name| name.text);
        let names: Vec<String> = names.take(litmus.tasks.len()).collect();
        let file = table.get("file").map(Value::to_string).unwrap_or_default();
        let file = file.trim_matches(['{', '}', ' ']);
        Scene::of(kernel, &table, file, &names)
    }

    fn of(kernel: Kernel, table: &Table, file: &str, names: &[String]) -> Result<Scene, String> {
        let slot = kernel.version <= Version::V3_11;
        let tasks = table.get("task").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut templates = Vec::new();
        for (task, text) in tasks.iter().zip(names) {
            // As a call is made where there may be cached pages: the file itself is another one.
            let mut table = alone(kernel, table, task);
            table.insert(
                "file".to_owned(),
                toml::toml! { size = 1
                extents = ["written"]
                cached_pages = 1 }
                .into(),
            );
            table.remove("setup");
            let litmus = read(&table).map_err(|why| format!("{text}: {why}"))?;
            templates.push(template(text, litmus.program_following(kernel, slot))?);
        }
        let commits = templates.iter().any(|t| matches!(t.call, Call::Commit(_)));
        for template in templates.iter_mut().filter(|_| commits) {
            // R14 asks whether somebody commits.
            template.program.calls.resize(2, template.call.clone());
            template.program.calls.push(Call::Commit(Default::default()));
        }
        let Some(first) = tasks.first() else { return Err("there is no call".to_owned()) };
        let start = read(&alone(kernel, table, first))?.program_following(kernel, slot);
        if start.calls.iter().any(|call| call.holds().is_some() || call.end_bio().is_some()) {
            return Err("somebody has something of the inode before the start".to_owned());
        }
        let start = start.inode.reusing_blocks();
        Ok(Scene {
            kernel,
            file: file.to_owned(),
            templates,
            written: Written::of(&start),
            start,
            exposed: vec![
                LockName::of_inode(kernel),
                LockName::against_faults(kernel),
                LockName::PageLock,
            ],
        })
    }
}

/// A litmus file with that task alone, and nothing asked.
fn alone(kernel: Kernel, table: &Table, task: &Value) -> Table {
    let mut table = table.clone();
    BESIDES.iter().for_each(|key| drop(table.remove(*key)));
    table.insert("task".to_owned(), Value::Array(vec![task.clone()]));
    let expect = format!("kernel = '{}'\nverdict = 'deadlock'", kernel.version.name());
    let expect = expect.parse::<Table>().unwrap_or_default();
    table.insert("expect".to_owned(), Value::Array(vec![Value::Table(expect)]));
    table
}

fn read(table: &Table) -> Result<Litmus, String> {
    parse("prove", "prove.toml", &table.to_string()).map_err(|problems| {
        let problem = problems.problems().first().map(ToString::to_string);
        problem.unwrap_or_default()
    })
}

fn template(text: &str, mut program: Program) -> Result<Template, String> {
    program.rules = RuleSet::ALL;
    let mut parts = program.calls.iter().cloned();
    let (Some(call), completion) = (parts.next(), parts.next()) else {
        return Err(format!("{text} has no task"));
    };
    if let Some(why) = not_carried(&call) {
        return Err(format!("{text}: {why}"));
    }
    // The rules may name the tasks of two more users.
    let name = |letter| TaskName { letter, text: format!("{letter} another task") };
    program.names = vec![
        TaskName { letter: 'P', text: format!("P {text}") },
        TaskName { letter: 'p', text: "p completion".to_owned() },
        name('Q'),
        name('q'),
        name('R'),
        name('r'),
    ];
    Ok(Template { text: text.to_owned(), call, completion, program })
}

/// Why a call cannot be carried to any number of tasks.
fn not_carried(call: &Call) -> Option<&'static str> {
    Some(match call {
        Call::DioWait(_) | Call::DioDone(_) | Call::Append(_) => {
            "it is taken apart for its memory order, and stands for a single task"
        }
        Call::EndBio(_) | Call::Evict(_) | Call::WriteThatEvicts(_) | Call::WriteThenClose(_) => {
            "it stands for the end of a file, of which there is one"
        }
        Call::Uring(_) | Call::Thread(_) => "it is several calls, one after another",
        Call::Read(read) if read.repeats() => "it repeats for ever",
        _ => return None,
    })
}
