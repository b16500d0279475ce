//! Each step in the kernel's words.

use crate::program::{Event, Program, Waiting};
use diolock::dio_path::iocb::PrivateOp;
use diolock::extent_probe::{Content, Extent, Half};
use diolock::inode::Blocked;
use diolock::inode_lock::{LockName, Mode};
use diolock::op::{
    Bio, Handle, LogicalBlock, Op, OrphanOp, Outcome, PhysicalBlock, Range, Shift, TaskId,
};
use diolock::page::PAGE_BLOCKS;

/// Taking a lock, as the kernel spells it: `down_read(i_data_sem)`.
pub fn lock_words(lock: LockName, mode: Mode) -> String {
    let call = match (lock, mode) {
        (LockName::DioUnwrittenWq, _) => return "ext4-dio-unwritten: starts".to_owned(),
        (LockName::CompletedIoLock, _) => "spin_lock",
        (LockName::AioMutex | LockName::IMutex, _) => "mutex_lock",
        (LockName::PageLock, _) => return "lock_page".to_owned(),
        (_, Mode::Shared) => "down_read",
        (_, Mode::Exclusive) => "down_write",
    };
    format!("{call}({})", lock.name())
}

fn unlock_words(lock: LockName, mode: Mode) -> String {
    let call = match (lock, mode) {
        (LockName::DioUnwrittenWq, _) => return "ext4-dio-unwritten: done".to_owned(),
        (LockName::CompletedIoLock, _) => "spin_unlock",
        (LockName::AioMutex | LockName::IMutex, _) => "mutex_unlock",
        (LockName::PageLock, _) => return "unlock_page".to_owned(),
        (_, Mode::Shared) => "up_read",
        (_, Mode::Exclusive) => "up_write",
    };
    format!("{call}({})", lock.name())
}

