//! What `diolock confirm` does on Linux.

use super::confirm::Confirm;
use super::guest::{Guest, Told};
use super::held::{Found, Wanted};
use super::judged::Judged;
use super::output::{Out, Unwritten};
use super::running::Running;
use super::{names, replay, which};
use diolock::op::TaskId;
use diolock_verify::confirm::{Driver, Forced, Image, Plan, Rsp, plan};
use diolock_verify::engine::graph::{self, Cost};
use diolock_verify::explain::{Ending, closing, follow, is_bad, shorten};
use diolock_verify::litmus::Litmus;
use diolock_verify::program::Program;
use diolock_verify::real;
use diolock_verify::report::waits_words;
use diolock_verify::schedule::{self, End};
use diolock_verify::verdict::{Report, Verdict};
use miette::miette;
use std::process::ExitCode;

/// Holds a kernel to a schedule.
pub fn run(arguments: &Confirm) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.litmus)?;
    which::modelled(&litmus, arguments.kernel)?;
    if let Some(why) = real::refused(&litmus) {
        miette::bail!("{} cannot be carried out: {why}", litmus.name);
    }
    let wanted = wanted(arguments, &litmus)?;
    let tasks = litmus.tasks.len();
    let letter = |task: TaskId| wanted.program.names[usize::from(task)].letter;
    let plan = plan(&wanted.program, tasks, &wanted.events, wanted.blocked.as_ref())
        .map_err(|why| miette!("{} on {}: {why}", litmus.name, wanted.program.kernel))?;
    let lines = plan.words(&wanted.program, |waiting| waits_words(waiting, &letter));
    let mut out = Out::new();
    if !arguments.json {
        out.line(&format!(
            "{} on {}, by the schedule of {}",
            litmus.name, wanted.program.kernel, wanted.of
        ))?;
        lines.iter().try_for_each(|line| out.line(&format!("  {line}")))?;
    }
    if arguments.plan {
        return Ok(ExitCode::SUCCESS);
    }
    let guest = Guest::boot(arguments, &litmus)?;
    let (forced, told) = drive(arguments, &litmus, &plan, guest)?;
    let found = Found::new(&wanted, tasks, &plan, &forced, &told);
    let judged = Judged::new(&told, &litmus, wanted.program.kernel, arguments.block)?;
    if arguments.json {
        let json = found.json(&litmus, &wanted, (&lines, &judged), &told);
        out.json(&serde_json::to_string(&json).map_err(Unwritten::from)?)?;
    } else {
        found.people(&mut out, &told)?;
        judged.people(&mut out)?;
    }
    Ok(if found.good() && judged.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The schedule asked for; the counterexample; or, where there is none, that of the kernel without a fix, as far as this one
/// lets it go.
fn wanted(arguments: &Confirm, litmus: &Litmus) -> miette::Result<Wanted> {
    let kernel = names::kernel_without(arguments.kernel, &arguments.without)?;
    let program = litmus.program(kernel);
    if let Some(given) = &arguments.schedule {
        let replay = schedule::replay(&program, &replay::read(given, litmus)?);
        let blocked = match replay.end {
            End::Blocked { waiting, .. } => Some(waiting),
            _ => None,
        };
        return Ok(Wanted { program, of: kernel, events: replay.run.events, blocked });
    }
    let events_of = |report: &Report| {
        report.counterexample.as_ref().map(|found| found.events.clone()).unwrap_or_default()
    };
    let failing = |program: &Program| {
        let mut report = graph::run(program, graph::Options::default());
        shorten(program, &mut report, Cost::Switches);
        report
    };
    let report = failing(&program);
    if is_bad(&report.verdict) {
        return Ok(Wanted { events: events_of(&report), program, of: kernel, blocked: None });
    }
    let buggy = if let Some(fix) = arguments.fix {
        let without = [&arguments.without[..], &[fix]].concat();
        litmus.program(names::kernel_without(arguments.kernel, &without)?)
    } else {
        let running = Running::new()?;
        match closing(litmus, &program, &report, &running.exe) {
            Ending::Closed(closing) if closing.buggy.kernel.version == arguments.kernel => {
                closing.buggy.clone()
            }
            _ => miette::bail!(
                "{} does not fail on {kernel}, with or without any one of its fixes",
                litmus.name
            ),
        }
    };
    let (of, report) = (buggy.kernel, failing(&buggy));
    if !matches!(report.verdict, Verdict::Violated(_)) {
        miette::bail!(
            "{} does not fail on {of}: there is no schedule to hold {kernel} to",
            litmus.name
        );
    }
    let followed = follow(&buggy, &events_of(&report), &program);
    Ok(Wanted { program, of, events: followed.run.events, blocked: followed.blocked })
}

/// What became of each round, and what the guest said of them all.
fn drive(
    arguments: &Confirm,
    litmus: &Litmus,
    plan: &Plan,
    mut guest: Guest,
) -> miette::Result<(Vec<Forced>, Told)> {
    let image = Image::new(&guest.symbols()?, guest.offsets()).map_err(|why| miette!("{why}"))?;
    let tasks: Vec<_> = litmus.tasks.iter().map(|task| (task.letter, &task.calls[..])).collect();
    let calls: Vec<usize> = litmus.tasks.iter().map(|task| task.calls.len()).collect();
    let broken = |error: std::io::Error| miette!("the machine could not be driven: {error}");
    let rsp = Rsp::connect(guest.socket()).map_err(broken)?;
    let mut driver = Driver::new(rsp, &image, &tasks).map_err(broken)?;
    let mut forced = Vec::new();
    for _ in 0..arguments.rounds {
        forced.push(driver.round(&plan.legs, &calls).map_err(broken)?);
    }
    driver.finish().map_err(broken)?;
    Ok((forced, guest.told()?))
}
