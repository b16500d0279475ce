//! Calls of ext4_map_blocks: what they may find, and what they make of the extents.

use super::dio::Stage;
use super::lookup::Lookup;
use super::shared::World;
use crate::conform::event::Thread;
use crate::conform::extents::{Kinds, Known, Piece};
use crate::conform::flags::{GET_CONVERT, GET_UNWRITTEN, GET_ZERO};
use crate::conform::reject::Reason;
use crate::rule::RuleId;
use diolock::op::Extent;

impl World {
    /// ext4_map_blocks is called.
    pub fn looks(&mut self, thread: Thread, from: u64, blocks: u64, flags: u64) {
        let to = from + blocks;
        let seen = self.extents.pieces(from, to);
        let lookup = Lookup { from, to, flags, seen, meanwhile: Vec::new(), alone: false };
        self.lookups.insert(thread, lookup);
    }

    /// The call that a thread is in.
    pub fn lookup(&self, thread: Thread) -> Option<&Lookup> {
        self.lookups.get(&thread)
    }

    fn changed(&mut self, by: Thread, from: u64, to: u64, kinds: Kinds) {
        for (&thread, lookup) in &mut self.lookups {
            if thread != by && lookup.from < to && from < lookup.to {
                lookup.meanwhile.push((from, to, kinds));
            }
        }
    }

    /// A call of ext4_map_blocks has taken i_data_sem alone: from now on it may change its blocks.
    pub fn maps_alone(&mut self, thread: Thread) {
        let Some(lookup) = self.lookups.get_mut(&thread) else { return };
        lookup.alone = true;
        let (from, to, flags) = (lookup.from, lookup.to, lookup.flags);
        let target = Kinds::only(if flags & GET_CONVERT != 0 {
            Extent::Written
        } else if flags & (GET_UNWRITTEN | GET_ZERO) != 0 {
            Extent::Unwritten
        } else {
            Extent::Written
        });
        self.extents.change(from, to, |_, known| {
            // Creating leaves what is there; zeroing does not.
            let leaves = known.kinds == Kinds::only(Extent::Written) && flags & GET_ZERO == 0;
            let kinds = if leaves { known.kinds } else { known.kinds.or(target) };
            Known { kinds, ..known }
        });
        self.changed(thread, from, to, target);
        if flags & (GET_CONVERT | GET_UNWRITTEN | GET_ZERO) == 0 {
            self.zeroes_around(thread, from, to);
        }
    }

    /// What is unwritten beside blocks that become written may be zeroed and become written as well, rather than that an
    /// extent is split (`ext4_ext_convert_to_initialized`, v6.1.192, v6.12.117).
    fn zeroes_around(&mut self, thread: Thread, from: u64, to: u64) {
        let written = Kinds::only(Extent::Written);
        for (from, to) in [(from.saturating_sub(self.zeroed), from), (to, to + self.zeroed)] {
            self.extents.change(from, to, |_, known| {
                let was_unwritten = known.kinds.may_be(Extent::Unwritten);
                let kinds = if was_unwritten { known.kinds.or(written) } else { known.kinds };
                Known { kinds, ..known }
            });
            self.changed(thread, from, to, written);
        }
    }

    /// ext4_map_blocks returns the number of blocks it mapped.
    ///
    /// # Errors
    /// If there cannot have been that many, or none.
    pub fn mapped(&mut self, thread: Thread, ret: i64) -> Result<(), Reason> {
        let Some(lookup) = self.lookups.get(&thread) else { return Ok(()) };
        let blocks = u64::try_from(ret).unwrap_or(0);
        if blocks > lookup.to - lookup.from {
            return Err(Reason::new(format!(
                "ret={ret}, but {} blocks were asked for",
                lookup.to - lookup.from
            )));
        }
        let (from, flags, alone) = (lookup.from, lookup.flags, lookup.alone);
        let to = from + blocks;
        if alone && ret > 0 {
            let zero = flags & GET_ZERO != 0;
            self.extents.change(from, to, |_, known| {
                let kinds = known.kinds.not(Extent::Hole);
                let kinds = match (flags & GET_CONVERT != 0, zero) {
                    (true, _) => kinds.not(Extent::Unwritten),
                    (false, true) => kinds.not(Extent::Written),
                    (false, false) => kinds,
                };
                Known { kinds, ..known }
            });
            let lost = self.extents.pieces(from, to).into_iter().find(|p| p.2.kinds == Kinds::NONE);
            if let Some((block, ..)) = lost {
                let what = if flags & GET_CONVERT != 0 { "converted" } else { "mapped" };
                let text = format!("block {block} is {what}, but there was a hole");
                return Err(Reason::rule(RuleId::R5, text));
            }
            return Ok(());
        }
        if ret < 0 {
            return Ok(());
        }
        let found = lookup.may_find(blocks.max(1));
        for (start, _, known) in found {
            let may = if blocks == 0 {
                known.kinds.may_be(Extent::Hole)
            } else {
                known.kinds.not(Extent::Hole) != Kinds::NONE
            };
            if !may {
                let text = format!("ret={ret}, but block {start} was {}", known.kinds.words());
                return Err(Reason::rule(RuleId::R5, text));
            }
        }
        Ok(())
    }

