//! The cheapest run that goes wrong in a given way: fewest steps or fewest switches first.

use super::search::{Search, State, enabled};
use crate::program::Program;
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
struct Node {
    state: State,
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
    let search = Search::new(program, false);
    let first = search.state();
    let mut nodes =
        vec![Node { state: first.clone(), last: None, steps: 0, switches: 0, parent: None }];
    let mut seen: HashMap<(State, Option<TaskId>), (usize, usize)> = HashMap::new();
    seen.insert((first, None), (0, 0));
    let mut queue = BinaryHeap::from([Reverse(((0, 0), 0_usize))]);
    while let Some(Reverse((so_far, at))) = queue.pop() {
        let node = &nodes[at];
        if seen.get(&(node.state.clone(), node.last)).is_some_and(|&best| best < so_far) {
            continue;
        }
        if is(&search, &node.state, wanted) {
            return Some(schedule(&nodes, at));
        }
        if node.state.broken.is_some() {
            continue;
        }
        let (state, last, steps, switches) =
            (node.state.clone(), node.last, node.steps, node.switches);
        for task in enabled(&state.system) {
            let switches = switches + usize::from(last.is_some_and(|last| last != task));
            let total = cost.of(steps + 1, switches);
            if total > bound {
                continue;
            }
            let Some((next, ..)) = search.step(&state, task) else { continue };
            let key = (next, Some(task));
            if seen.get(&key).is_some_and(|&best| best <= total) {
                continue;
            }
            seen.insert(key.clone(), total);
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
fn is(search: &Search, state: &State, wanted: &Verdict) -> bool {
    match wanted {
        Verdict::Violated(rule) => state.broken == Some(*rule),
        Verdict::Deadlocked | Verdict::Livelocked => {
            let stuck = state.broken.is_none()
                && search.program.rules.has(RuleId::R12)
                && !state.system.finished()
                && enabled(&state.system).next().is_none();
            let spins = || state.system.waiting().iter().any(crate::program::Waiting::spins);
            stuck && spins() == (*wanted == Verdict::Livelocked)
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
