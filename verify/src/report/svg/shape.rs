//! Shapes on a page, in whole pixels, and how they are written down.

use crate::printable::is_printable;
use std::fmt::Write;

/// A text's width in pixels, never less than it is: monospace faces are 0.55 to 0.62 of their size
/// wide, and what is not ASCII may come from another face.
pub(super) fn width(text: &str, size: i32) -> i32 {
    let cells: i32 = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    (cells * size * 62 + 99) / 100
}

/// How many ASCII characters fit in `room` pixels, at least one.
pub(super) fn cells(room: i32, size: i32) -> usize {
    usize::try_from(room * 100 / (size * 62)).unwrap_or(0).max(1)
}

/// Where in a text its `x` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub x: i32,
    /// The base line.
    pub y: i32,
    pub size: i32,
    pub anchor: Anchor,
    pub class: &'static str,
    pub text: String,
    /// Shown while a pointer rests on it.
    pub tip: String,
}

/// Left, top, right, bottom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Area {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Text {
    /// What it covers at most.
    pub fn area(&self) -> Area {
        let width = width(&self.text, self.size);
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - (width + 1) / 2,
            Anchor::End => self.x - width,
        };
        let top = self.y - self.size * 4 / 5;
        Area { left, top, right: left + width, bottom: top + self.size * 21 / 20 }
    }
}

/// Anything that is drawn.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Text(Text),
    Rect {
        area: Area,
        class: &'static str,
    },
    /// Filled with the picture's hatching.
    Hatch(Area),
    Circle {
        x: i32,
        y: i32,
        radius: i32,
        class: &'static str,
    },
    Path {
        /// What is added to its coordinates.
        at: (i32, i32),
        data: String,
        class: &'static str,
    },
}

/// A finished drawing, later shapes on top.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawing {
    pub width: i32,
    pub height: i32,
    pub shapes: Vec<Shape>,
}

impl Shape {
    /// The shape, moved to the right and down.
    pub fn moved(mut self, right: i32, down: i32) -> Shape {
        match &mut self {
            Shape::Text(Text { x, y, .. }) | Shape::Circle { x, y, .. } => {
                *x += right;
                *y += down;
            }
            Shape::Rect { area, .. } | Shape::Hatch(area) => {
                area.left += right;
                area.right += right;
                area.top += down;
                area.bottom += down;
            }
            Shape::Path { at, .. } => {
                at.0 += right;
                at.1 += down;
            }
        }
        self
    }
}

impl Drawing {
    /// Adds a text without a tip.
    pub fn text(
        &mut self,
        (x, y): (i32, i32),
        size: i32,
        anchor: Anchor,
        class: &'static str,
        text: &str,
    ) {
        let (text, tip) = (text.to_owned(), String::new());
        self.shapes.push(Shape::Text(Text { x, y, size, anchor, class, text, tip }));
    }

    /// Adds a rectangle.
    pub fn rect(&mut self, area: Area, class: &'static str) {
        self.shapes.push(Shape::Rect { area, class });
    }

    /// Adds a path.
    pub fn path(&mut self, data: String, class: &'static str) {
        self.shapes.push(Shape::Path { at: (0, 0), data, class });
    }

    /// The shapes as SVG elements, one a line; `id` makes the names in them unique in a page.
    pub fn write(&self, id: &str) -> String {
        let mut out = String::new();
        for shape in &self.shapes {
            let _ = match shape {
                Shape::Text(text) => {
                    write_text(&mut out, text);
                    Ok(())
                }
                Shape::Rect { area, class } => {
                    writeln!(out, "<rect {} class=\"{class}\"/>", area.attributes())
                }
                Shape::Hatch(area) => {
                    writeln!(out, "<rect {} fill=\"url(#{id}-hatch)\"/>", area.attributes())
                }
                Shape::Circle { x, y, radius, class } => {
                    writeln!(
                        out,
                        "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" class=\"{class}\"/>"
                    )
                }
                Shape::Path { at: (0, 0), data, class } => {
                    writeln!(out, "<path d=\"{data}\" class=\"{class}\"/>")
                }
                Shape::Path { at: (x, y), data, class } => {
                    let to = format!("transform=\"translate({x} {y})\"");
                    writeln!(out, "<path d=\"{data}\" {to} class=\"{class}\"/>")
                }
            };
        }
        out
    }
}

impl Area {
    fn attributes(self) -> String {
        let Area { left, top, right, bottom } = self;
        let (width, height) = (right - left, bottom - top);
        format!("x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"")
    }
}

fn write_text(out: &mut String, text: &Text) {
    let Text { x, y, size, class, .. } = text;
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let tip = match &text.tip[..] {
        "" => String::new(),
        tip => format!("<title>{}</title>", escape(tip)),
    };
    let words = escape(&text.text);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor} class=\"{class}\">{tip}{words}</text>"
    );
}

/// Text as it may stand in XML and HTML, in elements and in quoted attributes. Characters that nobody
/// would see, among them all that XML cannot hold, become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace(['\t', '\n', '\r'], " ").chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_printable(c) => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

/// A text in lines of at most `width` characters: cut between words, then behind a `(`, a `_` or
/// a `,`, and where nothing else helps anywhere.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in &words(text, width) {
        let room = |line: &String| width.saturating_sub(len(line) + 1);
        match lines.last_mut() {
            Some(line) if len(word) <= room(line) => {
                line.push(' ');
                line.push_str(word);
                continue;
            }
            _ => lines.push(String::new()),
        }
        let mut rest = &word[..];
        while len(rest) > width {
            let cut = cut(rest, width);
            let (head, tail) = rest.split_at(cut);
            if let Some(line) = lines.last_mut() {
                line.push_str(head);
            }
            lines.push(String::new());
            rest = tail;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(rest);
        }
    }
    lines
}

/// The words of a text; `a = b` and `a -> b` are one where that fits.
fn words(text: &str, width: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut glue = false;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let sign = matches!(word, "=" | ":=" | "->");
        match words.last_mut() {
            Some(last) if (glue || sign) && len(last) + 1 + len(word) <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        glue = sign;
    }
    words
}

/// A text's length in ASCII characters' widths.
fn len(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// Where to cut a word so that what comes before fits.
fn cut(word: &str, width: usize) -> usize {
    let mut used = 0;
    let (mut any, mut part, mut bracket) = (0, 0, 0);
    for (at, c) in word.char_indices() {
        used += if c.is_ascii() { 1 } else { 2 };
        if used > width && any > 0 {
            break;
        }
        any = at + c.len_utf8();
        match c {
            '(' | ',' => bracket = any,
            '_' => part = any,
            _ => {}
        }
    }
    [bracket, part, any].into_iter().find(|&at| at > 0).unwrap_or(word.len())
}
