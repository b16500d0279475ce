//! What goes through pages: buffered reads and writes, faults, writeback, fsync, and how a page leaves.

mod append;
mod block_truncate_page;
mod buffered_fallback;
mod buffered_write;
mod convert_run;
mod end_bio;
mod end_page_io;
mod fdatawait_range;
mod filemap_fault;
mod filemap_read;
mod flush;
mod generic_perform_write;
mod invalidate_pages;
mod page_fault;
mod page_runs;
mod read_page;
mod reclaim;
mod round;
mod submit_data;
mod sync_file;
mod todo;
mod truncate_pages;
mod wb_disksize;
mod write_begin;
mod writepages;

pub use append::Append;
pub(crate) use block_truncate_page::{
    BlockTruncatePage, ZeroPartialBlocks, grown_from, zeroes_first,
};
pub use buffered_fallback::BufferedFallback;
pub use buffered_write::BufferedWrite;
pub use end_bio::EndBio;
pub use end_page_io::EndPageIo;
pub use filemap_fault::FilemapFault;
pub use filemap_read::FilemapRead;
pub use flush::{FinishIoEnd, FlushCompleted};
pub use generic_perform_write::GenericPerformWrite;
pub use invalidate_pages::{InvalidatePages, Invalidated};
pub use page_fault::{PageFault, VmMmap};
pub use read_page::ReadPage;
pub use reclaim::Reclaim;
pub use submit_data::SubmitData;
pub use sync_file::SyncFile;
pub use truncate_pages::TruncatePages;
pub use wb_disksize::WbDisksize;
pub use writepages::WritePages;
