//! What was read: for each task the kernel functions that its steps are in, and the versions in whose
//! source they were read. What is not here, or not of that version, was derived: from another version of
//! the same function, from a commit's message, from memory.
//!
//! A step's place names a function by the name that it has in the version where it was read first; where
//! a later kernel calls it otherwise, the note says how.

use crate::kernel::Version::{self, *};

/// Functions of one task, read in the same versions.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The task whose steps these are, as its type is called.
    pub task: &'static str,
    /// The functions, by the names that places have.
    pub functions: &'static [&'static str],
    /// The versions in whose source they were read.
    pub read: &'static [Version],
    /// On what the steps of other versions rest, and other names.
    pub note: &'static str,
}

macro_rules! readings {
    ($($task:ident [$($version:ident)*] $note:literal: $($function:ident)+;)+) => {
        /// Every reading, by task.
        pub const READ: &[Reading] = &[$(Reading {
            task: stringify!($task),
            functions: &[$(stringify!($function)),+],
            read: &[$($version),*],
            note: $note,
        }),+];
    };
}

readings! {
    AllocBlocks [V3_7 V3_11 V4_10] "no such gate before v3.7 and after v4.10":
        ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    AllocBlocks [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12] "":
        inode_dio_wait ext4_chunk_trans_blocks ext4_map_blocks ext4_ext_map_blocks
        ext4_update_i_disksize;
    AllocBlocks [V4_10 V5_4 V5_10 V6_1 V6_12] "in ext4_fallocate up to v3.11":
        ext4_alloc_file_blocks ext4_update_inode_size;
    AllocFileBlocks [V4_10] "other versions from v4.10": ext4_fallocate inode_dio_wait;
    BufferedWrite [V3_6] "other versions from v3.6": generic_file_aio_write;
    BufferedWriteIter [V6_12] "other versions from v6.12; in ext4_file_write_iter up to v5.4":
        ext4_buffered_write_iter;
    Commit [V3_6] "other versions from v3.6": jbd2_journal_commit_transaction;
    ConvertUnwritten [V3_6 V3_7] "other versions from v3.7": ext4_convert_unwritten_extents;
    DioComplete [V4_10 V5_4] "": dio_complete;
    DioReadIter [V4_10 V5_4 V5_10 V6_1 V6_12] "": filemap_write_and_wait_range;
    DioReadIter [V5_10 V6_1 V6_12] "ext4_direct_IO_read and __blockdev_direct_IO up to v5.4":
        ext4_dio_read_iter __iomap_dio_rw iomap_dio_complete;
    DioWriteChecks [V5_10 V6_1 V6_12] "":
        ext4_extending_io ext4_dio_write_checks inode_dio_wait file_modified;
    DioWriteIter [V5_10 V6_1 V6_12] "": ext4_dio_write_iter;
    DirectIo [V3_6 V3_7] "v3.11 from v3.7":
        do_blockdev_direct_IO file_update_time ext4_end_io_dio ext4_ext_direct_IO;
    DirectIo [] "from memory": get_user_pages_fast;
    DirectIoWrite [V4_10 V5_4] "": do_blockdev_direct_IO ext4_direct_IO_write;
    DirectRead [V3_6 V3_7] "v3.11 from v3.7":
        ext4_ind_direct_IO do_blockdev_direct_IO inode_dio_done;
    DropPage [V5_10] "other versions from v5.10": truncate_inode_pages_range;
    EndBio [V3_6 V3_7] "": ext4_end_bio ext4_end_io_work ext4_free_io_end;
    EndBio [] "kernel/workqueue.c, from memory": process_one_work;
    EndIo [V3_6] "v3.7 from v3.6": dio_bio_end_aio ext4_end_io_dio ext4_end_io_work;
    EndIo [] "v3.11, from v4.10 and the notes": ext4_put_io_end_defer;
    EndPageIo [V3_6 V3_7] "": ext4_end_bio ext4_end_io_work;
    EvictInode [V3_6 V3_7 V3_11] "":
        ext4_evict_inode ext4_ext_truncate ext4_ext_remove_space;
    EvictInode [V3_6 V3_7] "gone in v3.11": ext4_ioend_wait;
    EvictInode [V3_7 V3_11] "": ext4_unwritten_wait;
    ExtFallocate [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12] "":
        ext4_chunk_trans_blocks ext4_fallocate inode_dio_wait;
    ExtFallocate [V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    Fallocate [V3_6 V3_7 V3_11] "": ext4_fallocate;
    FileDioWrite [V3_6] "v3.7 and v3.11 from v3.6":
        ext4_file_dio_write file_update_time generic_file_direct_write;
    FileDioWrite [V3_6] "ext4_unwritten_wait from v3.7 on": ext4_aiodio_wait;
    FileWriteIter [V4_10 V5_4] "":
        ext4_file_write_iter ext4_unwritten_wait file_update_time generic_file_direct_write;
    FilemapFault [V4_10] "v5.4 and v5.10 from v4.10; v6.1 on, filemap_fault takes the lock":
        ext4_filemap_fault;
    FilemapFault [V6_1 V6_12] "": filemap_fault;
    FilemapFault [V4_10 V6_12] "other versions from these":
        ext4_page_mkwrite block_page_mkwrite;
    FilemapFault [] "mm/memory.c, from memory": do_page_mkwrite;
    FilemapRead [V6_1 V6_12] "generic_file_buffered_read up to v5.10":
        filemap_get_pages filemap_create_folio filemap_read copy_folio_to_iter;
    FinishIoEnd [V3_6] "ext4_end_io from v3.7 on, derived from v3.6": ext4_end_io_nolock;
    FlushCompleted [V3_6] "ext4_flush_unwritten_io in v3.7, derived from v3.6":
        ext4_flush_completed_IO;
    GenericPerformWrite [V3_6 V6_1 V6_12] "other versions from these":
        generic_perform_write block_write_end generic_write_end;
    GenericPerformWrite [V3_6] "ext4_buffered_write_iter from v5.10 on": generic_file_aio_write;
    IndDirectIo [V3_6 V3_7 V3_11] "": ext4_ind_direct_IO do_blockdev_direct_IO;
    InodeDioDone [V3_6] "other versions of the same shape": wake_up_bit __wake_up inode_dio_done;
    InodeDioDone [V3_6] "ext4_end_io from v3.7 on": ext4_end_io_nolock;
    InodeDioWait [V3_6 V4_10 V5_10 V6_1 V6_12] "": inode_dio_wait;
    InodeDioWait [V3_6] "other versions of the same shape": prepare_to_wait finish_wait;
    InodeDioWait [V3_6] "ext4_unwritten_wait from v3.7 on": ext4_aiodio_wait;
    InodeExtension [V5_10 V6_1 V6_12] "": ext4_handle_inode_extension;
    IomapDioComplete [V5_10 V6_1 V6_12] "":
        ext4_dio_write_end_io iomap_dio_complete iomap_dio_complete_work;
    IomapDioRw [V5_10 V6_1 V6_12] "": __iomap_dio_rw;
    IomapEndIo [V5_10 V6_1 V6_12] "": iomap_dio_bio_end_io;
    MapBlocks [V3_6] "other versions from v3.6":
        _ext4_get_block ext4_map_blocks ext4_ext_map_blocks ext4_set_io_unwritten_flag;
    MoveExtents [V3_6 V3_7 V3_11] "with ext4_ before the names in v3.11":
        mext_inode_double_lock double_down_write_data_sem double_up_write_data_sem
        mext_inode_double_unlock;
    MoveExtents [V3_6 V3_7 V3_11] "":
        move_extent_per_page mext_replace_branches ext4_move_extents inode_dio_wait;
    MoveExtents [V3_7 V3_11] "":
        ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    OverwriteProbe [V3_6] "v3.7 and v3.11 from v3.6; ext4_overwrite_io from v4.10 on":
        ext4_file_dio_write;
    PageFault [] "from memory": do_page_fault ext4_page_mkwrite;
    PunchHole [V3_6 V3_7] "ext4_punch_hole in v3.11, read too": ext4_ext_punch_hole;
    PunchHole [] "from memory": ext4_ind_punch_hole;
    PunchHoleRwsem [V4_10 V5_4 V5_10 V6_1 V6_12] "": ext4_punch_hole;
    ReadPage [V5_10 V6_1 V6_12] "v4.10 and v5.4 from v5.10":
        add_to_page_cache_lru ext4_mpage_readpages mpage_end_io;
    Setattr [V4_10 V5_4 V5_10 V6_1 V6_12] "":
        do_truncate ext4_setattr inode_dio_wait ext4_orphan_add truncate_pagecache ext4_truncate
        ext4_ext_remove_space ext4_orphan_del;
    Setattr [V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    ShiftRange [V4_10 V5_4 V5_10 V6_1 V6_12] "": ext4_collapse_range ext4_insert_range;
    SyncFile [V3_6 V3_7 V3_11 V4_10 V6_12] "other versions from v4.10 and v6.12": ext4_sync_file;
    Truncate [V3_6 V3_7] "v3.11 from v3.7":
        do_truncate ext4_setattr truncate_setsize ext4_ext_truncate ext4_ext_remove_space
        inode_dio_wait;
    Truncate [V3_7] "v3.11 from v3.7":
        ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    UringThread [] "from messages of the v6.6 series": io_uring_enter;
    VmMmap [] "from memory": vm_mmap_pgoff;
    WbDisksize [V6_1] "other versions from v6.1": mpage_map_and_submit_extent;
    WritePages [V4_10 V5_10] "other versions from these":
        ext4_writepages mpage_prepare_extent_to_map io_submit_add_bh ext4_io_submit
        filemap_fdatawait_range;
    WritePages [V4_10 V5_10] "mpage_submit_folio in v6.12": mpage_submit_page;
    WritePages [V4_10] "ext4_end_io_end from v5.10 on": ext4_end_io;
    WritePages [V3_11 V4_10 V5_10] "": ext4_finish_bio;
    WriteThatEvicts [V3_6 V3_7] "": ext4_ioend_wait;
    WriteThatEvicts [V3_6] "other versions from v3.6": generic_file_aio_write;
    WriteThenClose [] "from memory": filp_close;
    ZeroRange [V4_10 V5_4 V5_10 V6_1 V6_12] "": ext4_zero_range inode_dio_wait;
    ZeroRange [V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
}

/// Whether a function that a step's place names was read in the source of that version. The RFC's versions
/// have none.
pub fn was_read(function: &str, version: Version) -> bool {
    of(function).any(|reading| reading.read.contains(&version))
}

/// What is known of a function, from every task that has it.
pub fn of(function: &str) -> impl Iterator<Item = &'static Reading> {
    READ.iter().filter(move |reading| reading.functions.contains(&function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_in_order_and_say_on_what_the_rest_is_founded() {
        assert!(READ.is_sorted_by_key(|reading| reading.task));
        for reading in READ {
            assert!(reading.read.is_sorted(), "{reading:?}");
            assert!(!reading.read.is_empty() || !reading.note.is_empty(), "{reading:?}");
        }
        assert!(was_read("ext4_setattr", V3_7) && !was_read("vm_mmap_pgoff", V6_12));
    }
}
