//! Reports for people: a run as a chart, drawn as a table with a lane per task or as a picture,
//! or written for a trace viewer.

mod chart;
mod fit;
mod lanes;
mod perfetto;
mod story;
mod words;

pub use chart::{Chart, Hold, Mark, Row};
pub use lanes::{Detail, heading, lanes, run_table, table};
pub use perfetto::perfetto;
pub use story::{LINES, command, cycle, holder, story};
pub use words::{content_words, lock_words, waits_words, words};
