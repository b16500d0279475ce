//! What no number of tasks breaks.

use super::machine::{Follow, Machine};
use super::pairs::Pairs;
use super::scene::Scene;
use crate::rule::{RuleId, carried};
use diolock::inode::TASKS;
use diolock::op::TaskId;

/// A rule that two tasks break in a state that others may have brought about: a suspect, until a run shows it.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// Which.
    pub rule: RuleId,
    /// What happens.
    pub text: String,
    /// The two of them: the call, and where its tasks stand.
    pub view: Vec<String>,
    /// Their calls.
    pub(super) calls: Vec<usize>,
}

/// What was found of rules.
#[derive(Clone, Debug)]
pub struct OfRules {
    /// Pairs of users in shared states that were met, and shared states.
    pub views: u64,
    /// The same.
    pub shared: usize,
    /// Rules that were looked at, and what of them, if not all.
    pub rules: Vec<(RuleId, Option<&'static str>)>,
    /// Those that some view breaks.
    pub suspects: Vec<Suspect>,
    /// Why this is not all there is.
    pub cut: Option<&'static str>,
}

impl OfRules {
    /// What is known of a rule: nothing in the way of it, or who is.
    pub fn suspect(&self, rule: RuleId) -> Option<&Suspect> {
        self.suspects.iter().find(|suspect| suspect.rule == rule)
    }
}

/// Looks at every pair of any number of tasks; `go_on` hears of views. `None` if it said no.
pub fn rules(scene: &Scene, go_on: impl FnMut(u64, usize) -> bool) -> Option<OfRules> {
    let mut pairs = Pairs::new(Machine::new(scene, Follow::Rules));
    if !pairs.run(go_on) {
        return None;
    }
    let machine = &pairs.machine;
    let suspects = pairs.broken.iter().map(|(&rule, broken)| {
        let calls = broken.view.1.map(|user| machine.users.get(user).template);
        let stands = |user| {
            let text = &scene.templates[machine.users.get(user).template].text;
            let place = |task| {
                machine.place(user, task).map(|place| format!("{} {}", place.kernel, place.step))
            };
            let places: Vec<String> = (0..TASKS as TaskId).filter_map(place).collect();
            format!("{text} at {}", places.join(", its completion at "))
        };
        Suspect {
            rule,
            text: broken.text.clone(),
            view: broken.view.1.map(stands).to_vec(),
            calls: calls.to_vec(),
        }
    });
    Some(OfRules {
        views: pairs.views,
        shared: pairs.shared_states(),
        rules: carried(),
        suspects: suspects.collect(),
        cut: machine.cut,
    })
}
