//! What calls were told, for conditions that ask.

use super::pages::copied;
use crate::condition::{Answer, Cell};
use crate::program::{Event, Program, System};
use diolock::call::{Call, Returned};
use diolock::op::{Bio, Content, Extent, LogicalBlock, MapFor, Op, Outcome, Size, Span, TaskId};

/// What each task was told that a condition may ask for. What was read tells executions apart, so it is kept for
/// programs that ask only.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Answers {
    /// By task: its calls so far, the one that it is in last.
    told: Vec<Vec<Told>>,
    /// By task: which of its calls read.
    reads: Vec<Vec<bool>>,
}

/// What one call was told.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Told {
    no_space: bool,
    gave_up: bool,
    busy: bool,
    failed: bool,
    /// What a direct read returned, of what it found.
    span: Option<Span>,
    /// Whose I/O it is, if not its own.
    completed_by: Option<TaskId>,
    /// What a direct read found where.
    mapped: Vec<Extent>,
    /// What it, or a completion, read there: block by block of what is written.
    data: Vec<[Content; 2]>,
    /// What a buffered read copied.
    copied: Vec<(LogicalBlock, [Option<Content>; 2])>,
    /// i_size, as it saw it last.
    size: Size,
}

impl Answers {
    pub(super) fn new(program: &Program) -> Answers {
        if program.conditions.is_empty() {
            return Answers::default();
        }
        Answers::asked(program, program.conditions.ask_for_answers())
    }

    /// Of a program of whose reads one `asks`, or not.
    pub(crate) fn asked(program: &Program, asks: bool) -> Answers {
        let reads = |call: &&Call| {
            asks && matches!(
                call,
                Call::Read(_)
                    | Call::DioReadIter(_)
                    | Call::DioReadComplete(_)
                    | Call::IomapReadEndIo(_)
                    | Call::BufferedRead(_)
            )
        };
        let of_task = |call: &Call| call.calls().iter().map(reads).collect();
        Answers {
            told: vec![vec![Told::default()]; program.calls.len()],
            reads: program.calls.iter().map(of_task).collect(),
        }
    }

    /// Notes an event.
    pub(crate) fn remember(&mut self, event: &Event) {
        let at = usize::from(event.task);
        let Some(calls) = self.told.get_mut(at) else { return };
        let reads = self.reads[at].get(calls.len() - 1) == Some(&true);
        let Some(told) = calls.last_mut() else { return };
        match (&event.op, &event.outcome) {
            (_, Outcome::NoSpace) => told.no_space = true,
            (Op::Map(_, MapFor::Io), Outcome::Mapping(found)) if reads => {
                told.mapped = found.iter().map(|mapped| mapped.extent).collect();
            }
            (Op::Bio(_, Bio::Read { .. }), Outcome::Data(data)) if reads => {
                told.data.extend(data);
            }
            (&Op::PageRead(block), Outcome::Data(data)) if reads => {
                let held = data.first().copied().unwrap_or([Content::Zero; 2]);
                let copied = copied(told.size, block);
                let held = [0, 1].map(|half| Some(held[half]).filter(|_| half < copied));
                told.copied.push((block, held));
            }
            (Op::SizeRead, &Outcome::Size(size)) if reads => told.size = size,
            _ => {}
        }
    }

    /// A call of a task has returned.
    pub(crate) fn returned(&mut self, task: TaskId, call: &Call) {
        let at = usize::from(task);
        let Some(calls) = self.told.get_mut(at) else { return };
        let reads = self.reads[at].get(calls.len() - 1) == Some(&true);
        if let Some(told) = calls.last_mut() {
            told.gave_up = call.gave_up();
            told.failed = call.failed();
            // A direct read that failed tells nothing of what it has read before.
            told.span = call.read().filter(|_| reads && !told.failed);
            told.busy = call.busy();
            told.completed_by = call.read_completed_by().filter(|_| reads);
        }
        calls.push(Told::default());
    }

    /// Those of a task, at the end.
    pub(super) fn of(&self, task: TaskId, program: &Program) -> Vec<Answer> {
        let calls = self.told.get(usize::from(task)).map_or(&[][..], |calls| calls);
        let over = calls.len().saturating_sub(1);
        calls.iter().take(over).map(|told| self.answer(told, program)).collect()
    }

    fn answer(&self, told: &Told, program: &Program) -> Answer {
        let returned = [
            (told.gave_up, Returned::Eagain),
            (told.no_space, Returned::Enospc),
            (told.busy, Returned::Ebusy),
            (told.failed, Returned::Eio),
        ];
        let returned = returned.iter().find(|so| so.0).map_or(Returned::Ok, |so| so.1);
        let cells = |held: [Content; 2]| held.map(|content| cell(program, content));
        let read = |held: Option<Content>| held.map_or(Cell::Nothing, |held| cell(program, held));
        let Some(span) = told.span else {
            let copied = told.copied.iter().map(|&(block, held)| (block, held.map(read)));
            return Answer { read: copied.collect(), returned };
        };
        let completion = told.completed_by.and_then(|task| self.told[usize::from(task)].first());
        let mut data = completion.unwrap_or(told).data.iter();
        let found = told.mapped.iter().map(|&extent| {
            // Holes and unwritten blocks read as zeros without any I/O.
            let data = (extent == Extent::Written).then(|| data.next()).flatten();
            cells(data.copied().unwrap_or([Content::Zero; 2]))
        });
        let mut read: Vec<_> = span.blocks().zip(found).collect();
        // What lies past its end was not returned.
        if let Some((_, last)) = read.last_mut().filter(|_| span.end.splits()) {
            last[1] = Cell::Nothing;
        }
        Answer { read, returned }
    }
}

/// What each call of each task of a run was told.
pub fn told(program: &Program, events: &[Event]) -> Vec<Vec<Answer>> {
    let mut answers = Answers::asked(program, true);
    let mut system = System::new(program);
    for event in events {
        let _ = system.perform(event.task, event.op.clone());
        answers.remember(event);
        if let Some(call) = system.just_over(event.task) {
            answers.returned(event.task, call);
        }
    }
    system.tasks().map(|task| answers.of(task, program)).collect()
}

/// Data, of whichever task of the two that an asynchronous call has.
pub(super) fn cell(program: &Program, content: Content) -> Cell {
    Cell::Holds(match content {
        Content::Of(by) => Content::Of(program.asked(by)),
        other => other,
    })
}
