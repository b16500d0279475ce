//! What `diolock run` does on Linux.

use super::output::{Out, Tone, Unwritten, say};
use super::run::Run;
use super::{names, progress, signals};
use diolock::kernel::{Kernel, Version};
use diolock_verify::litmus::Litmus;
use diolock_verify::program::Program;
use diolock_verify::real::{self, Allowed, Compared, Line, Place, Seen, Standing};
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What came of one test.
struct Ran {
    litmus: Litmus,
    program: Program,
    allowed: Allowed,
    seen: Seen,
    compared: Compared,
}

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
    let version = match arguments.kernel {
        Some(version) => version,
        None => newest_not_after(&place.release).ok_or_else(|| {
            let release = &place.release;
            miette::miette!(
                help = "name one with --kernel",
                "no kernel modelled is as old as {release}"
            )
        })?,
    };
    let kernel = names::kernel_without(version, &arguments.without)?;
    let unfit = |litmus: &Litmus| why_not(litmus, version);
    if let [litmus] = &litmuses[..]
        && let Some(why) = unfit(litmus)
    {
        return Err(miette::miette!("{} cannot be run here: {why}", litmus.name));
    }
    let stop = Arc::new(AtomicBool::new(false));
    signals::listen(Arc::clone(&stop))?;
    let mut out = Out::new();
    if let Some(warning) = other_kernel(&place.release, version) {
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

/// Why a test cannot be run against that kernel's column.
fn why_not(litmus: &Litmus, version: Version) -> Option<String> {
    real::refused(litmus).or_else(|| litmus.not_modelled_on(version))
}

/// `6.18.44` is 6 and 18.
fn number(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// That of a kernel that was released.
fn number_of(version: Version) -> Option<(u32, u32)> {
    version.name().strip_prefix('v').and_then(number)
}

fn newest_not_after(release: &str) -> Option<Version> {
    let running = number(release)?;
    let all = Version::ALL.into_iter().rev();
    all.into_iter().find(|&version| number_of(version).is_some_and(|of| of <= running))
}

/// What to say if what runs is not what the model's kernel is.
fn other_kernel(release: &str, version: Version) -> Option<String> {
    let (running, of, name) = (number(release)?, number_of(version), version.name());
    (of != Some(running)).then(|| {
        format!(
            "this kernel is {release}, and what is allowed is what {name} allows:\n  what is seen and not allowed may have come \
             between the two"
        )
    })
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
        time: match arguments.rounds {
            Some(_) => Duration::MAX,
            None => Duration::from_secs(u64::from(arguments.seconds)),
        },
        rounds: arguments.rounds,
        seed: arguments.seed,
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

/// One test, as JSON.
#[derive(Serialize)]
struct Json<'a> {
    litmus: &'a str,
    kernel: String,
    running: &'a str,
    block: u64,
    journal: Option<bool>,
    rounds: u32,
    seconds: f64,
    states: usize,
    allowed: usize,
    seen_and_allowed: usize,
    torn: usize,
    not_allowed: usize,
    not_known: usize,
    stuck: String,
    partial: Option<String>,
    outcomes: Vec<JsonLine>,
}

#[derive(Serialize)]
struct JsonLine {
    outcome: String,
    rounds: u32,
    standing: &'static str,
}

#[derive(Serialize)]
struct Refused<'a> {
    litmus: &'a str,
    refused: &'a str,
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Allowed => "allowed",
        Standing::Torn => "torn",
        Standing::Unknown => "not known",
        Standing::NotAllowed => "not allowed",
    }
}

impl Ran {
    fn good(&self) -> bool {
        let seen = |standing| self.compared.seen(standing) == 0;
        let stuck = self.seen.stuck.is_empty() || self.allowed.stuck;
        stuck && seen(Standing::NotAllowed) && seen(Standing::Unknown)
    }

    fn stuck(&self) -> String {
        self.seen.stuck.iter().map(|&task| self.program.names[usize::from(task)].letter).collect()
    }

    fn partial(&self) -> Option<String> {
        signals::stopped().map(|stopped| format!("PARTIAL: {stopped}"))
    }

