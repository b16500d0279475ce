//! What a kernel did while it was held to a schedule, judged as `diolock conform` does.

use super::guest::Told;
use super::output::{Out, Tone};
use diolock::kernel::Kernel;
use diolock_verify::conform::{
    FileSystem, Journal, Reader, Thread, Verdict, conform, rejected_text,
};
use diolock_verify::litmus::{CallSpec, Litmus};
use diolock_verify::printable;
use serde::Serialize;
use std::fs::File;
use std::path::Path;

/// What came of the recordings of a kernel that was held.
#[derive(Default, Serialize)]
pub struct Judged {
    /// Files whose recording the model allows.
    accepted: usize,
    /// Events of theirs.
    events: usize,
    /// Recordings that it does not allow, and why.
    rejected: Vec<String>,
    /// Why nothing was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<String>,
}

impl Judged {
    /// Judges what was recorded, on a file system with blocks of so many bytes.
    ///
    /// # Errors
    /// A recording that cannot be read.
    pub fn new(told: &Told, litmus: &Litmus, kernel: Kernel, block: u32) -> miette::Result<Judged> {
        let journal = if litmus.journal { Journal::Metadata } else { Journal::None };
        let on = FileSystem { kernel, block: block.into(), journal };
        let mut judged = Judged::default();
        let mut calls = litmus.tasks.iter().flat_map(|task| &task.calls);
        if let Some(call) = calls.find_map(not_followed) {
            judged.lost = Some(format!("conform does not follow {call}"));
            return Ok(judged);
        }
        match &told.recorded {
            Ok(paths) => paths.iter().try_for_each(|path| judged.add(path, on))?,
            Err(why) => judged.lost = Some(why.clone()),
        }
        Ok(judged)
    }

    fn add(&mut self, path: &Path, on: FileSystem) -> miette::Result<()> {
        let shown = path.display().to_string();
        let opened = File::open(path).and_then(|file| Reader::new(&shown, file));
        let mut reader =
            opened.map_err(|error| miette::miette!("{shown} cannot be read: {error}"))?;
        match conform(&mut reader, on).map_err(|problems| *problems)? {
            Verdict::Accepted(coverage) => {
                self.accepted += 1;
                self.events += coverage.events;
            }
            Verdict::Rejected(rejection) => {
                let name = |thread: Thread| reader.name(thread).to_owned();
                let kernel = on.kernel.to_string();
                self.rejected.push(rejected_text(
                    &printable::line(&shown),
                    &kernel,
                    &rejection,
                    &name,
                ));
            }
        }
        Ok(())
    }

    /// Whether nothing that was recorded is rejected.
    pub fn good(&self) -> bool {
        self.rejected.is_empty()
    }

    /// For people.
    pub fn people(&self, out: &mut Out) -> miette::Result<()> {
        if let Some(why) = &self.lost {
            out.line(&format!("not judged by conform: {why}"))?;
            return Ok(());
        }
        out.line(&format!(
            "recorded: {} files with {} events accepted by conform, {} rejected",
            self.accepted,
            self.events,
            self.rejected.len()
        ))?;
        for text in &self.rejected {
            out.line(&out.tone(text.trim_end(), Tone::Bad))?;
        }
        Ok(())
    }
}

/// What of a call no recording can be followed by.
fn not_followed(call: &CallSpec) -> Option<&'static str> {
    match call {
        // An ioctl, of which the recorder has no probe.
        CallSpec::MoveExtents { .. } => Some("move_extents"),
        // Where it writes is known under i_rwsem, and recorded before.
        CallSpec::Pwrite { append: true, .. } => Some("O_APPEND"),
        _ => None,
    }
}
