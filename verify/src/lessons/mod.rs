//! Lessons: pages on which a reader is the scheduler, each with the whole state graph of a litmus test on a kernel
//! that breaks a rule and on one that does not.
//!
//! # How it works
//! The graphs come from the reference semantics ([`graph`]); a page's script walks their edges and knows no lock.
//! What a lesson says is data: `verify/lessons/*.toml`. What pages look like is in `verify/lessons/page/`.
//!
//! # Limits
//! A page has at most [`MOST_BYTES`] bytes; a litmus test whose graphs do not fit is refused, with what to leave
//! out. Livelocks that are loops (a task that repeats for ever) are not shown: a page knows only runs that end.
//! Sequentially consistent: weak memory is loom's.

pub mod cells;
pub mod data;
pub mod escape;
pub mod free;
pub mod glossary;
pub mod graph;
pub mod index;
pub mod intern;
pub mod lesson;
pub mod page;
pub mod races;
pub mod slots;
pub mod steps;
pub mod tables;
pub mod text;
pub mod today;
pub mod too_large;
pub mod ways;

pub use too_large::MOST_BYTES;
