//! Steps that a recording does not show: they are taken with every answer that was possible.

use super::begin::blocks_of;
use super::phase::Phase;
use super::{Asked, Candidate, Frame, Kind};
use crate::conform::world::{Span, Window, World};
use diolock::op::{Blocks, Op, OrphanOp, Outcome, Range, Size};
use diolock::task::Task;

/// The page cache is not recorded: a task finds nothing there.
pub(super) const NO_PAGES: Outcome = Outcome::Value(0);

impl Frame {
    /// Everything that silent steps lead to, whatever they find.
    pub(super) fn settled(&self, window: &Window, world: &World) -> Vec<Candidate> {
        let mut settled: Vec<Candidate> = Vec::new();
        let mut open = self.candidates.clone();
        while let Some(candidate) = open.pop() {
            let candidate = match settled.iter_mut().find(|known| **known == candidate) {
                Some(known) => {
                    if !known.trail.or(&candidate.trail) {
                        continue;
                    }
                    known.clone()
                }
                None => {
                    settled.push(candidate.clone());
                    candidate
                }
            };
            open.extend(self.silently(&candidate, window, world));
        }
        settled
    }

    fn silently(&self, candidate: &Candidate, window: &Window, world: &World) -> Vec<Candidate> {
        if candidate.phase == Phase::Between && self.mapping.complete(self.asked, self.kind, world)
        {
            return vec![self.through_mapping(candidate)];
        }
        if candidate.phase == Phase::Allocating && self.mapping.allocated(self.asked, self.block) {
            return vec![self.through_allocation(candidate)];
        }
        if candidate.phase != Phase::Ready {
            return Vec::new();
        }
        let Some(op) = candidate.call.next() else { return Vec::new() };
        let place = candidate.call.place();
        // Where the events of a step that maps or converts begin.
        match (place.kernel, place.step) {
            ("ext4_map_blocks", _) if self.kind.allocates() => {
                return vec![candidate.clone().at(Phase::Allocating)];
            }
            ("ext4_map_blocks", _) | ("_ext4_get_block", _) => {
                let phase = if self.iocb.is_some() { Phase::Between } else { Phase::Probe };
                return vec![candidate.clone().at(phase)];
            }
            ("ext4_convert_unwritten_extents", _) => return Vec::new(),
            ("ext4_handle_inode_extension", "StartHandle") if !self.ended => return Vec::new(),
            ("ext4_truncate", "StartHandle" | "StopHandle") => return Vec::new(),
            _ => {}
        }
        let outcomes = match op {
            Op::SizeRead if self.kind == Kind::Setattr => Vec::new(),
            Op::SizeRead if self.kind == Kind::Shift => self.whole_sizes(window.size),
            Op::DisksizeRead if self.kind == Kind::Shift => self.whole_sizes(window.disksize),
            Op::SizeRead => self.sizes(window.size),
            Op::DisksizeRead => self.sizes(window.disksize),
            Op::PagesRead(_) if self.kind == Kind::Setattr || self.kind.is_fallocate() => {
                Vec::new()
            }
            Op::DepthRead => vec![Outcome::Value(0)],
            Op::PagesRead(_) => vec![NO_PAGES],
            Op::PageDirty(_) => vec![Outcome::Page(Vec::new())],
            Op::Orphan(OrphanOp::Test) => match world.orphan {
                Some(listed) => vec![Outcome::Flag(listed)],
                None => vec![Outcome::Flag(true), Outcome::Flag(false)],
            },
            Op::PageTruncate(..)
            | Op::JournalStart(_)
            | Op::JournalStop(_)
            | Op::SizeWrite(_)
            | Op::DisksizeWrite(_)
            | Op::WriteSync
            | Op::AioComplete
            | Op::QueueWork
            | Op::WarnSize => vec![Outcome::Done],
            Op::Bio(..) if self.kind == Kind::Completion => vec![Outcome::Done],
            _ => Vec::new(),
        };
        outcomes.into_iter().map(|outcome| self.stepped(candidate, [outcome])).collect()
    }

    /// A size, in blocks such that the task's comparisons come out as they did in bytes.
    fn sizes(&self, span: Span) -> Vec<Outcome> {
        let Asked { pos, end, .. } = self.asked;
        let Range { start, len } = blocks_of(self.asked, self.block);
        let last = start + len;
        let mut values = Vec::new();
        let near = [pos, pos + 1, end - u64::from(end > pos), end];
        for size in [span.least, span.most].into_iter().chain(near).filter(|&s| span.has(s)) {
            let value = if size >= end {
                last.max(u32::try_from(size.div_ceil(self.block)).unwrap_or(u32::MAX))
            } else if size <= pos {
                start.min((size / self.block) as Blocks)
            } else if self.kind == Kind::Read {
                // Of the block that the file ends in there is something to read.
                (size.div_ceil(self.block) as Blocks).clamp(start + 1, last)
            } else {
                ((size / self.block) as Blocks).clamp(start, last - 1)
            };
            // Where a hole is cut off depends on whether the file ends amid a block; and of one that begins amid a block only
            // whole ones are the task's, which are there even if the file ends where they begin.
            let amid = self.kind == Kind::Punch && size > pos && size < end;
            let begins = 2 * pos.div_ceil(self.block) as Blocks + 1;
            let halves = 2 * value + u32::from(!size.is_multiple_of(self.block));
            let size = if amid { Size::halves(halves.max(begins)) } else { Size::blocks(value) };
            let value = Outcome::Size(size);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}
