//! A litmus test made concrete for one kernel.

use super::{CallSpec, Litmus, ReachVerb};
use crate::program::{Program, TaskName};
use crate::rule::{Verb, Witness};
use diolock::call::{Call, Mount};
use diolock::dio_path::{DirectRead, Write, WriteFlags};
use diolock::inode::Inode;
use diolock::inode_lock::{Commit, InodeDioDone, InodeDioWait};
use diolock::kernel::Kernel;
use diolock::op::TaskId;
use diolock::page_cache::{
    Append, EndBio, FilemapFault, FilemapRead, PageFault, VmMmap, WbDisksize,
};
use diolock::resize::{
    AllocFileBlocks, EvictInode, ExtFallocate, Fallocate, MoveExtents, WriteThatEvicts, ZeroRange,
};

impl Litmus {
    /// The tasks' letters in task order: those written down, then the completions of the
    /// asynchronous ones in the order of their submitters.
    pub fn letters(&self) -> Vec<char> {
        let aio = self.tasks.iter().filter(|t| t.call.is_aio());
        let completions = aio.map(|t| t.letter.to_ascii_lowercase());
        self.tasks.iter().map(|t| t.letter).chain(completions).collect()
    }

    /// The names of its calls, as the file writes them, in task order.
    pub fn calls(&self) -> Vec<String> {
        let table = self.source.parse::<toml::Table>().unwrap_or_default();
        let tasks = table.get("task").and_then(toml::Value::as_array);
        let call = |task: &toml::Value| Some(task.get("call")?.as_str()?.to_owned());
        tasks.into_iter().flatten().filter_map(call).collect()
    }

    /// What the file says of the situation, whatever its layout: not the words, the witnesses and
    /// the expectations.
    fn situation(&self) -> String {
        let Ok(mut table) = self.source.parse::<toml::Table>() else { return String::new() };
        for words in ["claim", "bug", "evidence", "reaches", "expect"] {
            table.remove(words);
        }
        if let Some(toml::Value::Table(except)) = table.get_mut("except") {
            for (_, reason) in except.iter_mut() {
                *reason = toml::Value::Boolean(true);
            }
        }
        table.to_string()
    }

    /// The test on one kernel.
    pub fn program(&self, kernel: Kernel) -> Program {
        self.program_following(kernel, self.follows_slot())
    }

