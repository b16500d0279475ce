//! Which states an event leads to: the first event of a step.

use super::phase::Phase;
use super::silent::NO_PAGES;
use super::{Candidate, Frame, Kind};
use crate::conform::event::What;
use crate::conform::flags::{FORCE_WAIT, GET_CREATE};
use crate::conform::value::{Ops, Submitted};
use crate::conform::world::World;
use diolock::op::{Blocks, LockName, Mode, Op, OrphanOp, Outcome, Size};
use diolock::task::Task;

/// Bytes of a page of memory.
const PAGE: u64 = 4096;

impl Frame {
    pub(super) fn accept_ready(
        &self,
        from: &Candidate,
        what: &What,
        world: &World,
    ) -> Vec<Candidate> {
        let to = |phase| vec![from.clone().at(phase)];
        let step = |outcome| vec![self.stepped(from, [outcome])];
        let place = from.call.place();
        let Some(op) = from.call.next() else {
            return match (self.kind, what) {
                (Kind::Write, &What::WriteIterRet { ret })
                | (Kind::Read, &What::ReadIterRet { ret })
                    if self.returns(from.queued, ret) =>
                {
                    to(Phase::Over)
                }
                (kind, What::FallocateRet { ret }) if kind.is_fallocate() => {
                    let refused = kind == Kind::Shift && !self.shifted;
                    if refused == (*ret < 0) && *ret <= 0 { to(Phase::Over) } else { Vec::new() }
                }
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
            (Op::Unlock(LockName::IRwsem, _), What::SetattrRet { ret: 0 })
                if self.kind == Kind::Setattr && (self.unlisted || !self.listed) =>
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
                    plan.overwrite_ops == overwrite && plan.force_wait == dflags.has(FORCE_WAIT)
                });
                let flags = if self.kind == Kind::Read { 0 } else { FORCE_WAIT };
                let read = self.kind != Kind::Read || !overwrite;
                if same && fits && read && dflags.0 & !flags == 0 {
                    to(Phase::Started)
                } else {
                    Vec::new()
                }
            }
            // Nothing to read behind the end.
            (Op::Unlock(LockName::IRwsem, _), &What::IomapDioRw { ops, dflags, .. })
                if self.kind == Kind::Read && !ops.overwrite && dflags.0 == 0 =>
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
            (Op::JournalStop(_), What::TruncateRet { ret: 0 })
                if place.kernel == "ext4_truncate" =>
            {
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
                if newsize == self.asked.end {
                    step(Outcome::Size(Size::blocks(from)))
                } else {
                    Vec::new()
                }
            }
            (Op::PagesRead(_), &What::TruncPagecache { newsize, .. })
                if self.kind == Kind::Setattr && newsize == self.asked.end =>
            {
                step(NO_PAGES)
            }
            (Op::PagesRead(_), &What::TruncPagecacheRange { start, end, .. })
                if self.kind == Kind::Punch =>
            {
                let first = self.asked.pos.next_multiple_of(self.block);
                let last = self.asked.end - self.asked.end % self.block;
                let whole = start == first && self.punched(end + 1, last, 1, world);
                // Since v6.15, and in 6.12.117, parts of blocks are zeroed in the same stroke.
                let asked =
                    start == self.asked.pos && self.punched(end + 1, self.asked.end, 1, world);
                if whole || asked { step(NO_PAGES) } else { Vec::new() }
            }
            (Op::PagesRead(_), &What::TruncPagecacheRange { start, end, .. })
                if self.kind == Kind::Zero
                    && (start, end + 1) == (self.asked.pos, self.asked.end) =>
            {
                step(NO_PAGES)
            }
            // From the start of its page on.
            (Op::PagesRead(_), &What::TruncPagecache { newsize, .. })
                if self.kind == Kind::Shift && newsize <= self.asked.pos =>
            {
                step(NO_PAGES)
            }
            (Op::FreeRange(range), &What::EsRemove { lblk, mlen }) if self.kind == Kind::Shift => {
                let all = lblk + mlen == u64::from(u32::MAX);
                if all && lblk == u64::from(range.start) {
                    to(Phase::Removing(0))
                } else {
                    Vec::new()
                }
            }
            (Op::ShiftExtents(range, shift), _) => self.shifts(from, range, shift, what),
            (Op::Free(first), &What::EsRemove { lblk, mlen }) => {
                let all = lblk + mlen == u64::from(u32::MAX);
                if all && lblk == u64::from(first) { to(Phase::Removing(0)) } else { Vec::new() }
            }
            (Op::FreeRange(range), &What::EsRemove { lblk, mlen }) => {
                let fits = lblk == u64::from(range.start)
                    && self.punched(lblk + mlen, u64::from(range.end()), self.block, world);
                if fits { to(Phase::Removing(0)) } else { Vec::new() }
            }
            // The rest of a block that is cut in two is zeroed in the page cache.
            (_, &What::MapBlocks { gflags, .. })
                if !gflags.has(GET_CREATE)
                    && match self.kind {
                        Kind::Setattr | Kind::Punch => self.partial,
                        Kind::Fallocate => self.zeroes_tail,
                        _ => false,
                    } =>
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
            ) if matches!(self.kind, Kind::Punch | Kind::Shift) => vec![from.clone()],
            _ => Vec::new(),
        }
    }

    /// Whether a punched hole may end there, in units of so many bytes: what lies behind the page that
    /// holds i_size is left out, which the model punches too; and a hole past i_size is one to the end of that page, or of
    /// the one behind it.
    fn punched(&self, end: u64, asked: u64, unit: u64, world: &World) -> bool {
        let to_size = world.size.least.div_ceil(unit).min(asked);
        let (bytes, size) = (end.saturating_mul(unit), world.size.most.min(self.asked.end));
        let past = self.asked.end > world.size.least && end > asked;
        let page = bytes.is_multiple_of(PAGE) && bytes <= (size / PAGE + 1) * PAGE;
        (to_size..=asked).contains(&end) || past && page
    }

    /// Whether a write or a read returns that.
    fn returns(&self, queued: bool, ret: i64) -> bool {
        match (queued, self.done) {
            (true, _) => ret == -529,
            (false, Some((_, _, err, _))) if err != 0 => ret == err,
            // What lies behind i_size was not read.
            (false, Some((pos, size, ..))) if self.kind == Kind::Read => {
                let at_end = |read: u64| self.size.is_none_or(|size| size.has(pos + read));
                u64::try_from(ret).is_ok_and(|read| read == size || read < size && at_end(read))
            }
            (false, Some((_, size, ..))) => u64::try_from(ret) == Ok(size),
            // No I/O was done: a read behind the end, or what must not wait.
            (false, None) => ret < 0 && ret != -529 || ret == 0 && self.kind == Kind::Read,
        }
    }
}
