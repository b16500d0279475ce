//! The fixes, one entry each: what a kernel has or lacks.

use super::about::{About, fixes};
use super::evidence::Evidence::*;
use super::version::Version::*;

fixes! {
    /// unaligned asynchronous writes wait for conversions, one at a time (ext4_aio_mutex, to v3.11)
    SerializeUnalignedAio: "e9e3bcecf44c", RfcV1..V5_10, "v2.6.38", Source;
    /// the completed-I/O list is touched under i_completed_io_lock only
    LockCompletedList: "d73d5046a724", RfcV1..V4_10, "v3.2", Message;
    /// writeback that marks an io_end unwritten raises the count that its completion lowers
    CountBuffered: "32c80b32c053", RfcV1..V3_11, "v3.1", Message;
    /// the completion drops i_dio_count after it converted the extents
    CountCoversConversion: "266991b13890", RfcV1..V4_10, "v3.5 at the latest", Source;
    /// ext4_ext_direct_IO clears iocb->private before the I/O is submitted
    ClearPrivate: "iocb-private-null", RfcV1..V4_10, "v3.6", Ours;
    /// EXT4_GET_BLOCKS_NO_LOCK: the overwrite's lookup does not take i_data_sem again
    GetBlocksNoLock: "729f52c6be51", RfcV1..V4_10, "v3.6", Source;
    /// file_update_time runs under i_mutex and before i_data_sem is taken
    TimeUnderImutex: "rfc-v2-time", RfcV2..V4_10, "RFC v2", Derived;
    /// on ENOMEM after the lock swap, drop i_data_sem and take i_mutex again
    RetakeLock: "4bd809dbbf17", V3_6..V4_10, "v3.6", Source;
    /// the overwrite raises i_dio_count before it drops i_mutex
    CountBeforeUnlock: "1f555cfa29e8", V3_7..V5_10, "v3.7", Source;
    /// truncate publishes the small i_size first, waits second, frees third
    SizeBeforeWait: "1c9114f9c0f1", V3_7..V4_10, "v3.7", Source;
    /// truncate closes the DIOREAD_LOCK gate while it waits (hash not confirmed)
    Gate: "1b65007e9870", V3_7..V4_10, "v3.7", Source;
    /// conversion needs no i_mutex; the worker takes the whole list
    ConvertWithoutImutex: "28a535f9a0df", V3_7..V4_10, "v3.7", Source;
    /// fsync flushes, then waits until no unwritten I/O is left
    FlushWaits: "c278531d39f3", V3_7..V3_11, "v3.7", Source;
    /// the page's writeback ends after the conversion: who waited for it finds written blocks
    ConvertInsideWriteback: "b0857d309fae", V3_11.., "v3.11", Source;
    /// i_unwritten is raised only after the extent was inserted
    CountUnwrittenOnSuccess: "82e542291187", V3_7..V5_10, "v3.7", Message;
    /// the unlocked reader's smp_mb() between its count and its test of the gate
    ReaderBarrier: "reader-smp_mb", V3_7..V4_10, "v3.7", Source;
    /// the closer's smp_mb() between closing the gate and its drain
    CloserBarrier: "closer-smp_mb", V3_7..V4_10, "v3.7", Source;
    /// aio_complete, which lets the file go, comes after the completion last touched the inode
    AioCompleteLast: "091e26dfc156", V3_11..V4_10, "v3.8 (hash from memory)", Message;
    /// the completion of an asynchronous O_SYNC write flushes it before it tells the caller
    SyncOnCompletion: "02afc27faec9", V4_10..V5_10, "v3.12 (from memory)", Source;
    /// an overwrite leaves the inode's slot for an io_end alone
    ///
    /// Of no effect: v4.10 has the slot no more (109811c20fb8, v4.7), so that nothing needs it.
    SlotLeftAlone: "74dae4278546", V4_10..V5_4, "v4.5", Message;
    /// truncate sets i_disksize and i_size, and writeback tests both, under i_data_sem
    SizesUnderDataSem: "90e775b71ac4", V4_10.., "v3.12", Message;
    /// truncate waits for direct I/O whenever it shrinks, not only if there is an orphan record
    DrainOnShrink: "82a25b027ca4", V5_4.., "v5.2", Message;
    /// a write past i_disksize extends, even if it ends within i_size
    DisksizeExtends: "45d8ec4d9fd5", V5_4..V5_10, "v4.17 (from memory)", Source;
    /// an unaligned asynchronous write waits for its own conversion before it drops i_rwsem
    UnalignedAlone: "57a0da28ced8", V5_4..V5_10, "v5.2 (from memory)", Source;
    /// a write at i_size counts as aligned only from the block after the one i_size is in
    ///
    /// Redundant beside 57a0da28ced8: the write before it has ended by then (second-aio-at-eof).
    AlignedPastEof: "372a03e01853", V5_4..V5_10, "v5.1", Source;
    /// the quick look at i_size, made without a lock, is repeated under the lock
    RecheckExtend: "recheck-extend", V5_10.., "v5.6", Ours;
    /// after the shared lock was given up for the exclusive one, all checks are made again
    RestartChecks: "restart-checks", V5_10.., "v5.6", Ours;
    /// an unaligned write waits, under the exclusive lock, for the I/O in flight
    UnalignedDrain: "unaligned-dio-wait", V5_10.., "v5.5", Ours;
    /// an unaligned write is finished before its submitter drops the exclusive lock
    UnalignedForceWait: "unaligned-force-wait", V5_10.., "v5.5", Ours;
    /// an extending write is finished before its submitter drops the exclusive lock
    ExtendForceWait: "extend-force-wait", V5_10.., "v5.5", Ours;
    /// an extending write leaves the orphan list even if writeback raised i_disksize first
    OrphanCleanup: "orphan-cleanup", V5_10.., "v5.5", Ours;
    /// the on-disk size is raised in ->end_io, before an O_SYNC write is flushed
    ExtensionInEndIo: "91562895f803", V6_1.., "v6.7; in 6.1.141", Source;
    /// a completion tests i_size and i_disksize itself, and does not rely on their order
    CompletionTestsBoth: "619f75dae2cf", V6_1.., "v6.7; in 6.1.141", Message;
    /// io_uring no longer sets IOCB_DIO_CALLER_COMP: a worker completes its writes
    NoCallerCompletion: "caller-comp-off", V6_12..V7_0, "v6.6", Message;
    /// page faults take i_mmap_sem for reading, hole punching for writing
    FaultLock: "ea3d7209ca01", V4_10.., "v4.5", Message;
    /// a punched hole raises i_disksize before the page goes whose writeback would have
    DisksizeBeforePunch: "011278485ecc", V4_10.., "v4.5", Source;
    /// the completion of asynchronous direct I/O drops what was cached meanwhile
    CompletionInvalidates: "332391a9935d", V5_4.., "v4.14", Source;
    /// dioread_nolock is the default: writeback allocates unwritten blocks, converted when written
    WritebackIntoUnwritten: "244adf6426ee", V5_10.., "v5.6", Source;
    /// an extending direct write sets i_size in ->end_io, before the page cache is invalidated
    SizeInEndIo: "5899593f51e6", V5_10..V6_1, "v5.13; in v5.10.44", Source;
    /// reads, too, bring pages into the cache under invalidate_lock, which hole punching takes
    ReadLock: "730633f0b7f9", V6_1.., "v5.15", Source;
    /// an overwrite does not hold i_data_sem over its I/O: the count is enough
    NoDataSemOverIo: "2dcba4781fa3", V4_10..V5_10, "v4.5", Message;
    /// punch hole takes i_mutex, closes the gate and waits for direct I/O before it frees
    PunchWaits: "02d262dffcf4", V3_7..V4_10, "v3.7", Source;
    /// EXT4_IOC_MOVE_EXT closes the gate (up to v4.10) and waits for direct I/O before it swaps blocks
    MoveExtentsWaits: "17335dcc4711", V3_7.., "v3.7", Source;
    /// one punch hole for extents and indirect blocks: both wait for direct I/O
    OnePunchHole: "26a4c0c6ccec", V3_11..V4_10, "v3.10", Message;
    /// fallocate waits for conversions before it allocates
    ///
    /// Redundant beside dee1f973ca34 (fallocate-vs-conversion).
    FallocateFlush: "60d4616f3dc6", V3_7..V3_11, "v3.7, gone by v3.11", Source;
    /// a conversion splits an extent larger than what was written (hash not confirmed)
    ///
    /// Redundant beside 60d4616f3dc6, and beside ec22ba8edb50 from v3.11 (fallocate-vs-conversion). v4.10 and
    /// later split as well, and merge again (v4.10 and v5.4 unless unwritten I/O is counted, v5.10 and later
    /// always); what fallocate waits for there comes before (0d306dcf86e8), so its removal is not modelled.
    SplitOnConvert: "dee1f973ca34", V3_6..V4_10, "v3.7; in v3.6.5", Source;
    /// unwritten extents are never merged: a conversion finds just what was written
    ///
    /// Redundant beside dee1f973ca34 (fallocate-vs-conversion).
    NoMergeUnwritten: "ec22ba8edb50", V3_11..V4_10, "after v3.8, by v3.11", Source;
    /// every direct write within i_size is counted until its extents are converted
    CountEveryWrite: "e83403959fdd", V3_11..V4_10, "v3.11", Source;
    /// evicting an inode waits for its io_ends before it truncates
    EvictWaits: "2581fdc81088", RfcV1..V3_11, "v3.1", Source;
    /// a work item that finds i_mutex busy goes to the end of the workqueue
    RequeueBusyWork: "8c0bec2151a4", RfcV1..V3_7, "v3.2", Source;
    /// fallocate waits for direct I/O before it estimates its credits
    ///
    /// It matters where a conversion must split an extent that was merged again (fallocate-credits-merged).
    /// It does not hold off writeback, nor one direct write another: from v6.16 on, in 6.1.192 and in
    /// 6.12.117 `ext4_ext_index_trans_blocks` assumes the deepest tree, and nothing depends on it any more.
    FallocateDrains: "0d306dcf86e8", V4_10..V6_18, "v4.2 (from memory)", Message;
    /// the gate is closed by the callers of ext4_alloc_file_blocks, above i_mmap_sem, and once
    GateInCallers: "17048e8a083f", V4_10..V5_4, "v4.5", Message;
    /// fallocate compares with i_size again when it sets it (ext4_update_inode_size)
    ///
    /// Beside an extending write extend-force-wait does as well (fallocate-vs-extending-aio). Where i_disksize lags, a
    /// fallocate inside i_size is taken for one that grows the file, and must not cut it (growing-fallocate-vs-writeback).
    /// Kernels before v5.10 compare as well (v4.10 at the latest); there it is no element.
    SizeComparedAgain: "size-compared-again", V5_10.., "v4.10 at the latest", Ours;
    /// collapse range and insert range wait for direct I/O before they move blocks
    ///
    /// A collapse frees what a read in flight still reads. An insert frees nothing: without the drain a read may
    /// find what was written, meanwhile, to the place where its block has gone. No rule here asks for that.
    ShiftDrains: "shift-drains", V4_10..V6_18, "v4.10 at the latest", Ours;
    /// punch hole waits for direct I/O before it frees
    PunchDrains: "punch-drains", V4_10..V6_18, "v4.10 at the latest", Ours;
    /// zero range waits for direct I/O before it makes blocks unwritten
    ///
    /// No read needs it: one in flight may find what the block held, as if it had come first.
    ZeroDrains: "zero-drains", V4_10..V6_18, "v4.10 at the latest", Ours;
    /// the closer's barrier is smp_mb(), not smp_mb__before_atomic(): atomic_read is no RMW
    ///
    /// `smp_mb__before_atomic()` orders nothing before a mere read of the count (B41).
    CloserBarrierOrdersReads: "closer-not-before_atomic", V3_7..V4_10, "v3.7", Message;
    /// the closer's smp_mb() before it opens the gate
    ///
    /// Redundant here: a reader that finds the gate open had its own barrier after the closer's first
    /// one, or else the drain waited for it; so it sees the small i_size, and the extents it looks up
    /// under i_data_sem.
    OpenerBarrier: "opener-smp_mb", V3_7..V4_10, "v3.7", Source;
    /// atomic_dec_and_test is a full barrier before the look at the wait queue
    DecrementBarrier: "dec_and_test-smp_mb", RfcV1.., "v3.1", Source;
    /// prepare_to_wait's full barrier between joining the queue and looking at the count
    WaiterBarrier: "prepare_to_wait-smp_mb", RfcV1.., "v3.1", Source;
    /// the waiter joins the queue before it looks at the count again
    JoinBeforeLook: "join-before-look", RfcV1.., "v3.1", Source;
    /// after a drain the extents are looked up under i_data_sem
    ///
    /// The drain itself orders nothing.
    LookUpUnderDataSem: "lookup-i_data_sem", V4_10.., "v4.2 (from memory)", Ours;
    /// mark_buffer_dirty is a full barrier between the page's data and i_size_write
    ///
    /// Redundant where `i_size_write` is a release; before v6.1 the reader lacks its half, and the
    /// race is open with it.
    DirtyBarrier: "mark_dirty-smp_mb", RfcV1.., "v3.6", Source;
    /// filemap_read's smp_rmb() between i_size_read and the copy
    SizeReadBarrier: "i_size-smp_rmb", V6_1..V6_12, "v6.8, v6.1.141", Source;
    /// i_size_write is smp_store_release
    ///
    /// Redundant as long as `mark_buffer_dirty` is a barrier.
    SizeRelease: "i_size-store_release", V6_12.., "v6.12 at the latest", Source;
    /// i_size_read is smp_load_acquire
    SizeAcquire: "i_size-load_acquire", V6_12.., "v6.12 at the latest", Source;
    /// ext4_fallocate waits for direct I/O, once and for every mode, before any of them looks at a size
    ///
    /// 2890e5e0f49e made one wait of the four that were in the functions of the modes.
    FallocateWaits: "fallocate-waits", V6_18.., "v6.15", Ours;
    /// punch hole does not write pages back before it takes the lock
    PunchWritesNothing: "punch-no-writeback", V6_18.., "v6.15", Source;
    /// a file that grows has the rest of its last block zeroed, through the page cache
    ///
    /// What it is for, a store past i_size through a mapping, is no data here. What it brings is no wait for direct
    /// I/O to that block (growing-truncate-vs-aio).
    GrowingZeroes: "c7fc0366c656", V6_18.., "v6.13", Source;
    /// a punched hole raises i_disksize to its own end, where that lies within i_size
    ///
    /// What it is for is a tree that fsck finds to reach past i_disksize after a crash, which no rule here asks for; a
    /// condition does (half-hole-raises-i_disksize).
    DisksizeToHole: "disksize-to-hole", V6_18.., "v6.18", Source;
    /// credits are estimated for the deepest extent tree there is
    DeepestTree: "deepest-tree", V6_18.., "v6.16", Source;
    /// an asynchronous overwrite completes in interrupt if the file has no cached pages
    ///
    /// Faster, and no safer: what keeps it safe are comp-work-unwritten, comp-work-sync and comp-work-pages.
    InlineCompletion: "eca9dc20891d", V7_0.., "v6.19", Source;
    /// what must be converted is completed by a worker
    CompWorkUnwritten: "comp-work-unwritten", V7_0.., "v6.19", Ours;
    /// what must be synced is completed by a worker
    CompWorkSync: "comp-work-sync", V7_0.., "v6.19", Ours;
    /// where there are cached pages a worker completes, and drops them
    CompWorkPages: "comp-work-pages", V7_0.., "v6.19", Ours;
    /// a write into unwritten blocks neither splits them nor opens a handle before its I/O
    UnwrittenAsIs: "5d87c7fca2c1", V7_0.., "v7.0", Source;
    /// an aligned write within i_size needs no more than the shared lock, whatever its blocks are
    HolesShared: "63b314a7795e", V7_3.., "v7.3", Message;
    /// of an unaligned write only the blocks that it would zero in part must be written ones
    NeedsZeroing: "07961ebb09c9", V7_3.., "v7.3", Message;
    /// a buffered write waits for direct I/O
    BufferedDrains: "15cdefd0c052", V7_3.., "v7.3; in 6.1.192, 6.12.117", Source;
    /// a write with IOCB_NOWAIT does not wait for the time update
    TimeNowait: "59a9d0814d9f", V7_3.., "v7.3", Message;
    /// a write with IOCB_NOWAIT that would have to allocate returns -EAGAIN
    NowaitAllocatesNothing: "07d62890ef19", V7_3.., "v7.3", Message;
}
