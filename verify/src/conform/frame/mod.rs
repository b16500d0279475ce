//! One call of one thread, and the states of its task that fit what was recorded of it so far.

mod accept;
mod begin;
mod expect;
mod failed;
mod fallocate;
mod graph;
mod inside;
mod kind;
mod mapping;
mod phase;
mod ready;
mod silent;
mod state;
mod through;

pub use graph::graph;
pub use kind::{Asked, Kind};
pub use mapping::{Mapping, state};
pub use state::{Candidate, Frame};

use super::event::{Thread, What};
use super::reject::Reason;
use super::trail::Trail;
use super::world::World;
use diolock::op::LockName;
use diolock::task::Task;
use phase::Phase;

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

    /// Where the file ends at least, in bytes, once it has raised them.
    pub fn extends_to(&self) -> Option<u64> {
        let written = self.done.map_or(self.asked.end, |(pos, size, ..)| pos + size);
        self.extends.then_some(written)
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
