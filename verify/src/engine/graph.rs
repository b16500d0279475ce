//! The graph engine: the reference semantics, explored state by state.
//!
//! # Limits
//! Sequentially consistent. Unlike the other engines it lets writers queue on every rwsem, so that
//! a deadlock that needs a queued writer is found without asking for it.

mod ahead;
mod cheapest;
mod lasso;
mod parts;
mod reduced;
mod search;
mod table;
#[cfg(test)]
mod tests;

pub use cheapest::{Cost, cheapest};
pub use search::{enabled, pending};

use super::{Tally, Wrong};
use crate::program::{Program, Run};
use crate::rule::{Gathered, RuleId};
use crate::verdict::{Counterexample, Report, Verdict};
use diolock::op::TaskId;
use search::{Search, way};
use std::collections::BTreeSet;
use std::time::Instant;

/// What to compute besides the verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The set of traces as well: states then remember how they were reached, up to commuting
    /// steps, so there are more of them.
    pub traces: bool,
    /// Leave out orders of steps that commute: fewer states, the same verdict. Not with `traces`, which are about
    /// orders.
    pub reduced: bool,
    /// Give up after that many states.
    pub max_states: Option<usize>,
}

/// Explores a program state by state; the counterexample, if any, is a shortest one.
pub fn run(program: &Program, options: Options) -> Report {
    let start = Instant::now();
    let mut other = None;
    if options.reduced && !options.traces {
        match without_orders(program, options.max_states) {
            Left::Told(report) => return *report,
            Left::Wrong(schedule) => other = Some(schedule),
            Left::Untold => {}
        }
    }
    let mut search = Search::new(program, options.traces);
    let (wrong, complete) = breadth_first(&mut search, program, options.max_states, |_| false);
    let states = search.len() as u64;
    let found = search.found;
    let mut tally = Tally { traces: found.traces, gathered: found.gathered, ..Tally::new() };
    if let Some(schedule) = wrong.or(other.filter(|_| !complete)) {
        let (wrong, run) = replay(program, &schedule);
        tally.went_wrong(wrong, &run);
    } else if complete
        && program.calls.iter().any(|call| call.repeats())
        && let Some(lasso) = lasso::find(program)
    {
        return livelock(program, lasso, tally, states, start);
    }
    let clean = if complete {
        Verdict::Exhausted
    } else {
        Verdict::Incomplete(format!("stopped after {states} states"))
    };
    let traces = options.traces.then_some(tally.traces.len() as u64);
    let mut report = tally.report(program, clean, start.elapsed().as_secs_f64());
    report.states = Some(states);
    report.traces = traces;
    report
}

/// What a reduced search leaves to say.
enum Left {
    /// Nothing: it is clean, or it was cut.
    Told(Box<Report>),
    /// The shortest way to go wrong; this is one.
    Wrong(Vec<TaskId>),
    /// Everything: of tasks that may go round for ever each loop has to be looked at.
    Untold,
}

fn without_orders(program: &Program, max_states: Option<usize>) -> Left {
    if program.calls.iter().any(|call| call.repeats()) {
        return Left::Untold;
    }
    let start = Instant::now();
    let mut search = Search::new(program, false);
    let end = reduced::run(&mut search, program.rules.has(RuleId::R12), max_states);
    let (states, mut gathered) = (search.len(), search.found.gathered);
    let mut clean = match end {
        reduced::End::Clean => Verdict::Exhausted,
        reduced::End::Cut => Verdict::Incomplete(format!("stopped after {states} states")),
        reduced::End::Wrong(schedule) => return Left::Wrong(schedule),
    };
    let mut note = "orders of steps that commute are left out".to_owned();
    // What two tasks do at a time, another order may show.
    if !super::all_seen(program, &gathered) {
        let mut search = Search::new(program, false);
        let all_seen = |seen: &Gathered| super::all_seen(program, seen);
        let (wrong, complete) = breadth_first(&mut search, program, max_states, all_seen);
        if let Some(schedule) = wrong {
            return Left::Wrong(schedule);
        }
        let more = search.len();
        note = format!("{note}; witnesses were looked for in {more} states with all orders");
        gathered.see(&search.found.gathered);
        if !complete && !super::all_seen(program, &gathered) {
            clean = Verdict::Incomplete(format!("witnesses not seen in {more} states"));
        }
    }
    let tally = Tally { gathered, ..Tally::new() };
    let mut report = tally.report(program, clean, start.elapsed().as_secs_f64());
    (report.states, report.traces) = (Some(states as u64), None);
    report.note = Some(note);
    Left::Told(Box::new(report))
}

