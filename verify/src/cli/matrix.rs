//! `diolock matrix`.

use super::files::{check_writable, write_whole};
use super::output::{Out, say};
use super::running::Running;
use super::{names, progress, signals};
use clap::Args;
use diolock_verify::engine::EngineName;
use diolock_verify::litmus::catalogue;
use diolock_verify::matrix::{self, Progress};
use diolock_verify::suite;
use std::path::PathBuf;
use std::process::ExitCode;

/// `diolock matrix`.
#[derive(Debug, Args)]
pub struct Matrix {
    /// Only the litmus tests of a race
    #[arg(long)]
    pub races: bool,
    /// Engines that are asked about kernels as released
    #[arg(
        long = "engine",
        value_name = "ENGINE",
        value_delimiter = ',',
        default_value = "graph,loom,shuttle",
        value_parser = names::engine
    )]
    pub engines: Vec<EngineName>,
    /// Write it as one HTML file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long, conflicts_with_all = ["markdown", "html"])]
    pub json: bool,
    /// Print it in Markdown, as verify/docs/races.md has it
    #[arg(long, conflicts_with = "html")]
    pub markdown: bool,
}

/// Runs the whole catalogue and prints both tables.
pub fn run(arguments: &Matrix) -> miette::Result<ExitCode> {
    if let Some(file) = &arguments.html {
        check_writable(file)?;
    }
    let mut litmuses = catalogue::all()?;
    if arguments.races {
        litmuses.retain(|litmus| litmus.bug.is_some());
    }
    let mut engines = arguments.engines.clone();
    engines.sort_unstable();
    engines.dedup();
    if suite::plan(&litmuses, &engines, &[], &[]).is_empty() {
        miette::bail!("nothing to run: no litmus test fits this choice");
    }
    let running = Running::new()?;
    let jobs = running.survey().jobs;
    let suite = suite::Options {
        jobs,
        strategy: None,
        reduced: false,
        max_states: suite::MAX_STATES,
        exe: running.exe.clone(),
    };
    let bar = progress::bar(0);
    let mut tell = |progress: Progress| match progress {
        Progress::More(runs) => bar.inc_length(runs as u64),
        Progress::Done(name) => {
            bar.set_message(name.to_owned());
            bar.inc(1);
        }
    };
    let options = matrix::Options { engines, suite };
    let matrix = matrix::run(&litmuses, &options, &running.stop, &mut tell);
    bar.finish_and_clear();
    let mut out = Out::new();
    let (ran, planned) = (matrix.ran, matrix.planned);
    let partial = (!matrix.complete()).then(|| signals::partial(ran, planned, "runs"));
    if let Some(file) = &arguments.html {
        write_whole(file, &matrix::html(&matrix))?;
        out.line(&match partial {
            Some(partial) => format!("{partial}; wrote {}", file.display()),
            None => format!("wrote {}", file.display()),
        })?;
    } else if arguments.json {
        matrix::json(&matrix).iter().try_for_each(|line| out.json(line))?;
        if let Some(partial) = partial {
            say(&partial);
        }
    } else {
        let whole =
            if arguments.markdown { matrix::markdown(&matrix) } else { matrix::text(&matrix) };
        let frame = partial.filter(|_| signals::stopped().is_some());
        let frame = frame.as_deref();
        frame.map_or(Ok(()), |partial| out.line(partial))?;
        out.line(whole.trim_end())?;
        frame.map_or(Ok(()), |partial| out.line(partial))?;
    }
    let ok = matrix.ok();
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
