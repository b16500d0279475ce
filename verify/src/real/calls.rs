//! The calls of litmus tests, made.

use super::buffer::{Buffer, Mark, held};
use super::errors::{beyond_the_end_is_no_error, name, stale_pages_are_no_error};
use super::files::Files;
use super::outcome::{Back, Held, Told};
use super::raw::{Aio, Request, move_extents, write_back};
use crate::litmus::CallSpec;
use diolock::op::{Range, Shift, Span};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use rustix::io::{ReadWriteFlags, pwritev2};
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;

/// What one task needs to make its calls.
pub struct Worker {
    /// Bytes of half a block.
    half: u64,
    aio: Aio,
    flying: Option<Flying>,
    /// What is stored through a mapping.
    store: File,
}

/// An asynchronous call on its way.
struct Flying {
    /// Not known before it is submitted.
    call: Option<usize>,
    start: u64,
    len: u64,
    write: bool,
    round: u32,
}

impl Worker {
    /// Of files with such half blocks.
    ///
    /// # Errors
    /// If the kernel has not what it needs.
    pub fn new(half: u64) -> io::Result<Worker> {
        let store = File::from(memfd_create("diolock", MemfdFlags::CLOEXEC)?);
        Ok(Worker { half, aio: Aio::new()?, flying: None, store })
    }

