//! Reports for people: a run as a chart, drawn as a table with a lane per task or as a picture.

mod chart;
mod fit;
mod html;
mod lanes;
mod svg;
mod words;

pub use chart::{Chart, Hold, Mark, Row};
pub use html::{Page, Panel, html};
pub use lanes::lanes;
pub use svg::{Caption, svg};
pub use words::{lock_words, words};
