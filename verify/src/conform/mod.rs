//! Does the model match the kernel? Judges whether a recorded run is one that the model allows.
//!
//! Each call of each thread is followed by the tasks of the model themselves (`Frame`): an event is
//! accepted if some state that the task may be in has a step with that event. Steps that a recording
//! does not show (reads of sizes, journal handles, the page cache) are taken silently, with every
//! answer that the world (`World`) may have given since the thread's last event.
//!
//! What is in memory depends on the calls and the I/O in flight, the file's extents and the threads'
//! names, not on the length of the recording.
//!
//! | event                                                     | steps of the model                     | kernel function |
//! |-----------------------------------------------------------|----------------------------------------|-----------------|
//! | write_iter read_iter fallocate                            | (a call begins)                        | ext4_file_write_iter, ext4_file_read_iter, ext4_fallocate |
//! | write_iter_ret read_iter_ret fallocate_ret                | (it has returned)                      | the same |
//! | req acq try fail                                          | TakeShared TakeAlone TryShared TryAlone TakeRwsem TakeMmap TakeSizes TakeDataSem TakeExcl | down_read, down_write and their trylocks |
//! | rel                                                       | DropShared DropRwsem DropMmap DropSizes DropDataSem DropExcl GiveUp | up_read, up_write |
//! | downgrade                                                 | (no call of the model does)            | downgrade_write |
//! | contention_begin contention_end                           | (asleep; not judged)                   | rwsem_down_read_slowpath, rwsem_down_write_slowpath |
//! | iomap_dio_rw dio_begin                                    | BeginIo                                | __iomap_dio_rw, inode_dio_begin |
//! | iomap_dio_rw_ret                                          | Submit RunBio                          | __iomap_dio_rw |
//! | dio_bio_end                                               | RunBio                                 | iomap_dio_bio_end_io |
//! | dio_complete_work dio_complete end_io                     | RunBio                                 | iomap_dio_complete_work, iomap_dio_complete, ext4_dio_write_end_io |
//! | dio_end wake_bit                                          | EndIo                                  | inode_dio_end |
//! | dio_wait dio_wait_ret                                     | Drain                                  | inode_dio_wait |
//! | iomap_begin iomap_ow_begin map_blocks map_blocks_ret ext4_ext_map_blocks_exit ext4_ext_handle_unwritten_extents set_iomap | LookUp Allocate | ext4_iomap_begin, ext4_iomap_overwrite_begin, ext4_map_blocks, ext4_set_iomap |
//! | convert_unwritten convert_unwritten_ret                   | StartHandle Convert StopHandle         | ext4_convert_unwritten_extents |
//! | inode_extension                                           | StartHandle                            | ext4_handle_inode_extension |
//! | orphan_add orphan_del                                     | AddOrphan AddAgain DelOrphan           | ext4_orphan_add, ext4_orphan_del |
//! | setattr setattr_ret                                       | ReadSize                               | ext4_setattr |
//! | truncate truncate_ret                                     | StartHandle StopHandle                 | ext4_truncate |
//! | trunc_pagecache trunc_pagecache_range                     | LookForPages                           | truncate_pagecache, truncate_pagecache_range |
//! | es_remove remove_space ext4_ext_remove_space_done         | Free                                   | ext4_es_remove_extent, ext4_ext_remove_space |
//! | punch_hole punch_hole_ret                                 | (a call within ext4_fallocate)         | ext4_punch_hole |
//! | zero_range zero_range_ret collapse_range collapse_range_ret insert_range insert_range_ret ext4_ext_shift_extents ext4_ext_shift_extents_ret | (no task: locks, drain and extents alone are judged) | ext4_zero_range, ext4_collapse_range, ext4_insert_range, ext4_ext_shift_extents |

mod alter;
mod coverage;
mod event;
mod extents;
mod fields;
mod frame;
mod loose;
mod reader;
mod reject;
mod report;
mod step;
mod world;

pub use alter::{ALTERATIONS, alter};
pub use coverage::Coverage;
pub use event::{Event, Thread, What};
pub use frame::{Kind, steps_of};
pub use reader::Reader;
pub use reject::{Reason, Rejection};
pub use report::{accepted_text, json, rejected_text, rejection_svg};

use crate::problem::Problems;
use crate::rule::RuleId;
use diolock::inode_lock::{LockName, Mode};
use diolock::kernel::Kernel;
use event::{Iocb, Submitted};
use frame::{Asked, Frame};
use loose::{BeforePunch, Effect, Loose};
use std::collections::{HashMap, HashSet, VecDeque};
use world::{CONVERT, Dio, Span, Stage, World};

