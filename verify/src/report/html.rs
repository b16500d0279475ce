//! One or two runs as one HTML file: the picture, the words, and a table for those who cannot see
//! the picture.

use super::Chart;
use super::svg::story::{self, Part};
use super::svg::{self, Form, escape, what};
use diolock::op::{LockName, TaskId};
use std::collections::BTreeSet;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
/// How wide the picture is drawn if it has the page to itself, and if it shares it: 1,000 pixels
/// less the page's margins.
const ALONE: u32 = 960;
const SHARED: u32 = 468;

/// A page about one litmus test.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The litmus test's name.
    pub litmus: String,
    /// Its claim, a sentence.
    pub claim: String,
    /// One run, or two side by side: the same schedule on a kernel that is wrong and on one that is
    /// not.
    pub panels: Vec<Panel<'a>>,
}

/// One run and what is said of it.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// The kernel: `v3.7 without 1f555cfa29e8`.
    pub heading: String,
    /// The verdict: `violated R4 block-lifetime`.
    pub verdict: String,
    /// The broken rule as a sentence, if one is broken.
    pub rule: Option<String>,
    /// What happened in this run's words; a line for each task that waits.
    pub lines: Vec<String>,
    /// The command that shows this run again.
    pub replay: Option<String>,
    /// The run.
    pub chart: &'a Chart,
}

/// Writes a page as a file of its own: no script, font or other file is needed, and the same page
/// gives the same bytes.
pub fn html(page: &Page) -> String {
    let title = escape(&page.litmus);
    let style = svg::STYLE;
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{title} - diolock</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n\
         <main>\n<h1>{title}</h1>\n"
    );
    paragraph(&mut out, "claim", &page.claim);
    out.push_str("<div class=\"panels\">\n");
    let width = if page.panels.len() > 1 { SHARED } else { ALONE };
    let charts = alike(&page.panels);
    let compact = charts.iter().any(|chart| svg::form(chart, width) == Form::Compact);
    let form = if compact { Form::Compact } else { Form::Wide };
    for (at, (panel, chart)) in page.panels.iter().zip(&charts).enumerate() {
        let title = format!("{} on {}: {}", page.litmus, panel.heading, panel.verdict);
        let picture = svg::inline(chart, &title, &format!("run{}", at + 1), (width, form));
        write_panel(&mut out, panel, &title, at + 1, &picture);
    }
    out.push_str("</div>\n");
    legend(&mut out);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// The panels' charts, each with the lanes and locks of all: what is side by side looks alike.
fn alike(panels: &[Panel]) -> Vec<Chart> {
    let of_all = || panels.iter().map(|panel| panel.chart);
    let lanes: BTreeSet<TaskId> = of_all().flat_map(|chart| chart.lanes.iter().copied()).collect();
    let locks: BTreeSet<LockName> =
        of_all().flat_map(|chart| chart.locks.iter().copied()).collect();
    let same = |chart: &Chart| Chart {
        lanes: lanes.iter().copied().collect(),
        locks: locks.iter().copied().collect(),
        ..chart.clone()
    };
    of_all().map(same).collect()
}

fn paragraph(out: &mut String, class: &str, text: &str) {
    let _ = writeln!(out, "<p class=\"{class}\">{}</p>", escape(text));
}

fn write_panel(out: &mut String, panel: &Panel, title: &str, number: usize, picture: &str) {
    let id = format!("run{number}");
    let heading = escape(&panel.heading);
    let _ = writeln!(out, "<section aria-labelledby=\"{id}-heading\">\n<div>");
    let _ = writeln!(out, "<h2 id=\"{id}-heading\">{heading}</h2>");
    paragraph(out, "verdict", &panel.verdict);
    if let Some(rule) = &panel.rule {
        paragraph(out, "rule", rule);
    }
    for line in &panel.lines {
        paragraph(out, "line", line);
    }
    let _ = writeln!(out, "</div>\n{picture}<div>");
    if let Some(replay) = &panel.replay {
        let _ = writeln!(out, "<p class=\"replay\">Replay: <code>{}</code></p>", escape(replay));
    }
    out.push_str("<details>\n<summary>The same run as a table</summary>\n<div class=\"scroll\">\n");
    table(out, panel.chart, title);
    out.push_str("</div>\n</details>\n</div>\n</section>\n");
}

