//! Which states an event leads to: amid the events of one step.

use super::begin::blocks_of;
use super::fallocate::is_inner;
use super::phase::Phase;
use super::{Candidate, Frame, Kind};
use crate::conform::event::{Thread, What};
use crate::conform::flags::{
    DIO_WRITE, GET_CREATE, GET_IO_CONVERT, GET_IO_CREATE, IOMAP_DIRECT, MAP_MAPPED, MAP_NEW,
    MAP_UNWRITTEN, WRITE,
};
use crate::conform::value::{Hex, Submitted};
use crate::conform::world::World;
use diolock::op::{Extent, LockName, Mode, Op, Outcome};
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
            return match what {
                _ if self.inner >= 2 || !self.inner_fits(what) => Vec::new(),
                // A block of which a part is to be zeroed could not be read, and nothing is removed.
                What::PunchHoleRet { ret: ..0 } if self.removing.is_none() => to(Phase::Failed),
                What::PunchHoleRet { ret: ..0 } => Vec::new(),
                _ => vec![from.clone()],
            };
        }
        match (&from.phase, what) {
            // Pages could not be written back, or read to be zeroed in part, and nothing is moved or removed.
            (Phase::Ready, What::Rel { l: LockName::InvalidateLock, .. })
                if matches!(self.kind, Kind::Shift | Kind::Punch)
                    && !self.shifted
                    && self.removing.is_none() =>
            {
                [to(Phase::Failed), self.accept_ready(from, what, world)].concat()
            }
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
            (Phase::NoSpace | Phase::Failed | Phase::CleansUp(_), _) => {
                self.fails(from, thread, what, world)
            }
            (Phase::Draining, What::DioWaitRet {}) => step(Outcome::Done),
            (Phase::Probe, &What::MapBlocks { lblk, mlen, gflags }) => {
                let range = blocks_of(self.asked, self.block);
                let same = (lblk, mlen) == (u64::from(range.start), u64::from(range.len));
                if gflags.0 == 0 && same { to(Phase::Probing) } else { Vec::new() }
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
                let unwritten = *what == What::HandleUnwritten {};
                if unwritten && !world.some_may_be(thread, Extent::Unwritten) {
                    return Vec::new();
                }
                vec![from.clone()]
            }
            (Phase::Between, What::IomapOwBegin { .. }) if self.overwrites(from) => {
                to(Phase::OwBegun)
            }
            (Phase::Between, &What::IomapBegin { iflags, .. })
                if !self.overwrites(from) && self.wants(iflags) =>
            {
                to(Phase::Begun)
            }
            // ext4_iomap_overwrite_begin takes IOMAP_WRITE away.
            (Phase::OwBegun, &What::IomapBegin { iflags, .. })
                if !iflags.has(WRITE) && iflags.has(IOMAP_DIRECT) =>
            {
                to(Phase::Begun)
            }
            (Phase::Begun, &What::MapBlocks { lblk, gflags, .. }) => {
                let looks_first = from.call.place().kernel == "ext4_map_blocks";
                let creates = self.creates_with(lblk, thread, world).contains(&gflags.0);
                match (gflags.0, looks_first) {
                    (0, true) => to(Phase::Looking),
                    (_, false) if creates => to(Phase::Creating),
                    _ => Vec::new(),
                }
            }
            (Phase::Looking, &What::MapBlocksRet { ret }) if ret >= 0 => to(Phase::Looked),
            (Phase::Looked, &What::MapBlocks { lblk, gflags, .. })
                // Under the lock that keeps out whoever makes written blocks anything else.
                if self.kind == Kind::Write
                    && !self.overwrites(from)
                    && !from.written
                    && self.creates_with(lblk, thread, world).contains(&gflags.0) =>
            {
                to(Phase::Creating)
            }
            (Phase::Looked, &What::SetIomap { mflags, .. }) => {
                let written = mflags.0 & (MAP_MAPPED | MAP_UNWRITTEN) == MAP_MAPPED;
                let done = written || self.kind == Kind::Read || self.overwrites(from);
                let hole = mflags.0 & (MAP_MAPPED | MAP_UNWRITTEN) == 0;
                let fits = hole != self.mapping.found() && !mflags.has(MAP_NEW);
                if done && fits { to(Phase::Between) } else { Vec::new() }
            }
            (Phase::Creating, &What::MapBlocksRet { ret: found @ 1.. })
                if self.mapping.alone()
                    || world.may_all_be(thread, found.unsigned_abs(), Extent::Written) =>
            {
                to(Phase::Created)
            }
            // Without i_data_sem alone only what was written already can be returned.
            (Phase::Created, &What::SetIomap { mflags, .. }) => {
                let written = mflags.0 & MAP_UNWRITTEN == 0;
                let fits = match (self.mapping.alone(), self.mapping.flags()) {
                    (true, GET_IO_CREATE) => true,
                    (true, _) => written,
                    (false, _) => written && !mflags.has(MAP_NEW),
                };
                if fits && mflags.has(MAP_MAPPED) { to(Phase::Between) } else { Vec::new() }
            }
            // No space: looked for again once a commit has freed some, or the end of it.
            (Phase::Creating, &What::MapBlocksRet { ret: ..=0 }) => {
                let again = [Phase::Begun, Phase::Looked, Phase::NoSpace];
                again.map(|phase| from.clone().at(phase)).to_vec()
            }
            (Phase::Head(0), &What::DioComplete { iocb, pos, size, err, dflags, .. })
                if Some(iocb) == self.iocb =>
            {
                let len = self.asked.end - self.asked.pos;
                let writes = self.kind != Kind::Read;
                let whole = size == len || size < len && (err != 0 || !writes);
                let fits = pos == self.asked.pos && dflags.has(DIO_WRITE) == writes;
                if whole && fits { to(Phase::Head(1)) } else { Vec::new() }
            }
            (Phase::Head(1), &What::EndIo { iocb, pos, err, size, dflags })
                if Some(iocb) == self.iocb
                    && self.kind != Kind::Read
                    && self.done == Some((pos, size, err, dflags.0)) =>
            {
                if err == 0 && size > 0 {
                    return vec![from.clone().at(Phase::Ready)];
                }
                to(Phase::Failed)
            }
            (Phase::Head(1), What::DioEnd { .. }) if self.kind == Kind::Read => {
                self.accept_ready(&from.clone().at(Phase::Ready), what, world)
            }
            (Phase::ConvertBetween, &What::MapBlocks { gflags, .. })
                if gflags.0 == GET_IO_CONVERT =>
            {
                to(Phase::Converts)
            }
            // Without the lock if somebody else's write to the same blocks was converted first.
            (Phase::Converts, &What::MapBlocksRet { ret: found @ 1.. })
                if self.mapping.alone()
                    || world.may_all_be(thread, found.unsigned_abs(), Extent::Written) =>
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
            (Phase::Removing(0), &What::RemoveSpace { start, end, .. }) => {
                let fits = match from.call.next() {
                    Some(Op::FreeRange(range)) if self.kind == Kind::Shift => {
                        (start, end + 1) == (u64::from(range.start), u64::from(range.end()))
                    }
                    _ => self.removing == Some((start, end + 1)),
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

    /// Whether ext4_iomap_begin is asked for what the call does.
    fn wants(&self, iflags: Hex) -> bool {
        iflags.has(WRITE) == (self.kind == Kind::Write) && iflags.has(IOMAP_DIRECT)
    }

    /// With which flags ext4_iomap_alloc creates (v6.1, v6.12): from i_size on written blocks, before it
    /// unwritten ones, so that nobody reads what the device held.
    fn creates_with(&self, lblk: u64, thread: Thread, world: &World) -> Vec<u64> {
        let (size, at) = (world.window(thread).size, lblk.saturating_mul(self.block));
        let (behind, before) = (at >= size.least, at < size.most);
        let flags = [(behind, GET_CREATE), (before, GET_IO_CREATE)];
        flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1).collect()
    }

    pub(super) fn overwrites(&self, candidate: &Candidate) -> bool {
        candidate.call.plan().is_some_and(|plan| plan.overwrite_ops)
    }

    fn probed(&self, from: &Candidate, thread: Thread, ret: i64, world: &World) -> Vec<Candidate> {
        let Some(lookup) = world.lookup(thread) else { return Vec::new() };
        let (all, found) = (lookup.to - lookup.from, u64::try_from(ret).unwrap_or(0));
        if found < all {
            let probed = self.through_probe(from, Extent::Written, found);
            return vec![Candidate { written: false, ..probed }];
        }
        let kinds = [Extent::Written, Extent::Unwritten];
        let may = kinds.into_iter().filter(|&kind| world.may_all_be(thread, found, kind));
        let probed = |kind| Candidate {
            written: kind == Extent::Written,
            ..self.through_probe(from, kind, found)
        };
        may.map(probed).collect()
    }
}
