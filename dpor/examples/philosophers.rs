//! Dining philosophers: each takes the fork at its left, then the one at its right, eats, and lays both down.
//!
//! `cargo run --release -p source-dpor --example philosophers`
//!
//! Around the table everybody may hold one fork and wait for the other. With one of them taking the forks
//! the other way round nobody gets stuck, and "exhausted" says that this was no luck.

use source_dpor::{Access, Explored, Program, Task, Touches, explore};
use std::ops::ControlFlow;

/// Philosophers around a table.
#[derive(Clone, Copy, Debug)]
struct Table {
    philosophers: usize,
    /// Each takes the fork with the lower number first.
    ordered: bool,
}

/// Who holds each fork, and how many steps each philosopher has taken.
#[derive(Clone, Debug)]
struct State {
    holder: Vec<Option<Task>>,
    at: Vec<usize>,
}

/// What a philosopher does with a fork.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Take(usize),
    LayDown(usize),
}

impl Program for Table {
    type State = State;
    type Step = Step;
    type Footprint = Touches<usize>;
    type Counter = ();

    fn tasks(&self) -> usize {
        self.philosophers
    }

    fn start(&self) -> State {
        State { holder: vec![None; self.philosophers], at: vec![0; self.philosophers] }
    }

    fn next(&self, state: &State, task: Task) -> Option<Step> {
        let mut forks = [task, (task + 1) % self.philosophers];
        if self.ordered {
            forks.sort_unstable();
        }
        let [first, second] = forks;
        let meal =
            [Step::Take(first), Step::Take(second), Step::LayDown(second), Step::LayDown(first)];
        meal.get(state.at[task]).copied()
    }

    fn enabled(&self, state: &State, _: Task, step: &Step) -> bool {
        match *step {
            Step::Take(fork) => state.holder[fork].is_none(),
            Step::LayDown(_) => true,
        }
    }

    fn footprint(&self, _: &State, _: Task, step: &Step) -> Touches<usize> {
        let (Step::Take(fork) | Step::LayDown(fork)) = *step;
        vec![(fork, Access::Write)]
    }

    fn take(&self, state: &mut State, task: Task, step: &Step) -> Touches<usize> {
        match *step {
            Step::Take(fork) => state.holder[fork] = Some(task),
            Step::LayDown(fork) => state.holder[fork] = None,
        }
        state.at[task] += 1;
        self.footprint(state, task, step)
    }

    fn may_wait(&self, step: &Step) -> bool {
        matches!(step, Step::Take(_))
    }

    /// Whoever lays a fork down holds it: nobody can take it at the same moment.
    fn never_together(
        &self,
        _: &State,
        (_, earlier): (Task, &Step),
        (_, later): (Task, &Step),
        _: bool,
    ) -> bool {
        matches!((*earlier, *later), (Step::LayDown(a), Step::Take(b)) if a == b)
    }
}

/// Runs every trace; the first schedule after which everybody waits.
fn dine(table: Table) -> (Explored, Option<Vec<Task>>) {
    let mut stuck = None;
    let explored = explore(table, |execution| {
        if !execution.waiting.is_empty() {
            stuck.get_or_insert_with(|| execution.schedule.to_vec());
        }
        ControlFlow::Continue(())
    });
    (explored, stuck)
}

fn main() {
    for philosophers in 2..=5 {
        for ordered in [false, true] {
            let (explored, stuck) = dine(Table { philosophers, ordered });
            let how = if ordered { "lower fork first" } else { "left fork first " };
            println!(
                "{philosophers} philosophers, {how}: {} traces, {} cut off",
                explored.traces(),
                explored.cut
            );
            match stuck {
                Some(schedule) => println!("  they starve after {schedule:?}"),
                None => println!("  nobody starves: exhausted"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, dine};

    #[test]
    fn left_fork_first_starves_them() {
        let (explored, stuck) = dine(Table { philosophers: 3, ordered: false });
        assert_eq!(stuck.map(|schedule| schedule.len()), Some(3), "a fork for each");
        assert_eq!(explored.stuck, 1);
    }

    #[test]
    fn lower_fork_first_starves_nobody() {
        for philosophers in 2..=5 {
            let (explored, stuck) = dine(Table { philosophers, ordered: true });
            assert!(explored.exhausted && explored.finished > 1);
            assert_eq!((explored.stuck, stuck), (0, None));
        }
    }
}
