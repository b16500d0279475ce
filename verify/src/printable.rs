//! What may reach a terminal. Names of files and tasks, claims and keys are written by others: a
//! character in them that moves the cursor, turns the direction of the text or cannot be seen is shown
//! as its number. This is the only place that says which characters those are.

use std::borrow::Cow;
use std::fmt::Write;

/// Characters that are no control characters and yet show nothing by themselves, or change how others
/// are shown: format characters, separators of lines, fillers, selectors of variants.
const INVISIBLE: [(char, char); 28] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
    ('\u{ffffe}', '\u{10ffff}'),
];

/// Characters two columns wide, roughly.
const WIDE: [(char, char); 9] = [
    ('\u{1100}', '\u{115e}'),
    ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{a4cf}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{fe30}', '\u{fe6f}'),
    ('\u{ff00}', '\u{ff60}'),
    ('\u{1f300}', '\u{1faff}'),
    ('\u{20000}', '\u{3fffd}'),
];

/// Characters that are put onto the one before them, roughly.
const COMBINING: [(char, char); 8] = [
    ('\u{300}', '\u{36f}'),
    ('\u{483}', '\u{489}'),
    ('\u{591}', '\u{5bd}'),
    ('\u{610}', '\u{61a}'),
    ('\u{64b}', '\u{65f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe20}', '\u{fe2f}'),
];

fn among(c: char, ranges: &[(char, char)]) -> bool {
    ranges.iter().any(|&(first, last)| (first..=last).contains(&c))
}

/// Whether a character can be shown as it is.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_control() } else { !c.is_control() && !among(c, &INVISIBLE) }
}

/// Columns that a printable character takes.
pub fn width(c: char) -> usize {
    match c {
        c if c.is_ascii() => 1,
        c if among(c, &COMBINING) => 0,
        c if among(c, &WIDE) => 2,
        _ => 1,
    }
}

/// On one line: line ends and tabs are escaped, too.
pub fn line(text: &str) -> Cow<'_, str> {
    with(text, |_| false, |out, c| out.extend(c.escape_unicode()))
}

/// A text of several lines.
pub fn text(text: &str) -> Cow<'_, str> {
    with(text, |c| matches!(c, '\n' | '\t'), |out, c| out.extend(c.escape_unicode()))
}

/// JSON, which stays the same JSON: whatever is outside of strings is ASCII there.
pub fn json(text: &str) -> Cow<'_, str> {
    with(
        text,
        |c| c == '\n',
        |out, c| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// A text of several lines in which colours, and nothing else, may be switched.
pub fn coloured(given: &str) -> Cow<'_, str> {
    if !given.contains('\x1b') {
        return text(given);
    }
    let mut out = String::with_capacity(given.len());
    let mut parts = given.split('\x1b');
    out.push_str(&text(parts.next().unwrap_or_default()));
    for part in parts {
        let digits = |codes: &str| codes.bytes().all(|b| b.is_ascii_digit() || b == b';');
        let colour =
            part.strip_prefix('[').and_then(|rest| rest.split_once('m')).filter(|c| digits(c.0));
        match colour {
            Some((codes, rest)) => {
                let _ = write!(out, "\x1b[{codes}m");
                out.push_str(&text(rest));
            }
            None => {
                out.extend('\x1b'.escape_unicode());
                out.push_str(&text(part));
            }
        }
    }
    Cow::Owned(out)
}

/// At most that many columns of one line; `…` stands for what is left out.
pub fn clip(text: &str, columns: usize) -> String {
    // Escapes are ASCII: each of their characters is a column.
    let shown = line(text);
    if shown.chars().map(width).sum::<usize>() <= columns {
        return shown.into_owned();
    }
    let mut out = String::new();
    let mut left = columns;
    for c in shown.chars() {
        if width(c) + 1 > left {
            out.push('…');
            break;
        }
        left -= width(c);
        out.push(c);
    }
    out
}

fn with(
    text: &str,
    keep: impl Fn(char) -> bool,
    escape: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    let wrong = |c: char| !is_printable(c) && !keep(c);
    if !text.contains(wrong) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if wrong(c) { escape(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_turns_or_hides_is_shown_as_its_number() {
        let bad = "a\x1b[2J\x07\u{9b}\u{202e}\u{200b}\u{2066}\u{feff}\u{e0041}b";
        let good = r"a\u{1b}[2J\u{7}\u{9b}\u{202e}\u{200b}\u{2066}\u{feff}\u{e0041}b";
        assert_eq!(line(bad), good);
        assert_eq!(text(bad), good);
        assert_eq!(text("a\n\tb\r"), "a\n\tb\\u{d}");
        assert_eq!(line("a\n"), r"a\u{a}");
        assert!(matches!(line("é — 漢字 🦀 e\u{301}"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a": "\u{202e}\u{9b}\u{e0041}\x1b\u{7f}"});
        let shown = json(&value.to_string()).into_owned();
        assert!(shown.chars().all(is_printable), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON"), value);
    }

    #[test]
    fn of_escape_sequences_only_colours_are_let_through() {
        let text = "\x1b[1;31mred\x1b[0m \x1b]0;title\x07 \x1b[2J \x1b[31;\u{202e}m\x1b";
        let shown =
            "\x1b[1;31mred\x1b[0m \\u{1b}]0;title\\u{7} \\u{1b}[2J \\u{1b}[31;\\u{202e}m\\u{1b}";
        assert_eq!(coloured(text), shown);
    }

    #[test]
    fn columns_are_counted_not_characters() {
        assert_eq!(clip("abcdef", 6), "abcdef");
        assert_eq!(clip("abcdefghijklm", 10), "abcdefghi…");
        assert_eq!(clip("漢字漢字漢字", 6), "漢字…");
        assert_eq!(clip("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }
}
