//! What the signs mean.

use super::shape::{Anchor, Area, Drawing, Shape, width};

/// The height of signs, and from a sign to its words.
const HEIGHT: i32 = 16;
const GAP: i32 = 6;
const SIZE: i32 = 11;
const LINE: i32 = 21;

/// How wide a sign is, the sign, and its words.
type Sign = (i32, fn(&mut Drawing), &'static str);

const SIGNS: [Sign; 5] = [
    (24, |out| bar(out, 24, "exclusive", "letter-on"), "full width: held alone"),
    (
        12,
        |out| bar(out, 12, "shared", "letter"),
        "half width: held with others (a reader), or a journal handle",
    ),
    (12, |out| bar(out, 12, "waits", "letter"), "dashed: its next step has to wait"),
    (24, count, "i_dio_count changes here"),
    (24, switch, "another task goes on"),
];

fn bar(out: &mut Drawing, width: i32, class: &'static str, letter: &'static str) {
    out.rect(Area { left: 1, top: 1, right: width - 1, bottom: 15 }, class);
    out.text((width / 2, 12), 10, Anchor::Middle, letter, "T");
}

fn count(out: &mut Drawing) {
    out.rect(Area { left: 0, top: 0, right: 23, bottom: 16 }, "changed");
    out.text((12, 12), 12, Anchor::Middle, "count-new", "1");
}

fn switch(out: &mut Drawing) {
    out.path("M3 1V7H19V12".to_owned(), "switch");
    out.path("M19 14l3 -5h-6z".to_owned(), "head");
}

/// The legend in lines of at most `room` pixels.
pub(super) fn legend(room: i32) -> Drawing {
    let mut out = Drawing { height: LINE, ..Drawing::default() };
    let mut x = 0;
    for (wide, sign, words) in SIGNS {
        let needs = wide + GAP + width(words, SIZE);
        if x > 0 && x + needs > room {
            x = 0;
            out.height += LINE;
        }
        let y = out.height - LINE;
        let mut drawn = Drawing::default();
        sign(&mut drawn);
        out.shapes.extend(drawn.moved(x, y));
        out.text((x + wide + GAP, y + 12), SIZE, Anchor::Start, "text", words);
        out.width = out.width.max(x + needs);
        x += needs + 3 * GAP;
    }
    out
}

/// Each sign as an element of its own, with its words.
pub(crate) fn swatches() -> Vec<(String, &'static str)> {
    let swatch = |(width, sign, words): Sign| {
        let mut out = Drawing::default();
        sign(&mut out);
        let shapes = out.write("legend");
        let svg = format!(
            "<svg class=\"run\" width=\"{width}\" height=\"{HEIGHT}\" \
             viewBox=\"0 0 {width} {HEIGHT}\" aria-hidden=\"true\">\n{shapes}</svg>"
        );
        (svg, words)
    };
    SIGNS.into_iter().map(swatch).collect()
}

impl Drawing {
    /// Its shapes, moved to the right and down.
    pub(super) fn moved(self, right: i32, down: i32) -> Vec<Shape> {
        self.shapes.into_iter().map(|shape| shape.moved(right, down)).collect()
    }
}
