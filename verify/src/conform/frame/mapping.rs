//! The mapping of one call's blocks, which the model does in one step and the kernel piece by piece.

use super::inside::Inside;
use super::kind::{Asked, Kind};
use crate::conform::event::What;
use crate::conform::flags::{GET_CREATE, MAP_MAPPED, MAP_UNWRITTEN};
use crate::conform::reject::Reason;
use crate::conform::world::World;
use diolock::op::{Blocks, Extent, Mapped, Range};

/// The mapping of one call's blocks, piece by piece, which the model does in one step.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    inside: Inside,
    flags: u64,
    /// What `end_io` says was written: first byte, and how many.
    ended: Option<(u64, u64)>,
    ret: i64,
    /// The blocks of `iomap_begin`: first, one past the last.
    begun: Option<(u64, u64)>,
    looked: Option<i64>,
    created: bool,
    /// Bytes up to here are mapped.
    at: u64,
    /// First block, one past the last, before and after.
    pieces: Vec<(u64, u64, Extent, Extent)>,
    /// Blocks up to here are converted.
    converted: Option<u64>,
    /// Blocks up to here are allocated by fallocate.
    allocated: Option<u64>,
}

impl Mapping {
    /// Takes down what an event says.
    ///
    /// # Errors
    /// If it does not go on where the one before ended.
    pub fn note(&mut self, what: &What, asked: Asked, block: u64) -> Result<(), Reason> {
        let next = self.inside.next();
        if !self.inside.note(what) {
            let next = next.join(" or ");
            return Err(Reason::new(format!("inside ext4_map_blocks {next} comes next")));
        }
        match *what {
            What::IomapDioRw { pos, .. } => {
                self.at = pos;
                self.pieces.clear();
            }
            What::IomapBegin { pos, len, .. } | What::IomapOwBegin { pos, len } => {
                if (pos, pos + len) != (self.at, asked.end) {
                    let (at, left) = (self.at, asked.end.saturating_sub(self.at));
                    return Err(Reason::new(format!("the piece at {at} of {left} bytes is next")));
                }
                (self.looked, self.created) = (None, false);
                self.begun = Some((pos / block, (pos + len).div_ceil(block)));
            }
            What::MapBlocks { lblk, mlen, gflags } => {
                self.flags = gflags.0;
                let (from, to) = (lblk, lblk + mlen);
                let rest = |at| Some((at, asked.end.div_ceil(block)));
                let looks = self.allocated.is_some() && gflags.0 & GET_CREATE == 0;
                let wanted = match self.converted.or(self.allocated) {
                    _ if looks => None,
                    Some(at) => rest(at),
                    // What was found of them may be less.
                    None if self.looked.is_some() => {
                        self.begun.map(|begun| (begun.0, begun.1.min(to)))
                    }
                    None => self.begun,
                };
                // Tried again after an error: ext4_map_blocks has cut the length down to the extent that it found cached.
                let fits = |wanted: &(u64, u64)| {
                    *wanted == (from, to) || self.ret < 0 && wanted.0 == from && to < wanted.1
                };
                if let Some((first, end)) = wanted.filter(|wanted| !fits(wanted)) {
                    let left = end.saturating_sub(first);
                    return Err(Reason::new(format!("{left} blocks from {first} on are next")));
                }
            }
            What::MapBlocksRet { ret } => {
                self.ret = ret;
                let creates = self.flags & GET_CREATE != 0;
                let allocated = self.allocated.as_mut().filter(|_| creates);
                if let Some(at) = self.converted.as_mut().or(allocated) {
                    *at += u64::try_from(ret).unwrap_or(0);
                } else if self.flags & GET_CREATE == 0 {
                    self.looked = Some(ret);
                } else {
                    self.created = true;
                }
            }
            What::SetIomap { lblk, mlen, mflags, .. } => {
                if lblk != self.at / block {
                    return Err(Reason::new(format!("block {} is next", self.at / block)));
                }
                if self.ret > 0 && mlen != self.ret as u64 {
                    let ret = self.ret;
                    return Err(Reason::new(format!("mlen={mlen}, but {ret} blocks were mapped")));
                }
                let after = state(mflags.0);
                let before = match (self.created, self.looked) {
                    (false, _) => after,
                    (true, Some(1..)) => Extent::Unwritten,
                    (true, _) => Extent::Hole,
                };
                self.pieces.push((lblk, lblk + mlen, before, after));
                self.at = asked.end.min((lblk + mlen).saturating_mul(block));
                self.begun = None;
            }
            What::EndIo { pos, size, .. } => self.ended = Some((pos, size)),
            What::ConvertUnwritten { pos, len } => {
                if let Some((at, size)) = self.ended.filter(|&ended| ended != (pos, len)) {
                    return Err(Reason::new(format!("{size} bytes at {at} were written")));
                }
                self.converted = Some(pos / block);
            }
            What::ConvertUnwrittenRet { .. } => {}
            _ => {}
        }
        Ok(())
    }

