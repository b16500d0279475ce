//! `diolock prove`.

use super::names::{self, kernel_without};
use super::output::{Out, Tone};
use super::running::Running;
use super::{progress, signals};
use clap::Args;
use diolock::kernel::{Fix, Kernel, Version};
use diolock_verify::engine::EngineName;
use diolock_verify::prove::certificate::{certificate, in_order};
use diolock_verify::prove::concrete::{self, Run};
use diolock_verify::prove::{self, Class, Deadlock, FILE, OfRules, Scene, check::check};
use diolock_verify::report::{lanes, wrap};
use diolock_verify::rule::RuleId;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// `diolock prove`.
#[derive(Debug, Args)]
pub struct Prove {
    /// Calls as litmus files write them, such as "aio_pwrite block=0"; default: all on block 0 for deadlocks, nine
    /// of them for the other rules
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
    /// What no two of any number of tasks break, instead of what they wait for
    #[arg(long)]
    pub rules: bool,
    /// Give up after that many views
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_views: u64,
    /// Write the certificate of a proof that nobody is stuck, or - for standard output
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rules", "json"])]
    pub certificate: Option<PathBuf>,
    /// Check such a certificate
    #[arg(long, value_name = "FILE", conflicts_with_all = ["calls", "kernels", "without", "file", "rules", "max_views", "certificate"])]
    pub check: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// What came of a kernel.
enum Found {
    Deadlock(Scene, Deadlock, Option<Run>),
    Rules(Scene, OfRules, Vec<Option<Run>>),
    /// It gave up, or was stopped.
    Cut(Kernel, String),
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
    let stop = std::sync::Arc::clone(&running.stop);
    let found = diolock_verify::suite::side_by_side(
        scenes,
        jobs,
        &running.stop,
        move |scene: &Scene| found(scene, rules, most, &stop),
        |_, _| bar.inc(1),
    );
    bar.finish_and_clear();
    let found: Vec<Found> = found.into_iter().flatten().collect();
    let ended = found.iter().filter(|one| !matches!(one, Found::Cut(..))).count();
    let stopped = signals::stopped().map(|_| signals::partial(ended, of, "kernels"));
    let mut out = Out::new();
    if !arguments.json {
        stopped.iter().try_for_each(|partial| out.line(partial))?;
    }
    for one in &found {
        match arguments.json {
            true => out.line(&as_json(one).to_string())?,
            false => people(&mut out, one)?,
        }
    }
    match (&stopped, arguments.json) {
        (Some(partial), true) => out.line(&json!({ "partial": partial }).to_string())?,
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

fn scenes(arguments: &Prove) -> miette::Result<Vec<Scene>> {
    let asked = match (&arguments.kernels[..], arguments.rules) {
        ([], true) => vec![Version::V6_12],
        ([], false) => {
            let has = |version: &Version| {
                arguments.without.iter().all(|&fix| Kernel::new(*version).has(fix))
            };
            Version::ALL.into_iter().filter(has).collect()
        }
        (some, _) => some.to_vec(),
    };
    let scene = |version: Version| {
        let kernel = kernel_without(version, &arguments.without)?;
        let calls = match (&arguments.calls[..], arguments.rules) {
            ([], true) => prove::core_calls(version),
            ([], false) => prove::all_calls(version),
            (some, _) => some.to_vec(),
        };
        Scene::new(kernel, &arguments.file, &calls)
            .map_err(|why| miette::miette!("{}: {why}", kernel.version.name()))
    };
    if asked.is_empty() {
        miette::bail!("no kernel has all of these fixes");
    }
    asked.into_iter().map(scene).collect()
}

fn found(scene: &Scene, rules: bool, most: u64, stop: &AtomicBool) -> Found {
    let go_on = |views, _| views < most && !stop.load(Ordering::SeqCst);
    let cut = || Found::Cut(scene.kernel, format!("it gave up after {most} views"));
    if rules {
        let Some(found) = prove::rules(scene, go_on) else { return cut() };
        let runs = found.suspects.iter().map(|suspect| concrete::broken(scene, suspect)).collect();
        return Found::Rules(scene.clone(), found, runs);
    }
    let Some(found) = prove::deadlock(scene, go_on) else { return cut() };
    let run = found.order.is_err().then(|| concrete::stuck(scene, &found)).flatten();
    Found::Deadlock(scene.clone(), found, run)
}

fn people(out: &mut Out, found: &Found) -> miette::Result<()> {
    match found {
        Found::Cut(kernel, why) => {
            out.line(&out.tone(&format!("{kernel}: not proved: {why}"), Tone::Bad))?;
        }
        Found::Deadlock(scene, found, run) => {
            head(out, scene, found.views, found.shared)?;
            of_deadlock(out, scene, found, run.as_ref())?;
        }
        Found::Rules(scene, found, runs) => {
            head(out, scene, found.views, found.shared)?;
            of_rules(out, scene, found, runs)?;
        }
    }
    Ok(())
}

fn head(out: &mut Out, scene: &Scene, views: u64, shared: usize) -> miette::Result<()> {
    let calls: Vec<&str> = scene.templates.iter().map(|template| &template.text[..]).collect();
    let text = format!("{}: any number of {}", scene.kernel, calls.join(" | "));
    wrap(&text, "  ", 100).trim_start().lines().try_for_each(|line| out.line(line))?;
    out.line(&format!("  on a file with {} ({views} views, {shared} shared states)", scene.file))?;
    Ok(())
}

fn of_deadlock(
    out: &mut Out,
    scene: &Scene,
    found: &Deadlock,
    run: Option<&Run>,
) -> miette::Result<()> {
    match &found.order {
        Ok(order) if found.proved() => {
            out.line(
                &out.tone(
                    "  no number of tasks is stuck: every wait goes up this order",
                    Tone::Good,
                ),
            )?;
            out.line(&format!("  {}", in_order(order)))?;
            for &class in order {
                let steps: BTreeSet<String> = found
                    .waits
                    .iter()
                    .filter(|wait| wait.wants == class)
                    .map(|wait| format!("{} {}", wait.function, wait.step))
                    .collect();
                let steps: Vec<String> = steps.into_iter().collect();
                let what = format!("{class}, waited for by {}", steps.join(", "));
                let what = if steps.is_empty() {
                    format!("{class}, held and not waited for")
                } else {
                    what
                };
                wrap(&what, "    ", 100).lines().try_for_each(|line| out.line(line))?;
            }
        }
        Ok(_) => {
            for leak in &found.leaks {
                let text =
                    format!("  not proved: {leak} may return with something that others wait for");
                out.line(&out.tone(&text, Tone::Bad))?;
            }
        }
        Err(cycle) => {
            let word = if run.is_some() { "stuck" } else { "not proved" };
            let names: Vec<String> =
                cycle.iter().chain(cycle.first()).map(Class::to_string).collect();
            out.line(&out.tone(&format!("  {word}: {}", names.join(" -> ")), Tone::Bad))?;
            for (&held, &wanted) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
                if let Some(wait) = found.makers(held, wanted).next() {
                    let whose = if wait.completion { "'s completion" } else { "" };
                    out.line(&format!(
                        "    {held} held, {wanted} waited for: {}{whose} at {} {}",
                        wait.call, wait.function, wait.step
                    ))?;
                }
            }
        }
    }
    if let Some(cut) = found.cut {
        out.line(&out.tone(&format!("  not proved: {cut}"), Tone::Bad))?;
    }
    run.map_or(Ok(()), |run| shown(out, scene, run))
}

fn of_rules(
    out: &mut Out,
    scene: &Scene,
    found: &OfRules,
    runs: &[Option<Run>],
) -> miette::Result<()> {
    for &rule in &found.rules {
        let name = format!("  {:<4}{:<20}", rule.code(), rule.name());
        let place = found.suspects.iter().position(|suspect| suspect.rule == rule);
        let Some(at) = place else {
            let (word, tone) = match found.cut {
                None => ("proved for any number of tasks".to_owned(), Tone::Good),
                Some(why) => (format!("not proved: {why}"), Tone::Bad),
            };
            out.line(&format!("{name}{}", out.tone(&word, tone)))?;
            continue;
        };
        let suspect = &found.suspects[at];
        match &runs[at] {
            Some(run) => {
                let word = format!("violated by {}", run.calls.join(" | "));
                out.line(&format!("{name}{}", out.tone(&word, Tone::Bad)))?;
                shown(out, scene, run)?;
            }
            None => {
                let word = format!("not proved: {}, between", suspect.text);
                out.line(&format!("{name}{}", out.tone(&word, Tone::Bad)))?;
                suspect.view.iter().try_for_each(|user| out.line(&format!("      {user}")))?;
                out.line("      and others; no run of two to four of these calls shows it")?;
            }
        }
    }
    Ok(())
}

/// A run, and the litmus file that shows it.
fn shown(out: &mut Out, scene: &Scene, run: &Run) -> miette::Result<()> {
    let Some(program) = run.program(scene) else { return Ok(()) };
    let text = lanes(&program, EngineName::Graph, &run.report);
    text.lines().chain(run.litmus.lines()).try_for_each(|line| out.line(&format!("    {line}")))?;
    Ok(())
}

fn as_json(found: &Found) -> serde_json::Value {
    let scene_of = |scene: &Scene, views: u64, shared: usize| {
        let calls: Vec<&str> = scene.templates.iter().map(|template| &template.text[..]).collect();
        json!({ "kernel": scene.kernel.to_string(), "file": scene.file, "calls": calls,
                "views": views, "shared_states": shared })
    };
    let mut value = match found {
        Found::Cut(kernel, why) => {
            return json!({ "kernel": kernel.to_string(), "verdict": "not proved", "why": why });
        }
        Found::Deadlock(scene, found, _) => scene_of(scene, found.views, found.shared),
        Found::Rules(scene, found, _) => scene_of(scene, found.views, found.shared),
    };
    let run = |run: &Option<Run>| {
        run.as_ref().map(|run| json!({ "calls": run.calls, "litmus": run.litmus }))
    };
    match found {
        Found::Deadlock(_, found, shown) => {
            let names =
                |classes: &[Class]| classes.iter().map(Class::to_string).collect::<Vec<_>>();
            value["verdict"] = match (found.proved(), shown) {
                (true, _) => "proved",
                (false, Some(_)) => "deadlock",
                (false, None) => "not proved",
            }
            .into();
            value["order"] = json!(found.order.as_deref().ok().map(names));
            value["cycle"] = json!(found.order.as_deref().err().map(|cycle| names(cycle)));
            value["waits"] =
                json!(found.waits.iter().map(|wait| json!({
                "call": wait.call, "completion": wait.completion, "function": wait.function,
                "step": wait.step, "wants": wait.wants.to_string(),
                "holds": names(&wait.holds.iter().copied().collect::<Vec<_>>()),
            })).collect::<Vec<_>>());
            value["returns_with"] = json!(found.leaks);
            value["why"] = json!(found.cut);
            value["run"] = json!(run(shown));
        }
        Found::Rules(_, found, runs) => {
            let rules =
                found.rules.iter().map(|&rule| of_rule(found, runs, rule)).collect::<Vec<_>>();
            value["rules"] = json!(rules);
        }
        Found::Cut(..) => {}
    }
    value
}

fn of_rule(found: &OfRules, runs: &[Option<Run>], rule: RuleId) -> serde_json::Value {
    let at = found.suspects.iter().position(|suspect| suspect.rule == rule);
    let run = at.and_then(|at| runs[at].as_ref());
    let verdict = match (at, run, found.cut) {
        (None, _, None) => "proved",
        (Some(_), Some(_), _) => "violated",
        _ => "not proved",
    };
    let suspect = at.map(|at| &found.suspects[at]);
    json!({
        "rule": rule.code(), "verdict": verdict, "why": found.cut,
        "text": suspect.map(|suspect| &suspect.text), "view": suspect.map(|suspect| &suspect.view),
        "run": run.map(|run| json!({ "calls": run.calls, "litmus": run.litmus })),
    })
}

fn write(out: &mut Out, path: &Path, text: &str) -> miette::Result<()> {
    if path == Path::new("-") {
        text.lines().try_for_each(|line| out.line(line))?;
        return Ok(());
    }
    super::files::write_whole(path, text)
}

/// Checks a certificate.
fn checked(path: &Path) -> miette::Result<ExitCode> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| miette::miette!("{}: {error}", path.display()))?;
    let mut out = Out::new();
    match check(&text) {
        Ok(waits) => {
            let good = format!("accepted: {waits} waits, each up the order, and none is missing");
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
