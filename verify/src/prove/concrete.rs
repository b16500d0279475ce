//! A run that shows what an abstract state only suggests.

use super::calls::choices;
use super::deadlock::Deadlock;
use super::rules::Suspect;
use super::scene::Scene;
use crate::engine::graph;
use crate::litmus::parse::parse;
use crate::program::Program;
use crate::rule::{RuleId, RuleSet};
use crate::verdict::{Report, Verdict};

/// A program is given up after so many states.
const MOST_STATES: usize = 200_000;

/// Calls of a program at most.
const MOST_CALLS: usize = 4;

/// Programs at most.
const MOST_PROGRAMS: usize = 400;

/// How a litmus file of a run is called: commands that show it name it so.
const FILE: &str = "proved.toml";

/// A program that does it, as a litmus file, and how.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its calls.
    pub calls: Vec<String>,
    /// The litmus file.
    pub litmus: String,
    /// What the search found.
    pub report: Report,
}

impl Run {
    /// The program that it is a run of.
    pub fn program(&self, scene: &Scene) -> Option<Program> {
        let mut program = parse("proved", FILE, &self.litmus).ok()?.program(scene.kernel);
        program.given = FILE.to_owned();
        Some(program)
    }
}

/// A run in which tasks are stuck.
pub fn stuck(scene: &Scene, found: &Deadlock) -> Option<Run> {
    let wrong = |verdict: &Verdict| matches!(verdict, Verdict::Deadlocked | Verdict::Livelocked);
    first(scene, &found.calls_of_cycle(scene), RuleSet::NONE.with(RuleId::R12), "deadlock", wrong)
}

/// A run that breaks the rule.
pub fn broken(scene: &Scene, suspect: &Suspect) -> Option<Run> {
    let rule = suspect.rule;
    let wrong = move |verdict: &Verdict| *verdict == Verdict::Violated(rule);
    let expected = format!("violates {}", rule.code());
    first(scene, &suspect.calls, RuleSet::NONE.with(rule), &expected, wrong)
}

/// The first program that goes wrong: of few calls before many, of those that are suspected before others.
fn first(
    scene: &Scene,
    suspected: &[usize],
    rules: RuleSet,
    expected: &str,
    wrong: impl Fn(&Verdict) -> bool,
) -> Option<Run> {
    programs(scene.templates.len(), suspected).into_iter().find_map(|calls| {
        let text = scene.litmus(&calls, expected);
        let litmus = parse("proved", FILE, &text).ok()?;
        let mut program = litmus.program(scene.kernel);
        program.rules = rules;
        let options = graph::Options { max_states: Some(MOST_STATES), ..Default::default() };
        let report = graph::run(&program, options);
        wrong(&report.verdict).then(|| Run {
            calls: calls.iter().map(|&call| scene.templates[call].text.clone()).collect(),
            litmus: text,
            report,
        })
    })
}

/// Choices of two to four calls, those first that have more of the suspected ones.
fn programs(all: usize, suspected: &[usize]) -> Vec<Vec<usize>> {
    let strange =
        |calls: &Vec<usize>| suspected.iter().filter(|call| !calls.contains(call)).count();
    let mut programs = Vec::new();
    for count in 2..=MOST_CALLS {
        if programs.len() < MOST_PROGRAMS {
            let mut these = choices(all, count);
            these.sort_by_key(strange);
            programs.extend(these);
        }
    }
    programs.truncate(MOST_PROGRAMS);
    programs
}
