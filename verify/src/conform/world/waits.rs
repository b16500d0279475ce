//! Who waits for whom (R12).
//!
//! A wait is what a thread's last event began: a `req` without its `acq`, a `dio_wait` without its
//! return. It is for another thread only where that is certain: for one that holds the lock in a mode
//! that excludes the wanted one (a recorded hold is part of the real one), or for one that has to end
//! a direct I/O, if i_dio_count was not 0 since the drain began. A writer that queued first is no
//! reason: the kernel lets readers pass it at times. Hence a cycle is a deadlock, whatever comes.

use super::dio::Stage;
use super::shared::World;
use super::wait::Wait;
use crate::conform::event::Thread;
use crate::conform::reject::Reason;
use crate::rule::RuleId;
use diolock::op::{LockName, Mode};

impl World {
    /// A thread begins to wait.
    ///
    /// # Errors
    /// If it then waits for itself, round about or not (R12).
    pub fn waits(&mut self, thread: Thread, wait: Wait) -> Result<(), Reason> {
        self.waiting.insert(thread, wait);
        let Some(cycle) = self.path(vec![thread]) else { return Ok(()) };
        let round = cycle.iter().zip(cycle.iter().skip(1).chain([&thread]));
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for (&from, &to) in round {
            texts.push(match self.waiting.get(&from) {
                Some(Wait::Lock(lock, mode)) => {
                    format!("{{}} waits for {}, held by {{}}", lock.in_mode(*mode))
                }
                _ => "{} waits for i_dio_count to be 0, and {} has yet to end a direct I/O".into(),
            });
            others.extend([from, to]);
        }
        Err(Reason { text: texts.join("; "), rule: Some(RuleId::R12), others })
    }

    /// A thread tries to take a lock.
    pub fn tries(&mut self, thread: Thread, lock: LockName, mode: Mode) {
        self.waiting.insert(thread, Wait::Try(lock, mode));
    }

    /// Whether a thread's last event asked for a lock.
    pub fn asked(&self, thread: Thread, lock: LockName, mode: Mode) -> bool {
        let wait = self.waiting.get(&thread);
        wait.is_some_and(|&w| w == Wait::Lock(lock, mode) || w == Wait::Try(lock, mode))
    }

    /// What a thread waits for, and who is in its way.
    pub fn waits_for(&self, thread: Thread) -> Option<(Wait, Vec<Thread>)> {
        let wait = *self.waiting.get(&thread)?;
        let by: Vec<Thread> = match wait {
            Wait::Lock(lock, mode) => self
                .held
                .iter()
                .filter(|held| held.0 == lock)
                .filter(|held| mode == Mode::Exclusive || held.2 == Mode::Exclusive)
                .map(|held| held.1)
                .collect(),
            Wait::Try(..) => Vec::new(),
            Wait::Drain if self.window(thread).count.least == 0 => Vec::new(),
            Wait::Drain => {
                let counted = self.dios.values().filter(|dio| dio.stage == Stage::Counted);
                counted.filter_map(|dio| dio.ends).collect()
            }
        };
        Some((wait, by))
    }

    /// A way from the last thread back to the first, each waiting for the next.
    fn path(&self, so_far: Vec<Thread>) -> Option<Vec<Thread>> {
        let (_, by) = self.waits_for(*so_far.last()?)?;
        if by.contains(&so_far[0]) {
            return Some(so_far);
        }
        let fresh = by.into_iter().filter(|next| !so_far.contains(next));
        let mut further = fresh.map(|next| so_far.iter().copied().chain([next]).collect());
        further.find_map(|path| self.path(path))
    }
}
