//! What calls were told, for conditions that ask.

use crate::condition::{Answer, Cell};
use crate::program::{Event, Program, System};
use diolock::call::{Call, Returned};
use diolock::op::{Bio, Content, Extent, LogicalBlock, MapFor, Op, Outcome, Size, Span, TaskId};
use std::sync::Arc;

/// What a task was told that a condition may ask for. What was read tells executions apart, so it is kept for
/// programs that ask only.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Answers {
    /// Its calls so far, the one that it is in last; none if nothing is kept.
    calls: Vec<Told>,
    /// Which of its calls read, and are asked what.
    reads: Arc<[bool]>,
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
    /// Of a task that makes these calls, of whose reads somebody `asks`, or not.
    pub(super) fn new(call: &Call, asks: bool) -> Answers {
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
        let reads = call.calls().iter().map(reads).collect();
        Answers { calls: vec![Told::default()], reads }
    }

    /// Of each task of a program, all that can be asked.
    pub(crate) fn of_all(program: &Program) -> Vec<Answers> {
        program.calls.iter().map(|call| Answers::new(call, true)).collect()
    }

    /// Whether anything is kept.
    pub(super) fn are_kept(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Notes an event of the task.
    pub(crate) fn remember(&mut self, event: &Event) {
        let reads = self.reads();
        let Some(told) = self.calls.last_mut() else { return };
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

    /// A call of the task has returned.
    pub(crate) fn returned(&mut self, call: &Call) {
        let reads = self.reads();
        let Some(told) = self.calls.last_mut() else { return };
        told.gave_up = call.gave_up();
        told.failed = call.failed();
        // A direct read that failed tells nothing of what it has read before.
        told.span = call.read().filter(|_| reads && !told.failed);
        told.busy = call.busy();
        told.completed_by = call.read_completed_by().filter(|_| reads);
        self.calls.push(Told::default());
    }

    /// Whether the call that it is in reads.
    fn reads(&self) -> bool {
        let at = self.calls.len().wrapping_sub(1);
        self.reads.get(at) == Some(&true)
    }

    /// Those of each task, at the end.
    pub(super) fn at_the_end(all: &[&Answers], program: &Program) -> Vec<Vec<Answer>> {
        let of_task = |task: &&Answers| {
            let over = task.calls.len().saturating_sub(1);
            task.calls.iter().take(over).map(|told| told.answer(all, program)).collect()
        };
        all.iter().map(of_task).collect()
    }
}

impl Told {
    /// What a condition sees of it, and of what `all` tasks were told.
    fn answer(&self, all: &[&Answers], program: &Program) -> Answer {
        let returned = [
            (self.gave_up, Returned::Eagain),
            (self.no_space, Returned::Enospc),
            (self.busy, Returned::Ebusy),
            (self.failed, Returned::Eio),
        ];
        let returned = returned.iter().find(|so| so.0).map_or(Returned::Ok, |so| so.1);
        let cells = |held: [Content; 2]| held.map(|content| cell(program, content));
        let read = |held: Option<Content>| held.map_or(Cell::Nothing, |held| cell(program, held));
        let Some(span) = self.span else {
            let copied = self.copied.iter().map(|&(block, held)| (block, held.map(read)));
            return Answer { read: copied.collect(), returned };
        };
        let completion = self.completed_by.and_then(|task| all[usize::from(task)].calls.first());
        let mut data = completion.unwrap_or(self).data.iter();
        let found = self.mapped.iter().map(|&extent| {
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
    let mut answers = Answers::of_all(program);
    let mut system = System::new(program);
    for event in events {
        let _ = system.perform(event.task, event.op.clone());
        let own = &mut answers[usize::from(event.task)];
        own.remember(event);
        if let Some(call) = system.just_over(event.task) {
            own.returned(call);
        }
    }
    Answers::at_the_end(&answers.iter().collect::<Vec<_>>(), program)
}

/// Data, of whichever task of the two that an asynchronous call has.
pub(super) fn cell(program: &Program, content: Content) -> Cell {
    Cell::Holds(match content {
        Content::Of(by) => Content::Of(program.asked(by)),
        other => other,
    })
}

/// So many halves of a block are copied by a read that saw this i_size: not the one behind it. A block that lies past
/// it as a whole should not have been asked for; if it was, all of it was copied.
pub(super) fn copied(seen: Size, block: LogicalBlock) -> usize {
    if seen.splits() && seen.down() == block { 1 } else { 2 }
}
