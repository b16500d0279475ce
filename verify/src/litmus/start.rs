//! Whether a file can be in the state that a litmus file begins with.
//!
//! | refused                                  | why                                                      |
//! |------------------------------------------|----------------------------------------------------------|
//! | a cached page of an empty file           | a fault past the end is refused, a truncate drops pages  |
//! | more cached pages than blocks            | a page holds a block at least                            |
//! | a dirty page that is not cached          | (judged where `dirty` is read)                           |
//! | i_disksize below i_size, nothing to come | what raises it is the writeback of a dirty page, or of a |
//! |                                          | block that is not allocated yet                          |
//! | unwritten blocks of an indirect file     | only an extent has the mark (ext4_zero_range and         |
//! |                                          | ext4_fallocate refuse such a file)                       |
//! | an `indirect` call beside others         | a file is mapped by extents or not, for every call       |
//! | `end_bio` over no unwritten block        | an io_end is flagged for what was unwritten when it was  |
//! |                                          | mapped, and it stays so until the conversion             |
//! | `commit` without a journal               |                                                          |
//!
//! Not refused: a clean page over an unwritten block or a hole (it holds zeros); written blocks past
//! i_size (a truncate whose `ext4_truncate` got no handle leaves them); i_disksize above i_size (up to
//! v5.10 a growing `ext4_setattr` whose `ext4_mark_inode_dirty` fails leaves it there; from v6.1 on it
//! is put back, and the state is only passed through).

use super::CallSpec;
use super::cast::Cast;
use super::file::File;
use super::kind::Kind;
use super::schema::Judge;
use diolock::op::Extent;

/// Judges the start of a file by itself, and by what is called on it.
pub(super) fn start(judge: &mut Judge, file: &File, cast: &[Cast], journal: bool) {
    let page_blocks = if judge.paging.many() { judge.paging.blocks() } else { 1 };
    if let Some(pages) = &file.cached_pages_span
        && file.cached_pages > file.size.up().div_ceil(page_blocks)
    {
        let message = format!("{} cached page(s) of {} block(s)", file.cached_pages, file.size);
        judge
            .wrong(pages.clone(), message)
            .label("a page that is cached holds a block below `size`")
            .help("lower cached_pages, or give the file a larger size");
    }
    if let (Some(disksize), Some(at)) = (file.disksize, &file.disksize_span)
        && disksize < file.size
    {
        let (from, to) = (disksize.up() as usize, file.size.up() as usize);
        let late = file.extents.get(from..to).unwrap_or_default();
        let writeback = cast.iter().any(|c| c.kind == Some(Kind::Writeback));
        let delayed = late.len() < to - from || late.contains(&Extent::Hole);
        if !file.dirty && !writeback && !delayed {
            let message =
                format!("i_disksize is {disksize}, i_size {}, and nothing is to come", file.size);
            judge
                .wrong(at.clone(), message)
                .label("whose writeback is to raise it?")
                .help("a dirty page (cached_pages = 1 and dirty = true), a writeback, or a hole past `disksize`");
        }
    }
    indirect(judge, file, cast);
    for task in cast {
        let Some(spec) = task.spec() else { continue };
        if let CallSpec::EndBio(Some(range)) = spec {
            let at = |block: u32| file.extents.get(block as usize);
            if range.blocks().any(|block| at(block) != Some(&Extent::Unwritten)) {
                judge
                    .wrong(task.span.clone(), "end_bio is to convert a block that is not unwritten")
                    .label("the blocks of an io_end are unwritten until they are converted")
                    .help("give these blocks the state \"unwritten\" in `extents`");
            }
        }
        if matches!(spec, CallSpec::Commit) && !journal {
            judge
                .wrong(task.span.clone(), "commit, but there is no journal")
                .help("leave out journal = false under [mount]");
        }
    }
}

fn indirect(judge: &mut Judge, file: &File, cast: &[Cast]) {
    let specs = || cast.iter().filter_map(|c| Some((c, c.spec()?)));
    let is = |call: &CallSpec| matches!(call, CallSpec::PunchHole { indirect: true, .. });
    if !specs().any(|(_, call)| is(&call)) {
        return;
    }
    if file.extents.contains(&Extent::Unwritten)
        && let Some(span) = &file.extents_span
    {
        judge
            .wrong(span.clone(), "unwritten blocks of a file that is mapped by indirect blocks")
            .label("only an extent can be unwritten")
            .help("make them written or holes, or leave `indirect` out");
    }
    for (task, call) in specs() {
        let needs_extents = match call {
            CallSpec::PunchHole { indirect, .. } => !indirect,
            CallSpec::Fallocate(_)
            | CallSpec::Falloc { .. }
            | CallSpec::ZeroRange { .. }
            | CallSpec::ShiftRange { .. }
            | CallSpec::MoveExtents { .. } => true,
            _ => false,
        };
        if needs_extents {
            judge
                .wrong(task.span.clone(), "this is of extents, and another call says `indirect`")
                .label("a file is mapped by the one or the other");
        }
    }
}
