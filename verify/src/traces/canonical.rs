//! The run that stands for a trace: it depends on the trace alone, not on the execution seen.

use crate::program::Event;
use crate::trace::HappensBefore;
use diolock::op::TaskId;

/// A schedule for the trace of these events: the same task goes on while it can, and where it
/// cannot, the smallest that can goes next. Of those that begin with each of the tasks, it is the
/// one with the fewest switches, then the first in order.
pub fn schedule(tasks: usize, events: &[Event]) -> Vec<TaskId> {
    let order = HappensBefore::new(tasks, events);
    let mut own: Vec<Vec<usize>> = vec![Vec::new(); tasks];
    for (at, event) in events.iter().enumerate() {
        own[usize::from(event.task)].push(at);
    }
    let begun_by_each = (0..tasks).filter_map(|first| linear(&order, &own, first));
    let switches = |schedule: &Vec<TaskId>| schedule.chunk_by(|a, b| a == b).count();
    begun_by_each.min_by_key(|schedule| (switches(schedule), schedule.clone())).unwrap_or_default()
}

/// The schedule that begins with `first`, if it can begin.
fn linear(order: &HappensBefore, own: &[Vec<usize>], first: usize) -> Option<Vec<TaskId>> {
    let mut done = vec![0_u32; own.len()];
    let mut schedule = Vec::new();
    let mut last = first;
    let ready = |task: usize, done: &[u32]| {
        own[task].get(done[task] as usize).is_some_and(|&event| order.ready(event, done))
    };
    if !ready(first, &done) {
        return None;
    }
    loop {
        if !ready(last, &done) {
            let Some(next) = (0..own.len()).find(|&task| ready(task, &done)) else { break };
            last = next;
        }
        done[last] += 1;
        schedule.push(last as TaskId);
    }
    Some(schedule)
}
