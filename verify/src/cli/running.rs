//! What every command that runs the whole catalogue needs.

use diolock_verify::survey;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// This program, and whether it was told to stop.
pub struct Running {
    /// Set by Ctrl-C.
    pub stop: Arc<AtomicBool>,
    /// The binary that loom's child processes run.
    pub exe: PathBuf,
}

impl Running {
    /// From now on Ctrl-C asks for what there is.
    ///
    /// # Errors
    /// If the system does not let us know where we are or when we should stop.
    pub fn new() -> miette::Result<Running> {
        let exe = std::env::current_exe()
            .map_err(|error| miette::miette!("cannot tell where this program is: {error}"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let on_signal = Arc::clone(&stop);
        ctrlc::set_handler(move || on_signal.store(true, Ordering::Relaxed))
            .map_err(|error| miette::miette!("cannot handle Ctrl-C: {error}"))?;
        Ok(Running { stop, exe })
    }

    /// How a whole catalogue is asked.
    pub fn survey(&self) -> survey::Options {
        survey::Options::new(self.exe.clone())
    }
}
