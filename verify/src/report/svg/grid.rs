//! What goes where from left to right: the gutter, the lanes, the columns.

use super::columns::{Column, SIZE, columns};
use super::shape::{cells, width};
use super::story;
use crate::report::Chart;
use diolock::op::TaskId;

/// The step numbers, and left of them the loop's bracket.
const GUTTER: i32 = 36;
const BRACKET: i32 = 12;
/// Left of the numbers.
const EDGE: i32 = 2;
/// From the numbers to the gutter's end.
const NUMBER: i32 = 11;
/// From the gutter to the first lane.
const LEAD: i32 = 4;
/// From a lane's line to its text, and from the text to the next lane.
const INDENT: i32 = 11;
const GAP: i32 = 12;
/// From one lane to the next where lanes hold no text.
const STRIPE: i32 = 19;
/// A lane of fewer characters than that breaks too many steps: its text goes beside the lanes.
const NARROW: usize = 20;
/// At least that much is for text, however small the budget.
const TEXT: i32 = 120;

/// One task's lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub task: TaskId,
    /// Its line.
    pub x: i32,
    /// Where its text begins, and how many characters fit.
    pub text: i32,
    pub cells: usize,
}

/// Where the text of steps is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// In its task's lane, if there is room.
    Wide,
    /// Beside the lanes: these are stripes with a letter at each step.
    Compact,
}

/// The horizontal layout.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub lanes: Vec<Lane>,
    pub form: Form,
    pub columns: Vec<Column>,
    /// The right end of the numbers.
    pub numbers: i32,
    /// The right end of the text.
    pub text_end: i32,
    pub width: i32,
}

impl Grid {
    /// The layout of a chart within `budget` pixels if that is possible at all; `texts` are each
    /// task's texts.
    pub fn new(
        chart: &Chart,
        shown: &[usize],
        texts: &[(TaskId, String)],
        (budget, form): (i32, Form),
    ) -> Grid {
        let mut columns = columns(chart, shown);
        let columns_width: i32 = columns.iter().map(|column| column.width).sum();
        let longest = chart.rows.iter().map(|row| row.number).max().unwrap_or(0).to_string();
        let gutter = GUTTER.max(width(&longest, SIZE) + NUMBER + EDGE)
            + if chart.loop_start.is_some() { BRACKET } else { 0 };
        let room = (budget - gutter - LEAD - columns_width - GAP).max(TEXT);
        let tasks = &chart.lanes;
        let natural = |task: &TaskId| {
            let of_task = texts.iter().filter(|text| text.0 == *task).map(|text| &text.1[..]);
            let widest = of_task.chain([story::name(chart, *task)]).map(|text| width(text, SIZE));
            widest.max().unwrap_or(0) + INDENT + GAP
        };
        let widths = shrink(tasks.iter().map(natural).collect(), room);
        let narrow = |&w: &i32| cells(w - INDENT - GAP, SIZE) < NARROW;
        let compact = form == Form::Compact
            || widths.iter().sum::<i32>() > room
            || (tasks.iter().map(natural).sum::<i32>() > room && widths.iter().any(narrow));
        let mut lanes = Vec::new();
        let mut x = gutter + if compact { STRIPE / 2 } else { LEAD };
        let mut text_end = x;
        for (at, &task) in tasks.iter().enumerate() {
            let (text, end) = if compact {
                let text = gutter + STRIPE * tasks.len() as i32 + LEAD;
                let widest = texts.iter().map(|text| width(&text.1, SIZE)).max().unwrap_or(0);
                let most = room - STRIPE * tasks.len() as i32;
                (text, text + widest.min(most).max(TEXT - GAP))
            } else {
                (x + INDENT, x + widths[at] - GAP)
            };
            lanes.push(Lane { task, x, text, cells: cells(end - text, SIZE) });
            x += if compact { STRIPE } else { widths[at] };
            text_end = end;
        }
        let form = if compact { Form::Compact } else { Form::Wide };
        let mut x = text_end + GAP;
        for column in &mut columns {
            column.x = x;
            x += column.width;
        }
        // Headings run to the left: they need room there.
        let lack = columns.iter().map(|column| -column.heading_start()).max().unwrap_or(0).max(0);
        columns.iter_mut().for_each(|column| column.x += lack);
        x += lack;
        Grid { lanes, form, columns, numbers: gutter - NUMBER, text_end, width: x }
    }

    /// A task's lane; the first if it has none.
    pub fn lane(&self, task: TaskId) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.task == task).or(self.lanes.first())
    }
}

/// Widths that fit in `room`: the widest give way, none below what the narrowest may be.
fn shrink(mut widths: Vec<i32>, room: i32) -> Vec<i32> {
    while widths.iter().sum::<i32>() > room {
        let Some(widest) = widths.iter_mut().max() else { break };
        if *widest <= TEXT {
            break;
        }
        *widest -= 1;
    }
    widths
}
