//! One call of one thread, and the states of its task that fit what was recorded of it so far.

use super::coverage::Edge;
use super::event::{Iocb, Ops, Submitted, Thread, What};
use super::reject::Reason;
use super::step::{Mapping, Phase};
use super::world::{CONVERT, CREATE, Window, World};
use crate::schedule::answers;
use diolock::dio_path::{
    Call, DioReadIter, DioWriteIter, IomapEndIo, PunchHoleRwsem, Setattr, Write, WriteFlags,
};
use diolock::extent_probe::{Extent, Half, Mapped};
use diolock::inode_lock::{LockName, Mode};
use diolock::kernel::Kernel;
use diolock::op::{Bio, Blocks, MapFor, Op, OrphanOp, Outcome, Range, Submission};
use diolock::task::Task;
use std::collections::{BTreeSet, HashSet};

/// Which call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A direct write.
    Write,
    /// A direct read.
    Read,
    /// A truncate.
    Setattr,
    /// A punched hole.
    Punch,
    /// The completion of an asynchronous write.
    Completion,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] =
        [Kind::Write, Kind::Read, Kind::Setattr, Kind::Punch, Kind::Completion];

    /// The name of its task.
    pub fn task(self) -> &'static str {
        ["DioWriteIter", "DioReadIter", "Setattr", "PunchHoleRwsem", "IomapEndIo"][self as usize]
    }
}

/// What a call was asked to do, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// First byte.
    pub pos: u64,
    /// One past the last byte.
    pub end: u64,
    /// `IOCB_NOWAIT`.
    pub nowait: bool,
}

/// A state that a task may be in.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(super) call: Call,
    /// How much of the events of its next step was seen.
    pub(super) phase: Phase,
    /// It is left to its completion.
    queued: bool,
    /// How it came here since there was but one candidate.
    trail: Vec<Edge>,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        (&self.call, &self.phase, self.queued) == (&other.call, &other.phase, other.queued)
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which.
    pub kind: Kind,
    pub(super) asked: Asked,
    block: u64,
    /// Its direct I/O.
    pub iocb: Option<Iocb>,
    /// That one's reference is gone.
    ended: bool,
    /// The extents that a write changes are converted by it.
    pub(super) mapping: Mapping,
    candidates: Vec<Candidate>,
    /// Whole blocks are removed; what is left of others is zeroed.
    partial: bool,
    /// `punch_hole` and its return.
    inner: u8,
    /// The sizes are set (truncate).
    sized: bool,
    /// `inode_extension`.
    extends: bool,
}

fn blocks_of(asked: Asked, block: u64) -> Range {
    let start = asked.pos / block;
    let end = asked.end.div_ceil(block).max(start + 1);
    Range { start: start as Blocks, len: (end - start) as Blocks }
}

impl Frame {
    fn new(kind: Kind, block: u64, asked: Asked, calls: Vec<Call>) -> Frame {
        let candidate =
            |call| Candidate { call, phase: Phase::Ready, queued: false, trail: Vec::new() };
        Frame {
            kind,
            asked,
            block,
            iocb: None,
            ended: false,
            mapping: Mapping::default(),
            candidates: calls.into_iter().map(candidate).collect(),
            partial: !asked.pos.is_multiple_of(block) || !asked.end.is_multiple_of(block),
            inner: 0,
            sized: false,
            extends: false,
        }
    }

    /// A direct write. Whether its I/O is waited for shows later.
    pub fn write(kernel: Kernel, block: u64, asked: Asked) -> Frame {
        let range = blocks_of(asked, block);
        let unaligned = !asked.pos.is_multiple_of(block) || !asked.end.is_multiple_of(block);
        let half = unaligned.then_some(Half::Lower);
        let flags = WriteFlags { nowait: asked.nowait, ..WriteFlags::default() };
        let call = |end_io| {
            let write = Write { task: 0, end_io, range, half, fault: None, pins: false };
            Call::DioWriteIter(DioWriteIter::new(write, flags, kernel, true))
        };
        Frame::new(Kind::Write, block, asked, vec![call(None), call(Some(1))])
    }

