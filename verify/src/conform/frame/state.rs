//! What is known of a call so far, and the states that its task may be in.

use super::kind::{Asked, Kind};
use super::mapping::Mapping;
use super::phase::Phase;
use crate::conform::loose::Loose;
use crate::conform::trail::Trail;
use crate::conform::value::Iocb;
use crate::conform::world::Span;
use diolock::call::Call;

/// A state that a task may be in.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(super) call: Call,
    /// How much of the events of its next step was seen.
    pub(super) phase: Phase,
    /// It is left to its completion.
    pub(super) queued: bool,
    /// The checks found every block written, and the lock under which they did is still held.
    pub(super) written: bool,
    /// How it came here since there was but one candidate.
    pub(super) trail: Trail,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        let key = |of: &Candidate| (of.phase.clone(), of.queued, of.written);
        self.call == other.call && key(self) == key(other)
    }
}

impl Candidate {
    pub(super) fn at(mut self, phase: Phase) -> Candidate {
        self.phase = phase;
        self
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which.
    pub kind: Kind,
    pub asked: Asked,
    pub(super) block: u64,
    /// Its direct I/O.
    pub iocb: Option<Iocb>,
    /// What `dio_complete` says of it: first byte, how many, error, flags.
    pub(super) done: Option<(u64, u64, i64, u64)>,
    /// i_size when its direct I/O began.
    pub(super) size: Option<Span>,
    /// `es_remove`: first block, one past the last.
    pub(super) removing: Option<(u64, u64)>,
    /// ext4_truncate has been called, which puts the inode on the orphan list once more.
    pub(super) truncating: bool,
    /// ext4_setattr put the inode on the orphan list.
    pub(super) listed: bool,
    /// It was taken off since invalidate_lock was given back.
    pub(super) unlisted: bool,
    /// Blocks were moved.
    pub(super) shifted: bool,
    /// That one's reference is gone.
    pub(super) ended: bool,
    /// The extents that a write changes are converted by it.
    pub mapping: Mapping,
    pub(super) candidates: Vec<Candidate>,
    /// Whole blocks are removed; what is left of others is zeroed.
    pub(super) partial: bool,
    /// `punch_hole` and the like, and its return.
    pub(super) inner: u8,
    /// fallocate may raise the sizes.
    pub(super) grows: bool,
    /// It is a fallocate that zeroes the rest of the block that the file ended in (c7fc0366c656).
    pub(super) zeroes_tail: bool,
    /// What it does to the extents and the sizes (fallocate other than a punched hole).
    pub besides: Option<Loose>,
    /// The sizes are set (truncate).
    pub(super) sized: bool,
    /// `inode_extension`.
    pub(super) extends: bool,
}
