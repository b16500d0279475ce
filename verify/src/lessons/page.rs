//! A lesson's page: one file that needs nothing else.

use super::escape::{marked, terms};
use super::glossary::Glossary;
use super::lesson::Lesson;
use super::tables::tables;
use super::text::{Exercise, Note, NoteKind, Text};
use super::too_large::{MOST_BYTES, MOST_STATES, refused};
use crate::report::escape;

/// What all pages look like.
pub const CSS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/page/page.css"));
const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/page/lesson.html"));
const SCRIPT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/page/lesson.js"));

/// Where a lesson stands among the others.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// All lessons, in order.
    pub all: &'a [Text],
    /// Its own number among them; `None` for free play.
    pub at: Option<usize>,
}

/// The page of a lesson.
///
/// # Errors
/// If it is larger than a page may be.
pub fn page(lesson: &Lesson, place: &Place<'_>, glossary: &Glossary) -> miette::Result<String> {
    let text = &lesson.text;
    let html = |text: &str| marked(text, glossary);
    let data = serde_json::to_string(&lesson.data()).expect("numbers and texts are JSON");
    let count = match place.at {
        Some(at) => format!("Lesson {} of {}", at + 1, place.all.len()),
        None => "Free play".to_owned(),
    };
    let page = fill(
        PAGE,
        &[
            ("title", &escape(&text.title)),
            ("css", CSS),
            ("nav", &nav(place)),
            ("count", &count),
            ("goal", &html(&text.goal)),
            ("rule", &html(&text.rule)),
            ("scene", &paragraphs(&text.scene, glossary)),
            ("ask", &html(&text.question.ask)),
            ("answer", &html(&text.question.answer)),
            ("exercises", &exercises(&text.exercises, glossary)),
            ("tables", &tables(lesson)),
            ("notes", &notes(&text.notes, glossary)),
            ("sources", &sources(text, glossary)),
            ("words", &words(text, glossary)),
            ("footer", &footer(lesson)),
            ("data", &data.replace("</", "<\\/")),
            ("script", SCRIPT),
        ],
    );
    if page.len() > MOST_BYTES {
        let (litmus, kernel) = (&lesson.broken.litmus, lesson.broken.graph.program.kernel);
        let why = format!("{} kB, of {} at most", page.len() / 1000, MOST_BYTES / 1000);
        return Err(refused(litmus, kernel, &why, MOST_STATES));
    }
    Ok(page)
}

/// A template with its places filled in.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").expect("a template's places are closed");
        let value = values.iter().find(|value| value.0 == name);
        page.push_str(value.unwrap_or_else(|| panic!("a template asks for {name}")).1);
        rest = after;
    }
    page + rest
}

fn nav(place: &Place<'_>) -> String {
    let link = |at: usize, words: &str| {
        let text = &place.all[at];
        format!("<a href=\"{}.html\">{words}: {}</a>", text.name, escape(&text.title))
    };
    let before = place.at.and_then(|at| at.checked_sub(1)).map(|at| link(at, "Before"));
    let next =
        place.at.map(|at| at + 1).filter(|&at| at < place.all.len()).map(|at| link(at, "Next"));
    let parts = [Some("<a href=\"index.html\">All lessons</a>".to_owned()), before, next];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

fn paragraphs(texts: &[String], glossary: &Glossary) -> String {
    texts.iter().map(|text| format!("<p>{}</p>\n", marked(text, glossary))).collect()
}

fn exercises(exercises: &[Exercise], glossary: &Glossary) -> String {
    if exercises.is_empty() {
        return String::new();
    }
    let one = |exercise: &Exercise| {
        let file = exercise.file.as_ref();
        let file = file.map(|file| format!("<pre tabindex=\"0\">{}</pre>", escape(file.trim())));
        let file = file.unwrap_or_default();
        format!(
            "<div class=\"exercise\"><p><span class=\"kind\">{:?}</span> {} <span class=\"par\">Par: {}.</span></p>\
             <details><summary>A solution</summary><p>{}</p>{file}</details></div>\n",
            exercise.kind,
            marked(&exercise.task, glossary),
            marked(&exercise.par, glossary),
            marked(&exercise.solution, glossary)
        )
    };
    let all: String = exercises.iter().map(one).collect();
    format!(
        "<section aria-labelledby=\"exercises-head\"><h2 id=\"exercises-head\">Exercises</h2>\n{all}</section>\n"
    )
}

fn notes(notes: &[Note], glossary: &Glossary) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let one = |note: &Note| {
        let kind = match note.kind {
            NoteKind::Note => "Note",
            NoteKind::Ask => "Ask",
            NoteKind::Demo => "Demo",
        };
        let (minutes, text) = (note.minutes, marked(&note.text, glossary));
        format!("<p><span class=\"kind\">{kind}, {minutes} min</span> {text}</p>\n")
    };
    let all: String = notes.iter().map(one).collect();
    let minutes: u32 = notes.iter().map(|note| note.minutes).sum();
    format!(
        "<section aria-labelledby=\"notes-head\"><h2 id=\"notes-head\">For who teaches this</h2>\n\
         <details><summary>Notes, {minutes} minutes in all</summary>\n{all}</details></section>\n"
    )
}

fn sources(text: &Text, glossary: &Glossary) -> String {
    if text.sources.is_empty() {
        return String::new();
    }
    let all: String = text
        .sources
        .iter()
        .map(|source| format!("<li>{}</li>\n", marked(source, glossary)))
        .collect();
    format!(
        "<section aria-labelledby=\"sources-head\"><h2 id=\"sources-head\">Sources to read</h2>\n<ul>\n{all}</ul></section>\n"
    )
}

/// The terms that the lesson links to, each with its sentence.
fn words(text: &Text, glossary: &Glossary) -> String {
    let mut all = vec![&text.rule, &text.goal, &text.question.ask, &text.question.answer];
    all.extend([&text.broken.text, &text.fixed.text]);
    all.extend(&text.scene);
    all.extend(text.exercises.iter().flat_map(|one| [&one.task, &one.solution]));
    let mut names: Vec<String> = all.into_iter().flat_map(|text| terms(text)).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup_by_key(|name| name.to_lowercase());
    let one = |name: &String| {
        let term = glossary.find(name)?;
        let (id, name) = (term.id(), escape(&term.name));
        Some(format!(
            "<dt><a href=\"index.html#{id}\">{name}</a></dt><dd>{}</dd>\n",
            marked(&term.means, glossary)
        ))
    };
    let words: String = names.iter().filter_map(one).collect();
    if words.is_empty() {
        return String::new();
    }
    format!(
        "<section aria-labelledby=\"words-head\"><h2 id=\"words-head\">Words used here</h2>\n<dl class=\"words\">\n{words}</dl></section>\n"
    )
}

fn footer(lesson: &Lesson) -> String {
    let claim = escape(&lesson.broken.litmus.claim);
    let name = escape(&lesson.broken.litmus.name);
    format!(
        "<p>Litmus test <code>{name}</code>: {claim}. Every step, wait and verdict on this page was computed by diolock; \
         the page only walks from one state to the next.</p>"
    )
}
