//! The cheapest run that goes wrong in a given way: fewest steps or fewest switches first.

use super::search::{Search, StateId};
use crate::program::{Program, Waiting};
use crate::rule::RuleId;
use crate::verdict::Verdict;
use diolock::op::TaskId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What counts first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// Fewest steps, then fewest switches from one task to another.
    Steps,
    /// Fewest switches, then fewest steps.
    Switches,
}

impl Cost {
    fn of(self, steps: usize, switches: usize) -> (usize, usize) {
        match self {
            Cost::Steps => (steps, switches),
            Cost::Switches => (switches, steps),
        }
    }

    /// What a schedule costs.
    pub fn of_schedule(self, schedule: &[TaskId]) -> (usize, usize) {
        let switches = schedule.windows(2).filter(|pair| pair[0] != pair[1]).count();
        self.of(schedule.len(), switches)
    }
}

/// One way to a state.
#[derive(Clone, Copy)]
struct Node {
    state: StateId,
    last: Option<TaskId>,
    steps: usize,
    switches: usize,
    parent: Option<usize>,
}

/// Searches for the cheapest schedule with that verdict (a rule broken, or somebody stuck), as far
/// as `bound` (the cost of a schedule that is known); `None` if there is none, or if more than
/// `max_states` states would have to be looked at.
pub fn cheapest(
    program: &Program,
    wanted: &Verdict,
    cost: Cost,
    bound: (usize, usize),
    max_states: usize,
) -> Option<Vec<TaskId>> {
    let mut search = Search::new(program, false);
    let mut nodes =
        vec![Node { state: Search::FIRST, last: None, steps: 0, switches: 0, parent: None }];
    let mut seen: HashMap<(StateId, Option<TaskId>), (usize, usize)> = HashMap::new();
    seen.insert((Search::FIRST, None), (0, 0));
    let mut queue = BinaryHeap::from([Reverse(((0, 0), 0_usize))]);
    while let Some(Reverse((so_far, at))) = queue.pop() {
        let Node { state, last, steps, switches, .. } = nodes[at];
        if seen.get(&(state, last)).is_some_and(|&best| best < so_far) {
            continue;
        }
        if is(&mut search, program, state, wanted) {
            return Some(schedule(&nodes, at));
        }
        if search.broken(state).is_some() {
            continue;
        }
        for task in search.tasks() {
            let switches = switches + usize::from(last.is_some_and(|last| last != task));
            let total = cost.of(steps + 1, switches);
            if total > bound {
                continue;
            }
            let Some(next) = search.next(state, task) else { continue };
            let key = (next, Some(task));
            if seen.get(&key).is_some_and(|&best| best <= total) {
                continue;
            }
            seen.insert(key, total);
            if nodes.len() == max_states {
                return None;
            }
            let (state, last) = key;
            nodes.push(Node { state, last, steps: steps + 1, switches, parent: Some(at) });
            queue.push(Reverse((total, nodes.len() - 1)));
        }
    }
    None
}

/// Whether a state shows that verdict.
fn is(search: &mut Search<'_>, program: &Program, state: StateId, wanted: &Verdict) -> bool {
    let broken = search.broken(state);
    match wanted {
        Verdict::Violated(rule) => broken == Some(*rule),
        Verdict::Deadlocked | Verdict::Livelocked => {
            let stuck = broken.is_none() && program.rules.has(RuleId::R12) && search.stuck(state);
            let waiting = || search.system(state).waiting();
            stuck && waiting().iter().any(Waiting::spins) == (*wanted == Verdict::Livelocked)
        }
        _ => false,
    }
}

fn schedule(nodes: &[Node], mut at: usize) -> Vec<TaskId> {
    let mut schedule = Vec::new();
    while let (Some(task), Some(parent)) = (nodes[at].last, nodes[at].parent) {
        schedule.push(task);
        at = parent;
    }
    schedule.reverse();
    schedule
}
