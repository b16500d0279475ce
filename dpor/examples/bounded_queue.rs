//! A bounded queue under one lock, with producers and consumers that wait for each other.
//!
//! `cargo run --release -p source-dpor --example bounded_queue`
//!
//! With one condition variable for both, `notify_one` may wake the wrong side: a producer that has just
//! made room for nobody. Then everybody sleeps. With `notify_all` nobody does.
//!
//! What a task does while it holds the lock is one step here. What it does on its own, before a put or after
//! a take, is a step that depends on nobody's: it adds no trace.

use source_dpor::{Access, Explored, Program, Task, Touches, explore};
use std::ops::ControlFlow;

/// Who puts and who takes, and how a sleeper is woken.
#[derive(Clone, Debug)]
struct Queue {
    capacity: usize,
    producers: usize,
    consumers: usize,
    /// What each producer puts. Consumers share all of it evenly.
    items: usize,
    notify_all: bool,
}

/// The queue, and who sleeps.
#[derive(Clone, Debug)]
struct State {
    length: usize,
    /// In the order in which they went to sleep.
    asleep: Vec<Task>,
    /// What each task has left to put or to take.
    left: Vec<usize>,
    /// Whose own work is done.
    ready: Vec<bool>,
}

/// What a task does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Makes an item, or a place to put one.
    Prepare,
    /// All between taking the lock and letting go of it, by unlock or by sleep.
    Attempt,
}

/// The lock, and what it protects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Lock;

impl Queue {
    fn is_producer(&self, task: Task) -> bool {
        task < self.producers
    }
}

impl Program for Queue {
    type State = State;
    type Step = Step;
    type Footprint = Touches<Lock>;
    type Counter = ();

    fn tasks(&self) -> usize {
        self.producers + self.consumers
    }

    fn start(&self) -> State {
        let all = self.producers * self.items;
        assert!(all.is_multiple_of(self.consumers), "consumers share evenly");
        let share = |task| if self.is_producer(task) { self.items } else { all / self.consumers };
        State {
            length: 0,
            asleep: Vec::new(),
            left: (0..self.tasks()).map(share).collect(),
            ready: vec![false; self.tasks()],
        }
    }

    fn next(&self, state: &State, task: Task) -> Option<Step> {
        let step = if state.ready[task] { Step::Attempt } else { Step::Prepare };
        (state.left[task] > 0).then_some(step)
    }

    fn enabled(&self, state: &State, task: Task, _: &Step) -> bool {
        !state.asleep.contains(&task)
    }

    fn footprint(&self, _: &State, _: Task, step: &Step) -> Touches<Lock> {
        match step {
            Step::Prepare => Vec::new(),
            Step::Attempt => vec![(Lock, Access::Write)],
        }
    }

    fn take(&self, state: &mut State, task: Task, step: &Step) -> Touches<Lock> {
        if *step == Step::Prepare {
            state.ready[task] = true;
            return self.footprint(state, task, step);
        }
        let producer = self.is_producer(task);
        let can = if producer { state.length < self.capacity } else { state.length > 0 };
        if can {
            state.length = if producer { state.length + 1 } else { state.length - 1 };
            state.left[task] -= 1;
            state.ready[task] = false;
            let woken = if self.notify_all { state.asleep.len() } else { 1 };
            state.asleep.drain(..woken.min(state.asleep.len()));
        } else {
            state.asleep.push(task);
        }
        self.footprint(state, task, step)
    }
}

/// Runs every trace; the first schedule after which those who are left sleep.
fn run(queue: Queue) -> (Explored, Option<Vec<Task>>) {
    let mut stuck = None;
    let explored = explore(queue, |execution| {
        if !execution.waiting.is_empty() {
            stuck.get_or_insert_with(|| execution.schedule.to_vec());
        }
        ControlFlow::Continue(())
    });
    (explored, stuck)
}

/// Two of each around a queue of one place.
fn two_of_each(notify_all: bool) -> Queue {
    Queue { capacity: 1, producers: 2, consumers: 2, items: 1, notify_all }
}

fn main() {
    for notify_all in [false, true] {
        let (explored, stuck) = run(two_of_each(notify_all));
        let how = if notify_all { "notify_all" } else { "notify_one" };
        println!("{how}: {} traces, {} of them stuck", explored.traces(), explored.stuck);
        match stuck {
            Some(schedule) => {
                println!("  all that are left sleep after {schedule:?} (0, 1 produce)")
            }
            None => println!("  whatever is put is taken: exhausted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{run, two_of_each};

    #[test]
    fn notify_one_wakes_the_wrong_side() {
        let (explored, stuck) = run(two_of_each(false));
        assert!(explored.stuck > 0 && stuck.is_some());
    }

    #[test]
    fn notify_all_leaves_nobody_asleep() {
        let (explored, _) = run(two_of_each(true));
        assert!(explored.exhausted && explored.finished > 0);
        assert_eq!(explored.stuck, 0);
    }
}
