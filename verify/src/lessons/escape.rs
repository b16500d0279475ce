//! Texts as HTML, and the little markup that lesson texts have.

use super::glossary::Glossary;
use crate::report::escape;
use crate::rule::RuleId;

/// A text as HTML: `**bold**`, `` `code` ``, and `{term}` or `{term|words}` as a link to the glossary.
///
/// # Panics
/// If the glossary lacks a term: a test reads every text.
pub fn marked(text: &str, glossary: &Glossary) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['*', '`', '{']) {
        html.push_str(&escape(&rest[..at]));
        let (open, close) = match &rest[at..] {
            after if after.starts_with("**") => ("**", "**"),
            after if after.starts_with('`') => ("`", "`"),
            after if after.starts_with('{') => ("{", "}"),
            _ => ("", ""),
        };
        let inside = &rest[at + open.len()..];
        let Some(end) = inside.find(close).filter(|_| !open.is_empty()) else {
            html.push_str(&escape(&rest[at..=at]));
            rest = &rest[at + 1..];
            continue;
        };
        let (inner, after) = (&inside[..end], &inside[end + close.len()..]);
        html.push_str(&match open {
            "**" => format!("<b>{}</b>", escape(inner)),
            "`" => format!("<code>{}</code>", escape(inner)),
            _ => link(inner, glossary),
        });
        rest = after;
    }
    html.push_str(&escape(rest));
    html
}

/// The words of a marked text, without the marks.
pub fn plain(text: &str) -> String {
    let mut plain = text.replace("**", "").replace('`', "");
    while let Some(at) = plain.find('{') {
        let Some(end) = plain[at..].find('}') else { break };
        let inner = plain[at + 1..at + end].to_owned();
        let words = inner.split_once('|').map_or(inner.as_str(), |(_, words)| words);
        plain.replace_range(at..=at + end, words);
    }
    plain
}

/// The glossary's terms that a text links to.
pub fn terms(text: &str) -> Vec<String> {
    let inner = text.split('{').skip(1).filter_map(|after| after.split_once('}'));
    inner.map(|(inner, _)| inner.split('|').next().unwrap_or_default().to_owned()).collect()
}

fn link(inner: &str, glossary: &Glossary) -> String {
    let (term, words) = inner.split_once('|').unwrap_or((inner, inner));
    if let Some(rule) = RuleId::named(term).filter(|rule| rule.code() == term) {
        let (code, says) = (rule.code(), escape(rule.statement()));
        return format!(
            r#"<a class="term" href="index.html#{code}" title="{says}">{code} {}</a>"#,
            rule.name()
        );
    }
    let entry = glossary.find(term).unwrap_or_else(|| panic!("the glossary lacks {term:?}"));
    let (id, means) = (entry.id(), escape(&plain(&entry.means)));
    format!(r#"<a class="term" href="index.html#{id}" title="{means}">{}</a>"#, escape(words))
}
