//! What each thread is doing, and which of its calls takes an event.

use super::before_fallocate::BeforeFallocate;
use super::conformer::{Conformer, begins_a_call};
use super::event::{Event, Iocb, Thread, What};
use super::flags::{ATTR_SIZE, DIRECT, NOWAIT};
use super::frame::{Asked, Frame};
use super::loose::Loose;
use super::reject::Reason;
use super::world::Stage;
use diolock::kernel::Version;
use diolock::op::{LockName, Mode};

/// What a thread is doing.
#[derive(Debug)]
pub(super) enum Doing {
    /// It has asked for i_rwsem alone, and it has not shown yet for which call.
    Opening(Vec<What>),
    /// A call that the model has a task for.
    Call(Box<Frame>),
    /// fallocate that has not taken its lock.
    BeforeFallocate(Box<BeforeFallocate>),
    /// A call that the model has no task for.
    Loose(Loose),
    /// `dio_complete_work`: of which I/O comes next.
    Work,
    /// The completion of an asynchronous read.
    ReadEnd(Iocb),
    /// A call that began before the recording did.
    Joined,
}

pub(super) type Taken = Result<(), (Reason, Vec<String>)>;

pub(super) fn wrong(reason: Reason) -> (Reason, Vec<String>) {
    (reason, Vec::new())
}

impl Conformer {
    /// The thread's calls take the event.
    pub(super) fn follow(&mut self, event: &Event) -> Taken {
        let (thread, what) = (event.thread, &event.what);
        if matches!(what, What::WakeBit { .. }) {
            return Ok(());
        }
        if let What::DioComplete { iocb, .. } = what
            && self.completes_elsewhere(thread, *iocb)
        {
            return self.completes(thread, *iocb, what);
        }
        let Some(mut stack) = self.doing.remove(&thread) else {
            return self.begins(thread, what);
        };
        let Some(doing) = stack.pop() else { return self.begins(thread, what) };
        let next = match doing {
            Doing::Opening(before) => self.opens(thread, before, what)?,
            Doing::Call(mut frame) => {
                frame.take(thread, what, &self.world)?;
                self.besides(thread, &mut frame, what)?;
                self.coverage.add(frame.kind, frame.so_far());
                if frame.over() {
                    self.coverage.returned(frame.kind);
                    self.coverage.add(frame.kind, frame.whole());
                    None
                } else {
                    Some(Doing::Call(frame))
                }
            }
            Doing::Loose(mut loose) => {
                self.coverage.not_modelled += 1;
                loose.take(thread, what, &self.world).map_err(wrong)?;
                self.effect(&loose, what);
                (!loose.over()).then_some(Doing::Loose(loose))
            }
            Doing::BeforeFallocate(before) => match before.take(what).map_err(wrong)? {
                Err(before) => Some(Doing::BeforeFallocate(before)),
                Ok((mut frame, events)) => {
                    for event in &events {
                        frame.take(thread, event, &self.world)?;
                        self.besides(thread, &mut frame, event)?;
                    }
                    Some(Doing::Call(Box::new(frame)))
                }
            },
            Doing::Work => return Err(wrong(Reason::new("whose completion this is is not said"))),
            Doing::ReadEnd(iocb) => match what {
                What::DioEnd { .. } => None,
                _ => return Err((Reason::new(format!("{iocb} is read")), vec!["dio_end".into()])),
            },
            Doing::Joined if begins_a_call(what, false) && !self.world.holds_any(thread) => {
                return self.begins(thread, what);
            }
            Doing::Joined => self.goes_on(thread, what),
        };
        stack.extend(next);
        if !stack.is_empty() {
            self.doing.insert(thread, stack);
        }
        Ok(())
    }

    /// A file has no more than 2^32 blocks.
    fn reaches(&self, end: u64) -> Taken {
        if end / self.block < u64::from(u32::MAX) {
            return Ok(());
        }
        Err(wrong(Reason::new(format!("no file reaches to {end}"))))
    }

