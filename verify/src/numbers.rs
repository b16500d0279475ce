//! Numbers for values that come back.

use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Each value once, by its number.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    numbers: FxHashMap<Arc<T>, u32>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Interner<T> {
    fn default() -> Interner<T> {
        Interner { numbers: FxHashMap::default(), values: Vec::new() }
    }
}

impl<T: Hash + Eq> Interner<T> {
    /// The number of a value: the same for the same.
    pub(crate) fn number(&mut self, value: T) -> u32 {
        let there = self.numbers.get(&value).copied();
        there.unwrap_or_else(|| self.add(Arc::new(value)))
    }

    /// The same of one that others may have as well.
    pub(crate) fn number_of(&mut self, value: &Arc<T>) -> u32 {
        let there = self.numbers.get(value).copied();
        there.unwrap_or_else(|| self.add(Arc::clone(value)))
    }

    fn add(&mut self, value: Arc<T>) -> u32 {
        let number = self.values.len() as u32;
        self.values.push(Arc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    /// The number of a value that was met.
    #[cfg(test)]
    pub(crate) fn find(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    /// The value of a number.
    pub(crate) fn get(&self, number: u32) -> &Arc<T> {
        &self.values[number as usize]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}
