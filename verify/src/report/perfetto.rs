//! A run as Chrome trace events: `ui.perfetto.dev` and `chrome://tracing` draw it.
//!
//! A step takes one microsecond. The first process has a thread for each task, and `i_dio_count` as
//! a counter. The second has the locks: holds may overlap without one being inside the other, so
//! they are asynchronous slices, with an id for each lock and task.

use super::words;
use crate::program::{Event, Program, System};
use crate::rule::{Gathered, Rules};
use diolock::op::{LockName, Mode, Op, Outcome, TaskId};
use diolock::task::Task;
use serde::Serialize;

/// The process of the tasks.
const TASKS: u8 = 1;
/// The process of the locks.
const LOCKS: u8 = 2;

/// One trace event; the fields have the format's names.
#[derive(Serialize)]
struct Entry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    ph: &'static str,
    pid: u8,
    tid: TaskId,
    ts: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Arguments>,
}

/// What is shown of an event when it is clicked, or what it tells the viewer.
#[derive(Serialize)]
#[serde(untagged)]
enum Arguments {
    Name { name: String },
    Sort { sort_index: TaskId },
    Count { i_dio_count: i8 },
    Step { step: &'static str, kernel: &'static str, held: String },
}

/// The steps of a run as Chrome trace JSON, an event a line, which ends in a newline.
pub fn perfetto(program: &Program, events: &[Event]) -> String {
    let mut entries = names(program, events);
    entries.push(counter(0, 0));
    let mut system = System::new(program);
    let mut rules = Rules::new(program);
    let mut gathered = Gathered::default();
    let mut held = Held::default();
    let mut count = 0;
    for (at, event) in events.iter().enumerate() {
        let ts = at + 1;
        let place = system.calls[usize::from(event.task)].place().on(program.kernel.version);
        // What a step of loom saw may differ from what it would see here: the event tells, and only
        // who stands where is taken from here.
        let _ = system.inode.perform(event.task, &event.op);
        system.resume(event.task, &event.op, event.outcome.clone());
        // Judged elsewhere; the rules only say who holds what here.
        let _ = rules.observe(program, event, system.just_over(event.task), &mut gathered);
        count += match event.op {
            Op::DioBegin(_) => 1,
            Op::DioEnd(_) => -1,
            _ => 0,
        };
        let (step, kernel) = (place.step, place.kernel);
        entries.push(Entry {
            cat: Some("step"),
            dur: Some(1),
            args: Some(Arguments::Step { step, kernel, held: rules.held_text(event.task) }),
            ..Entry::new("X", words(program, event, count), (TASKS, event.task + 1), ts)
        });
        if matches!(event.op, Op::DioBegin(_) | Op::DioEnd(_)) {
            entries.push(counter(ts, count));
        }
        held.observe(program, event, ts, &mut entries);
    }
    held.end(program, events.len() + 1, &mut entries);
    entries.sort_by_key(|entry| entry.ts);
    let lines: Vec<String> =
        entries.iter().map(|entry| serde_json::to_string(entry).unwrap_or_default()).collect();
    format!("{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{}\n]}}\n", lines.join(",\n"))
}

impl Entry {
    fn new(
        ph: &'static str,
        name: impl Into<String>,
        (pid, tid): (u8, TaskId),
        ts: usize,
    ) -> Entry {
        let name = name.into();
        Entry { name, cat: None, ph, pid, tid, ts, dur: None, id: None, args: None }
    }
}

/// Process and thread names, in the order of the tasks.
fn names(program: &Program, events: &[Event]) -> Vec<Entry> {
    let name = |kind: &str, place, name: String| Entry {
        args: Some(Arguments::Name { name }),
        ..Entry::new("M", kind, place, 0)
    };
    let tasks = format!("{} on {}", program.litmus, program.kernel);
    let mut entries = vec![
        name("process_name", (TASKS, 0), tasks),
        name("process_name", (LOCKS, 0), "locks held".to_owned()),
    ];
    for (task, called) in (0..).zip(&program.names) {
        // A completion that was never submitted has no lane.
        if events.iter().any(|event| event.task == task) {
            let place = (TASKS, task + 1);
            entries.push(name("thread_name", place, called.text.clone()));
            entries.push(Entry {
                args: Some(Arguments::Sort { sort_index: task }),
                ..Entry::new("M", "thread_sort_index", place, 0)
            });
        }
    }
    entries
}

fn counter(ts: usize, i_dio_count: i8) -> Entry {
    Entry {
        args: Some(Arguments::Count { i_dio_count }),
        ..Entry::new("C", "i_dio_count", (TASKS, 0), ts)
    }
}

/// Who holds what, and how.
type Hold = (TaskId, LockName, Mode);

/// The locks held at one moment.
#[derive(Default)]
struct Held(Vec<Hold>);

impl Held {
    /// Begins and ends slices. A hold begins with the step that takes the lock and ends with the
    /// step that lets go of it.
    fn observe(&mut self, program: &Program, event: &Event, ts: usize, entries: &mut Vec<Entry>) {
        let me = event.task;
        match (&event.op, &event.outcome) {
            (Op::TryLock(..), Outcome::Flag(false)) => {}
            (&Op::Lock(lock, mode) | &Op::TryLock(lock, mode), _) => {
                entries.push(self.begin(program, (me, lock, mode), ts));
            }
            (&Op::LockByRequeue(lock), _) => {
                entries.push(self.begin(program, (me, lock, Mode::Exclusive), ts));
            }
            (&Op::Unlock(lock, mode), _) => {
                entries.extend(self.finish(program, (me, lock, mode), ts + 1));
            }
            (&Op::Downgrade(lock), _) => {
                entries.extend(self.finish(program, (me, lock, Mode::Exclusive), ts + 1));
                entries.push(self.begin(program, (me, lock, Mode::Shared), ts + 1));
            }
            _ => {}
        }
    }

    fn begin(&mut self, program: &Program, hold: Hold, ts: usize) -> Entry {
        self.0.push(hold);
        slice(program, "b", hold, ts)
    }

    /// `None` if it is not held: rule R3 reports that.
    fn finish(&mut self, program: &Program, hold: Hold, ts: usize) -> Option<Entry> {
        let at = self.0.iter().rposition(|&other| other == hold)?;
        Some(slice(program, "e", self.0.remove(at), ts))
    }

    /// Ends what is held at the end of the run, the latest first.
    fn end(self, program: &Program, ts: usize, entries: &mut Vec<Entry>) {
        entries.extend(self.0.into_iter().rev().map(|hold| slice(program, "e", hold, ts)));
    }
}

fn slice(program: &Program, ph: &'static str, (task, lock, mode): Hold, ts: usize) -> Entry {
    let letter = program.names[usize::from(task)].letter;
    let mode = match (lock.is_rwsem(), mode) {
        (false, _) => "",
        (true, Mode::Shared) => " R",
        (true, Mode::Exclusive) => " W",
    };
    Entry {
        cat: Some("lock"),
        id: Some(format!("{:#x}", (lock.index() + 1) << 8 | usize::from(task))),
        ..Entry::new(ph, format!("{}{mode}: {letter}", lock.name()), (LOCKS, 0), ts)
    }
}