    /// A direct read.
    pub fn read(kernel: Kernel, block: u64, asked: Asked) -> Frame {
        let read = DioReadIter::new(0, blocks_of(asked, block), kernel, true);
        let call = Call::DioReadIter(Box::new(read));
        Frame::new(Kind::Read, block, asked, vec![call])
    }

    /// A truncate to `asked.end`; with `locked`, i_rwsem was taken before the recording began.
    pub fn setattr(kernel: Kernel, block: u64, size: u64, locked: bool) -> Frame {
        let asked = Asked { pos: size, end: size, nowait: false };
        let mut call = Call::Setattr(Setattr::new(size.div_ceil(block) as Blocks, kernel, true));
        if locked {
            call.resume(Outcome::Done);
        }
        Frame::new(Kind::Setattr, block, asked, vec![call])
    }

    /// A punched hole; `None` if it has no whole block.
    pub fn punch(kernel: Kernel, block: u64, asked: Asked) -> Option<Frame> {
        let (start, end) = (asked.pos.div_ceil(block), asked.end / block);
        let len = end.checked_sub(start).filter(|&len| len > 0)?;
        let range = Range { start: start as Blocks, len: len as Blocks };
        let call = Call::PunchHole(PunchHoleRwsem::new(range, kernel));
        Some(Frame::new(Kind::Punch, block, asked, vec![call]))
    }

    /// The completion of an asynchronous write.
    pub fn completion(
        kernel: Kernel,
        block: u64,
        asked: Asked,
        unwritten: bool,
        iocb: Iocb,
    ) -> Frame {
        let range = blocks_of(asked, block);
        let mut end_io = IomapEndIo::new(1, kernel, false, false);
        let bio = Bio::Write { half: None, zero_rest: false };
        end_io.submit(Submission { range, blocks: vec![0], bio, unwritten });
        let calls = vec![Call::IomapEndIo(end_io)];
        let mut frame = Frame::new(Kind::Completion, block, asked, calls);
        frame.iocb = Some(iocb);
        frame.candidates[0].phase = Phase::Head(0);
        frame
    }

    /// Whether the call may have returned.
    pub fn returned(&self) -> bool {
        self.candidates.iter().any(|c| c.call.next().is_none() && c.phase == Phase::Ready)
    }

    /// The transitions that were certainly taken since the last time.
    pub fn certain(&mut self) -> Vec<Edge> {
        match &mut self.candidates[..] {
            [only] => std::mem::take(&mut only.trail),
            _ => Vec::new(),
        }
    }

    /// The transitions of the call, which has returned.
    pub fn all(mut self) -> Vec<Edge> {
        let returned = |c: &Candidate| c.call.next().is_none();
        let at = self.candidates.iter().position(returned).unwrap_or(0);
        std::mem::take(&mut self.candidates[at].trail)
    }

    /// Takes an event of the call.
    ///
    /// # Errors
    /// If no state accepts it: what is wrong, and what they would have accepted.
    pub fn take(
        &mut self,
        thread: Thread,
        what: &What,
        world: &World,
    ) -> Result<(), (Reason, Vec<String>)> {
        let window = world.window(thread);
        let settled = self.settled(&window, world);
        if let Err(reason) = self.mapping.note(what, self.asked, self.block) {
            return Err((reason, self.expected(&settled)));
        }
        let mut next: Vec<Candidate> = Vec::new();
        for candidate in &settled {
            for taken in self.accept(candidate, thread, what, world) {
                if !next.contains(&taken) {
                    next.push(taken);
                }
            }
        }
        if next.is_empty() {
            let reason = Reason::new(match self.candidates.len() {
                1 => format!("{} does not do that here", self.kind.task()),
                n => {
                    format!("none of the {n} states that {} may be in does that", self.kind.task())
                }
            });
            return Err((reason, self.expected(&settled)));
        }
        self.candidates = next;
        match what {
            What::IomapDioRw { iocb, .. } => self.iocb = Some(*iocb),
            What::DioEnd { .. } => self.ended = true,
            What::InodeExtension { .. } => self.extends = true,
            What::Setattr { isize, .. } => self.partial |= !isize.is_multiple_of(self.block),
            What::PunchHole { .. } | What::PunchHoleRet { .. } => self.inner += 1,
            _ => {}
        }
        Ok(())
    }