    /// A write or a read.
    fn io(&self, what: &What) -> Doing {
        let (kernel, block) = (self.kernel, self.block);
        match *what {
            What::WriteIter { pos, len, kflags, .. } | What::ReadIter { pos, len, kflags, .. }
                if kflags.has(DIRECT) && len > 0 =>
            {
                let asked = Asked { pos, end: pos + len, nowait: kflags.has(NOWAIT) };
                let writes = matches!(what, What::WriteIter { .. });
                let frame = if writes { Frame::write } else { Frame::read };
                Doing::Call(Box::new(frame(kernel, block, asked)))
            }
            _ => Doing::Loose(Loose::buffered()),
        }
    }

    /// A thread that is in no call begins one.
    fn begins(&mut self, thread: Thread, what: &What) -> Taken {
        let (kernel, block) = (self.kernel, self.block);
        let doing = match *what {
            What::WriteIter { len, .. } | What::ReadIter { len, .. } if len > 1 << 31 => {
                return Err(wrong(Reason::new(format!("len={len} is more than one call can do"))));
            }
            What::WriteIter { pos, len, .. } | What::ReadIter { pos, len, .. } => {
                self.reaches(pos + len)?;
                self.io(what)
            }
            What::Fallocate { mode, pos, len } => {
                let asked = Asked { pos, end: pos + len, nowait: false };
                match Frame::fallocate(kernel, block, mode.0, asked) {
                    Some(frame) => {
                        let twice = kernel.version <= Version::V6_1;
                        Doing::BeforeFallocate(Box::new(BeforeFallocate::new(frame, twice)))
                    }
                    None => Doing::Loose(Loose::fallocate(mode.0, pos, len)),
                }
            }
            What::Req { l: LockName::IRwsem, m: Mode::Exclusive } => {
                Doing::Opening(vec![what.clone()])
            }
            What::Req { l: LockName::IDataSem, .. } | What::MapBlocks { .. } => {
                let mut loose = Loose::stray();
                loose.take(thread, what, &self.world).map_err(wrong)?;
                self.coverage.not_modelled += 1;
                Doing::Loose(loose)
            }
            What::DioCompleteWork {} => Doing::Work,
            _ => {
                let text = "the thread is in no call";
                let calls = [
                    "write_iter",
                    "read_iter",
                    "fallocate",
                    "req l=rwsem m=X",
                    "dio_complete_work",
                ];
                return Err((Reason::new(text), calls.map(str::to_owned).to_vec()));
            }
        };
        self.doing.insert(thread, vec![doing]);
        Ok(())
    }

    /// What a call does to extents and sizes besides its task's steps.
    fn besides(&mut self, thread: Thread, frame: &mut Frame, what: &What) -> Taken {
        let Some(mut loose) = frame.besides.take() else { return Ok(()) };
        loose.take(thread, what, &self.world).map_err(wrong)?;
        self.effect(&loose, what);
        frame.besides = Some(loose);
        Ok(())
    }

    /// A call shows which it is.
    fn opens(
        &mut self,
        thread: Thread,
        mut before: Vec<What>,
        what: &What,
    ) -> Result<Option<Doing>, (Reason, Vec<String>)> {
        match *what {
            What::Acq { l: LockName::IRwsem, m: Mode::Exclusive } if before.len() == 1 => {
                before.push(what.clone());
                Ok(Some(Doing::Opening(before)))
            }
            What::Setattr { valid, newsize, .. } if valid.has(ATTR_SIZE) && before.len() == 2 => {
                self.reaches(newsize)?;
                let mut frame = Frame::setattr(self.kernel, self.block, newsize);
                for event in before.iter().chain([what]) {
                    frame.take(thread, event, &self.world)?;
                }
                Ok(Some(Doing::Call(Box::new(frame))))
            }
            What::Setattr { .. } if before.len() == 2 => Ok(Some(Doing::Loose(Loose::setattr()))),
            What::Rel { l: LockName::IRwsem, m: Mode::Exclusive, .. } if before.len() == 2 => {
                self.coverage.not_modelled += 3;
                Ok(None)
            }
            _ => {
                let wanted = if before.len() == 1 { "acq l=rwsem m=X" } else { "setattr" };
                let reason = Reason::new("no call of the model does that after asking for i_rwsem");
                Err((reason, vec![wanted.to_owned()]))
            }
        }
    }

