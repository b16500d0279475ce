//! Ways through a graph: how far it is to a failure, the shortest way there, how many runs there are.

use super::graph::{End, Graph};
use diolock::op::TaskId;
use std::collections::VecDeque;

/// For every state how many steps it is to the nearest failure; `None` if there is none ahead.
pub fn distances(graph: &Graph) -> Vec<Option<usize>> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        for edge in &node.edges {
            before[edge.to].push(at);
        }
    }
    let mut found: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    let mut open = VecDeque::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        if node.end.is_some_and(|end| graph.ends.values()[end].is_bad()) {
            found[at] = Some(0);
            open.push_back((at, 0));
        }
    }
    while let Some((at, far)) = open.pop_front() {
        for &from in &before[at] {
            if found[from].is_none() {
                found[from] = Some(far + 1);
                open.push_back((from, far + 1));
            }
        }
    }
    found
}

/// A shortest way from the start to a failure, of those one with the fewest switches of tasks.
pub fn shortest(graph: &Graph) -> Option<Vec<TaskId>> {
    let far = distances(graph);
    let start = far.first().copied().flatten()?;
    let tasks = graph.program.calls.len();
    // How many switches are ahead at least, by state and by who moved last.
    let mut switches = vec![vec![0_usize; tasks]; graph.nodes.len()];
    let mut order: Vec<usize> = (0..graph.nodes.len()).filter(|&at| far[at] > Some(0)).collect();
    order.sort_by_key(|&at| far[at]);
    let ahead = |at: usize| {
        let nearer = far[at].and_then(|far| far.checked_sub(1));
        graph.nodes[at].edges.iter().filter(|edge| far[edge.to] == nearer).collect::<Vec<_>>()
    };
    for &at in &order {
        for last in 0..tasks {
            let cost = |task: TaskId, to: usize| {
                switches[to][usize::from(task)] + usize::from(usize::from(task) != last)
            };
            let least = ahead(at).iter().map(|edge| cost(edge.task, edge.to)).min();
            switches[at][last] = least.unwrap_or(0);
        }
    }
    let (mut at, mut last, mut way) = (0, None, Vec::with_capacity(start));
    while far[at] > Some(0) {
        let cost = |task: TaskId, to: usize| {
            switches[to][usize::from(task)] + usize::from(last.is_some_and(|last| last != task))
        };
        let edge = ahead(at).into_iter().min_by_key(|edge| cost(edge.task, edge.to))?;
        way.push(edge.task);
        (at, last) = (edge.to, Some(edge.task));
    }
    Some(way)
}

/// How many runs there are from the start to an end: orders of steps, all different. `None` if there is no end
/// to their number, or it has more than 38 digits.
pub fn runs(graph: &Graph) -> Option<u128> {
    let mut into = vec![0_usize; graph.nodes.len()];
    graph.nodes.iter().flat_map(|node| &node.edges).for_each(|edge| into[edge.to] += 1);
    let mut ways = vec![0_u128; graph.nodes.len()];
    ways[0] = 1;
    let (mut open, mut done, mut ends) = (vec![0], 0, 0_u128);
    while let Some(at) = open.pop() {
        done += 1;
        if graph.nodes[at].edges.is_empty() {
            ends = ends.checked_add(ways[at])?;
        }
        for edge in &graph.nodes[at].edges {
            ways[edge.to] = ways[edge.to].checked_add(ways[at])?;
            into[edge.to] -= 1;
            if into[edge.to] == 0 {
                open.push(edge.to);
            }
        }
    }
    (done == graph.nodes.len()).then_some(ends)
}

/// Where a schedule leads, or the number of its first step that cannot be taken.
///
/// # Errors
/// That number.
pub fn walk(graph: &Graph, schedule: &[TaskId]) -> Result<usize, usize> {
    schedule.iter().enumerate().try_fold(0, |at, (number, &task)| {
        let edge = graph.nodes[at].edges.iter().find(|edge| edge.task == task);
        edge.map(|edge| edge.to).ok_or(number)
    })
}

/// The failures that there are.
pub fn failures(graph: &Graph) -> impl Iterator<Item = &End> {
    graph.ends.values().iter().filter(|end| end.is_bad())
}