    fn expected(&self, settled: &[Candidate]) -> Vec<String> {
        let mut expected: Vec<String> = settled.iter().flat_map(|c| self.expects(c)).collect();
        expected.sort();
        expected.dedup();
        expected
    }

    /// Everything that silent steps lead to, whatever they find.
    fn settled(&self, window: &Window, world: &World) -> Vec<Candidate> {
        let mut settled: Vec<Candidate> = Vec::new();
        let mut open = self.candidates.clone();
        while let Some(candidate) = open.pop() {
            if settled.contains(&candidate) {
                continue;
            }
            open.extend(self.silently(&candidate, window, world));
            settled.push(candidate);
        }
        settled
    }

    fn silently(&self, candidate: &Candidate, window: &Window, world: &World) -> Vec<Candidate> {
        if candidate.phase == Phase::Between && self.mapping.complete(self.asked, self.kind, world)
        {
            return vec![self.through_mapping(candidate)];
        }
        if candidate.phase != Phase::Ready {
            return Vec::new();
        }
        let Some(op) = candidate.call.next() else { return Vec::new() };
        let place = candidate.call.place();
        // Where the events of a step that maps or converts begin.
        match (place.kernel, place.step) {
            ("ext4_map_blocks", _) | ("_ext4_get_block", _) => {
                let phase = if self.iocb.is_some() { Phase::Between } else { Phase::Probe };
                return vec![candidate.clone().at(phase)];
            }
            ("ext4_convert_unwritten_extents", _) => return Vec::new(),
            ("ext4_handle_inode_extension", "StartHandle") if !self.ended => return Vec::new(),
            ("ext4_truncate", "StartHandle" | "StopHandle") => return Vec::new(),
            _ => {}
        }
        let outcomes = match op {
            Op::SizeRead if self.kind == Kind::Setattr => Vec::new(),
            Op::SizeRead => self.sizes(window.size),
            Op::DisksizeRead => self.sizes(window.disksize),
            Op::PagesRead if matches!(self.kind, Kind::Setattr | Kind::Punch) => Vec::new(),
            Op::PagesRead => vec![Outcome::Value(0)],
            Op::Orphan(OrphanOp::Test) => match world.orphan {
                Some(listed) => vec![Outcome::Flag(listed)],
                None => vec![Outcome::Flag(true), Outcome::Flag(false)],
            },
            Op::PagesDrop
            | Op::JournalStart(_)
            | Op::JournalStop(_)
            | Op::SizeWrite(_)
            | Op::DisksizeWrite(_)
            | Op::WriteSync
            | Op::AioComplete
            | Op::WarnSize => vec![Outcome::Done],
            Op::Bio(..) if self.kind == Kind::Completion => vec![Outcome::Done],
            _ => Vec::new(),
        };
        outcomes.into_iter().map(|outcome| self.stepped(candidate, [outcome])).collect()
    }

    /// A size, in blocks such that the task's comparisons come out as they did in bytes.
    fn sizes(&self, span: super::world::Span) -> Vec<Outcome> {
        let Asked { pos, end, .. } = self.asked;
        let Range { start, len } = blocks_of(self.asked, self.block);
        let last = start + len;
        let mut values = Vec::new();
        let near = [pos, pos + 1, end - u64::from(end > pos), end];
        for size in [span.least, span.most].into_iter().chain(near).filter(|&s| span.has(s)) {
            let value = if size >= end {
                last.max(u32::try_from(size.div_ceil(self.block)).unwrap_or(u32::MAX))
            } else if size <= pos {
                start.min((size / self.block) as Blocks)
            } else {
                ((size / self.block) as Blocks).clamp(start, last - 1)
            };
            if !values.contains(&Outcome::Value(value)) {
                values.push(Outcome::Value(value));
            }
        }
        values
    }

