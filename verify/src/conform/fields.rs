//! The `key=value` words of a line.

use super::value::Value;
use crate::problem::{Finding, shown};
use std::ops::Range;

/// The keys of one event, and where in the line they are.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    words: Vec<(&'a str, &'a str, Range<usize>)>,
    whole: Range<usize>,
}

impl<'a> Fields<'a> {
    /// The words of `text`, which starts at byte `offset` of its line.
    ///
    /// # Errors
    /// A word that is no `key=value`, or a key that comes twice.
    pub(super) fn new(text: &'a str, offset: usize) -> Result<Fields<'a>, Finding> {
        let mut words: Vec<(&str, &str, Range<usize>)> = Vec::new();
        let mut at = offset;
        for word in text.split(' ') {
            let span = at..at + word.len();
            at = span.end + 1;
            if word.is_empty() {
                continue;
            }
            let Some((key, value)) = word.split_once('=') else {
                let message = format!("`{}` is not key=value", shown(word));
                return Err(Finding::new(Some(span), message));
            };
            if words.iter().any(|seen| seen.0 == key) {
                let message = format!("`{}` is given twice", shown(key));
                return Err(Finding::new(Some(span), message));
            }
            words.push((key, value, span));
        }
        Ok(Fields { words, whole: 0..at.max(1) })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// If the key is not there, or its value is not of that kind.
    pub(super) fn value<V: Value>(&mut self, key: &str) -> Result<V, Finding> {
        let Some((_, text, span)) = self.words.iter().find(|word| word.0 == key) else {
            let mut finding = Finding::new(Some(self.whole.clone()), format!("`{key}` is missing"));
            finding.help(format!("{key}={}", V::WANTED));
            return Err(finding);
        };
        V::read(text).ok_or_else(|| {
            let message = format!("`{key}` is {}, not `{}`", V::WANTED, shown(text));
            let mut finding = Finding::new(Some(span.clone()), message);
            finding.label("this value");
            finding
        })
    }
}
