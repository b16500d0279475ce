//! The rules about data: R4 block-lifetime, R5 no-stale-data, R11 size.

use super::RuleId;
use super::rules::{BlockState, Judgement, Rules, broken};
use crate::program::{Event, Program};
use diolock::extent_probe::{Content, Extent};
use diolock::inode_lock::{LockName, Mode};
use diolock::op::{Bio, LogicalBlock, Op, Outcome, PhysicalBlock, TaskId};

impl Rules {
    /// R4.
    pub(super) fn block_lifetime(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        match (&event.op, &event.outcome) {
            (Op::Free(_) | Op::FreeRange(_) | Op::SwapBlocks(_), Outcome::Freed(freed)) => {
                for (task, state) in self.tasks.iter().enumerate() {
                    if let Some(block) = freed.iter().find(|b| state.in_flight.contains(b)) {
                        let whose = name(task as TaskId);
                        return broken(
                            RuleId::R4,
                            format!(
                                "block {block} was freed while {whose}'s I/O to it was in flight"
                            ),
                        );
                    }
                }
                Ok(())
            }
            (Op::Bio(blocks, _), _) => {
                let gone = |b: &&PhysicalBlock| {
                    self.blocks.get(**b as usize).is_some_and(|block| block.freed)
                };
                match blocks.iter().find(gone) {
                    Some(block) => broken(
                        RuleId::R4,
                        format!("I/O reached block {block}, which belongs to another file by now"),
                    ),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// R5.
    pub(super) fn no_stale_data(
        &self,
        program: &Program,
        event: &Event,
        name: &dyn Fn(TaskId) -> char,
    ) -> Judgement {
        let block = |b: PhysicalBlock| self.blocks.get(b as usize);
        match (&event.op, &event.outcome) {
            (Op::Convert(..) | Op::ConvertExtent(..), Outcome::Converted(found)) => {
                for &(extent, number) in found {
                    let data = number.and_then(block).is_some_and(|b| b.data != [None; 2]);
                    if extent == Extent::Hole {
                        return broken(
                            RuleId::R5,
                            "the range to convert had been removed by a truncate",
                        );
                    }
                    if extent == Extent::Unwritten && !data {
                        return broken(
                            RuleId::R5,
                            format!(
                                "block {} became written with nothing written to it",
                                number.unwrap_or(0)
                            ),
                        );
                    }
                }
                Ok(())
            }
            (Op::Bio(blocks, Bio::Write { half: Some(half), zero_rest: true }), _) => {
                let other = 1 - half.index();
                for &b in blocks {
                    if let Some(loser) = block(b).and_then(|state| state.data[other])
                        && loser != event.task
                    {
                        return broken(
                            RuleId::R5,
                            format!(
                                "{} zeroed the half of block {b} that {} had written",
                                name(event.task),
                                name(loser)
                            ),
                        );
                    }
                }
                Ok(())
            }
            // Only a stale look can show this: what was converted stays so.
            (Op::Map(..), Outcome::Mapping(found))
                if self.tasks[usize::from(event.task)].drained =>
            {
                let stale = found.iter().filter(|m| m.extent == Extent::Unwritten).find_map(|m| {
                    let converted = |b: PhysicalBlock| Some((b, block(b)?.converted?));
                    converted(m.block?)
                        .filter(|(_, of)| self.tasks[usize::from(*of)].references == 0)
                });
                match stale {
                    Some((block, of)) => broken(
                        RuleId::R5,
                        format!(
                            "after its drain {} found block {block} unwritten, which {}'s I/O had converted",
                            name(event.task),
                            name(of)
                        ),
                    ),
                    None => Ok(()),
                }
            }
            (&Op::PageRead(b), Outcome::Data(data))
                if data
                    .iter()
                    .flatten()
                    .any(|c| matches!(c, Content::Stale | Content::Foreign)) =>
            {
                broken(
                    RuleId::R5,
                    format!("the cached block {b} holds bytes that the file never held"),
                )
            }
            (&Op::PageRead(b), Outcome::Data(data)) => {
                let seen = self.tasks[usize::from(event.task)].size_seen;
                if seen > b
                    && self.must_hold_data(program, b)
                    && data.iter().flatten().any(|content| *content == Content::Zero)
                {
                    return broken(
                        RuleId::R5,
                        format!(
                            "{} saw i_size {seen} and read zeros for the data that i_size vouches for",
                            name(event.task)
                        ),
                    );
                }
                Ok(())
            }
            // What is read into the page cache nobody has seen yet.
            (Op::Bio(blocks, Bio::Read { returned }), Outcome::Data(data))
                if !self.holds(event.task, LockName::PageLock, Mode::Exclusive) =>
            {
                for (b, halves) in blocks.iter().zip(data).take(*returned as usize) {
                    if halves.iter().any(|c| matches!(c, Content::Stale | Content::Foreign)) {
                        return broken(
                            RuleId::R5,
                            format!(
                                "the read of block {b} returned bytes that the file never held"
                            ),
                        );
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether zeros in that block are wrong once i_size covers it: it has a written block, and had one at
    /// the start if i_size covered it then. (Of a hole that is being filled zeros are the old data.)
    fn must_hold_data(&self, program: &Program, block: LogicalBlock) -> bool {
        let start = program.inode.extents().mapping().get(block as usize).map(|m| m.extent);
        let now = self.mapped(block).map(|m| m.extent).or(start);
        let grown = block >= program.inode.size();
        now == Some(Extent::Written) && (grown || start == Some(Extent::Written))
    }

    /// R5, for fsync: what it saw written back and a crash would read as zeros.
    pub(super) fn synced(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        let awaits = self.tasks[usize::from(event.task)].awaits;
        let unconverted = |at: &usize| self.tasks[*at].to_convert && awaits >> at & 1 == 1;
        if event.op == Op::FsyncDone
            && let Some(at) = (0..self.tasks.len()).find(unconverted)
        {
            let (fsync, page) = (name(event.task), name(at as TaskId));
            let text = format!(
                "{fsync}'s fsync returned with the block that {page} wrote back unwritten: a crash loses it"
            );
            return broken(RuleId::R5, text);
        }
        Ok(())
    }

    /// R5, at the end: what was written is not in an extent that reads as zeros.
    pub(super) fn all_converted(&self, program: &Program) -> Judgement {
        let lost =
            |b: &BlockState| if b.to_convert && !b.freed { b.data[0].or(b.data[1]) } else { None };
        match self.blocks.iter().enumerate().find_map(|(at, block)| Some((at, lost(block)?))) {
            Some((block, task)) => {
                let name = program.names[usize::from(task)].letter;
                let text = format!(
                    "at the end {name}'s data is in block {block}, which nobody converted: it reads as zeros"
                );
                broken(RuleId::R5, text)
            }
            None => Ok(()),
        }
    }

    /// R11.
    pub(super) fn size(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        if event.op == Op::WarnSize {
            return broken(RuleId::R11, "a completion saw i_size below i_disksize");
        }
        if event.op == Op::WriteSync && self.beyond_disksize(event.task) {
            return broken(
                RuleId::R11,
                format!(
                    "{}'s O_SYNC write was flushed before i_disksize covered it: a crash loses it",
                    name(event.task)
                ),
            );
        }
        let Op::SizeWrite(size) = event.op else { return Ok(()) };
        if self.tasks[usize::from(event.task)].overwrite {
            return broken(
                RuleId::R11,
                format!(
                    "{}, an overwrite, set i_size to {size} after a truncate had changed it",
                    name(event.task)
                ),
            );
        }
        Ok(())
    }

    /// R11: whoever makes the file smaller has seen that it was larger.
    pub(super) fn grows_the_file(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        let seen = self.tasks[usize::from(event.task)].size_seen;
        match event.op {
            Op::SizeWrite(size) if size < self.size && size > seen => broken(
                RuleId::R11,
                format!(
                    "{}, which saw i_size {seen} and meant to raise it to {size}, lowered it from {}",
                    name(event.task),
                    self.size
                ),
            ),
            _ => Ok(()),
        }
    }

    /// Whether a task wrote blocks within i_size that i_disksize does not cover.
    fn beyond_disksize(&self, task: TaskId) -> bool {
        let wrote_to = self.tasks[usize::from(task)].wrote_to;
        wrote_to <= self.size && wrote_to > self.disksize
    }

    /// R11, at the end.
    pub(super) fn sizes_agree(&self, program: &Program) -> Judgement {
        let (size, disksize) = (self.size, self.disksize);
        if self.disksize_touched && self.size_touched && disksize != size {
            return broken(
                RuleId::R11,
                format!("i_size is {size} and i_disksize {disksize} at the end"),
            );
        }
        let mut tasks = 0..self.tasks.len() as TaskId;
        if let Some(lost) = tasks.find(|&task| self.beyond_disksize(task)) {
            let name = program.names[usize::from(lost)].letter;
            return broken(
                RuleId::R11,
                format!(
                    "{name} wrote within i_size, and i_disksize ({disksize}) does not cover it"
                ),
            );
        }
        if self.orphan {
            return broken(RuleId::R11, "the inode is left on the orphan list at the end");
        }
        Ok(())
    }
}
