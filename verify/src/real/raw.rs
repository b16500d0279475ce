//! What of the kernel's interface has no safe form in the crates that we use: asynchronous I/O, a shared mapping,
//! `sync_file_range` and `EXT4_IOC_MOVE_EXT`. All unsafe code of the project is here; what it needs to be sound is
//! said at each block, and what this module offers is safe.
#![allow(unsafe_code, reason = "nobody has wrapped these; each block says why it is sound")]

use super::buffer::Buffer;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

/// `struct iocb` of include/uapi/linux/aio_abi.h, 64 bytes.
#[repr(C)]
#[derive(Default)]
struct Iocb {
    data: u64,
    #[cfg(target_endian = "little")]
    key: u32,
    rw_flags: i32,
    #[cfg(target_endian = "big")]
    key: u32,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    eventfd: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Default)]
struct IoEvent {
    data: u64,
    iocb: u64,
    result: i64,
    result2: i64,
}

const IOCB_CMD_PREAD: u16 = 0;
const IOCB_CMD_PWRITE: u16 = 1;

/// A context of the kernel's asynchronous I/O, with one request at a time.
///
/// `io_submit`, not `io_uring`: that tries every request with `IOCB_NOWAIT` first and hands what would wait to
/// another thread, so the next call of this one could overtake it. A litmus test means one that is submitted when
/// its call returns.
pub struct Aio {
    context: libc::c_ulong,
    /// The request on its way: the kernel reads from or writes to its memory.
    flying: Option<Buffer>,
}

/// A request.
pub struct Request {
    /// From where in the file.
    pub offset: u64,
    /// `RWF_*`.
    pub flags: i32,
    /// A write, or a read.
    pub write: bool,
}

fn checked(returned: libc::c_long) -> io::Result<libc::c_long> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

impl Aio {
    /// A context.
    ///
    /// # Errors
    /// If the kernel has none to give.
    pub fn new() -> io::Result<Aio> {
        let mut context: libc::c_ulong = 0;
        // SAFETY: `io_setup` writes one context id to the place pointed to, which lives through the call, and wants 0
        // there before.
        checked(unsafe { libc::syscall(libc::SYS_io_setup, 4_usize, &raw mut context) })?;
        Ok(Aio { context, flying: None })
    }

    /// Submits a request for all of a buffer, which is the kernel's until [`Aio::wait`].
    ///
    /// # Errors
    /// If it is not submitted.
    ///
    /// # Panics
    /// If there is one on its way.
    pub fn submit(&mut self, file: &File, mut buffer: Buffer, request: &Request) -> io::Result<()> {
        assert!(self.flying.is_none(), "one request at a time");
        let mut iocb = Iocb {
            opcode: if request.write { IOCB_CMD_PWRITE } else { IOCB_CMD_PREAD },
            rw_flags: request.flags,
            fd: file.as_raw_fd() as u32,
            buffer: buffer.bytes_mut().as_mut_ptr() as u64,
            bytes: buffer.bytes().len() as u64,
            offset: request.offset as i64,
            ..Iocb::default()
        };
        let mut list = [&raw mut iocb];
        // SAFETY: `io_submit` copies the one iocb that the list points to, both of which live through the call. The
        // memory that the iocb names is the buffer's, on the heap, so that it stays where it is as the buffer is moved;
        // the buffer is kept in `flying`, out of everybody's reach, until the event says that the request is over, and
        // `drop` waits for it too.
        checked(unsafe {
            libc::syscall(libc::SYS_io_submit, self.context, 1_usize, list.as_mut_ptr())
        })?;
        self.flying = Some(buffer);
        Ok(())
    }

