//! Which kernels a call is modelled on: elsewhere its steps would be those of another era.

use super::{CallSpec, Litmus, TaskSpec};
use diolock::kernel::Version::{self, RfcV1, V3_7, V3_11, V4_10, V5_4, V5_10, V6_1};
use diolock::op::{Fault, WaitQueue};
use std::ops::RangeInclusive;

impl CallSpec {
    /// The kernels that it is modelled on, as a whole, or with an option (whose key comes first) that
    /// it was given.
    fn modelled(&self) -> Vec<(&'static str, RangeInclusive<Version>)> {
        let always = RfcV1..=Version::NEWEST;
        match *self {
            CallSpec::Pwrite { fault, flags, pins, .. } => [
                ("fail", fault == Some(Fault::Enomem), RfcV1..=V3_11),
                ("nowait", flags.nowait, V5_4..=Version::NEWEST),
                ("pins", pins, RfcV1..=V5_4),
            ]
            .into_iter()
            .filter(|option| option.1)
            .map(|(key, _, kernels)| (key, kernels))
            .collect(),
            CallSpec::Pread { late_size: true, .. } => vec![("size_read", RfcV1..=V3_11)],
            CallSpec::Pread { repeat: true, .. } => vec![("repeat", RfcV1..=V3_11)],
            CallSpec::PunchHole { indirect: true, .. } => vec![("indirect", RfcV1..=V3_11)],
            _ => vec![("", self.since_until().unwrap_or(always))],
        }
    }

    /// The kernels that it is modelled on, for people: `v4.10 to v6.12`.
    pub(super) fn kernels(&self) -> String {
        let all = self.since_until().unwrap_or(RfcV1..=Version::NEWEST);
        format!("{} to {}", all.start().name(), all.end().name())
    }

    /// Of a call that not every kernel has, or has as modelled.
    fn since_until(&self) -> Option<RangeInclusive<Version>> {
        Some(match self {
            CallSpec::AioPread(_) => RfcV1..=Version::NEWEST,
            CallSpec::EndBio(Some(_)) => RfcV1..=V3_11,
            CallSpec::Reclaim { writes: true } => RfcV1..=V6_1,
            CallSpec::EndBio(None) | CallSpec::WriteThatEvicts => RfcV1..=V3_7,
            CallSpec::PageFault { .. } | CallSpec::Mmap => RfcV1..=V5_4,
            CallSpec::DioWait(WaitQueue::Unwritten) | CallSpec::DioDone(WaitQueue::Unwritten) => {
                RfcV1..=V5_4
            }
            CallSpec::Fallocate(_) | CallSpec::ZeroRange { .. } | CallSpec::ShiftRange { .. } => {
                V4_10..=Version::NEWEST
            }
            CallSpec::Uring { .. } => V5_10..=Version::NEWEST,
            _ => return None,
        })
    }
}

/// Why these tasks say nothing of a kernel: the first whose call is not modelled there, in words.
pub(super) fn not_modelled<'a>(
    tasks: impl IntoIterator<Item = &'a TaskSpec>,
    setup: &[CallSpec],
    version: Version,
) -> Option<String> {
    let elsewhere = |whose: &str, call: &CallSpec| {
        let outside = |option: &(&str, RangeInclusive<Version>)| !option.1.contains(&version);
        let (key, kernels) = call.modelled().into_iter().find(outside)?;
        let (from, to) = (kernels.start().name(), kernels.end().name());
        let key = if key.is_empty() { String::new() } else { format!(" with `{key}`") };
        Some(format!("{whose} {}{key} is modelled from {from} to {to}", call.text()))
    };
    let of_task = |task: &TaskSpec| {
        let whose = format!("{}'s", task.letter);
        task.calls.iter().find_map(|call| elsewhere(&whose, call))
    };
    let tasks: Vec<&TaskSpec> = tasks.into_iter().collect();
    let makes = |what: fn(&CallSpec) -> bool| tasks.iter().any(|task| task.calls.iter().any(what));
    // Up to v3.11 the end of its writeback is `end_bio`.
    let flushed = makes(|call| matches!(call, CallSpec::WritePages)) && version < V4_10;
    if flushed && makes(|call| matches!(call, CallSpec::Evict)) {
        return Some(
            "writepages beside evict is modelled from v4.10 on; before, end_bio".to_owned(),
        );
    }
    let reclaims = makes(|call| matches!(call, CallSpec::Reclaim { .. })) && version < V3_7;
    if reclaims && makes(|call| matches!(call, CallSpec::MoveExtents { .. })) {
        let why = "move_extents beside reclaim is not followed up to v3.6: its reference alone keeps the page there";
        return Some(why.to_owned());
    }
    let of_setup = || setup.iter().find_map(|call| elsewhere("in `setup`", call));
    tasks.iter().copied().find_map(of_task).or_else(of_setup)
}

impl Litmus {
    /// Why the test says nothing of a kernel, in words; `None` if it does.
    pub fn not_modelled_on(&self, version: Version) -> Option<String> {
        not_modelled(&self.tasks, &self.setup, version).or_else(|| self.setup_fails(version))
    }
}