    fn stepped(
        &self,
        candidate: &Candidate,
        outcomes: impl IntoIterator<Item = Outcome>,
    ) -> Candidate {
        let mut next = candidate.clone();
        for outcome in outcomes {
            let from = next.call.place();
            next.call.resume(outcome);
            next.trail.push(Edge { kind: self.kind, from, to: next.call.place() });
        }
        next.phase = Phase::Ready;
        next
    }

    /// The task does its mapping at once, with what all pieces came to.
    fn through_mapping(&self, candidate: &Candidate) -> Candidate {
        let mut next = candidate.clone();
        while let Some(op) = next.call.next() {
            let place = next.call.place();
            if !matches!(
                place.kernel,
                "ext4_map_blocks" | "_ext4_get_block" | "ext4_ext_map_blocks"
            ) {
                break;
            }
            let outcome = match op {
                Op::Map(range, how) => {
                    let before = how == MapFor::Io && self.mapping.creates();
                    Outcome::Mapping(self.mapping.mapping(range, before))
                }
                _ => Outcome::Done,
            };
            next = self.stepped(&next, [outcome]);
        }
        next
    }

    /// The lookup of the checks, all blocks being in that state.
    fn through_probe(&self, candidate: &Candidate, extent: Extent, found: u64) -> Candidate {
        let mut next = candidate.clone();
        while let Some(op) = next.call.next() {
            let place = next.call.place();
            if !matches!(
                place.kernel,
                "ext4_map_blocks" | "_ext4_get_block" | "ext4_ext_map_blocks"
            ) {
                break;
            }
            let outcome = match op {
                Op::Map(range, _) => {
                    let of = |at: Blocks| if u64::from(at) < found { extent } else { Extent::Hole };
                    let mapped = (0..range.len).map(|at| mapped(of(at)));
                    Outcome::Mapping(mapped.collect())
                }
                _ => Outcome::Done,
            };
            next = self.stepped(&next, [outcome]);
        }
        next
    }

    fn through_conversion(&self, candidate: &Candidate) -> Candidate {
        let mut next = candidate.clone();
        while next.call.place().kernel == "ext4_convert_unwritten_extents" {
            let outcome = match next.call.next() {
                Some(Op::Convert(range, _)) => Outcome::Converted(
                    range.blocks().map(|_| (Extent::Unwritten, Some(0))).collect(),
                ),
                Some(_) => Outcome::Done,
                None => break,
            };
            next = self.stepped(&next, [outcome]);
        }
        next
    }

