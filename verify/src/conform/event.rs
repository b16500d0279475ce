//! The events of a recording: their names and keys.

use super::fields::Fields;
use super::value::{Hex, Iocb, Ops, Submitted, Value};
use crate::problem::Finding;
use diolock::op::{LockName, Mode};

/// Who: a thread's name, numbered in the order of first appearance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Thread(pub u32);

/// A thread's name.
pub type Name<'a> = &'a dyn Fn(Thread) -> String;

/// One line of a recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Line in the file, from 1.
    pub line: usize,
    /// The recorder's number, which only grows.
    pub seq: u64,
    /// Who.
    pub thread: Thread,
    /// What.
    pub what: What,
}

/// Declares the events: `Variant "name" { key: type, … }`.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident $name:literal { $($key:ident : $type:ty),* })*) => {
        /// What happened.
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[allow(missing_docs, reason = "keys are described in verify/kernel/README.md")]
        pub enum What {
            $($(#[$doc])* $variant { $($key: $type),* },)*
        }

        impl What {
            /// Every event's name.
            pub const NAMES: &[&str] = &[$($name),*];

            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $(What::$variant { .. } => $name,)* }
            }

            /// Its keys and values, as recorded.
            pub fn keys(&self) -> String {
                match self {
                    $(What::$variant { $($key),* } => {
                        let keys: &[String] = &[$(format!("{}={}", stringify!($key), Value::shown($key))),*];
                        keys.join(" ")
                    })*
                }
            }

            /// Reads the keys of the event called `name`; `None` if there is no such event.
            pub(super) fn read(name: &str, fields: &mut Fields) -> Option<Result<What, Finding>> {
                Some(match name {
                    $($name => {
                        let read = |fields: &mut Fields| -> Result<What, Finding> {
                            let _ = &fields;
                            Ok(What::$variant { $($key: fields.value(stringify!($key))?),* })
                        };
                        read(fields)
                    })*
                    _ => return None,
                })
            }
        }
    };
}

