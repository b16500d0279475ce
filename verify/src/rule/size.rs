//! R11 size.

use super::pages::{on_disk, reads_as};
use super::view::{End, View};
use super::{Judgement, RuleId, broken};
use crate::program::Program;
use diolock::inode::Inode;
use diolock::op::{Content, Op, Size};

/// R11: who changes a size, and what a crash leaves of a synchronous write.
pub(super) fn changed(view: &View<'_>) -> Judgement {
    let me = view.me();
    match view.event.op {
        Op::WarnSize => broken(RuleId::R11, "a completion saw i_size below i_disksize"),
        // The write knows that i_size covers what it wrote; a truncate may have been later.
        Op::WriteSync
            if me.wrote_to <= me.size_known
                && view.disksize().value < me.wrote_to
                && !view.disksize().cut.has(me.wrote_to.up() - 1) =>
        {
            let text = format!(
                "{}'s O_SYNC write was flushed before i_disksize covered it: a crash loses it",
                view.who()
            );
            broken(RuleId::R11, text)
        }
        // Of writeback's and others' io_ends nobody is told.
        Op::AioComplete
            if !me.synced && view.program.calls[usize::from(view.event.task)].completes_osync() =>
        {
            let text = format!(
                "the caller of {}'s O_SYNC write was told that it is done, and nobody had flushed it since",
                view.who()
            );
            broken(RuleId::R11, text)
        }
        // Whoever makes the file smaller has seen that it was larger.
        Op::SizeWrite(size) if size < view.size().value && size > me.size_seen => {
            let text = format!(
                "{}, which saw i_size {} and meant to raise it to {size}, lowered it from {}",
                view.who(),
                me.size_seen,
                view.size().value
            );
            broken(RuleId::R11, text)
        }
        Op::SizeWrite(size) if me.overwrite => {
            let text = format!(
                "{}, an overwrite, set i_size to {size} after a truncate had changed it",
                view.who()
            );
            broken(RuleId::R11, text)
        }
        _ => Ok(()),
    }
}

/// Whether a page that is to be written back lies past i_disksize.
fn delays(inode: &Inode) -> bool {
    let (size, disksize) = inode.sizes();
    inode
        .cache()
        .dirty()
        .any(|block| disksize < Size::blocks(block + 1) && Size::blocks(block) < size)
}

/// R11, at the end.
pub(super) fn agree(end: End<'_>, program: &Program, inode: &Inode) -> Judgement {
    let (size, disksize) = inode.sizes();
    // What is yet to be written back will raise i_disksize; if its page is gone, nobody will.
    let delayed = delays(inode);
    let lost = delays(&program.inode) || end.size().touched && !program.appends();
    if disksize > size && lost || disksize < size && lost && !delayed {
        let text = format!("i_size is {size} and i_disksize {disksize} at the end");
        return broken(RuleId::R11, text);
    }
    // What a direct write has put there and nobody has taken away.
    let direct = |content: &Content| match *content {
        Content::Of(by) => Some(by).filter(|by| end.task(by.task).wrote_to > Size::default()),
        _ => None,
    };
    // (What is in a page goes over what is on the disk.)
    let held = |half: u32| {
        let (block, half) = (half / 2, half as usize % 2);
        let disk = on_disk(inode, block)[half];
        (reads_as(inode, block)[half] == disk).then_some(disk)
    };
    let halves = disksize.in_halves()..size.in_halves();
    let lost = halves.filter_map(held).find_map(|content| direct(&content));
    if let Some(by) = lost {
        let name = program.whose(by);
        let text =
            format!("{name} wrote within i_size, and i_disksize ({disksize}) does not cover it");
        return broken(RuleId::R11, text);
    }
    if *end.orphan() {
        return broken(RuleId::R11, "the inode is left on the orphan list at the end");
    }
    Ok(())
}
