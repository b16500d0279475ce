//! A run as an SVG picture: time runs down, a lane for each task, right of them who holds what.
//!
//! # Text
//! Widths of text are estimated, never measured, and the estimate is a little too wide: a picture
//! looks the same wherever it is made, and nothing is cut off where another font is used.

mod bands;
mod columns;
mod grid;
mod legend;
mod scene;
mod shape;
pub(crate) mod story;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod what;

pub(crate) use grid::Form;
pub(crate) use legend::swatches;
pub(crate) use shape::escape;

use super::Chart;
use shape::{Anchor, Drawing, cells, wrap};
use std::fmt::Write;

/// How every picture looks, on light and dark ground and on paper.
pub(crate) const STYLE: &str = include_str!("run.css");

/// What is written above a picture, and how wide it may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caption {
    /// The heading, and the picture's name for screen readers: `endless-truncate on v3.6`.
    pub title: String,
    /// Lines below it: the verdict, the rule as a sentence, who waits for whom.
    pub lines: Vec<String>,
    /// Pixels from side to side. The picture is narrower if it needs less; it is wider only if
    /// there are more tasks and locks than that can hold (about 400 for four tasks).
    pub width: u32,
}

/// Draws a run as an SVG file of its own.
///
/// It needs no script, font or other file, and the same chart gives the same bytes. Readers of
/// `<desc>` get every step as a sentence.
pub fn svg(chart: &Chart, caption: &Caption) -> String {
    let page = page(chart, caption);
    let ground = "<rect width=\"100%\" height=\"100%\" class=\"ground\"/>";
    let extra = format!("<style>\n{STYLE}</style>\n{ground}\n");
    element(&page, chart, &caption.title, "run", &extra)
}

/// The run with its caption and legend.
fn page(chart: &Chart, caption: &Caption) -> Drawing {
    let room = budget(caption.width) - 2 * MARGIN;
    let run = scene::scene(chart, room, Form::Wide);
    let mut head = Drawing::default();
    let mut y = MARGIN + 4;
    for (text, size, class) in heading(caption) {
        for line in wrap(text, cells(room, size)) {
            y += size + 4;
            head.text((MARGIN, y), size, Anchor::Start, class, &line);
        }
    }
    head.width = head.shapes.iter().map(right).max().unwrap_or(0);
    y += MARGIN;
    let legend = legend::legend(room.max(run.width));
    let below = y + run.height + MARGIN;
    Drawing {
        width: (run.width.max(legend.width) + 2 * MARGIN).max(head.width + MARGIN),
        height: below + legend.height + MARGIN,
        shapes: head
            .shapes
            .into_iter()
            .chain(run.moved(MARGIN, y))
            .chain(legend.moved(MARGIN, below))
            .collect(),
    }
}

/// The ground left free on all sides.
const MARGIN: i32 = 12;

fn budget(width: u32) -> i32 {
    i32::try_from(width.min(10_000)).unwrap_or(10_000)
}

fn heading(caption: &Caption) -> impl Iterator<Item = (&str, i32, &'static str)> {
    let lines = caption.lines.iter().map(|line| (&line[..], 12, "text"));
    std::iter::once((&caption.title[..], 14, "title")).chain(lines)
}

fn right(shape: &shape::Shape) -> i32 {
    match shape {
        shape::Shape::Text(text) => text.area().right,
        _ => 0,
    }
}

/// The picture alone, as an element of a page that has [`STYLE`]; `id` is its own in that page.
pub(crate) fn inline(chart: &Chart, title: &str, id: &str, (width, form): (u32, Form)) -> String {
    element(&scene::scene(chart, budget(width), form), chart, title, id, "")
}

/// The form that suits a chart.
pub(crate) fn form(chart: &Chart, width: u32) -> Form {
    scene::form(chart, budget(width))
}

fn element(drawing: &Drawing, chart: &Chart, title: &str, id: &str, extra: &str) -> String {
    let Drawing { width, height, .. } = drawing;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"run\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n"
    );
    let _ = writeln!(out, "<title id=\"{id}-title\">{}</title>", escape(title));
    let story = story::story(chart).join("\n");
    let lines: Vec<String> = story.lines().map(escape).collect();
    let _ = writeln!(out, "<desc id=\"{id}-desc\">{}</desc>", lines.join("\n"));
    out.push_str(extra);
    let _ = writeln!(
        out,
        "<defs><pattern id=\"{id}-hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><path d=\"M0 0V5\" class=\"hatching\"/></pattern></defs>"
    );
    out.push_str(&drawing.write(id));
    out.push_str("</svg>\n");
    out
}
