//! fallocate, before its task has begun.

use super::event::What;
use super::frame::Frame;
use super::reject::Reason;
use diolock::op::{LockName, Mode};

/// fallocate, before it is clear whether the lock it takes first is the task's own or that for inline
/// data (`ext4_convert_inline_data`), which it gives back at once: v6.1 takes both, v6.12 too, but not
/// the stable kernels after it.
#[derive(Clone, Debug)]
pub struct BeforeFallocate {
    frame: Frame,
    twice: bool,
    before: Vec<What>,
}

/// The call, once it is under way, and the events that it is to take.
pub type UnderWay = Result<(Frame, Vec<What>), Box<BeforeFallocate>>;

impl BeforeFallocate {
    /// Before the first event; `twice`: it takes both locks for sure.
    pub fn new(frame: Frame, twice: bool) -> BeforeFallocate {
        BeforeFallocate { frame, twice, before: Vec::new() }
    }

    /// Takes an event; itself, if it needs more.
    ///
    /// # Errors
    /// If the first lock is missing.
    pub fn take(mut self: Box<BeforeFallocate>, what: &What) -> Result<UnderWay, Reason> {
        let alone = |l: LockName, m: Mode| (l, m) == (LockName::IRwsem, Mode::Exclusive);
        let more = match *what {
            What::Req { l, m } => self.before.is_empty() && alone(l, m),
            What::Acq { l, m } => self.before.len() == 1 && alone(l, m),
            What::Rel { l, m, .. } if self.before.len() == 2 && alone(l, m) => {
                return Ok(Ok((self.frame, Vec::new())));
            }
            _ => false,
        };
        if !more && self.twice {
            return Err(Reason::new("i_rwsem is taken and given back first, for inline data"));
        }
        self.before.push(what.clone());
        Ok(if more { Err(self) } else { Ok((self.frame, self.before)) })
    }
}
