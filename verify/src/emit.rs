//! Every step as a `tracing` event, for `RUST_LOG=diolock::step=trace`.

use crate::program::{Event, Program};
use crate::rule::Rules;

/// Whether anybody listens: whoever would first have to put the rules together asks.
pub fn wanted() -> bool {
    tracing::enabled!(target: "diolock::step", tracing::Level::TRACE)
}

/// Emits one step: target `diolock::step`, fields `task`, `op`, `outcome`, `held`. With the target
/// disabled this is one load and one compare.
pub fn step(program: &Program, rules: &Rules, event: &Event) {
    tracing::trace!(
        target: "diolock::step",
        task = %program.names[usize::from(event.task)].text,
        op = ?event.op,
        outcome = ?event.outcome,
        held = %rules.held_text(event.task),
    );
}
