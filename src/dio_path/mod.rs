//! Direct reads and writes, and their completions: `ext4_file_dio_write`, `ext4_dio_write_iter`,
//! `ext4_dio_read_iter` and what they call.

mod dio_complete;
mod dio_read_complete;
mod dio_read_iter;
mod dio_write_checks;
mod dio_write_iter;
mod direct_io;
mod direct_io_write;
mod end_io;
mod file_dio_write;
mod file_write_iter;
mod ind_direct_io;
mod inode_extension;
mod iomap_dio_complete;
mod iomap_dio_rw;
mod iomap_read_end_io;
mod read;
mod uring;
mod write;
mod write_then_close;

pub use dio_complete::DioComplete;
pub use dio_read_complete::DioReadComplete;
pub use dio_read_iter::DioReadIter;
pub use dio_write_checks::DioWriteChecks;
pub use dio_write_iter::{DioWriteIter, WriteFlags};
pub use direct_io::DirectIo;
pub use direct_io_write::DirectIoWrite;
pub use end_io::EndIo;
pub use file_dio_write::FileDioWrite;
pub use file_write_iter::FileWriteIter;
pub use ind_direct_io::IndDirectIo;
pub use inode_extension::InodeExtension;
pub use iomap_dio_complete::{IomapDioComplete, IomapEndIo};
pub use iomap_dio_rw::{IomapDioRw, Plan};
pub use iomap_read_end_io::IomapReadEndIo;
pub use read::DirectRead;
pub use uring::UringThread;
pub use write::Write;
pub use write_then_close::WriteThenClose;
