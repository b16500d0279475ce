//! Does the model match the kernel? Judges whether a recorded run is one that the model allows.
//!
//! Each call of each thread is followed by the tasks of the model themselves (`Frame`): an event is
//! accepted if some state that the task may be in has a step with that event. Steps that a recording
//! does not show (reads of sizes, journal handles, the page cache) are taken silently, with every
//! answer that the world (`World`) may have given since the thread's last event.
//!
//! A line is read by `reader`, `event` and `value`, and taken by `take`; `begin` and `follow` find the call
//! that it belongs to, `frame` follows that call's task, `effects` and `sizes` change the `world`. What came
//! of it is told by `exercised` if it is accepted, by `report` and `picture` if not.
//!
//! What is in memory depends on the calls and the I/O in flight, the file's extents and the threads'
//! names, not on the length of the recording. A recording with more than [`MOST_UNDER_WAY`] calls or I/O
//! at once is refused.
//!
//! | event                                                     | steps of the model                     | kernel function |
//! |-----------------------------------------------------------|----------------------------------------|-----------------|
//! | write_iter read_iter fallocate                            | (a call begins)                        | ext4_file_write_iter, ext4_file_read_iter, ext4_fallocate |
//! | write_iter_ret read_iter_ret fallocate_ret                | (it has returned)                      | the same |
//! | req acq try fail                                          | TakeShared TakeAlone TryShared TryAlone TakeRwsem TakeLock TakeMmap TakeSizes TakeDataSem TakeExcl LockDisksize | down_read, down_write and their trylocks |
//! | rel                                                       | DropShared DropRwsem DropLock DropMmap DropSizes DropDataSem DropExcl UnlockDisksize GiveUp | up_read, up_write |
//! | downgrade                                                 | (no call of the model does)            | downgrade_write |
//! | contention_begin contention_end                           | (asleep; not judged)                   | rwsem_down_read_slowpath, rwsem_down_write_slowpath |
//! | iomap_dio_rw dio_begin                                    | BeginIo                                | __iomap_dio_rw, inode_dio_begin |
//! | iomap_dio_rw_ret                                          | Submit RunBio                          | __iomap_dio_rw |
//! | dio_bio_end                                               | RunBio                                 | iomap_dio_bio_end_io |
//! | dio_complete_work dio_complete end_io                     | RunBio                                 | iomap_dio_complete_work, iomap_dio_complete, ext4_dio_write_end_io |
//! | dio_end wake_bit                                          | EndIo                                  | inode_dio_end |
//! | dio_wait dio_wait_ret                                     | Drain                                  | inode_dio_wait |
//! | iomap_begin iomap_ow_begin map_blocks map_blocks_ret ext4_ext_map_blocks_exit ext4_ext_handle_unwritten_extents set_iomap | LookUp Allocate | ext4_iomap_begin, ext4_iomap_overwrite_begin, ext4_map_blocks, ext4_set_iomap |
//! | convert_unwritten convert_unwritten_ret                   | StartHandle Convert StopHandle         | ext4_convert_unwritten_extents |
//! | inode_extension                                           | StartHandle                            | ext4_handle_inode_extension |
//! | orphan_add orphan_del                                     | AddOrphan AddAgain DelOrphan           | ext4_orphan_add, ext4_orphan_del |
//! | setattr setattr_ret                                       | ReadSize                               | ext4_setattr |
//! | truncate truncate_ret                                     | StartHandle StopHandle                 | ext4_truncate |
//! | trunc_pagecache trunc_pagecache_range                     | LookForPages                           | truncate_pagecache, truncate_pagecache_range |
//! | es_remove remove_space ext4_ext_remove_space_done         | Free                                   | ext4_es_remove_extent, ext4_ext_remove_space |
//! | ext4_ext_shift_extents ext4_ext_shift_extents_ret         | Shift                                  | ext4_ext_shift_extents |
//! | punch_hole punch_hole_ret zero_range zero_range_ret collapse_range collapse_range_ret insert_range insert_range_ret | (a call within ext4_fallocate) | ext4_punch_hole, ext4_zero_range, ext4_collapse_range, ext4_insert_range |
//!
//! An event that no state of its task accepts names no rule: it says what would have been accepted.
//! Besides, what the tasks share is judged in the recorded order:
//!
//! | rule | what is checked                                                                        | what is not |
//! |------|----------------------------------------------------------------------------------------|-------------|
//! | R1   | `remove_space` of a call without a task: i_rwsem and i_data_sem are held alone         | fields: their reads and writes have no events |
//! | R2   | `req`: no lock of a higher rank is held                                                | drains and journal handles, but as steps of the tasks |
//! | R3   | `rel`: it is held, so; `acq`: it was asked for and is not held; a return of a call without a task: none is | |
//! | R4   | `remove_space`: no I/O that is counted was mapped there; `set_iomap`: no other block of the file is there | freeing and reuse by other files |
//! | R5   | `map_blocks_ret`, `set_iomap`: the block may be in that state, and at that place; within i_size it is created unwritten | the data |
//! | R6   | `dio_begin`: i_rwsem is held; `dio_wait_ret`: the count may have been 0                | |
//! | R7   |                                                                                        | all: iocb->private is not probed |
//! | R8   |                                                                                        | all: journal handles are not probed |
//! | R9   | `convert_unwritten`: its I/O is counted                                                | |
//! | R10  | every `dio=`: i_dio_count may have been that; `wake_bit`: it may have been 0           | i_unwritten; 0 at the end: a recording may stop before |
//! | R11  | every `isize=`: i_size may have been that                                              | i_disksize has no events |
//! | R12  | `req`, `dio_wait`: no thread waits for itself, round about or not                      | that everybody can still finish: whoever has not returned at the end is listed |
//! | R13  |                                                                                        | all: the data has no events |
//! | R14  |                                                                                        | all: of waits only those for locks and for the drain have events |
//! | R15  |                                                                                        | all: it is of litmus files |

