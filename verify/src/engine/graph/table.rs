//! States as rows of numbers, each once, in the order in which they were met.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// Rows of one length: four bytes a number, and some eight for finding a row again.
#[derive(Debug)]
pub(super) struct Table {
    width: usize,
    words: Vec<u32>,
    rows: HashTable<u32>,
}

fn hash(row: &[u32]) -> u64 {
    let mut hasher = FxHasher::default();
    let (pairs, last) = row.as_chunks::<2>();
    pairs.iter().for_each(|&[low, high]| hasher.write_u64(u64::from(high) << 32 | u64::from(low)));
    last.iter().for_each(|&word| hasher.write_u32(word));
    hasher.finish()
}

impl Table {
    /// No rows yet.
    pub(super) fn new(width: usize) -> Table {
        Table { width, words: Vec::new(), rows: HashTable::new() }
    }

    /// A row by its number.
    pub(super) fn row(&self, at: u32) -> &[u32] {
        let start = at as usize * self.width;
        &self.words[start..start + self.width]
    }

    /// The number of a row, and whether it was not there before.
    pub(super) fn insert(&mut self, row: &[u32]) -> (u32, bool) {
        let (width, words) = (self.width, &self.words);
        let of = |at: u32| &words[at as usize * width..(at as usize + 1) * width];
        let entry = self.rows.entry(hash(row), |&at| of(at) == row, |&at| hash(of(at)));
        match entry {
            Entry::Occupied(there) => (*there.get(), false),
            Entry::Vacant(free) => {
                let at = (words.len() / width) as u32;
                free.insert(at);
                self.words.extend_from_slice(row);
                (at, true)
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.words.len() / self.width
    }
}
