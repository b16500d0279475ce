//! What a shard of a sweep found, as JSON lines: what was asked, a line for each program of which there is something to
//! say, and how it ended. The shards of a sweep, put together, are the same as the sweep in one.

use super::judge::Judged;
use super::options::{Limits, Options, Shard};
use super::part::Part;
use crate::engine::EngineName;
use crate::image;
use diolock::kernel::{Paging, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What was asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Asked {
    kernel: String,
    tasks: usize,
    /// `None`: all.
    programs: Option<usize>,
    seed: u64,
    calls: Vec<String>,
    files: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page_blocks: Option<u32>,
    engines: Vec<EngineName>,
    limits: Limits,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    supersets: bool,
    /// By which build of the program.
    build: String,
}

impl Asked {
    fn of(options: &Options) -> Asked {
        Asked {
            kernel: options.version.name().to_owned(),
            tasks: options.tasks,
            programs: options.programs,
            seed: options.seed,
            calls: options.calls.clone(),
            files: options.files,
            page_blocks: Some(options.paging.blocks()).filter(|&b| b != Paging::default().blocks()),
            engines: options.engines.clone(),
            limits: options.limits,
            supersets: options.supersets,
            build: image::contents(),
        }
    }

    /// The kernel.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn version(&self) -> Result<Version, String> {
        let named = Version::named(&self.kernel);
        named.ok_or_else(|| format!("there is no kernel {}", self.kernel))
    }

    /// Calls of a program.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    pub(super) fn same_but_for_the_kernel(&self, other: &Asked) -> bool {
        *self == Asked { kernel: self.kernel.clone(), ..other.clone() }
    }
}

/// A program of which there is something to say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Its place among the programs asked for.
    pub(super) at: u64,
    pub(super) program: Part,
    #[serde(flatten)]
    pub(super) judged: Judged,
}

/// How a shard ended.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(super) struct Sums {
    /// Programs that were judged.
    pub(super) programs: usize,
    /// Those that were not, as two of their calls break something by themselves.
    #[serde(default)]
    pub(super) supersets: usize,
    /// Those that were not: somebody said stop.
    pub(super) not_run: usize,
    /// Why programs could not be written down, and how many.
    pub(super) not_stated: BTreeMap<String, usize>,
    /// States or executions of each engine.
    pub(super) costs: BTreeMap<EngineName, u64>,
}

/// What a shard found.
#[derive(Clone, Debug)]
pub struct Record {
    pub(super) asked: Asked,
    shards: Vec<Shard>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) sums: Sums,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Sweep {
        #[serde(flatten)]
        asked: Asked,
        shard: Shard,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
    Program(Outcome),
    End {
        #[serde(flatten)]
        sums: Sums,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partial: bool,
    },
}

impl Record {
    pub(super) fn new(options: &Options, not_stated: BTreeMap<String, usize>) -> Record {
        Record {
            asked: Asked::of(options),
            shards: vec![options.shard],
            outcomes: Vec::new(),
            sums: Sums { not_stated, ..Sums::default() },
        }
    }

    /// What was asked for.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Programs that are done with, and those that were to be.
    pub fn ran(&self) -> (usize, usize) {
        let done = self.sums.programs + self.sums.supersets;
        (done, done + self.sums.not_run)
    }

    /// What came of a program: `None` if it was not run.
    pub(super) fn book(&mut self, at: u64, program: Part, judged: Option<Option<Judged>>) {
        let judged = match judged {
            None => return self.sums.not_run += 1,
            Some(None) => return self.sums.supersets += 1,
            Some(Some(judged)) => judged,
        };
        self.sums.programs += 1;
        for (engine, answer) in &judged.answers {
            *self.sums.costs.entry(*engine).or_default() += answer.cost;
        }
        if judged
            .answers
            .iter()
            .any(|(_, answer)| !answer.broken.is_empty() || answer.cut.is_some())
        {
            self.outcomes.push(Outcome { at, program, judged });
        }
    }

