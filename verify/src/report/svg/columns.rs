//! The columns right of the lanes: who holds what, who waits for it, and `i_dio_count`.

use super::shape::{Anchor, Area, Drawing, width};
use super::story;
use super::what::{self, What};
use crate::program::Waiting;
use crate::report::{Chart, Hold, Row};
use diolock::op::{Mode, TaskId};

/// The size of steps, names and headings.
pub(super) const SIZE: i32 = 12;
/// Half an exclusive bar: a shared one, or a waiter's outline.
const HALF: i32 = 12;
/// From one column to the next.
const APART: i32 = 9;
/// The size of the letters in bars.
const LETTER: i32 = 10;
/// How far a bar goes on before it says again whose it is.
const AGAIN: i32 = 180;

/// One stretch of time in which a task holds something or waits for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Bar {
    task: TaskId,
    kind: Kind,
    /// How many equal ones there were already: a task may hold a rwsem twice.
    again: usize,
    /// Between which of the rows shown; an end that is `None` is the end of the run.
    first: usize,
    end: Option<usize>,
    slot: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Exclusive,
    Shared,
    Waits,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub what: What,
    /// Its left edge.
    pub x: i32,
    pub width: i32,
    bars: Vec<Bar>,
    /// The slots of holders; waiters stand right of them.
    slots: i32,
}

impl Column {
    /// The middle of what it shows.
    pub fn middle(&self) -> i32 {
        self.x + self.slots * HALF / 2
    }

    /// The right end of its heading, which runs to the left.
    pub fn heading_end(&self) -> i32 {
        self.middle() + 4
    }

    /// The left end of its heading.
    pub fn heading_start(&self) -> i32 {
        self.heading_end() - width(self.what.heading(), SIZE)
    }
}

/// The columns of a chart, of which the rows at `shown` are drawn, not placed yet.
pub(super) fn columns(chart: &Chart, shown: &[usize]) -> Vec<Column> {
    let rows: Vec<&Row> = shown.iter().map(|&at| &chart.rows[at]).collect();
    let waited = |wanted: What| rows.iter().any(|row| waits_for(row, wanted));
    let handles = rows.iter().any(|row| !row.handles.is_empty()) || waited(What::Handle);
    let locks = chart.locks.iter().map(|&lock| What::Lock(lock));
    let all = locks
        .chain(handles.then_some(What::Handle))
        .chain(waited(What::Unwritten).then_some(What::Unwritten))
        .chain([What::DioCount]);
    all.map(|what| column(what, &rows)).collect()
}

fn waits_for(row: &Row, wanted: What) -> bool {
    row.waiting.iter().any(|waiting| what::what(&waiting.blocked) == wanted)
}

fn column(what: What, rows: &[&Row]) -> Column {
    let mut bars: Vec<Bar> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let now = present(what, row);
        for bar in bars.iter_mut().filter(|bar| bar.end.is_none()) {
            if !now.contains(&(bar.task, bar.kind, bar.again)) {
                bar.end = Some(at);
            }
        }
        for (task, kind, again) in now {
            let same =
                |b: &Bar| b.end.is_none() && (b.task, b.kind, b.again) == (task, kind, again);
            if !bars.iter().any(same) {
                let mut bar = Bar { task, kind, again, first: at, end: None, slot: 0 };
                bar.slot = free_slot(&bars, &bar);
                bars.push(bar);
            }
        }
    }
    let most = |waits: bool| {
        let of_kind = bars.iter().filter(|bar| (bar.kind == Kind::Waits) == waits);
        of_kind.map(|bar| bar.slot + 1).max().unwrap_or(0)
    };
    // Two halves, so that a shared bar can be told from an exclusive one, or a number.
    let slots = match what {
        What::Lock(_) | What::DioCount => most(false).max(2),
        What::Handle => most(false).max(1),
        What::Unwritten => 0,
    };
    let width = (slots + most(true)).max(1) * HALF + APART;
    Column { what, x: 0, width, bars, slots }
}

