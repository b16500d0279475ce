//! One call of one thread, and the states of its task that fit what was recorded of it so far.

mod accept;
mod begin;
mod expect;
mod fallocate;
mod graph;
mod inside;
mod mapping;
mod phase;
mod ready;
mod silent;
mod through;

pub use graph::graph;
pub use mapping::{Mapping, state};

use super::event::{Thread, What};
use super::loose::Loose;
use super::reject::Reason;
use super::trail::Trail;
use super::value::Iocb;
use super::world::{Span, World};
use diolock::call::Call;
use diolock::op::LockName;
use diolock::task::Task;
use phase::Phase;

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
    /// An allocation.
    Fallocate,
    /// A zeroed range.
    Zero,
    /// A range taken out, or put in.
    Shift,
    /// The completion of an asynchronous write.
    Completion,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Write,
        Kind::Read,
        Kind::Setattr,
        Kind::Punch,
        Kind::Fallocate,
        Kind::Zero,
        Kind::Shift,
        Kind::Completion,
    ];

    /// The name of its task.
    pub fn task(self) -> &'static str {
        match self {
            Kind::Write => "DioWriteIter",
            Kind::Read => "DioReadIter",
            Kind::Setattr => "Setattr",
            Kind::Punch => "PunchHoleRwsem",
            Kind::Fallocate => "ExtFallocate",
            Kind::Zero => "ZeroRange",
            Kind::Shift => "ShiftRange",
            Kind::Completion => "IomapEndIo",
        }
    }

    /// Whether it is a mode of fallocate.
    pub fn is_fallocate(self) -> bool {
        matches!(self, Kind::Punch | Kind::Fallocate | Kind::Zero | Kind::Shift)
    }

    /// Whether it allocates blocks without writing to them.
    pub fn allocates(self) -> bool {
        matches!(self, Kind::Fallocate | Kind::Zero)
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
    call: Call,
    /// How much of the events of its next step was seen.
    phase: Phase,
    /// It is left to its completion.
    queued: bool,
    /// How it came here since there was but one candidate.
    trail: Trail,
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
    pub asked: Asked,
    block: u64,
    /// Its direct I/O.
    pub iocb: Option<Iocb>,
    /// What `dio_complete` says of it: first byte, how many, error, flags.
    done: Option<(u64, u64, i64, u64)>,
    /// i_size when its direct I/O began.
    size: Option<Span>,
    /// `es_remove`: first block, one past the last.
    removing: Option<(u64, u64)>,
    /// ext4_truncate has been called, which puts the inode on the orphan list once more.
    truncating: bool,
    /// ext4_setattr put the inode on the orphan list.
    listed: bool,
    /// It was taken off since invalidate_lock was given back.
    unlisted: bool,
    /// Blocks were moved.
    shifted: bool,
    /// That one's reference is gone.
    ended: bool,
    /// The extents that a write changes are converted by it.
    pub mapping: Mapping,
    candidates: Vec<Candidate>,
    /// Whole blocks are removed; what is left of others is zeroed.
    partial: bool,
    /// `punch_hole` and the like, and its return.
    inner: u8,
    /// fallocate may raise the sizes.
    grows: bool,
    /// What it does to the extents and the sizes (fallocate other than a punched hole).
    pub besides: Option<Loose>,
    /// The sizes are set (truncate).
    sized: bool,
    /// `inode_extension`.
    extends: bool,
}

impl Frame {
    /// The transitions since the last time, if there is but one state that the task may be in.
    pub fn so_far(&mut self) -> Trail {
        match &mut self.candidates[..] {
            [only] => std::mem::take(&mut only.trail),
            _ => Trail::default(),
        }
    }

    /// The transitions of the call, which is over.
    pub fn whole(mut self) -> Trail {
        let candidates = std::mem::take(&mut self.candidates);
        let over = candidates.into_iter().filter(|candidate| self.is_over(candidate));
        let mut ways = over.map(|candidate| candidate.trail);
        let mut trail = ways.next().unwrap_or_default();
        for way in ways {
            trail.or(&way);
        }
        trail
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
        if let What::DioComplete { pos, size, err, dflags, .. } = *what {
            self.done = Some((pos, size, err, dflags.0));
        }
        if let Err(reason) = self.mapping.note(what, self.asked, self.block) {
            return Err((reason, self.expected(&settled)));
        }
        let mut next: Vec<Candidate> = Vec::new();
        for candidate in &settled {
            for taken in self.accept(candidate, thread, what, world) {
                match next.iter_mut().find(|known| **known == taken) {
                    Some(known) => {
                        known.trail.or(&taken.trail);
                    }
                    None => next.push(taken),
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
            What::IomapDioRw { iocb, .. } => {
                self.iocb = Some(*iocb);
                self.size = Some(window.size.or(world.size));
            }
            What::DioEnd { .. } => self.ended = true,
            What::EsRemove { lblk, mlen } => self.removing = Some((*lblk, lblk + mlen)),
            What::OrphanAdd {} => self.listed |= !self.truncating,
            What::Truncate { .. } => self.truncating = true,
            What::Rel { l: LockName::InvalidateLock, .. } => self.unlisted = false,
            What::OrphanDel {} => self.unlisted = true,
            What::ShiftExtentsRet { .. } => self.shifted = true,
            What::InodeExtension { .. } => self.extends = true,
            What::Setattr { isize, .. } => self.partial |= !isize.is_multiple_of(self.block),
            _ if fallocate::is_inner(what) => self.inner += 1,
            _ => {}
        }
        Ok(())
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
        self.candidates.iter().any(|candidate| self.is_over(candidate))
    }

    fn is_over(&self, Candidate { call, phase, .. }: &Candidate) -> bool {
        // No event says that a truncate has returned.
        let returned = self.kind == Kind::Setattr && call.next().is_none();
        *phase == Phase::Over || returned
    }
}

impl Candidate {
    fn at(mut self, phase: Phase) -> Candidate {
        self.phase = phase;
        self
    }
}
