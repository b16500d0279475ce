//! Conditions on outcomes: what `never`, `always` and `exists` of a litmus file say of the end of an execution.

mod expr;
mod facts;
mod read;

pub use expr::{Expr, Place, Relation, Term};
pub use facts::{Answer, Cell, Facts, Task, Who};
pub use read::{GRAMMAR, Mistake, WORDS, read};

use diolock::op::TaskId;

/// One condition, as it was written and as it is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// The words of the file.
    pub text: String,
    /// What they mean.
    pub expr: Expr,
}

/// What a litmus file asks of the end of executions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conditions {
    /// Holds at the end of none.
    pub never: Vec<Condition>,
    /// Holds at the end of each.
    pub always: Vec<Condition>,
    /// Holds at the end of one at least.
    pub exists: Vec<Condition>,
}

impl Conditions {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.never.is_empty() && self.always.is_empty() && self.exists.is_empty()
    }

    /// Whether any asks what a call was told: what it read.
    pub fn ask_for_answers(&self) -> bool {
        let all = self.never.iter().chain(&self.always).chain(&self.exists);
        all.into_iter().any(|condition| condition.expr.asks_for_answers())
    }

    /// The first that an end contradicts, in words.
    pub fn broken(&self, facts: &Facts, name: impl Fn(TaskId) -> Task) -> Option<String> {
        let never = self.never.iter().map(|condition| (condition, true, "holds"));
        let always = self.always.iter().map(|condition| (condition, false, "does not hold"));
        let mut all = never.chain(always);
        let (condition, _, how) = all.find(|(c, wrong, _)| c.expr.holds(facts) == *wrong)?;
        let values = condition.expr.values(facts, name).join(", ");
        Some(format!("at the end `{}` {how}: {values}", condition.text))
    }
}
