//! What a sweep found, for people.

use super::output::{Out, Tone, Unwritten};
use diolock_verify::engine::EngineName;
use diolock_verify::sweep::{Broken, Diff, Found, Sweep};
use std::process::ExitCode;

/// Named races, what has no name, where engines contradict each other, and the sums.
pub fn people(out: &mut Out, swept: &Sweep) -> Result<(), Unwritten> {
    let (name, tasks) = (swept.version.name(), swept.tasks);
    let costs: Vec<String> = swept
        .costs
        .iter()
        .map(|(engine, cost)| match engine {
            EngineName::Graph => format!("graph {cost} states"),
            _ => format!("{} {cost} executions", engine.name()),
        })
        .collect();
    out.line(&format!(
        "{name}: {} programs of {tasks} call(s), {} of them break something ({})",
        swept.programs,
        swept.violating,
        costs.join(", ")
    ))?;
    if swept.supersets > 0 {
        out.line(&format!(
            "{name}: {} more are not judged: two of their calls break something by themselves",
            swept.supersets
        ))?;
    }
    let (stated, of) = swept.stated();
    let share = 100.0 * stated as f64 / of.max(1) as f64;
    out.line(&format!(
        "{name}: {stated} of {of} programs whose calls it has can be stated ({share:.1} %)"
    ))?;
    for ((test, what), found) in &swept.races {
        let (programs, part) = (found.programs, found.part.line());
        out.line(&format!("{programs:>7}  {what:<8} {test}{}   {part}", healing(found)))?;
    }
    for (reason, count) in &swept.not_stated {
        out.line(&format!("{count:>7}  not stated: {reason}"))?;
    }
    for group in swept.groups() {
        let Some(((what, part), found)) = group.first() else { continue };
        let programs: usize = group.iter().map(|one| one.1.programs).sum();
        let healing = healing(found);
        let head = format!("{programs:>7}  {what:<8} UNEXPLAINED{healing}: {}", found.text);
        out.line(&out.tone(&head, Tone::Bad))?;
        for line in swept.litmus_text(what, part).lines() {
            out.line(&format!("    {line}"))?;
        }
        for ((_, part), _) in &group[1..] {
            out.line(&format!("    # as well: {}", part.line()))?;
        }
    }
    for (word, doubts) in
        [("CONTRADICTION", &swept.contradictions), ("NOT DECIDED", &swept.undecided)]
    {
        for doubt in doubts {
            let line = format!("{word}: {}: {}", doubt.why, doubt.part.line());
            out.line(&out.tone(&line, Tone::Bad))?;
        }
    }
    let sum = format!(
        "{name}: {} named races, {} unexplained, {} contradictions, {} not decided",
        swept.races.len(),
        swept.unexplained.len(),
        swept.contradictions.len(),
        swept.undecided.len()
    );
    out.line(&out.tone(&sum, if swept.good() { Tone::Good } else { Tone::Bad }))
}

/// ` (until v4.10: 6f2080e64487)`.
fn healing(found: &Found) -> String {
    found.healing.map_or_else(String::new, |healing| format!(" ({healing})"))
}

/// What two kernels differ in; what has no name is a failure.
pub fn differences(out: &mut Out, diff: &Diff) -> Result<ExitCode, Unwritten> {
    let [a, b] = diff.kernels.map(|version| version.name());
    let mut named = true;
    let mut say = |head: &str, changes: &Broken| {
        out.line(head)?;
        if changes.is_empty() {
            out.line("      -  nothing")?;
        }
        for ((name, what), found) in changes {
            let unexplained = name.starts_with("UNEXPLAINED");
            named &= !unexplained;
            let line = format!("{:>7}  {what:<8} {name}   {}", found.programs, found.part.line());
            out.line(&out.tone(&line, if unexplained { Tone::Bad } else { Tone::Plain }))?;
        }
        Ok::<(), Unwritten>(())
    };
    say(&format!("possible on {b}, not on {a}:"), &diff.possible)?;
    say(&format!("possible on {a}, not on {b}:"), &diff.impossible)?;
    if diff.not_stated > 0 {
        let count = diff.not_stated;
        out.line(&format!(
            "{count:>7}  break something on the one, and cannot be stated on the other"
        ))?;
    }
    Ok(if named { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
