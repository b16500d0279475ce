//! What is shared, and how it stands before the first event.

use super::dio::Dio;
use super::lookup::Lookup;
use super::span::{Span, Window};
use super::wait::Wait;
use crate::conform::event::Thread;
use crate::conform::extents::Extents;
use crate::conform::value::Iocb;
use diolock::op::{LockName, Mode};
use std::collections::{BTreeMap, HashMap};

/// What is shared.
#[derive(Debug)]
pub struct World {
    /// The recording begins in the middle of calls.
    pub excerpt: bool,
    /// i_size.
    pub size: Span,
    /// i_disksize.
    pub disksize: Span,
    /// Whether the inode is on the list of orphans.
    pub orphan: Option<bool>,
    /// The extent tree.
    pub extents: Extents,
    /// Direct I/O in flight.
    pub dios: BTreeMap<Iocb, Dio>,
    /// Direct I/O in flight that began before the recording.
    pub(super) before: Span,
    /// Threads that ended such I/O and have not been seen since.
    pub(super) ending: Vec<Thread>,
    pub(super) counted: u64,
    pub(super) held: Vec<(LockName, Thread, Mode)>,
    /// Locks that were taken in the recording, in that mode.
    pub(super) taken: Vec<(LockName, Mode)>,
    /// What threads wait for whose last event began that.
    pub(super) waiting: HashMap<Thread, Wait>,
    pub(super) windows: HashMap<Thread, Window>,
    /// i_size and i_dio_count since the recording began.
    pub(super) ever: (Span, Span),
    pub(super) lookups: HashMap<Thread, Lookup>,
    /// So many blocks beside those that are written may be zeroed with them.
    pub(super) zeroed: u64,
}

/// `s_extent_max_zeroout_kb`, as every file system has it at first; in bytes.
const MAX_ZEROOUT: u64 = 32 << 10;

impl World {
    /// Before the first event, with blocks of so many bytes.
    pub fn new(block: u64) -> World {
        World {
            zeroed: MAX_ZEROOUT.div_ceil(block),
            excerpt: false,
            size: Span::ANY,
            disksize: Span::ANY,
            orphan: None,
            extents: Extents::default(),
            dios: BTreeMap::new(),
            before: Span::only(0),
            ending: Vec::new(),
            counted: 0,
            held: Vec::new(),
            taken: Vec::new(),
            waiting: HashMap::new(),
            windows: HashMap::new(),
            ever: (Span::ANY, Span::only(0)),
            lookups: HashMap::new(),
        }
    }

    /// The most of what is remembered for each thread, or for each direct I/O in flight.
    pub fn under_way(&self) -> usize {
        let each = [self.dios.len(), self.ending.len(), self.windows.len(), self.held.len()];
        each.into_iter().max().unwrap_or(0)
    }

    /// The recording begins in the middle of calls: direct I/O may be in flight, locks held.
    pub fn begin_in_the_middle(&mut self) {
        self.excerpt = true;
        self.before = Span::ANY;
    }
}
