//! Reads typed values out of TOML tables and notes everything that does not fit.

use super::keys::{TABLES, keys};
use crate::problem::{Finding, Span, shown};
use diolock::op::{Blocks, Paging, Size};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// Gathers what is wrong.
#[derive(Debug, Default)]
pub(super) struct Judge {
    findings: Vec<Finding>,
    /// How far calls that go through pages are followed.
    pub(super) paging: Paging,
}

impl Judge {
    /// Something that is written is wrong.
    pub(super) fn wrong(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        self.findings.push(Finding::new(Some(span), message));
        self.findings.last_mut().expect("one was just pushed")
    }

    /// Something is not written; not said if the file is not even TOML.
    pub(super) fn missing(&mut self, span: Span, message: impl Into<String>) -> &mut Finding {
        let finding = self.wrong(span, message);
        finding.absence = true;
        finding
    }

    /// How many problems there are so far.
    pub(super) fn count(&self) -> usize {
        self.findings.len()
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        word: &At<&str>,
        what: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let found = choices.iter().find(|choice| choice.0 == word.value);
        if found.is_none() {
            self.wrong(word.span.clone(), format!("`{}` is not {what}", shown(word.value)))
                .choices(word.value, choices.iter().map(|c| c.0));
        }
        found.map(|choice| choice.1)
    }

    /// The first of each value; the others are errors.
    pub(super) fn distinct<T: PartialEq + Copy>(&mut self, values: Vec<At<T>>) -> Vec<T> {
        let mut kept = Vec::new();
        for At { value, span } in values {
            if kept.contains(&value) {
                self.wrong(span, "this is listed twice");
            } else {
                kept.push(value);
            }
        }
        kept
    }

    /// Everything found, in the order of the text, once the TOML errors are added.
    ///
    /// What follows the first place where the file is not TOML was guessed by the TOML parser:
    /// nothing is said of it except where else the TOML is broken, once a line.
    pub(super) fn finish(mut self, text: &str, syntax: Vec<toml::de::Error>) -> Vec<Finding> {
        let mut broken_from = text.len() + 1;
        let mut last_line = None;
        let mut errors: Vec<_> = syntax.iter().map(|e| (e.span().unwrap_or(0..0), e)).collect();
        errors.sort_by_key(|(span, _)| span.start);
        if !errors.is_empty() {
            self.findings.retain(|finding| !finding.absence);
        }
        let mut findings = Vec::new();
        for (span, error) in errors {
            let line = text.as_bytes()[..span.start.min(text.len())]
                .iter()
                .filter(|&&b| b == b'\n')
                .count();
            if last_line.replace(line) == Some(line) {
                continue;
            }
            if error.message() == "duplicate key" {
                let key = shown(text.get(span.clone()).unwrap_or_default());
                findings.push(Finding::new(Some(span), format!("`{key}` is written twice")));
            } else {
                broken_from = broken_from.min(span.start);
                let mut finding =
                    Finding::new(Some(span), format!("this is not TOML: {}", error.message()));
                finding.help("the rest of the file is judged once this is put right");
                findings.push(finding);
            }
        }
        let sound = |f: &Finding| f.span.as_ref().is_none_or(|span| span.end < broken_from);
        findings.extend(self.findings.into_iter().filter(sound));
        findings.sort_by_key(|f| f.span.as_ref().map(|span| (span.start, span.end)));
        findings
    }
}

/// A table whose keys are known.
#[derive(Clone, Debug)]
pub(super) struct Fields<'t> {
    table: Table<'t>,
    /// Where its header stands.
    pub(super) header: Span,
    what: &'static str,
}

/// As TOML has it, or in words.
#[derive(Clone, Debug)]
enum Table<'t> {
    Toml(&'t DeTable<'t>),
    Words(Vec<Field<'t>>),
}

/// As TOML has it, or in words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'t> {
    Toml(&'t DeValue<'t>),
    Word(&'t str),
    Number(Size),
    Flag(bool),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Field<'t> {
    pub(super) key: &'t str,
    pub(super) key_span: Span,
    pub(super) span: Span,
    pub(super) value: Value<'t>,
}

