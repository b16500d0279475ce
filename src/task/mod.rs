//! What a task is: one system call, interrupt or worker, as a pure state machine.

mod machine;
mod steps;

pub use machine::{Place, Task};
pub(crate) use steps::{Goto, Row, steps};
