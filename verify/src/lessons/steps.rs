//! The steps of each task, in the order in which they are taken.

use super::graph::Graph;
use super::slots::{Slot, Step};

/// For each task every step that it stands before in some state: first those of a run by itself, in order, each
/// followed by what it can be followed by in other runs.
pub fn steps(graph: &Graph) -> Vec<Vec<Step>> {
    (0..graph.program.calls.len()).map(|task| of_task(graph, task)).collect()
}

fn of_task(graph: &Graph, task: usize) -> Vec<Step> {
    let at = |node: usize| match &graph.slots.values()[graph.nodes[node].slots][task] {
        Slot::Before { step, .. } => Some(step),
        _ => None,
    };
    let own = |node: usize| {
        graph.nodes[node]
            .edges
            .iter()
            .find(|edge| usize::from(edge.task) == task)
            .map(|edge| edge.to)
    };
    let mut list: Vec<&Step> = Vec::new();
    let mut next = (0..graph.nodes.len()).find(|&node| at(node).is_some());
    let mut left = graph.nodes.len();
    while let Some(node) = next.filter(|_| left > 0) {
        list.extend(at(node).filter(|step| !list.contains(step)));
        next = own(node);
        left -= 1;
    }
    // States come breadth first: what leads to a step is known before it.
    for node in 0..graph.nodes.len() {
        let Some(step) = at(node) else { continue };
        if !list.contains(&step) {
            list.push(step);
        }
        let Some(after) = own(node).and_then(at).filter(|after| !list.contains(after)) else {
            continue;
        };
        let place =
            list.iter().position(|known| *known == step).map_or(list.len(), |place| place + 1);
        list.insert(place, after);
    }
    list.into_iter().cloned().collect()
}