events! {
    /// A lock is asked for.
    Req "req" { l: LockName, m: Mode }
    /// It is held.
    Acq "acq" { l: LockName, m: Mode }
    /// It is about to be released.
    Rel "rel" { l: LockName, m: Mode, cnt: Hex }
    /// It is tried.
    Try "try" { l: LockName, m: Mode }
    /// It was not free.
    Fail "fail" { l: LockName, m: Mode }
    /// It is about to be held shared.
    Downgrade "downgrade" { l: LockName, m: Mode }
    /// The task goes to sleep for a lock.
    ContentionBegin "contention_begin" {}
    /// It woke up.
    ContentionEnd "contention_end" {}
    /// ext4_file_write_iter.
    WriteIter "write_iter" { pos: u64, len: u64, kflags: Hex, isize: u64 }
    /// It returns.
    WriteIterRet "write_iter_ret" { ret: i64 }
    /// ext4_file_read_iter.
    ReadIter "read_iter" { pos: u64, len: u64, kflags: Hex, isize: u64 }
    /// It returns.
    ReadIterRet "read_iter_ret" { ret: i64 }
    /// A direct I/O starts.
    IomapDioRw "iomap_dio_rw" { iocb: Iocb, pos: u64, len: u64, ops: Ops, dflags: Hex, dio: u64 }
    /// Its submission is over.
    IomapDioRwRet "iomap_dio_rw_ret" { ret: Submitted }
    /// inode_dio_begin, just after the increment.
    DioBegin "dio_begin" { dio: u64 }
    /// inode_dio_end, just before the decrement.
    DioEnd "dio_end" { dio: u64 }
    /// iomap_dio_complete.
    DioComplete "dio_complete" { iocb: Iocb, pos: u64, size: u64, err: i64, dflags: Hex, dio: u64 }
    /// iomap_dio_complete_work.
    DioCompleteWork "dio_complete_work" {}
    /// ext4_dio_write_end_io.
    EndIo "end_io" { iocb: Iocb, pos: u64, size: u64, err: i64, dflags: Hex }
    /// A bio is done; in interrupts, and may be missing.
    DioBioEnd "dio_bio_end" { iocb: Iocb }
    /// inode_dio_wait.
    DioWait "dio_wait" { dio: u64 }
    /// It returns.
    DioWaitRet "dio_wait_ret" {}
    /// wake_up_bit; of bit 9, `__I_DIO_WAKEUP`: the count went to 0 (6.1 only).
    WakeBit "wake_bit" { bit: u64 }
    /// ext4_iomap_begin.
    IomapBegin "iomap_begin" { pos: u64, len: u64, iflags: Hex }
    /// ext4_iomap_overwrite_begin.
    IomapOwBegin "iomap_ow_begin" { pos: u64, len: u64 }
    /// ext4_set_iomap: where the I/O will go.
    SetIomap "set_iomap" { lblk: u64, mlen: u64, pblk: u64, mflags: Hex }
    /// ext4_map_blocks.
    MapBlocks "map_blocks" { lblk: u64, mlen: u64, gflags: Hex }
    /// It returns.
    MapBlocksRet "map_blocks_ret" { ret: i64 }
    /// ext4_ext_map_blocks, under i_data_sem, is done.
    ExtMapBlocksExit "ext4_ext_map_blocks_exit" {}
    /// ext4_ext_handle_unwritten_extents.
    HandleUnwritten "ext4_ext_handle_unwritten_extents" {}
    /// ext4_convert_unwritten_extents.
    ConvertUnwritten "convert_unwritten" { pos: u64, len: u64 }
    /// It returns.
    ConvertUnwrittenRet "convert_unwritten_ret" { ret: i64 }
    /// ext4_handle_inode_extension.
    InodeExtension "inode_extension" { pos: u64, n: u64 }
    /// ext4_orphan_add.
    OrphanAdd "orphan_add" {}
    /// ext4_orphan_del.
    OrphanDel "orphan_del" {}
    /// ext4_setattr.
    Setattr "setattr" { valid: Hex, newsize: u64, isize: u64, dio: u64 }
    /// It returns.
    SetattrRet "setattr_ret" { ret: i64 }
    /// ext4_truncate.
    Truncate "truncate" { isize: u64, dio: u64 }
    /// It returns.
    TruncateRet "truncate_ret" { ret: i64 }
    /// truncate_pagecache.
    TruncPagecache "trunc_pagecache" { newsize: u64, dio: u64 }
    /// truncate_pagecache_range.
    TruncPagecacheRange "trunc_pagecache_range" { start: u64, end: u64, dio: u64 }
    /// ext4_fallocate.
    Fallocate "fallocate" { mode: Hex, pos: u64, len: u64 }
    /// It returns.
    FallocateRet "fallocate_ret" { ret: i64 }
    /// ext4_punch_hole.
    PunchHole "punch_hole" { pos: u64, len: u64 }
    /// It returns.
    PunchHoleRet "punch_hole_ret" { ret: i64 }
    /// ext4_zero_range.
    ZeroRange "zero_range" { pos: u64, len: u64 }
    /// It returns.
    ZeroRangeRet "zero_range_ret" { ret: i64 }
    /// ext4_collapse_range.
    CollapseRange "collapse_range" { pos: u64, len: u64 }
    /// It returns.
    CollapseRangeRet "collapse_range_ret" { ret: i64 }
    /// ext4_insert_range.
    InsertRange "insert_range" { pos: u64, len: u64 }
    /// It returns.
    InsertRangeRet "insert_range_ret" { ret: i64 }
    /// ext4_es_remove_extent.
    EsRemove "es_remove" { lblk: u64, mlen: u64 }
    /// ext4_ext_remove_space.
    RemoveSpace "remove_space" { start: u64, end: u64, dio: u64 }
    /// It is done.
    RemoveSpaceDone "ext4_ext_remove_space_done" {}
    /// ext4_ext_shift_extents.
    ShiftExtents "ext4_ext_shift_extents" { start: u64, shift: u64, dir: u64, dio: u64 }
    /// It is done.
    ShiftExtentsRet "ext4_ext_shift_extents_ret" { ret: i64 }
}
