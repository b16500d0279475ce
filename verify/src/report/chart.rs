//! A run laid out for drawing: a row a step, with who holds and who waits for what after it. The
//! lane table, the SVG and the trace export all draw this.

use super::words;
use crate::program::{Event, Program, System, Waiting};
use crate::rule::RuleId;
use crate::verdict::{Report, Verdict};
use diolock::inode::Blocked;
use diolock::op::{LockName, Mode, Op, Outcome, TaskId};
use diolock::task::{Place, Task};

/// A run, step by step.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Every task's name, by its id.
    pub names: Vec<String>,
    /// Every task's letter, by its id.
    pub letters: Vec<char>,
    /// The tasks that take a step or wait at the end, in task order: one lane each.
    pub lanes: Vec<TaskId>,
    /// The locks that are held or waited for at some time, in rank order.
    pub locks: Vec<LockName>,
    /// The steps.
    pub rows: Vec<Row>,
    /// For a livelock, the row at which the loop begins.
    pub loop_start: Option<usize>,
    /// Who waits for what after the last step.
    pub stuck: Vec<Waiting>,
    /// The run follows a schedule whose next step has to wait: that step.
    pub blocked: Option<Waiting>,
}

/// One step, and how things stand after it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number in the run, from 1.
    pub number: usize,
    /// Who takes it.
    pub task: TaskId,
    /// Another task took the step before.
    pub switch: bool,
    /// Where in the kernel.
    pub place: Place,
    /// What happens, in the kernel's words.
    pub text: String,
    /// What it reads is older than the last value written (weak memory only).
    pub old_value: bool,
    /// Who holds which lock.
    pub held: Vec<Hold>,
    /// Tasks with an open journal handle.
    pub handles: Vec<TaskId>,
    /// Who waits for what: tasks that cannot take their next step.
    pub waiting: Vec<Waiting>,
    /// `i_dio_count`.
    pub dio_count: i8,
    /// Why the reader should look here.
    pub mark: Option<Mark>,
    /// It touches what another task touches in this run, in an order that matters.
    pub shared: bool,
    /// How much it says, 0 to 9: a short table leaves out what says least.
    pub weight: u8,
}

/// A lock, held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hold {
    /// By whom.
    pub task: TaskId,
    /// Which.
    pub lock: LockName,
    /// How.
    pub mode: Mode,
}

/// Why the reader should look at a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// This rule is broken here.
    Broken(RuleId),
    /// The loop of a livelock begins here.
    Loop,
    /// A recorded event that the model does not allow, though it breaks no rule by itself.
    Rejected,
}

impl Mark {
    /// `R6` or `loop`.
    pub fn text(self) -> &'static str {
        match self {
            Mark::Broken(rule) => rule.code(),
            Mark::Loop => "loop",
            Mark::Rejected => "rejected",
        }
    }
}

/// Who waits, in functions of that kernel's names.
fn waiting(system: &System, program: &Program) -> Vec<Waiting> {
    let named = |waiting: Waiting| waiting.on(program.kernel.version);
    system.waiting().into_iter().map(named).collect()
}

impl Chart {
    /// A run without a verdict.
    pub fn of_run(program: &Program, events: &[Event]) -> Chart {
        let mut system = System::new(program);
        let mut rows: Vec<Row> = Vec::new();
        let mut handles = vec![0_u8; program.calls.len()];
        for (at, event) in events.iter().enumerate() {
            let task = usize::from(event.task);
            let place = system.calls[task].place().on(program.kernel.version);
            // Under weak memory a step may have read what the reference semantics has overwritten,
            // or passed a wait on an old value: its own outcome is what counts.
            let now = system.inode.perform(event.task, &event.op);
            let old_value = now.as_ref() != Ok(&event.outcome);
            system.resume(event.task, &event.op, event.outcome.clone());
            match event.op {
                Op::JournalStart(_) => handles[task] += 1,
                Op::JournalStop(_) => handles[task] = handles[task].saturating_sub(1),
                _ => {}
            }
            let holds = |&lock: &LockName| {
                let hold = move |&(task, mode): &(TaskId, Mode)| Hold { task, lock, mode };
                system.inode.lock(lock).holders().iter().map(hold).collect::<Vec<_>>()
            };
            let dio_count = system.inode.dio_count();
            rows.push(Row {
                number: at + 1,
                task: event.task,
                switch: at > 0 && events[at - 1].task != event.task,
                place,
                text: words(program, event, dio_count),
                old_value,
                held: LockName::ALL.iter().flat_map(holds).collect(),
                handles: system.tasks().filter(|&t| handles[usize::from(t)] > 0).collect(),
                waiting: waiting(&system, program),
                dio_count,
                mark: None,
                shared: shared(events, at),
                weight: weight(events, at),
            });
        }
        let stuck = waiting(&system, program);
        let of_row = |lock: LockName, row: &Row| {
            row.held.iter().any(|h| h.lock == lock) || row.waiting.iter().any(|w| on(w, lock))
        };
        Chart {
            names: program.names.iter().map(|name| name.text.clone()).collect(),
            letters: program.names.iter().map(|name| name.letter).collect(),
            lanes: system
                .tasks()
                .filter(|&t| {
                    rows.iter().any(|row| row.task == t) || stuck.iter().any(|w| w.task == t)
                })
                .collect(),
            locks: LockName::ALL
                .into_iter()
                .filter(|&lock| rows.iter().any(|row| of_row(lock, row)))
                .collect(),
            rows,
            loop_start: None,
            stuck,
            blocked: None,
        }
    }