    /// The same, with `cur_aio_dio` followed or not.
    pub(super) fn program_following(&self, kernel: Kernel, slot: bool) -> Program {
        let letters = self.letters();
        let id = |letter: char| letters.iter().position(|&l| l == letter).unwrap_or(0) as TaskId;
        let mut calls = Vec::new();
        let mut names = Vec::new();
        let mut completions = Vec::new();
        let mount = Mount { dioread_nolock: self.dioread_nolock, journal: self.journal };
        for (at, spec) in self.tasks.iter().enumerate() {
            let task = at as TaskId;
            let letter = spec.letter;
            let plain = |end_io, range| Write {
                task,
                end_io: Some(end_io),
                range,
                half: None,
                fault: None,
                pins: false,
                slot,
            };
            calls.push(match spec.call {
                CallSpec::Pwrite { range, half, aio, fault, flags, pins } => {
                    let end_io = aio.then(|| id(letter.to_ascii_lowercase()));
                    if let Some(end_io) = end_io {
                        completions.push(Call::completion(end_io, task, flags, kernel));
                    }
                    let write = Write { task, end_io, range, half, fault, pins, slot };
                    Call::pwrite(write, flags, kernel, mount)
                }
                CallSpec::Pread { range, late_size, repeat } if late_size || repeat => {
                    let nolock = self.dioread_nolock;
                    let mut read = DirectRead::new(task, range, kernel, nolock);
                    if late_size {
                        read = read.late_size();
                    }
                    Call::Read(if repeat { read.repeat() } else { read })
                }
                CallSpec::Pread { range, .. } => Call::pread(task, None, range, kernel, mount),
                CallSpec::AioPread(range) => {
                    let end_io = id(letter.to_ascii_lowercase());
                    completions.push(Call::read_completion(end_io, kernel));
                    Call::pread(task, Some(end_io), range, kernel, mount)
                }
                CallSpec::Ftruncate { to, fault } => Call::ftruncate(to, fault, kernel, mount),
                CallSpec::Fault { range } => Call::Fault(FilemapFault::new(range, kernel)),
                CallSpec::WritePages => Call::writepages(task, kernel, mount),
                CallSpec::Fsync => Call::fsync(task, kernel, mount),
                CallSpec::PunchHole { range, indirect, fault } => {
                    Call::punch_hole(task, range, fault, kernel, (mount, indirect))
                }
                CallSpec::MoveExtents { range } => {
                    Call::MoveExtents(MoveExtents::new(range, kernel))
                }
                CallSpec::PageFault { range } => Call::PageFault(PageFault::new(range, kernel)),
                CallSpec::Mmap => Call::VmMmap(VmMmap::default()),
                CallSpec::Writeback { to } => {
                    let of_page = self.cached_pages > 0;
                    Call::WbDisksize(WbDisksize::new(to, kernel).of_page(of_page))
                }
                CallSpec::Uring { range, to } => {
                    let end_io = id(letter.to_ascii_lowercase());
                    let write = plain(end_io, range);
                    let (thread, completion) = Call::uring(write, end_io, to, kernel, mount);
                    completions.push(completion);
                    thread
                }
                CallSpec::PwriteClose { range } => {
                    let end_io = id(letter.to_ascii_lowercase());
                    let flags = WriteFlags::default();
                    completions.push(Call::completion(end_io, task, flags, kernel));
                    let write = plain(end_io, range);
                    Call::pwrite_close(write, flags, kernel, mount)
                }
                CallSpec::Write { range, half } => Call::buffered_write(range, half, kernel),
                CallSpec::Commit => Call::Commit(Commit::default()),
                CallSpec::DioWait(queue) => Call::DioWait(InodeDioWait::new(queue, kernel)),
                CallSpec::DioDone(queue) => Call::DioDone(InodeDioDone::new(task, queue, kernel)),
                CallSpec::Append(block) => Call::Append(Append::new(block, kernel)),
                CallSpec::Read(range) => Call::BufferedRead(FilemapRead::new(range, kernel)),
                CallSpec::Fallocate(range) => {
                    Call::AllocFileBlocks(AllocFileBlocks::new(range, kernel))
                }
                CallSpec::Preallocate { range, fault } => {
                    Call::Fallocate(Fallocate::new(range, kernel).failing(fault))
                }
                CallSpec::Falloc { range, grows, fault } => {
                    Call::ExtFallocate(ExtFallocate::new(range, grows, kernel).failing(fault))
                }
                CallSpec::ShiftRange { range, shift, fault } => {
                    Call::shift_range(task, (range, shift), fault, kernel, mount)
                }
                CallSpec::ZeroRange { range, fault } => {
                    Call::ZeroRange(ZeroRange::new(range, true, kernel).failing(fault))
                }
                CallSpec::EndBio(range) => Call::EndBio(EndBio::new(task, range, kernel)),
                CallSpec::Evict => Call::Evict(EvictInode::new(kernel)),
                CallSpec::WriteThatEvicts => Call::WriteThatEvicts(WriteThatEvicts::default()),
            });
            names.push(TaskName { letter, text: format!("{letter} {}", spec.call.text()) });
        }
        calls.extend(completions);
        for &letter in &letters[names.len()..] {
            names.push(TaskName { letter, text: format!("{letter} completion") });
        }
        let reaches = self
            .reaches
            .iter()
            .map(|reach| Witness {
                task: id(reach.task),
                verb: match reach.verb {
                    ReachVerb::Plain(verb) => verb,
                    ReachVerb::Overlaps(other) => Verb::Overlaps(id(other)),
                    ReachVerb::FreesUnder(other) => Verb::FreesUnder(id(other)),
                    ReachVerb::WaitsFor(other) => Verb::WaitsFor(id(other)),
                },
            })
            .collect();
        let mut inode = Inode::new(self.size, &self.extents, self.cached_pages, calls.len())
            .with_disksize(self.disksize.unwrap_or(self.size));
        if self.dirty {
            inode = inode.with_dirty_page(0);
        } else if let Some(disksize) = self.disksize.filter(|_| self.cached_pages > 0) {
            // What i_disksize lags behind for is in the page, and delayed.
            inode = inode.with_dirty_page(disksize);
        }
        calls.iter().filter_map(Call::holds).for_each(|(queue, _)| inode.give(queue));
        for end_bio in calls.iter().filter_map(Call::end_bio) {
            inode.give_io_end(end_bio.whose(), end_bio.written());
        }
        Program {
            litmus: self.name.clone(),
            given: self.given.clone(),
            situation: self.situation(),
            kernel,
            inode,
            spawn_order: (0..calls.len() as TaskId).collect(),
            calls,
            names,
            fair: self.fair.clone(),
            memory: self.memory,
            rules: self.rules,
            reaches,
        }
    }
}
