//! What `diolock prove` says.

use super::output::{Out, Tone};
use diolock::kernel::Kernel;
use diolock_verify::engine::EngineName;
use diolock_verify::prove::certificate::in_order;
use diolock_verify::prove::concrete::Run;
use diolock_verify::prove::{Class, Deadlock, OfRules, Scene};
use diolock_verify::report::{lanes, wrap};
use diolock_verify::rule::RuleId;
use serde_json::json;
use std::collections::BTreeSet;

/// What came of a kernel.
pub enum Found {
    /// Of waits.
    Deadlock(Box<Scene>, Deadlock, Option<Box<Run>>),
    /// Of rules, with a run for each that is broken.
    Rules(Box<Scene>, OfRules, Vec<Option<Run>>),
    /// It gave up, or was stopped.
    Cut(Kernel, String),
}

/// For people.
pub fn people(out: &mut Out, found: &Found, left_out: &[String]) -> miette::Result<()> {
    match found {
        Found::Cut(kernel, why) => {
            out.line(&out.tone(&format!("{kernel}: not proved: {why}"), Tone::Bad))?;
        }
        Found::Deadlock(scene, found, run) => {
            head(out, scene, found.views, found.shared)?;
            besides(out, left_out)?;
            of_deadlock(out, scene, found, run.as_deref())?;
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

/// What could be asked as well.
fn besides(out: &mut Out, left_out: &[String]) -> miette::Result<()> {
    if left_out.is_empty() {
        return Ok(());
    }
    let text = format!("not among them, as there are too many states: {}", left_out.join(" | "));
    out.line(&format!("  {text}"))?;
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
    for &(rule, part) in &found.rules {
        let name = format!("  {:<4}{:<22}", rule.code(), rule.name());
        let of_part = part.map(|part| format!(", of it: {part}")).unwrap_or_default();
        let place = found.suspects.iter().position(|suspect| suspect.rule == rule);
        let Some(at) = place else {
            let (word, tone) = match found.cut {
                None => ("proved for any number of tasks".to_owned() + &of_part, Tone::Good),
                Some(why) => (format!("not proved: {why}"), Tone::Bad),
            };
            let line = format!("{name}{word}");
            for line in wrap(line.trim_start(), "  ", 100).lines() {
                out.line(&out.tone(line, tone))?;
            }
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

/// A line of JSON.
pub fn as_json(found: &Found) -> serde_json::Value {
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
            value["run"] = json!(shown.as_deref().map(of_run));
        }
        Found::Rules(_, found, runs) => {
            let rules = found
                .rules
                .iter()
                .map(|&(rule, part)| of_rule(found, runs, rule, part))
                .collect::<Vec<_>>();
            value["rules"] = json!(rules);
        }
        Found::Cut(..) => {}
    }
    value
}

fn of_rule(
    found: &OfRules,
    runs: &[Option<Run>],
    rule: RuleId,
    part: Option<&str>,
) -> serde_json::Value {
    let at = found.suspects.iter().position(|suspect| suspect.rule == rule);
    let run = at.and_then(|at| runs[at].as_ref());
    let verdict = match (at, run, found.cut) {
        (None, _, None) => "proved",
        (Some(_), Some(_), _) => "violated",
        _ => "not proved",
    };
    let suspect = at.map(|at| &found.suspects[at]);
    json!({
        "rule": rule.code(), "of_it": part, "verdict": verdict, "why": found.cut,
        "text": suspect.map(|suspect| &suspect.text), "view": suspect.map(|suspect| &suspect.view),
        "run": run.map(of_run),
    })
}

fn of_run(run: &Run) -> serde_json::Value {
    json!({ "calls": run.calls, "litmus": run.litmus })
}
