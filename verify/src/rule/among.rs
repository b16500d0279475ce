//! The rules' judgement of an event among any number of users: of those rules that can be carried there.

use super::judge::OfEvent;
use super::memory::Memory;
use super::parts::{Apart, UserRecord, Written};
use super::view::View;
use super::{RuleId, Violation, counts, data, locks, nowait, pages, remember};
use crate::program::{Event, Program};
use diolock::inode::Inode;

/// What is carried.
const CARRIED: [(RuleId, OfEvent); 13] = [
    (RuleId::R1, locks::lockset),
    (RuleId::R2, locks::lock_order),
    (RuleId::R3, locks::lock_balance),
    (RuleId::R4, data::block_lifetime),
    (RuleId::R5, data::converted),
    (RuleId::R5, data::read),
    (RuleId::R5, pages::read),
    (RuleId::R5, pages::store_is_kept),
    (RuleId::R7, counts::nolock_flag),
    (RuleId::R8, locks::time_before_unlock),
    (RuleId::R9, counts::convert_inside_count),
    (RuleId::R10, counts::references),
    (RuleId::R14, nowait::never_sleeps),
];

/// The rules of which something is carried, and what, if it is not all of what it says.
pub fn carried() -> Vec<(RuleId, Option<&'static str>)> {
    let mut rules: Vec<RuleId> = CARRIED.iter().map(|rule| rule.0).collect();
    rules.dedup();
    let part = |rule| match rule {
        RuleId::R1 => Some("but for cur_aio_dio"),
        RuleId::R2 => Some("the ranks; of cycles: prove without --rules"),
        RuleId::R3 => Some("but for what is held at the end"),
        RuleId::R5 => Some(
            "no read finds what was never the file's, only what was written becomes written, no store misses the page",
        ),
        RuleId::R10 => Some("nobody drops a reference that is not his"),
        _ => None,
    };
    rules.into_iter().map(|rule| (rule, part(rule))).collect()
}

/// What the rules say of an event and remember after it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Every rule that it breaks.
    pub broken: Vec<Violation>,
    /// What is remembered of who moved, of each that looked on, and of the blocks.
    pub mover: UserRecord,
    /// The same, in order.
    pub others: Vec<UserRecord>,
    /// The same.
    pub written: Written,
}

/// Judges an event of task 0 or 1 of the mover, which found the inode (as all share it) like `before` and left it
/// like `after`, while others looked on.
pub fn judge_among(
    program: &Program,
    event: &Event,
    (before, after): (&Inode, &Inode),
    written: &Written,
    (mover, others): (&UserRecord, &[&UserRecord]),
) -> Judged {
    let mut memory = Memory::together(Apart { inode: before, written, mover, others });
    let touched = event.touched();
    let mut view = View::new(program, event, &mut memory, &touched);
    let mut broken = Vec::new();
    for &(rule, judgement) in &CARRIED {
        view.asking = Some(rule);
        broken.extend(judgement(&view).err());
    }
    remember::remember(&mut view);
    let (mover, others, written) = memory.apart(after, others);
    Judged { broken, mover, others, written }
}
