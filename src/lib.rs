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
