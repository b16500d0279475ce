//! The kernel functions that places name, by the versions that have them: first and last.

use crate::kernel::Version::{self, *};

/// Whether that version has a function of that name. The RFC's versions have what v3.6 has.
pub fn exists(function: &str, version: Version) -> bool {
    let version = version.max(V3_6);
    HAVE.iter().any(|(first, last, names)| {
        (*first..=*last).contains(&version) && names.contains(&function)
    })
}

macro_rules! have {
    ($($first:ident..=$last:ident: $($name:ident)+;)+) => {
        /// Read off the trees, v7.3 off v7.1.5; of what is in a file that was not at hand (kernel/, lib/, fs/mpage.c, arch/), from
        /// memory.
        const HAVE: &[(Version, Version, &[&str])] =
            &[$(($first, $last, &[$(stringify!($name)),+])),+];
    };
}

have! {
    V3_6..=V3_6: ext4_aiodio_wait ext4_end_io_nolock ext4_flush_completed_IO;
    V3_6..=V3_7:
        double_down_write_data_sem double_up_write_data_sem ext4_da_writepages ext4_discard_partial_page_buffers
        ext4_end_io_work ext4_ext_punch_hole ext4_free_io_end ext4_ioend_wait mext_inode_double_lock
        mext_inode_double_unlock mpage_da_map_and_submit mpage_da_submit_io write_cache_pages_da
        ext4_discard_partial_page_buffers_no_lock;
    V3_6..=V3_11:
        __generic_file_aio_write ext4_ext_direct_IO ext4_falloc_update_inode ext4_file_dio_write ext4_ind_direct_IO
        file_read_actor generic_file_aio_read generic_file_aio_write inode_dio_done mext_replace_branches;
    V3_6..=V4_10: do_generic_file_read;
    V3_6..=V5_4: do_page_fault ext4_end_io_dio ext4_unaligned_aio mpage_readpages;
    V3_6..=V5_10: ext4_releasepage shrink_page_list do_blockdev_direct_IO try_to_release_page;
    V3_6..=V6_1: block_read_full_page ext4_bio_write_page;
    V3_6..=V6_12: ext4_da_writepages_trans_blocks;
    V3_6..=V6_18: get_ext_path mext_check_arguments move_extent_per_page;
    V3_6..=V7_3:
        __remove_mapping destroy_inode inode_sync_complete inode_wait_for_writeback writeback_sb_inodes
        __block_write_begin __do_fault __wake_up _ext4_get_block add_to_page_cache_lru block_page_mkwrite block_write_end
        dio_bio_end_aio dio_complete do_truncate ext4_chunk_trans_blocks ext4_convert_unwritten_extents ext4_end_bio
        ext4_evict_inode ext4_ext_map_blocks ext4_ext_remove_space ext4_ext_truncate ext4_fallocate ext4_io_submit
        ext4_map_blocks ext4_move_extents ext4_orphan_add ext4_orphan_del ext4_page_mkwrite ext4_punch_hole
        ext4_set_io_unwritten_flag ext4_setattr ext4_sync_file ext4_truncate ext4_truncate_failed_write
        ext4_update_i_disksize file_update_time filemap_fault filemap_fdatawait_range filemap_write_and_wait_range
        filp_close finish_wait generic_file_direct_write generic_perform_write generic_write_checks generic_write_end
        get_user_pages_fast grab_cache_page_write_begin inode_dio_wait invalidate_inode_pages2_range io_submit_add_bh
        jbd2_journal_commit_transaction journal_submit_data_buffers mpage_end_io prepare_to_wait process_one_work
        truncate_inode_pages_range truncate_pagecache truncate_setsize vm_mmap_pgoff wake_up_bit;
    V3_7..=V4_10: ext4_inode_block_unlocked_dio ext4_inode_resume_unlocked_dio;
    V3_7..=V5_4: ext4_end_io ext4_unwritten_wait;
    V3_7..=V6_1: mext_page_double_lock;
    V3_7..=V6_18: mext_check_coverage mext_page_mkuptodate;
    V3_7..=V7_3: ext4_add_complete_io ext4_do_flush_completed_IO;
    V3_11..=V3_11: ext4_end_io_unrsv_work ext4_inode_double_lock ext4_inode_double_unlock;
    V3_11..=V6_1: mpage_submit_page;
    V3_11..=V7_0: ext4_block_truncate_page ext4_block_zero_page_range;
    V3_11..=V7_3:
        ext4_clear_io_unwritten_flag ext4_double_down_write_data_sem ext4_double_up_write_data_sem ext4_finish_bio
        ext4_put_io_end_defer ext4_release_io_end ext4_writepages mpage_map_and_submit_extent mpage_prepare_extent_to_map
        prepare_to_wait_event;
    V4_10..=V5_4: ext4_direct_IO_read ext4_direct_IO_write ext4_get_block_trans;
    V4_10..=V5_10: copy_page_to_iter ext4_filemap_fault;
    V4_10..=V7_3:
        __block_write_begin_int __generic_file_write_iter do_page_mkwrite ext4_alloc_file_blocks ext4_block_write_begin
        ext4_collapse_range ext4_file_write_iter ext4_insert_range ext4_mpage_readpages ext4_overwrite_io
        ext4_swap_extents ext4_update_disksize_before_punch ext4_update_inode_size ext4_zero_range inode_dio_end
        lock_two_nondirectories mpage_process_page_bufs unlock_two_nondirectories;
    V5_4..=V5_10: generic_file_buffered_read;
    V5_4..=V7_3:
        do_user_addr_fault file_modified io_uring_enter iomap_dio_bio_end_io iomap_dio_complete iomap_dio_complete_work;
    V5_10..=V7_3:
        __iomap_dio_rw ext4_buffered_write_iter ext4_dio_read_iter ext4_dio_write_checks ext4_dio_write_end_io
        ext4_dio_write_iter ext4_end_io_end ext4_extending_io ext4_handle_inode_extension ext4_iomap_alloc ext4_set_iomap;
    V6_1..=V7_3:
        ext4_release_folio filemap_get_read_batch shrink_folio_list
        __filemap_get_folio copy_folio_to_iter filemap_add_folio filemap_create_folio filemap_get_pages filemap_read
        filemap_release_folio wake_up_var;
    V6_12..=V7_3: ext4_bio_write_folio mext_folio_double_lock mpage_submit_folio;
    V6_18..=V7_3: ext4_da_do_write_end;
    V7_0..=V7_3: iomap_dio_done mext_check_validity mext_folio_mkuptodate mext_move_begin mext_move_extent;
    V7_3..=V7_3: ext4_block_zero_eof ext4_block_zero_range ext4_write_checks;
}
