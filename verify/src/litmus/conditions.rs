//! What a litmus file asks of the end of executions: `never`, `always`, `exists`.

use super::cast::{Cast, by_task};
use super::file::MAX_BLOCKS;
use super::schema::{At, Fields, Judge, inside};
use crate::condition::{Condition, Conditions, Task, Who, read};
use diolock::op::Fault;

/// As many conditions may stand under one key.
const MOST: usize = 16;

/// Reads the three of them; `text` is the file's.
pub(super) fn conditions(judge: &mut Judge, top: &Fields<'_>, cast: &[Cast]) -> Conditions {
    let mut of = |key: &'static str| -> Vec<Condition> {
        let Some(field) = top.get(key) else { return Vec::new() };
        let words = field.text_or_texts(judge);
        if words.len() > MOST {
            judge.wrong(field.span, format!("`{key}` has more than {MOST} conditions"));
        }
        words.iter().filter_map(|word| condition(judge, word, cast)).collect()
    };
    Conditions { never: of("never"), always: of("always"), exists: of("exists") }
}

fn condition(judge: &mut Judge, word: &At<&str>, cast: &[Cast]) -> Option<Condition> {
    let tasks: Vec<Task> =
        by_task(cast).map(|calls| (calls[0].letter.unwrap_or('?'), calls.len())).collect();
    match read(word.value, &tasks, MAX_BLOCKS) {
        Ok(expr) => {
            let without_memory = |who: &Who| {
                let calls = by_task(cast).nth(usize::from(who.task)).unwrap_or_default();
                let call = who.call.map_or(calls.last(), |call| calls.get(call));
                call.and_then(Cast::fault) == Some(Fault::Enomem)
            };
            if expr.asks_what_returns().iter().any(without_memory) {
                judge
                    .wrong(word.span.clone(), "what a call without memory returns is not followed")
                    .help("leave out `.returns` of the task with fail = \"enomem\"");
            }
            Some(Condition { text: word.value.to_owned(), expr })
        }
        Err(mistake) => {
            let finding = judge.wrong(inside(word, &mistake.at), mistake.message);
            if !mistake.choices.is_empty() {
                let wrong = word.value.get(mistake.at).unwrap_or_default();
                finding.choices(wrong, mistake.choices.iter().map(String::as_str));
            }
            None
        }
    }
}
