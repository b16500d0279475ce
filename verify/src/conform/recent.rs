//! The last events of a recording, and how things stood after each, for the table and the picture
//! around a rejected one. Nothing is judged by it.

use super::event::{Event, Thread, What};
use diolock::op::{LockName, Mode};
use std::collections::VecDeque;

/// Events that are remembered.
const REMEMBERED: usize = 4096;
/// Events that are shown of the rejected one's thread, of others, and of how many others.
const OWN: usize = 10;
const OTHERS: usize = 4;
const THREADS: usize = 5;

/// Who holds and who wants what, as far as the events tell.
#[derive(Clone, Default, Debug)]
pub struct Standing {
    /// Locks that are held.
    pub held: Vec<(Thread, LockName, Mode)>,
    /// Locks that were asked for, and are not held yet.
    pub asked: Vec<(Thread, LockName, Mode)>,
    /// Threads in inode_dio_wait.
    pub drains: Vec<Thread>,
    /// i_dio_count as the last event gave it.
    pub count: u64,
}

impl Standing {
    fn take(&mut self, Event { thread, what, .. }: &Event) {
        let thread = *thread;
        let is = |lock| move |one: &(Thread, LockName, Mode)| (one.0, one.1) == (thread, lock);
        match *what {
            What::Req { l, m } => self.asked.push((thread, l, m)),
            What::Acq { l, m } => {
                self.asked.retain(|one| !is(l)(one));
                self.held.push((thread, l, m));
            }
            What::Rel { l, .. } => {
                if let Some(at) = self.held.iter().position(is(l)) {
                    self.held.remove(at);
                }
            }
            What::DioWait { .. } => self.drains.push(thread),
            What::DioWaitRet {} => self.drains.retain(|&other| other != thread),
            _ => {}
        }
        match *what {
            What::DioEnd { dio } => self.count = dio.saturating_sub(1),
            What::DioBegin { dio }
            | What::IomapDioRw { dio, .. }
            | What::DioComplete { dio, .. }
            | What::DioWait { dio }
            | What::Setattr { dio, .. }
            | What::Truncate { dio, .. }
            | What::RemoveSpace { dio, .. } => self.count = dio,
            _ => {}
        }
    }
}

/// The last events.
#[derive(Default, Debug)]
pub(super) struct Recent {
    /// How things stood before the first of them.
    before: Standing,
    events: VecDeque<Event>,
}

impl Recent {
    /// Remembers one more.
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == REMEMBERED
            && let Some(first) = self.events.pop_front()
        {
            self.before.take(&first);
        }
        self.events.push_back(event);
    }

    /// The event of a line.
    pub(super) fn find(&self, line: usize) -> Option<&Event> {
        self.events.iter().find(|event| event.line == line)
    }

    /// What led to an event: the last events of its thread and of others that have to do with it,
    /// oldest first, and how things stood after each; after the event itself, as if it were refused.
    pub(super) fn window(&self, event: &Event, others: &[Thread]) -> Vec<(Event, Standing)> {
        let mut left: Vec<(Thread, usize)> = vec![(event.thread, OWN)];
        for &other in others {
            if left.len() <= THREADS && left.iter().all(|(thread, _)| *thread != other) {
                left.push((other, OTHERS));
            }
        }
        let before = self.events.iter().rev().filter(|other| other.line <= event.line);
        let shown: Vec<usize> = before
            .filter(|other| other.thread == event.thread || !maps(&other.what))
            .filter(|other| {
                let mine = left.iter_mut().find(|(thread, _)| *thread == other.thread);
                mine.is_some_and(|(_, left)| std::mem::replace(left, left.saturating_sub(1)) > 0)
            })
            .map(|event| event.line)
            .collect();
        let mut standing = self.before.clone();
        let mut window = Vec::new();
        for other in &self.events {
            // What must not happen has not happened; to ask is always possible.
            let asks = matches!(other.what, What::Req { .. } | What::DioWait { .. });
            if other.line != event.line || asks {
                standing.take(other);
            }
            if shown.contains(&other.line) {
                window.push((other.clone(), standing.clone()));
            }
        }
        window
    }
}

/// Whether an event only says where blocks are: that says little about what others do.
fn maps(what: &What) -> bool {
    matches!(
        what,
        What::IomapBegin { .. }
            | What::IomapOwBegin { .. }
            | What::SetIomap { .. }
            | What::MapBlocks { .. }
            | What::MapBlocksRet { .. }
            | What::ExtMapBlocksExit {}
            | What::HandleUnwritten {}
    )
}
