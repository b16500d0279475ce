//! What an event does to what the tasks share.

use super::conformer::Conformer;
use super::doing::Doing;
use super::event::{Event, Thread, What};
use super::flags::{DIO_UNWRITTEN, GET_CONVERT, WRITE};
use super::frame::{Kind, state};
use super::reject::Reason;
use super::value::{Iocb, Submitted};
use super::world::{Dio, Span, Stage, Wait};
use crate::rule::RuleId;
use diolock::op::{Extent, LockName, Mode};

impl Conformer {
    /// What the event does to what is shared.
    pub(super) fn happens(&mut self, event: &Event, owner: Option<Iocb>) -> Result<(), Reason> {
        let (thread, line) = (event.thread, event.line);
        match event.what {
            What::Req { l, m } => {
                self.world.waits_in_order(thread, l)?;
                self.world.waits(thread, Wait::Lock(l, m))?;
            }
            What::Try { l, m } => self.world.tries(thread, l, m),
            What::Acq { l, m } => {
                self.world.acquired(thread, l, m)?;
                if l == LockName::IDataSem && m == Mode::Exclusive {
                    self.world.maps_alone(thread);
                    self.sizes_change(thread);
                }
            }
            What::Rel { l, m, cnt } => {
                let joined = self.joined(thread) || self.world.excerpt;
                let readers = self.world.readers(l);
                if m == Mode::Shared && !joined && cnt.0 >> 8 < readers {
                    let text = format!("cnt={:#x}, but {readers} threads hold it shared", cnt.0);
                    return Err(Reason::new(text));
                }
                self.world.released(thread, l, m, joined)?;
                let writer = cnt.has(1);
                if writer != (m == Mode::Exclusive) {
                    let text = format!("cnt={:#x} is not that of a lock so held", cnt.0);
                    return Err(Reason::new(text));
                }
                if l == LockName::IDataSem && m == Mode::Exclusive {
                    self.sizes_changed(thread);
                }
            }
            What::WriteIter { isize, .. } | What::ReadIter { isize, .. } => {
                self.world.sample_size(thread, line, isize);
            }
            What::IomapDioRw { iocb, pos, len, dio, .. } => {
                let writes = self.frame(thread).is_none_or(|frame| frame.kind == Kind::Write);
                let new = Dio {
                    submitter: thread,
                    writes,
                    pos,
                    end: pos + len,
                    stage: Stage::Starting,
                    pieces: Vec::new(),
                    mapped: false,
                    queued: false,
                    completing: false,
                    ends: Some(thread),
                };
                self.world.dio_starts(iocb, new)?;
                self.world.sample_count_before(thread, line, dio);
                self.own(thread, iocb);
            }
            What::IomapDioRwRet { ret } => self.submitted(thread, ret),
            What::DioBegin { dio } => {
                if self.world.holds(thread, LockName::IRwsem).is_none() && !self.joined(thread) {
                    let text = "i_dio_count was raised without i_rwsem";
                    return Err(Reason::rule(RuleId::R6, text));
                }
                if let Some(iocb) = self.starting(thread) {
                    self.world.dio_begins(iocb);
                }
                self.world.sample_count(thread, line, dio, true);
            }
            What::DioEnd { dio } => {
                self.world.dio_ends(thread, owner);
                self.world.sample_count(thread, line, dio, true);
                self.woke.insert(thread);
            }
            What::DioComplete { iocb, dio, dflags, pos, .. } => {
                if let Some(known) = self.world.dios.get_mut(&iocb) {
                    known.completing = true;
                    if known.pos != pos {
                        return Err(Reason::new(format!("{iocb} is at {}", known.pos)));
                    }
                    let unwritten = known.unwritten();
                    if known.writes && dflags.has(DIO_UNWRITTEN) != unwritten {
                        let text =
                            if unwritten { "unwritten blocks" } else { "written blocks only" };
                        return Err(Reason::new(format!("{iocb} went to {text}")));
                    }
                }
                self.world.sample_count(thread, line, dio, false);
            }
            What::DioWait { dio } => {
                self.world.sample_count(thread, line, dio, false);
                self.coverage.waited += usize::from(dio > 0);
                self.world.waits(thread, Wait::Drain)?;
            }
            What::DioWaitRet {} => {
                let alone = self.world.holds(thread, LockName::IRwsem) == Some(Mode::Exclusive);
                if alone && !self.joined(thread) {
                    self.world.none_is_counted(thread);
                }
            }
            What::MapBlocks { lblk, mlen, gflags } => {
                self.world.looks(thread, lblk, mlen, gflags.0);
            }
            What::MapBlocksRet { ret } => {
                self.world.mapped(thread, ret)?;
                let told = self.world.lookup(thread).is_some_and(|l| l.flags & GET_CONVERT == 0);
                if !told {
                    self.world.looked(thread);
                }
            }
            // Of a call that began before the recording only this tells whether it writes.
            What::IomapBegin { iflags, .. } if self.joined(thread) => {
                if let Some(dio) = self.world.submitted(thread) {
                    dio.writes = iflags.has(WRITE);
                }
            }
            What::SetIomap { lblk, mlen, pblk, mflags } => {
                let extent = state(mflags.0);
                self.world.told(thread, (lblk, mlen), extent, pblk)?;
                self.pieces(thread, (lblk, lblk + mlen, extent));
            }
            What::ConvertUnwritten { .. } => {
                self.coverage.converted += 1;
                let counted = self.frame(thread).and_then(|frame| frame.iocb);
                let counted = counted.and_then(|iocb| self.world.dios.get(&iocb));
                if counted.is_some_and(|dio| dio.stage != Stage::Counted) {
                    return Err(Reason::rule(
                        RuleId::R9,
                        "extents are converted after the I/O's i_dio_count reference has gone",
                    ));
                }
            }
            What::InodeExtension { pos, n } => {
                let now = self.world.size;
                let most = now.most.max(pos + n);
                self.world.set_size(Span { least: now.least, most });
            }
            What::OrphanAdd {} => self.world.orphan = Some(true),
            What::OrphanDel {} => {
                self.world.orphan = Some(false);
                self.extended(thread);
            }
            What::Setattr { isize, dio, .. } => {
                self.world.sample_size(thread, line, isize);
                self.world.sample_count(thread, line, dio, false);
            }
            What::Truncate { isize, dio } => {
                self.world.sample_size(thread, line, isize);
                self.world.sample_count(thread, line, dio, false);
            }
            What::TruncPagecache { dio, .. } | What::TruncPagecacheRange { dio, .. } => {
                self.world.sample_count(thread, line, dio, false);
            }
            What::ShiftExtents { dio, .. } => self.world.sample_count(thread, line, dio, false),
            What::RemoveSpace { start, end, dio } => {
                self.world.removes(thread, start, end.saturating_add(1))?;
                self.world.sample_count(thread, line, dio, false);
            }
            _ => {}
        }
        Ok(())
    }

