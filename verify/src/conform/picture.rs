//! What led to a rejected event, as a picture: a lane for each thread, time runs down, and who holds
//! what on the right, drawn as any other run is.

use super::event::{Event, Name, Thread};
use super::recent::Standing;
use super::reject::Rejection;
use super::report::{describe, lanes, reason};
use crate::program::Waiting;
use crate::report::{Caption, Chart, Hold, Mark, Row, svg};
use diolock::inode::Blocked;
use diolock::op::{LockName, Mode, TaskId};
use diolock::task::Place;

/// Pixels from side to side.
const WIDTH: u32 = 1000;

/// Draws the window around a rejected event as an SVG file.
pub fn rejection_svg(path: &str, kernel: &str, rejection: &Rejection, name: Name) -> String {
    let (chart, caption) = drawn(path, kernel, rejection, name);
    svg(&chart, &caption)
}

pub(super) fn drawn(
    path: &str,
    kernel: &str,
    rejection: &Rejection,
    name: Name,
) -> (Chart, Caption) {
    let mut lines = vec![reason(rejection, name)];
    if let Some(rule) = rejection.reason.rule {
        lines.push(format!("{} {}: {}", rule.code(), rule.name(), rule.statement()));
    }
    if !rejection.expected.is_empty() {
        lines.push(format!("it would have accepted: {}", rejection.expected.join(", or ")));
    }
    lines.push(
        "the numbers are lines of the recording; not all lines between are shown, and only locks \
         of these threads"
            .to_owned(),
    );
    let title = format!("{path}:{}: rejected by {kernel}", rejection.line);
    (chart(rejection, name), Caption { title, lines, width: WIDTH })
}

fn chart(rejection: &Rejection, name: Name) -> Chart {
    let lanes = lanes(rejection);
    let letters: Vec<char> = ('A'..='Z').take(lanes.len()).collect();
    let task =
        |thread: Thread| lanes.iter().position(|&lane| lane == thread).map(|at| at as TaskId);
    let mut before = None;
    let mut rows: Vec<Row> = Vec::new();
    for (event, standing) in &rejection.window {
        let mut row = row(event, standing, &task);
        row.switch = before.is_some_and(|before| before != row.task);
        before = Some(row.task);
        if event.line == rejection.line {
            row.mark = Some(rejection.reason.rule.map_or(Mark::Rejected, Mark::Broken));
        }
        rows.push(row);
    }
    let shown = |lock: &LockName| {
        let waits = |waiting: &Waiting| matches!(waiting.blocked, Blocked::Lock { lock: l, .. } if l == *lock);
        rows.iter().any(|row| {
            row.held.iter().any(|hold| hold.lock == *lock) || row.waiting.iter().any(waits)
        })
    };
    let names = lanes.iter().zip(&letters);
    Chart {
        names: names.map(|(&lane, letter)| format!("{letter} {}", name(lane))).collect(),
        lanes: (0..lanes.len() as TaskId).collect(),
        locks: LockName::ALL.into_iter().filter(shown).collect(),
        letters,
        rows,
        loop_start: None,
        stuck: Vec::new(),
        blocked: None,
    }
}

