//! Why a recording is not one that the model allows.

use super::event::{Event, Thread};
use super::recent::Standing;
use crate::rule::RuleId;

/// What is wrong with an event, and who else has to do with it.
#[derive(Clone, Debug)]
pub struct Reason {
    /// In words; each `{}` stands for one of `others`.
    pub text: String,
    /// The rule that it breaks.
    pub rule: Option<RuleId>,
    /// Threads that have to do with it.
    pub others: Vec<Thread>,
}

impl Reason {
    /// It breaks no rule by itself.
    pub fn new(text: impl Into<String>) -> Reason {
        Reason { text: text.into(), rule: None, others: Vec::new() }
    }
    /// It has to do with others.
    pub fn of(text: impl Into<String>, others: Vec<Thread>) -> Reason {
        Reason { text: text.into(), rule: None, others }
    }
    /// It breaks a rule.
    pub fn rule(rule: RuleId, text: impl Into<String>) -> Reason {
        Reason { text: text.into(), rule: Some(rule), others: Vec::new() }
    }
    /// With one more thread.
    #[must_use]
    pub fn with(mut self, thread: Thread) -> Reason {
        self.others.push(thread);
        self
    }
}

/// The first event that does not fit.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// Its line in the file.
    pub line: usize,
    /// The event; `None` if it lies too far back to be remembered.
    pub event: Option<Event>,
    /// What is wrong with it.
    pub reason: Reason,
    /// What would have been accepted instead: the event, and the model's step.
    pub expected: Vec<String>,
    /// The last events of the threads concerned, oldest first, and how things stood after each;
    /// after the event itself, as if it were refused.
    pub window: Vec<(Event, Standing)>,
}