    /// The states that all of a finished lookup's first blocks may have been in.
    pub fn may_all_be(&self, thread: Thread, blocks: u64, extent: Extent) -> bool {
        let lookup = self.lookups.get(&thread);
        lookup
            .is_none_or(|lookup| lookup.may_find(blocks).all(|piece| piece.2.kinds.may_be(extent)))
    }

    /// Whether some block of a lookup may have been in that state.
    pub fn some_may_be(&self, thread: Thread, extent: Extent) -> bool {
        let lookup = self.lookups.get(&thread);
        lookup.is_none_or(|lookup| {
            let all = lookup.to - lookup.from;
            lookup.may_find(all).any(|piece| piece.2.kinds.may_be(extent))
        })
    }

    /// ext4_set_iomap: what a lookup found, and where.
    ///
    /// # Errors
    /// If it cannot have been that.
    pub fn told(
        &mut self,
        thread: Thread,
        (from, blocks): (u64, u64),
        extent: Extent,
        device: u64,
    ) -> Result<(), Reason> {
        let Some(lookup) = self.lookups.remove(&thread) else { return Ok(()) };
        if extent != Extent::Hole && device == 0 {
            return Err(Reason::new("a mapped block is at block 0 of the device"));
        }
        let device = (extent != Extent::Hole).then_some(device);
        let to = from + blocks;
        let pieces: Vec<Piece> = if lookup.alone {
            self.extents.pieces(from, to)
        } else {
            lookup.may_find(blocks).collect()
        };
        for (start, _, known) in pieces {
            if !known.kinds.may_be(extent) {
                let is = Kinds::only(extent).words();
                let text = format!("block {start} is {is}, but was {}", known.kinds.words());
                return Err(Reason::rule(RuleId::R5, text));
            }
            let there = device.map(|device| device + (start - from));
            // Told for the first time.
            if let (None, Some(device)) = (known.device, device)
                && let Some(other) = self.extents.elsewhere(device, blocks, from)
            {
                let text = format!("block {other} of the file is there on the device");
                return Err(Reason::rule(RuleId::R4, text));
            }
            if let (Some(known), Some(there)) = (known.device, there)
                && known != there
            {
                let text = format!("block {start} is at {there} of the device, but was at {known}");
                return Err(Reason::rule(RuleId::R5, text));
            }
        }
        if lookup.untouched() {
            let kinds = Kinds::only(extent);
            self.extents.change(from, to, |start, known| Known {
                // What somebody else is changing just now stays open.
                kinds: if known.kinds.and(kinds) == Kinds::NONE { known.kinds } else { kinds },
                device: device.map(|device| device + (start - from)),
            });
        }
        Ok(())
    }

    /// A lookup whose result nobody is told.
    pub fn looked(&mut self, thread: Thread) {
        self.lookups.remove(&thread);
    }

    /// ext4_ext_remove_space.
    ///
    /// # Errors
    /// If direct I/O to one of the blocks is in flight (R4).
    pub fn removes(&mut self, thread: Thread, from: u64, to: u64) -> Result<(), Reason> {
        let hit = self.dios.iter().find(|(_, dio)| {
            let touches = dio.pieces.iter().any(|piece| piece.0 < to && from < piece.1);
            dio.stage == Stage::Counted && touches
        });
        if let Some((iocb, dio)) = hit {
            let text =
                format!("blocks {from}.. are removed, and {iocb} of {{}} is in flight to them");
            return Err(Reason::rule(RuleId::R4, text).with(dio.submitter));
        }
        let hole = Kinds::only(Extent::Hole);
        self.extents.change(from, to, |_, _| Known { kinds: hole, device: None });
        self.changed(thread, from, to, hole);
        Ok(())
    }
}