fn row(event: &Event, standing: &Standing, task: &dyn Fn(Thread) -> Option<TaskId>) -> Row {
    let place = Place { step: event.what.name(), kernel: "", what: "" };
    let held = |&(thread, lock, mode)| Some(Hold { task: task(thread)?, lock, mode });
    let in_the_way = |lock: LockName, mode: Mode| {
        let clash = move |held: &&(Thread, LockName, Mode)| {
            held.1 == lock && (mode == Mode::Exclusive || held.2 == Mode::Exclusive)
        };
        standing.held.iter().filter(clash).map(|held| held.0)
    };
    let asks = |&(thread, lock, mode): &(Thread, LockName, Mode)| {
        let by: Vec<TaskId> = in_the_way(lock, mode).filter_map(task).collect();
        let blocked = Blocked::Lock { lock, mode, by, spins: false, queued: false };
        let waits = in_the_way(lock, mode).next().is_some();
        Some(Waiting { task: task(thread).filter(|_| waits)?, place, blocked })
    };
    let count = i8::try_from(standing.count).unwrap_or(i8::MAX);
    let drains = |&thread: &Thread| {
        let task = task(thread).filter(|_| count > 0)?;
        Some(Waiting { task, place, blocked: Blocked::DioCount(count) })
    };
    let asked = standing.asked.iter().filter_map(asks);
    Row {
        number: event.line,
        task: task(event.thread).unwrap_or_default(),
        switch: false,
        place,
        text: describe(event),
        old_value: false,
        held: standing.held.iter().filter_map(held).collect(),
        handles: Vec::new(),
        waiting: asked.chain(standing.drains.iter().filter_map(drains)).collect(),
        dio_count: count,
        mark: None,
        shared: false,
        weight: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::event::What;
    use crate::conform::{Conformer, FileSystem, Journal, Reason};
    use crate::report::check_page;
    use crate::rule::RuleId;
    use diolock::kernel::{Kernel, Version};

    /// A reader holds i_rwsem; a writer asks for it, and has it at once.
    fn rejection() -> Rejection {
        let mut conformer = Conformer::new(FileSystem {
            kernel: Kernel::new(Version::V6_12),
            block: 4096,
            journal: Journal::Metadata,
        });
        let rwsem = LockName::IRwsem;
        let (shared, alone) = (Mode::Shared, Mode::Exclusive);
        let kflags = crate::conform::value::Hex(0x20000);
        let read = What::ReadIter { pos: 0, len: 4096, kflags, isize: 1 << 20 };
        let events = [
            (0, read),
            (0, What::Req { l: rwsem, m: shared }),
            (0, What::Acq { l: rwsem, m: shared }),
            (1, What::Req { l: rwsem, m: alone }),
            (1, What::Acq { l: rwsem, m: alone }),
        ];
        let event = |(at, (thread, what)): (usize, (u32, What))| {
            let line = 123_450 + at;
            Event { line, seq: line as u64, thread: Thread(thread), what }
        };
        let taken = events.into_iter().enumerate().map(event).find_map(|e| conformer.take(e).err());
        *taken.expect("the last one is refused")
    }

    #[test]
    fn the_rejected_event_is_marked_and_what_is_in_its_way_is_drawn() {
        let found = rejection();
        let name = |thread: Thread| ["d_rd", "d_wr"][thread.0 as usize].to_owned();
        let (chart, caption) = drawn("a.tsv", "v6.12", &found, &name);
        assert_eq!(chart.names, ["A d_rd", "B d_wr"]);
        assert_eq!(chart.locks, [LockName::IRwsem]);
        let last = chart.rows.last().expect("a row");
        assert_eq!((last.number, last.mark), (123_454, Some(Mark::Rejected)));
        assert_eq!((last.held.len(), last.waiting.len()), (1, 1));
        let file = svg(&chart, &caption);
        let xml = roxmltree::Document::parse(&file).expect("it is well-formed");
        let text = |tag| xml.descendants().find(|n| n.has_tag_name(tag)).and_then(|n| n.text());
        assert_eq!(text("title"), Some("a.tsv:123454: rejected by v6.12"));
        let told = text("desc").expect("it is told");
        assert!(told.contains("Step 123454: B: acq l=rwsem m=X.\nrejected here."), "{told}");
        check_page("rejected", &chart, &caption);
        for rule in [None, Some(RuleId::R6)] {
            let reason = Reason { rule, ..found.reason.clone() };
            let found = Rejection { reason, expected: vec!["dio_end".into(); 9], ..found.clone() };
            let (chart, caption) = drawn(&"long/".repeat(40), "v6.12", &found, &name);
            check_page("long", &chart, &caption);
        }
    }
}
