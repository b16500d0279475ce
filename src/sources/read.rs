//! The ledger itself.

use crate::kernel::Version::{self, *};

/// Functions of one task, read in the same versions.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The task whose steps these are, as its type is called.
    pub task: &'static str,
    /// The functions, by the names of the versions that have them.
    pub functions: &'static [&'static str],
    /// The versions in whose source they were read.
    pub read: &'static [Version],
    /// On what the steps of the other versions that have the function rest.
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
    AllocBlocks [V4_10] "v3.7 (read) and v3.11 close no gate there":
        ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    AllocBlocks [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        inode_dio_wait ext4_chunk_trans_blocks ext4_update_i_disksize;
    AllocBlocks [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12] "v6.18 and later from v6.12":
        ext4_map_blocks ext4_ext_map_blocks;
    AllocBlocks [V3_6 V3_7] "v3.11 from v3.7": ext4_falloc_update_inode;
    AllocBlocks [V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_alloc_file_blocks ext4_update_inode_size;
    AllocFileBlocks [V4_10] "other versions from v4.10": ext4_fallocate inode_dio_wait;
    BlockTruncatePage [V3_6 V3_7] "": ext4_discard_partial_page_buffers;
    BlockTruncatePage [V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_block_truncate_page;
    BlockTruncatePage [] "v7.3 from v7.1.5": ext4_block_zero_eof;
    BufferedFallback [V3_6] "v3.7 and v3.11 from v3.6": __generic_file_aio_write;
    BufferedFallback [V4_10 V5_4] "": __generic_file_write_iter;
    BufferedFallback [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_dio_write_iter;
    BufferedWrite [V3_6 V3_11] "v3.7 from v3.6": generic_file_aio_write;
    BufferedWrite [V4_10 V5_4] "": ext4_file_write_iter;
    BufferedWrite [V5_10 V6_12 V6_18 V7_0] "v6.1 from v6.12; v7.3 from v7.1.5": ext4_buffered_write_iter;
    BufferedWrite [V3_6 V3_7 V3_11 V4_10 V5_4 V6_1 V6_12] "v5.10 from v5.4 and v6.1; v6.18 and later from v6.12":
        generic_write_checks;
    BufferedWrite [] "v7.3 from v7.1.5": ext4_write_checks;
    Commit [V3_6] "other versions from v3.6": jbd2_journal_commit_transaction;
    ConvertUnwritten [V3_6 V3_7] "other versions from v3.7": ext4_convert_unwritten_extents;
    DioComplete [V4_10 V5_4] "": dio_complete;
    DioReadIter [V4_10 V5_4 V5_10 V6_1 V6_12] "v6.18 and later from v6.12": filemap_write_and_wait_range;
    DioReadIter [V4_10 V5_4] "": ext4_direct_IO_read do_blockdev_direct_IO dio_complete;
    DioReadIter [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_dio_read_iter __iomap_dio_rw iomap_dio_complete ext4_set_iomap;
    DioWriteChecks [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        ext4_extending_io ext4_dio_write_checks inode_dio_wait file_modified;
    DioWriteChecks [V6_1 V6_12] "v5.10 from v5.4 and v6.1; v6.18 and later from v6.12": generic_write_checks;
    DioWriteIter [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_dio_write_iter;
    DirectIo [V3_6 V3_7 V3_11] "": ext4_end_io_dio ext4_ext_direct_IO;
    DirectIo [V3_6 V3_7] "v3.11 from v3.7": do_blockdev_direct_IO;
    DirectIo [V3_6] "v3.7 and v3.11 from v3.6": file_update_time;
    DirectIo [] "from memory": get_user_pages_fast;
    DirectIoWrite [V4_10 V5_4] "": do_blockdev_direct_IO ext4_direct_IO_write;
    DirectIoWrite [V5_4] "": dio_complete;
    DirectRead [V3_6 V3_7 V3_11] "":
        ext4_ind_direct_IO do_blockdev_direct_IO generic_file_aio_read dio_complete filemap_write_and_wait_range;
    DirectRead [V3_6 V3_7] "v3.11 from v3.7": inode_dio_done;
    DisksizeBeforePunch [V6_1 V6_12 V6_18 V7_0] "other versions from these; v7.3 from v7.1.5":
        ext4_update_disksize_before_punch;
    EndBio [V3_6 V3_7] "": ext4_end_bio ext4_end_io_work ext4_free_io_end;
    EndBio [V3_7] "v3.11 from v3.7": ext4_add_complete_io;
    EndBio [] "kernel/workqueue.c, from memory": process_one_work;
    EndIo [V3_6] "other versions from v3.6": dio_bio_end_aio;
    EndIo [V3_6 V3_7 V3_11] "": ext4_end_io_dio;
    EndIo [V3_6 V3_7] "": ext4_end_io_work;
    EndIo [V3_7 V3_11] "": ext4_add_complete_io;
    EndIo [V3_11] "": ext4_put_io_end_defer ext4_release_io_end ext4_end_io_unrsv_work;
    EndPageIo [V3_6 V3_7] "": ext4_end_bio ext4_end_io_work;
    EndPageIo [V3_7] "": ext4_add_complete_io;
    EvictInode [V3_6 V3_7 V3_11 V4_10 V6_12] "v5.4 to v6.1 from these; v6.18 and later from v6.12": ext4_evict_inode;
    EvictInode [V3_6 V3_7 V3_11] "later versions from v3.11": ext4_ext_truncate ext4_ext_remove_space;
    EvictInode [V6_12] "other versions from v6.12": inode_wait_for_writeback destroy_inode;
    EvictInode [V3_6 V3_7] "gone in v3.11": ext4_ioend_wait;
    EvictInode [V3_7 V3_11] "": ext4_unwritten_wait;
    ExtFallocate [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        ext4_chunk_trans_blocks ext4_fallocate inode_dio_wait;
    ExtFallocate [V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    FdatawaitRange [V4_10 V5_10] "other versions from these": filemap_fdatawait_range;
    FileDioWrite [V3_6 V3_7 V3_11] "": ext4_file_dio_write ext4_unaligned_aio generic_write_checks;
    FileDioWrite [V3_6] "v3.7 and v3.11 from v3.6": file_update_time generic_file_direct_write;
    FileDioWrite [V3_6] "": ext4_aiodio_wait;
    FileDioWrite [V3_7 V3_11] "": ext4_unwritten_wait;
    FileWriteIter [V4_10 V5_4] "":
        ext4_file_write_iter ext4_unwritten_wait file_update_time generic_file_direct_write ext4_unaligned_aio
        generic_write_checks;
    FilemapFault [V4_10] "v5.4 and v5.10 from v4.10": ext4_filemap_fault;
    FilemapFault [V6_1 V6_12 V6_18 V7_0] "up to v5.10 from v6.1, less the lock; v7.3 from v7.1.5": filemap_fault;
    FilemapFault [V4_10 V6_12 V6_18 V7_0] "other versions from these; v7.3 from v7.1.5": ext4_page_mkwrite;
    FilemapFault [V4_10 V6_12] "other versions from these; v6.18 and later from v6.12": block_page_mkwrite;
    FilemapFault [] "mm/memory.c, from memory": do_page_mkwrite __do_fault;
    FilemapRead [V6_1 V6_12] "v6.18 and later from v6.12":
        filemap_get_pages filemap_create_folio filemap_read copy_folio_to_iter;
    FilemapRead [V6_12] "v6.1 from v6.12": filemap_get_read_batch;
    FilemapRead [V5_10] "v5.4 from v5.10": generic_file_buffered_read;
    FilemapRead [] "from filemap_read of v6.1, less the lock":
        do_generic_file_read copy_page_to_iter file_read_actor;
    FinishIoEnd [V3_6] "": ext4_end_io_nolock;
    FinishIoEnd [V3_7 V3_11] "v4.10 and v5.4 from v3.11": ext4_end_io;
    FinishIoEnd [V3_11] "later versions from v3.11": ext4_release_io_end ext4_clear_io_unwritten_flag;
    FlushCompleted [V3_6] "": ext4_flush_completed_IO;
    FlushCompleted [V3_7 V3_11] "": ext4_do_flush_completed_IO;
    GenericPerformWrite [V3_6 V6_1 V6_12] "other versions from these; v6.18 and later from v6.12":
        generic_perform_write block_write_end generic_write_end;
    GenericPerformWrite [V3_6 V3_7 V3_11] "": __block_write_begin;
    GenericPerformWrite [V4_10 V5_4 V5_10 V6_1] "": __block_write_begin_int;
    GenericPerformWrite [V6_12] "v6.18 and later from v6.12": ext4_block_write_begin;
    GenericPerformWrite [] "from the lock and the look at the page's mapping in v4.10":
        grab_cache_page_write_begin __filemap_get_folio;
    GenericPerformWrite [V6_18 V7_0] "": ext4_da_do_write_end;
    IndDirectIo [V3_6 V3_7 V3_11] "": ext4_ind_direct_IO do_blockdev_direct_IO;
    InodeDioDone [V3_6] "other versions of the same shape": wake_up_bit __wake_up inode_dio_done;
    InodeDioDone [] "of the shape of wake_up_bit": wake_up_var;
    InodeDioDone [V4_10 V5_4 V5_10 V6_1] "v6.12 from v6.1": inode_dio_end;
    InodeDioDone [V3_6] "": ext4_end_io_nolock;
    InodeDioWait [V3_6 V4_10 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": inode_dio_wait;
    InodeDioWait [V3_6] "other versions of the same shape": prepare_to_wait finish_wait;
    InodeDioWait [] "of the shape of prepare_to_wait": prepare_to_wait_event;
    InodeDioWait [V3_6] "": ext4_aiodio_wait;
    InodeDioWait [V3_7 V3_11] "": ext4_unwritten_wait;
    InodeExtension [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_handle_inode_extension;
    InvalidatePages [V3_6 V3_7 V3_11 V4_10 V5_10 V6_12] "v5.4 and v6.1 from v5.10 and v6.12":
        invalidate_inode_pages2_range;
    IomapDioComplete [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        ext4_dio_write_end_io iomap_dio_complete iomap_dio_complete_work;
    IomapDioRw [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": __iomap_dio_rw;
    IomapEndIo [V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": iomap_dio_bio_end_io;
    IomapEndIo [V7_0] "v7.3 from v7.1.5": iomap_dio_done;
    MapBlocks [V3_6 V3_7] "": _ext4_get_block;
    MapBlocks [] "from _ext4_get_block, v3.7": ext4_get_block_trans;
    MapBlocks [V6_1 V6_12 V6_18 V7_0] "v5.10 from v6.1; v7.3 from v7.1.5": ext4_iomap_alloc;
    MapBlocks [V3_6] "other versions from v3.6": ext4_map_blocks ext4_ext_map_blocks ext4_set_io_unwritten_flag;
    MoveExtentPerPage [V3_6] "": grab_cache_page_write_begin block_read_full_page;
    MoveExtentPerPage [V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18] "": mext_check_coverage mext_page_mkuptodate;
    MoveExtentPerPage [V7_0] "v7.3 from v7.1.5": mext_folio_mkuptodate mext_move_begin mext_move_extent;
    MoveExtentPerPage [V3_7 V3_11 V4_10 V5_4 V5_10 V6_1] "": mext_page_double_lock;
    MoveExtentPerPage [V6_12 V6_18 V7_0] "v7.3 from v7.1.5": mext_folio_double_lock;
    MoveExtentPerPage [V3_6 V4_10] "v3.7, v3.11, v5.4 and v5.10 from these": try_to_release_page;
    MoveExtentPerPage [V6_12 V6_18 V7_0] "v6.1 from v6.12; v7.3 from v7.1.5": filemap_release_folio;
    MoveExtentPerPage [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18] "": move_extent_per_page;
    MoveExtentPerPage [V3_6 V3_7 V3_11] "": mext_replace_branches;
    MoveExtentPerPage [V4_10 V6_12 V6_18 V7_0] "v5.4, v5.10 and v6.1 from these; v7.3 from v7.1.5": ext4_swap_extents;
    MoveExtents [V3_6 V3_7] "":
        mext_inode_double_lock double_down_write_data_sem double_up_write_data_sem mext_inode_double_unlock;
    MoveExtents [V3_11] "": ext4_inode_double_lock ext4_inode_double_unlock;
    MoveExtents [V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        ext4_double_down_write_data_sem ext4_double_up_write_data_sem;
    MoveExtents [V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        lock_two_nondirectories unlock_two_nondirectories;
    MoveExtents [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        ext4_move_extents inode_dio_wait;
    MoveExtents [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10 V6_1 V6_12 V6_18] "": mext_check_arguments get_ext_path;
    MoveExtents [V7_0] "v7.3 from v7.1.5": mext_check_validity;
    MoveExtents [V3_7 V3_11 V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    OverwriteProbe [V3_6 V3_7 V3_11] "": ext4_file_dio_write;
    OverwriteProbe [V4_10 V5_4] "later versions from v5.4": ext4_overwrite_io;
    PageFault [] "from memory": do_page_fault do_user_addr_fault ext4_page_mkwrite;
    PunchHole [V3_6 V3_7] "": ext4_ext_punch_hole;
    PunchHole [V3_11] "": ext4_punch_hole;
    PunchHole [] "v3.8 to v3.9, from 26a4c0c6ccec's message; v3.6 and v3.7 refuse files without extents":
        ext4_ind_punch_hole;
    PunchHoleRwsem [V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_punch_hole;
    ReadPage [V5_10] "up to v5.4 from v5.10": add_to_page_cache_lru;
    ReadPage [V6_1 V6_12] "v6.18 and later from v6.12": filemap_add_folio;
    ReadPage [V5_10 V6_1 V6_12 V6_18 V7_0] "up to v5.4 from v5.10; v7.3 from v7.1.5": mpage_end_io;
    ReadPage [V5_10 V6_1 V6_12] "up to v5.4 from v5.10; v6.18 and later from v6.12": ext4_mpage_readpages;
    ReadPage [] "fs/mpage.c, from ext4_mpage_readpages of v5.10": mpage_readpages;
    Reclaim [V3_6 V3_7 V3_11 V4_10 V5_4 V5_10] "": shrink_page_list;
    Reclaim [V6_12] "v6.1 from v6.12; v6.18 and later from v6.12": shrink_folio_list;
    Reclaim [V3_6] "other versions from v3.6": __remove_mapping;
    Reclaim [V3_6 V4_10] "v3.7, v3.11, v5.4 and v5.10 from these": ext4_releasepage;
    Reclaim [V6_12] "v6.1 from v6.12; v6.18 and later from v6.12": ext4_release_folio;
    Setattr [V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5":
        ext4_setattr inode_dio_wait truncate_pagecache ext4_truncate;
    Setattr [V4_10 V5_4 V5_10 V6_1 V6_12] "v6.18 and later from v6.12":
        do_truncate ext4_orphan_add ext4_ext_remove_space ext4_orphan_del;
    Setattr [V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    ShiftRange [V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_collapse_range ext4_insert_range;
    SubmitData [V3_7 V4_10 V6_12] "v3.11, v5.4, v5.10 and v6.1 from these; v6.18 and later from v6.12":
        journal_submit_data_buffers;
    SyncFile [V3_6 V3_7 V3_11 V4_10 V6_12] "other versions from v4.10 and v6.12; v6.18 and later from v6.12":
        ext4_sync_file;
    Truncate [V3_6 V3_7] "v3.11 from v3.7": do_truncate ext4_setattr ext4_ext_truncate ext4_ext_remove_space inode_dio_wait;
    Truncate [V3_6 V3_7] "": truncate_setsize;
    Truncate [V3_7] "v3.11 from v3.7": ext4_unwritten_wait;
    Truncate [V3_7] "v3.11 from v3.7": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    TruncateFailedWrite [V5_10 V6_1 V6_12] "v6.18 and later from v6.12": ext4_truncate_failed_write;
    TruncatePages [V3_6 V3_7 V3_11 V4_10 V5_10 V6_12] "v5.4 and v6.1 from v5.10 and v6.12; v6.18 and later from v6.12":
        truncate_inode_pages_range;
    UringThread [] "from messages of the v6.6 series": io_uring_enter;
    VmMmap [] "from memory": vm_mmap_pgoff;
    WbDisksize [V3_11 V6_1 V6_12] "other versions from v6.1; v6.18 and later from v6.12": mpage_map_and_submit_extent;
    WbDisksize [V3_6] "v3.7 from v3.6": mpage_da_map_and_submit;
    WritePages [V4_10 V5_10] "other versions from these":
        ext4_writepages mpage_prepare_extent_to_map mpage_process_page_bufs mpage_submit_page ext4_bio_write_page
        io_submit_add_bh ext4_io_submit;
    WritePages [] "from the functions of v5.10 that they became or were":
        mpage_submit_folio ext4_bio_write_folio ext4_end_io_end;
    WritePages [V3_6 V3_7] "": write_cache_pages_da;
    WritePages [V3_6] "v3.7 from v3.6": ext4_da_writepages mpage_da_submit_io;
    WritePages [V3_6 V3_7 V3_11 V4_10 V6_12] "in others only that ext4_writepages calls it; v6.18 and later from v6.12":
        ext4_da_writepages_trans_blocks;
    WritePages [V4_10] "v5.4 from v4.10": ext4_end_io;
    WritePages [V3_11 V4_10 V5_10] "other versions from v5.10": ext4_finish_bio;
    WritePages [V4_10 V6_12] "other versions from these": writeback_sb_inodes inode_sync_complete;
    WriteThatEvicts [V3_6 V3_7] "": ext4_ioend_wait;
    WriteThatEvicts [V3_6] "other versions from v3.6": generic_file_aio_write;
    WriteThenClose [] "from memory": filp_close;
    ZeroPartialBlocks [V3_6] "v3.7 from v3.6": ext4_discard_partial_page_buffers_no_lock;
    ZeroPartialBlocks [V3_11 V4_10 V6_12 V6_18] "v5.4 to v6.1 from v4.10 and v6.12; v7.0 from v6.18":
        ext4_block_zero_page_range;
    ZeroPartialBlocks [] "v7.3 from v7.1.5": ext4_block_zero_range;
    ZeroRange [V4_10 V5_4 V5_10 V6_1 V6_12 V6_18 V7_0] "v7.3 from v7.1.5": ext4_zero_range inode_dio_wait;
    ZeroRange [V4_10] "": ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
}
