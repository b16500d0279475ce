//! The rules about locks: R1 lockset, R2 lock-order, R3 lock-balance, R8 time-before-unlock.

use super::view::{End, View};
use super::{Gathered, Judgement, Node, RuleId, broken};
use crate::program::Program;
use diolock::inode::Inode;
use diolock::kernel::{Kernel, Version};
use diolock::op::{GATE_RANK, Handle, JOURNAL_RANK, LockName, MapFor, Mode, Object, Op, Outcome};

/// `i_mutex`, later `i_rwsem`.
fn inode_lock(kernel: Kernel) -> LockName {
    if kernel.version >= Version::V4_10 { LockName::IRwsem } else { LockName::IMutex }
}

/// The lock that guards a field, and whether changing it needs the lock alone. Fields that some
/// kernel touches without a lock by design (counters, state bits, reads of i_size) have none.
fn guard(kernel: Kernel, op: &Op) -> Option<(LockName, Mode, &'static str)> {
    use LockName::{CompletedIoLock, IDataSem, PageLock};
    use Mode::{Exclusive, Shared};
    let inode_lock = inode_lock(kernel);
    Some(match *op {
        Op::Map(_, MapFor::Probe | MapFor::Io | MapFor::Page) => {
            (IDataSem, Shared, "the extent tree")
        }
        Op::Map(..)
        | Op::Convert(..)
        | Op::ConvertExtent(..)
        | Op::Free(_)
        | Op::FreeRange(_)
        | Op::SwapBlocks(_)
        | Op::ShiftExtents(..) => (IDataSem, Exclusive, "the extent tree"),
        Op::SizeWrite(_) => (inode_lock, Exclusive, "i_size"),
        // ext4_update_i_disksize and writeback; before, writes changed it under the inode's lock
        // alone and writeback under i_data_sem alone.
        Op::DisksizeWrite(_) if kernel.version >= Version::V5_4 => {
            (IDataSem, Exclusive, "i_disksize")
        }
        Op::DisksizeWrite(_) => (inode_lock, Exclusive, "i_disksize"),
        Op::PageFill(page, ..)
        | Op::PageStore(page, ..)
        | Op::PageClean(page, ..)
        | Op::PageRelease(page)
        | Op::PageCommit(page, _)
        | Op::PageIn(page)
        | Op::PageTruncate(page, ..)
        | Op::PageZero(page, ..)
        | Op::PageInvalidate(page)
        | Op::PageRemove(page) => (PageLock(page), Exclusive, "the cached page"),
        Op::ListAdd(_) | Op::ListTake(_) => (CompletedIoLock, Exclusive, "i_completed_io_list"),
        _ => return None,
    })
}

/// R1.
pub(super) fn lockset(view: &View<'_>) -> Judgement {
    let me = view.me();
    if matches!(view.event.op, Op::DisksizeWrite(_)) {
        let alone = |lock| me.holds(lock, Mode::Exclusive);
        // Without pages there is no writeback that could raise it meanwhile: so an insert.
        if alone(LockName::IDataSem) || alone(LockName::IRwsem) && me.pages_gone {
            return Ok(());
        }
    }
    match guard(view.program.kernel, &view.event.op) {
        Some((lock, mode, field)) if !me.holds(lock, mode) => {
            let how = if mode == Mode::Exclusive { "" } else { " (not even shared)" };
            broken(RuleId::R1, format!("{field} was touched without {}{how}", lock.name()))
        }
        _ => Ok(()),
    }
}

/// R1, `cur_aio_dio`: who looks at it under the inode's lock finds what it stored there itself. A
/// store that nobody looks for is let pass: each overwrite before 74dae4278546 makes one.
pub(super) fn io_end_slot(view: &View<'_>) -> Judgement {
    let Outcome::InodeAio(found) = view.event.outcome else { return Ok(()) };
    match *view.slot() {
        Some(by) if by != view.event.task => {
            let io_end = |of| format!("the io_end of {}", view.name(of));
            let what = found.map_or_else(|| "nothing".to_owned(), io_end);
            let text = format!(
                "{} found {what} in cur_aio_dio, which {} had changed without {}",
                view.who(),
                view.name(by),
                inode_lock(view.program.kernel).name()
            );
            broken(RuleId::R1, text)
        }
        _ => Ok(()),
    }
}

