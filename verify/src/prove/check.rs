//! Checks a certificate by itself: that its order is one, that every wait goes up it, and that no wait is missing.
//! The last as far as runs of up to three of its calls go (4,000,000 states of all of them together); nothing of
//! the search is used. Whose part of i_unwritten is whose is not told apart here.

use super::calls::choices;
use super::certificate::{COMPLETION, Certificate, Rejected, Stated, no, read};
use super::scene::litmus_text;
use super::waits::Class;
use crate::litmus::parse::parse;
use crate::program::{Program, System};
use diolock::op::{LockName, Op, Outcome, TaskId};
use diolock::task::Task;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// States that are looked at, of all programs together.
const MOST_STATES: usize = 4_000_000;

/// Calls of a program.
const MOST_CALLS: usize = 3;

/// By call (or its completion), function and step: what is waited for, and what may be held at once.
type Waits = BTreeMap<(String, String), (Class, Vec<BTreeSet<Class>>)>;

/// Checks a certificate; how many waits it has.
///
/// # Errors
/// Why it proves nothing.
pub fn check(text: &str) -> Result<usize, Rejected> {
    let certificate = read(text)?;
    let waits = ordered(&certificate)?;
    let Certificate { kernel, file, calls, .. } = &certificate;
    let programs: Vec<_> = (1..=MOST_CALLS).map(|few| choices(calls.len(), few)).collect();
    let most = MOST_STATES / programs.iter().map(Vec::len).sum::<usize>().max(1);
    for few in programs {
        for chosen in few {
            let calls: Vec<&str> = chosen.into_iter().map(|at| &calls[at][..]).collect();
            let text = litmus_text(*kernel, file, &calls, "deadlock");
            let litmus = match parse("certificate", "certificate", &text) {
                Ok(litmus) => litmus,
                Err(problems) => {
                    let why = problems.problems().first().map(ToString::to_string);
                    return no(0, format!("{}: {}", calls.join(" | "), why.unwrap_or_default()));
                }
            };
            complete(&litmus.program(*kernel), &calls, &waits, most)?;
        }
    }
    Ok(waits.len())
}

/// The waits, each of which must go up the order.
fn ordered(certificate: &Certificate) -> Result<Waits, Rejected> {
    let Certificate { calls, order, .. } = certificate;
    let (line, classes) = order;
    let twice = classes.iter().enumerate().find(|(at, class)| classes[..*at].contains(class));
    if let Some((_, class)) = twice {
        return no(*line, format!("`{class}` comes twice"));
    }
    let place = |class: Class| classes.iter().position(|&known| known == class);
    let mut waits = Waits::new();
    for Stated { line, call, step, wants, holds } in &certificate.waits {
        if !calls.iter().any(|known| known == call.strip_suffix(COMPLETION).unwrap_or(call)) {
            return no(*line, format!("`{call}` is none of its calls"));
        }
        let Some(upper) = place(*wants) else {
            return no(*line, format!("`{wants}` is not in the order"));
        };
        let lower = |&held: &Class| place(held).is_some_and(|lower| lower < upper);
        if let Some(held) = holds.iter().find(|held| !lower(held)) {
            return no(*line, format!("`{wants}` is waited for while `{held}` is held"));
        }
        let entry = waits.entry((call.clone(), step.clone()));
        let known = entry.or_insert_with(|| (*wants, Vec::new()));
        if known.0 != *wants {
            return no(*line, format!("`{step}` waits for `{}` as well", known.0));
        }
        known.1.push(holds.clone());
    }
    Ok(waits)
}

/// What each task holds besides locks, by the steps that it took.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Ledger {
    handles: Vec<u8>,
    commits: Vec<bool>,
    /// By task: the tasks whose references to i_dio_count it is to drop.
    references: Vec<Vec<TaskId>>,
    /// Those that go with an io_end or a dio to whoever drops it last, and those on the list.
    left: Vec<TaskId>,
}

