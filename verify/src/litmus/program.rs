//! A litmus test made concrete for one kernel.

use super::make::Making;
use super::{CallSpec, Litmus, ReachVerb};
use crate::program::{Program, TaskName};
use crate::rule::{Verb, Witness};
use diolock::call::Call;
use diolock::kernel::{Kernel, Paging, Version};
use diolock::op::TaskId;

impl Litmus {
    /// The tasks' letters in task order: those written down, then the completions of the
    /// asynchronous ones in the order of their submitters.
    pub fn letters(&self) -> Vec<char> {
        let aio = self.tasks.iter().filter(|t| t.is_aio());
        let completions = aio.map(|t| t.letter.to_ascii_lowercase());
        self.tasks.iter().map(|t| t.letter).chain(completions).collect()
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
            for &spec in &spec.calls {
                let (call, completion) = making.call(task, letter, spec);
                made.push(call);
                completions.extend(completion);
            }
            calls.extend(Call::thread(made));
            let text: Vec<String> = spec.calls.iter().map(CallSpec::text).collect();
            names.push(TaskName { letter, text: format!("{letter} {}", text.join("; ")) });
        }
        calls.extend(completions);
        for &letter in &letters[names.len()..] {
            names.push(TaskName { letter, text: format!("{letter} completion") });
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
            fair: self.fair.clone(),
            memory: self.memory,
            rules: self.rules,
            reaches,
            conditions: self.conditions.clone(),
            torn: self.torn,
        }
    }
}
