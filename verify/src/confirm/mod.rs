//! A schedule of the model, carried out on a real kernel.
//!
//! The kernel runs under QEMU, a thread of `diolock run` for each task. A schedule is cut at its switches into legs
//! ([`Leg`]); where a task is to stop, its processor is held by a breakpoint at a function that the task calls next
//! ([`Anchor`]), while the other processors go on. A task that comes to no such place sleeps: where it does so, and for which
//! lock, is read off its stack.
//!
//! What the kernel does meanwhile is recorded by probes of its own. Those of returns take the place of what a function returns to:
//! what had stood there is read off their list.
//!
//! # Left out
//! Completions are run by interrupts and workers, wherever the kernel has them: a leg of theirs is time that passes.
//! A processor that is held answers no other processor: what waits for all of them (a flush of TLBs, `synchronize_rcu`) waits
//! until it is let go.

mod anchor;
mod drive;
mod image;
mod plan;
mod rsp;
mod stack;

pub use anchor::Anchor;
pub use drive::{Driver, Forced};
pub use image::{Image, Offsets, Rethook};
pub use plan::{Leg, Plan, Until, plan};
pub use rsp::Rsp;
pub use stack::Slept;
