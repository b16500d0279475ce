//! What the tasks of a recording share, as far as the recording tells: locks, counts, sizes, extents.
//!
//! `acq` and `dio_begin` are recorded after the fact, `rel` and `dio_end` before it. A recorded hold
//! is therefore part of the real one, and between two events of one thread a value that it read may
//! be any that the world had meanwhile: that is its [`Window`].

mod dios;
mod locks;
mod lookups;
mod waits;
mod window;

pub use dios::{Dio, Stage};
pub use waits::Wait;
pub use window::{Span, Window};

use super::event::Thread;
use super::extents::Extents;
use super::value::Iocb;
use diolock::op::{LockName, Mode};
use lookups::Lookup;
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
    before: Span,
    /// Threads that ended such I/O and have not been seen since.
    ending: Vec<Thread>,
    counted: u64,
    held: Vec<(LockName, Thread, Mode)>,
    /// Locks that were taken in the recording, in that mode.
    taken: Vec<(LockName, Mode)>,
    /// What threads wait for whose last event began that.
    waiting: HashMap<Thread, Wait>,
    windows: HashMap<Thread, Window>,
    lookups: HashMap<Thread, Lookup>,
}

impl World {
    /// Before the first event.
    pub fn new() -> World {
        World {
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
