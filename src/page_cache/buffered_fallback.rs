//! What a direct write falls back to: a buffered one, written back at once.

use super::buffered_write::BufferedWrite;
use super::end_page_io::EndPageIo;
use super::generic_perform_write::GenericPerformWrite;
use super::invalidate_pages::InvalidatePages;
use super::writepages::WritePages;
use crate::kernel::{Kernel, Version};
use crate::op::Span;
use crate::task::steps;

steps! {
    /// The rest of a direct write whose pages could not be invalidated, or that came to a hole.
    ///
    /// # Kernel
    /// `__generic_file_aio_write` (v3.6), `__generic_file_write_iter` (v4.10.17, v5.4.18), `ext4_dio_write_iter`
    /// (fs/ext4/file.c, v5.10.44, v6.1, v6.12): up to v5.4 under the lock that the direct write holds, later after
    /// it has given that back.
    ///
    /// # Left out
    /// Blocks behind the pages that are followed.
    pub struct BufferedFallback { workers: Vec<EndPageIo> }
    /// Writes `span`, with O_APPEND or without, and has it written back.
    pub fn new(span: Span, append: bool, write_back: WritePages, kernel: Kernel);
    in "__generic_file_write_iter" => Step / At |self, outcome|;

    Write(write: GenericPerformWrite) if self.kernel.version < Version::V5_10
        => GenericPerformWrite::new(self.span, self.kernel);
    LockedWrite(write: BufferedWrite) if self.kernel.version >= Version::V5_10
        => BufferedWrite::new(self.span, self.append, self.kernel);
    Settle(pages: InvalidatePages) => InvalidatePages::after_buffered(self.span.range(), self.write_back.clone(), self.kernel)
        => self.workers = pages.workers();
}

impl BufferedFallback {
    /// What the worker has yet to convert, once the caller has let its lock go.
    pub(crate) fn workers(&self) -> Vec<EndPageIo> {
        self.workers.clone()
    }
}
