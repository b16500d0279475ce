//! What every command needs that runs for long.

use super::signals;
use diolock_verify::{image, survey};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// This program, and whether it was told to stop.
pub struct Running {
    /// Set by SIGINT, SIGTERM and SIGHUP.
    pub stop: Arc<AtomicBool>,
    /// What loom's child processes run: this program.
    pub exe: PathBuf,
}

impl Running {
    /// From now on a signal asks for what there is.
    ///
    /// # Errors
    /// If the system does not let us know where we are or when we should stop.
    pub fn new() -> miette::Result<Running> {
        let exe = image::running()
            .map_err(|error| miette::miette!("cannot tell where this program is: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        signals::listen(Arc::clone(&stop))?;
        Ok(Running { stop, exe })
    }

    /// How a whole catalogue is asked.
    pub fn survey(&self) -> survey::Options {
        survey::Options::new(self.exe.clone())
    }
}
