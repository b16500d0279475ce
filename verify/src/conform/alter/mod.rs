//! Recordings altered on purpose: what conformance must not accept.
//!
//! An alteration is a small lie at a random place. The events' numbers stay where they are, so that
//! an altered recording differs in nothing else.

mod apply;
mod lines;

use lines::{Altered, Line, Random};
use std::fmt::Write;

/// Ways to alter a recording, by name.
pub const ALTERATIONS: [(&str, &str); 40] = [
    ("drop-dio-end", "a reference to i_dio_count is never dropped"),
    ("drain-returns-early", "inode_dio_wait returns while direct I/O is in flight"),
    ("remove-before-drain", "extents are removed before the drain"),
    ("skip-drain", "a truncate or a punched hole does not drain"),
    ("extend-shared", "an extending write holds i_rwsem shared"),
    ("acquire-early", "i_rwsem is acquired as soon as it is asked for, though held"),
    ("convert-after-end", "extents are converted after the reference was dropped"),
    ("lose-conversion", "a completion forgets to convert"),
    ("convert-elsewhere", "the next block is converted"),
    ("swap-releases", "two threads release each other's i_rwsem"),
    ("drop-release", "i_rwsem is never released"),
    ("lie-in-lookup", "a written block is reported unwritten, or the other way round"),
    ("lie-about-place", "a block is reported elsewhere on the device than before"),
    ("lie-about-path", "the overwrite path is taken for other writes, or not for overwrites"),
    ("lie-about-count", "i_dio_count is five too high"),
    ("lie-about-size", "i_size is three blocks off"),
    ("count-without-lock", "the reference is taken before i_rwsem"),
    ("complete-twice", "a worker completes the same I/O twice"),
    ("convert-shared", "extents are converted with i_data_sem shared"),
    ("no-invalidate-lock", "blocks are removed, zeroed or moved without invalidate_lock"),
    ("shift-elsewhere", "collapse or insert range moves other blocks"),
    ("allocate-before-drain", "fallocate allocates before it waits for direct I/O"),
    ("skip-piece", "fallocate leaves out a piece of what it allocates"),
    ("release-too-soon", "fallocate gives i_rwsem back before it has done its work"),
    ("allocate-written", "a write within i_size allocates blocks that are written at once"),
    ("wrong-return", "a write or a read returns a byte more than it did"),
    ("no-worker", "whoever completes an asynchronous write is no worker"),
    ("convert-less", "the first block alone is converted, or nothing"),
    ("remove-less", "one block less is removed than was asked for"),
    ("acquire-unasked", "a lock is held that was not asked for"),
    ("drop-orphan", "an extending write puts no orphan record"),
    ("keep-orphan", "an extending write or a truncate leaves its orphan record"),
    ("release-twice", "i_rwsem is released twice"),
    ("release-otherwise", "i_rwsem is released in the mode in which it is not held"),
    ("hold-unacquired", "a lock that is released was never acquired"),
    ("truncate-shared", "a truncate holds i_rwsem shared"),
    ("count-twice", "a direct I/O is counted twice"),
    ("allocate-unlocked", "blocks are allocated without i_data_sem"),
    ("allocate-elsewhere", "a write allocates the next block"),
    ("no-extension", "a write past the end leaves the sizes as they are"),
];

/// The recording `text`, altered as named, at a place that `seed` chooses; `None` if it has no place
/// for that.
pub fn alter(text: &str, name: &str, seed: u64) -> Option<String> {
    let lines: Vec<Line> = text
        .lines()
        .filter_map(|line| {
            let mut columns = line.splitn(4, '\t');
            Some(Line {
                seq: columns.next()?.parse().ok()?,
                task: columns.next()?.to_owned(),
                event: columns.next()?.to_owned(),
                keys: columns.next().unwrap_or_default().to_owned(),
            })
        })
        .collect();
    let numbers: Vec<u64> = lines.iter().map(|line| line.seq).collect();
    let mut altered =
        Altered { lines, random: Random(seed.wrapping_mul(0x9e37_79b9).wrapping_add(1)) };
    for _ in 0..4 {
        altered.random.below(2);
    }
    altered.apply(name)?;
    let lines = &altered.lines;
    let mut out = String::new();
    // What was dropped leaves a gap, what was added follows the last.
    let last = numbers.last().copied().unwrap_or(0);
    for (at, line) in lines.iter().enumerate() {
        let seq = numbers.get(at).copied().unwrap_or(last + 1 + at as u64);
        let _ = writeln!(out, "{seq}\t{}\t{}\t{}", line.task, line.event, line.keys);
    }
    Some(out)
}
