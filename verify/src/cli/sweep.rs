//! `diolock sweep`.

use super::output::{Out, Tone, Unwritten};
use super::running::Running;
use super::{names, progress, signals};
use clap::Args;
use diolock::kernel::Version;
use diolock_verify::engine::EngineName;
use diolock_verify::sweep::{self, Limits, Sweep as Swept, races};
use std::process::ExitCode;

/// `diolock sweep`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// On these kernels
    #[arg(long = "kernel", value_name = "V", value_delimiter = ',', default_value = "v6.12,v6.1,v5.4,v3.7", value_parser = names::kernel)]
    pub kernels: Vec<Version>,
    /// Calls of a program
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub tasks: u8,
    /// That many programs, at random; default: all of one or two calls, 3000 of three
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub programs: Option<u32>,
    /// Where the random choice starts
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Engines: graph, loom, shuttle
    #[arg(long, value_name = "ENGINE", value_delimiter = ',', default_value = "graph,shuttle", value_parser = engine)]
    pub engines: Vec<EngineName>,
    /// graph gives a program up after that many states
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_states: u32,
    /// shuttle gives a program up after that many executions, and loom after 100000 at most
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_executions: u32,
}

/// An engine that can say that there is nothing.
fn engine(text: &str) -> Result<EngineName, String> {
    match names::engine(text)? {
        EngineName::Native => Err("real threads only sample: graph, loom or shuttle".to_owned()),
        engine => Ok(engine),
    }
}

/// Judges the programs, a kernel after the other.
pub fn run(arguments: &Sweep) -> miette::Result<ExitCode> {
    let known = races::known().map_err(|why| miette::miette!("the list of races: {why}"))?;
    let running = Running::new()?;
    let mut all = Vec::new();
    let default = (arguments.tasks == 3).then_some(3000);
    for &version in &arguments.kernels {
        let options = sweep::Options {
            version,
            tasks: usize::from(arguments.tasks),
            programs: arguments.programs.or(default).map(|n| n as usize),
            seed: arguments.seed,
            engines: arguments.engines.clone(),
            limits: Limits {
                states: arguments.max_states as usize,
                executions: u64::from(arguments.max_executions),
            },
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            exe: running.exe.clone(),
        };
        let bar = progress::bar(0);
        bar.set_message(version.name());
        let swept = sweep::run(&options, &known, &running.stop, |asked| {
            bar.set_length(asked as u64);
            bar.inc(1);
        });
        bar.finish_and_clear();
        let stopped = swept.not_run > 0;
        all.push(swept);
        if stopped {
            break;
        }
    }
    // Whoever reads a part must know from its first line: so nothing is said before the end.
    let mut out = Out::new();
    let partial = all.last().filter(|last| last.not_run > 0).map(|last| {
        let (ran, of) = (last.programs, last.programs + last.not_run);
        signals::partial(ran, of, &format!("programs of {}", last.version.name()))
    });
    partial.iter().try_for_each(|partial| out.line(partial))?;
    all.iter().try_for_each(|swept| people(&mut out, swept, usize::from(arguments.tasks)))?;
    partial.iter().try_for_each(|partial| out.line(partial))?;
    let good = all.iter().all(Swept::good);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn people(out: &mut Out, swept: &Swept, tasks: usize) -> Result<(), Unwritten> {
    let name = swept.version.name();
    let costs: Vec<String> = swept
        .costs
        .iter()
        .map(|&(engine, cost)| match engine {
            EngineName::Graph => format!("graph {cost} states"),
            _ => format!("{} {cost} executions", engine.name()),
        })
        .collect();
    out.line(&format!(
        "{name}: {} programs of {tasks} call(s), {} of them break something ({})",
        swept.programs,
        swept.violating,
        costs.join(", ")
    ))?;
    for ((test, what), found) in &swept.races {
        let line = format!("{:>7}  {what:<8} {test}   {}", found.programs, found.part.line());
        out.line(&line)?;
    }
    for (reason, count) in &swept.not_stated {
        out.line(&format!("{count:>7}  not stated: {reason}"))?;
    }
    for group in swept.groups() {
        let Some(((what, part), found)) = group.first() else { continue };
        let programs: usize = group.iter().map(|one| one.1.programs).sum();
        let head = format!("{programs:>7}  {what:<8} UNEXPLAINED: {}", found.text);
        out.line(&out.tone(&head, Tone::Bad))?;
        for line in swept.litmus_text(what, part).lines() {
            out.line(&format!("    {line}"))?;
        }
        for ((_, part), _) in &group[1..] {
            out.line(&format!("    # as well: {}", part.line()))?;
        }
    }
    for (word, doubts) in
        [("CONTRADICTION", &swept.contradictions), ("NOT DECIDED", &swept.undecided)]
    {
        for doubt in doubts {
            let line = format!("{word}: {}: {}", doubt.why, doubt.part.line());
            out.line(&out.tone(&line, Tone::Bad))?;
        }
    }
    let sum = format!(
        "{name}: {} named races, {} unexplained, {} contradictions, {} not decided",
        swept.races.len(),
        swept.unexplained.len(),
        swept.contradictions.len(),
        swept.undecided.len()
    );
    out.line(&out.tone(&sum, if swept.good() { Tone::Good } else { Tone::Bad }))
}
