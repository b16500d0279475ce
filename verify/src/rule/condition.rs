//! R15 condition: what the litmus file itself says of the end.

use super::answers::{Answers, cell};
use super::memory::Memory;
use super::pages::{halves_below, reads_as};
use super::{Gathered, Judgement, RuleId, broken};
use crate::condition::{Cell, Facts};
use crate::program::{Program, System};
use diolock::op::{Content, Extent, LogicalBlock, Mapped};

/// R15; and what `exists` asks for is booked if it is there.
pub(super) fn judge(
    memory: &Memory,
    program: &Program,
    system: &System,
    gathered: &mut Gathered,
) -> Judgement {
    if program.conditions.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = memory.tasks.iter().map(|record| &record.told).collect();
    let facts = facts(&told, program, system);
    gathered.witness(program.witness_of_an_end());
    for (at, condition) in (program.reaches.len()..).zip(&program.conditions.exists) {
        if condition.expr.holds(&facts) {
            gathered.witness(at);
        }
    }
    if !program.rules.has(RuleId::R15) {
        return Ok(());
    }
    match program.conditions.broken(&facts, |task| program.task(task)) {
        Some(text) => broken(RuleId::R15, text),
        None => Ok(()),
    }
}

/// What conditions see of the end, and of what each task was told.
pub(crate) fn facts(told: &[&Answers], program: &Program, system: &System) -> Facts {
    let inode = &system.inode;
    let cells = |held: [Content; 2]| held.map(|content| cell(program, content));
    let page = |block: LogicalBlock| inode.cache().held(block).map_or([Cell::Nothing; 2], cells);
    let file = |block: LogicalBlock| {
        let mut held = cells(reads_as(inode, block));
        held[halves_below(inode, block).end..].fill(Cell::Nothing);
        held
    };
    let disk = |mapped: &Mapped| match (mapped.extent, mapped.block) {
        (Extent::Written, Some(block)) => cells(inode.extents().block(block).halves),
        (Extent::Unwritten, _) => [Cell::Unwritten; 2],
        _ => [Cell::Hole; 2],
    };
    Facts {
        size: inode.size(),
        disksize: inode.disksize(),
        file: (0..inode.size().up()).map(file).collect(),
        page: (0..inode.paging().end()).map(page).collect(),
        disk: inode.extents().mapping().iter().map(disk).collect(),
        answers: Answers::at_the_end(told, program),
    }
}
