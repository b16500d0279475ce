//! The rules about data on the device: R4 block-lifetime, and R5 no-stale-data without the page cache.

use super::view::{End, View};
use super::{Judgement, RuleId, broken};
use crate::program::Program;
use diolock::inode::Inode;
use diolock::op::{Bio, Content, Ends, Extent, Op, Outcome, PhysicalBlock, TaskId};

/// R4. I/O is in flight from its submission to its end; synchronous I/O is one step here, so that only
/// what it reaches can be wrong.
pub(super) fn block_lifetime(view: &View<'_>) -> Judgement {
    match (&view.event.op, &view.event.outcome) {
        (Op::Free(_) | Op::FreeRange(_) | Op::SwapBlocks(_), Outcome::Freed(freed)) => {
            let hit = freed.iter().find_map(|&b| Some((b, view.in_flight(b).first()?)));
            let Some((block, whose)) = hit else { return Ok(()) };
            let whose = view.name(whose as TaskId);
            let text = format!("block {block} was freed while {whose}'s I/O to it was in flight");
            broken(RuleId::R4, text)
        }
        (Op::Bio(blocks, _), _) => match blocks.iter().find(|&&b| view.block(b).freed) {
            Some(block) => {
                let text =
                    format!("I/O reached block {block}, which belongs to another file by now");
                broken(RuleId::R4, text)
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// R5: only what was written becomes a written extent.
pub(super) fn converted(view: &View<'_>) -> Judgement {
    let Outcome::Converted(found) = &view.event.outcome else { return Ok(()) };
    for &(extent, block) in found {
        let data = |b: PhysicalBlock| view.block(b).data != [None; 2];
        match extent {
            Extent::Hole => {
                let text = "the range to convert had been removed by a truncate";
                return broken(RuleId::R5, text);
            }
            Extent::Unwritten if !block.is_some_and(data) => {
                let block = block.unwrap_or(0);
                let text = format!("block {block} became written with nothing written to it");
                return broken(RuleId::R5, text);
            }
            _ => {}
        }
    }
    Ok(())
}

/// R5: nobody zeroes what another has written.
pub(super) fn zeroed(view: &View<'_>) -> Judgement {
    let Op::Bio(blocks, Bio::Write { zeroed, .. }) = &view.event.op else {
        return Ok(());
    };
    for (at, &b) in blocks.iter().enumerate() {
        let Ends { front, back } = zeroed.of_block(at, blocks.len());
        let halves = view.block(b).data.into_iter().zip([front, back]);
        let lost = halves.filter_map(|(data, zeroed)| data.filter(|_| zeroed));
        if let Some(loser) = lost.into_iter().find(|&loser| loser != view.event.task) {
            let (who, loser) = (view.who(), view.name(loser));
            let text = format!("{who} zeroed the half of block {b} that {loser} had written");
            return broken(RuleId::R5, text);
        }
    }
    Ok(())
}

/// R5: what was converted stays so. Only a stale look can show otherwise.
pub(super) fn found_after_drain(view: &View<'_>) -> Judgement {
    let Outcome::Mapping(found) = &view.event.outcome else { return Ok(()) };
    let unwritten = found.iter().filter(|m| m.extent == Extent::Unwritten);
    for block in unwritten.filter_map(|m| m.block) {
        let converted = &view.extents().converted;
        let ended = |c: &&(PhysicalBlock, TaskId)| c.0 == block && view.me().drained.has(c.1);
        if let Some(&(_, of)) = converted.iter().find(ended) {
            let (who, whose) = (view.who(), view.name(of));
            let text = format!(
                "after its drain {who} found block {block} unwritten, which {whose}'s I/O had converted"
            );
            return broken(RuleId::R5, text);
        }
    }
    Ok(())
}

/// R5: a direct read. What is read into the page cache nobody has seen yet, nor what lies past the end of
/// the file in the reader's buffer.
pub(super) fn read(view: &View<'_>) -> Judgement {
    let (Op::Bio(blocks, Bio::Read { returned }), Outcome::Data(data)) =
        (&view.event.op, &view.event.outcome)
    else {
        return Ok(());
    };
    if view.me().holds_page() {
        return Ok(());
    }
    let never_held = |content: &Content| matches!(content, Content::Stale | Content::Foreign);
    let halves = blocks.iter().zip(data).flat_map(|(b, held)| held.iter().map(move |h| (b, h)));
    let mut seen = halves.take(returned.in_halves() as usize);
    match seen.find(|(_, content)| never_held(content)) {
        Some((b, _)) => {
            let text = format!("the read of block {b} returned bytes that the file never held");
            broken(RuleId::R5, text)
        }
        None => Ok(()),
    }
}

/// R5, at the end: what was written is not in an extent that reads as zeros.
pub(super) fn all_converted(end: End<'_>, program: &Program, inode: &Inode) -> Judgement {
    let unwritten = inode.extents().mapping().iter().filter(|m| m.extent == Extent::Unwritten);
    for block in unwritten.filter_map(|m| m.block) {
        let data = end.block(block).data;
        // One that was written once is made unwritten on purpose.
        if let Some(task) = data[0].or(data[1])
            && !end.extents().written.has(block)
        {
            let name = program.names[usize::from(task)].letter;
            let text = format!(
                "at the end {name}'s data is in block {block}, which nobody converted: it reads as zeros"
            );
            return broken(RuleId::R5, text);
        }
    }
    Ok(())
}
