//! What is known of a recording so far.

use super::coverage::Coverage;
use super::doing::Doing;
use super::event::Thread;
use super::file_system::FileSystem;
use super::frame::Frame;
use super::recent::Recent;
use super::world::World;
use std::collections::{HashMap, HashSet};

/// Follows a recording.
#[derive(Debug)]
pub struct Conformer {
    pub(super) on: FileSystem,
    pub(super) world: World,
    /// What each thread in a call is doing; an interrupt's work lies on top.
    pub(super) doing: HashMap<Thread, Vec<Doing>>,
    /// Threads that were seen.
    pub(super) known: Vec<bool>,
    /// Threads that ended a reference with their last event.
    pub(super) woke: HashSet<Thread>,
    pub(super) first: bool,
    pub(super) recent: Recent,
    pub(super) coverage: Coverage,
}

impl Conformer {
    /// Before the first event.
    pub fn new(on: FileSystem) -> Conformer {
        Conformer {
            on,
            world: World::new(on.block),
            doing: HashMap::new(),
            known: Vec::new(),
            woke: HashSet::new(),
            first: true,
            recent: Recent::default(),
            coverage: Coverage::of(on.journal),
        }
    }

    /// How much is followed at once: calls, direct I/Os, or numbers that are not judged yet.
    pub fn under_way(&self) -> usize {
        self.doing.len().max(self.world.under_way())
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