/// A step and what came back, in the kernel's words; `count` is `i_dio_count` after it.
pub fn words(program: &Program, event: &Event, count: i8) -> String {
    let name = |task: TaskId| program.names[usize::from(task)].letter;
    match (&event.op, &event.outcome) {
        (Op::Lock(lock, mode), _) => lock_words(*lock, *mode),
        (Op::LockByRequeue(lock), _) => format!("mutex_trylock({}): requeued", lock.name()),
        (Op::TryLock(lock, mode), outcome) => {
            let call = match (lock.is_rwsem(), mode) {
                (true, Mode::Shared) => "down_read_trylock",
                (true, Mode::Exclusive) => "down_write_trylock",
                (false, _) => "mutex_trylock",
            };
            format!("{call}({}){}", lock.name(), flag(outcome, ": taken", ": busy"))
        }
        (Op::Queue(lock), _) => format!("{}: queues", lock_words(*lock, Mode::Exclusive)),
        (Op::Unlock(lock, mode), _) => unlock_words(*lock, *mode),
        (Op::Downgrade(lock), _) => format!("downgrade_write({})", lock.name()),
        (Op::DioBegin(_), _) => format!("i_dio_count: {} -> {count}", count - 1),
        (Op::DioEnd(_), _) => format!("inode_dio_done: {} -> {count}", count + 1),
        (Op::DioWait, _) => "inode_dio_wait: count = 0".to_owned(),
        (Op::UnwrittenBegin, _) => "i_unwritten + 1".to_owned(),
        (Op::UnwrittenEnd, _) => "i_unwritten - 1".to_owned(),
        (Op::UnwrittenWait, _) => "i_unwritten wait: 0".to_owned(),
        (Op::FsyncDone, _) => "fsync returns".to_owned(),
        (Op::IoendDone(_), _) => "i_ioend_count - 1".to_owned(),
        (Op::IoendWait(_), _) => "ext4_ioend_wait: 0".to_owned(),
        (Op::GateClose, _) => "set DIOREAD_LOCK".to_owned(),
        (Op::GateOpen, _) => "clear DIOREAD_LOCK".to_owned(),
        (Op::GateTest, outcome) => {
            format!("test DIOREAD_LOCK: {}", flag(outcome, "set", "clear"))
        }
        (Op::SmpMb, _) => "smp_mb()".to_owned(),
        (Op::SmpRmb, _) => "smp_rmb()".to_owned(),
        (Op::SmpMbBeforeAtomic, _) => "smp_mb__before_atomic()".to_owned(),
        (Op::CountRead(queue), Outcome::Value(count)) => format!("{} = {count}", queue.counter()),
        (Op::CountRead(queue), _) => queue.counter().to_owned(),
        (Op::CountDecAndTest(queue, _), outcome) => {
            format!("{} - 1{}", queue.counter(), flag(outcome, ": 0", ": more left"))
        }
        (Op::WaitJoin(_), _) => "prepare_to_wait: joins".to_owned(),
        (Op::WaitLook(_), outcome) => {
            format!("waitqueue_active: {}", flag(outcome, "yes", "no"))
        }
        (Op::WaitWake(_), _) => "__wake_up".to_owned(),
        (Op::WaitSleep(_), _) => "schedule: woken".to_owned(),
        (Op::WaitLeave(_), _) => "finish_wait".to_owned(),
        (Op::PageWrite(block), _) => format!("copy to cached block {block}"),
        (Op::PageRead(block), Outcome::Data(data)) => {
            let found = data.first().map_or_else(String::new, |d| content_words(program, d[0]));
            format!("copy cached block {block}: {found}")
        }
        (Op::PageRead(block), _) => format!("copy cached block {block}"),
        (Op::JournalStart(handle), _) => format!("journal_start: {}", handle_words(*handle)),
        (Op::JournalStop(handle), _) => format!("journal_stop: {}", handle_words(*handle)),
        (Op::CommitLock, _) => "commit: T_LOCKED".to_owned(),
        (Op::CommitWait, _) => "commit: no handle open".to_owned(),
        (Op::CommitDone, _) => "commit: done".to_owned(),
        (Op::SizeRead, Outcome::Value(size)) => format!("i_size = {size}"),
        (Op::SizeWrite(size), _) => format!("i_size := {size}"),
        (Op::DisksizeWrite(size), _) => format!("i_disksize := {size}"),
        (Op::DisksizeRead, Outcome::Value(size)) => format!("i_disksize = {size}"),
        (Op::DisksizeRead, _) => "i_disksize".to_owned(),
        (Op::Orphan(OrphanOp::Add), _) => "orphan_add".to_owned(),
        (Op::Orphan(OrphanOp::Del), _) => "orphan_del".to_owned(),
        (Op::Orphan(OrphanOp::Test), outcome) => {
            format!("on the orphan list: {}", flag(outcome, "yes", "no"))
        }
        (Op::WriteSync, _) => "generic_write_sync".to_owned(),
        (Op::WarnSize, _) => "WARN_ON(i_size < i_disksize)".to_owned(),
        (Op::PagesRead, Outcome::Value(pages)) => format!("nrpages = {pages}"),
        (Op::PageTruncate(range), _) if range.end() >= PAGE_BLOCKS => {
            format!("drop cached blocks from {} on", range.start)
        }
        (Op::PageTruncate(range), _) => {
            format!("drop cached blocks {} to {}", range.start, range.end() - 1)
        }
        (Op::PageInvalidate, Outcome::Flag(false)) => "page: dirty, it stays (-EBUSY)".to_owned(),
        (Op::PageInvalidate, _) => "drop the page".to_owned(),
        (Op::PageIn, _) => "add the page".to_owned(),
        (Op::PageLook | Op::PageFind, outcome) => {
            format!("page: {}", flag(outcome, "up to date", "not there"))
        }
        (Op::PageDirty, Outcome::Buffers(dirty)) if dirty.is_empty() => "page: clean".to_owned(),
        (Op::PageDirty, Outcome::Buffers(dirty)) => format!("page: dirty {}", buffers(dirty)),
        (Op::PageDirty, _) => "page: dirty?".to_owned(),
        (Op::PageFill(contents), _) => {
            let mut held: Vec<_> =
                contents.iter().flatten().map(|&c| content_words(program, c)).collect();
            held.dedup();
            format!("page read: {}", held.join(", "))
        }
        (Op::PageStore(stored), _) => format!("store to cached {}", buffers(stored)),
        (Op::PageClean(written), _) => {
            let to: Vec<PhysicalBlock> = written.iter().map(|w| w.1).collect();
            format!("page: clean, goes to {}", block_words(&to))
        }
        (Op::DepthRead, Outcome::Value(depth)) => format!("depth of the tree = {depth}"),
        (Op::DepthRead, _) => "depth of the tree".to_owned(),
        (Op::Map(range, _), outcome) => {
            format!("map {}: {}", range_words(*range), mapping(outcome))
        }
        (Op::Convert(range, _) | Op::ConvertExtent(range, _), outcome) => {
            format!("convert {}: {}", range_words(*range), converted(outcome))
        }
        (Op::Free(_) | Op::FreeRange(_), Outcome::Freed(blocks)) if blocks.is_empty() => {
            "free blocks: none".to_owned()
        }
        (Op::Free(_) | Op::FreeRange(_), Outcome::Freed(blocks)) => {
            format!("free blocks: {}", list(blocks))
        }
        (Op::SwapBlocks(range), Outcome::Freed(blocks)) => {
            format!("swap {} with the donor: gives {}", range_words(*range), list(blocks))
        }
        (Op::SwapBlocks(range), _) => format!("swap {} with the donor", range_words(*range)),
        (Op::ShiftExtents(range, Shift::Left), _) => {
            format!("move what is from {} on to {}", range.end(), range.start)
        }
        (Op::ShiftExtents(range, Shift::Right), _) => {
            format!("move what is from {} on to {}", range.start, range.end())
        }
        (Op::Submit(child, submission), _) => {
            format!("submit {} as {}", block_words(&submission.blocks), name(*child))
        }
        (Op::Bio(blocks, Bio::Read { .. }), Outcome::Data(data)) => {
            let halves = data.iter().flatten().map(|c| content_words(program, *c));
            let mut found: Vec<String> = halves.collect();
            found.dedup();
            format!("read {}: {}", block_words(blocks), found.join(", "))
        }
        (Op::Bio(blocks, Bio::Page { .. }), _) => format!("write page to {}", block_words(blocks)),
        (Op::Bio(blocks, Bio::Write { half, zero_rest }), _) => {
            let half = match half {
                None => "",
                Some(Half::Lower) => " lower half",
                Some(Half::Upper) => " upper half",
            };
            let zero = if *zero_rest { ", zero rest" } else { "" };
            format!("write {}{half}{zero}", block_words(blocks))
        }
        (Op::InodeAioSet(None), _) => "cur_aio_dio = NULL".to_owned(),
        (Op::InodeAioSet(Some(of)), _) => format!("cur_aio_dio = io_end of {}", name(*of)),
        (Op::InodeAio, Outcome::InodeAio(Some(of))) => {
            format!("cur_aio_dio: io_end of {}", name(*of))
        }
        (Op::InodeAio, _) => "cur_aio_dio: NULL".to_owned(),
        (Op::ListAdd(io_end), _) => format!("completed list: add {}", name(io_end.task)),
        (Op::ListTake(_), Outcome::IoEnd(Some(io_end))) => {
            format!("completed list: take {}", name(io_end.task))
        }
        (Op::ListTake(_), _) => "completed list: nothing".to_owned(),
        (Op::DropRefcount(_), outcome) => {
            format!("drop_refcount: {}", flag(outcome, "the last", "not the last"))
        }
        (Op::PutIoEnd(_), outcome) => {
            format!("put the io_end: {}", flag(outcome, "the last", "not the last"))
        }
        (Op::Private(_, PrivateOp::Test), outcome) => {
            format!("if (iocb->private): {}", flag(outcome, "yes", "no"))
        }
        (Op::Private(_, op), outcome) => private(*op, outcome),
        (Op::AioComplete, _) => "aio_complete".to_owned(),
        (Op::Close, _) => "close".to_owned(),
        // Outcomes that these steps do not have.
        (Op::SizeRead, _) => "i_size".to_owned(),
        (Op::PagesRead, _) => "nrpages".to_owned(),
        (Op::Free(_) | Op::FreeRange(_), _) => "free blocks".to_owned(),
        (Op::Bio(blocks, Bio::Read { .. }), _) => format!("read {}", block_words(blocks)),
    }
}

