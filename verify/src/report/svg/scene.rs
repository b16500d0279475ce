//! The picture of a run: headings, bands, lanes, switches, columns.

use super::bands::{Band, Kind, bands, place};
use super::columns::{self, SIZE};
use super::grid::{Form, Grid};
use super::shape::{Anchor, Area, Drawing, Shape, Text, cells, width, wrap};
use super::story;
use crate::report::Chart;

/// From one line of the headings to the next.
const HEADING: i32 = 16;
/// The circles in narrow lanes, and the dots in wide ones.
const LETTER_RADIUS: i32 = 8;
const DOT_RADIUS: i32 = 3;

/// The form that a run takes within `budget` pixels.
pub(super) fn form(chart: &Chart, budget: i32) -> Form {
    layout(chart, budget, Form::Wide).0.form
}

fn layout(chart: &Chart, budget: i32, form: Form) -> (Grid, Vec<Band>, Vec<usize>) {
    let bands = bands(chart);
    let shown: Vec<usize> = bands.iter().filter_map(|band| band.row).collect();
    let texts = bands.iter().flat_map(|band| {
        let task = band.task.or(chart.lanes.first().copied()).unwrap_or(0);
        band.texts.iter().map(move |text| (task, text.0.clone()))
    });
    let grid = Grid::new(chart, &shown, &texts.collect::<Vec<_>>(), (budget, form));
    (grid, bands, shown)
}

/// Draws a run within `budget` pixels if that is possible.
pub(super) fn scene(chart: &Chart, budget: i32, form: Form) -> Drawing {
    let (grid, mut bands, shown) = layout(chart, budget, form);
    let mut out = Drawing { width: grid.width, ..Drawing::default() };
    let top = headings(&mut out, chart, &grid);
    let first = grid.lanes.first().map_or(20, |lane| lane.cells);
    let whole = grid.lanes.first().map_or(first, |lane| cells(grid.text_end - lane.text, SIZE));
    let bottom = place(&mut bands, top + 4, |band| match band.task {
        None => whole,
        Some(task) => grid.lane(task).map_or(first, |lane| lane.cells),
    });
    // A bar that begins at the last step has room for its letter.
    let last = bands.iter().rfind(|band| band.row.is_some()).map_or(0, Band::moment);
    let bottom = bottom.max(last + 20);
    out.height = bottom + 4;

    grounds(&mut out, &grid, &bands);
    out.path(format!("M0 {}H{}", bottom + 3, grid.width), "rule");
    lanes(&mut out, &grid, &bands, top, bottom);
    switches(&mut out, &grid, &bands);
    let moments: Vec<i32> =
        bands.iter().filter(|band| band.row.is_some()).map(Band::moment).collect();
    let edge = bands.iter().find(|band| band.kind == Kind::Broken).map(|band| band.top);
    columns::draw(&mut out, chart, &shown, &grid.columns, &moments, (bottom, edge));
    texts_of(&mut out, chart, &grid, &bands);
    bracket(&mut out, chart, &bands);
    out
}

/// The names of lanes and columns; returns where the bands may begin.
///
/// Each name that is too long for its place has a line of its own and a thin line down to what it
/// names. Lanes' names run to the right and columns' names to the left, so these lines meet no name.
fn headings(out: &mut Drawing, chart: &Chart, grid: &Grid) -> i32 {
    let mut left: Vec<(i32, String, i32)> = Vec::new();
    let mut lines = 1;
    if grid.form == Form::Compact {
        lines = grid.lanes.len() as i32;
        for (at, lane) in grid.lanes.iter().enumerate() {
            let name = story::name(chart, lane.task).to_owned();
            left.push((lane.x - 3, name, lines - 1 - at as i32));
        }
    } else {
        for lane in &grid.lanes {
            let name = wrap(story::name(chart, lane.task), lane.cells);
            lines = lines.max(name.len() as i32);
            let lowest = name.len() as i32 - 1;
            let up = |at: usize| lowest - at as i32;
            left.extend(name.into_iter().enumerate().map(|(at, line)| (lane.x - 3, line, up(at))));
        }
    }
    let left_end = left.iter().map(|(x, name, _)| x + width(name, SIZE)).max().unwrap_or(0);
    let names = || grid.columns.iter().enumerate().map(|(at, c)| (at as i32, c));
    let right_start = grid.columns.iter().map(columns::Column::heading_start).min();
    let lift = if right_start.is_some_and(|x| x < left_end + 12) { lines } else { 0 };
    let height = lines.max(lift + grid.columns.len() as i32);
    let bottom = height * HEADING + 6;
    let base = |line: i32| bottom - 7 - line * HEADING;
    for (x, name, line) in left {
        out.text((x, base(line)), SIZE, Anchor::Start, "name", &name);
        if grid.form == Form::Compact {
            out.path(format!("M{} {}V{bottom}", x + 3, base(line) + 4), "leader");
        }
    }
    for (line, column) in names() {
        let y = base(line + lift);
        out.text((column.heading_end(), y), SIZE, Anchor::End, "heading", column.what.heading());
        out.path(format!("M{} {}V{bottom}", column.middle(), y + 4), "leader");
    }
    out.path(format!("M0 {bottom}H{}", grid.width), "rule");
    bottom
}

