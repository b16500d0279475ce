//! Free play: a page for any litmus test.

use super::lesson::{Lesson, Played};
use super::text::{Question, Side, Text};
use crate::litmus::Litmus;
use diolock::kernel::Kernel;
use miette::miette;

/// The page of a litmus test, on a kernel and then on another; if they are not given, on the newest on which the
/// test expects to fail, and the newest on which it does not.
///
/// # Errors
/// If the test expects nothing of the kind and no kernel is given, or a graph does not fit on a page.
pub fn free_play(
    litmus: Litmus,
    kernel: Option<Kernel>,
    against: Option<Kernel>,
) -> miette::Result<Lesson> {
    let newest = |clean: bool| {
        let found = litmus.expect.iter().filter(|expect| expect.expected.goes_wrong() != clean);
        let key = |kernel: &Kernel| (kernel.version, std::cmp::Reverse(kernel.removed().count()));
        found.map(|expect| expect.kernel).max_by_key(key)
    };
    let first = kernel.or_else(|| newest(false)).or_else(|| newest(true));
    let first = first.ok_or_else(|| {
        miette!(help = "say --kernel V", "{} expects nothing of any kernel", litmus.name)
    })?;
    let second = against.or_else(|| newest(true)).filter(|&second| second != first);
    let side = |kernel: Kernel| Side {
        kernel: kernel.version.name().to_owned(),
        without: kernel.removed().map(|fix| fix.about().commit.to_owned()).collect(),
        litmus: None,
        text: format!("The kernel is {kernel}."),
        title: None,
        closes: None,
    };
    let broken = Played::of(litmus.clone(), &side(first))?;
    let fixed = second.map(|second| Played::of(litmus.clone(), &side(second))).transpose()?;
    let goal = match broken.shortest {
        Some(_) => "Find an order of steps in which a rule is broken, or nobody can go on.",
        None => "Look around: on this kernel no order of steps goes wrong.",
    };
    let text = Text {
        name: format!("play-{}", litmus.name),
        title: litmus.name.clone(),
        rule: litmus.claim.clone(),
        goal: goal.to_owned(),
        scene: Vec::new(),
        litmus: litmus.name,
        broken: side(first),
        fixed: side(second.unwrap_or(first)),
        question: Question {
            ask: "What is the last step at which it could still have gone well?".to_owned(),
            answer: "Undo step by step and ask for a hint each time: before that step a hint says more steps than one, and another task could have gone first.".to_owned(),
        },
        notes: Vec::new(),
        exercises: Vec::new(),
        sources: Vec::new(),
    };
    Ok(Lesson { text, broken, fixed })
}