/// What a task waits for, and for whom: `waits for i_data_sem W, held by A`.
pub fn waits_words(waiting: &Waiting, letter: &impl Fn(TaskId) -> char) -> String {
    match &waiting.blocked {
        Blocked::Lock { lock, mode, by, spins, queued } => {
            let by: Vec<String> = by.iter().map(|&task| letter(task).to_string()).collect();
            let verb = if *spins { "requeues for" } else { "waits for" };
            let held = if *queued { "queued for" } else { "held" };
            format!("{verb} {}, {held} by {}", lock.in_mode(*mode), by.join(", "))
        }
        Blocked::DioCount(n) => format!("waits for i_dio_count to fall from {n} to 0"),
        Blocked::Unwritten(n) => format!("waits for i_unwritten to fall from {n} to 0"),
        Blocked::Ioend(n) => format!("waits for i_ioend_count to fall from {n} to 0"),
        Blocked::TransactionLocked => "waits for the commit to end".to_owned(),
        Blocked::CommitRunning => "waits for the commit before it to end".to_owned(),
        Blocked::OpenHandles(1) => "waits for an open handle to stop".to_owned(),
        Blocked::OpenHandles(n) => format!("waits for {n} open handles to stop"),
        Blocked::Asleep { queue, count, forgotten: true } => {
            format!("sleeps with {} = {count}, and nobody will wake it", queue.counter())
        }
        Blocked::Asleep { queue, .. } => format!("sleeps until {} is 0", queue.counter()),
    }
}

