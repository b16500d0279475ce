//! Kernels as data: a version is a set of fixes, each named by its commit; `without` removes some.

use std::fmt;

/// How a fact is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// Kernel source was read: v3.6, v3.7.2, v3.8.13, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1-rc7,
    /// v6.1.141 and v6.12.
    Source,
    /// The commit message or mail was read.
    Message,
    /// Derived from the code; no upstream report known.
    Derived,
    /// Ours: no commit, a line of the kernel whose need we show by leaving it out.
    Ours,
}

/// A change to the protocol that a kernel has or lacks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Fix {
    /// Unaligned asynchronous writes go one at a time and wait for conversions.
    SerializeUnalignedAio,
    /// `io_end->list` is touched under `i_completed_io_lock` only.
    LockCompletedList,
    /// Writeback that marks an io_end unwritten counts it.
    CountBuffered,
    /// The completion drops its `i_dio_count` reference after the conversion.
    CountCoversConversion,
    /// `iocb->private` is cleared before the I/O is submitted.
    ClearPrivate,
    /// `EXT4_GET_BLOCKS_NO_LOCK`: the overwrite's lookup does not take `i_data_sem` again.
    GetBlocksNoLock,
    /// RFC v2: `file_update_time` runs under `i_mutex`, before `i_data_sem`.
    TimeUnderImutex,
    /// The error path undoes the lock swap (`retake_lock`).
    RetakeLock,
    /// The overwrite raises `i_dio_count` before it drops `i_mutex`.
    CountBeforeUnlock,
    /// Truncate publishes the small `i_size` first, waits second, frees third.
    SizeBeforeWait,
    /// Drainers close the DIOREAD_LOCK gate.
    Gate,
    /// Completion needs no `i_mutex`; the worker takes the whole list.
    ConvertWithoutImutex,
    /// A flush waits for the unwritten I/O that has not reached the list yet.
    FlushWaits,
    /// A page's writeback ends after its extent was converted.
    ConvertInsideWriteback,
    /// The count of unwritten I/O is raised only when the allocation succeeded.
    CountUnwrittenOnSuccess,
    /// The reader's `smp_mb()` between its count and its test of the gate.
    ReaderBarrier,
    /// The closer's `smp_mb()` between closing the gate and its drain.
    CloserBarrier,
    /// The completion lets the file go after it last touched the inode.
    AioCompleteLast,
    /// Truncate changes both sizes, and writeback tests them, under `i_data_sem`.
    SizesUnderDataSem,
    /// Truncate waits for direct I/O whenever it shrinks, not only with an orphan record.
    DrainOnShrink,
    /// A write past i_disksize extends, even if it ends within i_size.
    DisksizeExtends,
    /// An unaligned asynchronous write stays alone until it is done.
    UnalignedAlone,
    /// A write at i_size is aligned enough only from the next block on.
    /// Redundant beside 57a0da28ced8: the write before it has ended by then (second-aio-at-eof).
    AlignedPastEof,
    /// The quick look at i_size is repeated under the lock.
    RecheckExtend,
    /// All checks are made again after the lock was dropped and taken alone.
    RestartChecks,
    /// An unaligned write waits for the I/O in flight.
    UnalignedDrain,
    /// An unaligned write is waited for by its submitter.
    UnalignedForceWait,
    /// An extending write is waited for by its submitter.
    ExtendForceWait,
    /// A write that extends takes the inode off the orphan list whoever raised i_disksize.
    OrphanCleanup,
    /// The on-disk size is raised in `->end_io`, before the data is flushed.
    ExtensionInEndIo,
    /// A completion compares with i_size and i_disksize, as the submission did.
    CompletionTestsBoth,
    /// io_uring does not ask to run the completion of a write in the submitting task.
    NoCallerCompletion,
    /// Page faults and hole punching exclude each other: i_mmap_sem, later invalidate_lock.
    FaultLock,
    /// Reads bring pages into the cache under `invalidate_lock` too.
    ReadLock,
    /// An extending write sets i_size before it invalidates the page cache.
    SizeInEndIo,
    /// The completion of an asynchronous write invalidates the page cache.
    CompletionInvalidates,
    /// Writeback allocates unwritten blocks: dioread_nolock is the default.
    WritebackIntoUnwritten,
    /// An overwrite no longer holds `i_data_sem` over its I/O.
    NoDataSemOverIo,
    /// Punch hole of extents takes `i_mutex`, closes the gate and waits for direct I/O.
    PunchWaits,
    /// `EXT4_IOC_MOVE_EXT` closes the gate and waits for direct I/O.
    MoveExtentsWaits,
    /// Punch hole of indirect blocks waits as that of extents does.
    OnePunchHole,
    /// That barrier is `smp_mb()`, not `smp_mb__before_atomic()`, which orders nothing before a mere
    /// read of the count (B41).
    CloserBarrierOrdersReads,
    /// The closer's `smp_mb()` before it opens the gate. Redundant here: a reader that finds the gate
    /// open had its own barrier after the closer's first one, or else the drain waited for it; so it
    /// sees the small i_size, and the extents it looks up under i_data_sem.
    OpenerBarrier,
    /// `atomic_dec_and_test` is a full barrier: the count is lowered before the queue is looked at.
    DecrementBarrier,
    /// `prepare_to_wait` ends in a full barrier: the queue is joined before the count is looked at.
    WaiterBarrier,
    /// The waiter joins the queue first and looks at the count once more after that.
    JoinBeforeLook,
    /// What a drainer looks at after its drain, it looks at under `i_data_sem`: the drain itself
    /// orders nothing.
    LookUpUnderDataSem,
    /// `mark_buffer_dirty` is a full barrier between a page's data and `i_size_write`. Redundant where
    /// `i_size_write` is a release; before v6.1 the reader lacks its half, and the race is open with it.
    DirtyBarrier,
    /// `smp_rmb()` between `i_size_read` and the copy out of the page.
    SizeReadBarrier,
    /// `i_size_write` is `smp_store_release`. Redundant as long as `mark_buffer_dirty` is a barrier.
    SizeRelease,
    /// `i_size_read` is `smp_load_acquire`.
    SizeAcquire,
    /// Fallocate waits for conversions before it allocates.
    /// Redundant beside dee1f973ca34 (fallocate-vs-conversion).
    FallocateFlush,
    /// A conversion splits an extent that is larger than what was written.
    /// Redundant beside 60d4616f3dc6, and beside ec22ba8edb50 from v3.11 (fallocate-vs-conversion).
    SplitOnConvert,
    /// Unwritten extents are never merged.
    /// Redundant beside dee1f973ca34 (fallocate-vs-conversion).
    NoMergeUnwritten,
    /// Every direct write within i_size is counted until its extents are converted.
    CountEveryWrite,
    /// Evicting an inode waits for its io_ends before it truncates.
    EvictWaits,
    /// A work item that finds `i_mutex` busy goes to the end of the workqueue.
    RequeueBusyWork,
    /// Fallocate waits for direct I/O before it estimates its credits.
    FallocateDrains,
    /// The gate is closed by the callers of `ext4_alloc_file_blocks` and not in it.
    GateInCallers,
    /// Fallocate compares with i_size again when it sets it.
    SizeComparedAgain,
}

