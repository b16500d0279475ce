//! A sweep: every program of two calls, or random ones of three, over some start files. What goes wrong
//! has to be a race with a name.
//!
//! Programs are written as litmus files and read by the parser that reads everybody's, so that a sweep
//! asks about nothing that a reader could not write down; what cannot be written is counted, with its
//! reason. Each program is judged by all rules, again without those that it breaks until nothing is found
//! any more: what it breaks is then the same for every engine, however each searches. A program is
//! explained by its smallest part that breaks the same rule, and that by a [`races::Race`].

mod calls;
mod diff;
mod healing;
mod judge;
mod options;
mod part;
mod programs;
pub mod races;
mod random;
mod record;
mod starts;
mod tally;

pub use calls::CALLS;
pub use diff::{Broken, Diff};
pub use healing::Healing;
pub use options::{Limits, Options, Shard};
pub use part::Part;
pub use programs::count;
pub use record::{Asked, Record};
pub use starts::STARTS;
pub use tally::{Doubt, Found, Sweep, Unexplained};

use crate::litmus::Litmus;
use crate::rule::RuleSet;
use crate::suite::side_by_side;
use diolock::kernel::Version;
use judge::Judge;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Each call alone on each start file: those that can be stated on that version.
pub fn alone(version: Version) -> impl Iterator<Item = Litmus> {
    let part = |file: &starts::Start, at| Part { file: file.clone(), calls: vec![at] };
    let parts = STARTS.iter().flat_map(move |file| (0..CALLS.len()).map(move |at| part(file, at)));
    parts.filter_map(move |part| part.litmus(version, RuleSet::ALL).ok())
}

/// Runs a shard of a sweep; `on_done` hears of each program judged, and of how many there are.
pub fn run(options: &Options, stop: &AtomicBool, mut on_done: impl FnMut(usize)) -> Record {
    let programs = programs::programs(options);
    let mut record = Record::new(options, programs.not_stated);
    let asked = programs.parts.len();
    let judge = Arc::new(Judge::new(options));
    let judged = side_by_side(
        programs.parts.iter().map(|(_, part)| part.clone()).collect(),
        options.jobs,
        stop,
        move |part: &Part| judge.judge(part),
        |_, _| on_done(asked),
    );
    for ((at, part), judged) in programs.parts.into_iter().zip(judged) {
        record.book(at, part, judged);
    }
    record
}
