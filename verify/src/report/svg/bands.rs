//! What goes where from top to bottom: a band for each step, and for what else is said of the run.

use super::shape::wrap;
use super::story::{self, Part};
use crate::report::Chart;
use diolock::op::TaskId;

/// From one line of text to the next.
const LINE: i32 = 15;
/// What a band has besides its lines.
const PAD: i32 = 5;

/// What a band is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Step,
    /// A step that breaks a rule.
    Broken,
    /// Steps left out.
    Gap,
    /// A task that waits at the end.
    Stuck,
    /// The schedule's next step, which has to wait.
    Blocked,
}

/// One band.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub kind: Kind,
    /// The row of the chart, if it is one.
    pub row: Option<usize>,
    pub task: Option<TaskId>,
    pub number: String,
    /// A paragraph each, with its class.
    pub texts: Vec<(String, &'static str)>,
    pub tip: String,
    /// Another task took the step before.
    pub switch: bool,
    /// The lines that the paragraphs make, once placed.
    pub lines: Vec<(String, &'static str)>,
    pub top: i32,
    pub bottom: i32,
}

impl Band {
    /// The middle of its first line: when it happens.
    pub fn moment(&self) -> i32 {
        self.top + (LINE + PAD) / 2
    }

    /// The base line of one of its lines.
    pub fn base(&self, line: usize) -> i32 {
        self.moment() + 4 + LINE * line as i32
    }
}

/// The bands of a chart, not placed yet.
pub(super) fn bands(chart: &Chart) -> Vec<Band> {
    let mut bands: Vec<Band> =
        story::parts(chart).into_iter().map(|part| of_part(chart, part)).collect();
    for waiting in story::stuck(chart) {
        let text = story::waits(chart, waiting);
        bands.push(of_waiting(Kind::Stuck, waiting, (text, "alarm")));
    }
    if let Some(waiting) = &chart.blocked {
        let text = format!("blocked: {}", story::waits(chart, waiting));
        let switch = chart.rows.last().is_some_and(|row| row.task != waiting.task);
        let band = of_waiting(Kind::Blocked, waiting, (text, "blocked-text"));
        bands.push(Band { switch, ..band });
    }
    bands
}

fn of_part(chart: &Chart, part: Part) -> Band {
    let empty = Band {
        kind: Kind::Gap,
        row: None,
        task: None,
        number: "...".to_owned(),
        texts: Vec::new(),
        tip: String::new(),
        switch: false,
        lines: Vec::new(),
        top: 0,
        bottom: 0,
    };
    let at = match part {
        Part::Gap(first, last) => {
            let text = story::gap(chart, first, last);
            return Band { texts: vec![(text, "note")], ..empty };
        }
        Part::Row(at) => at,
    };
    let row = &chart.rows[at];
    let (kind, class, mark_class) = if story::breaks(row) {
        (Kind::Broken, "alarm", "alarm-mark")
    } else {
        (Kind::Step, "text", "loop")
    };
    let mut texts = vec![(story::step(row), class)];
    texts.extend(story::mark(chart, row).map(|text| (text, mark_class)));
    texts.extend(story::back(chart, at).map(|text| (text, "loop")));
    Band {
        kind,
        row: Some(at),
        task: Some(row.task),
        number: row.number.to_string(),
        texts,
        tip: match row.place.kernel {
            "" => String::new(),
            function => format!("{} in {function}", row.place.step),
        },
        switch: row.switch,
        ..empty
    }
}

fn of_waiting(kind: Kind, waiting: &crate::program::Waiting, text: (String, &'static str)) -> Band {
    Band {
        kind,
        row: None,
        task: Some(waiting.task),
        number: String::new(),
        texts: vec![text],
        tip: format!("{} in {}", waiting.place.step, waiting.place.kernel),
        switch: false,
        lines: Vec::new(),
        top: 0,
        bottom: 0,
    }
}

/// Breaks the bands' texts into lines and stacks them below `top`; returns where they end.
pub(super) fn place(bands: &mut [Band], top: i32, cells: impl Fn(&Band) -> usize) -> i32 {
    let mut y = top;
    for band in bands {
        let width = cells(band);
        for (text, class) in &band.texts {
            let lines = wrap(text, width);
            band.lines.extend(lines.into_iter().map(|line| (line, *class)));
        }
        let apart = matches!(band.kind, Kind::Stuck | Kind::Blocked);
        band.top = y + if apart { PAD } else { 0 };
        band.bottom = band.top + PAD + LINE * band.lines.len().max(1) as i32;
        y = band.bottom;
    }
    y
}