impl<'t> Fields<'t> {
    /// A table of that name; keys it does not know are wrong.
    pub(super) fn new(
        judge: &mut Judge,
        what: &'static str,
        table: &'t DeTable<'t>,
        header: Span,
    ) -> Fields<'t> {
        for key in table.keys() {
            let word = key.get_ref().as_ref();
            if keys(what).any(|key| key == word) {
                continue;
            }
            let finding =
                judge.wrong(key.span(), format!("`{}` is not a key of {what}", shown(word)));
            finding.choices(word, keys(what));
            match TABLES.iter().find(|table| keys(table.0).any(|key| key == word)) {
                Some((home, _)) if home.starts_with('[') => {
                    finding.label(format!("belongs under {home}"));
                }
                Some(_) => {
                    finding.label("belongs at the top of the file, before the first [table]");
                }
                None => {}
            }
        }
        Fields { table: Table::Toml(table), header, what }
    }

    /// A call in words.
    pub(super) fn of_words(fields: Vec<Field<'t>>, header: Span) -> Fields<'t> {
        Fields { table: Table::Words(fields), header, what: "the call" }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &'static str) -> Option<Field<'t>> {
        match &self.table {
            Table::Toml(table) => {
                let (found, value) = table.get_key_value(key)?;
                let (key_span, span) = (found.span(), value.span());
                Some(Field { key, key_span, span, value: Value::Toml(value.get_ref()) })
            }
            Table::Words(fields) => fields.iter().find(|field| field.key == key).cloned(),
        }
    }

    /// The value of a key that must be there; `example` shows how.
    pub(super) fn need(
        &self,
        judge: &mut Judge,
        key: &'static str,
        example: &str,
    ) -> Option<Field<'t>> {
        let field = self.get(key);
        if field.is_none() {
            judge
                .missing(self.header.clone(), format!("{} has no `{key}`", self.what))
                .label(format!("`{key}` is missing"))
                .help(format!("for example: {example}"));
        }
        field
    }
}