/// What is known of a fix.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The fix.
    pub fix: Fix,
    /// Its name for `--without`: the commit's first 12 digits, or a word where there is none.
    pub commit: &'static str,
    /// First kernel (of those modelled) that has it.
    pub since: Version,
    /// First kernel (of those modelled) that no longer needs it, its shape having changed.
    pub until: Option<Version>,
    /// Release that brought it, as recorded in the sources.
    pub release: &'static str,
    /// One sentence.
    pub text: &'static str,
    /// How we know.
    pub evidence: Evidence,
}

/// The kernels modelled, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Version {
    /// The RFC's first version, May 2012; its code was not seen, the model follows the v2 cover letter.
    RfcV1,
    /// The RFC's second version, 14 June 2012.
    RfcV2,
    /// As merged.
    V3_6,
    /// After Monakhov's series.
    V3_7,
    /// The count covers every direct write and its conversion.
    V3_11,
    /// `i_rwsem`; `i_data_sem` is no longer held over an overwrite.
    V4_10,
    /// The last before iomap; no gate.
    V5_4,
    /// iomap: overwrites run under shared `i_rwsem`. As in v5.10.44, which sets i_size in `->end_io`.
    V5_10,
    /// With `invalidate_lock`. As in v6.1.141: both sizes are set in `->end_io` (v6.1 itself is this
    /// without 91562895f803).
    V6_1,
    /// Shared writes into unwritten blocks too.
    V6_12,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Version; 10] = [
        Version::RfcV1,
        Version::RfcV2,
        Version::V3_6,
        Version::V3_7,
        Version::V3_11,
        Version::V4_10,
        Version::V5_4,
        Version::V5_10,
        Version::V6_1,
        Version::V6_12,
    ];

    /// Its name in litmus tests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Version::RfcV1 => "rfc-v1",
            Version::RfcV2 => "rfc-v2",
            Version::V3_6 => "v3.6",
            Version::V3_7 => "v3.7",
            Version::V3_11 => "v3.11",
            Version::V4_10 => "v4.10",
            Version::V5_4 => "v5.4",
            Version::V5_10 => "v5.10",
            Version::V6_1 => "v6.1",
            Version::V6_12 => "v6.12",
        }
    }
}

