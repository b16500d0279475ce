//! Proofs for any number of tasks.
//!
//! A *user* of the inode is a call together with its completion. What all users share (i_size, the extent tree, the
//! page, what blocks hold) is one part of a state, and what each of them has of the inode (locks, references,
//! handles) is with that user, so that a counter needs no number: `i_dio_count` is 0 if nobody has a reference.
//!
//! A *view* is what is shared, with one user or two of all those that may be there. From the views that are known the
//! search makes every step that a user of a view may take, and every step that somebody else may take whom the view
//! does not show, as long as nobody in sight is in the way. It ends when nothing new comes: then every state of
//! whatever number of users has only views that are known (view abstraction: Abdulla, Haziza, Holik, *All for the
//! price of few*, VMCAI 2013).
//!
//! * [`deadlock()`]: with views of one, every step that waits, with all that may be held there. If one order of what
//!   is waited for has every wait go up, nobody is stuck.
//! * [`rules()`]: with views of two, what no two of any number break. What a view breaks is a suspect only, until
//!   [`concrete`] finds a run.
//!
//! What is left out of a state: how often something is held, who waits in which order (a lock may be had by anybody
//! for whom it is free), whose data a block holds, and in views of one what blocks hold at all. So there are more
//! views than states, and never less.

mod beside;
mod bits;
mod calls;
pub mod certificate;
pub mod check;
pub mod concrete;
mod deadlock;
mod effect;
#[cfg(test)]
mod exact;
mod machine;
mod needs;
mod pairs;
mod rules;
mod scene;
mod singles;
mod user;
mod waits;

pub use calls::{FILE, all_calls, core_calls, left_out};
pub use deadlock::{Deadlock, deadlock};
pub use rules::{OfRules, Suspect, rules};
pub use scene::{Scene, litmus_text};
pub use waits::{Class, Wait};