impl<'t> Field<'t> {
    /// A key that the caller has found to be right, and its value.
    pub(super) fn of(key: &'t Spanned<DeString<'t>>, value: &'t Spanned<DeValue<'t>>) -> Field<'t> {
        let (key, key_span) = (key.get_ref().as_ref(), key.span());
        Field { key, key_span, span: value.span(), value: Value::Toml(value.get_ref()) }
    }

    pub(super) fn mismatch(&self, judge: &mut Judge, wanted: &str) {
        let kind = match self.value {
            Value::Word(_) => "a word",
            Value::Toml(DeValue::String(_)) => "a string",
            Value::Number(_) | Value::Toml(DeValue::Integer(_)) => "a number",
            Value::Toml(DeValue::Float(_)) => "a fraction",
            Value::Flag(_) | Value::Toml(DeValue::Boolean(_)) => "true or false",
            Value::Toml(DeValue::Datetime(_)) => "a date",
            Value::Toml(DeValue::Array(_)) => "an array",
            Value::Toml(DeValue::Table(_)) => "a table",
        };
        judge
            .wrong(self.span.clone(), format!("`{}` must be {wanted}, not {kind}", self.key))
            .label(format!("write {wanted}"));
    }

    /// A line of text.
    pub(super) fn text(&self, judge: &mut Judge) -> Option<At<&'t str>> {
        let text = match self.value {
            Value::Toml(DeValue::String(text)) => text.as_ref(),
            Value::Word(word) => word,
            _ => {
                self.mismatch(judge, "a string in quotes");
                return None;
            }
        };
        if text.trim().is_empty() {
            judge.wrong(self.span.clone(), format!("`{}` is empty", self.key));
            return None;
        }
        if text.chars().any(char::is_control) {
            judge.wrong(self.span.clone(), format!("`{}` must be one line of text", self.key));
            return None;
        }
        Some(At { value: text, span: self.span.clone() })
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, judge: &mut Judge) -> Option<bool> {
        match self.value {
            Value::Toml(DeValue::Boolean(flag)) => return Some(*flag),
            Value::Flag(flag) => return Some(flag),
            Value::Word(word) if let Ok(flag) = word.parse() => return Some(flag),
            _ => {}
        }
        self.mismatch(judge, "true or false");
        None
    }

    /// A whole number in a range.
    pub(super) fn number(
        &self,
        judge: &mut Judge,
        range: RangeInclusive<Blocks>,
    ) -> Option<Blocks> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        if matches!(self.value, Value::Toml(DeValue::Float(_))) {
            self.mismatch(judge, &wanted);
            return None;
        }
        let whole = |size: Size| (!size.splits()).then(|| size.down());
        let found = self.in_blocks(judge, &wanted)?.and_then(whole);
        self.judged(judge, &wanted, "out of range", found.filter(|n| range.contains(n)))
    }

    /// A number of blocks in a range, in steps of half a block.
    pub(super) fn size(&self, judge: &mut Judge, range: RangeInclusive<Size>) -> Option<Size> {
        let (from, to) = (range.start(), range.end());
        let wanted = format!("a number from {from} to {to} in steps of 0.5");
        let found = self.in_blocks(judge, &wanted)?.filter(|n| range.contains(n));
        self.judged(judge, &wanted, "out of range, or in between", found)
    }

    /// A number of blocks, if it is one in steps of half a block; nothing if it is not even a number.
    fn in_blocks(&self, judge: &mut Judge, wanted: &str) -> Option<Option<Size>> {
        Some(match self.value {
            Value::Toml(DeValue::Integer(number)) => {
                Blocks::from_str_radix(number.as_str(), number.radix()).ok().map(Size::blocks)
            }
            Value::Toml(DeValue::Float(number)) => number.as_str().parse().ok(),
            Value::Number(number) => Some(number),
            Value::Word(word) => word.parse().ok(),
            _ => {
                self.mismatch(judge, wanted);
                return None;
            }
        })
    }

    fn judged<T>(
        &self,
        judge: &mut Judge,
        wanted: &str,
        label: &str,
        found: Option<T>,
    ) -> Option<T> {
        if found.is_none() {
            judge
                .wrong(self.span.clone(), format!("`{}` must be {wanted}", self.key))
                .label(label.to_owned());
        }
        found
    }

    /// An array of strings that are judged one by one.
    pub(super) fn texts(&self, judge: &mut Judge) -> Vec<At<&'t str>> {
        let Value::Toml(DeValue::Array(array)) = self.value else {
            self.mismatch(judge, "an array of strings, as [\"…\"]");
            return Vec::new();
        };
        let item = |value: &'t Spanned<DeValue<'t>>| Field {
            key: self.key,
            key_span: self.key_span.clone(),
            span: value.span(),
            value: Value::Toml(value.get_ref()),
        };
        array.iter().filter_map(|value| item(value).text(judge)).collect()
    }

    /// A string, or an array of them.
    pub(super) fn text_or_texts(&self, judge: &mut Judge) -> Vec<At<&'t str>> {
        match self.value {
            Value::Toml(DeValue::Array(_)) => self.texts(judge),
            _ => self.text(judge).into_iter().collect(),
        }
    }

    /// As `texts`, but leaving the key out is how to say "all".
    pub(super) fn some_texts(&self, judge: &mut Judge) -> Vec<At<&'t str>> {
        if matches!(self.value, Value::Toml(DeValue::Array(array)) if array.is_empty()) {
            judge
                .wrong(self.span.clone(), format!("`{}` is empty", self.key))
                .help(format!("leave `{}` out to mean all of them", self.key));
        }
        self.texts(judge)
    }

    /// A table written `[key]`.
    pub(super) fn table(&self, judge: &mut Judge) -> Option<&'t DeTable<'t>> {
        if let Value::Toml(DeValue::Table(table)) = self.value {
            return Some(table);
        }
        self.mismatch(judge, &format!("a table, under a line [{}]", self.key));
        None
    }

    /// Tables written `[[key]]`, each with its header.
    pub(super) fn tables(&self, judge: &mut Judge) -> Vec<At<&'t DeTable<'t>>> {
        let wanted = format!("a list of tables, each under a line [[{}]]", self.key);
        let Value::Toml(DeValue::Array(array)) = self.value else {
            self.mismatch(judge, &wanted);
            return Vec::new();
        };
        if array.is_empty() {
            judge.missing(self.span.clone(), format!("there is no [[{}]]", self.key));
        }
        let mut tables = Vec::new();
        for item in array.iter() {
            let span = item.span();
            match item.get_ref() {
                DeValue::Table(table) => tables.push(At { value: table, span }),
                value => {
                    let (key, key_span) = (self.key, self.key_span.clone());
                    let value = Value::Toml(value);
                    Field { key, key_span, span, value }.mismatch(judge, &wanted);
                }
            }
        }
        tables
    }
}

/// A place inside a string: behind its quote, if every character of it stands for itself.
pub(super) fn inside(word: &At<&str>, at: &std::ops::Range<usize>) -> Span {
    let Span { start, end } = word.span.clone();
    if end - start != word.value.len() + 2 {
        return word.span.clone();
    }
    // At the end of the text the closing quote.
    start + 1 + at.start..start + 1 + at.end.max(at.start + 1)
}