/// Every fix, oldest first.
pub const FIXES: [About; 60] = {
    use Evidence::{Derived, Message, Ours, Source};
    use Version::{RfcV1, RfcV2, V3_6, V3_7, V3_11, V4_10, V5_4, V5_10, V6_1, V6_12};
    const fn about(
        fix: Fix,
        commit: &'static str,
        since: Version,
        release: &'static str,
        evidence: Evidence,
        text: &'static str,
    ) -> About {
        About { fix, commit, since, until: None, release, text, evidence }
    }
    [
        about(
            Fix::SerializeUnalignedAio,
            "e9e3bcecf44c",
            RfcV1,
            "v2.6.38",
            Source,
            "unaligned asynchronous writes take ext4_aio_mutex and wait for conversions",
        )
        .until(V5_10),
        about(
            Fix::LockCompletedList,
            "d73d5046a724",
            RfcV1,
            "v3.2",
            Message,
            "the completed-I/O list is touched under i_completed_io_lock only",
        )
        .until(V4_10),
        about(
            Fix::CountBuffered,
            "32c80b32c053",
            RfcV1,
            "v3.1",
            Message,
            "writeback that marks an io_end unwritten raises the count that its completion lowers",
        )
        .until(V3_11),
        about(
            Fix::CountCoversConversion,
            "266991b13890",
            RfcV1,
            "v3.5 at the latest",
            Source,
            "the completion drops i_dio_count after it converted the extents",
        )
        .until(V4_10),
        about(
            Fix::ClearPrivate,
            "iocb-private-null",
            RfcV1,
            "v3.6",
            Ours,
            "ext4_ext_direct_IO clears iocb->private before the I/O is submitted",
        )
        .until(V4_10),
        about(
            Fix::GetBlocksNoLock,
            "729f52c6be51",
            RfcV1,
            "v3.6",
            Source,
            "EXT4_GET_BLOCKS_NO_LOCK: the overwrite's lookup does not take i_data_sem again",
        )
        .until(V4_10),
        about(
            Fix::TimeUnderImutex,
            "rfc-v2-time",
            RfcV2,
            "RFC v2",
            Derived,
            "file_update_time runs under i_mutex and before i_data_sem is taken",
        )
        .until(V4_10),
        about(
            Fix::RetakeLock,
            "4bd809dbbf17",
            V3_6,
            "v3.6",
            Source,
            "on ENOMEM after the lock swap, drop i_data_sem and take i_mutex again",
        )
        .until(V4_10),
        about(
            Fix::CountBeforeUnlock,
            "1f555cfa29e8",
            V3_7,
            "v3.7",
            Source,
            "the overwrite raises i_dio_count before it drops i_mutex",
        )
        .until(V5_10),
        about(
            Fix::SizeBeforeWait,
            "1c9114f9c0f1",
            V3_7,
            "v3.7",
            Source,
            "truncate publishes the small i_size first, waits second, frees third",
        )
        .until(V4_10),
        about(
            Fix::Gate,
            "1b65007e9870",
            V3_7,
            "v3.7",
            Source,
            "truncate closes the DIOREAD_LOCK gate while it waits (hash not confirmed)",
        )
        .until(V4_10),
        about(
            Fix::ConvertWithoutImutex,
            "28a535f9a0df",
            V3_7,
            "v3.7",
            Source,
            "conversion needs no i_mutex; the worker takes the whole list",
        )
        .until(V4_10),
        about(
            Fix::FlushWaits,
            "c278531d39f3",
            V3_7,
            "v3.7",
            Source,
            "fsync flushes, then waits until no unwritten I/O is left",
        )
        .until(V3_11),
        about(
            Fix::ConvertInsideWriteback,
            "b0857d309fae",
            V3_11,
            "v3.11",
            Source,
            "the page's writeback ends after the conversion: who waited for it finds written blocks",
        ),
        about(
            Fix::CountUnwrittenOnSuccess,
            "82e542291187",
            V3_7,
            "v3.7",
            Message,
            "i_unwritten is raised only after the extent was inserted",
        )
        .until(V5_10),
        about(
            Fix::ReaderBarrier,
            "reader-smp_mb",
            V3_7,
            "v3.7",
            Source,
            "the unlocked reader's smp_mb() between its count and its test of the gate",
        )
        .until(V4_10),
        about(
            Fix::CloserBarrier,
            "closer-smp_mb",
            V3_7,
            "v3.7",
            Source,
            "the closer's smp_mb() between closing the gate and its drain",
        )
        .until(V4_10),
        about(
            Fix::AioCompleteLast,
            "091e26dfc156",
            V3_11,
            "v3.8 (hash from memory)",
            Message,
            "aio_complete, which lets the file go, comes after the completion last touched the inode",
        )
        .until(V4_10),
        about(
            Fix::SizesUnderDataSem,
            "90e775b71ac4",
            V4_10,
            "v3.12",
            Message,
            "truncate sets i_disksize and i_size, and writeback tests both, under i_data_sem",
        ),
        about(
            Fix::DrainOnShrink,
            "82a25b027ca4",
            V5_4,
            "v5.2",
            Message,
            "truncate waits for direct I/O whenever it shrinks, not only if there is an orphan record",
        ),
        about(
            Fix::DisksizeExtends,
            "45d8ec4d9fd5",
            V5_4,
            "v4.17 (from memory)",
            Source,
            "a write past i_disksize extends, even if it ends within i_size",
        )
        .until(V5_10),
        about(
            Fix::UnalignedAlone,
            "57a0da28ced8",
            V5_4,
            "v5.2 (from memory)",
            Source,
            "an unaligned asynchronous write waits for its own conversion before it drops i_rwsem",
        )
        .until(V5_10),
        about(
            Fix::AlignedPastEof,
            "372a03e01853",
            V5_4,
            "v5.1",
            Source,
            "a write at i_size counts as aligned only from the block after the one i_size is in",
        )
        .until(V5_10),
        about(
            Fix::RecheckExtend,
            "recheck-extend",
            V5_10,
            "v5.6",
            Ours,
            "the quick look at i_size, made without a lock, is repeated under the lock",
        ),
        about(
            Fix::RestartChecks,
            "restart-checks",
            V5_10,
            "v5.6",
            Ours,
            "after the shared lock was given up for the exclusive one, all checks are made again",
        ),
        about(
            Fix::UnalignedDrain,
            "unaligned-dio-wait",
            V5_10,
            "v5.5",
            Ours,
            "an unaligned write waits, under the exclusive lock, for the I/O in flight",
        ),
        about(
            Fix::UnalignedForceWait,
            "unaligned-force-wait",
            V5_10,
            "v5.5",
            Ours,
            "an unaligned write is finished before its submitter drops the exclusive lock",
        ),
        about(
            Fix::ExtendForceWait,
            "extend-force-wait",
            V5_10,
            "v5.5",
            Ours,
            "an extending write is finished before its submitter drops the exclusive lock",
        ),
        about(
            Fix::OrphanCleanup,
            "orphan-cleanup",
            V5_10,
            "v5.5",
            Ours,
            "an extending write leaves the orphan list even if writeback raised i_disksize first",
        ),
        about(
            Fix::ExtensionInEndIo,
            "91562895f803",
            V6_1,
            "v6.7; in 6.1.141",
            Source,
            "the on-disk size is raised in ->end_io, before an O_SYNC write is flushed",
        ),
        about(
            Fix::CompletionTestsBoth,
            "619f75dae2cf",
            V6_1,
            "v6.7; in 6.1.141",
            Message,
            "a completion tests i_size and i_disksize itself, and does not rely on their order",
        ),
        about(
            Fix::NoCallerCompletion,
            "caller-comp-off",
            V6_12,
            "v6.6",
            Message,
            "io_uring no longer sets IOCB_DIO_CALLER_COMP: a worker completes its writes",
        ),
        about(
            Fix::FaultLock,
            "ea3d7209ca01",
            V4_10,
            "v4.5",
            Message,
            "page faults take i_mmap_sem for reading, hole punching for writing",
        ),
        about(
            Fix::CompletionInvalidates,
            "332391a9935d",
            V5_4,
            "v4.14",
            Source,
            "the completion of asynchronous direct I/O drops what was cached meanwhile",
        ),
        about(
            Fix::WritebackIntoUnwritten,
            "244adf6426ee",
            V5_10,
            "v5.6",
            Source,
            "dioread_nolock is the default: writeback allocates unwritten blocks, converted when written",
        ),
        about(
            Fix::SizeInEndIo,
            "5899593f51e6",
            V5_10,
            "v5.13; in v5.10.44",
            Source,
            "an extending direct write sets i_size in ->end_io, before the page cache is invalidated",
        )
        .until(V6_1),
        about(
            Fix::ReadLock,
            "730633f0b7f9",
            V6_1,
            "v5.15",
            Source,
            "reads, too, bring pages into the cache under invalidate_lock, which hole punching takes",
        ),
        about(
            Fix::NoDataSemOverIo,
            "2dcba4781fa3",
            V4_10,
            "v4.5",
            Message,
            "an overwrite does not hold i_data_sem over its I/O: the count is enough",
        )
        .until(V5_10),
        about(
            Fix::PunchWaits,
            "02d262dffcf4",
            V3_7,
            "v3.7",
            Source,
            "punch hole takes i_mutex, closes the gate and waits for direct I/O before it frees",
        )
        .until(V4_10),
        about(
            Fix::MoveExtentsWaits,
            "17335dcc4711",
            V3_7,
            "v3.7",
            Source,
            "EXT4_IOC_MOVE_EXT closes the gate and waits for direct I/O before it swaps blocks",
        )
        .until(V4_10),
        about(
            Fix::OnePunchHole,
            "26a4c0c6ccec",
            V3_11,
            "v3.10",
            Message,
            "one punch hole for extents and indirect blocks: both wait for direct I/O",
        )
        .until(V4_10),
        about(
            Fix::FallocateFlush,
            "60d4616f3dc6",
            V3_7,
            "v3.7, gone by v3.11",
            Source,
            "fallocate waits for conversions before it allocates",
        )
        .until(V3_11),
        about(
            Fix::SplitOnConvert,
            "dee1f973ca34",
            V3_7,
            "v3.7 at the latest",
            Source,
            "a conversion splits an extent larger than what was written (hash not confirmed)",
        )
        .until(V4_10),
        about(
            Fix::NoMergeUnwritten,
            "ec22ba8edb50",
            V3_11,
            "after v3.8, by v3.11",
            Source,
            "unwritten extents are never merged: a conversion finds just what was written",
        )
        .until(V4_10),
        about(
            Fix::CountEveryWrite,
            "e83403959fdd",
            V3_11,
            "v3.11",
            Source,
            "every direct write within i_size is counted until its extents are converted",
        )
        .until(V4_10),
        about(
            Fix::EvictWaits,
            "2581fdc81088",
            RfcV1,
            "v3.1",
            Source,
            "evicting an inode waits for its io_ends before it truncates",
        )
        .until(V3_11),
        about(
            Fix::RequeueBusyWork,
            "8c0bec2151a4",
            RfcV1,
            "v3.2",
            Source,
            "a work item that finds i_mutex busy goes to the end of the workqueue",
        )
        .until(V3_7),
        about(
            Fix::FallocateDrains,
            "0d306dcf86e8",
            V4_10,
            "v4.2 (from memory)",
            Message,
            "fallocate waits for direct I/O before it estimates its credits",
        ),
        about(
            Fix::GateInCallers,
            "17048e8a083f",
            V4_10,
            "v4.5",
            Message,
            "the gate is closed by the callers of ext4_alloc_file_blocks, above i_mmap_sem, and once",
        )
        .until(V5_4),
        about(
            Fix::SizeComparedAgain,
            "size-compared-again",
            V4_10,
            "v4.10 at the latest",
            Ours,
            "fallocate compares with i_size again when it sets it (ext4_update_inode_size)",
        ),
        about(
            Fix::CloserBarrierOrdersReads,
            "closer-not-before_atomic",
            V3_7,
            "v3.7",
            Message,
            "the closer's barrier is smp_mb(), not smp_mb__before_atomic(): atomic_read is no RMW",
        )
        .until(V4_10),
        about(
            Fix::OpenerBarrier,
            "opener-smp_mb",
            V3_7,
            "v3.7",
            Source,
            "the closer's smp_mb() before it opens the gate",
        )
        .until(V4_10),
        about(
            Fix::DecrementBarrier,
            "dec_and_test-smp_mb",
            RfcV1,
            "v3.1",
            Source,
            "atomic_dec_and_test is a full barrier before the look at the wait queue",
        ),
        about(
            Fix::WaiterBarrier,
            "prepare_to_wait-smp_mb",
            RfcV1,
            "v3.1",
            Source,
            "prepare_to_wait's full barrier between joining the queue and looking at the count",
        ),
        about(
            Fix::JoinBeforeLook,
            "join-before-look",
            RfcV1,
            "v3.1",
            Source,
            "the waiter joins the queue before it looks at the count again",
        ),
        about(
            Fix::LookUpUnderDataSem,
            "lookup-i_data_sem",
            V4_10,
            "v4.2 (from memory)",
            Ours,
            "after a drain the extents are looked up under i_data_sem",
        ),
        about(
            Fix::DirtyBarrier,
            "mark_dirty-smp_mb",
            RfcV1,
            "v3.6",
            Source,
            "mark_buffer_dirty is a full barrier between the page's data and i_size_write",
        ),
        About {
            until: Some(Version::V6_12),
            ..about(
                Fix::SizeReadBarrier,
                "i_size-smp_rmb",
                Version::V6_1,
                "v6.8, v6.1.141",
                Source,
                "filemap_read's smp_rmb() between i_size_read and the copy",
            )
        },
        about(
            Fix::SizeRelease,
            "i_size-store_release",
            Version::V6_12,
            "v6.12 at the latest",
            Source,
            "i_size_write is smp_store_release",
        ),
        about(
            Fix::SizeAcquire,
            "i_size-load_acquire",
            Version::V6_12,
            "v6.12 at the latest",
            Source,
            "i_size_read is smp_load_acquire",
        ),
    ]
};

