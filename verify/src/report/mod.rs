//! Reports for people: a run as a table with a lane per task, or for a trace viewer.

mod fit;
mod lanes;
mod perfetto;
mod words;

pub use lanes::{lanes, run_table};
pub use perfetto::perfetto;
pub use words::{content_words, lock_words, words};