    /// The states that a state leads to by an event.
    fn accept(
        &self,
        from: &Candidate,
        thread: Thread,
        what: &What,
        world: &World,
    ) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let step = |outcome| vec![self.stepped(from, [outcome])];
        // The call's own frame, around the task's steps.
        if let (Kind::Punch, What::PunchHole { .. } | What::PunchHoleRet { .. }) = (self.kind, what)
        {
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
            (Phase::Failed, What::DioEnd { .. }) if !self.ended => to(Phase::Failed),
            (Phase::Failed, What::WakeBit { .. }) => to(Phase::Failed),
            (Phase::Failed, What::WriteIterRet { .. } | What::ReadIterRet { .. })
                if !world.holds_any(thread) =>
            {
                to(Phase::Over)
            }
            (Phase::Draining, What::DioWaitRet {}) => step(Outcome::Done),
            (Phase::Probe, &What::MapBlocks { gflags, .. })
                if gflags.0 & (CREATE | CONVERT) == 0 =>
            {
                to(Phase::Probing)
            }
            (Phase::Probing, &What::MapBlocksRet { ret }) => self.probed(from, thread, ret, world),
            (
                Phase::Probing
                | Phase::Looking
                | Phase::Creating
                | Phase::Converts
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
                let creates = gflags.has(CREATE);
                let looks_first = from.call.place().kernel == "ext4_map_blocks";
                match (creates, looks_first) {
                    (false, true) => to(Phase::Looking),
                    (true, false) => to(Phase::Creating),
                    _ => Vec::new(),
                }
            }
            (Phase::Looking, &What::MapBlocksRet { ret }) if ret >= 0 => to(Phase::Looked),
            (Phase::Looked, &What::MapBlocks { gflags, .. })
                if gflags.has(CREATE) && self.kind == Kind::Write && !self.overwrites(from) =>
            {
                to(Phase::Creating)
            }
            (Phase::Looked, &What::SetIomap { mflags, .. }) => {
                let written = mflags.0 & (MAPPED | UNWRITTEN) == MAPPED;
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
            (Phase::ConvertBetween, &What::MapBlocks { gflags, .. }) if gflags.has(CONVERT) => {
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
            (Phase::Removing(0), What::RemoveSpace { .. }) => to(Phase::Removing(1)),
            (Phase::Removing(1), What::RemoveSpaceDone {}) => step(Outcome::Freed(Vec::new())),
            (Phase::Zeroing, What::MapBlocksRet { .. }) => to(Phase::Ready),
            (Phase::SetattrReturned, What::Rel { l: LockName::IRwsem, m: Mode::Exclusive, .. }) => {
                step(Outcome::Done)
            }
            _ => Vec::new(),
        }
    }

    fn overwrites(&self, candidate: &Candidate) -> bool {
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

    fn accept_ready(&self, from: &Candidate, what: &What, world: &World) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let step = |outcome| vec![self.stepped(from, [outcome])];
        let place = from.call.place();
        let Some(op) = from.call.next() else {
            return match (self.kind, what) {
                (Kind::Write, &What::WriteIterRet { ret }) if (ret == -529) == from.queued => {
                    to(Phase::Over)
                }
                (Kind::Read, &What::ReadIterRet { ret }) if (ret == -529) == from.queued => {
                    to(Phase::Over)
                }
                (Kind::Punch, What::FallocateRet { .. }) => to(Phase::Over),
                _ => Vec::new(),
            };
        };
        match (op, what) {
            (
                Op::Lock(LockName::IRwsem, Mode::Exclusive),
                &What::Req { l: LockName::IRwsem, m },
            ) if m == Mode::Exclusive => to(Phase::Asked(LockName::IRwsem, m)),
            (Op::Lock(lock, mode), &What::Req { l, m }) if (l, m) == (lock, mode) => {
                to(Phase::Asked(l, m))
            }
            // A read that must not wait tries; the model's reads wait.
            (Op::Lock(lock, mode), &What::Try { l, m })
                if self.kind == Kind::Read && self.asked.nowait && (l, m) == (lock, mode) =>
            {
                to(Phase::Tried(l, m))
            }
            (Op::TryLock(lock, mode), &What::Try { l, m }) if (l, m) == (lock, mode) => {
                to(Phase::Tried(l, m))
            }
            (Op::Unlock(LockName::IRwsem, _), What::SetattrRet { .. })
                if self.kind == Kind::Setattr =>
            {
                to(Phase::SetattrReturned)
            }
            (Op::Unlock(LockName::IRwsem, _), What::OrphanDel {}) if self.kind == Kind::Setattr => {
                vec![from.clone()]
            }
            (Op::Unlock(lock, mode), &What::Rel { l, m, .. })
                if (l, m) == (lock, mode)
                    && !(self.kind == Kind::Setattr && l == LockName::IRwsem) =>
            {
                step(Outcome::Done)
            }
            (Op::DioBegin(_), &What::IomapDioRw { pos, len, ops, dflags, .. }) => {
                let plan = from.call.plan();
                let same = (pos, pos + len) == (self.asked.pos, self.asked.end);
                let Ops { overwrite } = ops;
                let fits = plan.is_none_or(|plan| {
                    plan.overwrite_ops == overwrite && plan.force_wait == dflags.has(1)
                });
                let read = self.kind != Kind::Read || !overwrite;
                if same && fits && read { to(Phase::Started) } else { Vec::new() }
            }
            // Nothing to read behind the end.
            (Op::Unlock(LockName::IRwsem, _), What::IomapDioRw { .. })
                if self.kind == Kind::Read =>
            {
                vec![from.clone()]
            }
            (Op::Unlock(LockName::IRwsem, _), What::IomapDioRwRet { ret: Submitted::Nothing })
                if self.kind == Kind::Read =>
            {
                vec![from.clone()]
            }
            (Op::DioEnd(_), What::DioEnd { .. }) => step(Outcome::Done),
            (Op::DioWait, What::DioWait { .. }) => to(Phase::Draining),
            (Op::Submit(..), What::IomapDioRwRet { ret: Submitted::Queued }) => {
                let mut next = self.stepped(from, [Outcome::Done]);
                next.queued = true;
                vec![next]
            }
            (Op::Bio(..), What::IomapDioRwRet { ret: Submitted::Waited }) => {
                vec![self.stepped(from, [Outcome::Data(Vec::new())]).at(Phase::Head(0))]
            }
            // An asynchronous read: the model's reads wait. Whoever completes it ends the count.
            (Op::Bio(..), What::IomapDioRwRet { ret: Submitted::Queued })
                if self.kind == Kind::Read =>
            {
                let mut next = self.stepped(from, [Outcome::Data(Vec::new()), Outcome::Done]);
                next.queued = true;
                vec![next]
            }
            // A read of holes alone.
            (Op::DioEnd(_), What::IomapDioRwRet { ret: Submitted::Waited })
                if self.kind == Kind::Read =>
            {
                to(Phase::Head(0))
            }
            (Op::Orphan(OrphanOp::Add), What::OrphanAdd {})
            | (Op::Orphan(OrphanOp::Del), What::OrphanDel {}) => step(Outcome::Done),
            (Op::JournalStart(_), What::ConvertUnwritten { .. })
                if place.kernel == "ext4_convert_unwritten_extents" =>
            {
                to(Phase::ConvertBetween)
            }
            (Op::JournalStart(_), What::InodeExtension { .. })
                if place.kernel == "ext4_handle_inode_extension" && !self.ended =>
            {
                step(Outcome::Done)
            }
            (Op::JournalStart(_), What::Truncate { .. }) if place.kernel == "ext4_truncate" => {
                step(Outcome::Done)
            }
            (Op::JournalStop(_), What::TruncateRet { .. }) if place.kernel == "ext4_truncate" => {
                step(Outcome::Done)
            }
            (Op::SizeRead, &What::Setattr { newsize, isize, .. }) if self.kind == Kind::Setattr => {
                let to = newsize.div_ceil(self.block) as Blocks;
                let from = isize.div_ceil(self.block) as Blocks;
                let from = match isize.cmp(&newsize) {
                    std::cmp::Ordering::Less => from.min(to.saturating_sub(1)),
                    std::cmp::Ordering::Equal => to,
                    std::cmp::Ordering::Greater => from.max(to + 1),
                };
                if newsize == self.asked.end { step(Outcome::Value(from)) } else { Vec::new() }
            }
            (Op::PagesRead, What::TruncPagecache { .. }) if self.kind == Kind::Setattr => {
                step(Outcome::Value(0))
            }
            (Op::PagesRead, What::TruncPagecacheRange { .. }) if self.kind == Kind::Punch => {
                step(Outcome::Value(0))
            }
            (Op::Free(from_block), &What::EsRemove { lblk, .. }) => {
                if lblk == u64::from(from_block) { to(Phase::Removing(0)) } else { Vec::new() }
            }
            (Op::FreeRange(range), &What::EsRemove { lblk, mlen }) => {
                // What lies behind the page that holds i_size is left out; the model punches it.
                let to_size = world.size.least.div_ceil(self.block).min(u64::from(range.end()));
                let end = lblk + mlen;
                let fits = lblk == u64::from(range.start)
                    && (to_size.min(end)..=u64::from(range.end())).contains(&end)
                    && end >= to_size;
                if fits { to(Phase::Removing(0)) } else { Vec::new() }
            }
            // The rest of a block that is cut in two is zeroed in the page cache.
            (_, &What::MapBlocks { gflags, .. })
                if self.partial
                    && matches!(self.kind, Kind::Setattr | Kind::Punch)
                    && gflags.0 & CREATE == 0 =>
            {
                to(Phase::Zeroing)
            }
            // Nothing to punch: from 6.12.y on ext4_fallocate has drained by the time that shows.
            (
                Op::Unlock(LockName::IRwsem, _),
                What::DioWait { .. }
                | What::DioWaitRet {}
                | What::Req { l: LockName::InvalidateLock, .. }
                | What::Acq { l: LockName::InvalidateLock, .. }
                | What::Rel { l: LockName::InvalidateLock, .. },
            ) if self.kind == Kind::Punch => vec![from.clone()],
            _ => Vec::new(),
        }
    }

    /// What a state waits for, for people.
    fn expects(&self, candidate: &Candidate) -> Vec<String> {
        let place = candidate.call.place();
        let at = |text: &str| format!("{text} ({}: {})", place.kernel, place.step);
        let lock = |verb: &str, lock: LockName, mode: Mode| {
            let short = if mode == Mode::Shared { "S" } else { "X" };
            at(&format!("{verb} l={} m={short}", lock_key(lock)))
        };
        let one = |text: &str| vec![at(text)];
        match candidate.phase {
            Phase::Asked(l, m) => vec![lock("acq", l, m)],
            Phase::Tried(l, m) => vec![lock("acq", l, m), lock("fail", l, m)],
            Phase::Started => vec![at("dio_begin"), at("iomap_dio_rw_ret ret=err")],
            Phase::Draining => one("dio_wait_ret"),
            Phase::Probe => one("map_blocks gflags=0x0"),
            Phase::Probing
            | Phase::Looking
            | Phase::Creating
            | Phase::Converts
            | Phase::Zeroing => self.mapping.next_inside().iter().map(|text| at(text)).collect(),
            Phase::Between if self.overwrites(candidate) => one("iomap_ow_begin"),
            Phase::Between | Phase::OwBegun => one("iomap_begin"),
            Phase::Begun if place.kernel == "ext4_map_blocks" => one("map_blocks gflags=0x0"),
            Phase::Begun => one("map_blocks that creates"),
            Phase::Looked => vec![at("set_iomap"), at("map_blocks that creates")],
            Phase::Created => one("set_iomap"),
            Phase::Head(0) => one("dio_complete"),
            Phase::Head(_) if self.kind == Kind::Read => one("dio_end"),
            Phase::Head(_) => one("end_io"),
            Phase::ConvertBetween => {
                vec![at("map_blocks gflags=0x13"), at("convert_unwritten_ret")]
            }
            Phase::Removing(0) => one("remove_space"),
            Phase::Removing(_) => one("ext4_ext_remove_space_done"),
            Phase::SetattrReturned => vec![lock("rel", LockName::IRwsem, Mode::Exclusive)],
            Phase::Failed => vec!["rel l=rwsem (after an error)".to_owned()],
            Phase::Over => Vec::new(),
            Phase::Ready => match candidate.call.next() {
                None => vec![format!("the call's return ({})", place.kernel)],
                Some(Op::Lock(l, m)) => vec![lock("req", l, m)],
                Some(Op::TryLock(l, m)) => vec![lock("try", l, m)],
                Some(Op::Unlock(LockName::IRwsem, _)) if self.kind == Kind::Setattr => {
                    one("setattr_ret")
                }
                Some(Op::Unlock(l, m)) => vec![lock("rel", l, m)],
                Some(Op::DioBegin(_)) => match candidate.call.plan() {
                    Some(plan) if plan.overwrite_ops => {
                        one("iomap_dio_rw ops=ext4_iomap_overwrite_ops")
                    }
                    _ => one("iomap_dio_rw ops=ext4_iomap_ops"),
                },
                Some(Op::DioEnd(_)) => one("dio_end"),
                Some(Op::DioWait) => one("dio_wait"),
                Some(Op::Submit(..)) => one("iomap_dio_rw_ret ret=EIOCBQUEUED"),
                Some(Op::Bio(..)) if self.kind != Kind::Completion => {
                    one("iomap_dio_rw_ret ret=dio")
                }
                Some(Op::Orphan(OrphanOp::Add)) => one("orphan_add"),
                Some(Op::Orphan(OrphanOp::Del)) => one("orphan_del"),
                Some(Op::JournalStart(_)) => match place.kernel {
                    "ext4_convert_unwritten_extents" => one("convert_unwritten"),
                    "ext4_handle_inode_extension" if !self.ended => one("inode_extension"),
                    "ext4_truncate" => one("truncate"),
                    _ => Vec::new(),
                },
                Some(Op::JournalStop(_)) if place.kernel == "ext4_truncate" => one("truncate_ret"),
                Some(Op::SizeRead) if self.kind == Kind::Setattr => one("setattr"),
                Some(Op::PagesRead) if self.kind == Kind::Setattr => one("trunc_pagecache"),
                Some(Op::PagesRead) if self.kind == Kind::Punch => one("trunc_pagecache_range"),
                Some(Op::Free(_) | Op::FreeRange(_)) => one("es_remove"),
                _ => Vec::new(),
            },
        }
    }

    /// The size that a truncate has yet to set.
    pub fn sets_size(&self) -> Option<u64> {
        (self.kind == Kind::Setattr && !self.sized).then_some(self.asked.end)
    }

    /// It has set it.
    pub fn size_is_set(&mut self) {
        self.sized = true;
    }

    /// Whether it raises the sizes.
    pub fn extends(&self) -> bool {
        self.extends
    }

    /// The call is over.
    pub fn over(&self) -> bool {
        self.candidates.iter().any(|c| c.phase == Phase::Over)
            || matches!(self.kind, Kind::Setattr | Kind::Completion) && self.returned()
    }

    /// A completion whose task has dropped its reference: what is left is silent.
    pub fn completed(&self) -> bool {
        self.kind == Kind::Completion && self.ended
    }
}

impl Candidate {
    fn at(mut self, phase: Phase) -> Candidate {
        self.phase = phase;
        self
    }
}

/// `EXT4_MAP_MAPPED`.
pub(super) const MAPPED: u64 = 0x10;
/// `EXT4_MAP_UNWRITTEN`.
pub(super) const UNWRITTEN: u64 = 0x800;

pub(super) fn mapped(extent: Extent) -> Mapped {
    Mapped { extent, block: (extent != Extent::Hole).then_some(0) }
}

pub(super) fn lock_key(lock: LockName) -> &'static str {
    match lock {
        LockName::IRwsem => "rwsem",
        LockName::IDataSem => "data",
        _ => "inval",
    }
}