fn table(out: &mut String, chart: &Chart, title: &str) {
    let _ = writeln!(out, "<table>\n<caption>{}</caption>\n<thead>\n<tr>", escape(title));
    for heading in COLUMNS {
        let _ = writeln!(out, "<th scope=\"col\">{heading}</th>");
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    for part in story::parts(chart) {
        match part {
            Part::Row(at) => row(out, chart, at),
            Part::Gap(first, last) => {
                let text = escape(&story::gap(chart, first, last));
                let _ = writeln!(out, "<tr><td colspan=\"{}\">{text}</td></tr>", COLUMNS.len());
            }
        }
    }
    let end = |waiting: &crate::program::Waiting, first: &str| {
        let text = story::waits(chart, waiting);
        let who = story::name(chart, waiting.task);
        cells("", "end", [first, who, waiting.place.kernel, &text, "", "", ""])
    };
    for waiting in story::stuck(chart) {
        out.push_str(&end(waiting, "end"));
    }
    if let Some(waiting) = &chart.blocked {
        out.push_str(&end(waiting, "blocked"));
    }
    out.push_str("</tbody>\n</table>\n");
}

const COLUMNS: [&str; 7] =
    ["step", "task", "in", "what happens", "held", "has to wait", "i_dio_count"];

fn row(out: &mut String, chart: &Chart, at: usize) {
    let row = &chart.rows[at];
    let mut what = story::step(row);
    for more in [story::mark(chart, row), story::back(chart, at)].into_iter().flatten() {
        let _ = write!(what, " ({more})");
    }
    let waiting = row
        .waiting
        .iter()
        .map(|w| format!("{}: {}", story::letter(chart, w.task), what::what(&w.blocked).heading()));
    let class = if story::breaks(row) { "broken" } else { "" };
    out.push_str(&cells(
        class,
        "",
        [
            &row.number.to_string(),
            story::name(chart, row.task),
            row.place.kernel,
            &what,
            &held(chart, at),
            &waiting.collect::<Vec<_>>().join("; "),
            &row.dio_count.to_string(),
        ],
    ));
}

/// One row of the table.
fn cells(class: &str, extra: &str, cells: [&str; COLUMNS.len()]) -> String {
    let class = format!("{class}{extra}");
    let class = if class.is_empty() { class } else { format!(" class=\"{class}\"") };
    let mut out = format!("<tr{class}><th scope=\"row\">{}</th>", escape(cells[0]));
    for cell in &cells[1..] {
        let _ = write!(out, "<td>{}</td>", escape(cell));
    }
    out.push_str("</tr>\n");
    out
}

/// Who holds what after a row: `W: i_mutex, i_data_sem R; T: handle`.
fn held(chart: &Chart, at: usize) -> String {
    let row = &chart.rows[at];
    let of = |task: TaskId| {
        let locks = row.held.iter().filter(|hold| hold.task == task).map(|hold| story::hold(*hold));
        let handle = row.handles.contains(&task).then(|| "handle".to_owned());
        let held: Vec<String> = locks.chain(handle).collect();
        (!held.is_empty()).then(|| format!("{}: {}", story::letter(chart, task), held.join(", ")))
    };
    let tasks = 0..chart.names.len() as TaskId;
    tasks.filter_map(of).collect::<Vec<_>>().join("; ")
}

fn legend(out: &mut String) {
    out.push_str("<h2 class=\"legend-heading\">Legend</h2>\n<ul class=\"legend\">\n");
    for (sign, words) in svg::swatches() {
        let _ = writeln!(out, "<li>{sign} {}</li>", escape(words));
    }
    out.push_str(
        "</ul>\n<p class=\"legend-note\">Time runs down. A bar begins at the step that takes a lock and \
         ends at the step that gives it back; its letter is its holder's.</p>\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::svg::tests::WRONG;

    fn page<'a>(charts: &[(&str, &'a Chart)]) -> Page<'a> {
        let panel = |&(heading, chart): &(&str, &'a Chart)| Panel {
            heading: heading.to_owned(),
            verdict: "violated R4 <block-lifetime>".to_owned(),
            rule: Some("no block is freed & reused".to_owned()),
            lines: vec!["W waits".to_owned(), "T waits".to_owned()],
            replay: Some("diolock replay --kernel \"v3.6\"".to_owned()),
            chart,
        };
        let claim = "<script>a</script> & b".to_owned();
        Page { litmus: "a<b".to_owned(), claim, panels: charts.iter().map(panel).collect() }
    }

    fn parse(html: &str) -> roxmltree::Document<'_> {
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        roxmltree::Document::parse_with_options(html, options).expect("it is well-formed")
    }

    #[test]
    fn every_page_is_well_formed_and_safe() {
        for pair in WRONG.windows(2) {
            let [(a, left), (b, right)] = pair else { continue };
            let page = page(&[(a, left), (b, right)]);
            let text = html(&page);
            assert_eq!(text, html(&page), "the same bytes each time");
            let xml = parse(&text);
            let mut ids: Vec<&str> = xml.descendants().filter_map(|n| n.attribute("id")).collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), all, "ids are unique");
            assert!(!xml.descendants().any(|n| n.tag_name().name() == "script"));
        }
    }

    #[test]
    fn the_table_tells_what_the_picture_shows() {
        let (name, chart) = &WRONG[0];
        let text = html(&page(&[(name, chart)]));
        let xml = parse(&text);
        let named = |name: &str| xml.descendants().filter(|n| n.has_tag_name(name)).count();
        assert_eq!((named("table"), named("caption"), named("details")), (1, 1, 1));
        let scope =
            |scope: &str| xml.descendants().filter(|n| n.attribute("scope") == Some(scope)).count();
        assert_eq!(scope("col"), COLUMNS.len());
        assert_eq!(scope("row"), chart.rows.len() + story::stuck(chart).len());
        assert!(text.contains("broken here)</td>"), "{text}");
    }

    #[test]
    fn panels_side_by_side_have_the_same_lanes_and_locks() {
        let find = |name: &str| &WRONG.iter().find(|w| w.0 == name).expect("it is there").1;
        let one = find("aio-overwrite-enomem on rfc-v2");
        let two = find("truncate-vs-aio-overwrite-harm on v3.6");
        let page = page(&[("a", one), ("b", two)]);
        let [left, right] = &alike(&page.panels)[..] else { panic!("two charts") };
        assert_eq!((&left.lanes, &left.locks), (&right.lanes, &right.locks));
    }
}
