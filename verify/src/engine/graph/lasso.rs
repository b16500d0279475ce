//! Livelocks: a loop in which somebody waits for ever although everybody is treated fairly.
//!
//! # Fairness assumed
//! Strong: a task that can go on again and again does go on. So a victim is livelocked only in a
//! loop in which it can *never* go on, and every other task in the loop either moves in it or
//! cannot move anywhere in it.

use super::search::{Search, StateId};
use crate::program::Program;
use diolock::op::TaskId;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use std::collections::{HashMap, VecDeque};

/// A way into a loop, and once around it.
pub struct Lasso {
    /// Who waits.
    pub victim: TaskId,
    /// The tasks in the order of their steps.
    pub schedule: Vec<TaskId>,
    /// Where the loop begins in the schedule.
    pub loop_start: usize,
}

/// Looks for a livelock of a task that does not repeat.
pub fn find(program: &Program) -> Option<Lasso> {
    let mut search = Search::new(program, false);
    let graph = states(&mut search);
    let victims = (0..program.calls.len() as TaskId)
        .filter(|&task| !program.calls[usize::from(task)].repeats());
    for victim in victims {
        let starving = graph.filter_map(
            |_, state| {
                let waits = search.goes_on(state.id, victim) && !state.able.contains(&victim);
                waits.then_some(state)
            },
            |_, &task| Some(task),
        );
        for component in petgraph::algo::tarjan_scc(&starving) {
            if fair_loop(&starving, &component)
                && let Some(lasso) = lasso(&graph, &starving, &component, victim)
            {
                return Some(lasso);
            }
        }
    }
    None
}

/// A state, and who can take a step there.
struct State {
    id: StateId,
    able: Vec<TaskId>,
}

/// Every state: its node has its number.
fn states(search: &mut Search<'_>) -> DiGraph<State, TaskId> {
    let mut graph = DiGraph::new();
    let mut edges = Vec::new();
    let mut id = Search::FIRST;
    while (id as usize) < search.len() {
        let able: Vec<TaskId> = search.tasks().filter(|&task| search.enabled(id, task)).collect();
        if search.broken(id).is_none() {
            edges.extend(able.iter().filter_map(|&task| Some((id, search.next(id, task)?, task))));
        }
        graph.add_node(State { id, able });
        id += 1;
    }
    for (from, to, task) in edges {
        graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), task);
    }
    graph
}

fn fair_loop(graph: &DiGraph<&State, TaskId>, component: &[NodeIndex]) -> bool {
    let moves: Vec<TaskId> = component
        .iter()
        .flat_map(|&node| graph.edges(node))
        .filter(|edge| component.contains(&edge.target()))
        .map(|edge| *edge.weight())
        .collect();
    !moves.is_empty()
        && component.iter().flat_map(|&node| &graph[node].able).all(|task| moves.contains(task))
}

fn lasso(
    graph: &DiGraph<State, TaskId>,
    starving: &DiGraph<&State, TaskId>,
    component: &[NodeIndex],
    victim: TaskId,
) -> Option<Lasso> {
    // States are numbered breadth first: the smallest is the nearest to the start.
    let first = *component.iter().min()?;
    let entry = NodeIndex::new(starving[first].id as usize);
    let into = path(graph, NodeIndex::new(0), |node| node == entry, |_| true)?;
    // Once around: through an edge of every task that moves in the loop.
    let mut movers: Vec<TaskId> = component
        .iter()
        .flat_map(|&node| starving.edges(node))
        .filter(|edge| component.contains(&edge.target()))
        .map(|edge| *edge.weight())
        .collect();
    movers.sort_unstable();
    movers.dedup();
    let inside = |node: NodeIndex| component.contains(&node);
    let mut at = first;
    let mut around = Vec::new();
    for mover in movers {
        let has_move = |node: NodeIndex| {
            starving.edges(node).any(|e| *e.weight() == mover && inside(e.target()))
        };
        let way = path(starving, at, has_move, inside)?;
        around.extend(&way);
        at = follow(starving, at, &way)?;
        at = starving.edges(at).find(|e| *e.weight() == mover && inside(e.target()))?.target();
        around.push(mover);
    }
    around.extend(path(starving, at, |node| node == first, inside)?);
    let loop_start = into.len();
    Some(Lasso { victim, schedule: into.into_iter().chain(around).collect(), loop_start })
}

fn follow<S>(graph: &DiGraph<S, TaskId>, from: NodeIndex, way: &[TaskId]) -> Option<NodeIndex> {
    way.iter().try_fold(from, |at, task| {
        graph.edges(at).find(|edge| edge.weight() == task).map(|edge| edge.target())
    })
}

/// A shortest way, as tasks, from a node to one that will do, over allowed nodes.
fn path<S>(
    graph: &DiGraph<S, TaskId>,
    from: NodeIndex,
    will_do: impl Fn(NodeIndex) -> bool,
    allowed: impl Fn(NodeIndex) -> bool,
) -> Option<Vec<TaskId>> {
    let mut came: HashMap<NodeIndex, (NodeIndex, TaskId)> = HashMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if will_do(at) {
            let mut way = Vec::new();
            let mut at = at;
            while at != from {
                let (before, task) = came[&at];
                way.push(task);
                at = before;
            }
            way.reverse();
            return Some(way);
        }
        for edge in graph.edges(at) {
            let to = edge.target();
            if to != from && allowed(to) && !came.contains_key(&to) {
                came.insert(to, (at, *edge.weight()));
                queue.push_back(to);
            }
        }
    }
    None
}
