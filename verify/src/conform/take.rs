//! Takes the events of a recording one by one.

use super::conformer::Conformer;
use super::coverage::{Coverage, Unfinished};
use super::doing::{Doing, begins_a_call, wrong};
use super::event::{Event, Thread, What};
use super::flags::DIO_WAKEUP;
use super::frame::Kind;
use super::reject::{Reason, Rejection};
use super::value::Iocb;
use super::world::Stage;
use crate::rule::RuleId;
use diolock::op::LockName;

impl Conformer {
    /// Takes the next event.
    ///
    /// # Errors
    /// If it, or a number that an earlier one gave, is not what the model allows.
    pub fn take(&mut self, event: Event) -> Result<(), Box<Rejection>> {
        let thread = event.thread;
        self.recent.push(event.clone());
        self.coverage.events += 1;
        if std::mem::take(&mut self.first) && !begins_a_call(&event.what, true) {
            self.world.begin_in_the_middle();
        }
        let silent = matches!(
            event.what,
            What::DioBioEnd { .. } | What::ContentionBegin {} | What::ContentionEnd {}
        );
        if !silent && self.is_new(thread) && self.world.excerpt && !begins_a_call(&event.what, true)
        {
            self.doing.insert(thread, vec![Doing::Joined]);
        }
        if let What::DioBioEnd { iocb } = event.what {
            return match self.world.dios.get(&iocb) {
                Some(dio)
                    if dio.stage == Stage::Counted && !dio.completing && !dio.pieces.is_empty() =>
                {
                    Ok(())
                }
                None if self.world.excerpt => Ok(()),
                _ => {
                    let text = format!("{iocb} is not in flight");
                    Err(self.rejected(event.line, Reason::new(text), Vec::new()))
                }
            };
        }
        let asleep = matches!(event.what, What::ContentionBegin {} | What::ContentionEnd {});
        let other_bit = matches!(event.what, What::WakeBit { bit } if bit != DIO_WAKEUP);
        // Without a journal there is no list of orphans, and these two do nothing. The extension of a write has a step for
        // the second nevertheless, as it is called there.
        let no_orphan = !self.on.journal.exists()
            && match event.what {
                What::OrphanAdd {} => true,
                What::OrphanDel {} => {
                    self.frame(thread).is_none_or(|frame| frame.kind == Kind::Setattr)
                }
                _ => false,
            };
        if asleep || other_bit || no_orphan {
            return Ok(());
        }
        if let Err((line, reason)) = self.world.judge(thread) {
            return Err(self.rejected(line, reason, Vec::new()));
        }
        if let What::Acq { l, m } = event.what
            && !self.world.asked(thread, l, m)
            && !(self.world.excerpt && self.joined(thread))
        {
            let text = format!("it did not ask for {}", l.in_mode(m));
            return Err(self.rejected(event.line, Reason::rule(RuleId::R3, text), Vec::new()));
        }
        let owner = self.owner(thread);
        let taken = self
            .woken(thread, &event.what)
            .and_then(|()| self.drained(thread, &event.what))
            .map_err(wrong)
            .and_then(|()| self.follow(&event));
        let taken = taken.and_then(|()| {
            self.world.seen(thread);
            self.happens(&event, owner).map_err(wrong)
        });
        match taken {
            Ok(()) => {
                if !self.doing.contains_key(&thread) {
                    self.world.forget(thread);
                }
                Ok(())
            }
            Err((reason, expected)) => Err(self.rejected(event.line, reason, expected)),
        }
    }

    fn is_new(&mut self, thread: Thread) -> bool {
        let at = thread.0 as usize;
        if at >= self.known.len() {
            self.known.resize(at + 1, false);
        }
        !std::mem::replace(&mut self.known[at], true)
    }

    /// Whose reference the thread would drop.
    fn owner(&self, thread: Thread) -> Option<Iocb> {
        match self.doing.get(&thread)?.last()? {
            Doing::Call(frame) => frame.iocb,
            Doing::ReadEnd(iocb) => Some(*iocb),
            Doing::Joined => self.world.submitting(thread),
            _ => None,
        }
    }

    /// A drain returns only once the count was 0.
    fn drained(&self, thread: Thread, what: &What) -> Result<(), Reason> {
        let least = self.world.window(thread).count.least;
        if matches!(what, What::DioWaitRet {}) && least > 0 {
            let text = format!("the drain returned with {least} direct I/O in flight");
            let others = self.world.dios.values().map(|dio| dio.submitter).collect();
            return Err(Reason { text, rule: Some(RuleId::R6), others });
        }
        Ok(())
    }

    /// The wake-up comes right after `dio_end`, and only if the count went to 0. One that is missing
    /// proves nothing: the recorder may lose it.
    fn woken(&mut self, thread: Thread, what: &What) -> Result<(), Reason> {
        let ended = self.woke.remove(&thread);
        if !matches!(what, What::WakeBit { .. }) {
            return Ok(());
        }
        if !ended {
            return Err(Reason::new("no reference was dropped just before"));
        }
        let least = self.world.window(thread).count.least;
        if least > 0 {
            let text = format!("drainers are woken, but {least} direct I/O are in flight");
            return Err(Reason::rule(RuleId::R10, text));
        }
        Ok(())
    }

    /// The end of the recording.
    ///
    /// # Errors
    /// If a number that a last event gave was never true.
    pub fn finish(mut self) -> Result<Coverage, Box<Rejection>> {
        let threads: Vec<Thread> = (0..self.known.len() as u32).map(Thread).collect();
        for thread in threads {
            if let Err((line, reason)) = self.world.judge(thread) {
                return Err(self.rejected(line, reason, Vec::new()));
            }
        }
        let over = |doing: &Doing| matches!(doing, Doing::Loose(loose) if loose.may_be_over());
        let left = self.doing.iter().filter(|(_, stack)| !stack.iter().all(over));
        let mut unfinished: Vec<Thread> = left.map(|(&thread, _)| thread).collect();
        unfinished.sort();
        let waits = |thread| match self.world.waits_for(thread) {
            Some((wait, because_of)) => {
                Unfinished { thread, waits_for: Some(wait.what()), because_of }
            }
            None => Unfinished { thread, waits_for: None, because_of: Vec::new() },
        };
        self.coverage.unfinished = unfinished.into_iter().map(waits).collect();
        Ok(self.coverage)
    }

    fn rejected(&self, line: usize, reason: Reason, expected: Vec<String>) -> Box<Rejection> {
        let event = self.recent.find(line).cloned();
        let mut others = reason.others.clone();
        if let Some(lock) = event.as_ref().and_then(|event| lock_of(&event.what)) {
            others.extend(self.world.holders(lock));
        }
        let window = event.as_ref().map(|event| self.recent.window(event, &others));
        let window = window.unwrap_or_default();
        Box::new(Rejection { line, event, reason, expected, window })
    }
}

fn lock_of(what: &What) -> Option<LockName> {
    match *what {
        What::Acq { l, .. } | What::Req { l, .. } | What::Rel { l, .. } => Some(l),
        _ => None,
    }
}
