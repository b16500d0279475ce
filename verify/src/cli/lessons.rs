//! `diolock lessons`.

use super::files::write_whole;
use super::names;
use super::output::Out;
use clap::Args;
use diolock::kernel::Kernel;
use diolock_verify::lessons::free::free_play;
use diolock_verify::lessons::glossary::Glossary;
use diolock_verify::lessons::index::index;
use diolock_verify::lessons::lesson::Lesson;
use diolock_verify::lessons::page::{Place, page};
use diolock_verify::lessons::text;
use diolock_verify::litmus::catalogue;
use miette::miette;
use std::path::PathBuf;
use std::process::ExitCode;

/// `diolock lessons`.
#[derive(Debug, Args)]
pub struct Lessons {
    /// Write the pages into this folder: open its index.html
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Free play as well: a page for this litmus test, a name or a path (may be repeated)
    #[arg(long, value_name = "LITMUS")]
    pub play: Vec<String>,
    /// Free play on this kernel, such as v3.7 or v3.7-1f555cfa29e8; default: the newest that the test expects to fail
    #[arg(long, value_name = "V", value_parser = names::kernel_less, requires = "play")]
    pub kernel: Option<Kernel>,
    /// … and then on this one; default: the newest that the test expects not to fail
    #[arg(long, value_name = "V", value_parser = names::kernel_less, requires = "play")]
    pub against: Option<Kernel>,
}

/// Writes the pages.
///
/// # Errors
/// If a graph does not fit on a page, or something cannot be written.
pub fn run(arguments: &Lessons) -> miette::Result<ExitCode> {
    let folder = &arguments.out;
    let all = text::all().map_err(|why| miette!("{why}"))?;
    let glossary = Glossary::read();
    // What is asked for by name may be refused: first of all.
    let played = arguments
        .play
        .iter()
        .map(|name| free_play(names::litmus(name)?, arguments.kernel, arguments.against));
    let played = played.collect::<miette::Result<Vec<Lesson>>>()?;
    let mut pages = Vec::new();
    for lesson in &played {
        let html = page(lesson, &Place { all: &all, at: None }, &glossary)?;
        pages.push((lesson.text.name.clone(), html));
    }
    for (at, text) in all.iter().enumerate() {
        let lesson = Lesson::new(text.clone())?;
        let html = page(&lesson, &Place { all: &all, at: Some(at) }, &glossary)?;
        pages.push((text.name.clone(), html));
    }
    let free: Vec<_> =
        played.iter().map(|lesson| (lesson.text.name.clone(), lesson.text.title.clone())).collect();
    pages.push(("index".to_owned(), index(&all, &free, &catalogue::all()?, &glossary)));
    std::fs::create_dir_all(folder)
        .map_err(|error| miette!("{} cannot be made: {error}", folder.display()))?;
    let mut out = Out::new();
    for (name, html) in pages {
        let file = folder.join(format!("{name}.html"));
        write_whole(&file, &html)?;
        out.line(&format!("{}  {} kB", file.display(), html.len().div_ceil(1000)))?;
    }
    out.line(&format!("open {}", folder.join("index.html").display()))?;
    Ok(ExitCode::SUCCESS)
}
