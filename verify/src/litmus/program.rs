//! A litmus test made concrete for one kernel.

use super::make::Making;
use super::{CallSpec, Litmus, ReachVerb, TaskSpec};
use crate::program::{Program, TaskName};
use crate::rule::{Verb, Witness};
use diolock::call::Call;
use diolock::kernel::{Kernel, Paging, Version};
use diolock::op::{Caller, TaskId};

/// The letters of these tasks, and of the completions of those that make asynchronous calls, a call each. A task's
/// first completion has its letter in lower case, a further one the next of the alphabet that no task has; where there are more
/// than letters (such a file is refused), those at the end have none.
pub(super) fn letters(tasks: &[char], asynchronous: impl Iterator<Item = usize>) -> Vec<char> {
    let mut letters = tasks.to_vec();
    for task in asynchronous {
        let own = tasks[task].to_ascii_lowercase();
        let others = ('a'..='z').cycle().skip_while(|&letter| letter != own).skip(1).take(25);
        let others = others.filter(|other| !tasks.contains(&other.to_ascii_uppercase()));
        let free = std::iter::once(own).chain(others).find(|letter| !letters.contains(letter));
        letters.extend(free);
    }
    letters
}

impl Litmus {
    /// The asynchronous calls, in the order of their completions.
    pub(super) fn asynchronous(&self) -> Vec<Caller> {
        let of_task = |(task, spec): (TaskId, &TaskSpec)| -> Vec<Caller> {
            let calls = (0..).zip(&spec.calls).filter(|(_, call)| call.is_aio());
            calls.map(|(call, _)| Caller { task, call }).collect()
        };
        (0..).zip(&self.tasks).flat_map(of_task).collect()
    }

    /// The tasks' letters in task order: those written down, then the completions of the asynchronous calls.
    pub fn letters(&self) -> Vec<char> {
        let tasks: Vec<char> = self.tasks.iter().map(|task| task.letter).collect();
        letters(&tasks, self.asynchronous().into_iter().map(|of| usize::from(of.task)))
    }

    /// All calls that it makes.
    pub(super) fn calls_made(&self) -> impl Iterator<Item = &CallSpec> {
        self.tasks.iter().flat_map(|task| &task.calls)
    }

    /// The names of its calls, as the file writes them, task by task.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let table = self.source.parse::<toml::Table>().unwrap_or_default();
        let tasks = table.get("task").and_then(toml::Value::as_array);
        let name = |call: &toml::Value| {
            let words = call.as_str().or_else(|| call.get("call")?.as_str())?;
            words.split_whitespace().next().map(str::to_owned)
        };
        let of_task = |task: &toml::Value| match task.get("calls").and_then(toml::Value::as_array) {
            Some(calls) => calls.iter().filter_map(name).collect(),
            None => name(task).into_iter().collect(),
        };
        tasks.into_iter().flatten().map(of_task).collect()
    }

    /// What the file says of the situation, whatever its layout: not the words, the witnesses (`exists` is one) and
    /// the expectations.
    fn situation(&self) -> String {
        let Ok(mut table) = self.source.parse::<toml::Table>() else { return String::new() };
        for words in ["claim", "bug", "evidence", "reaches", "exists", "expect"] {
            table.remove(words);
        }
        if let Some(toml::Value::Table(except)) = table.get_mut("except") {
            for (_, reason) in except.iter_mut() {
                *reason = toml::Value::Boolean(true);
            }
        }
        table.to_string()
    }

    /// Why the setup cannot be run by itself on a version, in words; `None` if it can.
    pub(super) fn setup_fails(&self, version: Version) -> Option<String> {
        Making::of(self, Kernel::new(version), false).start(1).err()
    }

    /// The same file and calls where pages are as large as that; what was cached of the file is so still.
    #[must_use]
    pub fn on_pages(&self, paging: Paging) -> Litmus {
        let cached = self.size.up().min(self.cached_pages * self.paging.blocks());
        let cached_pages = cached.min(paging.end()).div_ceil(paging.blocks());
        Litmus { paging, cached_pages, ..self.clone() }
    }

    /// The test on one kernel.
    pub fn program(&self, kernel: Kernel) -> Program {
        self.program_following(kernel, self.follows_slot())
    }

    /// The same, with `cur_aio_dio` followed or not.
    pub(crate) fn program_following(&self, kernel: Kernel, slot: bool) -> Program {
        let letters = self.letters();
        let id = |letter: char| letters.iter().position(|&l| l == letter).unwrap_or(0) as TaskId;
        let mut calls = Vec::new();
        let mut names = Vec::new();
        let mut completions = Vec::new();
        let making = Making::of(self, kernel, slot);
        for (at, spec) in self.tasks.iter().enumerate() {
            let task = at as TaskId;
            let letter = spec.letter;
            let mut made = Vec::new();
            for (call, &spec) in (0..).zip(&spec.calls) {
                let (call, completion) = making.call(Caller { task, call }, spec);
                made.push(call);
                completions.extend(completion);
            }
            calls.extend(Call::thread(made));
            let text: Vec<String> = spec.calls.iter().map(CallSpec::text).collect();
            names.push(TaskName { letter, text: format!("{letter} {}", text.join("; ")) });
        }
        calls.extend(completions);
        let mut completes = vec![None; names.len()];
        for of in self.asynchronous() {
            let (letter, calls) = (letters[names.len()], &self.tasks[usize::from(of.task)].calls);
            let several = calls.iter().filter(|call| call.is_aio()).count() > 1;
            let whose = if several { format!(" of call {}", of.call + 1) } else { String::new() };
            names.push(TaskName { letter, text: format!("{letter} completion{whose}") });
            completes.push(Some(of));
        }
        let reaches = self
            .reaches
            .iter()
            .map(|reach| Witness {
                task: id(reach.task),
                verb: match reach.verb {
                    ReachVerb::Plain(verb) => verb,
                    ReachVerb::Overlaps(other) => Verb::Overlaps(id(other)),
                    ReachVerb::FreesUnder(other) => Verb::FreesUnder(id(other)),
                    ReachVerb::WaitsFor(other) => Verb::WaitsFor(id(other)),
                },
            })
            .collect();
        // That it can be run was judged where the file was read.
        let mut inode = making.start(calls.len()).expect("the setup can be run by itself");
        calls.iter().filter_map(Call::holds).for_each(|(queue, _)| inode.give(queue));
        for end_bio in calls.iter().filter_map(Call::end_bio) {
            inode.give_io_end(end_bio.whose(), end_bio.written());
        }
        Program {
            litmus: self.name.clone(),
            given: self.given.clone(),
            situation: self.situation(),
            kernel,
            inode,
            spawn_order: (0..calls.len() as TaskId).collect(),
            calls,
            names,
            completes,
            fair: self.fair.clone(),
            memory: self.memory,
            rules: self.rules,
            reaches,
            conditions: self.conditions.clone(),
            torn: self.torn,
        }
    }
}
