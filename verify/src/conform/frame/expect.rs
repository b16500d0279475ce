//! What a state waits for, for people.

use super::phase::Phase;
use super::{Candidate, Frame, Kind};
use crate::conform::value::Value;
use diolock::op::{LockName, Mode, Op, OrphanOp, Shift};
use diolock::task::Task;

impl Frame {
    pub(super) fn expected(&self, settled: &[Candidate]) -> Vec<String> {
        let mut expected: Vec<String> = settled.iter().flat_map(|c| self.expects(c)).collect();
        expected.sort();
        expected.dedup();
        expected
    }

    /// How the call returns.
    fn return_text(&self, queued: bool) -> String {
        let event = match self.kind {
            Kind::Write => "write_iter_ret",
            Kind::Read => "read_iter_ret",
            Kind::Setattr => "setattr_ret",
            Kind::Completion => "dio_end",
            _ => "fallocate_ret",
        };
        let ret = match (queued, self.done) {
            (true, _) => -529,
            (false, Some((_, size, 0, _))) => i64::try_from(size).unwrap_or(i64::MAX),
            (false, Some((_, _, err, _))) => err,
            (false, None) => return event.to_owned(),
        };
        format!("{event} ret={ret}")
    }

    /// What a state waits for, for people.
    fn expects(&self, candidate: &Candidate) -> Vec<String> {
        let place = candidate.call.place();
        let at = |text: &str| format!("{text} ({}: {})", place.kernel, place.step);
        let lock = |verb: &str, lock: LockName, mode: Mode| {
            at(&format!("{verb} l={} m={}", lock.shown(), mode.shown()))
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
            | Phase::Allocates
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
            Phase::Allocating => one("map_blocks that creates unwritten extents"),
            Phase::Raises(0) => vec![lock("acq", LockName::IDataSem, Mode::Exclusive)],
            Phase::Raises(_) => vec![lock("rel", LockName::IDataSem, Mode::Exclusive)],
            Phase::Shifting(0) => one("ext4_ext_shift_extents"),
            Phase::Shifting(_) => one("ext4_ext_shift_extents_ret ret=0"),
            Phase::Removing(0) => one("remove_space"),
            Phase::Removing(_) => one("ext4_ext_remove_space_done"),
            Phase::SetattrReturned => vec![lock("rel", LockName::IRwsem, Mode::Exclusive)],
            Phase::NoSpace => one("iomap_dio_rw_ret"),
            Phase::Failed => vec!["rel l=rwsem (after an error)".to_owned()],
            Phase::CleansUp(_) => one("the next of ext4_truncate_failed_write"),
            Phase::Over => Vec::new(),
            Phase::Ready => match candidate.call.next() {
                None => one(&self.return_text(candidate.queued)),
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
                Some(Op::PagesRead(_)) if self.kind == Kind::Setattr => one("trunc_pagecache"),
                Some(Op::PagesRead(_)) if self.kind == Kind::Shift => one("trunc_pagecache"),
                Some(Op::PagesRead(_)) if self.kind.is_fallocate() => one("trunc_pagecache_range"),
                Some(Op::ShiftExtents(_, Shift::Right)) => one("es_remove"),
                Some(Op::ShiftExtents(..)) => one("ext4_ext_shift_extents"),
                Some(Op::Free(_) | Op::FreeRange(_)) => one("es_remove"),
                _ => Vec::new(),
            },
        }
    }
}