    /// Whether the event starts a completion other than the thread's own call's.
    fn completes_elsewhere(&self, thread: Thread, iocb: Iocb) -> bool {
        let top = self.doing.get(&thread).and_then(|stack| stack.last());
        match top {
            Some(Doing::Call(frame)) => frame.iocb != Some(iocb) || self.queued(iocb),
            Some(Doing::Joined) => {
                let dio = self.world.dios.get(&iocb);
                dio.is_some_and(|dio| dio.submitter != thread || dio.queued)
            }
            _ => true,
        }
    }

    fn queued(&self, iocb: Iocb) -> bool {
        self.world.dios.get(&iocb).is_some_and(|dio| dio.queued)
    }

    /// `dio_complete` of an I/O in flight, in a worker or an interrupt.
    fn completes(&mut self, thread: Thread, iocb: Iocb, what: &What) -> Taken {
        let stack = self.doing.entry(thread).or_default();
        let work = matches!(stack.last(), Some(Doing::Work));
        if work {
            stack.pop();
        }
        let Some(dio) = self.world.dios.get_mut(&iocb) else {
            if self.world.excerpt {
                stack.push(Doing::Joined);
                return Ok(());
            }
            return Err(wrong(Reason::new(format!("{iocb} is not in flight"))));
        };
        if dio.completing || dio.stage != Stage::Counted {
            return Err(wrong(Reason::new(format!("{iocb} is being completed, or not counted"))));
        }
        if !dio.mapped {
            let text = format!("{iocb} of {{}} is not submitted yet");
            return Err(wrong(Reason::of(text, vec![dio.submitter])));
        }
        if dio.writes && !work && !self.world.excerpt {
            let text = format!("{iocb} is a write, which a worker completes");
            return Err((Reason::new(text), vec!["dio_complete_work".to_owned()]));
        }
        dio.completing = true;
        dio.ends = Some(thread);
        let asked = Asked { pos: dio.pos, end: dio.end, nowait: false };
        let doing = if dio.writes {
            let unwritten = dio.unwritten();
            let mut frame = Frame::completion(self.kernel, self.block, asked, unwritten, iocb);
            frame.take(thread, what, &self.world)?;
            Doing::Call(Box::new(frame))
        } else {
            Doing::ReadEnd(iocb)
        };
        self.doing.entry(thread).or_default().push(doing);
        Ok(())
    }

    /// A call that began before the recording: what it does is not judged until it returns.
    fn goes_on(&mut self, thread: Thread, what: &What) -> Option<Doing> {
        self.coverage.not_modelled += 1;
        match *what {
            What::WriteIterRet { .. } | What::ReadIterRet { .. } | What::FallocateRet { .. } => {
                None
            }
            What::Setattr { valid, newsize, .. } if valid.has(ATTR_SIZE) => {
                self.reaches(newsize).ok()?;
                let mut frame = Frame::setattr_locked(self.kernel, self.block, newsize);
                frame.take(thread, what, &self.world).ok()?;
                Some(Doing::Call(Box::new(frame)))
            }
            // A completion, or the end of a truncate.
            What::DioEnd { .. } if !self.world.holds_any(thread) => Some(Doing::Joined),
            What::Rel { l: LockName::IRwsem, .. } => Some(Doing::Joined),
            _ => Some(Doing::Joined),
        }
    }

    /// The call that is on top of what a thread does.
    pub(super) fn frame(&self, thread: Thread) -> Option<&Frame> {
        match self.doing.get(&thread)?.last()? {
            Doing::Call(frame) => Some(frame),
            _ => None,
        }
    }

    pub(super) fn joined(&self, thread: Thread) -> bool {
        self.doing.get(&thread).is_some_and(|stack| matches!(stack.last(), Some(Doing::Joined)))
    }
}
