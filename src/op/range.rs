//! Tasks, blocks and ranges of them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::ops::Add;
use std::str::FromStr;

/// Index of a task in its litmus test (completions of asynchronous I/O are tasks too).
pub type TaskId = u16;
/// A block of the file, counted from its start.
pub type LogicalBlock = u32;
/// A block of the device.
pub type PhysicalBlock = u32;
/// A number of blocks.
pub type Blocks = u32;

/// A file size, or a place in the file: counted in half blocks, as far as the model tells them apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Size(u32);

impl Size {
    /// None.
    pub const ZERO: Size = Size(0);
    /// Past every file.
    pub const MAX: Size = Size(u32::MAX);

    /// So many whole blocks.
    pub const fn blocks(blocks: Blocks) -> Size {
        Size(blocks.saturating_mul(2))
    }
    /// So many half blocks.
    pub const fn halves(halves: u32) -> Size {
        Size(halves)
    }
    /// The half blocks up to it.
    pub const fn in_halves(self) -> u32 {
        self.0
    }
    /// The blocks up to it, the one that it is in the middle of included.
    pub const fn up(self) -> Blocks {
        self.0.div_ceil(2)
    }
    /// The whole blocks below it.
    pub const fn down(self) -> Blocks {
        self.0 / 2
    }
    /// Whether it is in the middle of a block.
    pub const fn splits(self) -> bool {
        self.0 % 2 == 1
    }
    /// The place in a pair of halves of the half block that begins there.
    pub const fn half(self) -> usize {
        self.0 as usize % 2
    }
}

/// As much further.
impl Add for Size {
    type Output = Size;

    fn add(self, by: Size) -> Size {
        Size(self.0.saturating_add(by.0))
    }
}

/// In blocks: "1", or "1.5".
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = if self.splits() { ".5" } else { "" };
        write!(f, "{}{half}", self.down())
    }
}

/// In blocks: a number, or one and a half.
impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Size, &'static str> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let half = match fraction.trim_end_matches('0') {
            "" if !fraction.is_empty() => 0,
            "5" => 1,
            _ => return Err("a size is in steps of 0.5"),
        };
        let digits = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
        let whole: u32 = whole.parse().ok().filter(|_| digits).ok_or("a size is a number")?;
        whole.checked_mul(2).map(|halves| Size(halves + half)).ok_or("a size is not as large")
    }
}

/// In blocks: a whole number where it is one.
impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.splits() {
            serializer.serialize_f64(f64::from(self.0) / 2.0)
        } else {
            serializer.serialize_u32(self.down())
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        // The shortest decimal that gives the number back: as it was written.
        f64::deserialize(deserializer)?.to_string().parse().map_err(D::Error::custom)
    }
}

/// Blocks `start .. start + len` of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Range {
    /// First block.
    pub start: LogicalBlock,
    /// Number of blocks, at least 1.
    pub len: Blocks,
}

impl Range {
    /// One past the last block.
    pub fn end(self) -> Blocks {
        self.start + self.len
    }
    /// The blocks, in order.
    pub fn blocks(self) -> impl Iterator<Item = LogicalBlock> {
        self.start..self.end()
    }
}

/// Half a block, the unit of an unaligned write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// The first half.
    Lower,
    /// The second.
    Upper,
}

impl Half {
    /// Its place in a pair of halves, lower first.
    pub fn index(self) -> usize {
        match self {
            Half::Lower => 0,
            Half::Upper => 1,
        }
    }
}

/// A stretch of the file, what a call asks for: it may begin and end in the middle of a block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start: Size,
    /// Where it ends.
    pub end: Size,
}

impl Span {
    /// These blocks, or of one block that half.
    pub fn of(range: Range, half: Option<Half>) -> Span {
        let (start, end) = (Size::blocks(range.start), Size::blocks(range.end()));
        match half {
            None => Span { start, end },
            Some(Half::Lower) => Span { start, end: Size(end.0 - 1) },
            Some(Half::Upper) => Span { start: Size(start.0 + 1), end },
        }
    }
    /// As much of the file from there on.
    #[must_use]
    pub fn moved_to(self, start: Size) -> Span {
        Span { start, end: start + self.len() }
    }
    /// The blocks that it touches.
    pub fn range(self) -> Range {
        let start = self.start.down();
        let len = if self.end > self.start { self.end.up() - start } else { 0 };
        Range { start, len }
    }
    /// A hole in a file of that size: where it reaches past the end of the file, it ends with a block, as with a page.
    #[must_use]
    pub fn cut_off(self, size: Size) -> Span {
        let end = if self.end > size { Size::blocks(self.end.up()) } else { self.end };
        Span { end, ..self }
    }
    /// The blocks that lie in it as a whole.
    pub fn whole(self) -> Range {
        let start = self.start.up();
        Range { start, len: self.end.down().saturating_sub(start) }
    }
    /// How long it is.
    pub fn len(self) -> Size {
        Size(self.end.0.saturating_sub(self.start.0))
    }
    /// Whether it is no bytes.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
    /// What of it lies below that size.
    #[must_use]
    pub fn below(self, size: Size) -> Span {
        Span { end: self.end.min(size).max(self.start), ..self }
    }
    /// Its blocks, one after another.
    pub fn blocks(self) -> impl Iterator<Item = LogicalBlock> {
        self.range().blocks()
    }
    /// Which of its ends is in the middle of a block.
    pub fn cut(self) -> Ends {
        Ends { front: self.start.splits(), back: self.end.splits() }
    }
    /// Whether one of its ends is in the middle of a block.
    pub fn unaligned(self) -> bool {
        self.cut() != Ends::default()
    }
}

/// The two ends of a stretch of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Ends {
    /// The first half of the first block.
    pub front: bool,
    /// The second half of the last block.
    pub back: bool,
}

impl Ends {
    /// What is left of block `at` of `blocks` if these ends are cut off: places in a pair of halves.
    pub fn halves(self, at: usize, blocks: usize) -> std::ops::Range<usize> {
        let start = usize::from(self.front && at == 0);
        let end = 2 - usize::from(self.back && at + 1 == blocks);
        start..end
    }
    /// Those of both.
    #[must_use]
    pub fn and(self, other: Ends) -> Ends {
        Ends { front: self.front && other.front, back: self.back && other.back }
    }
    /// Neither.
    pub const NONE: Ends = Ends { front: false, back: false };
    /// Those of block `at` alone.
    #[must_use]
    pub fn of_block(self, at: usize, blocks: usize) -> Ends {
        Ends { front: self.front && at == 0, back: self.back && at + 1 == blocks }
    }
}

/// As many blocks of the file a page holds: 1 KiB blocks, 4 KiB pages.
pub const PAGE_BLOCKS: Blocks = 4;