impl Ledger {
    fn after(&mut self, task: TaskId, op: &Op, outcome: &Outcome) {
        let at = usize::from(task);
        let moved = |of: TaskId, from: &mut Vec<TaskId>| -> Vec<TaskId> {
            from.extract_if(.., |reference| *reference == of).collect()
        };
        match (op, outcome) {
            (Op::JournalStart(_), _) => self.handles[at] += 1,
            (Op::JournalStop(_), _) => self.handles[at] = self.handles[at].saturating_sub(1),
            (Op::CommitLock, _) => self.commits[at] = true,
            (Op::CommitDone, _) => self.commits[at] = false,
            (&Op::DioBegin(of), _) => self.references[at].push(of),
            (&Op::DioEnd(of), _) => {
                let own = &mut self.references[at];
                own.iter().position(|&reference| reference == of).map(|place| own.remove(place));
            }
            (&Op::Submit(child, _), _) => {
                let moved = moved(child, &mut self.references[at]);
                self.references[usize::from(child)].extend(moved);
            }
            (&Op::PutIoEnd(of) | &Op::DropRefcount(of), Outcome::Flag(last)) => {
                let (from, to) = match last {
                    true => (&mut self.left, &mut self.references[at]),
                    false => (&mut self.references[at], &mut self.left),
                };
                to.extend(moved(of, from));
            }
            (Op::ListAdd(io_end), _) => {
                self.left.extend(moved(io_end.task, &mut self.references[at]));
            }
            (Op::ListTake(_), Outcome::IoEnd(Some(io_end))) => {
                self.references[at].extend(moved(io_end.task, &mut self.left));
            }
            _ => {}
        }
    }
}

/// Runs a program in every order, up to so many states: each wait that it comes to must be there.
fn complete(program: &Program, calls: &[&str], waits: &Waits, most: usize) -> Result<(), Rejected> {
    let tasks = program.calls.len();
    let ledger = Ledger {
        handles: vec![0; tasks],
        commits: vec![false; tasks],
        references: vec![Vec::new(); tasks],
        left: Vec::new(),
    };
    let mut open = vec![(System::new(program), ledger)];
    let mut known: HashSet<(System, Ledger)> = open.iter().cloned().collect();
    while let Some((system, ledger)) = open.pop() {
        for task in system.tasks() {
            let Some(op) = system.next(task) else { continue };
            let at = usize::from(task);
            if let Some(wanted) = Class::awaited(&op) {
                let submitter = usize::from(program.submitter(task));
                let completion = if submitter == at { "" } else { COMPLETION };
                let call = format!("{}{completion}", calls[submitter]);
                let place = system.calls[at].place().on(program.kernel.version);
                let step = format!("{} {}", place.kernel, place.step);
                let holds = |lock: &LockName| {
                    system.inode.lock(*lock).holders().iter().any(|held| held.0 == task)
                };
                let mut held: Vec<Class> =
                    LockName::ALL.into_iter().filter(holds).map(Class::Lock).collect();
                held.extend((ledger.handles[at] > 0).then_some(Class::Handles));
                held.extend(ledger.commits[at].then_some(Class::Admission));
                held.extend((!ledger.references[at].is_empty()).then_some(Class::Drain));
                let missing = match waits.get(&(call.clone(), step.clone())) {
                    None => Some("is missing".to_owned()),
                    Some((class, _)) if *class != wanted => Some(format!("waits for `{wanted}`")),
                    Some((_, known)) => {
                        let covers =
                            |all: &BTreeSet<Class>| held.iter().all(|class| all.contains(class));
                        let names: Vec<String> = held.iter().map(Class::to_string).collect();
                        let missing = !known.iter().any(covers);
                        missing.then(|| format!("may be reached with {} held", names.join(", ")))
                    }
                };
                if let Some(missing) = missing {
                    return no(0, format!("`{call} | {step}` {missing}"));
                }
            }
            let (mut system, mut ledger) = (system.clone(), ledger.clone());
            let Ok(event) = system.perform(task, op) else { continue };
            ledger.after(task, &event.op, &event.outcome);
            let next = (system, ledger);
            if known.len() < most && !known.contains(&next) {
                known.insert(next.clone());
                open.push(next);
            }
        }
    }
    Ok(())
}
