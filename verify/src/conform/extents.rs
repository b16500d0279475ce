//! What the extent tree may hold, as far as a recording tells.

use diolock::op::Extent;
use std::collections::BTreeMap;

/// The states a block may be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds(u8);

impl Kinds {
    /// Nothing is known.
    pub const ANY: Kinds = Kinds(7);
    /// No state: a contradiction.
    pub const NONE: Kinds = Kinds(0);

    /// Just that one.
    pub fn only(extent: Extent) -> Kinds {
        Kinds(match extent {
            Extent::Hole => 1,
            Extent::Unwritten => 2,
            Extent::Written => 4,
        })
    }
    /// Those of both.
    #[must_use]
    pub fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
    /// Those that are in the other, too.
    #[must_use]
    pub fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }
    /// All but that one.
    #[must_use]
    pub fn not(self, extent: Extent) -> Kinds {
        Kinds(self.0 & !Kinds::only(extent).0)
    }
    /// Whether a block may be in that state.
    pub fn may_be(self, extent: Extent) -> bool {
        self.and(Kinds::only(extent)) != Kinds::NONE
    }
    /// In words.
    pub fn words(self) -> String {
        let all = [Extent::Hole, Extent::Unwritten, Extent::Written];
        let words = ["a hole", "unwritten", "written"];
        let may: Vec<&str> =
            all.iter().zip(words).filter(|(e, _)| self.may_be(**e)).map(|(_, w)| w).collect();
        if may.is_empty() { "nothing".to_owned() } else { may.join(" or ") }
    }
}

/// What is known of some neighbouring blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Their state.
    pub kinds: Kinds,
    /// Where the first of them is on the device; the others follow.
    pub device: Option<u64>,
}

impl Known {
    const NOTHING: Known = Known { kinds: Kinds::ANY, device: None };

    /// The same, seen `by` blocks further on.
    fn after(self, by: u64) -> Known {
        Known { device: self.device.map(|block| block + by), ..self }
    }
}

/// Neighbouring blocks: first, one past the last, and what is known of them.
pub type Piece = (u64, u64, Known);

/// One past the last block that a file can have.
const END: u64 = 1 << 32;

/// The file, as an ordered list of pieces that cover it.
#[derive(Clone, Debug)]
pub struct Extents {
    /// By first block; each reaches to the next.
    starts: BTreeMap<u64, Known>,
}

impl Default for Extents {
    fn default() -> Extents {
        Extents { starts: BTreeMap::from([(0, Known::NOTHING)]) }
    }
}

impl Extents {
    fn at(&self, block: u64) -> (u64, Known) {
        let before = self.starts.range(..=block).next_back();
        before.map_or((0, Known::NOTHING), |(&start, &known)| (start, known))
    }

    fn split(&mut self, block: u64) {
        let (start, known) = self.at(block);
        if start != block && block < END {
            self.starts.insert(block, known.after(block - start));
        }
    }

    /// The pieces of `from .. to`.
    pub fn pieces(&self, from: u64, to: u64) -> Vec<Piece> {
        if from >= to {
            return Vec::new();
        }
        let (start, known) = self.at(from);
        let mut pieces = vec![(from, to, known.after(from - start))];
        for (&start, &known) in self.starts.range(from + 1..to) {
            pieces.last_mut().expect("there is a first").1 = start;
            pieces.push((start, to, known));
        }
        pieces
    }

    /// A block that is for sure at one of these of the device, other than those from `from` on.
    pub fn elsewhere(&self, device: u64, blocks: u64, from: u64) -> Option<u64> {
        let ends = self.starts.keys().skip(1).copied().chain([END]);
        let mut pieces = self.starts.iter().zip(ends);
        pieces.find_map(|((&start, known), end)| {
            let there = known.device.filter(|_| !known.kinds.may_be(Extent::Hole))?;
            let overlaps = there < device + blocks && device < there + (end - start);
            let other = start >= from + blocks || end <= from;
            (overlaps && other).then_some(start)
        })
    }

    /// Changes what is known of `from .. to`, piece by piece.
    pub fn change(&mut self, from: u64, to: u64, change: impl Fn(u64, Known) -> Known) {
        let to = to.min(END);
        if from >= to {
            return;
        }
        self.split(from);
        self.split(to);
        for (&start, known) in self.starts.range_mut(from..to) {
            *known = change(start, *known);
        }
        self.join(from, to);
    }

    /// Joins neighbours that say the same: a file that is written over and over does not fragment.
    fn join(&mut self, from: u64, to: u64) {
        let (first, _) = self.at(from.saturating_sub(1));
        let starts: Vec<u64> = self.starts.range(first..=to).map(|(&start, _)| start).collect();
        let mut before = first;
        for &start in starts.iter().skip(1) {
            let (a, b) = (self.starts[&before], self.starts[&start]);
            if a.after(start - before) == b {
                self.starts.remove(&start);
            } else {
                before = start;
            }
        }
    }

    /// Takes `from .. to` out: what is behind it moves forward (`collapse`).
    pub fn cut(&mut self, from: u64, to: u64) {
        self.split(from);
        self.split(to);
        let behind = self.starts.split_off(&to);
        self.starts.split_off(&from);
        self.starts.extend(behind.into_iter().map(|(start, known)| (start - (to - from), known)));
        if self.starts.is_empty() {
            *self = Extents::default();
        }
    }

    /// Moves what is at `from` and behind it `by` blocks back and leaves a hole (`insert`).
    pub fn shift(&mut self, from: u64, by: u64) {
        self.split(from);
        let behind = self.starts.split_off(&from);
        let hole = Known { kinds: Kinds::only(Extent::Hole), device: None };
        self.starts.insert(from, hole);
        self.starts.extend(behind.into_iter().map(|(start, known)| (start + by, known)));
        self.starts.split_off(&END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(extent: Extent, device: u64) -> Known {
        Known { kinds: Kinds::only(extent), device: Some(device) }
    }

    #[test]
    fn pieces_split_join_and_keep_their_place_on_the_device() {
        let mut file = Extents::default();
        file.change(10, 20, |start, _| known(Extent::Written, 100 + start));
        assert_eq!(file.pieces(12, 14), [(12, 14, known(Extent::Written, 112))]);
        file.change(14, 15, |_, k| Known { kinds: Kinds::only(Extent::Unwritten), ..k });
        assert_eq!(file.pieces(10, 20).len(), 3);
        file.change(14, 15, |_, k| Known { kinds: Kinds::only(Extent::Written), ..k });
        assert_eq!(file.pieces(10, 20), [(10, 20, known(Extent::Written, 110))]);
        assert_eq!(file.pieces(0, 11)[0], (0, 10, Known::NOTHING));
    }

    #[test]
    fn a_range_taken_out_or_put_in_moves_what_is_behind() {
        let mut file = Extents::default();
        file.change(10, 20, |start, _| known(Extent::Written, 100 + start));
        file.cut(5, 12);
        assert_eq!(file.pieces(5, 13), [(5, 13, known(Extent::Written, 112))]);
        file.shift(6, 3);
        assert_eq!(file.pieces(9, 10), [(9, 10, known(Extent::Written, 113))]);
        assert!(file.pieces(6, 9)[0].2.kinds == Kinds::only(Extent::Hole));
    }
}
