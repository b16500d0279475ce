//! The file of a round, as calls see it.

use super::place::{Named, Place};
use super::raw::Mapping;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;

/// A file, opened in all the ways that calls need.
pub struct Files {
    /// With O_DIRECT.
    pub direct: File,
    /// Without.
    pub buffered: File,
    /// Whose blocks `move_extents` swaps in.
    pub donor: Option<File>,
    /// Mapped, if somebody stores through a mapping.
    pub map: Option<Mapping>,
    /// Bytes of half a block.
    pub half: u64,
    /// They go last: the files are closed by then.
    names: Vec<Named>,
}

/// As long as any file of a litmus test, in blocks.
const LONGEST: u64 = 8;

impl Files {
    /// A file without anything in it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(place: &Place) -> io::Result<Files> {
        let named = place.file()?;
        let (direct, buffered) = (named.open(true)?, named.open(false)?);
        let half = place.block / 2;
        Ok(Files { direct, buffered, donor: None, map: None, half, names: vec![named] })
    }

    /// Bytes of a block.
    pub fn block(&self) -> u64 {
        2 * self.half
    }

    /// Takes its names away, while somebody has it open.
    pub fn unlink(&self) {
        self.names.iter().for_each(Named::remove);
    }

    /// Makes a file beside it, all of whose blocks are there and unwritten.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn add_donor(&mut self, place: &Place) -> io::Result<()> {
        let donor = place.file()?;
        let file = donor.open(false)?;
        fallocate(&file, FallocateFlags::empty(), 0, LONGEST * self.block())?;
        self.names.push(donor);
        self.donor = Some(file);
        Ok(())
    }

    /// Maps it.
    ///
    /// # Errors
    /// If it cannot be mapped.
    pub fn add_mapping(&mut self) -> io::Result<()> {
        self.map = Some(Mapping::new(&self.buffered, (LONGEST * self.block()) as usize)?);
        Ok(())
    }
}
