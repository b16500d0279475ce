//! The locking protocol of ext4 direct I/O, as state machines.
//!
//! In June 2012 an RFC, "ext4: dio overwrite nolock", let an overwriting direct write drop
//! `i_mutex`. This crate holds the protocol of that path, kernel by kernel, and nothing else: no
//! threads, no locks, no engine. The package `diolock-verify` runs it.
//!
//! # The protocol on one page (v3.7)
//!
//! * An **overwriting write** decides under `i_mutex` ([`extent_probe::OverwriteProbe`]), updates the
//!   file time, raises `i_dio_count`, takes `i_data_sem` for reading, drops `i_mutex`, does its
//!   I/O, and takes the locks back in the opposite order ([`dio_path::FileDioWrite`]).
//! * A **truncate** holds `i_mutex`, publishes the small `i_size`, closes the gate, waits until
//!   `i_dio_count` is 0, opens the gate, and frees under `i_data_sem` ([`resize::Truncate`]).
//! * An **unlocked read** raises `i_dio_count`, tests the gate, and falls back to `i_mutex` if it is
//!   closed ([`dio_path::DirectRead`]).
//! * An **asynchronous write** returns with its I/O in flight; the interrupt and, for unwritten
//!   extents, a worker finish it and drop its reference last ([`dio_path::EndIo`]).
//!
//! # The protocol on one page (v6.12)
//!
//! * A **direct write** holds `i_rwsem` to its end. It looks at `i_size` without any lock to choose the mode, shared for
//!   what lies inside the file and is aligned, and asks again with the lock held: what has to allocate, extends, or needs to
//!   zero part of a block lets the shared lock go, takes it alone and begins again ([`dio_path::DioWriteIter`],
//!   [`dio_path::DioWriteChecks`]). An unaligned one that is alone drains first.
//! * Its **I/O** writes cached pages back, waits for them and drops them, raises `i_dio_count`, maps under `i_data_sem`,
//!   submits, and drops the count last, after conversion ([`dio_path::IomapDioRw`]). An extending write waits for its own
//!   I/O and then raises both sizes.
//! * A **direct read** holds `i_rwsem` shared until its I/O is submitted; an asynchronous one stays counted until it is
//!   over ([`dio_path::DioReadIter`]).
//! * A **truncate** holds `i_rwsem` alone, drains `i_dio_count`, takes `invalidate_lock` alone, which keeps faults and
//!   buffered reads that miss the cache out, sets both sizes, drops the pages, and frees under `i_data_sem` ([`resize::Setattr`]).
//!   Punch, zero, collapse and insert do the same ([`resize::PunchHoleRwsem`], [`resize::ShiftRange`]).
//! * There is **one order**: i_rwsem, invalidate_lock, the drain, T_LOCKED, handles, page, i_data_sem (`diolock prove`).
//!
//! # How it is put
//!
//! A [`task::Task`] says which [`op::Op`] it wants and is told the [`op::Outcome`]. The
//! [`inode::Inode`] says what an `Op` does and when it must wait. A [`kernel::Kernel`] is a version less
//! some fixes. [`op::Op::touches`] says which steps commute, hence what a *trace* is.

pub mod call;
pub mod dio_path;
pub mod extent_probe;
pub mod inode;
pub mod inode_lock;
pub mod kernel;
pub mod op;
pub mod page_cache;
pub mod resize;
pub mod sources;
pub mod task;
