//! `diolock sweep`.

use super::output::{Out, Unwritten};
use super::running::Running;
use super::swept::{differences, people};
use super::{names, progress, signals};
use clap::Args;
use diolock::kernel::{Paging, Version};
use diolock_verify::engine::EngineName;
use diolock_verify::printable;
use diolock_verify::sweep::{self, Diff, Limits, Record, Shard, Sweep as Swept, races};
use std::path::{Path, PathBuf};
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
    /// That many programs, at random; default: all of one or two calls or of a shard, 3000 of three
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub programs: Option<u32>,
    /// Where the random choice starts
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Only programs all of whose calls have one of these names
    #[arg(long = "call", value_name = "CALL", value_delimiter = ',', value_parser = call)]
    pub calls: Vec<String>,
    /// Only on the first N start files; default: on all
    #[arg(long, value_name = "N", default_value_t = sweep::STARTS.len() as u8, value_parser = clap::value_parser!(u8).range(1..=sweep::STARTS.len() as i64))]
    pub files: u8,
    /// How many blocks a page holds: 4, 2 or 1 (races have names for 4)
    #[arg(long, value_name = "N", default_value = "4", value_parser = page_blocks)]
    pub page_blocks: Paging,
    /// Engines: graph, loom, shuttle
    #[arg(long, value_name = "ENGINE", value_delimiter = ',', default_value = "graph,shuttle", value_parser = engine)]
    pub engines: Vec<EngineName>,
    /// graph gives a program up after that many states, and as many more without orders that commute
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_states: u32,
    /// shuttle gives a program up after that many executions, and loom after 100000 at most
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_executions: u32,
    /// Judge programs of three calls too of which two break something by themselves
    #[arg(long)]
    pub supersets: bool,
    /// Programs at a time; default: as many as there are cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Only part I of N of the programs of one kernel, as JSON lines: for --merge
    #[arg(long, value_name = "I/N", requires = "json")]
    pub shard: Option<Shard>,
    /// Print JSON lines: what was asked, a line for each program that breaks something, how it ended
    #[arg(long)]
    pub json: bool,
    /// What became possible on kernel B, and what impossible, since kernel A
    #[arg(long, value_names = ["A", "B"], num_args = 2, value_parser = names::kernel, conflicts_with_all = ["kernels", "shard", "json", "merge"])]
    pub diff: Vec<Version>,
    /// Read all shards of a sweep from these files, and say what the sweep would have said
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["kernels", "tasks", "programs", "seed", "calls", "files", "page_blocks", "engines", "max_states", "max_executions", "supersets", "shard"])]
    pub merge: Vec<PathBuf>,
}

/// An engine that can say that there is nothing.
fn engine(text: &str) -> Result<EngineName, String> {
    match names::engine(text)? {
        EngineName::Native => Err("real threads only sample: graph, loom or shuttle".to_owned()),
        engine => Ok(engine),
    }
}

/// The name of a call that some program has.
fn call(text: &str) -> Result<String, String> {
    let mut known: Vec<&str> =
        sweep::CALLS.iter().filter_map(|call| call.split(' ').next()).collect();
    known.dedup();
    match known.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(names::unknown("call", text, &known)),
    }
}