/// What lies below the text of bands that stand out.
fn grounds(out: &mut Drawing, grid: &Grid, bands: &[Band]) {
    for band in bands {
        let area =
            Area { left: 1, top: band.top + 1, right: grid.width - 1, bottom: band.bottom - 1 };
        let beside_columns = Area { right: grid.text_end + 6, ..area };
        match band.kind {
            Kind::Broken => out.rect(area, "broken"),
            Kind::Stuck => out.rect(beside_columns, "stuck"),
            Kind::Blocked => {
                out.rect(beside_columns, "blocked");
                out.shapes.push(Shape::Hatch(Area { right: grid.numbers, ..beside_columns }));
            }
            Kind::Step | Kind::Gap => {}
        }
    }
}

fn lanes(out: &mut Drawing, grid: &Grid, bands: &[Band], top: i32, bottom: i32) {
    for lane in &grid.lanes {
        out.path(format!("M{} {top}V{bottom}", lane.x), "lane");
        let own = || bands.iter().filter(|band| band.task == Some(lane.task)).map(Band::moment);
        if let (Some(first), Some(last)) = (own().min(), own().max())
            && last > first
        {
            out.path(format!("M{} {first}V{last}", lane.x), "active");
        }
    }
}

/// At each context switch, a line from the one task's lane to the other's.
fn switches(out: &mut Drawing, grid: &Grid, bands: &[Band]) {
    for pair in bands.windows(2) {
        let (from, to) = (&pair[0], &pair[1]);
        let (true, Some(a), Some(b)) = (to.switch, from.task, to.task) else { continue };
        let (Some(a), Some(b)) = (grid.lane(a), grid.lane(b)) else { continue };
        let tip =
            to.moment() - if grid.form == Form::Compact { LETTER_RADIUS } else { DOT_RADIUS } - 1;
        out.path(format!("M{} {}V{}H{}V{tip}", a.x, from.moment(), to.top, b.x), "switch");
        out.path(format!("M{} {}l3 -5h-6z", b.x, tip + 1), "head");
    }
}

fn texts_of(out: &mut Drawing, chart: &Chart, grid: &Grid, bands: &[Band]) {
    for band in bands {
        let y = band.moment();
        out.text((grid.numbers, y + 4), SIZE, Anchor::End, "number", &band.number);
        let Some(lane) = band.task.map_or(grid.lanes.first(), |task| grid.lane(task)) else {
            continue;
        };
        if let Some(task) = band.task {
            let (class, on) = match band.kind {
                Kind::Broken | Kind::Stuck => ("dot-alarm", "letter-on"),
                Kind::Blocked => ("dot-blocked", "letter-on"),
                Kind::Step | Kind::Gap => ("dot", "letter-on"),
            };
            let radius = if grid.form == Form::Compact { LETTER_RADIUS } else { DOT_RADIUS };
            out.shapes.push(Shape::Circle { x: lane.x, y, radius, class });
            if grid.form == Form::Compact {
                let letter = story::letter(chart, task);
                out.text((lane.x, y + 4), 10, Anchor::Middle, on, &letter);
            }
        }
        for (at, (line, class)) in band.lines.iter().enumerate() {
            out.shapes.push(Shape::Text(Text {
                x: lane.text,
                y: band.base(at),
                size: SIZE,
                anchor: Anchor::Start,
                class,
                text: line.clone(),
                tip: band.tip.clone(),
            }));
        }
    }
}

/// The bracket along a livelock's loop.
fn bracket(out: &mut Drawing, chart: &Chart, bands: &[Band]) {
    let Some(start) = chart.loop_start else { return };
    let first = bands.iter().find(|band| band.row.is_some_and(|row| row >= start));
    let last = bands.iter().rfind(|band| band.row.is_some());
    if let (Some(first), Some(last)) = (first, last) {
        let (top, bottom) = (first.top + 3, last.bottom - 3);
        // The arrow head says that it goes on at the top.
        out.path(format!("M9 {bottom}H4V{top}H9"), "bracket");
        out.path(format!("M12 {top}l-5 -3v6z"), "bracket-head");
    }
}