    /// Waits for the request on its way, if there is one: its result, an error's number if it is negative, and
    /// the buffer.
    ///
    /// # Errors
    /// If it cannot be waited for; it is still on its way then.
    pub fn wait(&mut self) -> io::Result<Option<(i64, Buffer)>> {
        if self.flying.is_none() {
            return Ok(None);
        }
        let mut event = IoEvent::default();
        loop {
            let none = ptr::null_mut::<libc::timespec>();
            let place = &raw mut event;
            // SAFETY: `io_getevents` writes at most the one event asked for to the place pointed to, which lives
            // through the call; no timeout is allowed, and means for ever.
            let got = unsafe {
                libc::syscall(libc::SYS_io_getevents, self.context, 1_i64, 1_i64, place, none)
            };
            match checked(got) {
                Ok(0) => {}
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // There is one request at a time, so this is its event, and the kernel is done with the buffer.
        Ok(self.flying.take().map(|buffer| (event.result, buffer)))
    }
}

impl Drop for Aio {
    fn drop(&mut self) {
        // SAFETY: `io_destroy` takes the id alone, and returns when no request of the context is on its way: the buffer
        // is dropped after that.
        let gone = unsafe { libc::syscall(libc::SYS_io_destroy, self.context) };
        if gone < 0 {
            // The kernel may still use it.
            std::mem::forget(self.flying.take());
        }
    }
}

/// A shared mapping of the start of a file.
pub struct Mapping {
    start: *mut libc::c_void,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and only system calls touch its memory.
unsafe impl Send for Mapping {}
// SAFETY: as above; what two threads store at once the kernel sorts out, and nobody has a reference into it.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps so many bytes from the start of a file, past its end too.
    ///
    /// # Errors
    /// If the kernel does not.
    pub fn new(file: &File, len: usize) -> io::Result<Mapping> {
        let (protection, fd) = (libc::PROT_READ | libc::PROT_WRITE, file.as_raw_fd());
        // SAFETY: a new mapping where the kernel has room; no memory that Rust knows of is touched.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), len, protection, libc::MAP_SHARED, fd, 0) };
        if start == libc::MAP_FAILED {
            Err(io::Error::last_os_error())
        } else {
            Ok(Mapping { start, len })
        }
    }

    /// Stores the first bytes of another file through the mapping: how many. The kernel makes the store, which is an
    /// ordinary one with an ordinary fault; past the end of the file it is told so instead of being sent SIGBUS.
    ///
    /// # Errors
    /// If the first byte could not be stored.
    ///
    /// # Panics
    /// If that is not in the mapping.
    pub fn store(&self, from: &File, at: usize, len: usize) -> io::Result<usize> {
        assert!(at.checked_add(len).is_some_and(|end| end <= self.len), "outside the mapping");
        // SAFETY: the bytes from `at` on are inside the mapping, which lives as long as `self`; no reference to them
        // exists anywhere, so the kernel may write there as any other process that has mapped the file.
        let stored = unsafe { libc::pread(from.as_raw_fd(), self.start.byte_add(at), len, 0) };
        usize::try_from(stored).map_err(|_| io::Error::last_os_error())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped, and nobody has a pointer into it any more.
        unsafe { libc::munmap(self.start, self.len) };
    }
}

/// Has dirty pages of a file written back, and waits for it: data alone.
///
/// # Errors
/// If the kernel cannot.
pub fn write_back(file: &File) -> io::Result<()> {
    let flags = libc::SYNC_FILE_RANGE_WRITE | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: numbers alone.
    let done = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, flags) };
    checked(libc::c_long::from(done)).map(drop)
}

/// `struct move_extent` of fs/ext4/ext4.h.
#[repr(C)]
struct MoveExtent {
    reserved: u32,
    donor: u32,
    from: u64,
    donor_from: u64,
    blocks: u64,
    moved: u64,
}

/// `_IOWR('f', 15, struct move_extent)`: of the same value on all machines but those that number ioctls their own
/// way.
const EXT4_IOC_MOVE_EXT: u64 = (3 << 30) | (40 << 16) | ((b'f' as u64) << 8) | 15;

/// Swaps blocks of a file with those of another one, which are to be at the same place.
///
/// # Errors
/// As the kernel has it.
pub fn move_extents(file: &File, donor: &File, from: u64, blocks: u64) -> io::Result<u64> {
    let donor: RawFd = donor.as_raw_fd();
    let mut moved =
        MoveExtent { reserved: 0, donor: donor as u32, from, donor_from: from, blocks, moved: 0 };
    // SAFETY: this ioctl reads and writes one `struct move_extent` at the place pointed to, which lives through the
    // call. On a file system that does not know it, it is refused.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), EXT4_IOC_MOVE_EXT as _, &raw mut moved) };
    checked(libc::c_long::from(done)).map(|_| moved.moved)
}