    fn json<'a>(&'a self, place: &'a Place) -> Json<'a> {
        let line = |line: &Line| JsonLine {
            outcome: line.outcome.words(&self.program),
            rounds: line.rounds,
            standing: word(line.standing),
        };
        Json {
            litmus: &self.litmus.name,
            kernel: self.program.kernel.to_string(),
            running: &place.release,
            block: place.block,
            journal: place.journal,
            rounds: self.seen.rounds,
            seconds: self.seen.time.as_secs_f64(),
            states: self.allowed.states,
            allowed: self.allowed.outcomes.len(),
            seen_and_allowed: self.compared.seen(Standing::Allowed),
            torn: self.compared.seen(Standing::Torn),
            not_allowed: self.compared.seen(Standing::NotAllowed),
            not_known: self.compared.seen(Standing::Unknown),
            stuck: self.stuck(),
            partial: self.partial().or_else(|| self.allowed.partial.clone()),
            outcomes: self.compared.lines.iter().map(line).collect(),
        }
    }

    fn people(&self, out: &mut Out, place: &Place) -> Result<(), Unwritten> {
        if let Some(partial) = self.partial() {
            out.line(&partial)?;
        }
        let (name, kernel) = (&self.litmus.name, self.program.kernel);
        out.line(&format!(
            "{name}: {} rounds on {} in {:.1} s, blocks of {}{}",
            self.seen.rounds,
            place.release,
            self.seen.time.as_secs_f64(),
            place.block,
            if place.journal == Some(false) { ", no journal" } else { "" },
        ))?;
        let names: Vec<&str> = self.program.names[..self.litmus.tasks.len()]
            .iter()
            .map(|name| name.text.as_str())
            .collect();
        out.line(&format!("  {}", names.join(" | ")))?;
        let (seen, all) = (self.compared.seen(Standing::Allowed), self.allowed.outcomes.len());
        let how = match &self.allowed.partial {
            None => {
                format!("{all} outcomes are allowed on {kernel} ({} states)", self.allowed.states)
            }
            Some(why) => {
                format!("{all} outcomes are known to be allowed on {kernel} (given up: {why})")
            }
        };
        out.line(&format!("  {how}, {seen} of them were seen"))?;
        let not_allowed = format!("   SEEN, AND NOT ALLOWED on {kernel}");
        for line in &self.compared.lines {
            let rounds = if line.rounds > 0 { line.rounds.to_string() } else { "-".to_owned() };
            let text = format!("{rounds:>9}  {}", line.outcome.words(&self.program));
            let (note, tone) = match line.standing {
                Standing::Allowed => ("", Tone::Plain),
                Standing::Torn => ("   (in parts of blocks)", Tone::Plain),
                Standing::Unknown => ("   SEEN, AND NOT AMONG WHAT IS KNOWN", Tone::Bad),
                Standing::NotAllowed => (&*not_allowed, Tone::Bad),
            };
            out.line(&out.tone(&format!("{text}{note}"), tone))?;
        }
        if !self.seen.stuck.is_empty() {
            let line = format!("  a round does not end: {} do not come back", self.stuck());
            out.line(&out.tone(&line, Tone::Bad))?;
        }
        let wrong = self.compared.seen(Standing::NotAllowed);
        if wrong > 0 {
            let other = other_kernel(&place.release, kernel.version).is_some();
            let unless = if other { ", or the kernel has changed since" } else { "" };
            let line =
                format!("  {wrong} seen and not allowed on {kernel}: the model is wrong{unless}");
            out.line(&out.tone(&line, Tone::Bad))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_that_is_not_newer_than_the_running_one_is_meant() {
        for (release, version) in [
            ("6.18.44-amd64", Some(Version::V6_12)),
            ("6.12.0", Some(Version::V6_12)),
            ("6.11.9", Some(Version::V6_1)),
            ("5.10.0-44", Some(Version::V5_10)),
            ("3.8.0", Some(Version::V3_7)),
            ("2.6.32", None),
            ("nonsense", None),
        ] {
            assert_eq!(newest_not_after(release), version, "{release}");
        }
        assert_eq!(other_kernel("6.12.117", Version::V6_12), None);
        assert!(other_kernel("6.18.44", Version::V6_12).is_some());
    }
}