impl About {
    /// The same, no longer needed from that version on.
    const fn until(self, version: Version) -> About {
        About { until: Some(version), ..self }
    }
}

impl Fix {
    /// What is known of it.
    pub fn about(self) -> &'static About {
        FIXES.iter().find(|about| about.fix == self).expect("every fix has its row in FIXES")
    }

    /// Whether only weakly ordered machines need it: under sequential consistency nobody can tell.
    pub fn orders_memory(self) -> bool {
        matches!(
            self,
            Fix::ReaderBarrier
                | Fix::CloserBarrier
                | Fix::CloserBarrierOrdersReads
                | Fix::OpenerBarrier
                | Fix::DecrementBarrier
                | Fix::WaiterBarrier
                | Fix::LookUpUnderDataSem
                | Fix::DirtyBarrier
                | Fix::SizeReadBarrier
                | Fix::SizeRelease
                | Fix::SizeAcquire
        )
    }

    /// Finds a fix by its commit, whole or abbreviated to at least 7 digits.
    pub fn named(name: &str) -> Option<Fix> {
        FIXES
            .iter()
            .find(|about| {
                about.commit == name
                    || (name.len() >= 7
                        && (about.commit.starts_with(name)
                            || (about.commit.len() == 12
                                && name.bytes().all(|b| b.is_ascii_hexdigit())
                                && name.starts_with(about.commit))))
            })
            .map(|about| about.fix)
    }
}

