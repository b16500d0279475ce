//! An explanation as a text of at most 25 lines of 100 columns: what goes wrong, how, which fix closes
//! the window, and the command that runs it again.

use super::chart::{Chart, Row, held_words};
use super::command::command;
use super::fit::{WIDTH, wrap};
use super::lanes::heading;
use super::table::{Detail, table};
use super::words::waits_words;
use crate::explain::{Closing, Ending, Explained, is_bad};
use crate::program::{Event, Program, Waiting};
use crate::schedule;
use crate::verdict::Verdict;
use diolock::inode::Blocked;
use diolock::kernel::Fix;
use diolock::op::TaskId;
use diolock::sources::was_read;

/// An explanation has no more lines, unless every step is asked for.
pub const LINES: usize = 25;
/// A run is cut to no fewer.
const FEWEST: usize = 6;

/// The explanation, ending in a newline; `long` shows every step.
pub fn story(explained: &Explained, long: bool) -> String {
    let (head, chart, foot) =
        if is_bad(&explained.report.verdict) { failing(explained) } else { clean(explained) };
    let Some(chart) = chart.filter(|chart| !chart.rows.is_empty()) else {
        return if foot.is_empty() { head } else { format!("{head}\n{foot}") };
    };
    let around = head.lines().count() + foot.lines().count() + 2;
    let room = LINES.saturating_sub(around).max(FEWEST);
    let detail = if long { Detail::Long } else { Detail::Lines(room) };
    format!("{head}\n{}\n{foot}", table(&chart, detail))
}

/// What is wrong, the run that shows it, and what mends it.
fn failing(explained: &Explained) -> (String, Option<Chart>, String) {
    let (program, report) = (&explained.program, &explained.report);
    let Some(found) = &report.counterexample else { return (String::new(), None, String::new()) };
    let chart = Chart::of_report(program, report);
    let stuck = matches!(report.verdict, Verdict::Deadlocked | Verdict::Livelocked)
        && found.loop_start.is_none();
    let mut head = match &chart {
        Some(chart) if stuck => title(program, &report.verdict) + &wrapped(&cycle(chart)),
        _ => heading(program, &report.verdict, found),
    };
    if !explained.engines.is_empty() {
        head.push_str(&wrap(&explained.engines.join(" | "), "  ", WIDTH));
    }
    let mut foot = match &explained.ending {
        Ending::Closed(closing) => fixed_by(closing),
        Ending::Open => {
            "  open: every later kernel here was searched, and the newest fails too\n".to_owned()
        }
        Ending::Unknown(Some(why)) => {
            wrap(&format!("where it ends is not known: {why}"), "  ", WIDTH)
        }
        Ending::Unknown(None) => String::new(),
    };
    foot.push_str(&derived(program, &found.events));
    if !found.events.is_empty() {
        foot.push_str(&command(program, &schedule::letters(program, &found.events)));
    }
    (head, chart, foot)
}

fn title(program: &Program, verdict: &Verdict) -> String {
    let word = verdict.word().to_uppercase();
    wrap(&format!("{word} {} on {}", program.litmus, program.kernel), "", WIDTH)
}

/// Nothing is wrong: what was explored, and the schedule that goes wrong without a fix.
fn clean(explained: &Explained) -> (String, Option<Chart>, String) {
    let (program, report) = (&explained.program, &explained.report);
    let mut head = title(program, &report.verdict);
    match &report.verdict {
        Verdict::Forbidden(why) | Verdict::Vacuous(why) | Verdict::Incomplete(why) => {
            head.push_str(&wrap(why, "  ", WIDTH))
        }
        _ => head.push_str(&wrap(&format!("holds: {}", explained.claim), "  ", WIDTH)),
    }
    head.push_str(&wrap(&explained.engines.join(" | "), "  ", WIDTH));
    let Some(closing) = explained.closing() else {
        return (head, None, String::new());
    };
    let bad = match &closing.report.verdict {
        Verdict::Violated(rule) => format!("{} {}", rule.code(), rule.name()),
        other => other.word().to_owned(),
    };
    let fix = match closing.fix {
        Some(fix) => {
            let about = fix.about();
            format!("closed by {} ({}): {}", about.commit, about.release, about.words())
        }
        None => {
            format!("closed by a change of shape after {}: by no single fix", closing.buggy.kernel)
        }
    };
    head.push_str(&wrap(&fix, "  ", WIDTH));
    let buggy = closing.buggy.kernel;
    let outcome = outcome(closing);
    head.push_str(&wrap(
        &format!("{buggy}: {bad}; the same schedule here: {outcome}"),
        "  ",
        WIDTH,
    ));
    let mut chart = Chart::of_run(program, &closing.followed.run.events);
    chart.blocked.clone_from(&closing.followed.blocked);
    let events = closing.report.counterexample.iter().flat_map(|found| &found.events);
    let events: Vec<_> = events.cloned().collect();
    let foot = derived(program, &closing.followed.run.events)
        + &command(&closing.buggy, &schedule::letters(&closing.buggy, &events));
    (head, Some(chart), foot)
}

