//! How a run of the model ends, as seen from outside.

use super::outcome::Outcome;
use crate::engine::graph::{enabled, pending};
use crate::program::{Event, Program, System};
use crate::rule::{Answers, facts};
use diolock::op::TaskId;

/// The outcome of a run of a program of so many tasks, completions not counted; what is left of each task goes on, one after
/// another. `None` if somebody waits for ever.
pub fn predicted(program: &Program, tasks: usize, events: &[Event]) -> Option<Outcome> {
    let (mut system, mut told) = (System::new(program), Answers::of_all(program));
    let mut taken = events.iter().map(|event| event.task).collect::<Vec<TaskId>>().into_iter();
    loop {
        let next = taken.next().or_else(|| enabled(&system).next());
        let Some(task) = next else { break };
        let event = system.perform(task, pending(&system, task)?).ok()?;
        let own = &mut told[usize::from(task)];
        own.remember(&event);
        if let Some(call) = system.just_over(task) {
            own.returned(call);
        }
    }
    let told: Vec<_> = told.iter().collect();
    system.finished().then(|| Outcome::of(&facts(&told, program, &system), tasks))
}
