//! Which of a thread's calls takes an event.

use super::conformer::Conformer;
use super::doing::{Doing, Taken, begins_a_call, wrong};
use super::event::{Event, Thread, What};
use super::flags::{ATTR_SIZE, GET_IO_SUBMIT};
use super::frame::{Asked, Frame};
use super::loose::Loose;
use super::reject::Reason;
use super::value::Iocb;
use super::world::Stage;
use diolock::op::LockName;

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
        if let Some(stack) = self.doing.get_mut(&thread)
            && stack
                .pop_if(|doing| matches!(doing, Doing::Loose(loose) if loose.was_over(what)))
                .is_some()
            && stack.is_empty()
        {
            self.doing.remove(&thread);
        }
        if let What::MapBlocks { gflags, .. } = what
            && gflags.has(GET_IO_SUBMIT)
        {
            // Whoever needs the pages written back does it amid its own call.
            let loose = self.loose(thread, Loose::writes_back(), what)?;
            self.doing.entry(thread).or_default().push(loose);
            return Ok(());
        }
        let Some(mut stack) = self.doing.remove(&thread) else {
            return self.begins(thread, what);
        };
        let Some(doing) = stack.pop() else { return self.begins(thread, what) };
        let next = match doing {
            Doing::Opening(before) => self.opens(thread, before, what)?,
            Doing::Call(frame) if frame.falls_back(what) && !self.world.holds_any(thread) => {
                let Asked { pos, end, .. } = frame.asked;
                let loose = Loose::buffered_write(pos, end - pos, self.on.kernel);
                Some(self.loose(thread, loose, what)?)
            }
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

    /// What a call does to extents and sizes besides its task's steps.
    fn besides(&mut self, thread: Thread, frame: &mut Frame, what: &What) -> Taken {
        let Some(mut loose) = frame.besides.take() else { return Ok(()) };
        loose.take(thread, what, &self.world).map_err(wrong)?;
        self.effect(&loose, what);
        frame.besides = Some(loose);
        Ok(())
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
            let mut frame = Frame::completion(self.on, asked, unwritten, iocb);
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
                let mut frame = Frame::setattr_locked(self.on, newsize);
                frame.take(thread, what, &self.world).ok()?;
                Some(Doing::Call(Box::new(frame)))
            }
            // A completion, or the end of a truncate.
            What::DioEnd { .. } if !self.world.holds_any(thread) => Some(Doing::Joined),
            What::Rel { l: LockName::IRwsem, .. } => Some(Doing::Joined),
            _ => Some(Doing::Joined),
        }
    }
}
