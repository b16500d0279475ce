//! What must be seen of the tasks of a litmus file.

use super::cast::{Cast, by_task};
use super::program::letters;
use super::schema::{At, Fields, Judge};
use super::{Reach, ReachVerb};
use crate::problem::{Span, shown};
use crate::rule::Verb;

/// As many witnesses can be told apart, those of conditions besides.
const MOST: usize = 32;

/// Reads `reaches`.
pub(super) fn reaches(judge: &mut Judge, top: &Fields<'_>, cast: &[Cast]) -> Vec<Reach> {
    let words = top.get("reaches").map(|field| field.texts(judge)).unwrap_or_default();
    if let Some(word) = words.get(MOST) {
        judge.wrong(word.span.clone(), format!("`reaches` has more than {MOST} witnesses"));
    }
    let mut reaches: Vec<Reach> = Vec::new();
    for word in words {
        if reaches.iter().any(|reach| reach.text == word.value) {
            judge.wrong(word.span.clone(), "this is listed twice");
        }
        let Some(reach) = reach(judge, &word) else { continue };
        let other = match reach.verb {
            ReachVerb::Plain(_) => None,
            ReachVerb::Overlaps(other)
            | ReachVerb::FreesUnder(other)
            | ReachVerb::WaitsFor(other) => Some(other),
        };
        if other == Some(reach.task) {
            judge
                .wrong(word.span.clone(), "a task cannot be its own second task")
                .label("two letters");
        }
        for letter in [Some(reach.task), other].into_iter().flatten() {
            known(judge, &word.span, letter, cast);
        }
        reaches.push(reach);
    }
    reaches
}

fn reach(judge: &mut Judge, word: &At<&str>) -> Option<Reach> {
    let one_letter = |text: &str| match *text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(char::from(letter)),
        _ => None,
    };
    let with_other = |verb: &str, prefix| one_letter(verb.strip_prefix(prefix)?);
    let (subject, verb) = word.value.split_once(' ').unwrap_or((word.value, ""));
    let Some(task) = one_letter(subject) else {
        judge
            .wrong(word.span.clone(), "this does not start with a task's letter")
            .label("<letter> <verb>")
            .help("for example \"W overwrites\", or \"T waits for w\" (w: W's completion)");
        return None;
    };
    let plain = Verb::PLAIN.iter().find(|p| p.0 == verb).map(|p| ReachVerb::Plain(p.1));
    let overlaps = || with_other(verb, "overlaps ").map(ReachVerb::Overlaps);
    let frees = || with_other(verb, "frees under ").map(ReachVerb::FreesUnder);
    let waits = || with_other(verb, "waits for ").map(ReachVerb::WaitsFor);
    let Some(verb) = plain.or_else(overlaps).or_else(frees).or_else(waits) else {
        let verbs = Verb::PLAIN.iter().map(|p| p.0);
        judge
            .wrong(word.span.clone(), format!("`{}` is not something seen of a task", shown(verb)))
            .choices(
                verb,
                verbs.chain(["overlaps <letter>", "frees under <letter>", "waits for <letter>"]),
            );
        return None;
    };
    Some(Reach { text: word.value.to_owned(), task, verb })
}

/// A letter must be a task's, or in lower case an asynchronous call's.
fn known(judge: &mut Judge, span: &Span, letter: char, cast: &[Cast]) {
    if cast.is_empty() || cast.iter().any(|c| c.letter.is_none()) {
        return; // it may be that one
    }
    if letter.is_ascii_lowercase() && cast.iter().any(|call| call.spec().is_none()) {
        return; // that of a call that could not be read, maybe
    }
    let tasks: Vec<char> = by_task(cast).filter_map(|calls| calls[0].letter).collect();
    let asynchronous = cast.iter().filter(|call| call.spec().is_some_and(|call| call.is_aio()));
    let known = letters(&tasks, asynchronous.map(|call| call.task));
    if known.contains(&letter) {
        return;
    }
    let task = cast.iter().find(|c| c.letter == Some(letter.to_ascii_uppercase()));
    match task.and_then(|task| Some((task.letter?, task.kind?))) {
        Some((submitter, kind)) if letter.is_ascii_lowercase() => {
            let asynchronous = "only an aio_pwrite or aio_pread has a completion of its own";
            judge
                .missing(span.clone(), format!("there is no completion {letter}"))
                .label(format!("{submitter} calls {}", kind.name()))
                .help(asynchronous);
        }
        _ => {
            let known: Vec<String> = known.into_iter().map(String::from).collect();
            judge
                .missing(span.clone(), format!("there is no task {letter}"))
                .help(format!("the tasks: {}", known.join(", ")));
        }
    }
}
