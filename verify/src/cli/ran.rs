//! What `diolock run` does on Linux.

use super::output::{Out, Tone, Unwritten, say};
use super::release::{newest_not_after, other_kernel};
use super::run::Run;
use super::seen::Ran;
use super::{names, progress, signals};
use diolock::kernel::{Kernel, Paging, Version};
use diolock_verify::litmus::Litmus;
use diolock_verify::real::{self, Compared, Place};
use serde::Serialize;
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs each test that can be run, and says which cannot.
pub fn run(arguments: &Run) -> miette::Result<ExitCode> {
    let mut litmuses = names::litmuses(&arguments.litmus)?;
    let place = Place::new(&arguments.dir).map_err(|why| {
        miette::miette!(
            help = "give --dir a directory on a mounted ext4 where you may write",
            "{why}"
        )
    })?;
    // How the file system is made is not for us to choose, but for the model.
    if let Some(journal) = place.journal {
        litmuses.iter_mut().for_each(|litmus| litmus.journal = journal);
    }
    let here = place.paging();
    let written = |litmus: &Litmus| (litmus.name.clone(), litmus.paging);
    let written: HashMap<String, Paging> = litmuses.iter().map(written).collect();
    for litmus in &mut litmuses {
        *litmus = here.map_or_else(|| litmus.clone(), |here| litmus.on_pages(here));
    }
    let version = match arguments.kernel {
        Some(version) => version,
        None => newest_not_after(&place.built_of).ok_or_else(|| {
            let release = &place.release;
            miette::miette!(
                help = "name one with --kernel",
                "no kernel modelled is as old as {release}"
            )
        })?,
    };
    let kernel = names::kernel_without(version, &arguments.without)?;
    let unfit = |litmus: &Litmus| {
        why_paged(written[&litmus.name], here).or_else(|| why_not(litmus, version))
    };
    if let [litmus] = &litmuses[..]
        && let Some(why) = unfit(litmus)
    {
        return Err(miette::miette!("{} cannot be run here: {why}", litmus.name));
    }
    let stop = Arc::new(AtomicBool::new(false));
    signals::listen(Arc::clone(&stop))?;
    let mut out = Out::new();
    if let Some(warning) = other_kernel(&place.built_of, version) {
        match arguments.json {
            true => say(&warning),
            false => out.line(&out.tone(&warning, Tone::Bad))?,
        }
    }
    let (mut good, mut refused, mut ran) = (true, Vec::new(), 0);
    for litmus in &litmuses {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if let Some(why) = unfit(litmus) {
            refused.push((litmus.name.clone(), why));
            continue;
        }
        let one = one(arguments, (litmus, kernel), &place, &stop)?;
        good &= one.good();
        ran += 1;
        match arguments.json {
            true => {
                out.json(&serde_json::to_string(&one.json(&place)).map_err(Unwritten::from)?)?
            }
            false => one.people(&mut out, &place)?,
        }
    }
    for (name, why) in &refused {
        match arguments.json {
            true => {
                let line = Refused { litmus: name, refused: why };
                out.json(&serde_json::to_string(&line).map_err(Unwritten::from)?)?;
            }
            false => out.line(&format!("not run: {name}: {why}"))?,
        }
    }
    if litmuses.len() > 1 && !arguments.json {
        out.line(&format!("{ran} tests run, {} not", refused.len()))?;
    }
    if signals::stopped().is_some() {
        let partial = signals::partial(ran, litmuses.len(), "tests");
        match arguments.json {
            true => say(&partial),
            false => out.line(&partial)?,
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a test of such pages cannot be run where pages are like that. One that says nothing of them is at home wherever
/// the model is.
fn why_paged(written: Paging, here: Option<Paging>) -> Option<String> {
    let Some(here) = here else {
        return Some("a page does not hold 1, 2 or 4 blocks here".to_owned());
    };
    let other = written != Paging::default() && written != here;
    let blocks = |paging: Paging| paging.blocks();
    other.then(|| {
        format!("a page holds {} block(s) here, and {} there", blocks(here), blocks(written))
    })
}

/// Why a test cannot be run against that kernel's column.
fn why_not(litmus: &Litmus, version: Version) -> Option<String> {
    real::refused(litmus).or_else(|| litmus.not_modelled_on(version))
}

fn one(
    arguments: &Run,
    (litmus, kernel): (&Litmus, Kernel),
    place: &Place,
    stop: &AtomicBool,
) -> miette::Result<Ran> {
    let program = litmus.program(kernel);
    let spinner = progress::spinner("states");
    let allowed = real::allowed(&program, litmus.tasks.len(), arguments.max_states as usize, stop);
    spinner.finish_and_clear();
    let options = real::Options {
        time: match (arguments.seconds, arguments.rounds) {
            (None, Some(_)) => Duration::MAX,
            (seconds, _) => Duration::from_secs(u64::from(seconds.unwrap_or(5))),
        },
        rounds: arguments.rounds,
        seed: arguments.seed,
        still: arguments.still,
    };
    let spinner = progress::spinner("rounds");
    let seen =
        real::run(place, litmus, &options, stop, |round| spinner.set_position(u64::from(round)));
    spinner.finish_and_clear();
    let seen =
        seen.map_err(|error| miette::miette!("{} could not be run: {error}", litmus.name))?;
    let compared = Compared::new(&seen.outcomes, &allowed);
    Ok(Ran { litmus: litmus.clone(), program, allowed, seen, compared })
}

/// A test that was not run, as JSON.
#[derive(Serialize)]
struct Refused<'a> {
    litmus: &'a str,
    refused: &'a str,
}
