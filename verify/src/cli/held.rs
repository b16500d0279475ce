//! What came of a kernel that was held to a schedule.

use super::guest::Told;
use super::judged::Judged;
use super::output::{Out, Tone};
use diolock::inode::Blocked;
use diolock::kernel::Kernel;
use diolock::op::{LockName, TaskId};
use diolock_verify::confirm::{Forced, Leg, Plan, Slept, Until};
use diolock_verify::litmus::Litmus;
use diolock_verify::program::{Event, Program, Waiting};
use diolock_verify::real;
use diolock_verify::report::waits_words;
use serde::Serialize;
use std::collections::BTreeMap;

/// The run that the kernel is held to.
pub struct Wanted {
    /// On the kernel that is held.
    pub program: Program,
    /// Whose schedule it is.
    pub of: Kernel,
    /// Its steps.
    pub events: Vec<Event>,
    /// Who has to wait in the end.
    pub blocked: Option<Waiting>,
}

/// What is said in the end.
#[derive(Serialize)]
pub struct Json<'a> {
    litmus: &'a str,
    kernel: String,
    schedule_of: String,
    machine: &'a str,
    plan: &'a [String],
    rounds: usize,
    as_the_model_says: usize,
    model: String,
    real: BTreeMap<String, usize>,
    recorded: &'a Judged,
}

/// What was found beside what the model says.
pub struct Found {
    rounds: usize,
    /// What the model says.
    model: String,
    /// In how many rounds it was so.
    good: usize,
    /// What was so, and how often.
    real: BTreeMap<String, usize>,
}

impl Found {
    /// Puts both side by side.
    pub fn new(
        wanted: &Wanted,
        tasks: usize,
        plan: &Plan,
        forced: &[Forced],
        told: &Told,
    ) -> Found {
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
                let good = carried_out(forced, told.outcomes.get(&words).copied().unwrap_or(0));
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

    /// Whether it is as the model says, in nine of ten rounds.
    pub fn good(&self) -> bool {
        self.good * 10 >= self.rounds * 9
    }

    /// For people.
    pub fn people(&self, out: &mut Out, told: &Told) -> miette::Result<()> {
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

    /// As JSON.
    pub fn json<'a>(
        &self,
        litmus: &'a Litmus,
        wanted: &Wanted,
        (plan, recorded): (&'a [String], &'a Judged),
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
            recorded,
        }
    }
}

/// In how many rounds, at most, an outcome came of the schedule: one by another schedule says nothing of this one.
fn carried_out(forced: &[Forced], came: usize) -> usize {
    came.min(forced.iter().filter(|&forced| *forced == Forced::ToTheEnd).count())
}

/// Whether a task sleeps where the model says that it has to wait.
fn refused_so(plan: &Plan, forced: &Forced, waiting: &Waiting) -> bool {
    let Forced::Refused(leg, slept) = forced else { return false };
    let last = matches!(plan.legs.get(*leg), Some(Leg { until: Until::Blocked(_), .. }));
    let on_stack = |names: &[&str]| {
        slept.stack.iter().any(|function| names.iter().any(|name| function.contains(name)))
    };
    let there = match &waiting.blocked {
        Blocked::Lock { lock: LockName::PageLock(_), .. } => {
            on_stack(&["folio_wait", "folio_lock"])
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_of_a_round_that_took_another_course_confirms_nothing() {
        let (to_the_end, passed) = (Forced::ToTheEnd, Forced::Passed(0));
        assert_eq!(carried_out(&[to_the_end.clone(), to_the_end.clone()], 2), 2);
        assert_eq!(carried_out(&[to_the_end.clone(), passed.clone()], 2), 1);
        assert_eq!(carried_out(&[passed.clone(), passed], 2), 0);
        assert_eq!(carried_out(&[to_the_end], 0), 0);
    }
}