    /// As JSON lines. Of a part that a stop left, the first and the last say so.
    ///
    /// # Errors
    /// None that can be met: the lines hold numbers and texts.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let partial = self.sums.not_run > 0;
        let shard = self.shards.first().copied().filter(|_| self.shards.len() == 1);
        let asked = self.asked.clone();
        let mut lines = vec![Line::Sweep { asked, shard: shard.unwrap_or(Shard::WHOLE), partial }];
        lines.extend(self.outcomes.iter().cloned().map(Line::Program));
        lines.push(Line::End { sums: self.sums.clone(), partial });
        let lines: Result<Vec<String>, _> = lines.iter().map(serde_json::to_string).collect();
        Ok(lines?.join("\n"))
    }

    /// Reads a shard.
    ///
    /// # Errors
    /// With the line that is none, or what is missing.
    pub fn read(text: &str) -> Result<Record, String> {
        let mut found: Option<Record> = None;
        let mut ended = false;
        for (number, line) in text.lines().enumerate() {
            let wrong = |why: &str| format!("line {}: {why}", number + 1);
            let line: Line =
                serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
            if ended {
                return Err(wrong("behind the end of the shard"));
            }
            match (line, &mut found) {
                (Line::Sweep { asked, shard, .. }, None) => {
                    let (outcomes, sums) = (Vec::new(), Sums::default());
                    found = Some(Record { asked, shards: vec![shard], outcomes, sums });
                }
                (Line::Program(outcome), Some(record)) => record.outcomes.push(outcome),
                (Line::End { sums, .. }, Some(record)) => {
                    record.sums = sums;
                    ended = true;
                }
                (Line::Sweep { .. }, Some(_)) => return Err(wrong("a second shard")),
                (_, None) => return Err(wrong("the line with what was asked for is missing")),
            }
        }
        match found {
            Some(record) if record.sums.not_run > 0 => Err(format!(
                "{} of its programs were not judged: run it again",
                record.sums.not_run
            )),
            Some(record) if ended => Ok(record),
            Some(_) => Err("its end is missing: run it again".to_owned()),
            None => Err("there is nothing in it: run it again".to_owned()),
        }
    }

    /// Shards put together.
    ///
    /// # Errors
    /// If they are not those of one sweep, each once.
    pub fn merge(records: Vec<Record>) -> Result<Record, String> {
        let mut records = records.into_iter();
        let mut all = records.next().ok_or("there is no shard")?;
        for record in records {
            if record.asked != all.asked {
                return Err(
                    "the shards are not of one sweep: they were asked different things".to_owned()
                );
            }
            all.shards.extend(record.shards);
            all.outcomes.extend(record.outcomes);
            all.sums.programs += record.sums.programs;
            all.sums.supersets += record.sums.supersets;
            for (reason, count) in record.sums.not_stated {
                *all.sums.not_stated.entry(reason).or_default() += count;
            }
            for (engine, cost) in record.sums.costs {
                *all.sums.costs.entry(engine).or_default() += cost;
            }
        }
        let of = all.shards.first().map_or(1, |shard| shard.of());
        if let Some(other) = all.shards.iter().find(|shard| shard.of() != of) {
            return Err(format!("shard {other} is of another cut: there are shards of {of}"));
        }
        let known: BTreeSet<Shard> = all.shards.iter().copied().collect();
        if known.len() < all.shards.len() {
            return Err("a shard is there twice".to_owned());
        }
        let there = |number: &u64| known.contains(&Shard::numbered(*number, of));
        let missing: Vec<String> =
            (1..=of).filter(|n| !there(n)).take(10).map(|n| format!("{n}/{of}")).collect();
        if !missing.is_empty() {
            let count = of as usize - known.len();
            return Err(format!("{count} of {of} shards are missing: {}", missing.join(", ")));
        }
        all.shards = vec![Shard::WHOLE];
        all.outcomes.sort_by_key(|outcome| outcome.at);
        Ok(all)
    }
}