/// R2, the part that one execution shows: ranks.
pub(super) fn lock_order(view: &View<'_>) -> Judgement {
    let me = view.me();
    let (rank, wanted) = match view.event.op {
        Op::Lock(lock, _) => (lock.rank(), lock.name()),
        Op::JournalStart(_) => (JOURNAL_RANK, "a journal handle"),
        Op::GateClose if me.gate => {
            return broken(RuleId::R2, "DIOREAD_LOCK was closed a second time");
        }
        Op::GateClose => (GATE_RANK, "DIOREAD_LOCK"),
        _ => return Ok(()),
    };
    let while_held =
        |what: &str| broken(RuleId::R2, format!("{wanted} was waited for while {what}"));
    if let Some((above, _)) = me.held.iter().find(|h| h.0.rank() > rank) {
        return while_held(&format!("{} was held", above.name()));
    }
    if me.gate && GATE_RANK > rank {
        return while_held("DIOREAD_LOCK was closed");
    }
    if me.handles > 0 && JOURNAL_RANK > rank {
        return while_held("a journal handle was open");
    }
    Ok(())
}

/// R2, the part that all executions show together: edges, drains included.
pub(super) fn gather(view: &View<'_>, gathered: &mut Gathered) {
    let (event, me) = (view.event, view.me());
    let wanted = match event.op {
        Op::Lock(lock, _) | Op::LockByRequeue(lock) => Some(Node::Lock(lock)),
        Op::JournalStart(_) => Some(Node::Handle),
        Op::DioWait => Some(Node::Drain),
        _ => None,
    };
    if let Some(wanted) = wanted {
        for &(lock, _) in &me.held {
            gathered.edge(Node::Lock(lock), wanted);
        }
        if me.handles > 0 {
            gathered.edge(Node::Handle, wanted);
        }
        // Whoever owns a reference stands between the drainer and its wake-up.
        if !me.references.is_empty() && wanted != Node::Drain {
            gathered.edge(Node::Drain, wanted);
        }
    }
    let held: Vec<LockName> = me.held.iter().map(|h| h.0).collect();
    for &(object, access) in view.touched() {
        // That I/O is in flight is no field: nothing in the kernel says so.
        if !matches!(object, Object::Lock(_) | Object::InFlight(_)) {
            gathered.touch(object, access, event.task, &held);
        }
    }
}

/// R3.
pub(super) fn lock_balance(view: &View<'_>) -> Judgement {
    let (held, who) = (&view.me().held, view.who());
    match view.event.op {
        Op::Unlock(lock, mode) if !held.contains(&(lock, mode)) => {
            broken(RuleId::R3, format!("{who} released {}, which it did not hold", lock.name()))
        }
        Op::Lock(lock, _) if held.iter().any(|h| h.0 == lock) => {
            broken(RuleId::R3, format!("{who} took {} a second time while holding it", lock.name()))
        }
        _ => Ok(()),
    }
}

/// R3, at the end.
pub(super) fn nothing_held(end: End<'_>, program: &Program, _: &Inode) -> Judgement {
    for ((_, task), name) in end.tasks().zip(&program.names) {
        if let Some((lock, _)) = task.held.first() {
            let text = format!("{} returned with {} held", name.letter, lock.name());
            return broken(RuleId::R3, text);
        }
        if task.handles > 0 {
            return broken(RuleId::R3, format!("{} returned inside a handle", name.letter));
        }
        if task.gate {
            let text = format!("{} returned with the gate closed to readers", name.letter);
            return broken(RuleId::R3, text);
        }
    }
    Ok(())
}

/// R8.
pub(super) fn time_before_unlock(view: &View<'_>) -> Judgement {
    let me = view.me();
    let in_order = me.holds_inode_lock(Mode::Shared) && !me.holds(LockName::IDataSem, Mode::Shared);
    match view.event.op {
        Op::JournalStart(Handle::Time) if !in_order => broken(
            RuleId::R8,
            "file_update_time started its handle with i_mutex dropped and i_data_sem held",
        ),
        Op::Lock(lock, _) | Op::Unlock(lock, _)
            if me.time_handle && (lock.is_inode_lock() || lock == LockName::IDataSem) =>
        {
            broken(RuleId::R8, "file_update_time's handle was still open")
        }
        _ => Ok(()),
    }
}
