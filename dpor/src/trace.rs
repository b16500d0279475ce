//! What is the same about executions that differ in the order of independent steps only.

use crate::history::Clock;

/// A trace: of each step of each task, how many steps of every task had to come before it.
///
/// Two executions of one program have equal traces exactly if one becomes the other by swapping
/// neighbouring steps that are independent.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Trace(pub(crate) Vec<Vec<Clock>>);
