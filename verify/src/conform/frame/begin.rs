//! Where a call's task stands when the call begins.

use super::phase::Phase;
use super::{Asked, Candidate, Frame, Kind, Mapping};
use crate::conform::file_system::FileSystem;
use crate::conform::flags::{COLLAPSE, INSERT, KEEP_SIZE, PUNCH_HOLE, ZERO};
use crate::conform::loose::Loose;
use crate::conform::trail::Trail;
use crate::conform::value::Iocb;
use diolock::call::Call;
use diolock::dio_path::{DioReadIter, DioWriteIter, IomapEndIo, Write, WriteFlags};
use diolock::kernel::{Fix, Kernel};
use diolock::op::{Bio, Blocks, Outcome, Range, Size, Span, Submission};
use diolock::resize::{ExtFallocate, PunchHoleRwsem, Setattr, ShiftRange, ZeroRange};
use diolock::task::Task;

pub(super) fn blocks_of(asked: Asked, block: u64) -> Range {
    let start = asked.pos / block;
    let end = asked.end.div_ceil(block).max(start + 1);
    Range { start: start as Blocks, len: (end - start) as Blocks }
}

impl Frame {
    fn new(kind: Kind, block: u64, asked: Asked, calls: Vec<Call>) -> Frame {
        let candidate = |call| Candidate {
            call,
            phase: Phase::Ready,
            queued: false,
            written: false,
            trail: Trail::default(),
        };
        Frame {
            kind,
            asked,
            block,
            iocb: None,
            done: None,
            size: None,
            removing: None,
            truncating: false,
            listed: false,
            unlisted: false,
            shifted: false,
            ended: false,
            mapping: Mapping::default(),
            candidates: calls.into_iter().map(candidate).collect(),
            partial: !asked.pos.is_multiple_of(block) || !asked.end.is_multiple_of(block),
            inner: 0,
            grows: false,
            zeroes_tail: false,
            besides: None,
            sized: false,
            extends: false,
        }
    }

    /// A direct write. Whether its I/O is waited for shows later.
    pub fn write(on: FileSystem, asked: Asked) -> Frame {
        let FileSystem { kernel, block, journal } = on;
        let Span { start, end } = Span::of(blocks_of(asked, block), None);
        let unaligned = !asked.pos.is_multiple_of(block) || !asked.end.is_multiple_of(block);
        // Where in its blocks it begins is no matter, that it is unaligned is.
        let start = Size::halves(start.in_halves() + u32::from(unaligned));
        let (span, append, pins) = (Span { start, end }, false, false);
        let flags = WriteFlags { nowait: asked.nowait, ..WriteFlags::default() };
        let call = |end_io| {
            let write = Write { task: 0, end_io, span, append, fault: None, pins, slot: false };
            Call::DioWriteIter(DioWriteIter::new(write, flags, kernel, journal.exists()))
        };
        Frame::new(Kind::Write, block, asked, vec![call(None), call(Some(1))])
    }

    /// A direct read.
    pub fn read(on: FileSystem, asked: Asked) -> Frame {
        let FileSystem { kernel, block, .. } = on;
        let read = DioReadIter::new(0, Span::of(blocks_of(asked, block), None), kernel, true);
        let call = Call::DioReadIter(Box::new(read));
        Frame::new(Kind::Read, block, asked, vec![call])
    }

    /// A truncate to `size`.
    pub fn setattr(on: FileSystem, size: u64) -> Frame {
        let FileSystem { kernel, block, journal } = on;
        let asked = Asked { pos: size, end: size, nowait: false };
        let call = Call::Setattr(Setattr::new(
            Size::blocks(size.div_ceil(block) as Blocks),
            kernel,
            journal.exists(),
        ));
        Frame::new(Kind::Setattr, block, asked, vec![call])
    }

    /// A truncate that took i_rwsem before the recording began.
    pub fn setattr_locked(on: FileSystem, size: u64) -> Frame {
        let mut frame = Frame::setattr(on, size);
        frame.candidates[0].call.resume(Outcome::Done);
        frame
    }

    /// fallocate; `None` if the model has no task for it: no whole block, or an odd mode.
    pub fn fallocate(on: FileSystem, mode: u64, asked: Asked) -> Option<Frame> {
        let FileSystem { kernel, block, .. } = on;
        let whole = asked.pos.is_multiple_of(block) && asked.end.is_multiple_of(block);
        if asked.end <= asked.pos || asked.end / block >= u64::from(u32::MAX) {
            return None;
        }
        let (range, grows) = (blocks_of(asked, block), mode & KEEP_SIZE == 0);
        let (kind, call) = match mode & !KEEP_SIZE {
            PUNCH_HOLE => return Frame::punch(kernel, block, asked),
            0 => (Kind::Fallocate, Call::ExtFallocate(ExtFallocate::new(range, grows, kernel))),
            ZERO if whole => {
                (Kind::Zero, Call::ZeroRange(ZeroRange::new(Span::of(range, None), grows, kernel)))
            }
            COLLAPSE if whole => {
                (Kind::Shift, Call::ShiftRange(ShiftRange::collapse(range, kernel)))
            }
            INSERT if whole => (Kind::Shift, Call::ShiftRange(ShiftRange::insert(range, kernel))),
            _ => return None,
        };
        let mut frame = Frame::new(kind, block, asked, vec![call]);
        frame.grows = grows;
        frame.zeroes_tail = grows && kernel.has(Fix::GrowingZeroes);
        frame.besides = Some(Loose::fallocate(mode, asked.pos, asked.end - asked.pos));
        if kind.allocates() {
            frame.mapping.allocates(range.start);
        }
        Some(frame)
    }

    /// A punched hole; `None` if it has no whole block.
    fn punch(kernel: Kernel, block: u64, asked: Asked) -> Option<Frame> {
        let (start, end) = (asked.pos.div_ceil(block), asked.end / block);
        let len = end.checked_sub(start).filter(|&len| len > 0)?;
        let range = Range { start: start as Blocks, len: len as Blocks };
        let call = Call::PunchHole(PunchHoleRwsem::new(Span::of(range, None), kernel));
        Some(Frame::new(Kind::Punch, block, asked, vec![call]))
    }

    /// The completion of an asynchronous write.
    pub fn completion(on: FileSystem, asked: Asked, unwritten: bool, iocb: Iocb) -> Frame {
        let FileSystem { kernel, block, .. } = on;
        let span = Span::of(blocks_of(asked, block), None);
        let mut end_io = IomapEndIo::new(1, kernel, false, false);
        end_io.submit(Submission {
            span,
            blocks: vec![0],
            bio: Bio::WHOLE_WRITE,
            unwritten,
            works: unwritten,
        });
        let calls = vec![Call::IomapEndIo(end_io)];
        let mut frame = Frame::new(Kind::Completion, block, asked, calls);
        frame.iocb = Some(iocb);
        frame.candidates[0].phase = Phase::Head(0);
        frame
    }
}