/// Events that are remembered for the table around a rejected one.
const REMEMBERED: usize = 4096;
/// `__I_DIO_WAKEUP`.
const DIO_WAKEUP: u64 = 9;
/// `ATTR_SIZE`.
const ATTR_SIZE: u64 = 8;
/// `IOCB_NOWAIT`.
const NOWAIT: u64 = 8;
/// `IOCB_DIRECT`.
const DIRECT: u64 = 1 << 17;
/// `FALLOC_FL_PUNCH_HOLE`.
const PUNCH_HOLE: u64 = 2;
/// `IOMAP_DIO_UNWRITTEN`.
const DIO_UNWRITTEN: u64 = 1;

/// What a thread is doing.
#[derive(Debug)]
enum Doing {
    /// It has asked for i_rwsem alone, and it has not shown yet for which call.
    Opening(Vec<What>),
    /// A call that the model has a task for.
    Call(Box<Frame>),
    /// A punched hole that has not taken its lock.
    BeforePunch(Box<BeforePunch>),
    /// A call that the model has no task for.
    Loose(Loose),
    /// `dio_complete_work`: of which I/O comes next.
    Work,
    /// The completion of an asynchronous read.
    ReadEnd(Iocb),
    /// A call that began before the recording did.
    Joined,
}

/// Follows a recording.
#[derive(Debug)]
pub struct Conformer {
    kernel: Kernel,
    block: u64,
    world: World,
    /// What each thread in a call is doing; an interrupt's work lies on top.
    doing: HashMap<Thread, Vec<Doing>>,
    /// Threads that were seen.
    known: Vec<bool>,
    /// Threads that ended a reference with their last event.
    woke: HashSet<Thread>,
    first: bool,
    remembered: VecDeque<Event>,
    coverage: Coverage,
}

type Taken = Result<(), (Reason, Vec<String>)>;

fn wrong(reason: Reason) -> (Reason, Vec<String>) {
    (reason, Vec::new())
}

impl Conformer {
    /// Before the first event; `block` is the file system's block size in bytes.
    pub fn new(kernel: Kernel, block: u64) -> Conformer {
        Conformer {
            kernel,
            block,
            world: World::new(),
            doing: HashMap::new(),
            known: Vec::new(),
            woke: HashSet::new(),
            first: true,
            remembered: VecDeque::new(),
            coverage: Coverage::default(),
        }
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// If it, or a number that an earlier one gave, is not what the model allows.
    pub fn take(&mut self, event: Event) -> Result<(), Box<Rejection>> {
        if self.remembered.len() == REMEMBERED {
            self.remembered.pop_front();
        }
        let thread = event.thread;
        self.remembered.push_back(event.clone());
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
                Some(dio) if dio.stage == Stage::Counted && !dio.completing => Ok(()),
                None if self.world.excerpt => Ok(()),
                _ => {
                    let text = format!("{iocb} is not in flight");
                    Err(self.rejected(event.line, Reason::new(text), Vec::new()))
                }
            };
        }
        let asleep = matches!(event.what, What::ContentionBegin {} | What::ContentionEnd {});
        let other_bit = matches!(event.what, What::WakeBit { bit } if bit != DIO_WAKEUP);
        if asleep || other_bit {
            return Ok(());
        }
        if let Err((line, reason)) = self.world.judge(thread) {
            return Err(self.rejected(line, reason, Vec::new()));
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
            Doing::Joined => {
                let mine = |dio: &Dio| dio.submitter == thread && !dio.queued;
                let found = self.world.dios.iter().find(|(_, dio)| mine(dio));
                found.map(|(&iocb, _)| iocb)
            }
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
        Ok(self.coverage)
    }