/// The kernel functions of a run that were not read in this version's source.
fn derived(program: &Program, events: &[Event]) -> String {
    let version = program.kernel.version;
    let mut names: Vec<&str> = Vec::new();
    for row in Chart::of_run(program, events).rows {
        let name = row.place.kernel;
        if !was_read(name, version) && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return String::new();
    }
    let (all, more) = (names.len(), names.len().saturating_sub(3));
    names.truncate(3);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = if all == 1 { "function" } else { "functions" };
    let names = names.join(", ");
    wrap(&format!("derived, the {what} not read in {}: {names}{more}", version.name()), "  ", WIDTH)
}

/// What becomes of the schedule on the fixed kernel.
pub(super) fn outcome(closing: &Closing) -> String {
    let followed = &closing.followed;
    let letter = |task: TaskId| closing.fixed.names[usize::from(task)].letter;
    if let Some(waiting) = &followed.blocked {
        let (who, waits) = (letter(waiting.task), waits_words(waiting, &letter));
        let (step, place) = (followed.run.events.len() + 1, waiting.place.kernel);
        return format!("in step {step} {who} {waits} ({place})");
    }
    match followed.differs {
        Some(at) => {
            let chart = Chart::of_run(&closing.fixed, &followed.run.events);
            let row = &chart.rows[at];
            let (who, step) = (letter(row.task), row.place.step);
            format!(
                "from step {} on {who} takes another way ({step}); no rule judged is broken",
                at + 1
            )
        }
        None => "no rule judged is broken".to_owned(),
    }
}

/// The commit that mends it, and what it does to this schedule.
fn fixed_by(closing: &Closing) -> String {
    let first = match closing.fix {
        Some(fix) => {
            let about = fix.about();
            format!("fixed by {} ({}): {}", about.commit, about.release, about.words())
        }
        None if let Some([one, other]) = closing.either.map(|fixes| fixes.map(Fix::about)) => {
            let both = [one, other].map(|about| format!("{}: {}", about.commit, about.words()));
            format!("closed in {} twice: {}", closing.fixed.kernel, both.join("; and "))
        }
        None => {
            let kept = closing.keeps.map_or_else(String::new, |fix| {
                let about = fix.about();
                format!(", and kept so by {} ({}): {}", about.commit, about.release, about.words())
            });
            format!("closed in {} by a change of shape{kept}", closing.fixed.kernel)
        }
    };
    let text = format!("{first}; the same schedule there: {}", outcome(closing));
    wrap(&text, "  ", WIDTH)
}

fn wrapped(lines: &[String]) -> String {
    lines.iter().map(|line| wrap(line, "  ", WIDTH)).collect()
}

/// Who waits for whom, each with the place where it waits and where the holder took what it holds;
/// in the order of the cycle where there is one.
pub fn cycle(chart: &Chart) -> Vec<String> {
    let line = |waiting: &Waiting| {
        let letter = |task: TaskId| chart.letters[usize::from(task)];
        let (who, place) = (letter(waiting.task), waiting.place.kernel);
        let (waits, holder) = (waits_words(waiting, &letter), holder(chart, waiting));
        format!("{who} in {place} {waits}{holder}")
    };
    in_order(&chart.stuck).into_iter().map(line).collect()
}

/// Since when the lock is held that somebody waits for: ` (W since step 10, ext4_ext_direct_IO)`.
pub fn holder(chart: &Chart, waiting: &Waiting) -> String {
    let Blocked::Lock { lock, by, .. } = &waiting.blocked else { return String::new() };
    let row = by.iter().find_map(|&by| taken(chart, by, *lock));
    row.map_or_else(String::new, |row| {
        let mode = held_words(row, *lock);
        format!(" ({mode}since step {}, {})", row.number, row.place.kernel)
    })
}

/// The row in which a task took a lock that it holds at the end.
fn taken(chart: &Chart, task: TaskId, lock: diolock::op::LockName) -> Option<&Row> {
    let holds = |row: &&Row| row.held.iter().any(|h| h.task == task && h.lock == lock);
    chart.rows.last().filter(holds)?;
    let at = chart.rows.iter().rposition(|row| !holds(&row)).map_or(0, |at| at + 1);
    chart.rows.get(at)
}

/// Each waiter before the one it waits for, as far as that is known.
fn in_order(stuck: &[Waiting]) -> Vec<&Waiting> {
    let mut order: Vec<&Waiting> = Vec::new();
    let mut rest: Vec<&Waiting> = stuck.iter().collect();
    while !rest.is_empty() {
        let next = order.last().and_then(|last| match &last.blocked {
            Blocked::Lock { by, .. } => rest.iter().position(|w| by.contains(&w.task)),
            _ => None,
        });
        order.push(rest.remove(next.unwrap_or(0)));
    }
    order
}