/// Who is in the column after a row.
fn present(what: What, row: &Row) -> Vec<(TaskId, Kind, usize)> {
    let of_lock = |hold: &&Hold| What::Lock(hold.lock) == what;
    let kind = |mode| if mode == Mode::Exclusive { Kind::Exclusive } else { Kind::Shared };
    let holds = row.held.iter().filter(of_lock).map(|hold| (hold.task, kind(hold.mode)));
    let handles = row.handles.iter().filter(|_| what == What::Handle);
    let waits = row.waiting.iter().filter(|w: &&Waiting| what::what(&w.blocked) == what);
    let all = holds
        .chain(handles.map(|&task| (task, Kind::Shared)))
        .chain(waits.map(|waiting| (waiting.task, Kind::Waits)));
    let mut present: Vec<(TaskId, Kind, usize)> = Vec::new();
    for (task, kind) in all {
        let again = present.iter().filter(|p| (p.0, p.1) == (task, kind)).count();
        present.push((task, kind, again));
    }
    present
}

/// The first slot that no bar of the same sort has now.
fn free_slot(bars: &[Bar], new: &Bar) -> i32 {
    let waits = |bar: &Bar| bar.kind == Kind::Waits;
    let taken = |slot: i32| {
        bars.iter().any(|b| b.end.is_none() && waits(b) == waits(new) && b.slot == slot)
    };
    (0..).find(|&slot| !taken(slot)).unwrap_or(0)
}

/// Draws the placed columns. `moments` has the height at which each row shown happens, `end` is
/// the lower end of the rows, `edge` the upper one of a band that no letter is to meet.
pub(super) fn draw(
    out: &mut Drawing,
    chart: &Chart,
    shown: &[usize],
    columns: &[Column],
    moments: &[i32],
    (end, edge): (i32, Option<i32>),
) {
    for column in columns {
        for bar in &column.bars {
            let bottom = bar.end.map_or(end, |at| moments[at]);
            draw_bar(out, chart, column, bar, (moments[bar.first], bottom, edge));
        }
        if column.what.numbers() {
            draw_count(out, chart, shown, column, moments);
        }
    }
}

fn draw_bar(
    out: &mut Drawing,
    chart: &Chart,
    column: &Column,
    bar: &Bar,
    (top, bottom, edge): (i32, i32, Option<i32>),
) {
    let (left, width, class, letter) = match bar.kind {
        Kind::Exclusive => (0, column.slots * HALF, "exclusive", "letter-on"),
        Kind::Shared => (bar.slot * HALF, HALF, "shared", "letter"),
        Kind::Waits => ((column.slots + bar.slot) * HALF, HALF, "waits", "letter"),
    };
    let left = column.x + left;
    let area = Area { left: left + 1, top: top + 1, right: left + width - 1, bottom: bottom - 1 };
    out.rect(area, class);
    let name = story::letter(chart, bar.task);
    let mut y = top + 12;
    // A filled bar hides the edge.
    let meets = |edge: &i32| (y - LETTER..y + 3).contains(edge) && edge + 16 < bottom;
    if let Some(edge) = edge.filter(|edge| bar.kind == Kind::Waits && meets(edge)) {
        y = edge + 13;
    }
    while y <= (bottom - 4).max(top + 12) {
        out.text((left + width / 2, y), LETTER, Anchor::Middle, letter, &name);
        y += AGAIN;
    }
}

fn draw_count(out: &mut Drawing, chart: &Chart, shown: &[usize], column: &Column, moments: &[i32]) {
    for (&at, &y) in shown.iter().zip(moments) {
        let count = chart.rows[at].dio_count;
        // What was before the first row shown is known of a run's first step only.
        let first = if chart.rows[at].number > 1 { count } else { 0 };
        let before = at.checked_sub(1).map_or(first, |at| chart.rows[at].dio_count);
        let changed = count != before;
        if changed {
            let (left, right) = (column.x, column.x + column.slots * HALF - 1);
            out.rect(Area { left, top: y - 8, right, bottom: y + 8 }, "changed");
        }
        let class = if changed { "count-new" } else { "count" };
        out.text((column.middle(), y + 4), 12, Anchor::Middle, class, &count.to_string());
    }
}
