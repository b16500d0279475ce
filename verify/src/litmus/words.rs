//! A call in words: `pwrite 0`, `pwrite 0.5+1`, `pwrite 0-1 nowait`, `pwrite 1 lower`, `ftruncate 0`, `falloc 1 fail=enospc`.

use super::keys::{TASK, keys};
use super::kind::KINDS;
use super::schema::{At, Field, Fields, Judge, Value, inside};
use crate::problem::{Span, shown};
use diolock::op::{Blocks, Size};
use toml::de::DeValue;

/// What a word alone stands for: a key, and its value.
const ALONE: [(&str, &str); 8] = [
    ("lower", "half"),
    ("upper", "half"),
    ("nowait", "nowait"),
    ("osync", "osync"),
    ("at_eof", "at_eof"),
    ("append", "append"),
    ("pins", "pins"),
    ("indirect", "indirect"),
];

/// Calls, each in words or in a table of its own.
pub(super) fn calls<'t>(judge: &mut Judge, list: &Field<'t>) -> Vec<Fields<'t>> {
    let wanted = "an array of calls, as [\"pwrite 0\", { call = \"fsync\" }]";
    let Value::Toml(DeValue::Array(array)) = list.value else {
        list.mismatch(judge, wanted);
        return Vec::new();
    };
    if array.is_empty() {
        judge.wrong(list.span.clone(), format!("`{}` is empty", list.key));
    }
    let mut calls = Vec::new();
    for item in array.iter() {
        let (key, key_span, span) = (list.key, list.key_span.clone(), item.span());
        let field = Field { key, key_span, span, value: Value::Toml(item.get_ref()) };
        match item.get_ref() {
            DeValue::Table(table) => {
                calls.push(Fields::new(judge, TASK, table, field.span));
            }
            DeValue::String(_) => {
                let text = field.text(judge);
                calls.extend(text.map(|text| fields(judge, &text)));
            }
            _ => field.mismatch(judge, wanted),
        }
    }
    calls
}

/// The call's keys and values, as if they stood in a table.
pub(super) fn fields<'t>(judge: &mut Judge, call: &At<&'t str>) -> Fields<'t> {
    let mut fields: Vec<Field<'t>> = Vec::new();
    let mut add = |judge: &mut Judge, key: &'static str, span: Span, value| {
        if fields.iter().any(|field| field.key == key) {
            judge.wrong(span.clone(), format!("`{key}` is said twice"));
        }
        fields.push(Field { key, key_span: span.clone(), span, value });
    };
    let words = call.value.split_whitespace();
    let at = |word: &str| {
        let start = word.as_ptr() as usize - call.value.as_ptr() as usize;
        inside(call, &(start..start + word.len()))
    };
    for (number, word) in words.enumerate() {
        let span = at(word);
        let alone = ALONE.iter().find(|known| known.0 == word);
        match (number, range(word), word.split_once('='), alone) {
            (0, ..) => add(judge, "call", span, Value::Word(word)),
            (_, Some((first, len)), ..) => {
                add(judge, place(call.value), span.clone(), Value::Number(first));
                match len {
                    Some(Size::ZERO) => {
                        judge.wrong(span, format!("`{word}` is of no block"));
                    }
                    Some(len) => add(judge, "blocks", span, Value::Number(len)),
                    None => {}
                }
            }
            (_, _, Some((key, value)), _) => {
                let keys = keys(TASK).filter(|known| !known.starts_with("call"));
                match keys.clone().find(|&known| known == key) {
                    Some(key) => add(judge, key, span, Value::Word(value)),
                    None => {
                        judge
                            .wrong(span, format!("`{}` is no argument of a call", shown(key)))
                            .choices(key, keys);
                    }
                }
            }
            (.., Some(&(word, key))) => {
                let value = if word == key { Value::Flag(true) } else { Value::Word(word) };
                add(judge, key, span, value);
            }
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                judge
                    .wrong(span.clone(), format!("`{}` is no place in a file", shown(word)))
                    .help("blocks 0-1, or 0.5+1: from there on, so many, in steps of 0.5");
                // It is there, and wrong: nobody need ask for it.
                add(judge, place(call.value), span, Value::Number(Size::ZERO));
            }
            _ => {
                judge
                    .wrong(span, format!("`{}` says nothing of a call", shown(word)))
                    .choices(word, ALONE.iter().map(|known| known.0))
                    .help("a call in words: \"pwrite 0\", \"pwrite 0-1 nowait\", \"pwrite 0.5+1\", \"ftruncate 0\", \"falloc 1 fail=enospc\"");
            }
        }
    }
    Fields::of_words(fields, call.span.clone())
}

/// `0`, or `0-1`, the first block and the last, or `0.5+1`, where it begins and how long it is.
fn range(word: &str) -> Option<(Size, Option<Size>)> {
    if let Some((first, last)) = word.split_once('-') {
        let (first, last): (Blocks, Blocks) = (first.parse().ok()?, last.parse().ok()?);
        let blocks = last.saturating_add(1).saturating_sub(first);
        return Some((Size::blocks(first), Some(Size::blocks(blocks))));
    }
    match word.split_once('+') {
        None => Some((word.parse().ok()?, None)),
        Some((first, len)) => Some((first.parse().ok()?, Some(len.parse().ok()?))),
    }
}

/// Which argument a number alone is.
fn place(call: &str) -> &'static str {
    let name = call.split_whitespace().next().unwrap_or_default();
    let kind = KINDS.iter().find(|kind| kind.0 == name);
    let only_to = kind.is_some_and(|kind| !kind.1.arguments().contains(&"block"));
    if only_to { "to" } else { "block" }
}
