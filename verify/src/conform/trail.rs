//! The way of a call through its task: which transitions it took, as far as a recording tells.

use diolock::task::Place;
use std::collections::BTreeSet;
use std::fmt;

/// A step of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Step {
    /// The kernel function that it is in.
    pub function: &'static str,
    /// Its name in the task's step table.
    pub name: &'static str,
}

impl From<Place> for Step {
    fn from(place: Place) -> Step {
        Step { function: place.kernel, name: place.step }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.name)
    }
}

/// A transition of a task: it has left one step, and stands before the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Edge {
    /// The step that it took.
    pub from: Step,
    /// The one that comes next.
    pub to: Step,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}

/// The transitions that led to a state.
#[derive(Clone, Default, Debug)]
pub struct Trail {
    /// Those that were taken, each as often as it was.
    pub certain: Vec<Edge>,
    /// Those that were taken if the call came here one way, and not if it came another.
    pub unclear: BTreeSet<Edge>,
}

impl Trail {
    /// The call may have come here that way, too; whether that says anything new.
    pub fn or(&mut self, other: &Trail) -> bool {
        let before = (self.certain.len(), self.unclear.len());
        let mut rest = other.certain.clone();
        let unclear = &mut self.unclear;
        self.certain.retain(|edge| match rest.iter().position(|taken| taken == edge) {
            Some(at) => {
                rest.swap_remove(at);
                true
            }
            None => {
                unclear.insert(*edge);
                false
            }
        });
        unclear.extend(rest);
        unclear.extend(&other.unclear);
        before != (self.certain.len(), self.unclear.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_one_of_two_ways_took_is_unclear() {
        let step = |name| Step { function: "f", name };
        let edge = |from, to| Edge { from: step(from), to: step(to) };
        let way = |edges: &[Edge]| Trail { certain: edges.to_vec(), ..Trail::default() };
        let (ab, bc, ac) = (edge("a", "b"), edge("b", "c"), edge("a", "c"));
        let mut trail = way(&[ab, ab, bc]);
        assert!(trail.or(&way(&[ab, ac])));
        assert_eq!(trail.certain, [ab]);
        assert_eq!(trail.unclear, BTreeSet::from([ab, bc, ac]));
        assert!(!trail.or(&way(&[ab, ac])));
    }
}
