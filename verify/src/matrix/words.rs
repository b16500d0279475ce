//! Who says what, in words.

use super::table::Answer;
use crate::engine::EngineName;
use crate::survey::word;
use crate::verdict::Verdict;

/// `graph only`, `graph, shuttle`; `None` if all of those asked could tell.
pub(super) fn by(engines: &[EngineName], asked: &[EngineName]) -> Option<String> {
    let names: Vec<&str> = engines.iter().map(|engine| engine.name()).collect();
    match names[..] {
        _ if engines.len() == asked.len() => None,
        [one] => Some(format!("{one} only")),
        _ => Some(names.join(", ")),
    }
}

/// What an answer says, in words: `R6`, or who says what.
pub(super) fn said(answer: &Answer) -> String {
    let words = |(engine, verdict): &(EngineName, Option<Verdict>)| {
        format!("{}: {}", engine.name(), verdict.as_ref().map_or("not run", word))
    };
    let text = match answer.agreed() {
        Some(word) => word.to_owned(),
        None => answer.said.iter().map(words).collect::<Vec<_>>().join(", "),
    };
    // Nothing more needs saying where engines contradict each other.
    if answer.ok || answer.disagree() { text } else { format!("!{text}") }
}
