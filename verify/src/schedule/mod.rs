//! Schedules: which task takes the next step, in letters that people can write, mail and edit.
//!
//! `WWTTW` is five steps. A schedule may also be a file:
//!
//! ```text
//! # why the drain misses an overwrite        (a comment, to the end of the line)
//! litmus: truncate-vs-aio-overwrite
//! kernel: v3.6 without 266991b13890
//! seal: 5b1e09-77aa12
//! ends: violated R6
//! W:TakeImutex                               (a step with its name, checked when it is taken)
//! W3 T                                       (a letter and a count stand for WWW)
//! T'                                         (weak memory: this step reads a value older by one write)
//! ```
//!
//! All of it but the steps may be left out. A one-line schedule carries its seal as `WWTTW@5b1e09-77aa12`.

mod read;
mod replay;
mod seal;
mod steps;
mod weak;
mod write;

pub use read::MAX_BYTES;
pub use replay::{End, Replay, replay};
pub(crate) use seal::answers;
pub use seal::{Seal, seal};
pub use steps::{Schedule, Step};
pub use weak::marks;
pub use write::{file, letters};

use crate::problem::{Finding, Problems};
use crate::program::Program;
use steps::KIND;

impl Schedule {
    /// How the recorded run ended, if the schedule says so: `violated R4`, `deadlocked`.
    pub fn ends(&self) -> Option<&str> {
        self.ends.as_deref()
    }

    /// Says what does not fit the program, if anything: the seal, for one.
    ///
    /// # Errors
    /// If the schedule was made for another litmus test or another protocol.
    pub fn check(&self, program: &Program) -> Result<(), Problems> {
        let Some((recorded, span)) = &self.seal else { return Ok(()) };
        let now = seal(program);
        if *recorded == now {
            return Ok(());
        }
        let (what, why) = if recorded.litmus != now.litmus {
            let what = format!("this schedule was not made for {} as it is", program.litmus);
            let why = "the first half of the seal is a hash of the litmus test's file, tasks, options \
                       and rules: it is another test, or this one was edited since";
            (what, why)
        } else {
            let what = format!("the protocol of {} has changed since", program.kernel);
            let why = "the second half of the seal is a hash of all that this test's tasks can do on \
                       that kernel, step by step: src/ was edited since, or it is another kernel";
            (what, why)
        };
        let mut finding = Finding::new(Some(span.clone()), what);
        finding.label(format!("it would be {now}"));
        let differs = self.first_that_differs(program);
        finding.help(format!("{why}{differs}; without its seal the schedule runs as it can"));
        Err(self.problem(finding))
    }

    /// Which named step is the first that does not fit, for people.
    fn first_that_differs(&self, program: &Program) -> String {
        match replay(program, self).end {
            End::Renamed { at, found, .. } => {
                let wanted = self.steps[at].name.as_deref().unwrap_or_default();
                format!("; step {} was {wanted} and is {found}", at + 1)
            }
            _ => String::new(),
        }
    }

    /// A step's name that is not the one it has.
    ///
    /// # Errors
    /// Always: with its place.
    pub fn renamed(&self, at: usize, found: &str) -> Result<(), Problems> {
        let step = &self.steps[at];
        let wanted = step.name.as_deref().unwrap_or_default();
        let message = format!("step {} is {found}, not {wanted}", at + 1);
        let mut finding = Finding::new(Some(step.span.clone()), message);
        finding.help("names of steps are in the table of each task's doc; `--long` shows them");
        Err(self.problem(finding))
    }

    /// A value that this step cannot read any more.
    ///
    /// # Errors
    /// Always: with its place.
    pub fn too_old(&self, at: usize, why: &str) -> Result<(), Problems> {
        let span = self.steps[at].span.clone();
        let message = format!("step {} cannot read an old value: {why}", at + 1);
        let mut finding = Finding::new(Some(span), message);
        finding.help("`'` after a letter: the step reads the value before the last write to it");
        Err(self.problem(finding))
    }

    fn problem(&self, finding: Finding) -> Problems {
        Problems::new(KIND, &self.path, &self.text, vec![finding])
    }
}
