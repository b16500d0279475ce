//! What `diolock confirm` does on Linux.

use super::confirm::Confirm;
use super::guest::{Guest, Told};
use super::output::{Out, Tone, Unwritten};
use super::running::Running;
use super::{names, replay, which};
use diolock::kernel::{Kernel, Version};
use diolock::op::{LockName, TaskId};
use diolock_verify::confirm::{Driver, Forced, Image, Leg, Plan, Rsp, Slept, Until, plan};
use diolock_verify::engine::graph::{self, Cost};
use diolock_verify::explain::{Ending, closing, follow, is_bad, shorten};
use diolock_verify::litmus::Litmus;
use diolock_verify::program::{Event, Program, Waiting};
use diolock_verify::real;
use diolock_verify::report::waits_words;
use diolock_verify::schedule::{self, End};
use diolock_verify::verdict::{Report, Verdict};
use miette::miette;
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// The run that the kernel is held to.
struct Wanted {
    program: Program,
    /// Whose schedule it is.
    of: Kernel,
    events: Vec<Event>,
    blocked: Option<Waiting>,
}

/// What is said in the end.
#[derive(Serialize)]
struct Json<'a> {
    litmus: &'a str,
    kernel: String,
    schedule_of: String,
    machine: &'a str,
    plan: &'a [String],
    rounds: usize,
    as_the_model_says: usize,
    model: String,
    real: BTreeMap<String, usize>,
}

/// Holds a kernel to a schedule.
pub fn run(arguments: &Confirm) -> miette::Result<ExitCode> {
    let litmus = names::litmus(&arguments.litmus)?;
    which::modelled(&litmus, arguments.kernel)?;
    if !matches!(arguments.kernel, Version::V6_1 | Version::V6_12) {
        miette::bail!("Debian has no {} to boot: v6.1 or v6.12", arguments.kernel.name());
    }
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
    if arguments.json {
        let json = found.json(&litmus, &wanted, &lines, &told);
        out.json(&serde_json::to_string(&json).map_err(Unwritten::from)?)?;
    } else {
        found.people(&mut out, &told)?;
    }
    Ok(if found.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The schedule asked for; the counterexample; or, where there is none, that of the kernel without a fix, as far as this one
/// lets it go.
fn wanted(arguments: &Confirm, litmus: &Litmus) -> miette::Result<Wanted> {
    let kernel = Kernel::new(arguments.kernel);
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
    let (of, buggy, report) = if arguments.without.is_empty() {
        let running = Running::new()?;
        match closing(litmus, &program, &report, &running.exe) {
            Ending::Closed(closing) if closing.buggy.kernel.version == arguments.kernel => {
                (closing.buggy.kernel, closing.buggy.clone(), failing(&closing.buggy))
            }
            _ => miette::bail!(
                "{} does not fail on {kernel}, with or without any one of its fixes",
                litmus.name
            ),
        }
    } else {
        let of = names::kernel_without(arguments.kernel, &arguments.without)?;
        let buggy = litmus.program(of);
        (of, buggy.clone(), failing(&buggy))
    };
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

/// What was found beside what the model says.
struct Found {
    rounds: usize,
    /// What the model says.
    model: String,
    /// In how many rounds it was so.
    good: usize,
    /// What was so, and how often.
    real: BTreeMap<String, usize>,
}

impl Found {
    fn new(wanted: &Wanted, tasks: usize, plan: &Plan, forced: &[Forced], told: &Told) -> Found {
        let letter = |task: TaskId| wanted.program.names[usize::from(task)].letter;
        let mut real = BTreeMap::new();
        let mut note = |what: String| *real.entry(what).or_insert(0) += 1;
        let (model, good) = match &wanted.blocked {
            Some(waiting) => {
                let good = forced.iter().filter(|forced| refused_so(plan, forced, waiting)).count();
                (
                    format!(
                        "{} {} in {}",
                        letter(waiting.task),
                        waits_words(waiting, &letter),
                        waiting.place.kernel
                    ),
                    good,
                )
            }
            None => {
                let outcome = real::predicted(&wanted.program, tasks, &wanted.events);
                let words = outcome.map_or("somebody waits for ever".to_owned(), |outcome| {
                    outcome.words(&wanted.program)
                });
                let good = told.outcomes.get(&words).copied().unwrap_or(0);
                (words, good)
            }
        };
        for forced in forced {
            match forced {
                Forced::Refused(_, slept) => {
                    note(format!("{} {}", letter(slept.task), sleeps(slept)))
                }
                Forced::Passed(leg) => {
                    note(format!(
                        "{} returned without having come there (leg {})",
                        letter(plan.legs[*leg].task),
                        leg + 1
                    ));
                }
                Forced::ToTheEnd => {}
            }
        }
        if wanted.blocked.is_none() {
            real.extend(told.outcomes.clone());
        }
        Found { rounds: forced.len(), model, good, real }
    }

    fn good(&self) -> bool {
        self.good * 10 >= self.rounds * 9
    }

    fn people(&self, out: &mut Out, told: &Told) -> miette::Result<()> {
        out.line(&format!("model: {}", self.model))?;
        out.line(&format!("{}, {} rounds:", told.machine, self.rounds))?;
        for (what, count) in &self.real {
            out.line(&format!("{count:>6}  {what}"))?;
        }
        let tone = if self.good() { Tone::Plain } else { Tone::Bad };
        out.line(
            &out.tone(&format!("as the model says in {} of {}", self.good, self.rounds), tone),
        )?;
        Ok(())
    }

    fn json<'a>(
        &self,
        litmus: &'a Litmus,
        wanted: &Wanted,
        plan: &'a [String],
        told: &'a Told,
    ) -> Json<'a> {
        Json {
            litmus: &litmus.name,
            kernel: wanted.program.kernel.to_string(),
            schedule_of: wanted.of.to_string(),
            machine: &told.machine,
            plan,
            rounds: self.rounds,
            as_the_model_says: self.good,
            model: self.model.clone(),
            real: self.real.clone(),
        }
    }
}

/// Whether a task sleeps where the model says that it has to wait.
fn refused_so(plan: &Plan, forced: &Forced, waiting: &Waiting) -> bool {
    use diolock::inode::Blocked;
    let Forced::Refused(leg, slept) = forced else { return false };
    let last = matches!(plan.legs.get(*leg), Some(Leg { until: Until::Blocked(_), .. }));
    let on_stack = |names: &[&str]| {
        slept.stack.iter().any(|function| names.iter().any(|name| function.contains(name)))
    };
    let there = match &waiting.blocked {
        Blocked::Lock { lock: LockName::PageLock, .. } => on_stack(&["folio_wait", "folio_lock"]),
        Blocked::Lock { lock, .. } => slept.lock == Some(*lock),
        Blocked::DioCount(_) => on_stack(&["inode_dio_wait"]),
        Blocked::TransactionLocked => on_stack(&["wait_transaction"]),
        _ => false,
    };
    last && slept.task == waiting.task && there
}

/// In words: `sleeps in down_write(invalidate_lock) < ext4_punch_hole < ext4_fallocate`.
fn sleeps(slept: &Slept) -> String {
    let lock = slept.lock.map(|lock| format!(" for {}", lock.name())).unwrap_or_default();
    let functions: Vec<&str> = slept.stack.iter().map(String::as_str).take(5).collect();
    format!("sleeps{lock} in {}", functions.join(" < "))
}