    fn own(&mut self, thread: Thread, iocb: Iocb) {
        if let Some(Doing::Call(frame)) = self.doing.get_mut(&thread).and_then(|s| s.last_mut()) {
            frame.iocb = Some(iocb);
        }
    }

    fn starting(&self, thread: Thread) -> Option<Iocb> {
        let mine = |dio: &Dio| dio.submitter == thread && dio.stage == Stage::Starting;
        self.world.dios.iter().find(|(_, dio)| mine(dio)).map(|(&iocb, _)| iocb)
    }

    fn pieces(&mut self, thread: Thread, told: (u64, u64, Extent)) {
        if self.joined(thread) {
            if let Some(dio) = self.world.submitted(thread) {
                dio.pieces.push(told);
                dio.mapped = true;
            }
            return;
        }
        let Some(frame) = self.frame(thread) else { return };
        let Some(iocb) = frame.iocb else { return };
        let pieces: Vec<_> = frame.mapping.pieces().collect();
        let mapped = frame.mapping.complete(frame.asked, frame.kind, &self.world);
        if let Some(dio) = self.world.dios.get_mut(&iocb) {
            (dio.pieces, dio.mapped) = (pieces, mapped);
        }
    }

    fn submitted(&mut self, thread: Thread, ret: Submitted) {
        match ret {
            Submitted::Queued => {
                self.coverage.queued += 1;
                if let Some(dio) = self.world.submitted(thread) {
                    dio.queued = true;
                    dio.ends = dio.ends.filter(|_| dio.completing);
                }
            }
            Submitted::Nothing => {
                if let Some(iocb) = self.world.submitting(thread) {
                    self.world.dio_fails(iocb);
                }
            }
            Submitted::Waited => {}
        }
    }
}
