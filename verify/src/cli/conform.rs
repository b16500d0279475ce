//! `diolock conform`.

use super::args::Conform;
use super::files::write_whole;
use super::names;
use super::output::Out;
use diolock_verify::conform::{
    FileSystem, Journal, Reader, Thread, Verdict, accepted_text, conform, json, rejected_text,
    rejection_svg,
};
use diolock_verify::printable;
use std::fs::File;
use std::process::ExitCode;

/// Judges one recording.
///
/// # Errors
/// If it cannot be read, or holds a line that is no event.
pub fn run(arguments: &Conform) -> miette::Result<ExitCode> {
    let kernel = names::kernel_without(arguments.kernel, &arguments.without)?;
    let path = arguments.trace.display().to_string();
    let opened = if path == "-" {
        Reader::new("standard input", std::io::stdin())
    } else {
        File::open(&arguments.trace).and_then(|file| Reader::new(&path, file))
    };
    let mut reader = opened.map_err(|error| miette::miette!("{path} cannot be read: {error}"))?;
    let journal = match (arguments.no_journal, arguments.data_journal) {
        (true, _) => Journal::None,
        (_, true) => Journal::Data,
        _ => Journal::Metadata,
    };
    let on = FileSystem { kernel, block: arguments.block_size, journal };
    let verdict = conform(&mut reader, on).map_err(|problems| *problems)?;
    let name = |thread: Thread| reader.name(thread).to_owned();
    let named = kernel.to_string();
    let mut out = Out::new();
    let shown = printable::line(&path);
    let (text, object, good) = match &verdict {
        Verdict::Accepted(coverage) => (
            accepted_text(&shown, kernel, coverage, &name),
            json(&path, kernel, Ok(coverage), &name),
            coverage.lacks().is_empty(),
        ),
        Verdict::Rejected(rejection) => {
            if let Some(file) = &arguments.svg {
                write_whole(file, &rejection_svg(&shown, &named, rejection, &name))?;
            }
            let text = rejected_text(&shown, &named, rejection, &name);
            (text, json(&path, kernel, Err(rejection), &name), false)
        }
    };
    let shown = if arguments.json { object.to_string() } else { text.trim_end().to_owned() };
    if arguments.json {
        out.json(&shown)?
    } else {
        out.line(&shown)?
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
