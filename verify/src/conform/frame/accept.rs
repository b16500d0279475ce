//! Which states an event leads to: amid the events of one step.

use super::fallocate::is_inner;
use super::phase::Phase;
use super::{Candidate, Frame, Kind};
use crate::conform::event::{Submitted, Thread, What};
use crate::conform::flags::{GET_CONVERT, GET_CREATE, MAP_MAPPED, MAP_UNWRITTEN};
use crate::conform::world::World;
use diolock::extent_probe::Extent;
use diolock::inode_lock::{LockName, Mode};
use diolock::op::{Op, Outcome};
use diolock::task::Task;

impl Frame {
    /// The states that a state leads to by an event.
    pub(super) fn accept(
        &self,
        from: &Candidate,
        thread: Thread,
        what: &What,
        world: &World,
    ) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let step = |outcome| vec![self.stepped(from, [outcome])];
        // The call's own frame, around the task's steps.
        if self.kind.is_fallocate() && is_inner(what) {
            return if self.inner < 2 { vec![from.clone()] } else { Vec::new() };
        }
        match (&from.phase, what) {
            (Phase::Ready, _) => self.accept_ready(from, what, world),
            (&Phase::Asked(lock, mode), &What::Acq { l, m }) if (l, m) == (lock, mode) => {
                step(Outcome::Done)
            }
            (&Phase::Tried(lock, mode), &What::Acq { l, m }) if (l, m) == (lock, mode) => {
                step(if self.kind == Kind::Read { Outcome::Done } else { Outcome::Flag(true) })
            }
            (&Phase::Tried(lock, mode), &What::Fail { l, m }) if (l, m) == (lock, mode) => {
                if self.kind == Kind::Read { to(Phase::Failed) } else { step(Outcome::Flag(false)) }
            }
            (Phase::Started, What::DioBegin { .. }) => step(Outcome::Done),
            (Phase::Started, What::IomapDioRwRet { ret: Submitted::Nothing }) => to(Phase::Failed),
            (Phase::Failed, What::Rel { l: LockName::IRwsem, .. }) => to(Phase::Failed),
            (Phase::Failed, What::DioEnd { .. }) if self.kind == Kind::Completion => {
                to(Phase::Over)
            }
            (Phase::Failed, What::DioEnd { .. }) if !self.ended => to(Phase::Failed),
            (Phase::Failed, What::WakeBit { .. }) => to(Phase::Failed),
            (Phase::Failed, What::WriteIterRet { .. } | What::ReadIterRet { .. })
                if !world.holds_any(thread) =>
            {
                to(Phase::Over)
            }
            (Phase::Draining, What::DioWaitRet {}) => step(Outcome::Done),
            (Phase::Probe, &What::MapBlocks { gflags, .. })
                if gflags.0 & (GET_CREATE | GET_CONVERT) == 0 =>
            {
                to(Phase::Probing)
            }
            (Phase::Probing, &What::MapBlocksRet { ret }) => self.probed(from, thread, ret, world),
            (
                Phase::Probing
                | Phase::Looking
                | Phase::Creating
                | Phase::Converts
                | Phase::Allocates
                | Phase::Zeroing,
                _,
            ) if self.mapping.inside(what) => {
                vec![from.clone()]
            }
            (Phase::Between, What::IomapOwBegin { .. }) if self.overwrites(from) => {
                to(Phase::OwBegun)
            }
            (Phase::Between, What::IomapBegin { .. }) if !self.overwrites(from) => to(Phase::Begun),
            (Phase::OwBegun, What::IomapBegin { .. }) => to(Phase::Begun),
            (Phase::Begun, &What::MapBlocks { gflags, .. }) => {
                let creates = gflags.has(GET_CREATE);
                let looks_first = from.call.place().kernel == "ext4_map_blocks";
                match (creates, looks_first) {
                    (false, true) => to(Phase::Looking),
                    (true, false) => to(Phase::Creating),
                    _ => Vec::new(),
                }
            }
            (Phase::Looking, &What::MapBlocksRet { ret }) if ret >= 0 => to(Phase::Looked),
            (Phase::Looked, &What::MapBlocks { gflags, .. })
                if gflags.has(GET_CREATE) && self.kind == Kind::Write && !self.overwrites(from) =>
            {
                to(Phase::Creating)
            }
            (Phase::Looked, &What::SetIomap { mflags, .. }) => {
                let written = mflags.0 & (MAP_MAPPED | MAP_UNWRITTEN) == MAP_MAPPED;
                let done = written || self.kind == Kind::Read || self.overwrites(from);
                if done { to(Phase::Between) } else { Vec::new() }
            }
            (Phase::Creating, &What::MapBlocksRet { ret: 1.. })
                if self.mapping.alone() || world.may_all_be(thread, 1, Extent::Written) =>
            {
                to(Phase::Created)
            }
            (Phase::Created, What::SetIomap { .. }) => to(Phase::Between),
            // No space: looked for again once a commit has freed some.
            (Phase::Creating, &What::MapBlocksRet { ret: ..=0 }) => to(Phase::Begun),
            (Phase::Head(0), &What::DioComplete { iocb, .. }) if Some(iocb) == self.iocb => {
                to(Phase::Head(1))
            }
            (Phase::Head(1), &What::EndIo { iocb, err, size, .. })
                if Some(iocb) == self.iocb && self.kind != Kind::Read =>
            {
                if err == 0 && size > 0 {
                    return vec![from.clone().at(Phase::Ready)];
                }
                to(Phase::Failed)
            }
            (Phase::Head(1), What::DioEnd { .. }) if self.kind == Kind::Read => {
                self.accept_ready(&from.clone().at(Phase::Ready), what, world)
            }
            (Phase::ConvertBetween, &What::MapBlocks { gflags, .. }) if gflags.has(GET_CONVERT) => {
                to(Phase::Converts)
            }
            // Without the lock if somebody else's write to the same blocks was converted first.
            (Phase::Converts, &What::MapBlocksRet { ret: 1.. })
                if self.mapping.alone() || world.may_all_be(thread, 1, Extent::Written) =>
            {
                to(Phase::ConvertBetween)
            }
            (Phase::ConvertBetween, What::ConvertUnwrittenRet { ret: 0 })
                if self.mapping.converted(self.asked, self.block) =>
            {
                vec![self.through_conversion(from)]
            }
            (Phase::Allocating | Phase::Allocates | Phase::Raises(_), _) => {
                self.allocates(from, thread, what, world)
            }
            (Phase::Shifting(_), _) => match from.call.next() {
                Some(Op::ShiftExtents(range, shift)) => self.shifts(from, range, shift, what),
                _ => Vec::new(),
            },
            (Phase::Failed, What::Rel { l: LockName::InvalidateLock, .. })
                if self.kind == Kind::Zero =>
            {
                to(Phase::Failed)
            }
            (Phase::Failed, What::FallocateRet { ret: ..0 }) if !world.holds_any(thread) => {
                to(Phase::Over)
            }
            (Phase::Removing(0), &What::RemoveSpace { start, end, .. }) => {
                let fits = match from.call.next() {
                    Some(Op::Free(first)) => start == u64::from(first),
                    Some(Op::FreeRange(range)) => {
                        start == u64::from(range.start)
                            && (self.kind != Kind::Shift || end + 1 == u64::from(range.end()))
                    }
                    _ => false,
                };
                if fits { to(Phase::Removing(1)) } else { Vec::new() }
            }
            (Phase::Removing(1), What::RemoveSpaceDone {}) => step(Outcome::Freed(Vec::new())),
            (Phase::Zeroing, What::MapBlocksRet { .. }) => to(Phase::Ready),
            (Phase::SetattrReturned, What::Rel { l: LockName::IRwsem, m: Mode::Exclusive, .. }) => {
                step(Outcome::Done)
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn overwrites(&self, candidate: &Candidate) -> bool {
        candidate.call.plan().is_some_and(|plan| plan.overwrite_ops)
    }

    fn probed(&self, from: &Candidate, thread: Thread, ret: i64, world: &World) -> Vec<Candidate> {
        let Some(lookup) = world.lookup(thread) else { return Vec::new() };
        let (all, found) = (lookup.to - lookup.from, u64::try_from(ret).unwrap_or(0));
        if found < all {
            return vec![self.through_probe(from, Extent::Written, found)];
        }
        let kinds = [Extent::Written, Extent::Unwritten];
        let may = kinds.into_iter().filter(|&kind| world.may_all_be(thread, found, kind));
        may.map(|kind| self.through_probe(from, kind, found)).collect()
    }
}
