//! Reports for people: a run as a chart, drawn as a table with a lane per task or as a picture,
//! or written for a trace viewer.

mod chart;
mod fit;
mod html;
mod lanes;
mod page;
mod perfetto;
mod story;
mod svg;
mod words;

pub use chart::{Chart, Hold, Mark, Row};
pub(crate) use fit::wrap;
pub use html::{Page, Panel, html};
pub(crate) use lanes::WIDTH;
pub use lanes::{Detail, heading, lanes, run_table, table};
pub use page::{page_of, picture_of};
pub use perfetto::perfetto;
pub use story::{LINES, command, cycle, holder, story};
pub(crate) use svg::escape;
#[cfg(test)]
pub(crate) use svg::tests::check_page;
pub use svg::{Caption, svg};
pub use words::{content_words, lock_words, op_words, waits_words, words};
