//! What a call does once it has failed: for want of space, or by an error of the device.

use super::phase::Phase;
use super::{Candidate, Frame, Kind};
use crate::conform::event::{Thread, What};
use crate::conform::value::Submitted;
use crate::conform::world::World;
use diolock::op::{LockName, Mode};

impl Frame {
    /// The states that a state of a failed call leads to by an event.
    pub(super) fn fails(
        &self,
        from: &Candidate,
        thread: Thread,
        what: &What,
        world: &World,
    ) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let alone = world.holds(thread, LockName::IRwsem) == Some(Mode::Exclusive);
        let listed = world.orphan.is_some();
        match (&from.phase, what) {
            // What was submitted before may be in flight still.
            (Phase::NoSpace, What::IomapDioRwRet { ret: Submitted::Queued }) => {
                let mut next = from.clone().at(Phase::Failed);
                next.queued = true;
                vec![next]
            }
            (Phase::NoSpace, What::IomapDioRwRet { ret: Submitted::Waited }) => to(Phase::Head(0)),
            (Phase::Failed, What::Rel { l: LockName::IRwsem, .. }) => to(Phase::Failed),
            (Phase::Failed, What::Rel { l: LockName::InvalidateLock, .. })
                if matches!(self.kind, Kind::Zero | Kind::Punch) =>
            {
                to(Phase::Failed)
            }
            (Phase::Failed, What::DioEnd { .. }) if self.kind == Kind::Completion => {
                to(Phase::Over)
            }
            (Phase::Failed, What::DioEnd { .. }) if !self.ended => to(Phase::Failed),
            (Phase::Failed, What::WakeBit { .. }) => to(Phase::Failed),
            (Phase::Failed, What::Req { .. })
                if self.kind == Kind::Write && self.ended && alone && cleans_up(0, what) =>
            {
                to(Phase::CleansUp(1))
            }
            // Without a journal there is no list of orphans, and these two do nothing.
            (&Phase::CleansUp(at), What::OrphanAdd {} | What::OrphanDel {}) if !listed => {
                to(Phase::CleansUp(at))
            }
            (&Phase::CleansUp(at), _) => {
                let at = if listed { at } else { at + u8::from(OF_ORPHANS.contains(&at)) };
                let last = if listed { LAST } else { LAST - 1 };
                // The same blocks as from the status cache.
                let same = match *what {
                    What::RemoveSpace { start, end, .. } => self.removing == Some((start, end + 1)),
                    _ => true,
                };
                match same && cleans_up(at, what) {
                    true if at == last => to(Phase::Failed),
                    true => to(Phase::CleansUp(at + 1)),
                    false => Vec::new(),
                }
            }
            (Phase::Failed, What::WriteIterRet { .. } | What::ReadIterRet { .. })
                if !world.holds_any(thread) =>
            {
                to(Phase::Over)
            }
            (Phase::Failed, What::FallocateRet { ret: ..0 }) if !world.holds_any(thread) => {
                to(Phase::Over)
            }
            _ => Vec::new(),
        }
    }
}

impl Frame {
    /// Whether a write whose pages could not be dropped (-ENOTBLK), and which did no I/O, goes on through the page cache.
    pub fn falls_back(&self, what: &What) -> bool {
        let failed = |candidate: &Candidate| candidate.phase == Phase::Failed;
        let asks = matches!(what, What::Req { l: LockName::IRwsem, m: Mode::Exclusive });
        let no_io = self.done.is_none() && !self.ended;
        self.kind == Kind::Write && asks && no_io && self.candidates.iter().all(failed)
    }
}

/// The last event of a clean-up, and those of the list of orphans.
const LAST: u8 = 13;
const OF_ORPHANS: [u8; 3] = [3, 10, LAST];

/// Whether an event is the next of what an extending write does that failed: `ext4_inode_extension_cleanup`, with
/// `ext4_truncate_failed_write` and `ext4_truncate` inside (6.1.192, 6.12.117).
fn cleans_up(at: u8, what: &What) -> bool {
    let (inval, data, alone) = (LockName::InvalidateLock, LockName::IDataSem, Mode::Exclusive);
    match (at, what) {
        (0, &What::Req { l, m }) | (1, &What::Acq { l, m }) => (l, m) == (inval, alone),
        (2, What::Truncate { .. })
        | (3, What::OrphanAdd {})
        | (7, What::RemoveSpace { .. })
        | (8, What::RemoveSpaceDone {})
        | (10 | LAST, What::OrphanDel {}) => true,
        (4, &What::Req { l, m }) | (5, &What::Acq { l, m }) => (l, m) == (data, alone),
        (6, &What::EsRemove { lblk, mlen }) => lblk + mlen == u64::from(u32::MAX),
        (9, &What::Rel { l, m, .. }) => (l, m) == (data, alone),
        (11, &What::TruncateRet { ret }) => ret == 0,
        (12, &What::Rel { l, m, .. }) => (l, m) == (inval, alone),
        _ => false,
    }
}
