//! `iocb->private`: first a pointer to the no-lock decision, then the io_end. Two types, one field.

use super::TaskId;
use serde::{Deserialize, Serialize};

/// What `iocb->private` holds.
///
/// | value   | means                                                                       |
/// |---------|-----------------------------------------------------------------------------|
/// | `Null`  | nothing                                                                     |
/// | `Flag`  | `&overwrite`, an int on the submitter's stack (set under `i_mutex`)          |
/// | `IoEnd` | the `ext4_io_end_t` of an asynchronous write                                |
///
/// # Kernel
/// Set in `ext4_file_dio_write`, consumed and replaced in `ext4_ext_direct_IO`, consumed in
/// `ext4_end_io_dio` (v3.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Private {
    /// Nothing.
    #[default]
    Null,
    /// Points at the decision.
    Flag,
    /// Points at an io_end.
    IoEnd,
}

/// A step on `iocb->private`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PrivateOp {
    /// `iocb->private = &overwrite`.
    PointAtFlag,
    /// `overwrite = *((int *)iocb->private)`, and what it was.
    ReadFlag {
        /// The decision.
        overwrite: bool,
    },
    /// `iocb->private = NULL`.
    Clear,
    /// `iocb->private = io_end`.
    SetIoEnd,
    /// `if (iocb->private)`: whether it holds anything.
    Test,
    /// `io_end = iocb->private` in the completion, which then clears it.
    TakeIoEnd {
        /// Whose I/O it is of.
        of: TaskId,
    },
}

impl Private {
    /// Performs the step; whether the field held what the step takes it for, or for a test anything.
    pub fn apply(&mut self, op: PrivateOp) -> bool {
        let before = *self;
        match op {
            PrivateOp::PointAtFlag => *self = Private::Flag,
            PrivateOp::ReadFlag { .. } => return before == Private::Flag,
            PrivateOp::Clear => *self = Private::Null,
            PrivateOp::SetIoEnd => *self = Private::IoEnd,
            PrivateOp::Test => return before != Private::Null,
            PrivateOp::TakeIoEnd { .. } => {
                *self = Private::Null;
                return before != Private::Flag;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_must_not_find_the_flag() {
        let mut private = Private::default();
        assert!(private.apply(PrivateOp::PointAtFlag));
        assert!(private.apply(PrivateOp::ReadFlag { overwrite: true }));
        assert!(!private.apply(PrivateOp::TakeIoEnd { of: 0 }), "a stack int taken for an io_end");
        assert!(private.apply(PrivateOp::SetIoEnd));
        assert!(private.apply(PrivateOp::TakeIoEnd { of: 0 }));
        assert!(!private.apply(PrivateOp::ReadFlag { overwrite: false }));
    }
}
