//! A problem before it is known which file it is in, and what may have been meant.

use super::snippet::Span;
use crate::printable;

/// A problem before it is known which file it is in.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) span: Option<Span>,
    pub(super) message: String,
    pub(super) label: Option<String>,
    pub(super) help: Option<String>,
    /// It may be only the consequence of another one: something seems to be missing.
    pub(crate) absence: bool,
}

impl Finding {
    pub(crate) fn new(span: Option<Span>, message: impl Into<String>) -> Finding {
        Finding { span, message: message.into(), label: None, help: None, absence: false }
    }

    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Finding {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Finding {
        self.help = Some(help.into());
        self
    }

    /// Says what would have been right, nearest first.
    pub(crate) fn choices<'a>(
        &mut self,
        word: &str,
        choices: impl IntoIterator<Item = &'a str>,
    ) -> &mut Finding {
        let choices: Vec<&str> = choices.into_iter().collect();
        if let Some(near) = nearest(word, choices.iter().copied()) {
            self.label(format!("did you mean `{near}`?"));
        }
        self.help(format!("allowed here: {}", choices.join(", ")))
    }
}

/// The candidate that was probably meant; none if two are as near.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        if word.len() >= 3 && candidate.starts_with(&word) {
            return 1;
        }
        strsim::damerau_levenshtein(&word, &candidate)
    };
    let close = |candidate: &str| 1 + candidate.chars().count().min(word.chars().count()) / 3;
    let mut near: Vec<_> = candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|&(distance, candidate)| distance <= close(candidate))
        .collect();
    near.sort_by_key(|&(distance, _)| distance);
    match near[..] {
        [first, second, ..] if first.0 == second.0 => None,
        _ => near.first().map(|&(_, candidate)| candidate),
    }
}

/// A word of the file as it is repeated in a message: short and printable.
pub(crate) fn shown(word: &str) -> String {
    let mut start: String = word.chars().take(40).collect();
    if start.len() < word.len() {
        start.push('…');
    }
    printable::line(&start).into_owned()
}
