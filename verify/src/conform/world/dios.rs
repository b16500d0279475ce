//! Direct I/O in flight, and what of it i_dio_count counts.

use super::dio::{Dio, Stage};
use super::shared::World;
use crate::conform::event::Thread;
use crate::conform::reject::Reason;
use crate::conform::value::Iocb;

impl World {
    /// `iomap_dio_rw`.
    ///
    /// # Errors
    /// If that one is in flight.
    pub fn dio_starts(&mut self, iocb: Iocb, dio: Dio) -> Result<(), Reason> {
        match self.dios.get(&iocb).map(|dio| dio.stage) {
            // The request is used again before the thread that ended it is seen.
            Some(Stage::Ending(thread)) => self.ending.push(thread),
            Some(_) => return Err(Reason::new(format!("{iocb} is in flight already"))),
            None => {}
        }
        self.dios.insert(iocb, dio);
        self.widen();
        Ok(())
    }

    /// The direct I/O that a thread is submitting, or has submitted and waits for.
    pub fn submitting(&self, thread: Thread) -> Option<Iocb> {
        let mine = |dio: &Dio| dio.submitter == thread && !dio.queued;
        self.dios.iter().find(|(_, dio)| mine(dio)).map(|(&iocb, _)| iocb)
    }

    /// The same, to be changed.
    pub fn submitted(&mut self, thread: Thread) -> Option<&mut Dio> {
        let iocb = self.submitting(thread)?;
        self.dios.get_mut(&iocb)
    }

    /// `inode_dio_begin`.
    pub fn dio_begins(&mut self, iocb: Iocb) {
        if let Some(dio) = self.dios.get_mut(&iocb) {
            dio.stage = Stage::Counted;
            self.counted += 1;
        }
        self.widen();
    }

    /// `inode_dio_end`; of `None`, one that began before the recording.
    pub fn dio_ends(&mut self, thread: Thread, iocb: Option<Iocb>) {
        match iocb.and_then(|iocb| self.dios.get_mut(&iocb)) {
            Some(dio) => {
                if dio.stage == Stage::Counted {
                    self.counted -= 1;
                }
                dio.stage = Stage::Ending(thread);
            }
            None => {
                self.before.least = self.before.least.saturating_sub(1);
                if self.before.most != u64::MAX {
                    self.before.most = self.before.most.saturating_sub(1);
                }
                self.ending.push(thread);
            }
        }
        self.widen();
    }

    /// Nothing was submitted.
    pub fn dio_fails(&mut self, iocb: Iocb) {
        if self.dios.get(&iocb).is_some_and(|dio| dio.stage == Stage::Starting) {
            self.dios.remove(&iocb);
        }
        self.widen();
    }
}
