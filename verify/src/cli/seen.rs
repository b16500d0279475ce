//! What came of a litmus test that was carried out: for people, and as JSON.

use super::output::{Out, Tone, Unwritten};
use super::release::other_kernel;
use super::signals;
use diolock_verify::litmus::Litmus;
use diolock_verify::program::Program;
use diolock_verify::real::{Allowed, Compared, Line, Place, Seen, Standing};
use serde::Serialize;

/// What came of one test.
pub struct Ran {
    /// The test.
    pub litmus: Litmus,
    /// On the kernel that it was held against.
    pub program: Program,
    /// What the model allows.
    pub allowed: Allowed,
    /// What was seen.
    pub seen: Seen,
    /// Both side by side.
    pub compared: Compared,
}

/// One test, as JSON.
#[derive(Serialize)]
pub struct Json<'a> {
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

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Allowed => "allowed",
        Standing::Torn => "torn",
        Standing::Unknown => "not known",
        Standing::NotAllowed => "not allowed",
    }
}

impl Ran {
    /// Whether all that was seen is allowed.
    pub fn good(&self) -> bool {
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

    /// As JSON.
    pub fn json<'a>(&'a self, place: &'a Place) -> Json<'a> {
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

    /// For people.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn people(&self, out: &mut Out, place: &Place) -> Result<(), Unwritten> {
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
            let other = other_kernel(&place.built_of, kernel.version).is_some();
            let unless = if other { ", or the kernel has changed since" } else { "" };
            let line =
                format!("  {wrong} seen and not allowed on {kernel}: the model is wrong{unless}");
            out.line(&out.tone(&line, Tone::Bad))?;
        }
        Ok(())
    }
}
