//! The index page: the way through the lessons, and what is looked up.

use super::escape::marked;
use super::glossary::Glossary;
use super::page::{CSS, fill};
use super::races::races;
use super::text::Text;
use super::today::{Today, Use, today};
use crate::litmus::Litmus;
use crate::report::escape;
use crate::rule::RuleId;
use serde::Deserialize;
use std::fmt::Write;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/page/index.html"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/page/index.js"));

/// A page of free play: its file's name without `.html`, and its title.
pub type Played = (String, String);

/// The index page.
pub fn index(all: &[Text], played: &[Played], litmuses: &[Litmus], glossary: &Glossary) -> String {
    fill(
        PAGE,
        &[
            ("css", CSS),
            ("path", &path(all, glossary)),
            ("played", &free(played)),
            ("first", &all.first().map(|text| text.name.clone()).unwrap_or_default()),
            ("picture", &picture(&today())),
            ("rules", &rules()),
            ("races", &races(litmuses, all)),
            ("glossary", &words(glossary)),
            ("limits", &limits(glossary)),
            ("script", SCRIPT),
        ],
    )
}

fn path(all: &[Text], glossary: &Glossary) -> String {
    let one = |(at, text): (usize, &Text)| {
        let (name, title, rule) = (&text.name, escape(&text.title), marked(&text.rule, glossary));
        format!(
            "<li data-lesson=\"{name}\"><a href=\"{name}.html\"><b>{}. {title}</b></a><br>{rule} <span class=\"state\"></span></li>\n",
            at + 1
        )
    };
    all.iter().enumerate().map(one).collect()
}

fn free(played: &[Played]) -> String {
    if played.is_empty() {
        return "<p>Any litmus test can be played: <code>diolock lessons --out DIR --play ./my-claim.toml</code>, with <code>--kernel</code> and <code>--against</code> for the two kernels.</p>".to_owned();
    }
    let one = |(name, title): &Played| {
        format!("<li><a href=\"{}.html\">{}</a></li>\n", escape(name), escape(title))
    };
    format!("<ul>{}</ul>", played.iter().map(one).collect::<String>())
}

fn picture(today: &Today) -> String {
    let mut html = format!(
        "<table><caption>{}: what each call takes, by itself. Locks and handles stand in the order in which they may be waited for, the outermost on the left.</caption><thead><tr><th scope=\"col\">Call</th>",
        today.kernel
    );
    for thing in &today.things {
        let _ = write!(html, "<th scope=\"col\">{thing}</th>");
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in &today.rows {
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(&row.what));
        for (thing, uses) in today.things.iter().zip(&row.uses) {
            let text: Vec<&str> = uses.iter().map(|one| word(*one, thing)).collect();
            let class = match uses.last() {
                Some(Use::Alone) => "x",
                Some(Use::Shared) => "sh",
                Some(Use::Raises | Use::Waits) => "wt",
                None => "",
            };
            let _ = write!(html, "<td class=\"{class}\">{}</td>", text.join(", "));
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table>"
}

fn word(used: Use, thing: &str) -> &'static str {
    match (used, thing) {
        (Use::Shared, _) => "shared",
        (Use::Alone, _) => "alone",
        (Use::Raises, "i_dio_count") => "raises",
        (Use::Raises, _) => "opens",
        (Use::Waits, _) => "waits for 0",
    }
}

/// The rules as a list.
fn rules() -> String {
    let one = |rule: RuleId| {
        let (code, name) = (rule.code(), rule.name());
        let (says, from) = (escape(rule.statement()), escape(rule.reference()));
        format!(
            "<dt id=\"{code}\">{code} {name}</dt><dd>{says}<br><span class=\"in\">{from}</span></dd>\n"
        )
    };
    let all: String = RuleId::ALL.into_iter().map(one).collect();
    format!("<dl class=\"list\">\n{all}</dl>")
}

fn words(glossary: &Glossary) -> String {
    let one = |term: &super::glossary::Term| {
        let means = marked(&term.means, glossary).replace("href=\"index.html#", "href=\"#");
        format!("<dt id=\"{}\">{}</dt><dd>{means}</dd>\n", term.id(), escape(&term.name))
    };
    let all: String = glossary.terms.iter().map(one).collect();
    format!("<dl class=\"list\">\n{all}</dl>")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    limits: Vec<String>,
}

fn limits(glossary: &Glossary) -> String {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/limits.toml"));
    let limits: Limits = toml::from_str(text).expect("lessons/limits.toml can be read");
    let all: String =
        limits.limits.iter().map(|one| format!("<li>{}</li>\n", marked(one, glossary))).collect();
    format!("<ul>\n{all}</ul>")
}
