//! Engines, rules and litmus tests for the ext4 direct-I/O locking protocol of the crate `diolock`.
//!
//! A litmus test ([`litmus::Litmus`]) becomes a [`program::Program`] on a kernel; an
//! [`engine`] runs its tasks in many orders; the [`rule`]s judge every step; the result is a
//! [`verdict::Report`].

pub mod children;
pub mod condition;
#[cfg(target_os = "linux")]
pub mod confirm;
pub mod conform;
pub mod diff;
mod emit;
pub mod engine;
pub mod explain;
pub mod image;
pub mod lessons;
pub mod litmus;
pub mod local;
pub mod lockgraph;
pub mod matrix;
mod numbers;
pub mod printable;
pub mod private;
mod problem;
pub mod program;
pub mod prove;
pub mod real;
pub mod report;
pub mod rule;
mod run;
pub mod schedule;
pub mod suite;
pub mod survey;
pub mod sweep;
pub mod trace;
pub mod traces;
pub mod verdict;