mod alter;
mod before_fallocate;
mod begin;
mod conformer;
mod coverage;
mod doing;
mod effects;
mod event;
mod exercised;
mod extents;
mod fields;
mod file_system;
mod flags;
mod follow;
mod frame;
mod loose;
mod picture;
mod reader;
mod recent;
mod reject;
mod report;
mod sizes;
mod take;
mod trail;
mod value;
mod world;

pub use alter::{ALTERATIONS, alter};
pub use conformer::Conformer;
pub use coverage::{Coverage, Seen, TaskCoverage, Unfinished};
pub use event::{Event, Name, Thread, What};
pub use exercised::accepted_text;
pub use file_system::{FileSystem, Journal};
pub use frame::Kind;
pub use picture::rejection_svg;
pub use reader::Reader;
pub use recent::Standing;
pub use reject::{Reason, Rejection};
pub use report::{json, rejected_text};
pub use trail::{Edge, Step};

use crate::problem::Problems;

/// What became of a recording.
#[derive(Debug)]
pub enum Verdict {
    /// The model allows it.
    Accepted(Coverage),
    /// It does not.
    Rejected(Box<Rejection>),
}

/// Calls, or direct I/Os, that can be under way at once.
pub const MOST_UNDER_WAY: usize = 4096;

/// Judges a whole recording.
///
/// # Errors
/// A line that is no event, or that cannot be read.
pub fn conform(reader: &mut Reader, on: FileSystem) -> Result<Verdict, Box<Problems>> {
    let mut conformer = Conformer::new(on);
    while let Some(event) = reader.event() {
        if let Err(rejection) = conformer.take(event?) {
            return Ok(Verdict::Rejected(rejection));
        }
        if conformer.under_way() > MOST_UNDER_WAY {
            return Err(reader.crowded(MOST_UNDER_WAY));
        }
    }
    Ok(match conformer.finish() {
        Ok(coverage) => Verdict::Accepted(coverage),
        Err(rejection) => Verdict::Rejected(rejection),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleId;
    use diolock::kernel::{Kernel, Version};
    use std::collections::{BTreeMap, BTreeSet};

    /// The cells of the table above whose first heading is that.
    fn table(heading: &str) -> Vec<Vec<&'static str>> {
        let lines = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//! "));
        let rows = lines
            .skip_while(|line| !line.starts_with(&format!("| {heading} ")))
            .take_while(|line| line.starts_with('|'));
        rows.skip(2).map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }

    #[test]
    fn the_table_of_rules_has_each_rule_and_what_is_checked_or_why_nothing_is() {
        let rows = table("rule");
        let codes: Vec<&str> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(codes, RuleId::ALL.map(RuleId::code));
        for row in rows {
            let unchecked = row[1].is_empty();
            assert_eq!(unchecked, row[2].starts_with("all: "), "{row:?}");
            assert_eq!(unchecked, matches!(row[0], "R7" | "R8" | "R13" | "R14" | "R15"), "{row:?}");
        }
    }

    /// The table above knows every event, and names no step that no task has.
    #[test]
    fn the_table_names_every_event_and_only_steps_that_there_are() {
        let cells = table("event");
        let words = |column: usize| {
            let cells = cells.iter().map(move |row| row[column]);
            cells.filter(|cell| !cell.starts_with('(')).flat_map(str::split_whitespace)
        };
        let events: BTreeSet<&str> = words(0).collect();
        assert_eq!(events, What::NAMES.iter().copied().collect());
        let steps: BTreeSet<&str> = Kind::ALL
            .into_iter()
            .flat_map(|kind| {
                [Version::V6_1_192, Version::V6_12].map(|v| frame::graph(kind, Kernel::new(v)))
            })
            .flat_map(BTreeMap::into_keys)
            .map(|edge| edge.from.name)
            .collect();
        let unknown: Vec<&str> = words(1).filter(|step| !steps.contains(step)).collect();
        assert_eq!(unknown, Vec::<&str>::new());
    }
}
