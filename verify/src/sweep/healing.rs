//! What ends what a sweep found: as `diolock explain` finds it for a litmus test.

use super::part::Part;
use crate::engine::graph;
use crate::explain::{Ending, closing};
use crate::rule::{RuleId, RuleSet};
use crate::survey;
use diolock::kernel::{Fix, Kernel, Version};
use std::fmt;
use std::path::Path;

/// What ends it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Healing {
    /// From this kernel on it is gone, and without this fix it is back there.
    By(Version, Fix),
    /// The same without both fixes.
    Either(Version, [Fix; 2]),
    /// From this kernel on it is gone, and no fix was found without which it is back.
    Gone(Version),
    /// The newest kernel has it.
    Open,
    /// It is not known: the newest kernels have no such calls, or a search did not end.
    Unknown,
}

impl fmt::Display for Healing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commit = |fix: Fix| fix.about().commit;
        match *self {
            Healing::By(first, fix) => write!(f, "until {}: {}", first.name(), commit(fix)),
            Healing::Either(first, [one, other]) => {
                write!(f, "until {}: {} or {}", first.name(), commit(one), commit(other))
            }
            Healing::Gone(first) => {
                write!(f, "until {}: by no one fix that was found", first.name())
            }
            Healing::Open => f.write_str("open"),
            Healing::Unknown => f.write_str("until when is not known"),
        }
    }
}

impl Healing {
    /// Of what a part breaks on a kernel.
    pub(super) fn of(version: Version, what: &str, part: &Part, exe: &Path) -> Healing {
        let rule = RuleId::ALL.into_iter().find(|rule| rule.code() == what);
        // That tasks get nowhere.
        let rules = RuleSet::NONE.with(rule.unwrap_or(RuleId::R12));
        let Ok(litmus) = part.litmus(version, rules) else { return Healing::Unknown };
        let mut program = litmus.program(Kernel::new(version));
        program.rules = rules;
        let report = graph::run(&program, graph::Options::default());
        if survey::word(&report.verdict) != what {
            return Healing::Unknown;
        }
        match closing(&litmus, &program, &report, exe) {
            Ending::Closed(closing) => {
                let first = closing.fixed.kernel.version;
                match (closing.fix.or(closing.keeps), closing.either) {
                    (Some(fix), _) => Healing::By(first, fix),
                    (None, Some(fixes)) => Healing::Either(first, fixes),
                    (None, None) => Healing::Gone(first),
                }
            }
            Ending::Open => Healing::Open,
            Ending::Unknown(_) => Healing::Unknown,
        }
    }
}