    /// Whether an event fits into ext4_map_blocks, as noted already.
    pub fn inside(&self, what: &What) -> bool {
        self.inside.amid(what)
    }

    /// Whether ext4_map_blocks has held i_data_sem alone.
    pub fn alone(&self) -> bool {
        self.inside.alone()
    }

    /// What may come next inside ext4_map_blocks.
    pub fn next_inside(&self) -> Vec<&'static str> {
        self.inside.next()
    }

    /// Whether the last ext4_map_blocks returned that many blocks, and at least one.
    pub fn found(&self) -> bool {
        self.ret > 0
    }

    /// The flags of the last ext4_map_blocks.
    pub fn flags(&self) -> u64 {
        self.flags
    }

    /// Whether every byte has its place.
    pub fn complete(&self, asked: Asked, kind: Kind, world: &World) -> bool {
        let behind_end = kind == Kind::Read && self.at >= world.size.least;
        !self.pieces.is_empty() && (self.at >= asked.end || behind_end)
    }

    /// Whether blocks had to be created or split.
    pub fn creates(&self) -> bool {
        self.pieces.iter().any(|piece| piece.2 != piece.3) || self.created
    }

    /// It is fallocate, which begins with that block.
    pub fn allocates(&mut self, from: Blocks) {
        self.allocated = Some(u64::from(from));
    }

    /// Whether all that was asked for is allocated.
    pub fn allocated(&self, asked: Asked, block: u64) -> bool {
        self.allocated.is_some_and(|at| at >= asked.end.div_ceil(block))
    }

    /// Whether all that was written is converted.
    pub fn converted(&self, asked: Asked, block: u64) -> bool {
        self.converted.is_some_and(|at| at >= asked.end.div_ceil(block))
    }

    /// The pieces so far: first block, one past the last, state.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, u64, Extent)> {
        self.pieces.iter().map(|&(from, to, _, after)| (from, to, after))
    }

    /// The blocks of a range, before or after.
    pub fn mapping(&self, range: Range, before: bool) -> Vec<Mapped> {
        let of = |block: Blocks| {
            let block = u64::from(block);
            let piece = self.pieces.iter().find(|piece| (piece.0..piece.1).contains(&block));
            mapped(piece.map_or(Extent::Hole, |piece| if before { piece.2 } else { piece.3 }))
        };
        range.blocks().map(of).collect()
    }
}

/// The state that `EXT4_MAP_*` flags stand for.
pub fn state(mflags: u64) -> Extent {
    if mflags & MAP_UNWRITTEN != 0 {
        Extent::Unwritten
    } else if mflags & MAP_MAPPED != 0 {
        Extent::Written
    } else {
        Extent::Hole
    }
}

/// A block in that state.
pub(super) fn mapped(extent: Extent) -> Mapped {
    Mapped { extent, block: (extent != Extent::Hole).then_some(0) }
}
