//! Values that are said often and written once.

use std::collections::HashMap;
use std::hash::Hash;

/// Numbers for values, in the order in which they come.
#[derive(Clone, Debug)]
pub struct Intern<T> {
    values: Vec<T>,
    known: HashMap<T, usize>,
}

impl<T> Default for Intern<T> {
    fn default() -> Intern<T> {
        Intern { values: Vec::new(), known: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Intern<T> {
    /// The number of a value.
    pub fn number(&mut self, value: T) -> usize {
        let next = self.values.len();
        let number = *self.known.entry(value.clone()).or_insert(next);
        if number == next {
            self.values.push(value);
        }
        number
    }

    /// All values, in the order of their numbers.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}
