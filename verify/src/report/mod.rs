//! Reports for people: a failing run as a table with a lane per task.

mod fit;
mod lanes;
mod words;

pub use lanes::lanes;
pub use words::{lock_words, words};
