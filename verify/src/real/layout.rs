//! The file that a round begins with, made by real calls.

use super::buffer::{Buffer, Mark};
use super::calls::Worker;
use super::files::Files;
use super::place::Place;
use crate::litmus::{CallSpec, Litmus};
use diolock::op::Extent;
use rustix::fs::{Advice, FallocateFlags, SeekFrom, fadvise, fallocate, seek};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

/// Makes the file of a round, as the litmus test has it.
///
/// # Errors
/// If a call fails.
pub fn make(place: &Place, litmus: &Litmus, round: u32) -> io::Result<Files> {
    let mut files = Files::new(place)?;
    let layout = Layout { litmus, files: &files, round };
    layout.lay_out()?;
    layout.fill_cache()?;
    let calls = || litmus.tasks.iter().flat_map(|task| &task.calls).chain(&litmus.setup);
    if calls().any(|call| matches!(call, CallSpec::MoveExtents { .. })) {
        files.add_donor(place)?;
    }
    if calls().any(|call| matches!(call, CallSpec::Fault { .. })) {
        files.add_mapping()?;
    }
    if !litmus.setup.is_empty() {
        let mut worker = Worker::new(files.half)?;
        worker.prepare(&litmus.setup, Mark::old(round))?;
        for call in &litmus.setup {
            worker.call(call, &files, Mark::old(round), round)?;
        }
    }
    Ok(files)
}

/// Whether a fresh file is what it was to be, as far as that is cheap to tell: its size, where there is data, how
/// much is allocated.
///
/// # Errors
/// What is different, or if it cannot be told.
pub fn check(files: &Files, litmus: &Litmus, round: u32) -> io::Result<()> {
    Layout { litmus, files, round }.check()
}

/// The file of a round, and what it is to be.
struct Layout<'a> {
    litmus: &'a Litmus,
    files: &'a Files,
    round: u32,
}

impl Layout<'_> {
    fn size(&self) -> u64 {
        u64::from(self.litmus.size.in_halves()) * self.files.half
    }

    /// Its blocks, and its size.
    fn lay_out(&self) -> io::Result<()> {
        if self.litmus.extents.iter().all(|extent| *extent == Extent::Hole) {
            // The first write of a file finds out that no privileges are to be taken away (S_NOSEC). Before, a direct
            // write takes i_rwsem alone whatever it writes (`ext4_dio_write_checks`), which the model leaves out.
            self.files.buffered.write_all_at(&[0], 0)?;
            self.files.buffered.set_len(0)?;
        }
        let size = self.size();
        // What lags behind is appended below, through the cache.
        let disksize = self.litmus.disksize.unwrap_or(self.litmus.size);
        let size_now = size.min(u64::from(disksize.in_halves()) * self.files.half);
        let behind = size.div_ceil(self.files.block()) as usize;
        let (within, past) = self.litmus.extents.split_at(behind.min(self.litmus.extents.len()));
        let mut at = 0;
        for run in within.chunk_by(|a, b| a == b) {
            let len = run.len() as u64 * self.files.block();
            match run[0] {
                Extent::Written => {
                    let len = len.min(size - at);
                    let buffer = Buffer::of(Mark::old(self.round), len as usize);
                    self.files.direct.write_all_at(buffer.bytes(), at)?;
                }
                Extent::Unwritten => {
                    fallocate(&self.files.direct, FallocateFlags::KEEP_SIZE, at, len)?
                }
                Extent::Hole => {}
            }
            at += len;
        }
        // Setting the size that it has would free what is preallocated behind it.
        if self.files.direct.metadata()?.len() != size_now {
            self.files.direct.set_len(size_now)?;
        }
        for (block, extent) in (behind as u64..).zip(past) {
            if *extent == Extent::Unwritten {
                let start = block * self.files.block();
                fallocate(
                    &self.files.direct,
                    FallocateFlags::KEEP_SIZE,
                    start,
                    self.files.block(),
                )?;
            }
        }
        Ok(())
    }

    /// What of it is cached, clean or dirty.
    fn fill_cache(&self) -> io::Result<()> {
        // What is read is what was asked for.
        fadvise(&self.files.buffered, 0, None, Advice::Random)?;
        if self.litmus.cached_pages == 0 {
            return Ok(fadvise(&self.files.buffered, 0, None, Advice::DontNeed)?);
        }
        let mut copy = vec![0; self.cached() as usize];
        self.files.buffered.read_at(&mut copy, 0)?;
        if let Some((from, to)) = self.stored_to() {
            let buffer = Buffer::of(Mark::old(self.round), (to - from) as usize);
            self.files.buffered.write_all_at(buffer.bytes(), from)?;
        }
        Ok(())
    }

    /// Where what is cached ends, in bytes.
    fn cached(&self) -> u64 {
        let Litmus { cached_pages, paging, .. } = self.litmus;
        let pages = (*cached_pages).min(u32::from(paging.pages()));
        u64::from(pages * paging.blocks()) * self.files.block()
    }

    /// From where to where pages are dirty, in bytes.
    fn stored_to(&self) -> Option<(u64, u64)> {
        let size = self.size();
        let lags = self.litmus.disksize.filter(|&disksize| disksize != self.litmus.size);
        let from = match (self.litmus.dirty, lags) {
            (true, _) => 0,
            (false, Some(disksize)) => u64::from(disksize.down()) * self.files.block(),
            (false, None) => return None,
        };
        (self.litmus.cached_pages > 0).then_some((from, size.min(self.cached())))
    }

    fn check(&self) -> io::Result<()> {
        if !self.litmus.setup.is_empty() {
            return Ok(());
        }
        let wrong = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let meta = self.files.buffered.metadata()?;
        let size = self.size();
        if meta.len() != size {
            return wrong(format!("the file was made with {} bytes instead of {size}", meta.len()));
        }
        let stored = self.stored_to().unwrap_or((0, 0));
        let mut allocated = 0;
        for (block, extent) in (0..).zip(&self.litmus.extents) {
            let start = block * self.files.block();
            allocated += u64::from(*extent != Extent::Hole) * self.files.block();
            if start >= size {
                continue;
            }
            let dirty = (stored.0..stored.1).contains(&start);
            let data =
                seek(&self.files.buffered, SeekFrom::Data(start)).is_ok_and(|at| at == start);
            if data != (*extent == Extent::Written || dirty) {
                let found = if data { "data" } else { "no data" };
                return wrong(format!(
                    "block {block} was made as {extent:?}, and there is {found}"
                ));
            }
        }
        if meta.blocks() * 512 < allocated {
            return wrong(format!(
                "{} bytes are allocated instead of {allocated}",
                meta.blocks() * 512
            ));
        }
        Ok(())
    }
}
