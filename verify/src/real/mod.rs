//! Litmus tests carried out by a real kernel: real threads make real calls on a file of a mounted ext4, and
//! how each round ends is held against what the model allows.
//!
//! An [`Outcome`] is all that can be told from outside: what each call returned and read, half block by half block,
//! what the file holds at the end, and i_size. The [`allowed()`] ones are those at the end of every execution of the
//! model, whichever rule it breaks. A kernel that shows another one refutes the model.
//!
//! # Left out
//! What nobody sees from outside: locks, counts, what a crash would leave. What a real run cannot be made to do is
//! [`refused`].

mod allowed;
#[cfg(target_os = "linux")]
mod buffer;
#[cfg(target_os = "linux")]
mod calls;
mod compared;
#[cfg(target_os = "linux")]
mod errors;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod gate;
#[cfg(target_os = "linux")]
mod layout;
mod outcome;
#[cfg(target_os = "linux")]
mod place;
mod predicted;
#[cfg(target_os = "linux")]
mod raw;
mod refuse;
#[cfg(target_os = "linux")]
mod rounds;

pub use allowed::{Allowed, Standing, allowed};
pub use compared::{Compared, Line};
pub use outcome::{Back, Held, Outcome, Told};
#[cfg(target_os = "linux")]
pub use place::Place;
pub use predicted::predicted;
pub use refuse::refused;
#[cfg(target_os = "linux")]
pub use rounds::{Options, Seen, run};