/// Every step that a call of that kind can come to on a kernel, whatever it is asked and answered:
/// `(kernel function, step)`.
pub fn steps_of(kind: Kind, kernel: Kernel) -> BTreeSet<(&'static str, &'static str)> {
    const BLOCK: u64 = 4096;
    let asked = |pos, end, nowait| Asked { pos, end, nowait };
    let iocb = Iocb(0);
    let frames: Vec<Frame> = match kind {
        Kind::Write => [(0, BLOCK), (0, BLOCK / 8)]
            .into_iter()
            .flat_map(|(pos, end)| {
                [false, true].map(|nowait| Frame::write(kernel, BLOCK, asked(pos, end, nowait)))
            })
            .collect(),
        Kind::Read => vec![Frame::read(kernel, BLOCK, asked(0, BLOCK, false))],
        Kind::Setattr => vec![Frame::setattr(kernel, BLOCK, BLOCK, false)],
        Kind::Punch => Frame::punch(kernel, BLOCK, asked(0, BLOCK, false)).into_iter().collect(),
        Kind::Completion => [false, true]
            .map(|unwritten| {
                Frame::completion(kernel, BLOCK, asked(0, BLOCK, false), unwritten, iocb)
            })
            .to_vec(),
    };
    let mut open: Vec<Call> =
        frames.into_iter().flat_map(|frame| frame.candidates).map(|c| c.call).collect();
    let mut seen: HashSet<Call> = HashSet::new();
    let mut steps = BTreeSet::new();
    while let Some(call) = open.pop() {
        let Some(op) = call.next() else { continue };
        if !seen.insert(call.clone()) {
            continue;
        }
        let place = call.place();
        steps.insert((place.kernel, place.step));
        for outcome in answers(0, &op) {
            let mut next = call.clone();
            next.resume(outcome);
            open.push(next);
        }
    }
    steps
}
