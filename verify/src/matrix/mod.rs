//! The whole catalogue at a glance: which race is open on which kernel, and what each fix is
//! needed for. Nothing in it is written by hand: every word comes from a run.

mod fixes;
mod html;
mod json;
mod markdown;
mod table;
mod text;
mod words;

pub use fixes::{FixRow, Need, needed};
pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use table::{Answer, Boundary, Matrix, Row};
pub use text::text;

use crate::engine::EngineName;
use crate::explain::is_bad;
use crate::litmus::{Expected, Litmus};
use crate::suite::{self, Cell, Done};
use crate::survey::{self, Question, word};
use crate::verdict::Verdict;
use diolock::kernel::{Fix, Kernel, Version};
use fixes::Verdicts;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// graph's limit where a fix is taken away: every litmus test is asked about every fix.
const MAX_STATES: usize = 50_000;

/// How to run it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engines that are asked about kernels as released.
    pub engines: Vec<EngineName>,
    /// How those runs go.
    pub suite: suite::Options,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// So many runs more are to come.
    More(usize),
    /// One of this litmus test has ended.
    Done(&'a str),
}

/// Runs what it takes. Once `stop` is set, what there is comes back.
pub fn run(
    litmuses: &[Litmus],
    options: &Options,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Matrix {
    let mut cells = suite::plan(litmuses, &options.engines, &[], &[]);
    cells.retain(|cell| cell.kernel.removed().next().is_none());
    let mut counts = (0, cells.len());
    progress(Progress::More(cells.len()));
    let done = suite::run(&cells, &options.suite, stop, |at, _| {
        progress(Progress::Done(&cells[at].litmus.name));
    });
    counts.0 += done.iter().flatten().count();
    let mut rows: Vec<Row> = litmuses.iter().map(|litmus| row(litmus, &cells, &done)).collect();
    rows.sort_by_key(|row| {
        let bug = row.litmus.bug.clone();
        (bug.is_none(), bug, row.litmus.name.clone())
    });
    let whole: Vec<Arc<Litmus>> = rows.iter().map(|row| Arc::clone(&row.litmus)).collect();
    // A test that these engines cannot tell about is in no row.
    let released =
        |row: &Row| row.litmus.expect.iter().any(|e| e.kernel.removed().next().is_none());
    rows.retain(|row| row.answers.iter().any(Option::is_some) || !released(row));

    let mut verdicts = Verdicts::new();
    let mut survey = survey::Options::new(options.suite.exe.clone());
    (survey.jobs, survey.max_states) = (options.suite.jobs, Some(MAX_STATES));
    let mut ask = |questions: Vec<Question>| {
        let mut new: BTreeMap<(String, Kernel), Question> =
            questions.into_iter().map(|q| ((q.litmus.name.clone(), q.kernel), q)).collect();
        new.retain(|key, _| !verdicts.contains_key(key));
        let (keys, questions): (Vec<_>, Vec<_>) = new.into_iter().unzip();
        progress(Progress::More(questions.len()));
        counts.1 += questions.len();
        let answers = survey::ask_all(questions, &survey, stop, |at, _| {
            progress(Progress::Done(&keys[at].0));
        });
        let answered = keys.into_iter().zip(answers).filter_map(|(key, a)| Some((key, a?.verdict)));
        let before = verdicts.len();
        verdicts.extend(answered);
        counts.0 += verdicts.len() - before;
        verdicts.clone()
    };
    let verdicts = ask(rows.iter().flat_map(later).collect());
    for row in &mut rows {
        let said = |question: Question| {
            let version = question.kernel.version;
            match verdicts.get(&(question.litmus.name.clone(), question.kernel))? {
                Verdict::Exhausted => Some((version, false)),
                verdict => is_bad(verdict).then_some((version, true)),
            }
        };
        row.later = later(row).into_iter().filter_map(said).collect();
    }
    let mut questions = fixes::questions(&whole);
    questions.extend(rows.iter().flat_map(suspects));
    let verdicts = ask(questions);
    let older = fixes::older(&whole, &verdicts);
    let verdicts = if older.is_empty() { verdicts } else { ask(older) };
    for row in &mut rows {
        row.fixed = boundaries(row, &verdicts);
    }
    let fixes = fixes::rows(&whole, &verdicts);
    let (ran, planned) = counts;
    Matrix { rows, fixes, engines: options.engines.clone(), ran, planned }
}

fn row(litmus: &Litmus, cells: &[Cell], done: &[Option<Done>]) -> Row {
    let answer = |version: Version| {
        let kernel = Kernel::new(version);
        let of_it = |cell: &Cell| cell.litmus.name == litmus.name && cell.kernel == kernel;
        let ran: Vec<_> = cells.iter().zip(done).filter(|(cell, _)| of_it(cell)).collect();
        let expected = ran.first()?.0.expected.as_ref()?.expected;
        let verdict = |done: &Option<Done>| done.as_ref().map(|d| d.report.verdict.clone());
        Some(Answer {
            expected,
            said: ran.iter().map(|(cell, done)| (cell.engine, verdict(done))).collect(),
            ok: ran.iter().all(|(_, done)| done.as_ref().is_none_or(|d| d.ok != Some(false))),
        })
    };
    let answers = Version::ALL.map(answer).into();
    Row { litmus: Arc::new(litmus.clone()), answers, later: Vec::new(), fixed: Vec::new() }
}

/// The kernels at which a litmus test may stop failing, and the fixes that may be why.
fn candidates(row: &Row) -> Vec<(Option<Version>, Version, Vec<Fix>)> {
    let litmus = &row.litmus;
    // What the litmus test itself says it fails without.
    let named = |version: Version| -> Vec<Fix> {
        let single = litmus.expect.iter().filter_map(|expect| {
            let mut removed = expect.kernel.removed();
            let fix = removed.next()?;
            let fits = expect.kernel.version == version && expect.expected != Expected::Never;
            (fits && removed.next().is_none()).then_some(fix)
        });
        single.collect()
    };
    let asked = row.searched();
    let mut found: Vec<_> = asked
        .windows(2)
        .filter(|pair| pair[0].1 && !pair[1].1)
        .map(|pair| {
            let (last, first) = (pair[0].0, pair[1].0);
            let new = |fix: &Fix| !Kernel::new(last).has(*fix);
            let mut fixes: Vec<Fix> = named(first).into_iter().filter(new).collect();
            if fixes.is_empty() {
                fixes = Kernel::new(first).fixes().filter(new).collect();
            }
            (Some(last), first, fixes)
        })
        .collect();
    if !asked.iter().any(|(_, bad)| *bad) {
        // Nothing as released: the oldest kernel that it fails on once a fix is gone.
        found.extend(
            Version::ALL
                .into_iter()
                .map(|version| (None, version, named(version)))
                .find(|(_, _, fixes)| !fixes.is_empty()),
        );
    }
    found
}

/// Each kernel after the last that a litmus test speaks of, if it fails on that one.
fn later(row: &Row) -> Vec<Question> {
    let asked = row.searched();
    let Some(&(last, true)) = asked.last() else { return Vec::new() };
    let newer = Version::ALL.into_iter().filter(|&version| version > last);
    let question =
        |version| Question { litmus: Arc::clone(&row.litmus), kernel: Kernel::new(version) };
    newer.map(question).collect()
}

fn suspects(row: &Row) -> Vec<Question> {
    let of = |(_, version, fixes): (_, Version, Vec<Fix>)| {
        let question = move |fix| Question {
            litmus: Arc::clone(&row.litmus),
            kernel: Kernel::new(version).without(fix),
        };
        fixes.into_iter().map(question)
    };
    candidates(row).into_iter().flat_map(of).collect()
}

fn boundaries(row: &Row, verdicts: &Verdicts) -> Vec<Boundary> {
    let of = |(last, first, fixes): (_, Version, Vec<Fix>)| {
        let fails = |fix: Fix| {
            let kernel = Kernel::new(first).without(fix);
            let verdict = verdicts.get(&(row.litmus.name.clone(), kernel))?;
            is_bad(verdict).then(|| (fix, word(verdict)))
        };
        Boundary { last, first, fixes: fixes.into_iter().filter_map(fails).collect() }
    };
    candidates(row).into_iter().map(of).collect()
}

#[cfg(test)]
mod tests;
