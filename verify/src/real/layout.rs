//! The file that a round begins with, made by real calls.

use super::buffer::{Buffer, Mark};
use super::calls::Worker;
use super::place::{Named, Place};
use super::raw::Mapping;
use crate::litmus::{CallSpec, Litmus};
use diolock::op::{Extent, PAGE_BLOCKS};
use rustix::fs::{Advice, FallocateFlags, SeekFrom, fadvise, fallocate, seek};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

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
    /// It goes last: the files are closed by then.
    _names: Vec<Named>,
}

/// As long as any file of a litmus test, in blocks.
const LONGEST: u64 = 8;

impl Files {
    /// Makes the file of a round, as the litmus test has it.
    ///
    /// # Errors
    /// If a call fails.
    pub fn new(place: &Place, litmus: &Litmus, round: u32) -> io::Result<Files> {
        let named = place.file(&round.to_string())?;
        let half = place.block / 2;
        let mut files = Files {
            direct: named.open(true)?,
            buffered: named.open(false)?,
            donor: None,
            map: None,
            half,
            _names: vec![named],
        };
        files.lay_out(litmus, round)?;
        files.fill_cache(litmus, round)?;
        let calls = || litmus.tasks.iter().flat_map(|task| &task.calls).chain(&litmus.setup);
        if calls().any(|call| matches!(call, CallSpec::MoveExtents { .. })) {
            let donor = place.file(&format!("{round}-donor"))?;
            let file = donor.open(false)?;
            fallocate(&file, FallocateFlags::empty(), 0, LONGEST * place.block)?;
            files._names.push(donor);
            files.donor = Some(file);
        }
        if calls().any(|call| matches!(call, CallSpec::Fault { .. })) {
            files.map = Some(Mapping::new(&files.buffered, (LONGEST * place.block) as usize)?);
        }
        if !litmus.setup.is_empty() {
            let mut worker = Worker::new(half)?;
            for call in &litmus.setup {
                worker.call(call, &files, Mark::old(round), round)?;
            }
        }
        Ok(files)
    }

    fn block(&self) -> u64 {
        2 * self.half
    }

    /// Its blocks, and its size.
    fn lay_out(&self, litmus: &Litmus, round: u32) -> io::Result<()> {
        let size = u64::from(litmus.size.in_halves()) * self.half;
        // What lags behind is appended below, through the cache.
        let disksize = litmus.disksize.unwrap_or(litmus.size);
        let size_now = size.min(u64::from(disksize.in_halves()) * self.half);
        let behind = size.div_ceil(self.block()) as usize;
        let (within, past) = litmus.extents.split_at(behind.min(litmus.extents.len()));
        let mut at = 0;
        for run in within.chunk_by(|a, b| a == b) {
            let len = run.len() as u64 * self.block();
            match run[0] {
                Extent::Written => {
                    let len = len.min(size - at);
                    let buffer = Buffer::of(Mark::old(round), len as usize);
                    self.direct.write_all_at(buffer.bytes(), at)?;
                }
                Extent::Unwritten => fallocate(&self.direct, FallocateFlags::KEEP_SIZE, at, len)?,
                Extent::Hole => {}
            }
            at += len;
        }
        // Setting the size that it has would free what is preallocated behind it.
        if self.direct.metadata()?.len() != size_now {
            self.direct.set_len(size_now)?;
        }
        for (block, extent) in (behind as u64..).zip(past) {
            if *extent == Extent::Unwritten {
                let start = block * self.block();
                fallocate(&self.direct, FallocateFlags::KEEP_SIZE, start, self.block())?;
            }
        }
        Ok(())
    }

    /// What of it is cached, clean or dirty.
    fn fill_cache(&self, litmus: &Litmus, round: u32) -> io::Result<()> {
        // What is read is what was asked for.
        fadvise(&self.buffered, 0, None, Advice::Random)?;
        if litmus.cached_pages == 0 {
            return Ok(fadvise(&self.buffered, 0, None, Advice::DontNeed)?);
        }
        let page = u64::from(PAGE_BLOCKS) * self.block();
        let mut copy = vec![0; page as usize];
        self.buffered.read_at(&mut copy, 0)?;
        if let Some((from, to)) = self.stored_to(litmus) {
            let buffer = Buffer::of(Mark::old(round), (to - from) as usize);
            self.buffered.write_all_at(buffer.bytes(), from)?;
        }
        Ok(())
    }

    /// From where to where the page is dirty, in bytes.
    fn stored_to(&self, litmus: &Litmus) -> Option<(u64, u64)> {
        let page = u64::from(PAGE_BLOCKS) * self.block();
        let size = u64::from(litmus.size.in_halves()) * self.half;
        let lags = litmus.disksize.filter(|&disksize| disksize != litmus.size);
        let from = match (litmus.dirty, lags) {
            (true, _) => 0,
            (false, Some(disksize)) => u64::from(disksize.down()) * self.block(),
            (false, None) => return None,
        };
        (litmus.cached_pages > 0).then_some((from, size.min(page)))
    }

    /// Whether the file is what it was to be, as far as that is cheap to tell: its size, where there is data, how
    /// much is allocated.
    ///
    /// # Errors
    /// What is different, or if it cannot be told.
    pub fn check(&self, litmus: &Litmus) -> io::Result<()> {
        if !litmus.setup.is_empty() {
            return Ok(());
        }
        let wrong = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let meta = self.buffered.metadata()?;
        let size = u64::from(litmus.size.in_halves()) * self.half;
        if meta.len() != size {
            return wrong(format!("the file was made with {} bytes instead of {size}", meta.len()));
        }
        let stored = self.stored_to(litmus).unwrap_or((0, 0));
        let mut allocated = 0;
        for (block, extent) in (0..).zip(&litmus.extents) {
            let start = block * self.block();
            allocated += u64::from(*extent != Extent::Hole) * self.block();
            if start >= size {
                continue;
            }
            let dirty = (stored.0..stored.1).contains(&start);
            let data = seek(&self.buffered, SeekFrom::Data(start)).is_ok_and(|at| at == start);
            if data != (*extent == Extent::Written || dirty) {
                let found = if data { "data" } else { "no data" };
                return wrong(format!("block {block} was made as {extent:?}, and there is {found}"));
            }
        }
        if meta.blocks() * 512 < allocated {
            return wrong(format!("{} bytes are allocated instead of {allocated}", meta.blocks() * 512));
        }
        Ok(())
    }
}
