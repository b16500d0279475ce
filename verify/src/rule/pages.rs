//! The rules about the page cache: R5 for what is read from it, stored to it and written back.

use super::answers::copied;
use super::records::Halves;
use super::view::{End, View};
use super::{Judgement, RuleId, broken};
use crate::program::Program;
use diolock::call::Call;
use diolock::inode::Inode;
use diolock::op::{Content, Extent, LogicalBlock, Op, Outcome};

/// R5: what is copied from a page. Bytes that the file never held are always wrong. Zeros are wrong where
/// i_size, when the reader looked, vouched for data, and neither the reader nor who filled the page knew
/// that it had been taken away.
pub(super) fn read(view: &View<'_>) -> Judgement {
    let (&Op::PageRead(block), Outcome::Data(data)) = (&view.event.op, &view.event.outcome) else {
        return Ok(());
    };
    let me = view.me();
    let contents = || data.iter().flatten().take(copied(me.size_seen, block));
    if contents().any(|c| matches!(c, Content::Stale | Content::Foreign)) {
        let text = format!("the cached block {block} holds bytes that the file never held");
        return broken(RuleId::R5, text);
    }
    let vouched = |half| {
        let it = Halves::of(block, Some(half));
        !me.vouched.less(me.holes).less(me.page_holes).and(it).is_empty()
    };
    let cut = |half: usize| view.page_data(block).cut[half];
    let mut zeros = contents().enumerate().filter(|(_, c)| **c == Content::Zero);
    if zeros.any(|(half, _)| vouched(half) && !cut(half)) {
        let text = format!(
            "{} saw i_size {} and read zeros for the data that i_size vouches for",
            view.who(),
            me.size_seen
        );
        return broken(RuleId::R5, text);
    }
    Ok(())
}

/// R5: a store goes to the page that is in the cache, and so does what is to be written anew.
pub(super) fn store_is_kept(view: &View<'_>) -> Judgement {
    let (Op::PageStore(page, ..) | Op::PageCommit(page, _)) = view.event.op else { return Ok(()) };
    if !view.page(page).there {
        let text = format!("{} stored to a page that had been dropped: it is lost", view.who());
        return broken(RuleId::R5, text);
    }
    Ok(())
}

/// R5, for fsync: what it saw written back and a crash would read as zeros.
pub(super) fn synced(view: &View<'_>) -> Judgement {
    if view.event.op != Op::FsyncDone {
        return Ok(());
    }
    let extents = view.extents();
    let lost = view.me().awaits.less(extents.written).less(extents.freed).first();
    let Some(block) = lost else { return Ok(()) };
    let text = format!(
        "{}'s fsync returned with block {block}, which it saw written back, unwritten: a crash loses it",
        view.who()
    );
    broken(RuleId::R5, text)
}

/// What a block of the file reads as.
pub(super) fn on_disk(inode: &Inode, block: LogicalBlock) -> [Content; 2] {
    match inode.extents().mapping().get(block as usize) {
        Some(&mapped) if mapped.extent == Extent::Written => {
            mapped.block.map_or([Content::Zero; 2], |b| inode.extents().block(b).halves)
        }
        _ => [Content::Zero; 2],
    }
}

/// What a read of a block finds: its page if that is up to date there, else its block of the device.
pub(super) fn reads_as(inode: &Inode, block: LogicalBlock) -> [Content; 2] {
    inode.cache().held(block).unwrap_or_else(|| on_disk(inode, block))
}

/// R5, at the end: a clean block of a page that is up to date is a copy of the file's.
pub(super) fn agree(_: End<'_>, program: &Program, inode: &Inode) -> Judgement {
    let looks = |call: &Call| !matches!(call, Call::Script(_)) || call.uses_the_page();
    if program.appends() || !program.calls.iter().any(looks) {
        return Ok(());
    }
    let blocks = inode.cache().iter().flat_map(|page| page.range().blocks());
    for block in blocks.take_while(|&block| block < inode.size().up()) {
        let page = inode.cache().of_block(block);
        let clean = page.and_then(|page| page.buffer(block)).is_some_and(|buffer| !buffer.dirty);
        let Some(held) = inode.cache().held(block).filter(|_| clean) else { continue };
        let disk = on_disk(inode, block);
        if let Some(half) = halves_below(inode, block).find(|&half| held[half] != disk[half]) {
            let text = format!(
                "at the end block {block} of the file holds {}, and its cached page {}",
                words(program, disk[half]),
                words(program, held[half])
            );
            return broken(RuleId::R5, text);
        }
    }
    Ok(())
}

/// The halves of a block that lie below i_size.
pub(super) fn halves_below(inode: &Inode, block: LogicalBlock) -> std::ops::Range<usize> {
    0..inode.size().in_halves().saturating_sub(2 * block).min(2) as usize
}

pub(super) fn words(program: &Program, content: Content) -> String {
    match content {
        Content::Initial => "what it held at the start".to_owned(),
        Content::Of(by) => format!("{}'s data", program.whose(by)),
        Content::Zero => "zeros".to_owned(),
        Content::Stale => "what was on the device before".to_owned(),
        Content::Foreign => "another file's data".to_owned(),
    }
}
