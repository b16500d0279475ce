//! What a proof is about: calls, any number of each at a time, on a file.

use crate::litmus::Litmus;
use crate::litmus::parse::parse;
use crate::program::{Memory, Program, TaskName};
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
    /// The keys of its table in a litmus file.
    keys: String,
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
    /// What a litmus file says of files and mounts.
    head: String,
    /// The calls.
    pub templates: Vec<Template>,
    pub(super) start: Inode,
    pub(super) written: Written,
    /// Locks of which everybody knows whether somebody holds them alone.
    pub(super) exposed: Vec<LockName>,
}

/// A call as a litmus file has it, but for the task's name: of `aio_pwrite block=0` the keys of its table.
fn keys_of(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut keys = format!("call = \"{}\"", words.next().unwrap_or_default());
    for pair in words {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        let plain = matches!(value, "true" | "false") || value.parse::<f64>().is_ok();
        let value = if plain { value.to_owned() } else { format!("\"{value}\"") };
        keys.push_str(&format!(", {key} = {value}"));
    }
    keys
}

/// A litmus file of such tasks, which expects a verdict; `head` is what it says of files and mounts.
fn litmus_of(kernel: Kernel, head: &str, tasks: &[&str], expected: &str) -> String {
    let letters = ('A'..='Z').cycle();
    let line = |(keys, letter): (&&str, char)| format!("    {{ name = \"{letter}\", {keys} }},\n");
    let tasks: String = tasks.iter().zip(letters).map(line).collect();
    let without = kernel.removed().map(|fix| format!("\"{}\"", fix.about().commit));
    let without: Vec<String> = without.collect();
    let without = match without.is_empty() {
        true => String::new(),
        false => format!(", without = [{}]", without.join(", ")),
    };
    format!(
        "claim = \"nothing goes wrong between these calls\"\n{head}\ntask = [\n{tasks}]\nexpect = [{{ kernel = \"{}\"{without}, verdict = \"{expected}\" }}]\n",
        kernel.version.name()
    )
}

/// A litmus file of these calls on a file, which expects a verdict.
pub fn litmus_text(kernel: Kernel, file: &str, calls: &[&str], expected: &str) -> String {
    let tasks: Vec<String> = calls.iter().map(|call| keys_of(call)).collect();
    let tasks: Vec<&str> = tasks.iter().map(|task| &task[..]).collect();
    litmus_of(kernel, &format!("file = {{ {file} }}"), &tasks, expected)
}

/// What a litmus file says besides of its calls, and of files and mounts.
const BESIDES: [&str; 13] = [
    "claim", "task", "expect", "reaches", "exists", "never", "always", "rules", "except", "bug",
    "evidence", "fair", "torn",
];

impl Scene {
    /// These calls on a file of that kernel.
    ///
    /// # Errors
    /// Why a call cannot be made there, or not be carried to any number of tasks, in words.
    pub fn new(kernel: Kernel, file: &str, calls: &[String]) -> Result<Scene, String> {
        if let Some(twice) = calls.iter().enumerate().find(|(at, call)| calls[..*at].contains(call))
        {
            return Err(format!("`{}` is named twice: there is any number of it", twice.1));
        }
        let tasks: Vec<(String, String)> =
            calls.iter().map(|call| (call.clone(), keys_of(call))).collect();
        Scene::of(kernel, &format!("file = {{ {file} }}"), file, tasks)
    }

    /// The calls of a litmus test, any number of each.
    ///
    /// # Errors
    /// The same.
    pub fn of_litmus(kernel: Kernel, litmus: &Litmus) -> Result<Scene, String> {
        if litmus.memory == Memory::C11 {
            return Err(
                "it is about memory order, and a proof knows but one order of steps".to_owned()
            );
        }
        let table = litmus.source.parse::<Table>().map_err(|error| error.message().to_owned())?;
        let besides = |key: &String| BESIDES.contains(&&key[..]);
        let head = table.iter().filter(|(key, _)| !besides(key));
        let head: Vec<String> = head.map(|(key, value)| format!("{key} = {value}")).collect();
        let bare = |text: String| text.trim().trim_matches(['{', '}']).trim().to_owned();
        let file = table.get("file").map(Value::to_string).map(bare).unwrap_or_default();
        let names = litmus.program(kernel).names.into_iter().map(|name| name.text);
        let tasks = table.get("task").and_then(Value::as_array).into_iter().flatten();
        let keys = |task: &Value| {
            let mut task = task.as_table().cloned().unwrap_or_default();
            task.remove("name");
            bare(Value::Table(task).to_string())
        };
        let tasks = names.zip(tasks.map(keys)).collect();
        Scene::of(kernel, &head.join("\n"), &file, tasks)
    }

    fn of(
        kernel: Kernel,
        head: &str,
        file: &str,
        tasks: Vec<(String, String)>,
    ) -> Result<Scene, String> {
        let slot = kernel.version <= Version::V3_11;
        let version = Kernel::new(kernel.version);
        let Some((_, first)) = tasks.first() else { return Err("there is no call".to_owned()) };
        let start = read(&litmus_of(version, head, &[first], "deadlock"))?;
        let start = start.program_following(kernel, slot);
        if start.calls.iter().any(|call| call.holds().is_some() || call.end_bio().is_some()) {
            return Err("somebody has something of the inode before the start".to_owned());
        }
        // As a call is made where there may be cached pages: its own file is another one.
        let mount = head.lines().filter(|line| line.starts_with("mount"));
        let any: Vec<&str> = mount
            .chain(["file = { size = 1, extents = [\"written\"], cached_pages = 1 }"])
            .collect();
        let mut templates = Vec::new();
        for (text, keys) in tasks {
            let litmus = read(&litmus_of(version, &any.join("\n"), &[&keys], "deadlock"));
            let litmus = litmus.map_err(|why| format!("{text}: {why}"))?;
            templates.push(template(text, keys, litmus.program_following(kernel, slot))?);
        }
        let commits = templates.iter().any(|t| matches!(t.call, Call::Commit(_)));
        for template in templates.iter_mut().filter(|_| commits) {
            // R14 asks whether somebody commits.
            template.program.calls.resize(2, template.call.clone());
            template.program.calls.push(Call::Commit(Default::default()));
        }
        let start = start.inode.reusing_blocks();
        let pages = (0..start.paging().pages()).map(LockName::PageLock);
        let exposed =
            [LockName::of_inode(kernel), LockName::against_faults(kernel)].into_iter().chain(pages);
        let exposed = exposed.collect();
        Ok(Scene {
            kernel,
            file: file.to_owned(),
            templates,
            written: Written::of(&start),
            start,
            exposed,
            head: head.to_owned(),
        })
    }

    /// A litmus file of some of its calls, which expects a verdict.
    pub fn litmus(&self, calls: &[usize], expected: &str) -> String {
        let tasks: Vec<&str> = calls.iter().map(|&at| &self.templates[at].keys[..]).collect();
        litmus_of(self.kernel, &self.head, &tasks, expected)
    }
}

fn read(text: &str) -> Result<Litmus, String> {
    parse("prove", "prove.toml", text).map_err(|problems| {
        let problem = problems.problems().first().map(ToString::to_string);
        problem.unwrap_or_default()
    })
}

fn template(text: String, keys: String, mut program: Program) -> Result<Template, String> {
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
    Ok(Template { text, keys, call, completion, program })
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