/// A kernel: a version less some fixes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Kernel {
    /// The version.
    pub version: Version,
    without: u128,
}

impl Kernel {
    /// A version as released.
    pub fn new(version: Version) -> Kernel {
        Kernel { version, without: 0 }
    }

    /// The same without one fix.
    #[must_use]
    pub fn without(self, fix: Fix) -> Kernel {
        Kernel { without: self.without | 1 << fix as u128, ..self }
    }

    /// The fixes taken away, oldest first.
    pub fn removed(self) -> impl Iterator<Item = Fix> {
        FIXES.iter().map(|a| a.fix).filter(move |&fix| self.without >> fix as u32 & 1 == 1)
    }

    /// Whether it has a fix.
    pub fn has(self, fix: Fix) -> bool {
        let about = fix.about();
        let in_force = self.version >= about.since && about.until.is_none_or(|v| self.version < v);
        in_force && self.without >> fix as u32 & 1 == 0
    }

    /// As options of the command line: `--kernel v3.7 --without 1f555cfa29e8`.
    pub fn options(self) -> String {
        let without = self.removed().map(|fix| format!(" --without {}", fix.about().commit));
        format!("--kernel {}{}", self.version.name(), without.collect::<String>())
    }

    /// The fixes it has, oldest first.
    pub fn fixes(self) -> impl Iterator<Item = Fix> {
        FIXES.iter().map(|a| a.fix).filter(move |&fix| self.has(fix))
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version.name())?;
        for fix in self.removed() {
            write!(f, " without {}", fix.about().commit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_kernel_has_every_fix_of_an_earlier_one_that_it_still_needs() {
        for pair in Version::ALL.windows(2) {
            let (old, new) = (Kernel::new(pair[0]), Kernel::new(pair[1]));
            let kept = |fix: Fix| new.has(fix) || fix.about().until == Some(new.version);
            assert!(old.fixes().all(kept));
        }
    }

    #[test]
    fn fixes_are_found_by_whole_and_short_hashes() {
        assert_eq!(Fix::named("1f555cf"), Some(Fix::CountBeforeUnlock));
        assert_eq!(Fix::named("1f555cfa29e8deadbeef"), Some(Fix::CountBeforeUnlock));
        assert_eq!(Fix::named("1f555"), None);
        assert_eq!(Fix::named("closer-smp_mb"), Some(Fix::CloserBarrier));
        for about in FIXES {
            assert_eq!(Fix::named(about.commit), Some(about.fix));
        }
    }
}
