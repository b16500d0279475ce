//! R13 stored.

use super::pages::{halves_below, reads_as, words};
use super::records::{Halves, TaskRecord};
use super::view::End;
use super::{Judgement, RuleId, broken};
use crate::program::Program;
use diolock::inode::Inode;
use diolock::op::{Content, TaskId};

/// R13, at the end: what reads find where somebody put data is what one of those put there, whoever was
/// last. Zeros do as well where a truncate has been; where a hole was punched or extents were moved,
/// nothing is asked.
pub(super) fn kept(end: End<'_>, program: &Program, inode: &Inode) -> Judgement {
    for block in 0..inode.size().up() {
        let found = reads_as(inode, block);
        for (half, &found) in found[halves_below(inode, block)].iter().enumerate() {
            let here = Halves::of(block, Some(half));
            let touches = |halves: Halves| !halves.and(here).is_empty();
            let cut = end.page_data(block).cut[half] || touches(end.size().cut);
            if touches(end.extents().holes) || found == Content::Zero && cut {
                continue;
            }
            let mut writers = end.tasks().filter(|(_, task)| touches(task.wrote));
            let kept = |(task, _): (TaskId, &TaskRecord)| matches!(found, Content::Of(by) if by.task == task);
            if let Some((writer, _)) = writers.clone().next()
                && !writers.any(kept)
            {
                let text = format!(
                    "at the end block {block} holds {}, not what {} put there",
                    words(program, found),
                    program.names[usize::from(writer)].letter
                );
                return broken(RuleId::R13, text);
            }
        }
    }
    Ok(())
}
