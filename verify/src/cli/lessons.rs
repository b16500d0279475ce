//! `diolock lessons`.

use super::files::write_whole;
use super::output::Out;
use clap::Args;
use diolock_verify::lessons::glossary::Glossary;
use diolock_verify::lessons::lesson::Lesson;
use diolock_verify::lessons::page::{Place, page};
use diolock_verify::lessons::text;
use miette::miette;
use std::path::PathBuf;
use std::process::ExitCode;

/// `diolock lessons`.
#[derive(Debug, Args)]
pub struct Lessons {
    /// Write the pages into this folder
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Writes the pages.
///
/// # Errors
/// If a graph does not fit on a page, or something cannot be written.
pub fn run(arguments: &Lessons) -> miette::Result<ExitCode> {
    let folder = &arguments.out;
    let all = text::all().map_err(|why| miette!("{why}"))?;
    let glossary = Glossary::read();
    std::fs::create_dir_all(folder)
        .map_err(|error| miette!("{} cannot be made: {error}", folder.display()))?;
    let mut out = Out::new();
    for (at, text) in all.iter().enumerate() {
        let lesson = Lesson::new(text.clone())?;
        let html = page(&lesson, &Place { all: &all, at: Some(at) }, &glossary)?;
        let file = folder.join(format!("{}.html", text.name));
        write_whole(&file, &html)?;
        out.line(&format!("{}  {} kB", file.display(), html.len().div_ceil(1000)))?;
    }
    Ok(ExitCode::SUCCESS)
}
