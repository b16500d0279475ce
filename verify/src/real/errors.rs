//! What calls fail with, and which of that the model does not follow.

use std::io;

/// A direct write that could not drop a page tells so whoever syncs next (`dio_warn_stale_pagecache`), which the
/// model does not follow.
pub fn stale_pages_are_no_error(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| if error.raw_os_error() == Some(libc::EIO) { Ok(()) } else { Err(error) })
}

/// In the model such a call returns as if it had nothing to do.
pub fn beyond_the_end_is_no_error(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| match error.raw_os_error() {
        Some(libc::EINVAL | libc::ENODATA) => Ok(()),
        _ => Err(error),
    })
}

/// An error as conditions of litmus tests have it.
pub fn name(error: &io::Error) -> String {
    let known = [
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::EBUSY, "EBUSY"),
        (libc::EINVAL, "EINVAL"),
        (libc::EIO, "EIO"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::ETXTBSY, "ETXTBSY"),
        (libc::EFAULT, "EFAULT"),
    ];
    let number = error.raw_os_error();
    let found = known.iter().find(|known| Some(known.0) == number);
    found.map_or_else(|| error.to_string(), |known| known.1.to_owned())
}
