//! No number of tasks is stuck: every wait goes up one order.

use super::machine::{Follow, Machine};
use super::scene::Scene;
use super::singles::Singles;
use super::waits::{Class, Wait, order, waits};
use std::collections::BTreeSet;

/// What was found of waits.
#[derive(Clone, Debug)]
pub struct Deadlock {
    /// Users in shared states that were met, and shared states.
    pub views: u64,
    /// The same.
    pub shared: usize,
    /// Every step that waits.
    pub waits: BTreeSet<Wait>,
    /// An order of what is waited for, or classes each of which is held while the next is waited for.
    pub order: Result<Vec<Class>, Vec<Class>>,
    /// Calls that may return with something that others wait for.
    pub leaks: Vec<String>,
    /// Why this is not all there is.
    pub cut: Option<&'static str>,
}

impl Deadlock {
    /// Whether no number of tasks is stuck.
    pub fn proved(&self) -> bool {
        self.cut.is_none() && self.leaks.is_empty() && self.order.is_ok()
    }

    /// The steps at which what is held there is held while that is waited for.
    pub fn makers(&self, held: Class, wanted: Class) -> impl Iterator<Item = &Wait> {
        self.waits.iter().filter(move |wait| wait.wants == wanted && wait.holds.contains(&held))
    }

    /// The calls of a scene that make a cycle.
    pub(super) fn calls_of_cycle(&self, scene: &Scene) -> Vec<usize> {
        let Err(cycle) = &self.order else { return Vec::new() };
        let edges = cycle.iter().zip(cycle.iter().cycle().skip(1));
        let calls: BTreeSet<&str> = edges
            .filter_map(|(&held, &wanted)| Some(&self.makers(held, wanted).next()?.call[..]))
            .collect();
        let of_scene = |call: &str| scene.templates.iter().position(|t| t.text == call);
        calls.into_iter().filter_map(of_scene).collect()
    }
}

/// Looks for every wait of any number of tasks; `go_on` hears of views. `None` if it said no.
pub fn deadlock(scene: &Scene, go_on: impl FnMut(u64, usize) -> bool) -> Option<Deadlock> {
    let mut singles = Singles::new(Machine::new(scene, Follow::Locks));
    if !singles.run(go_on) {
        return None;
    }
    let waits = waits(&singles);
    let machine = &singles.machine;
    let leaks: BTreeSet<String> = machine
        .all_users()
        .map(|id| machine.users.get(id))
        .filter(|user| user.over() && !user.gone())
        .map(|user| scene.templates[user.template].text.clone())
        .collect();
    Some(Deadlock {
        views: singles.views,
        shared: singles.shared_states(),
        order: order(&waits),
        waits,
        leaks: leaks.into_iter().collect(),
        cut: machine.cut,
    })
}
