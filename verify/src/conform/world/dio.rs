//! One direct I/O in flight.

use crate::conform::event::Thread;
use diolock::op::Extent;

/// How far a direct I/O is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// `iomap_dio_rw`: it may have raised the count.
    Starting,
    /// It is counted.
    Counted,
    /// `dio_end`: it may be counted until its thread is seen again.
    Ending(Thread),
}

/// One direct I/O.
#[derive(Clone, Debug)]
pub struct Dio {
    /// Who submits it.
    pub submitter: Thread,
    /// It writes.
    pub writes: bool,
    /// First byte.
    pub pos: u64,
    /// One past the last byte.
    pub end: u64,
    /// How far it is.
    pub stage: Stage,
    /// What it was mapped to: first block, one past the last, state.
    pub pieces: Vec<(u64, u64, Extent)>,
    /// All of it is mapped.
    pub mapped: bool,
    /// The submitter was told that it is in flight.
    pub queued: bool,
    /// Somebody completes it.
    pub completing: bool,
    /// Who will end it, if that is known: its submitter, or who completes it.
    pub ends: Option<Thread>,
}

impl Dio {
    /// Whether its completion converts.
    pub fn unwritten(&self) -> bool {
        self.writes && self.pieces.iter().any(|piece| piece.2 == Extent::Unwritten)
    }
}
