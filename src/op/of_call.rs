//! Which call of its task a step is of.

use super::{Bio, Op};

impl Op {
    /// The same as a step of that call: what it writes is told apart by that.
    #[must_use]
    pub fn of_call(mut self, number: u8) -> Op {
        if let Op::PageStore(.., call) | Op::Bio(_, Bio::Write { call, .. }) = &mut self {
            *call = number;
        }
        self
    }
}
