//! Reports for people: a run as a chart, drawn as a table with a lane per task or as a picture,
//! or written for a trace viewer.

mod chart;
mod command;
mod fit;
mod html;
mod lanes;
mod page;
mod perfetto;
mod story;
mod svg;
mod table;
mod words;

pub use chart::{Chart, Hold, Mark, Row};
pub use command::command;
pub(crate) use fit::WIDTH;
pub use fit::wrap;
pub use html::{Page, Panel, html};
pub use lanes::{heading, lanes, run_table};
pub use page::{page_of, picture_of};
pub use perfetto::perfetto;
pub use story::{LINES, cycle, holder, story};
pub(crate) use svg::escape;
#[cfg(test)]
pub(crate) use svg::tests::check_page;
pub use svg::{Caption, svg};
pub use table::{Detail, table};
pub use words::{content_words, lock_words, op_words, waits_words, words};
