//! The rules' judgement of each event, and of the end.

use super::rules::Rules;
use super::view::{End, View};
use super::{
    Gathered, Judgement, RuleId, condition, counts, data, locks, nowait, pages, remember, size,
    stored,
};
use crate::program::{Event, Program, System};
use diolock::call::Call;
use diolock::inode::Inode;

pub(super) type OfEvent = fn(&View<'_>) -> Judgement;
type OfEnd = fn(End<'_>, &Program, &Inode) -> Judgement;

/// What is judged of an event; of several rules that it breaks the first is told.
const OF_EVENT: [(RuleId, OfEvent); 22] = [
    (RuleId::R1, locks::lockset),
    (RuleId::R1, locks::io_end_slot),
    (RuleId::R2, locks::lock_order),
    (RuleId::R3, locks::lock_balance),
    (RuleId::R4, data::block_lifetime),
    (RuleId::R5, data::converted),
    (RuleId::R5, data::zeroed),
    (RuleId::R5, data::found_after_drain),
    (RuleId::R5, data::read),
    (RuleId::R5, pages::read),
    (RuleId::R5, pages::store_is_kept),
    (RuleId::R6, counts::reference_under_lock),
    (RuleId::R7, counts::nolock_flag),
    (RuleId::R8, locks::time_before_unlock),
    (RuleId::R9, counts::convert_inside_count),
    (RuleId::R5, pages::synced),
    (RuleId::R10, counts::inode_is_kept),
    (RuleId::R10, counts::io_end_is_kept),
    (RuleId::R10, counts::handle_credits),
    (RuleId::R10, counts::references),
    (RuleId::R11, size::changed),
    (RuleId::R14, nowait::never_sleeps),
];

/// What is judged of the end.
const OF_END: [(RuleId, OfEnd); 6] = [
    (RuleId::R3, locks::nothing_held),
    (RuleId::R10, counts::counters_zero),
    (RuleId::R5, data::all_converted),
    (RuleId::R5, pages::agree),
    (RuleId::R11, size::agree),
    (RuleId::R13, stored::kept),
];

impl Rules {
    /// Judges one event, after which the call of its task is `over` or not.
    ///
    /// # Errors
    /// The first rule (of those judged) that it breaks.
    pub fn observe(
        &mut self,
        program: &Program,
        event: &Event,
        over: Option<&Call>,
        gathered: &mut Gathered,
    ) -> Judgement {
        let touched = event.touched();
        let mut view = View::new(program, event, &mut self.memory, &touched);
        locks::gather(&view, gathered);
        let mut judged = Ok(());
        for (rule, judgement) in OF_EVENT.iter().filter(|(rule, _)| program.rules.has(*rule)) {
            view.asking = Some(*rule);
            judged = judged.and_then(|()| judgement(&view));
        }
        let before = self.witnesses(program, event, false);
        let mut view = View::new(program, event, &mut self.memory, &touched);
        remember::remember(&mut view);
        self.watch.remember(event, &self.memory);
        self.memory.tell(event);
        for at in before.into_iter().chain(self.witnesses(program, event, false)) {
            gathered.witness(at);
        }
        if let Some(call) = over {
            self.returned(program, event, call, gathered);
        }
        judged
    }

    /// Books the witnesses of a task whose call has returned, and what it was told. Of what the call was and did the
    /// next one of a thread knows nothing.
    fn returned(&mut self, program: &Program, event: &Event, call: &Call, gathered: &mut Gathered) {
        for at in self.witnesses(program, event, true) {
            gathered.witness(at);
        }
        self.memory.next_call(event.task, call);
    }

    fn witnesses(&self, program: &Program, event: &Event, returned: bool) -> Vec<usize> {
        let shown = |w: &super::Witness| w.shown_by(event, self, returned);
        (0..program.reaches.len()).filter(|&at| shown(&program.reaches[at])).collect()
    }

    /// Judges the end of an execution in which every task returned, leaving the system like this, and books what
    /// is there of what should exist.
    ///
    /// # Errors
    /// The first rule (of those judged) that the final state breaks.
    pub fn finish(&self, program: &Program, system: &System, gathered: &mut Gathered) -> Judgement {
        let judged = OF_END.iter().filter(|(rule, _)| program.rules.has(*rule));
        let of_file = condition::judge(&self.memory, program, system, gathered);
        judged
            .map(|(_, judgement)| judgement(End::of(&self.memory), program, &system.inode))
            .find(Result::is_err)
            .unwrap_or(of_file)
    }
}