/// Judges the programs, a kernel after the other; or puts together what was.
pub fn run(arguments: &Sweep) -> miette::Result<ExitCode> {
    let known = races::known().map_err(|why| miette::miette!("the list of races: {why}"))?;
    let running = Running::new()?;
    let records = match &arguments.merge[..] {
        [] => judge(arguments, &running)?,
        files => vec![merge(files)?],
    };
    if let (false, [a, b]) = (arguments.diff.is_empty(), &records[..])
        && [a, b].iter().all(|record| record.ran().0 == record.ran().1)
    {
        let diff = Diff::of(a, b, &known).map_err(|why| miette::miette!("{why}"))?;
        return Ok(differences(&mut Out::new(), &diff)?);
    }
    let swept: Result<Vec<Swept>, String> =
        records.iter().map(|record| Swept::of(record, &known)).collect();
    let mut swept = swept.map_err(|why| miette::miette!("{why}"))?;
    // Whoever reads a part must know from its first line: so nothing is said before the end.
    let mut out = Out::new();
    if arguments.json {
        json(&mut out, &records)?;
    } else {
        let heal =
            |swept: &mut Swept| swept.heal(jobs(arguments), running.exe.clone(), &running.stop);
        swept.iter_mut().for_each(heal);
        let partial =
            records.last().map(|last| (last, last.ran())).filter(|(_, ran)| ran.0 < ran.1);
        let partial = partial.map(|(last, (ran, of))| {
            let name = last.asked().version().map_or("?", Version::name);
            signals::partial(ran, of, &format!("programs of {name}"))
        });
        let (healed, of) =
            swept.iter().map(Swept::healed).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        let unhealed = signals::stopped().filter(|_| healed < of);
        let unhealed = unhealed
            .map(|_| signals::partial(healed, of, "races, of which is said what ends them"));
        let partial = partial.or(unhealed);
        partial.iter().try_for_each(|partial| out.line(partial))?;
        swept.iter().try_for_each(|swept| people(&mut out, swept))?;
        partial.iter().try_for_each(|partial| out.line(partial))?;
    }
    // What a shard found is judged where all are put together.
    let complete = records.iter().map(Record::ran).all(|(ran, of)| ran == of);
    let good = swept.iter().all(Swept::good) || arguments.shard.is_some() && complete;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn jobs(arguments: &Sweep) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    arguments.jobs.map_or_else(cores, usize::from)
}

fn judge(arguments: &Sweep, running: &Running) -> miette::Result<Vec<Record>> {
    let mut records = Vec::new();
    let default = (arguments.tasks == 3 && arguments.shard.is_none()).then_some(3000);
    if arguments.shard.is_some() && arguments.kernels.len() > 1 {
        miette::bail!("a shard is of one kernel: name it with --kernel");
    }
    let kernels = if arguments.diff.is_empty() { &arguments.kernels } else { &arguments.diff };
    for &version in kernels {
        let options = sweep::Options {
            version,
            tasks: usize::from(arguments.tasks),
            programs: arguments.programs.or(default).map(|n| n as usize),
            seed: arguments.seed,
            calls: arguments.calls.clone(),
            files: usize::from(arguments.files),
            paging: arguments.page_blocks,
            shard: arguments.shard.unwrap_or(Shard::WHOLE),
            engines: arguments.engines.clone(),
            limits: Limits {
                states: arguments.max_states as usize,
                executions: u64::from(arguments.max_executions),
            },
            jobs: jobs(arguments),
            supersets: arguments.supersets,
            exe: running.exe.clone(),
        };
        let bar = progress::bar(0);
        bar.set_message(version.name());
        let record = sweep::run(&options, &running.stop, |asked| {
            bar.set_length(asked as u64);
            bar.inc(1);
        });
        bar.finish_and_clear();
        let (ran, of) = record.ran();
        records.push(record);
        if ran < of {
            break;
        }
    }
    Ok(records)
}

fn page_blocks(text: &str) -> Result<Paging, String> {
    let blocks = text.parse().ok().and_then(Paging::of);
    blocks.ok_or_else(|| format!("a page holds 1, 2 or 4 blocks, not `{text}`"))
}

fn merge(files: &[PathBuf]) -> miette::Result<Record> {
    let read = |path: &PathBuf| {
        let name = shown(path);
        let text = std::fs::read_to_string(path)
            .map_err(|error| miette::miette!("{name} cannot be read: {error}"))?;
        Record::read(&text).map_err(|why| miette::miette!("{name}: {why}"))
    };
    let records: miette::Result<Vec<Record>> = files.iter().map(read).collect();
    Record::merge(records?).map_err(|why| miette::miette!("{why}"))
}

fn shown(path: &Path) -> String {
    printable::text(&path.display().to_string()).into_owned()
}

fn json(out: &mut Out, records: &[Record]) -> Result<(), Unwritten> {
    records.iter().try_for_each(|record| out.line(&record.json()?))
}
