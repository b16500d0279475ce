//! A run of a program on the reference semantics.

use crate::emit;
use crate::program::{Event, Program, System};
use crate::rule::{Gathered, Rules, Violation};
use crate::trace::TraceHash;

/// One execution as it happens: the system, its rules and its trace. Every engine drives one; an
/// engine decides the order and nothing else.
#[derive(Clone, Debug)]
pub struct Run {
    /// The tasks and what they share.
    pub system: System,
    /// The rules so far.
    pub rules: Rules,
    /// The trace so far.
    pub trace: TraceHash,
    /// What happened.
    pub events: Vec<Event>,
}

impl Run {
    /// The start of a program.
    pub fn new(program: &Program) -> Run {
        Run {
            system: System::new(program),
            rules: Rules::new(program),
            trace: TraceHash::new(program.calls.len()),
            events: Vec::new(),
        }
    }

    /// Books a step that has been performed.
    ///
    /// # Errors
    /// If it breaks a rule.
    pub fn observe(
        &mut self,
        program: &Program,
        event: Event,
        gathered: &mut Gathered,
    ) -> Result<(), Violation> {
        self.trace.observe(&event);
        emit::step(program, &self.rules, &event);
        let over = self.system.just_over(event.task);
        let result = self.rules.observe(program, &event, over, gathered);
        self.events.push(event);
        result
    }
}
