//! What a litmus file expects of each kernel.

use super::modelled::not_modelled;
use super::rules::{rule, title};
use super::schema::{At, Field, Fields, Judge};
use super::{CallSpec, Expect, Expected, TaskSpec};
use crate::engine::EngineName;
use crate::problem::shown;
use crate::program::Memory;
use crate::rule::{RuleId, RuleSet};
use diolock::kernel::{Fix, Kernel, Version};

/// What the rest of the file says that expectations must agree with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged<'a> {
    pub(super) rules: RuleSet,
    pub(super) memory: Memory,
    pub(super) tasks: &'a [TaskSpec],
    pub(super) setup: &'a [CallSpec],
    /// A task that never ends.
    pub(super) repeats: Option<char>,
}

/// Reads `[[expect]]`, each with the place of its verdict.
pub(super) fn expectations(
    judge: &mut Judge,
    top: &Fields<'_>,
    judged: &Judged<'_>,
) -> Vec<At<Expect>> {
    let example = "[[expect]], then kernel = \"v3.7\" and verdict = \"never\"";
    let Some(field) = top.need(judge, "expect", example) else { return Vec::new() };
    let mut expected: Vec<At<Expect>> = Vec::new();
    let mut kernels: Vec<Kernel> = Vec::new();
    for table in field.tables(judge) {
        let fields = Fields::new(judge, "[[expect]]", table.value, table.span);
        let kernel = kernel(judge, &fields);
        if let Some(kernel) = &kernel {
            if kernels.contains(&kernel.value) {
                let message = format!("{} is expected to do something already", kernel.value);
                judge.wrong(kernel.span.clone(), message).label("one [[expect]] for each kernel");
            }
            if let Some(why) = not_modelled(judged.tasks, judged.setup, kernel.value.version) {
                let message = format!("a call is not modelled on {}", kernel.value.version.name());
                judge.wrong(kernel.span.clone(), message).label(why);
            }
            kernels.push(kernel.value);
        }
        let verdict = fields
            .need(judge, "verdict", "verdict = \"never\"")
            .and_then(|field| field.text(judge))
            .and_then(|word| verdict(judge, &word, judged.rules));
        let (engines, why) = engines(judge, &fields, judged);
        if let (Some(kernel), Some(At { value: expected_verdict, span })) = (kernel, verdict) {
            let value = Expect { kernel: kernel.value, expected: expected_verdict, engines, why };
            expected.push(At { value, span });
        }
    }
    expected
}

fn kernel(judge: &mut Judge, fields: &Fields<'_>) -> Option<At<Kernel>> {
    let word =
        fields.need(judge, "kernel", "kernel = \"v3.7\"").and_then(|field| field.text(judge));
    let without = fields.get("without").map(|field| field.texts(judge)).unwrap_or_default();
    let word = word?;
    let versions = Version::ALL.map(|version| (version.name(), version));
    let version = judge.choice(&word, "a kernel of the model", &versions)?;
    let whole = Kernel::new(version);
    let mut fixes = Vec::new();
    let before = judge.count();
    for name in without {
        let has = || whole.fixes().map(|fix| fix.about().commit);
        match Fix::named(name.value) {
            Some(value) if whole.has(value) => fixes.push(At { value, span: name.span }),
            Some(fix) => {
                let about = fix.about();
                let message =
                    format!("{} does not have {} in the first place", version.name(), about.commit);
                judge
                    .wrong(name.span, message)
                    .label(format!("it came with {}", about.since.name()))
                    .help(format!(
                        "{} has: {}",
                        version.name(),
                        has().collect::<Vec<_>>().join(", ")
                    ));
            }
            None => {
                judge
                    .wrong(name.span, format!("`{}` is not a fix", shown(name.value)))
                    .choices(name.value, has());
            }
        }
    }
    let value = judge.distinct(fixes).into_iter().fold(whole, Kernel::without);
    (judge.count() == before).then_some(At { value, span: word.span })
}

fn verdict(judge: &mut Judge, word: &At<&str>, rules: RuleSet) -> Option<At<Expected>> {
    let broken = match word.value.strip_prefix("violates ") {
        Some(value) => Some(rule(judge, &At { value, span: word.span.clone() })?),
        None => None,
    };
    let expected = match (broken, word.value) {
        (Some(rule), _) => Expected::Violates(rule),
        (None, "never") => Expected::Never,
        (None, "deadlock") => Expected::Deadlock,
        (None, "livelock") => Expected::Livelock,
        (None, "forbidden") => Expected::Forbidden,
        (None, other) => {
            judge
                .wrong(word.span.clone(), format!("`{}` is not a verdict", shown(other)))
                .choices(other, ["never", "forbidden", "deadlock", "livelock", "violates <rule>"]);
            return None;
        }
    };
    let judges = match expected {
        Expected::Never | Expected::Forbidden => None,
        Expected::Violates(rule) => Some(rule),
        Expected::Deadlock | Expected::Livelock => Some(RuleId::R12),
    };
    if let Some(rule) = judges
        && !rules.has(rule)
    {
        judge
            .missing(word.span.clone(), format!("{} is not judged here", title(rule)))
            .help("list it in `rules`, or take it out of [except]");
    }
    Some(At { value: expected, span: word.span.clone() })
}

fn engines(
    judge: &mut Judge,
    fields: &Fields<'_>,
    judged: &Judged<'_>,
) -> (Vec<EngineName>, Option<String>) {
    let why = fields.get("why");
    let reason = why.as_ref().and_then(|field| field.text(judge));
    let reason = reason.map(|reason| reason.value.to_owned());
    let field = fields.get("engines");
    let choices = EngineName::ALL.map(|engine| (engine.name(), engine));
    let mut engines = Vec::new();
    let before = judge.count();
    for word in field.as_ref().map(|field| field.some_texts(judge)).unwrap_or_default() {
        if let Some(value) = judge.choice(&word, "an engine", &choices) {
            engines.push(At { value, span: word.span });
        }
    }
    let engines = judge.distinct(engines);
    if field.is_some() {
        fields.need(judge, "why", "why = \"the other engines cannot run for ever\"");
    } else if let Some(Field { key_span, .. }) = why {
        judge
            .wrong(key_span, "`why` explains `engines`, and there is none")
            .help("add `engines`, or turn this into a comment");
    }
    if judge.count() > before && engines.is_empty() {
        return (engines, reason);
    }
    let span = field.map_or_else(|| fields.header.clone(), |field| field.span);
    if let Some(letter) = judged.repeats
        && engines != [EngineName::Graph]
    {
        judge
            .missing(
                span,
                format!("only the graph engine can run {letter}, which repeats for ever"),
            )
            .label("engines = [\"graph\"] is needed here")
            .help("the other engines need tasks that end");
    } else if judged.memory == Memory::C11
        && !engines.is_empty()
        && !engines.contains(&EngineName::Loom)
    {
        judge
            .missing(span, "only loom knows the memory model c11")
            .label("nobody would run this")
            .help("add \"loom\", or leave `engines` out");
    }
    (engines, reason)
}
