//! Sizes and places in the file.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;
use std::ops::Add;
use std::str::FromStr;

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
