//! The calls that a litmus file may make.

use diolock::op::WaitQueue;

/// A call without its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Pwrite,
    AioPwrite,
    Pread,
    AioPread,
    Ftruncate,
    Fault,
    PunchHole,
    MoveExtents,
    PageFault,
    Mmap,
    Writeback,
    WritePages,
    Reclaim,
    Kswapd,
    Fsync,
    Uring,
    PwriteClose,
    Write,
    Commit,
    DioWait(WaitQueue),
    DioDone(WaitQueue),
    Append,
    Read,
    Fallocate,
    EndBio,
    EndBioElsewhere,
    Evict,
    WriteEvict,
    Falloc,
    FallocGrow,
    ZeroRange,
    CollapseRange,
    InsertRange,
}

/// Each with its name, and what it is.
pub(super) const KINDS: [(&str, Kind, &str); 35] = [
    ("pwrite", Kind::Pwrite, "a direct write"),
    (
        "aio_pwrite",
        Kind::AioPwrite,
        "an asynchronous direct write (io_submit, io_uring): its completion is a task",
    ),
    ("pread", Kind::Pread, "a direct read"),
    ("aio_pread", Kind::AioPread, "an asynchronous direct read: its completion is a task"),
    ("ftruncate", Kind::Ftruncate, "a truncate, to a smaller, the same or a larger size"),
    ("fault", Kind::Fault, "a store through a mapping"),
    ("punch_hole", Kind::PunchHole, "FALLOC_FL_PUNCH_HOLE"),
    (
        "move_extents",
        Kind::MoveExtents,
        "EXT4_IOC_MOVE_EXT: blocks are swapped with a donor file's",
    ),
    ("page_fault", Kind::PageFault, "ext4_page_mkwrite that allocates"),
    ("mmap", Kind::Mmap, "a thread that changes its address space"),
    ("writeback", Kind::Writeback, "writeback that raises i_disksize, and that alone"),
    ("writepages", Kind::WritePages, "the flusher writes the page back"),
    (
        "reclaim",
        Kind::Reclaim,
        "memory reclaim takes the page, if it is clean and nobody has it locked",
    ),
    (
        "kswapd",
        Kind::Kswapd,
        "memory reclaim by kswapd under pressure: a dirty page is written, if it can be without an allocation",
    ),
    ("fsync", Kind::Fsync, "fsync"),
    (
        "uring_pwrite_ftruncate",
        Kind::Uring,
        "an io_uring thread: an asynchronous direct write, then a truncate, then the completion if it was left to it",
    ),
    ("aio_pwrite_close", Kind::PwriteClose, "an asynchronous direct write, then the last close"),
    ("write", Kind::Write, "a buffered write (of block 0 if none is named)"),
    ("commit", Kind::Commit, "the journal commits"),
    (
        "inode_dio_wait",
        Kind::DioWait(WaitQueue::Dio),
        "inode_dio_wait, taken apart for memory orders",
    ),
    ("inode_dio_done", Kind::DioDone(WaitQueue::Dio), "inode_dio_done, taken apart"),
    ("ext4_aiodio_wait", Kind::DioWait(WaitQueue::Unwritten), "ext4_aiodio_wait, taken apart"),
    (
        "ext4_end_io_nolock",
        Kind::DioDone(WaitQueue::Unwritten),
        "the end of an unwritten I/O's reference, taken apart",
    ),
    (
        "append",
        Kind::Append,
        "a buffered write that ends the file, in a cached page: for memory orders",
    ),
    ("read", Kind::Read, "a buffered read"),
    ("fallocate", Kind::Fallocate, "a drain and a lookup, as fallocate does them"),
    (
        "end_bio",
        Kind::EndBio,
        "the completion of a buffered write to this file, at the start on its way",
    ),
    (
        "end_bio_elsewhere",
        Kind::EndBioElsewhere,
        "the completion of a buffered write to another file",
    ),
    ("evict", Kind::Evict, "the inode is evicted"),
    ("write_evict", Kind::WriteEvict, "a buffered write that evicts another inode"),
    ("falloc", Kind::Falloc, "fallocate with FALLOC_FL_KEEP_SIZE, with its credits"),
    ("falloc_grow", Kind::FallocGrow, "fallocate that raises the size"),
    ("zero_range", Kind::ZeroRange, "FALLOC_FL_ZERO_RANGE"),
    ("collapse_range", Kind::CollapseRange, "FALLOC_FL_COLLAPSE_RANGE"),
    ("insert_range", Kind::InsertRange, "FALLOC_FL_INSERT_RANGE"),
];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        KINDS.iter().find(|k| k.1 == self).map_or("", |k| k.0)
    }

    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Kind::Pwrite | Kind::AioPwrite => {
                &["block", "blocks", "half", "append", "fail", "nowait", "osync", "at_eof", "pins"]
            }
            Kind::PunchHole => &["block", "blocks", "half", "indirect", "fail"],
            Kind::ZeroRange => &["block", "blocks", "half", "fail"],
            Kind::Fault
            | Kind::PwriteClose
            | Kind::MoveExtents
            | Kind::PageFault
            | Kind::EndBio
            | Kind::AioPread
            | Kind::Read => &["block", "blocks"],
            Kind::Falloc | Kind::FallocGrow | Kind::CollapseRange | Kind::InsertRange => {
                &["block", "blocks", "fail"]
            }
            Kind::Writeback => &["to"],
            Kind::Uring => &["block", "blocks", "to"],
            Kind::Pread => &["block", "blocks", "repeat", "size_read"],
            Kind::Ftruncate => &["to", "fail"],
            Kind::Append => &["block"],
            Kind::Write => &["block", "blocks", "half", "append"],
            Kind::Fallocate => &["block", "blocks"],
            Kind::WritePages
            | Kind::Reclaim
            | Kind::Kswapd
            | Kind::Fsync
            | Kind::Commit
            | Kind::Mmap
            | Kind::DioWait(_)
            | Kind::DioDone(_) => &[],
            Kind::EndBioElsewhere | Kind::Evict | Kind::WriteEvict => &[],
        }
    }
}
