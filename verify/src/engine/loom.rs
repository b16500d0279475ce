//! STUB, replaced by the loom engine's branch: only the signatures that the command line uses.

use crate::litmus::Litmus;
use crate::verdict::Report;
use diolock::kernel::Kernel;
use std::path::Path;

pub mod job {
    //! STUB.

    use serde::{Deserialize, Serialize};

    /// What a child process is asked to explore.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Job {
        /// The litmus test.
        pub litmus: String,
    }
}

/// Explores a job in this process.
pub fn run(_: &job::Job) -> Report {
    Report::incomplete("loom is a stub on this branch")
}

/// Explores a litmus test in a child process.
pub fn run_in_child(_: &Litmus, _: Kernel, _: &Path, _: bool) -> Report {
    Report::incomplete("loom is a stub on this branch")
}
