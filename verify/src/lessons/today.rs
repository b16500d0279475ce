//! Who locks what in the newest kernel: each call by itself, step by step.

use crate::engine::graph::{enabled, pending};
use crate::litmus::parse::parse;
use crate::program::{Program, System};
use diolock::kernel::{Kernel, Version};
use diolock::op::{LockName, Mode, Op, Outcome};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a call does with a lock, or what is waited for like one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Use {
    /// It holds it with others.
    Shared,
    /// It holds it alone.
    Alone,
    /// It opens it, or raises it.
    Raises,
    /// It waits until it is 0.
    Waits,
}

/// A call, and what it does with each thing of [`Today::things`].
#[derive(Clone, Debug)]
pub struct Row {
    /// The call, in words.
    pub what: String,
    /// What it does with each.
    pub uses: Vec<BTreeSet<Use>>,
}

/// The picture.
#[derive(Clone, Debug)]
pub struct Today {
    /// The kernel.
    pub kernel: &'static str,
    /// What is waited for, in the order in which it may be.
    pub things: Vec<&'static str>,
    /// The calls.
    pub rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calls {
    kernel: String,
    row: Vec<CallRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallRow {
    what: String,
    file: toml::Table,
    task: toml::Table,
}

const LOCKS: [LockName; 4] =
    [LockName::IRwsem, LockName::InvalidateLock, LockName::PageLock(0), LockName::IDataSem];

/// Where a handle stands among them, by its rank.
const HANDLE: usize = 2;

/// The picture of the newest kernel.
///
/// # Panics
/// If `lessons/today.toml` cannot be read: a test reads it.
pub fn today() -> Today {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/today.toml"));
    let calls: Calls = toml::from_str(text).expect("lessons/today.toml can be read");
    let version = Version::named(&calls.kernel);
    let kernel = Kernel::new(version.expect("lessons/today.toml names a kernel"));
    let rows = calls.row.into_iter().map(|row| Row { uses: uses(&row, kernel), what: row.what });
    let mut things: Vec<&str> = LOCKS.iter().map(|lock| lock.name()).collect();
    things.insert(HANDLE, "journal handle");
    things.push("i_dio_count");
    Today { kernel: kernel.version.name(), things, rows: rows.collect() }
}

fn uses(row: &CallRow, kernel: Kernel) -> Vec<BTreeSet<Use>> {
    let mut task = row.task.clone();
    task.insert("name".to_owned(), "A".into());
    let mut expect = toml::Table::new();
    expect.insert("kernel".to_owned(), kernel.version.name().into());
    expect.insert("verdict".to_owned(), "never".into());
    let mut file = toml::Table::new();
    file.insert("claim".to_owned(), row.what.clone().into());
    file.insert("reaches".to_owned(), toml::Value::Array(vec!["A returns".into()]));
    file.insert("file".to_owned(), row.file.clone().into());
    file.insert("task".to_owned(), toml::Value::Array(vec![task.into()]));
    file.insert("expect".to_owned(), toml::Value::Array(vec![expect.into()]));
    let litmus = parse("today", "today.toml", &file.to_string());
    let litmus = litmus.unwrap_or_else(|why| panic!("{}: {why:?}", row.what));
    of_program(&litmus.program(kernel))
}

/// What the one call of a program does, in the one run that there is of it.
fn of_program(program: &Program) -> Vec<BTreeSet<Use>> {
    let mut uses = vec![BTreeSet::new(); LOCKS.len() + 2];
    let mut note = |at: usize, what: Use| {
        uses[at].insert(what);
    };
    let place = |lock: LockName| {
        let at = LOCKS.iter().position(|&known| known == lock)?;
        Some(if at < HANDLE { at } else { at + 1 })
    };
    let mut system = System::new(program);
    loop {
        let next = enabled(&system).next();
        let Some(task) = next else { break };
        let Some(op) = pending(&system, task) else { break };
        let Ok(event) = system.perform(task, op) else { break };
        let taken = event.outcome != Outcome::Flag(false);
        match event.op {
            Op::Lock(lock, mode) => drop(place(lock).map(|at| note(at, held(mode)))),
            Op::TryLock(lock, mode) if taken => drop(place(lock).map(|at| note(at, held(mode)))),
            Op::JournalStart(_) => note(HANDLE, Use::Raises),
            Op::DioBegin(_) => note(LOCKS.len() + 1, Use::Raises),
            Op::DioWait => note(LOCKS.len() + 1, Use::Waits),
            _ => {}
        }
    }
    uses
}

fn held(mode: Mode) -> Use {
    if mode == Mode::Shared { Use::Shared } else { Use::Alone }
}
