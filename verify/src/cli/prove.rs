//! `diolock prove`.

use super::names::{self, kernel_without};
use super::output::{Out, Tone, say};
use super::proved::{Found, as_json, people};
use super::running::Running;
use super::{files, progress, signals};
use clap::Args;
use diolock::kernel::{Fix, Kernel, Version};
use diolock_verify::litmus::{Litmus, catalogue};
use diolock_verify::prove::certificate::certificate;
use diolock_verify::prove::concrete;
use diolock_verify::prove::{self, FILE, Scene, check::check};
use diolock_verify::suite::side_by_side;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// `diolock prove`.
#[derive(Debug, Args)]
pub struct Prove {
    /// Calls as litmus files write them, such as "aio_pwrite block=0"; default: seventeen on block 0 for deadlocks,
    /// nine of them for the rules
    #[arg(value_name = "CALL")]
    pub calls: Vec<String>,
    /// On these kernels; default: all, with `--rules` v6.12
    #[arg(long = "kernel", value_name = "V", value_delimiter = ',', value_parser = names::kernel)]
    pub kernels: Vec<Version>,
    /// Without the fix of this commit (may be repeated)
    #[arg(long, value_name = "COMMIT", value_delimiter = ',', value_parser = names::fix)]
    pub without: Vec<Fix>,
    /// The file that they meet on, as litmus files write it
    #[arg(long, value_name = "FILE", default_value = FILE)]
    pub file: String,
    /// The calls and the file of this litmus test: a name, or the path of a TOML file
    #[arg(long, value_name = "LITMUS", conflicts_with_all = ["calls", "file"])]
    pub litmus: Option<String>,
    /// What no two of any number of tasks break, instead of what they wait for
    #[arg(long)]
    pub rules: bool,
    /// Give up after that many views
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_views: u64,
    /// Write the certificate of a proof that nobody is stuck, or - for standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rules", "json", "litmus"])]
    pub certificate: Option<PathBuf>,
    /// Check such a certificate
    #[arg(long, value_name = "FILE", conflicts_with_all = ["calls", "kernels", "without", "file", "litmus", "rules", "max_views", "certificate"])]
    pub check: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Proves, a kernel after the other; as many at a time as there are processors.
pub fn run(arguments: &Prove) -> miette::Result<ExitCode> {
    if let Some(path) = &arguments.check {
        return checked(path);
    }
    let scenes = scenes(arguments)?;
    if arguments.certificate.is_some() && scenes.len() != 1 {
        miette::bail!("a certificate is of one kernel: say which with --kernel");
    }
    let running = Running::new()?;
    let of = scenes.len();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let (rules, most, bar) = (arguments.rules, arguments.max_views, progress::bar(of));
    let stop = Arc::clone(&running.stop);
    let found = side_by_side(
        scenes,
        jobs,
        &running.stop,
        move |scene: &Scene| found(scene, rules, most, &stop),
        |_, _| bar.inc(1),
    );
    bar.finish_and_clear();
    let failed = found.iter().any(Option::is_none) && signals::stopped().is_none();
    let found: Vec<Found> = found.into_iter().flatten().collect();
    if failed {
        miette::bail!("a proof broke off: see above");
    }
    let ended = found.iter().filter(|one| !matches!(one, Found::Cut(..))).count();
    let stopped = signals::stopped().map(|_| signals::partial(ended, of, "kernels"));
    let mut out = Out::new();
    if !arguments.json {
        stopped.iter().try_for_each(|partial| out.line(partial))?;
    }
    for one in &found {
        match arguments.json {
            true => out.line(&as_json(one).to_string())?,
            false => people(&mut out, one, &left_out(arguments, one))?,
        }
    }
    match (&stopped, arguments.json) {
        (Some(partial), true) => say(partial),
        (Some(partial), false) => out.line(partial)?,
        (None, _) => {}
    }
    if let (Some(path), [Found::Deadlock(scene, found, _)]) = (&arguments.certificate, &found[..]) {
        match certificate(scene, found) {
            Some(text) => write(&mut out, path, &text)?,
            None => miette::bail!("there is no certificate: nothing was proved"),
        }
    }
    let proved = found.iter().all(|one| match one {
        Found::Deadlock(_, found, _) => found.proved(),
        Found::Rules(_, found, _) => found.cut.is_none() && found.suspects.is_empty(),
        Found::Cut(..) => false,
    });
    Ok(if proved && stopped.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The calls that were left out because nobody named any.
fn left_out(arguments: &Prove, found: &Found) -> Vec<String> {
    match found {
        Found::Deadlock(scene, ..) if arguments.calls.is_empty() && arguments.litmus.is_none() => {
            prove::left_out(scene.kernel.version)
        }
        _ => Vec::new(),
    }
}

fn scenes(arguments: &Prove) -> miette::Result<Vec<Scene>> {
    let litmus = arguments.litmus.as_deref().map(catalogue::find).transpose()?;
    let asked = match (&arguments.kernels[..], arguments.rules) {
        ([], true) => vec![Version::V6_12],
        ([], false) => {
            let has = |version: &Version| {
                let modelled = |litmus: &Litmus| litmus.not_modelled_on(*version).is_none();
                arguments.without.iter().all(|&fix| Kernel::new(*version).has(fix))
                    && litmus.as_ref().is_none_or(modelled)
            };
            Version::ALL.into_iter().filter(has).collect()
        }
        (some, _) => some.to_vec(),
    };
    let scene = |version: Version| {
        let kernel = kernel_without(version, &arguments.without)?;
        let wrong = |why| miette::miette!("{}: {why}", kernel.version.name());
        if let Some(litmus) = &litmus {
            if let Some(why) = litmus.not_modelled_on(version) {
                return Err(wrong(why));
            }
            return Scene::of_litmus(kernel, litmus).map_err(wrong);
        }
        let calls = match (&arguments.calls[..], arguments.rules) {
            ([], true) => prove::core_calls(version),
            ([], false) => prove::all_calls(version),
            (some, _) => some.to_vec(),
        };
        Scene::new(kernel, &arguments.file, &calls).map_err(wrong)
    };
    if asked.is_empty() {
        miette::bail!("no kernel has all of these fixes and calls");
    }
    asked.into_iter().map(scene).collect()
}

fn found(scene: &Scene, rules: bool, most: u64, stop: &AtomicBool) -> Found {
    let go_on = |views, _| views < most && !stop.load(Ordering::SeqCst);
    let cut = || Found::Cut(scene.kernel, format!("it gave up after {most} views"));
    if rules {
        let Some(found) = prove::rules(scene, go_on) else { return cut() };
        let runs = found.suspects.iter().map(|suspect| concrete::broken(scene, suspect)).collect();
        return Found::Rules(Box::new(scene.clone()), found, runs);
    }
    let Some(found) = prove::deadlock(scene, go_on) else { return cut() };
    let run = found.order.is_err().then(|| concrete::stuck(scene, &found)).flatten();
    let run = run.map(Box::new);
    Found::Deadlock(Box::new(scene.clone()), found, run)
}

fn write(out: &mut Out, path: &Path, text: &str) -> miette::Result<()> {
    if path == Path::new("-") {
        text.lines().try_for_each(|line| out.line(line))?;
        return Ok(());
    }
    files::write_whole(path, text)
}

/// Checks a certificate.
fn checked(path: &Path) -> miette::Result<ExitCode> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| miette::miette!("{}: {error}", path.display()))?;
    let mut out = Out::new();
    match check(&text) {
        Ok(waits) => {
            let good = format!(
                "accepted: {waits} waits, each up the order; runs of up to three of its calls come to no other"
            );
            out.line(&out.tone(&good, Tone::Good))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(rejected) => {
            let place =
                if rejected.line > 0 { format!(", line {}", rejected.line) } else { String::new() };
            let bad = format!("rejected: {}{place}: {}", path.display(), rejected.why);
            out.line(&out.tone(&bad, Tone::Bad))?;
            Ok(ExitCode::FAILURE)
        }
    }
}
