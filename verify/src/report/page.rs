//! An explanation as a picture, and as a page with the buggy and the fixed run side by side.

use super::html::{Page, Panel, html};
use super::story::{cycle, outcome};
use super::svg::{Caption, svg};
use super::{Chart, Mark};
use crate::explain::{Closing, Explained, is_bad};
use crate::program::{Event, Program};
use crate::schedule;
use crate::verdict::{Report, Verdict};

/// Pixels from side to side of a picture that has the page to itself.
const WIDTH: u32 = 1000;

/// The run that an explanation shows, as an SVG file; `None` if it shows none.
pub fn picture_of(explained: &Explained) -> Option<String> {
    let (program, chart) = if is_bad(&explained.report.verdict) {
        (&explained.program, run_of(&explained.program, &explained.report)?)
    } else {
        (&explained.program, followed(explained.closing()?))
    };
    let mut lines = vec![verdict_words(&explained.report.verdict)];
    lines.extend(story_lines(&explained.report, &chart));
    let title = format!("{} on {}", program.litmus, program.kernel);
    Some(svg(&chart, &Caption { title, lines, width: WIDTH }))
}

/// The explanation as an HTML page: the run that goes wrong, and beside it the same schedule on the
/// kernel that has the fix, where one is known; `None` if it shows no run.
pub fn page_of(explained: &Explained) -> Option<String> {
    let bad = match explained.closing() {
        Some(closing) => (&closing.buggy, &closing.report),
        None => (&explained.program, &explained.report),
    };
    let wrong = run_of(bad.0, bad.1)?;
    let right = explained.closing().map(followed);
    let mut panels = vec![Panel {
        heading: bad.0.kernel.to_string(),
        verdict: verdict_words(&bad.1.verdict),
        rule: match bad.1.verdict {
            Verdict::Violated(rule) => Some(rule.statement().to_owned()),
            _ => None,
        },
        lines: story_lines(bad.1, &wrong),
        replay: Some(replay(bad.0, &bad.1.counterexample.as_ref()?.events)),
        chart: &wrong,
    }];
    if let (Some(closing), Some(chart)) = (explained.closing(), &right) {
        let fix = closing.fix.map(|fix| fix.about());
        let fix =
            fix.map(|about| format!("{} ({}): {}", about.commit, about.release, about.words()));
        panels.push(Panel {
            heading: closing.fixed.kernel.to_string(),
            verdict: format!("the same schedule: {}", outcome(closing)),
            rule: fix,
            lines: Vec::new(),
            replay: None,
            chart,
        });
    }
    let (litmus, claim) = (explained.program.litmus.clone(), explained.claim.clone());
    Some(html(&Page { litmus, claim, panels }))
}

/// The run that a report shows, unless it has no step.
fn run_of(program: &Program, report: &Report) -> Option<Chart> {
    Chart::of_report(program, report).filter(|chart| !chart.rows.is_empty())
}

/// What the kernel with the fix makes of the schedule.
fn followed(closing: &Closing) -> Chart {
    let mut chart = Chart::of_run(&closing.fixed, &closing.followed.run.events);
    chart.blocked.clone_from(&closing.followed.blocked);
    if let (Some(violation), Some(row)) = (&closing.followed.broken, chart.rows.last_mut()) {
        row.mark = Some(Mark::Broken(violation.rule));
    }
    chart
}

fn verdict_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Violated(rule) => format!("violated {} {}", rule.code(), rule.name()),
        other => other.word().to_owned(),
    }
}

/// What went wrong in this run's words; who waits for whom, a line each.
fn story_lines(report: &Report, chart: &Chart) -> Vec<String> {
    let Some(found) = &report.counterexample else { return Vec::new() };
    let stuck = matches!(report.verdict, Verdict::Deadlocked | Verdict::Livelocked);
    if stuck && found.loop_start.is_none() {
        return cycle(chart);
    }
    vec![found.text.clone()]
}

fn replay(program: &Program, events: &[Event]) -> String {
    let letters = schedule::letters(program, events);
    format!("diolock replay {} {} --schedule {letters}", program.given, program.kernel.options())
}
