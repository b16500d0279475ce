//! What a kernel function is called in each version. A step's place has one name for all of them: that of
//! the version in whose source it was read first.

use crate::kernel::Version::{self, *};
use crate::task::Place;

/// A function that has other names from some versions on, oldest first; of the steps in brackets alone, if
/// there are any.
macro_rules! renamed {
    ($($function:ident $(($($step:ident)+))?: $($since:ident $name:ident),+;)+) => {
        const RENAMED: &[(&str, &[&str], &[(Version, &str)])] = &[$((
            stringify!($function), &[$($(stringify!($step)),+)?], &[$(($since, stringify!($name))),+],
        )),+];
    };
}

renamed! {
    __block_write_begin: V4_10 __block_write_begin_int, V6_12 ext4_block_write_begin;
    __generic_file_write_iter:
        RfcV1 __generic_file_aio_write, V4_10 __generic_file_write_iter, V5_10 ext4_dio_write_iter;
    __iomap_dio_rw: RfcV1 do_blockdev_direct_IO, V5_10 __iomap_dio_rw;
    _ext4_get_block: V4_10 ext4_get_block_trans, V5_10 ext4_iomap_alloc;
    add_to_page_cache_lru: V6_1 filemap_add_folio;
    copy_folio_to_iter: RfcV1 file_read_actor, V4_10 copy_page_to_iter, V6_1 copy_folio_to_iter;
    do_page_fault: V5_10 do_user_addr_fault;
    do_page_mkwrite: RfcV1 __do_fault, V4_10 do_page_mkwrite;
    double_down_write_data_sem: V3_11 ext4_double_down_write_data_sem;
    double_up_write_data_sem: V3_11 ext4_double_up_write_data_sem;
    ext4_aiodio_wait: V3_7 ext4_unwritten_wait;
    ext4_alloc_file_blocks: RfcV1 ext4_fallocate, V4_10 ext4_alloc_file_blocks;
    ext4_bio_write_page: V6_12 ext4_bio_write_folio;
    ext4_block_truncate_page:
        RfcV1 ext4_discard_partial_page_buffers, V3_11 ext4_block_truncate_page, V7_3 ext4_block_zero_eof;
    ext4_block_zero_page_range:
        RfcV1 ext4_discard_partial_page_buffers_no_lock, V3_11 ext4_block_zero_page_range, V7_3 ext4_block_zero_range;
    ext4_buffered_write_iter:
        RfcV1 generic_file_aio_write, V4_10 ext4_file_write_iter, V5_10 ext4_buffered_write_iter;
    ext4_da_writepages_trans_blocks: V6_18 ext4_chunk_trans_blocks;
    ext4_dio_read_iter: RfcV1 ext4_direct_IO_read, V5_10 ext4_dio_read_iter;
    ext4_end_bio (TakeListLock AddToList DropListLock): V3_7 ext4_add_complete_io;
    ext4_end_io: RfcV1 ext4_end_io_nolock, V3_7 ext4_end_io, V5_10 ext4_end_io_end;
    ext4_end_io_dio (TakeListLock AddToList DropListLock): V3_7 ext4_add_complete_io;
    ext4_end_io_dio (AioComplete EndIo): V3_11 ext4_release_io_end;
    ext4_end_io_nolock (AioComplete EndIo): V3_7 ext4_end_io, V3_11 ext4_release_io_end;
    ext4_end_io_nolock (DropUnwritten): V3_7 ext4_end_io, V3_11 ext4_clear_io_unwritten_flag;
    ext4_end_io_nolock: V3_7 ext4_end_io, V5_10 ext4_end_io_end;
    ext4_end_io_work: V3_11 ext4_end_io_unrsv_work;
    ext4_ext_punch_hole: V3_11 ext4_punch_hole;
    ext4_file_dio_write: V4_10 ext4_overwrite_io;
    ext4_filemap_fault: RfcV1 filemap_fault, V4_10 ext4_filemap_fault, V6_1 filemap_fault;
    ext4_finish_bio: RfcV1 ext4_end_bio, V3_11 ext4_finish_bio;
    ext4_flush_completed_IO: V3_7 ext4_do_flush_completed_IO;
    ext4_free_io_end: V3_11 ext4_release_io_end;
    ext4_ind_direct_IO (Count): RfcV1 do_blockdev_direct_IO, V3_7 ext4_ind_direct_IO;
    // What waits there is the truncation of the pages.
    ext4_ioend_wait: V3_11 truncate_inode_pages_range;
    ext4_mpage_readpages: RfcV1 mpage_readpages, V4_10 ext4_mpage_readpages;
    ext4_releasepage: V6_1 ext4_release_folio;
    ext4_update_inode_size: RfcV1 ext4_falloc_update_inode, V4_10 ext4_update_inode_size;
    ext4_writepages: RfcV1 ext4_da_writepages, V3_11 ext4_writepages;
    filemap_create_folio: RfcV1 do_generic_file_read, V5_4 generic_file_buffered_read, V6_1 filemap_create_folio;
    filemap_get_pages: RfcV1 do_generic_file_read, V5_4 generic_file_buffered_read, V6_1 filemap_get_pages;
    filemap_read: RfcV1 do_generic_file_read, V5_4 generic_file_buffered_read, V6_1 filemap_read;
    generic_file_aio_write: V4_10 ext4_file_write_iter, V5_10 ext4_buffered_write_iter;
    get_ext_path: V7_0 ext4_map_blocks;
    grab_cache_page_write_begin: V6_12 __filemap_get_folio;
    inode_dio_done: V4_10 inode_dio_end;
    iomap_dio_complete: RfcV1 dio_complete, V5_10 iomap_dio_complete;
    mext_check_arguments: V7_0 mext_check_validity;
    mext_check_coverage: V7_0 mext_move_begin;
    mext_inode_double_lock: V3_11 ext4_inode_double_lock, V4_10 lock_two_nondirectories;
    mext_inode_double_unlock: V3_11 ext4_inode_double_unlock, V4_10 unlock_two_nondirectories;
    mext_page_double_lock:
        RfcV1 grab_cache_page_write_begin, V3_7 mext_page_double_lock, V6_12 mext_folio_double_lock;
    mext_page_mkuptodate: RfcV1 block_read_full_page, V3_7 mext_page_mkuptodate, V7_0 mext_folio_mkuptodate;
    mext_replace_branches: V4_10 ext4_swap_extents;
    move_extent_per_page: V7_0 mext_move_extent;
    mpage_map_and_submit_extent: RfcV1 mpage_da_map_and_submit, V3_11 mpage_map_and_submit_extent;
    mpage_prepare_extent_to_map: RfcV1 write_cache_pages_da, V3_11 mpage_prepare_extent_to_map;
    mpage_process_page_bufs:
        RfcV1 write_cache_pages_da, V3_11 mpage_prepare_extent_to_map, V4_10 mpage_process_page_bufs;
    mpage_submit_page: RfcV1 mpage_da_submit_io, V3_11 mpage_submit_page, V6_12 mpage_submit_folio;
    prepare_to_wait: V6_12 prepare_to_wait_event;
    shrink_page_list: V6_1 shrink_folio_list;
    truncate_setsize: V3_11 ext4_setattr;
    try_to_release_page: V6_1 filemap_release_folio;
    wake_up_bit: V6_12 wake_up_var;
}

impl Place {
    /// The same, with the function's name in that version.
    #[must_use]
    pub fn on(self, version: Version) -> Place {
        let fits = |steps: &[&str]| steps.is_empty() || steps.contains(&self.step);
        let row = RENAMED.iter().find(|row| row.0 == self.kernel && fits(row.1));
        let names = row.map(|row| row.2).unwrap_or_default();
        let name = names.iter().rev().find(|(since, _)| *since <= version);
        Place { kernel: name.map_or(self.kernel, |(_, name)| name), ..self }
    }
}