    /// Prepares what calls would otherwise do first.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn prepare(&mut self, calls: &[CallSpec], mark: Mark) -> io::Result<()> {
        let longest = calls.iter().filter_map(|call| match call {
            CallSpec::Fault { range } => Some(range.len),
            _ => None,
        });
        if let Some(blocks) = longest.max() {
            let buffer = Buffer::of(mark, (u64::from(blocks) * 2 * self.half) as usize);
            self.store.write_all_at(buffer.bytes(), 0)?;
        }
        Ok(())
    }

    /// Makes calls, one after another, and waits for what they left on its way. `pause` is told of each before it is
    /// made.
    ///
    /// # Errors
    /// If the kernel could not be asked; what it answers is no error.
    pub fn calls(
        &mut self,
        calls: &[CallSpec],
        files: &Files,
        (mark, round): (Mark, u32),
        mut pause: impl FnMut(usize),
    ) -> io::Result<Vec<Told>> {
        let mut told = Vec::with_capacity(calls.len());
        for (at, call) in calls.iter().enumerate() {
            pause(at);
            told.push(self.call(call, files, mark, round)?);
            if let Some(flying) = &mut self.flying {
                flying.call.get_or_insert(at);
            }
        }
        if let Some((at, answer)) = self.completed()? {
            told[at] = answer;
        }
        Ok(told)
    }

    /// Makes one call; an asynchronous one is only submitted.
    ///
    /// # Errors
    /// As [`Worker::calls`].
    pub fn call(
        &mut self,
        call: &CallSpec,
        files: &Files,
        mark: Mark,
        round: u32,
    ) -> io::Result<Told> {
        let bytes = |range: Range| {
            let block = 2 * self.half;
            (u64::from(range.start) * block, u64::from(range.len) * block)
        };
        let file = &files.direct;
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let at = |span: Span, flags| {
            let [start, len] =
                [span.start, span.len()].map(|at| u64::from(at.in_halves()) * self.half);
            fallocate(file, flags, start, len).map_err(io::Error::from)
        };
        let space = |range, flags| at(Span::of(range, None), flags);
        let done = match *call {
            CallSpec::Pwrite { span, append, aio, flags, .. } => {
                let start = u64::from(span.start.in_halves()) * self.half;
                let len = u64::from(span.len().in_halves()) * self.half;
                let buffer = Buffer::of(mark, len as usize);
                let set = |on, flag| if on { flag } else { ReadWriteFlags::empty() };
                let flags = set(append, ReadWriteFlags::APPEND)
                    | set(flags.nowait, ReadWriteFlags::NOWAIT)
                    | set(flags.osync, ReadWriteFlags::SYNC);
                if aio {
                    return self.submit(file, buffer, (start, flags, true), round);
                }
                let written = pwritev2(file, &[IoSlice::new(buffer.bytes())], start, flags);
                return Ok(self.wrote(written.map_err(io::Error::from), len));
            }
            CallSpec::Write { span, append } => {
                let start = u64::from(span.start.in_halves()) * self.half;
                let len = u64::from(span.len().in_halves()) * self.half;
                let buffer = Buffer::of(mark, len as usize);
                let flags = if append { ReadWriteFlags::APPEND } else { ReadWriteFlags::empty() };
                let data = [IoSlice::new(buffer.bytes())];
                let written = pwritev2(&files.buffered, &data, start, flags);
                return Ok(self.wrote(written.map_err(io::Error::from), len));
            }
            CallSpec::Pread { range, .. } => return Ok(self.read(file, bytes(range), round)),
            CallSpec::Read(range) => return Ok(self.read(&files.buffered, bytes(range), round)),
            CallSpec::AioPread(range) => {
                let (start, len) = bytes(range);
                let buffer = Buffer::new(len as usize);
                return self.submit(file, buffer, (start, ReadWriteFlags::empty(), false), round);
            }
            CallSpec::Ftruncate { to, .. } => file.set_len(u64::from(to.in_halves()) * self.half),
            CallSpec::Fault { range } => {
                let (start, len) = bytes(range);
                // Past the end of the file there is nothing to store to: the model tells nobody of it.
                if let Some(map) = &files.map {
                    let _ = map.store(&self.store, start as usize, len as usize);
                }
                Ok(())
            }
            CallSpec::WritePages => stale_pages_are_no_error(write_back(&files.buffered)),
            CallSpec::Fsync => stale_pages_are_no_error(files.buffered.sync_all()),
            CallSpec::PunchHole { span, .. } => at(span, punch),
            CallSpec::Falloc { range, grows: false, .. } => space(range, FallocateFlags::KEEP_SIZE),
            CallSpec::Falloc { range, .. } => space(range, FallocateFlags::empty()),
            CallSpec::ZeroRange { span, .. } => at(span, FallocateFlags::ZERO_RANGE),
            CallSpec::ShiftRange { range, shift, .. } => {
                let shift = match shift {
                    Shift::Left => FallocateFlags::COLLAPSE_RANGE,
                    Shift::Right => FallocateFlags::INSERT_RANGE,
                };
                beyond_the_end_is_no_error(space(range, shift))
            }
            CallSpec::MoveExtents { range } => {
                let donor = files.donor.as_ref().ok_or(io::ErrorKind::NotFound)?;
                let (from, blocks) = (u64::from(range.start), u64::from(range.len));
                beyond_the_end_is_no_error(move_extents(file, donor, from, blocks).map(drop))
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Told {
            back: done.map_or_else(|error| Back::Error(name(&error)), |()| Back::Ok),
            read: Vec::new(),
        })
    }

    fn submit(
        &mut self,
        file: &File,
        buffer: Buffer,
        (start, flags, write): (u64, ReadWriteFlags, bool),
        round: u32,
    ) -> io::Result<Told> {
        let len = buffer.bytes().len() as u64;
        let request = Request { offset: start, flags: flags.bits() as i32, write };
        if let Err(error) = self.aio.submit(file, buffer, &request) {
            return Ok(Told { back: Back::Error(name(&error)), read: Vec::new() });
        }
        self.flying = Some(Flying { call: None, start, len, write, round });
        Ok(Told { back: Back::Ok, read: Vec::new() })
    }

    /// The answer of the asynchronous call on its way, and which it was.
    fn completed(&mut self) -> io::Result<Option<(usize, Told)>> {
        let Some(flying) = self.flying.take() else { return Ok(None) };
        let Some((result, buffer)) = self.aio.wait()? else { return Ok(None) };
        let result =
            usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-(result as i32)));
        let told = match flying.write {
            true => self.wrote(result, flying.len),
            false => self.was_read(result, buffer.bytes(), flying.start, flying.round),
        };
        Ok(flying.call.map(|call| (call, told)))
    }

    fn wrote(&self, written: io::Result<usize>, len: u64) -> Told {
        let back = match written {
            Ok(written) if written as u64 == len => Back::Ok,
            Ok(written) => Back::Short((written as u64 / self.half) as u32),
            Err(error) => Back::Error(name(&error)),
        };
        Told { back, read: Vec::new() }
    }

    fn read(&self, file: &File, (start, len): (u64, u64), round: u32) -> Told {
        let mut buffer = Buffer::new(len as usize);
        let read = file.read_at(buffer.bytes_mut(), start);
        self.was_read(read, buffer.bytes(), start, round)
    }

    fn was_read(&self, read: io::Result<usize>, bytes: &[u8], start: u64, round: u32) -> Told {
        match read {
            Ok(len) => {
                let halves = halves(&bytes[..len], self.half, round);
                let first = (start / self.half) as u32;
                Told { back: Back::Ok, read: (first..).zip(halves).collect() }
            }
            Err(error) => Told { back: Back::Error(name(&error)), read: Vec::new() },
        }
    }
}

/// What each half block holds.
pub fn halves(bytes: &[u8], half: u64, round: u32) -> Vec<Held> {
    bytes.chunks(half as usize).map(|bytes| held(bytes, round)).collect()
}