/// The same as a step of its own lane: `mutex_lock(i_mutex): waits for A`.
pub fn lane_waits_words(waiting: &Waiting, letter: &impl Fn(TaskId) -> char) -> String {
    match &waiting.blocked {
        Blocked::Lock { lock, mode, by, .. } => {
            let by: Vec<String> = by.iter().map(|&task| letter(task).to_string()).collect();
            format!("{}: waits for {}", lock_words(*lock, *mode), by.join(", "))
        }
        Blocked::DioCount(n) => format!("inode_dio_wait: count = {n}, waits"),
        Blocked::Unwritten(n) => format!("i_unwritten = {n}, waits"),
        Blocked::Ioend(n) => format!("ext4_ioend_wait: count = {n}, waits"),
        Blocked::TransactionLocked => "journal_start: waits for the commit".to_owned(),
        Blocked::CommitRunning => "commit: waits for the one before".to_owned(),
        Blocked::OpenHandles(n) => format!("commit: waits, {n} open"),
        Blocked::Asleep { .. } => "schedule: sleeps".to_owned(),
    }
}

/// How the task of a row holds a rwsem: `R `, `W `; nothing for a mutex.
pub fn held_words(row: &super::Row, lock: LockName) -> &'static str {
    let mode = row.held.iter().find(|h| h.task == row.task && h.lock == lock).map(|h| h.mode);
    match mode {
        Some(Mode::Shared) if lock.is_rwsem() => "R ",
        Some(Mode::Exclusive) if lock.is_rwsem() => "W ",
        _ => "",
    }
}

fn flag(outcome: &Outcome, yes: &'static str, no: &'static str) -> &'static str {
    if *outcome == Outcome::Flag(true) { yes } else { no }
}

fn handle_words(handle: Handle) -> &'static str {
    match handle {
        Handle::Time => "time",
        Handle::Orphan => "orphan",
        Handle::Extents => "extents",
    }
}

fn range_words(range: Range) -> String {
    if range.len == 1 {
        range.start.to_string()
    } else {
        format!("{}-{}", range.start, range.end() - 1)
    }
}

fn list(blocks: &[PhysicalBlock]) -> String {
    blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn block_words(blocks: &[PhysicalBlock]) -> String {
    format!("{} {}", if blocks.len() == 1 { "block" } else { "blocks" }, list(blocks))
}

fn buffers(buffers: &[(LogicalBlock, Option<PhysicalBlock>)]) -> String {
    let words = buffers.iter().map(|(block, mapped)| match mapped {
        Some(mapped) => format!("{block} (block {mapped})"),
        None => format!("{block} (delayed)"),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn extent_words(extent: Extent) -> &'static str {
    match extent {
        Extent::Hole => "hole",
        Extent::Unwritten => "unwritten",
        Extent::Written => "written",
    }
}

fn mapping(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Mapping(found) => {
            let words = found.iter().map(|m| extent_words(m.extent));
            words.collect::<Vec<_>>().join(", ")
        }
        _ => "ENOSPC".to_owned(),
    }
}

fn converted(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Converted(found) => {
            let words = found.iter().map(|f| extent_words(f.0));
            format!("was {}", words.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}

/// What half a block holds: `old data`, `W's`.
pub fn content_words(program: &Program, content: Content) -> String {
    match content {
        Content::Of(task) => format!("{}'s", program.names[usize::from(task)].letter),
        Content::Initial => "old data".to_owned(),
        Content::Stale => "STALE".to_owned(),
        Content::Zero => "zeros".to_owned(),
        Content::Foreign => "FOREIGN".to_owned(),
    }
}

fn private(op: PrivateOp, outcome: &Outcome) -> String {
    let text = match op {
        PrivateOp::PointAtFlag => "iocb->private = &overwrite",
        PrivateOp::ReadFlag { overwrite: true } => "overwrite = 1",
        PrivateOp::ReadFlag { overwrite: false } => "overwrite = 0",
        PrivateOp::Clear => "iocb->private = NULL",
        PrivateOp::SetIoEnd => "iocb->private = io_end",
        PrivateOp::Test => "if (iocb->private)",
        PrivateOp::TakeIoEnd { .. } => "io_end = iocb->private",
    };
    let wrong = if *outcome == Outcome::Flag(false) { " (is not one)" } else { "" };
    format!("{text}{wrong}")
}
