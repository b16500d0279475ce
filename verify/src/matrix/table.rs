//! The two tables, and what can be read off them.

use super::fixes::FixRow;
use crate::engine::EngineName;
use crate::litmus::{Expected, Litmus};
use crate::survey::word;
use crate::verdict::{Verdict, is_bad};
use diolock::kernel::{Fix, Version};
use std::sync::Arc;

/// The two tables.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// A row for each litmus test: those of a race first, by race, then the others.
    pub rows: Vec<Row>,
    /// A row for each fix, oldest first.
    pub fixes: Vec<FixRow>,
    /// The engines that were asked.
    pub engines: Vec<EngineName>,
    /// Runs that ended.
    pub ran: usize,
    /// Runs that were planned.
    pub planned: usize,
}

/// A litmus test on every kernel.
#[derive(Clone, Debug)]
pub struct Row {
    /// The litmus test.
    pub litmus: Arc<Litmus>,
    /// For each of [`Version::ALL`]: what the engines say; `None` if they were not asked.
    pub answers: Vec<Option<Answer>>,
    /// Kernels after the last that the litmus test speaks of, as far as they were searched, and whether it
    /// fails there: looked for only if it fails on that last one.
    pub later: Vec<(Version, bool)>,
    /// What fixed it.
    pub fixed: Vec<Boundary>,
}

/// What engines say of a litmus test on a kernel.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the litmus test expects.
    pub expected: Expected,
    /// Each engine and its verdict; `None` if it did not get to run.
    pub said: Vec<(EngineName, Option<Verdict>)>,
    /// Whether nobody said anything unexpected.
    pub ok: bool,
}

/// Where a litmus test stops failing.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// The last kernel on which it fails; `None` if it fails on no kernel as released.
    pub last: Option<Version>,
    /// The first on which it does not.
    pub first: Version,
    /// Fixes without any one of which it fails there too, with the verdict.
    pub fixes: Vec<(Fix, &'static str)>,
}

impl Answer {
    /// What the engines that ran say, each word once. That a sampler saw nothing contradicts
    /// nobody who looked everywhere and saw nothing.
    fn words(&self) -> Vec<&'static str> {
        let mut words: Vec<&str> =
            self.said.iter().filter_map(|(_, verdict)| verdict.as_ref().map(word)).collect();
        words.sort_unstable();
        words.dedup();
        if words == ["never", "unseen"] {
            words.pop();
        }
        words
    }

    /// The verdict all agree on, in a word.
    pub fn agreed(&self) -> Option<&'static str> {
        match self.words()[..] {
            [word] if self.complete() => Some(word),
            _ => None,
        }
    }

    /// Whether two engines say different things.
    pub fn disagree(&self) -> bool {
        self.words().len() > 1
    }

    /// Whether every engine ran.
    pub fn complete(&self) -> bool {
        self.said.iter().all(|(_, verdict)| verdict.is_some())
    }

    /// Whether an engine found something.
    pub fn bad(&self) -> bool {
        self.said.iter().any(|(_, verdict)| verdict.as_ref().is_some_and(is_bad))
    }

    /// Who was asked.
    pub fn engines(&self) -> Vec<EngineName> {
        self.said.iter().map(|(engine, _)| *engine).collect()
    }
}

impl Row {
    /// Who was asked, on any kernel.
    pub fn engines(&self) -> Vec<EngineName> {
        let mut engines: Vec<EngineName> =
            self.answers.iter().flatten().flat_map(Answer::engines).collect();
        engines.sort_unstable();
        engines.dedup();
        engines
    }

    /// The kernels on which it was searched, and whether it fails there.
    pub(super) fn searched(&self) -> Vec<(Version, bool)> {
        let asked = Version::ALL.into_iter().zip(&self.answers);
        let asked = asked.filter_map(|(version, answer)| Some((version, answer.as_ref()?.bad())));
        asked.chain(self.later.iter().copied()).collect()
    }

    /// Whether it fails on the newest kernel there is.
    pub fn open(&self) -> bool {
        let newest = Version::ALL.last().copied();
        self.searched().last().is_some_and(|&(version, bad)| bad && Some(version) == newest)
    }

    /// The last kernel that could be searched, if it fails there and is not the newest one.
    pub fn silent_after(&self) -> Option<Version> {
        let (version, bad) = self.searched().last().copied()?;
        (bad && !self.open()).then_some(version)
    }
}

impl Matrix {
    /// Whether everything ran.
    pub fn complete(&self) -> bool {
        self.ran == self.planned
    }

    /// Whether everything ran, engines agree, and nothing unexpected was said.
    pub fn ok(&self) -> bool {
        let fine = |answer: &Answer| answer.ok && answer.complete() && !answer.disagree();
        self.complete() && self.rows.iter().all(|row| row.answers.iter().flatten().all(fine))
    }

    /// The words for a matrix that is not whole.
    pub(super) fn partial(&self) -> Option<String> {
        let Matrix { ran, planned, .. } = self;
        (!self.complete()).then(|| format!("PARTIAL: {ran} of {planned} runs ended"))
    }
}