/// A shortest way to a state in which a rule is broken or somebody is stuck, and whether every state was looked at: it
/// stops once `enough` was seen.
fn breadth_first(
    search: &mut Search<'_>,
    program: &Program,
    max_states: Option<usize>,
    enough: impl Fn(&Gathered) -> bool,
) -> (Option<Vec<TaskId>>, bool) {
    // How each state was met first: states are numbered in that order, so none is far from its neighbours.
    let mut ways = vec![(Search::FIRST, 0)];
    let mut at = Search::FIRST;
    while (at as usize) < search.len() {
        if search.broken(at).is_some() {
            return (Some(way(&ways, at)), false);
        }
        if max_states.is_some_and(|max| search.len() >= max) || enough(&search.found.gathered) {
            return (None, false);
        }
        let mut stuck = program.rules.has(RuleId::R12) && !search.finished(at);
        for task in search.tasks() {
            stuck &= search.next(at, task).is_none();
            ways.resize(search.len(), (at, task));
        }
        if stuck {
            return (Some(way(&ways, at)), false);
        }
        search.leave(at);
        at += 1;
    }
    (None, true)
}

/// Whether a program has fewer states than that, as far as they must be looked at for a verdict.
pub fn fewer_states_than(most: usize, program: &Program) -> bool {
    let options = Options { max_states: Some(most), ..Options::default() };
    !matches!(run(program, options).verdict, Verdict::Incomplete(_))
}

fn livelock(
    program: &Program,
    lasso: lasso::Lasso,
    tally: Tally,
    states: u64,
    start: Instant,
) -> Report {
    let mut search = Run::new(program);
    let mut gathered = Gathered::default();
    for &task in &lasso.schedule {
        if let Some(op) = pending(&search.system, task)
            && let Ok(event) = search.system.perform(task, op)
        {
            // The rules were judged on the way here already.
            let _ = search.observe(program, event, &mut gathered);
        }
    }
    let victim = &program.names[usize::from(lasso.victim)].text;
    let text = format!("{victim} waits for ever while the others repeat the last steps");
    Report {
        verdict: Verdict::Livelocked,
        executions: 0,
        traces: None,
        states: Some(states),
        seconds: start.elapsed().as_secs_f64(),
        counterexample: Some(Counterexample {
            events: search.events,
            text,
            loop_start: Some(lasso.loop_start),
        }),
        trace_set: BTreeSet::new(),
        gathered: tally.gathered,
        note: None,
    }
}

/// Runs a schedule on the reference semantics and says how it ends.
pub fn replay(program: &Program, schedule: &[TaskId]) -> (Wrong, Run) {
    let mut run = Run::new(program);
    let mut gathered = Gathered::default();
    for &task in schedule {
        let Some(op) = pending(&run.system, task) else { break };
        let Ok(event) = run.system.perform(task, op) else { break };
        if let Err(violation) = run.observe(program, event, &mut gathered) {
            return (Wrong::Rule(violation), run);
        }
    }
    if run.system.finished()
        && let Err(violation) = run.rules.finish(program, &run.system, &mut gathered)
    {
        return (Wrong::Rule(violation), run);
    }
    (Wrong::Stuck(run.system.waiting()), run)
}
