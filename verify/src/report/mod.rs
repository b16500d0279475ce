//! Reports for people: a run as a chart, drawn as a table with a lane per task or as a picture.

mod chart;
mod fit;
mod lanes;
mod story;
mod words;

pub use chart::{Chart, Hold, Mark, Row};
pub use lanes::{Detail, heading, lanes, run_table, table};
pub use story::{LINES, cycle, holder, story};
pub use words::{lock_words, waits_words, words};
