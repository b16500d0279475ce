//! What is tested from outside, in one program: a file for each concern. By itself: `cargo test --test all rooms::`.
//!
//! Programs of their own are `catalogue` (a test for each cell), `commuting_steps` (which `mutants` runs with mistakes in it),
//! `mutants` and `fuzz`.

mod common;

mod agree;
mod cli;
mod conditions;
mod conform;
mod explain;
mod lessons;
mod linear;
mod loom_adapter;
mod malformed;
mod memory;
mod necessary;
mod outputs;
mod own_fix;
mod perfetto;
mod prove;
mod readme;
mod real;
mod replay;
mod rooms;
mod rules;
mod show;
mod shuttle_adapter;
mod sources;
mod steps;
mod stopped;
mod sweep;
mod whole;