    fn rejected(&self, line: usize, reason: Reason, expected: Vec<String>) -> Box<Rejection> {
        let event = self.remembered.iter().find(|event| event.line == line).cloned();
        let mut concerned = reason.others.clone();
        concerned.extend(event.iter().map(|event| event.thread));
        if let Some(lock) = event.as_ref().and_then(|event| lock_of(&event.what)) {
            concerned.extend(self.world.holders(lock));
        }
        let last = |event: &&Event| concerned.contains(&event.thread) && event.line <= line;
        let mut window: Vec<Event> =
            self.remembered.iter().rev().filter(last).take(10).cloned().collect();
        window.reverse();
        Box::new(Rejection { line, event, reason, expected, window })
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

    /// The thread's calls take the event.
    fn follow(&mut self, event: &Event) -> Taken {
        let (thread, what) = (event.thread, &event.what);
        if matches!(what, What::WakeBit { .. }) {
            return Ok(());
        }
        if let What::DioComplete { iocb, .. } = what
            && self.completes_elsewhere(thread, *iocb)
        {
            return self.completes(thread, *iocb);
        }
        let Some(mut stack) = self.doing.remove(&thread) else {
            return self.begins(thread, what);
        };
        let Some(doing) = stack.pop() else { return self.begins(thread, what) };
        let next = match doing {
            Doing::Opening(before) => self.opens(thread, before, what)?,
            Doing::Call(mut frame) => {
                frame.take(thread, what, &self.world)?;
                self.coverage.add(frame.certain());
                if frame.over() || frame.completed() {
                    *self.coverage.calls.entry(frame.kind).or_default() += 1;
                    self.coverage.add(frame.all());
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
            Doing::BeforePunch(before) => match before.take(what) {
                Err(before) => Some(Doing::BeforePunch(before)),
                Ok((mut frame, events)) => {
                    for event in &events {
                        frame.take(thread, event, &self.world)?;
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

    /// A thread that is in no call begins one.
    fn begins(&mut self, thread: Thread, what: &What) -> Taken {
        let (kernel, block) = (self.kernel, self.block);
        let asked = |pos: u64, len: u64, kflags: u64| Asked {
            pos,
            end: pos.saturating_add(len),
            nowait: kflags & NOWAIT != 0,
        };
        let long =
            |len: u64| Err(wrong(Reason::new(format!("len={len} is more than one call can do"))));
        let doing = match *what {
            What::WriteIter { len, .. } | What::ReadIter { len, .. } if len > 1 << 31 => {
                return long(len);
            }
            What::WriteIter { pos, len, kflags, .. } if kflags.has(DIRECT) && len > 0 => {
                Doing::Call(Box::new(Frame::write(kernel, block, asked(pos, len, kflags.0))))
            }
            What::ReadIter { pos, len, kflags, .. } if kflags.has(DIRECT) && len > 0 => {
                Doing::Call(Box::new(Frame::read(kernel, block, asked(pos, len, kflags.0))))
            }
            What::WriteIter { .. } | What::ReadIter { .. } => Doing::Loose(Loose::buffered()),
            What::Fallocate { mode, pos, len } => {
                let punch = mode.0 & !1 == PUNCH_HOLE && len <= 1 << 43;
                let frame =
                    punch.then(|| Frame::punch(kernel, block, asked(pos, len, 0))).flatten();
                match frame {
                    Some(frame) => Doing::BeforePunch(Box::new(BeforePunch::new(frame))),
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
                let mut frame = Frame::setattr(self.kernel, self.block, newsize, true);
                frame.take(thread, what, &self.world)?;
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
    fn completes(&mut self, thread: Thread, iocb: Iocb) -> Taken {
        let stack = self.doing.entry(thread).or_default();
        if matches!(stack.last(), Some(Doing::Work)) {
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
            return Err(wrong(Reason::new(format!("{iocb} is not submitted yet"))));
        }
        dio.completing = true;
        let asked = Asked { pos: dio.pos, end: dio.end, nowait: false };
        let doing = if dio.writes {
            let unwritten = dio.unwritten();
            let mut frame = Frame::completion(self.kernel, self.block, asked, unwritten, iocb);
            let head = What::DioComplete {
                iocb,
                pos: dio.pos,
                size: 0,
                err: 0,
                dflags: event::Hex(0),
                dio: 0,
            };
            frame.take(thread, &head, &self.world)?;
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
                let mut frame = Frame::setattr(self.kernel, self.block, newsize, true);
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
    fn frame(&self, thread: Thread) -> Option<&Frame> {
        match self.doing.get(&thread)?.last()? {
            Doing::Call(frame) => Some(frame),
            _ => None,
        }
    }

    fn joined(&self, thread: Thread) -> bool {
        self.doing.get(&thread).is_some_and(|stack| matches!(stack.last(), Some(Doing::Joined)))
    }

    /// What the event does to what is shared.
    fn happens(&mut self, event: &Event, owner: Option<Iocb>) -> Result<(), Reason> {
        let (thread, line) = (event.thread, event.line);
        match event.what {
            What::Req { l, .. } => self.world.waits_in_order(thread, l)?,
            What::Acq { l, m } => {
                self.world.acquired(thread, l, m)?;
                if l == LockName::IDataSem && m == Mode::Exclusive {
                    self.world.maps_alone(thread);
                    self.sizes_change(thread);
                }
            }
            What::Rel { l, m, cnt } => {
                let joined = self.joined(thread) || self.world.excerpt;
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
                };
                self.world.dio_starts(iocb, new)?;
                self.world.sample_count(thread, line, dio, false);
                self.own(thread, iocb);
            }
            What::IomapDioRwRet { ret } => self.submitted(thread, ret)?,
            What::DioBegin { dio } => {
                if self.world.holds(thread, LockName::IRwsem).is_none() && !self.joined(thread) {
                    let text = "i_dio_count was raised without i_rwsem";
                    return Err(Reason::rule(RuleId::R6, text));
                }
                if let Some(iocb) = self.starting(thread) {
                    self.world.dio_begins(iocb);
                }
                self.world.sample_count(thread, line, dio, false);
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
            }
            What::DioWaitRet {} => {}
            What::MapBlocks { lblk, mlen, gflags } => {
                self.world.looks(thread, lblk, mlen, gflags.0);
            }
            What::MapBlocksRet { ret } => {
                self.world.mapped(thread, ret)?;
                let told = self.world.lookup(thread).is_some_and(|l| l.flags & CONVERT == 0);
                if !told {
                    self.world.looked(thread);
                }
            }
            // Of a call that began before the recording only this tells whether it writes.
            What::IomapBegin { iflags, .. } if self.joined(thread) => {
                let mine = |dio: &&mut Dio| dio.submitter == thread && !dio.queued;
                if let Some(dio) = self.world.dios.values_mut().find(mine) {
                    dio.writes = iflags.has(1);
                }
            }
            What::SetIomap { lblk, mlen, pblk, mflags } => {
                let extent = step::state(mflags.0);
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

    /// A call has taken i_data_sem alone: the sizes may change.
    fn sizes_change(&mut self, thread: Thread) {
        let Some(Doing::Call(frame)) = self.doing.get(&thread).and_then(|s| s.last()) else {
            return;
        };
        if let Some(to) = frame.sets_size() {
            let to = Span::only(to);
            self.world.set_size(self.world.size.or(to));
            self.world.set_disksize(self.world.disksize.or(to));
        }
        self.extended(thread);
    }

    /// It gives i_data_sem back.
    fn sizes_changed(&mut self, thread: Thread) {
        let Some(Doing::Call(frame)) = self.doing.get_mut(&thread).and_then(|s| s.last_mut())
        else {
            return;
        };
        if let Some(to) = frame.sets_size() {
            frame.size_is_set();
            self.world.set_size(Span::only(to));
            self.world.set_disksize(Span::only(to));
        } else if matches!(frame.kind, Kind::Write | Kind::Completion) && frame.extends() {
            let size = self.world.size;
            self.world.set_disksize(size);
        }
    }

    /// An extension has raised i_size by now.
    fn extended(&mut self, thread: Thread) {
        let extends = self.frame(thread).is_some_and(Frame::extends);
        if extends {
            let most = self.world.size.most;
            self.world.set_size(Span::only(most));
            let disksize = self.world.disksize;
            self.world.set_disksize(disksize.or(Span::only(most)));
        }
    }

    /// What a call that is not modelled does to the sizes and to where blocks are.
    fn effect(&mut self, loose: &Loose, what: &What) {
        let Some(effect) = loose.effect() else { return };
        let block = self.block;
        match (effect, what) {
            (Effect::Cut { from, to }, What::RemoveSpaceDone {}) => {
                self.world.extents.cut(from / block, to / block);
            }
            (Effect::Inserted { from, len }, What::EsRemove { .. }) => {
                self.world.extents.shift(from / block, len / block);
            }
            _ => {}
        }
        let size = self.world.size;
        if size == Span::ANY {
            return;
        }
        match (effect, what) {
            (Effect::Grows(to), What::MapBlocks { .. } | What::TruncPagecacheRange { .. }) => {
                let grown = Span { least: size.least, most: size.most.max(to) };
                self.world.set_size(grown);
                let disksize = self.world.disksize;
                self.world.set_disksize(Span { most: disksize.most.max(to), ..disksize });
            }
            (Effect::Grows(to), What::Rel { l: LockName::IRwsem, .. })
                if loose.has_allocated(to.div_ceil(block)) =>
            {
                let grown = Span { least: size.least.max(to), most: size.most.max(to) };
                self.world.set_size(grown);
                self.world.set_disksize(grown);
            }
            (Effect::Cut { from, to }, What::RemoveSpaceDone {}) => {
                let less = Span { least: size.least.saturating_sub(to - from), most: size.most };
                self.world.set_size(less);
                self.world.set_disksize(less);
            }
            (Effect::Cut { from, to }, What::Rel { l: LockName::IDataSem, .. }) => {
                let less = size.most - (to - from).min(size.most);
                self.world.set_size(Span::only(less));
                self.world.set_disksize(Span::only(less));
            }
            (Effect::Inserted { len, .. }, What::Acq { l: LockName::InvalidateLock, .. }) => {
                let more = Span { least: size.least, most: size.least.saturating_add(len) };
                self.world.set_size(more);
                self.world.set_disksize(more);
            }
            (Effect::Inserted { .. }, What::ShiftExtents { .. }) => {
                self.world.set_size(Span::only(size.most));
                self.world.set_disksize(Span::only(size.most));
            }
            _ => {}
        }
    }

    fn pieces(&mut self, thread: Thread, told: (u64, u64, diolock::extent_probe::Extent)) {
        if self.joined(thread) {
            let mine = |dio: &&mut Dio| dio.submitter == thread && !dio.queued;
            if let Some(dio) = self.world.dios.values_mut().find(mine) {
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

    fn submitted(&mut self, thread: Thread, ret: Submitted) -> Result<(), Reason> {
        let mine = |dio: &Dio| dio.submitter == thread && !dio.queued;
        let iocb = self.world.dios.iter().find(|(_, dio)| mine(dio)).map(|(&iocb, _)| iocb);
        match (ret, iocb) {
            (Submitted::Queued, iocb) => {
                self.coverage.queued += 1;
                if let Some(dio) = iocb.and_then(|iocb| self.world.dios.get_mut(&iocb)) {
                    dio.queued = true;
                }
            }
            (Submitted::Nothing, Some(iocb)) => self.world.dio_fails(iocb),
            _ => {}
        }
        Ok(())
    }
}

/// Whether an event is the first of a call.
fn begins_a_call(what: &What, truncates: bool) -> bool {
    match what {
        What::WriteIter { .. } | What::ReadIter { .. } | What::Fallocate { .. } => true,
        What::Req { l: LockName::IRwsem, m: Mode::Exclusive } => truncates,
        What::DioCompleteWork {} => !truncates,
        _ => false,
    }
}

fn lock_of(what: &What) -> Option<LockName> {
    match *what {
        What::Acq { l, .. } | What::Req { l, .. } | What::Rel { l, .. } => Some(l),
        _ => None,
    }
}

/// What became of a recording.
#[derive(Debug)]
pub enum Verdict {
    /// The model allows it.
    Accepted(Coverage),
    /// It does not.
    Rejected(Box<Rejection>),
}

/// Judges a whole recording.
///
/// # Errors
/// A line that is no event, or that cannot be read.
pub fn conform(reader: &mut Reader, kernel: Kernel, block: u64) -> Result<Verdict, Box<Problems>> {
    let mut conformer = Conformer::new(kernel, block);
    while let Some(event) = reader.event() {
        if let Err(rejection) = conformer.take(event?) {
            return Ok(Verdict::Rejected(rejection));
        }
    }
    Ok(match conformer.finish() {
        Ok(coverage) => Verdict::Accepted(coverage),
        Err(rejection) => Verdict::Rejected(rejection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diolock::kernel::Version;
    use std::collections::BTreeSet;

    /// The table above knows every event, and names no step that no task has.
    #[test]
    fn the_table_names_every_event_and_only_steps_that_there_are() {
        let rows = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
        let cells: Vec<Vec<&str>> = rows.map(|row| row.split('|').collect()).collect();
        let words = |column: usize| {
            let cells = cells.iter().skip(1).map(move |row| row[column].trim());
            cells.filter(|cell| !cell.starts_with('(')).flat_map(str::split_whitespace)
        };
        let events: BTreeSet<&str> = words(0).collect();
        assert_eq!(events, What::NAMES.iter().copied().collect());
        let steps: BTreeSet<&str> = Kind::ALL
            .into_iter()
            .flat_map(|kind| {
                [Version::V6_1, Version::V6_12].map(|v| steps_of(kind, Kernel::new(v)))
            })
            .flatten()
            .map(|(_, step)| step)
            .collect();
        let unknown: Vec<&str> = words(1).filter(|step| !steps.contains(step)).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }
}
