//! The place in a file that a problem is at, as it is shown: its line and the lines around it, each
//! clipped, so that what is printed does not grow with the file.

use crate::printable::{clip, is_printable, width};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::ops::Range;

/// Bytes of the file.
pub(crate) type Span = Range<usize>;

/// Columns of a line that are shown.
const COLUMNS: usize = 100;
/// A place further to the right is shown with that much before it.
const FAR: usize = 60;
const BEFORE: usize = 40;
/// A tab is shown as that many spaces.
const TAB: usize = 4;

/// Some lines of a file, ready to be shown.
#[derive(Clone, Debug)]
pub(super) struct Snippet {
    path: String,
    text: String,
    /// The place in `text`.
    pub(super) span: Span,
    /// The number of `text`'s first line, from 0.
    first: usize,
    /// Line and column in characters of the file, both from 1.
    pub(super) position: (usize, usize),
}

impl Snippet {
    /// The place `span` of `text`, whose first line has the number `first` from 0.
    pub(super) fn new(path: &str, text: &str, first: usize, span: &Span) -> Snippet {
        let start = text.floor_char_boundary(span.start);
        let (before, after) = text.split_at(start);
        let head_at = before.rfind('\n').map_or(0, |at| at + 1);
        let bom =
            if head_at == 0 && before.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let head = &before[head_at + bom..];
        let lines_before = before.matches('\n').count();
        let rest = after.split('\n').next().unwrap_or_default();
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        // A byte-order mark is no character of the line, even where the place is at its very start.
        let skipped =
            if start == 0 && rest.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let rest = &rest[skipped..];
        let length = span.end.saturating_sub(start + skipped).min(rest.len());
        let inside = &rest[..rest.ceil_char_boundary(length)];

        let mut shown = String::new();
        let mut first = first + lines_before;
        if head_at > 0 {
            let line = before[..head_at - 1].rsplit('\n').next().unwrap_or_default();
            context(&mut shown, line);
            first -= 1;
        }
        let mut columns = COLUMNS - left(&mut shown, head);
        let begin = shown.len();
        let whole = right(&mut shown, inside, &mut columns);
        let end = shown.len();
        if !(whole && right(&mut shown, &rest[inside.len()..], &mut columns)) {
            shown.push('…');
        }
        shown.push('\n');
        if let Some(line) = after.split_once('\n').and_then(|(_, next)| next.split('\n').next())
            && !line.is_empty()
        {
            context(&mut shown, line);
        }
        let line_number = if head_at > 0 { first + 2 } else { first + 1 };
        let position = (line_number, head.chars().count() + 1);
        Snippet { path: path.to_owned(), text: shown, span: begin..end, first, position }
    }
}

/// A line beside the one that is spoken of.
fn context(shown: &mut String, line: &str) {
    let line = line.trim_start_matches('\u{feff}');
    // Tabs take more room than characters: what is clipped away would not be seen anyway.
    let near = &line[..line.floor_char_boundary(4 * COLUMNS)];
    shown.push_str(&clip(&near.trim_end_matches('\r').replace('\t', "    "), COLUMNS));
    shown.push('\n');
}

/// One character as it is shown, and its columns.
fn cell(c: char) -> (String, usize) {
    match c {
        '\t' => (" ".repeat(TAB), TAB),
        c if is_printable(c) => (c.to_string(), width(c)),
        c => {
            let escaped: String = c.escape_unicode().collect();
            let columns = escaped.len();
            (escaped, columns)
        }
    }
}

/// Shows what is left of the place, or the end of it; the columns that it takes.
fn left(shown: &mut String, head: &str) -> usize {
    let (mut cells, mut columns) = (Vec::new(), 0);
    for c in head.chars().rev() {
        let (text, wide) = cell(c);
        columns += wide;
        cells.push((text, wide));
        if columns > FAR {
            break;
        }
    }
    if columns > FAR {
        shown.push('…');
        while columns > BEFORE
            && let Some((_, wide)) = cells.pop()
        {
            columns -= wide;
        }
        columns += 1;
    }
    shown.extend(cells.into_iter().rev().map(|(text, _)| text));
    columns
}

/// Shows a text as long as there are columns left; whether all of it.
fn right(shown: &mut String, text: &str, left: &mut usize) -> bool {
    for c in text.chars() {
        let (text, wide) = cell(c);
        if wide >= *left {
            return false;
        }
        *left -= wide;
        shown.push_str(&text);
    }
    true
}

impl SourceCode for Snippet {
    /// As miette does for text, but with a column that counts characters where it is printed.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, before, after)?;
        let column = if before == 0 { self.position.1 - 1 } else { found.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            found.data(),
            *found.span(),
            self.first + found.line(),
            column,
            found.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snippet(text: &str, word: &str) -> Snippet {
        let at = text.find(word).expect("it is there");
        Snippet::new("f", text, 0, &(at..at + word.len()))
    }

    fn at(shown: &Snippet) -> &str {
        &shown.text[shown.span.clone()]
    }

    #[test]
    fn a_long_line_is_clipped_around_the_place() {
        let long = format!("first\n{}HERE{}\nlast", "é".repeat(5000), "漢".repeat(5000));
        let shown = snippet(&long, "HERE");
        assert_eq!(at(&shown), "HERE");
        assert_eq!(shown.position, (2, 5001));
        let lines: Vec<&str> = shown.text.lines().collect();
        assert_eq!((lines[0], lines[2]), ("first", "last"));
        let columns: usize = lines[1].chars().map(width).sum();
        assert!(lines[1].starts_with("…é") && lines[1].ends_with("漢…"), "{}", lines[1]);
        assert!((95..=COLUMNS).contains(&columns), "{columns}");
        let whole = snippet(&long, &long[6..]);
        assert!(whole.text.lines().nth(1).is_some_and(|line| line.chars().count() <= COLUMNS));
    }

    #[test]
    fn the_caret_is_right_behind_tabs_wide_and_hidden_characters() {
        let shown = snippet("\ta漢\u{202e}e\u{301}HERE\r\n", "HERE");
        assert_eq!(shown.text, "    a漢\\u{202e}e\u{301}HERE\n");
        assert_eq!(at(&shown), "HERE");
        assert_eq!(shown.position, (1, 7));
        let shown = snippet("\u{feff}HERE = 1", "HERE");
        assert_eq!((shown.text.as_str(), shown.position), ("HERE = 1\n", (1, 1)));
        let shown = Snippet::new("f", "a\n", 0, &(40..43));
        assert_eq!((at(&shown), shown.position), ("", (2, 1)));
        assert_eq!(Snippet::new("f", "", 6, &(0..1)).position, (7, 1));
    }
}
