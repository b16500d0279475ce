//! Where a task of a real kernel can be stopped: what the kernel calls when the model takes a step.

use diolock::op::{LockName, MapFor, Mode, Op, OrphanOp};
use diolock::task::Place;

/// A place that a debugger can wait for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// A function is entered: one of these names, the first that the kernel has.
    Entry(&'static [&'static str]),
    /// A function has returned.
    Return(&'static [&'static str]),
    /// A lock of the file is asked for, or given back.
    Lock(LockName, &'static [&'static str]),
}

impl Anchor {
    /// In words.
    pub fn words(self) -> String {
        match self {
            Anchor::Entry(names) => format!("at {}", names[0]),
            Anchor::Return(names) => format!("after {}", names[0]),
            Anchor::Lock(lock, names) => format!("at {}({})", names[0], lock.name()),
        }
    }

    /// How sure it is that the kernel comes there whenever the model takes the step: the extent status cache answers most
    /// lookups, and nobody takes `i_data_sem` for those.
    pub(super) fn doubtful(self) -> bool {
        matches!(self, Anchor::Lock(LockName::IDataSem, _))
    }

    /// What the kernel calls to take a step, or right before it; `None` where it is inlined, or one instruction.
    ///
    /// # Kernel
    /// Symbols of Debian's 6.1.192 and 6.12.117.
    pub(super) fn before(place: Place, op: &Op) -> Option<Anchor> {
        // A read looks at i_size once before it looks for a page, and again as soon as it has one.
        if let ("filemap_read", "ReadSize", Op::SizeRead) = (place.kernel, place.step, op) {
            return Some(Anchor::Return(&["filemap_get_pages"]));
        }
        // It brings the page in by reading ahead, which takes the lock here, once it has looked at i_size.
        if let ("filemap_create_folio", Op::Lock(LockName::InvalidateLock, _)) = (place.kernel, op)
        {
            return Some(Anchor::Entry(&["page_cache_ra_unbounded"]));
        }
        Some(match op {
            Op::Lock(lock, mode) | Op::TryLock(lock, mode) => acquire(*lock, *mode)?,
            Op::LockByRequeue(lock) | Op::Queue(lock) => acquire(*lock, Mode::Exclusive)?,
            Op::Unlock(lock, mode) => release(*lock, *mode)?,
            Op::Downgrade(lock) => Anchor::Lock(*lock, &["downgrade_write"]),
            Op::Bio(..) => Anchor::Entry(&["submit_bio"]),
            Op::DioWait => Anchor::Entry(&["inode_dio_wait"]),
            Op::Orphan(OrphanOp::Add) => Anchor::Entry(&["ext4_orphan_add"]),
            Op::Orphan(OrphanOp::Del) => Anchor::Entry(&["ext4_orphan_del"]),
            Op::Free(_) | Op::FreeRange(_) => Anchor::Entry(&["ext4_ext_remove_space"]),
            Op::PageTruncate(..) => Anchor::Entry(&["truncate_inode_pages_range"]),
            Op::PageInvalidate(_) => Anchor::Entry(&["invalidate_inode_pages2_range"]),
            Op::PageFind(..) => Anchor::Entry(&["filemap_get_pages"]),
            Op::PageRead(_) => Anchor::Entry(&["_copy_to_iter"]),
            Op::Convert(..) | Op::ConvertExtent(..) => {
                Anchor::Entry(&["ext4_convert_unwritten_extents"])
            }
            Op::Map(_, MapFor::Io) if place.kernel == "ext4_map_blocks" => {
                Anchor::Entry(&["ext4_map_blocks"])
            }
            Op::Map(_, MapFor::Create | MapFor::Extend) => Anchor::Entry(&["ext4_ext_map_blocks"]),
            Op::JournalStart(_) => Anchor::Entry(&["__ext4_journal_start_sb"]),
            Op::JournalStop(_) => Anchor::Entry(&["__ext4_journal_stop"]),
            _ => return None,
        })
    }
}

/// Whether a lock is a rwsem of the inode, which functions of their own take and give back.
fn is_rwsem(lock: LockName) -> bool {
    matches!(lock, LockName::IRwsem | LockName::InvalidateLock | LockName::IDataSem)
}

fn acquire(lock: LockName, mode: Mode) -> Option<Anchor> {
    let names: &[&str] = match mode {
        Mode::Shared => &["down_read"],
        Mode::Exclusive => &["down_write"],
    };
    match lock {
        LockName::PageLock(_) => Some(Anchor::Entry(&["__folio_lock"])),
        lock => is_rwsem(lock).then_some(Anchor::Lock(lock, names)),
    }
}

fn release(lock: LockName, mode: Mode) -> Option<Anchor> {
    let names: &[&str] = if mode == Mode::Shared { &["up_read"] } else { &["up_write"] };
    is_rwsem(lock).then_some(Anchor::Lock(lock, names))
}