    /// The run that a report shows, if it shows one, with its marks.
    pub fn of_report(program: &Program, report: &Report) -> Option<Chart> {
        let found = report.counterexample.as_ref()?;
        let mut chart = Chart::of_run(program, &found.events);
        if let (Verdict::Violated(rule), Some(last)) = (&report.verdict, chart.rows.last_mut()) {
            last.mark = Some(Mark::Broken(*rule));
        }
        if let Some(row) = found.loop_start.and_then(|at| chart.rows.get_mut(at)) {
            row.mark = Some(Mark::Loop);
        }
        chart.loop_start = found.loop_start;
        Some(chart)
    }

    /// The tasks in the order of their steps.
    pub fn schedule(&self) -> Vec<TaskId> {
        self.rows.iter().map(|row| row.task).collect()
    }
}

/// Whether somebody waits for that lock.
pub fn on(waiting: &Waiting, wanted: LockName) -> bool {
    matches!(waiting.blocked, Blocked::Lock { lock, .. } if lock == wanted)
}

/// How the task of a row holds a rwsem: `R `, `W `; nothing for a mutex.
pub fn held_words(row: &Row, lock: LockName) -> &'static str {
    let mode = row.held.iter().find(|h| h.task == row.task && h.lock == lock).map(|h| h.mode);
    match mode {
        Some(Mode::Shared) if lock.is_rwsem() => "R ",
        Some(Mode::Exclusive) if lock.is_rwsem() => "W ",
        _ => "",
    }
}

/// Whether a step touches what a step of another task touches, in a way that does not commute.
fn shared(events: &[Event], at: usize) -> bool {
    let touched = events[at].touched();
    events.iter().filter(|other| other.task != events[at].task).any(|other| {
        let others = other.touched();
        touched.iter().any(|a| others.iter().any(|b| a.0 == b.0 && a.1.conflicts(b.1)))
    })
}

/// What a reader looks for: who counts, waits, submits and frees; then the locks; then what others
/// touch as well; a step at a switch says more than one inside a run.
fn weight(events: &[Event], at: usize) -> u8 {
    let event = &events[at];
    let step = match &event.op {
        Op::Free(_) | Op::Submit(..) | Op::Bio(..) | Op::DioWait | Op::Convert(..) => 6,
        Op::ConvertExtent(..) => 6,
        Op::InodeAioSet(_) | Op::InodeAio => 7,
        Op::DioBegin(_) | Op::DioEnd(_) | Op::SizeWrite(_) | Op::DisksizeWrite(_) => 5,
        Op::GateClose | Op::GateTest | Op::CommitLock | Op::CommitWait => 5,
        Op::UnwrittenBegin | Op::UnwrittenEnd | Op::UnwrittenWait => 5,
        _ if event.outcome == Outcome::NoSpace => 5,
        Op::Lock(LockName::IMutex, _) | Op::Unlock(LockName::IMutex, _) | Op::Queue(_) => 5,
        Op::Lock(..) | Op::Unlock(..) | Op::TryLock(..) | Op::LockByRequeue(_) => 3,
        Op::JournalStart(_) | Op::JournalStop(_) => 3,
        _ => 1,
    };
    let other = |at: Option<&Event>| at.is_some_and(|other| other.task != event.task);
    let at_switch = other(at.checked_sub(1).map(|at| &events[at])) || other(events.get(at + 1));
    step + u8::from(shared(events, at)) * 2 + u8::from(at_switch)
}
