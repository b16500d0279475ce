//! The matrix as one HTML file: no script, font or other file is needed.

use super::fixes::{FixRow, Need};
use super::table::{Answer, Boundary, Matrix, Row};
use super::words::{by, said};
use crate::report::escape;
use crate::rule::RuleId;
use crate::verdict::Verdict;
use diolock::kernel::Version;
use std::collections::BTreeSet;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// Both tables, the rules by their names, and the litmus files.
pub fn html(matrix: &Matrix) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>diolock: races and fixes</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <main>\n<h1>Races and fixes of ext4 direct I/O</h1>\n"
    );
    if let Some(partial) = matrix.partial() {
        let _ = writeln!(out, "<p class=\"partial\">{}</p>", escape(&partial));
    }
    races(&mut out, matrix);
    rules(&mut out, matrix);
    fixes(&mut out, matrix);
    sources(&mut out, matrix);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn races(out: &mut String, matrix: &Matrix) {
    let names: Vec<&str> = matrix.engines.iter().map(|engine| engine.name()).collect();
    let _ = writeln!(
        out,
        "<h2>Each litmus test on each kernel</h2>\n<p>Run on {}. <b>never</b>: explored to the end, \
         nothing is wrong. <b>R1</b> to <b>R14</b>: that rule is broken. \u{2013}: not asked.</p>",
        names.join(", ")
    );
    out.push_str("<div class=\"scroll\">\n<table>\n<thead>\n<tr>");
    for heading in ["race", "litmus test"] {
        let _ = write!(out, "<th scope=\"col\">{heading}</th>");
    }
    for version in Version::ALL {
        let _ = write!(out, "<th scope=\"col\" class=\"v\">{}</th>", version.name());
    }
    out.push_str("<th scope=\"col\">fixed by</th></tr>\n</thead>\n<tbody>\n");
    let mut group = None;
    for row in &matrix.rows {
        let raced = row.litmus.bug.is_some();
        if group.replace(raced) != Some(raced) && !raced {
            let columns = Version::ALL.len() + 3;
            let _ = writeln!(
                out,
                "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"{columns}\">Of no one race</th></tr>"
            );
        }
        line(out, matrix, row);
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn link(name: &str) -> String {
    let name = escape(name);
    format!("<a href=\"#{name}\"><code>{name}</code></a>")
}

fn line(out: &mut String, matrix: &Matrix, row: &Row) {
    let bug = row.litmus.bug.as_deref().unwrap_or("\u{2013}");
    let engines = row.engines();
    let only = by(&engines, &matrix.engines);
    let only = only.map(|by| format!(" <span class=\"by\">{by}</span>")).unwrap_or_default();
    let _ = write!(
        out,
        "<tr><td>{}</td><th scope=\"row\">{}{only}<span class=\"small\">{}</span></th>",
        escape(bug),
        link(&row.litmus.name),
        escape(&row.litmus.claim)
    );
    for answer in &row.answers {
        let Some(answer) = answer else {
            out.push_str("<td class=\"v none\">\u{2013}</td>");
            continue;
        };
        let own = answer.engines();
        let by = (own != engines).then(|| by(&own, &matrix.engines)).flatten();
        let by = by.map(|by| format!("<br/><span class=\"by\">{by}</span>")).unwrap_or_default();
        let (class, text) = verdict(answer);
        let _ = write!(out, "<td class=\"v{class}\">{}{by}</td>", escape(&text));
    }
    let mut fixed: Vec<String> = row.fixed.iter().map(boundary).collect();
    if row.open() {
        fixed.push("<b>open</b>".to_owned());
    }
    if let Some(last) = row.silent_after() {
        fixed.push(format!("says nothing after {}", last.name()));
    }
    let _ = writeln!(out, "<td class=\"fix\">{}</td></tr>", fixed.join("<br/>"));
}

fn verdict(answer: &Answer) -> (&'static str, String) {
    if !answer.complete() {
        return (" odd", "?".to_owned());
    }
    let class = match () {
        () if answer.disagree() || !answer.ok => " odd",
        () if answer.bad() => " bad",
        () => "",
    };
    (class, said(answer))
}

fn boundary(boundary: &Boundary) -> String {
    let one = |(fix, word): &(diolock::kernel::Fix, &str)| {
        let about = fix.about();
        let commit = format!("<code>{}</code>", escape(about.commit));
        match boundary.last {
            Some(_) => format!("{commit} ({})", escape(about.release)),
            None => format!("{word} without {commit}"),
        }
    };
    match &boundary.fixes[..] {
        [] => format!("{}, by no one fix", boundary.first.name()),
        fixes => fixes.iter().map(one).collect::<Vec<_>>().join("<br/>"),
    }
}

fn rules(out: &mut String, matrix: &Matrix) {
    let verdicts = matrix.rows.iter().flat_map(|row| row.answers.iter().flatten());
    let broken: BTreeSet<RuleId> = verdicts
        .flat_map(|answer| &answer.said)
        .filter_map(|(_, verdict)| match verdict {
            Some(Verdict::Violated(rule)) => Some(*rule),
            _ => None,
        })
        .collect();
    if broken.is_empty() {
        return;
    }
    out.push_str("<h2>The rules broken above</h2>\n<dl>\n");
    for rule in broken {
        let (code, name, text) = (rule.code(), rule.name(), escape(rule.statement()));
        let _ = writeln!(out, "<dt><b>{code}</b> {name}</dt><dd>{text}</dd>");
    }
    out.push_str("</dl>\n");
}

fn fixes(out: &mut String, matrix: &Matrix) {
    out.push_str(
        "<h2>What each fix is needed for</h2>\n<p>Each fix is taken away from the newest kernel that \
         has it, and every litmus test is run there. Listed is what fails then and not before.</p>\n\
         <div class=\"scroll\">\n<table>\n<thead>\n<tr><th scope=\"col\">fix</th><th \
         scope=\"col\">taken from</th><th scope=\"col\">what fails without it</th></tr>\n</thead>\n<tbody>\n",
    );
    for row in &matrix.fixes {
        let about = row.fix.about();
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code> ({})<span class=\"small\">{}</span></th>\
             <td>{}</td><td>{}</td></tr>",
            escape(about.commit),
            escape(about.release),
            escape(&about.words()),
            row.kernel.name(),
            needed(row)
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn needed(row: &FixRow) -> String {
    let list = |needs: &[Need]| {
        let one = |need: &Need| {
            let vacuous = if need.vacuous { " (with it: vacuous)" } else { "" };
            format!("{}\u{a0}<b>{}</b>{vacuous}", link(&need.litmus), need.verdict)
        };
        needs.iter().map(one).collect::<Vec<_>>().join("<br/>")
    };
    let mut text = match &row.older {
        _ if row.idle() => "<span class=\"idle\">nothing needs it</span>".to_owned(),
        Some((version, needs)) => {
            format!("nothing there; on {}:<br/>{}", version.name(), list(needs))
        }
        None => list(&row.needs),
    };
    if !row.cut.is_empty() {
        let cut = escape(&row.cut.join(", "));
        let _ = write!(text, "<span class=\"small\">not searched to the end: {cut}</span>");
    }
    if row.missing > 0 {
        let _ = write!(text, "<span class=\"small\">not run: {}</span>", row.missing);
    }
    text
}

fn sources(out: &mut String, matrix: &Matrix) {
    out.push_str("<h2 class=\"sources\">The litmus tests</h2>\n");
    for row in &matrix.rows {
        let name = escape(&row.litmus.name);
        let lines: Vec<String> = row.litmus.source.lines().map(escape).collect();
        // A link opens what it points into.
        let _ = writeln!(
            out,
            "<details><summary>{name}.toml</summary>\n<pre id=\"{name}\">{}</pre></details>",
            lines.join("\n")
        );
    }
}
