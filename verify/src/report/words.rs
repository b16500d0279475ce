//! Each step in the kernel's words.

use crate::program::{Event, Program, Waiting};
use diolock::inode::Blocked;
use diolock::op::{
    Bio, Buffer, Content, Ends, Extent, Handle, LockName, LogicalBlock, Mode, Op, OrphanOp,
    Outcome, PageNo, PhysicalBlock, PrivateOp, Range, Shift, TaskId,
};

/// Taking a lock, as the kernel spells it: `down_read(i_data_sem)`.
pub fn lock_words(lock: LockName, mode: Mode) -> String {
    let call = match (lock, mode) {
        (LockName::DioUnwrittenWq, _) => return "ext4-dio-unwritten: starts".to_owned(),
        (LockName::CompletedIoLock, _) => "spin_lock",
        (LockName::AioMutex | LockName::IMutex, _) => "mutex_lock",
        (LockName::PageLock(page), _) => return format!("lock_page{}", numbered(page)),
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
        (LockName::PageLock(page), _) => return format!("unlock_page{}", numbered(page)),
        (_, Mode::Shared) => "up_read",
        (_, Mode::Exclusive) => "up_write",
    };
    format!("{call}({})", lock.name())
}

/// Which page, behind the first.
fn behind(page: PageNo) -> String {
    if page == 0 { String::new() } else { format!(" {page}") }
}

fn numbered(page: PageNo) -> String {
    if page == 0 { String::new() } else { format!("({page})") }
}

fn pages_words(pages: &[PageNo]) -> String {
    let numbers: Vec<String> = pages.iter().map(PageNo::to_string).collect();
    if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
}

/// A step by itself, in the kernel's words: what does not depend on what comes back.
pub fn op_words(op: &Op) -> String {
    let text = match op {
        Op::Lock(lock, mode) => return lock_words(*lock, *mode),
        Op::LockByRequeue(lock) => return format!("mutex_trylock({}): requeued", lock.name()),
        Op::TryLock(lock, mode) => {
            let call = match (lock.is_rwsem(), mode) {
                (true, Mode::Shared) => "down_read_trylock",
                (true, Mode::Exclusive) => "down_write_trylock",
                (false, _) => "mutex_trylock",
            };
            return format!("{call}({})", lock.name());
        }
        Op::Queue(lock) => return format!("{}: queues", lock_words(*lock, Mode::Exclusive)),
        Op::Unlock(lock, mode) => return unlock_words(*lock, *mode),
        Op::Downgrade(lock) => return format!("downgrade_write({})", lock.name()),
        Op::CountRead(queue) => queue.counter(),
        Op::CountDecAndTest(queue, _) => return format!("{} - 1", queue.counter()),
        Op::PageWrite(block) => return format!("copy to cached block {block}"),
        Op::PageRead(block) => return format!("copy cached block {block}"),
        Op::JournalStart(handle) => return format!("journal_start: {}", handle_words(*handle)),
        Op::JournalStop(handle) => return format!("journal_stop: {}", handle_words(*handle)),
        Op::SizeWrite(size) => return format!("i_size := {size}"),
        Op::DisksizeWrite(size) => return format!("i_disksize := {size}"),
        Op::PageTruncate(_, from, to) => {
            return format!("drop cached blocks {from} to {}", to - 1);
        }
        Op::PageZero(_, from, _) => {
            return format!("zero cached block {} from {from} on", from.down());
        }
        Op::PageStore(_, stored, ..) => return format!("store to cached {}", buffers(stored)),
        Op::PageClean(page, written, _) => {
            let to: Vec<PhysicalBlock> = written.iter().map(|w| w.1).collect();
            return format!("page{}: clean, goes to {}", behind(*page), block_words(&to));
        }
        Op::PageCommit(page, dirty) => {
            let to: Vec<PhysicalBlock> = dirty.iter().map(|w| w.1).collect();
            return format!("page{}: dirty, goes to {}", behind(*page), block_words(&to));
        }
        Op::Map(range, _) => return format!("map {}", range_words(*range)),
        Op::Convert(range, _) | Op::ConvertExtent(range, _) => {
            return format!("convert {}", range_words(*range));
        }
        Op::SwapBlocks(range) => return format!("swap {} with the donor", range_words(*range)),
        Op::ShiftExtents(range, Shift::Left) => {
            return format!("move what is from {} on to {}", range.end(), range.start);
        }
        Op::ShiftExtents(range, Shift::Right) => {
            return format!("move what is from {} on to {}", range.start, range.end());
        }
        Op::Submit(_, submission) => return format!("submit {}", block_words(&submission.blocks)),
        Op::Bio(blocks, Bio::Read { .. }) => return format!("read {}", block_words(blocks)),
        Op::Bio(blocks, Bio::Page { .. }) => {
            return format!("write page to {}", block_words(blocks));
        }
        Op::Bio(blocks, Bio::Write { cut, zeroed, .. }) => {
            let half = match (cut.front, cut.back) {
                (false, false) => "",
                (false, true) if blocks.len() == 1 => " lower half",
                (true, false) if blocks.len() == 1 => " upper half",
                (true, false) => " but the first half",
                (false, true) => " but the last half",
                (true, true) => " but the first and the last half",
            };
            let zero = if *zeroed == Ends::NONE { "" } else { ", zero rest" };
            return format!("write {}{half}{zero}", block_words(blocks));
        }
        Op::DioBegin(_) => "i_dio_count + 1",
        Op::DioEnd(_) => "inode_dio_done",
        Op::DioWait => "inode_dio_wait: count = 0",
        Op::UnwrittenBegin => "i_unwritten + 1",
        Op::UnwrittenEnd => "i_unwritten - 1",
        Op::UnwrittenWait => "i_unwritten wait: 0",
        Op::FsyncDone => "fsync returns",
        Op::IoendDone(_) => "i_ioend_count - 1",
        Op::IoendWait(_) => "ext4_ioend_wait: 0",
        Op::GateClose => "set DIOREAD_LOCK",
        Op::GateOpen => "clear DIOREAD_LOCK",
        Op::GateTest => "test DIOREAD_LOCK",
        Op::SmpMb => "smp_mb()",
        Op::SmpRmb => "smp_rmb()",
        Op::SmpMbBeforeAtomic => "smp_mb__before_atomic()",
        Op::WaitJoin(_) => "prepare_to_wait: joins",
        Op::WaitLook(_) => "waitqueue_active",
        Op::WaitWake(_) => "__wake_up",
        Op::WaitSleep(_) => "schedule: woken",
        Op::WaitLeave(_) => "finish_wait",
        Op::CommitLock => "commit: T_LOCKED",
        Op::CommitWait => "commit: no handle open",
        Op::CommitDone => "commit: done",
        Op::SizeRead => "i_size",
        Op::DisksizeRead => "i_disksize",
        Op::Orphan(OrphanOp::Add) => "orphan_add",
        Op::Orphan(OrphanOp::Del) => "orphan_del",
        Op::Orphan(OrphanOp::Test) => "on the orphan list",
        Op::WriteSync => "generic_write_sync",
        Op::QueueWork => "queue_work",
        Op::WarnSize => "WARN_ON(i_size < i_disksize)",
        Op::PagesRead(_) => "nrpages",
        Op::PagesFind(_) => "which pages are there?",
        Op::PagesDirty(_) => "dirty pages?",
        Op::PagesPut(_) => "put the page",
        Op::PageInvalidate(0) | Op::PageRemove(0) => "drop the page",
        Op::PageInvalidate(page) | Op::PageRemove(page) => return format!("drop page {page}"),
        Op::PageRelease(0) => "drop the page's buffers",
        Op::PageRelease(page) => return format!("drop the buffers of page {page}"),
        Op::PageIn(0) => "add the page",
        Op::PageIn(page) => return format!("add page {page}"),
        Op::PageLook(page) | Op::PageFind(page, _) => return format!("page{}", behind(*page)),
        Op::PageDirty(page) => return format!("page{}: dirty?", behind(*page)),
        Op::PageFill(page, ..) => return format!("page{} read", behind(*page)),
        Op::DepthRead => "depth of the tree",
        Op::Free(_) | Op::FreeRange(_) => "free blocks",
        Op::InodeAioSet(None) => "cur_aio_dio = NULL",
        Op::InodeAioSet(Some(_)) => "cur_aio_dio = io_end",
        Op::InodeAio => "cur_aio_dio",
        Op::ListAdd(_) => "completed list: add",
        Op::ListTake(_) => "completed list: take",
        Op::DropRefcount(_) => "drop_refcount",
        Op::PutIoEnd(_) => "put the io_end",
        Op::Private(_, op) => private_words(*op),
        Op::AioComplete => "aio_complete",
        Op::Close => "close",
    };
    text.to_owned()
}

/// A step and what came back, in the kernel's words; `count` is `i_dio_count` after it.
pub fn words(program: &Program, event: &Event, count: i8) -> String {
    let name = |task: TaskId| program.names[usize::from(task)].letter;
    let came_back = match (&event.op, &event.outcome) {
        (Op::DioBegin(_), _) => return format!("i_dio_count: {} -> {count}", count - 1),
        (Op::DioEnd(_), _) => return format!("inode_dio_done: {} -> {count}", count + 1),
        (Op::PageInvalidate(page), Outcome::Flag(false)) => {
            return format!("page{}: dirty, it stays (-EBUSY)", behind(*page));
        }
        (Op::PageRemove(page), Outcome::Flag(false)) => {
            return format!("page{}: dirty or in use, it stays", behind(*page));
        }
        (Op::PagesFind(_), Outcome::Pages(pages)) => {
            return format!("pages there: {}", pages_words(pages));
        }
        (Op::PagesDirty(_), Outcome::Pages(pages)) => {
            return format!("dirty pages: {}", pages_words(pages));
        }
        (&Op::PageDirty(no), Outcome::Page(page)) => {
            let first = program.inode.paging().start(no);
            let no = behind(no);
            let dirty = (first..).zip(page).filter(|(_, buffer)| buffer.dirty);
            let dirty: Vec<_> = dirty.map(|(block, buffer)| (block, buffer.mapped)).collect();
            return match dirty.is_empty() {
                true => format!("page{no}: clean"),
                false => format!("page{no}: dirty {}", buffers(&dirty)),
            };
        }
        (Op::InodeAioSet(Some(of)), _) => return format!("cur_aio_dio = io_end of {}", name(*of)),
        (Op::Submit(child, _), _) => return format!("{} as {}", op_words(&event.op), name(*child)),
        (Op::ListAdd(io_end), _) => return format!("completed list: add {}", name(io_end.task)),
        (Op::ListTake(_), Outcome::IoEnd(Some(io_end))) => {
            return format!("completed list: take {}", name(io_end.task));
        }
        (Op::ListTake(_), _) => return "completed list: nothing".to_owned(),
        (Op::CountRead(_) | Op::PagesRead(_) | Op::DepthRead, Outcome::Value(value)) => {
            return format!("{} = {value}", op_words(&event.op));
        }
        (Op::SizeRead | Op::DisksizeRead, Outcome::Size(size)) => {
            return format!("{} = {size}", op_words(&event.op));
        }
        (Op::SwapBlocks(_), Outcome::Freed(blocks)) => format!("gives {}", list(blocks)),
        (Op::Free(_) | Op::FreeRange(_), Outcome::Freed(blocks)) if blocks.is_empty() => {
            "none".to_owned()
        }
        (Op::Free(_) | Op::FreeRange(_), Outcome::Freed(blocks)) => list(blocks),
        (Op::TryLock(..), outcome) => flag(outcome, "taken", "busy").to_owned(),
        (Op::GateTest, outcome) => flag(outcome, "set", "clear").to_owned(),
        (Op::CountDecAndTest(..), outcome) => flag(outcome, "0", "more left").to_owned(),
        (Op::WaitLook(_) | Op::Orphan(OrphanOp::Test) | Op::Private(_, PrivateOp::Test), _) => {
            flag(&event.outcome, "yes", "no").to_owned()
        }
        (Op::PageRead(_), Outcome::Data(data)) => {
            data.first().map_or_else(String::new, |d| content_words(program, d[0]))
        }
        (Op::PageFind(..), outcome) => flag(outcome, "up to date", "not there").to_owned(),
        (Op::PageLook(_) | Op::PageIn(_), Outcome::Page(page)) => page_words(page),
        (Op::PageFill(_, contents, _), _) => {
            let halves = contents.iter().flat_map(|filled| filled.1);
            let mut held: Vec<_> = halves.map(|c| content_words(program, c)).collect();
            held.dedup();
            held.join(", ")
        }
        (Op::Map(..), outcome) => mapping(outcome),
        (Op::Convert(..) | Op::ConvertExtent(..), outcome) => converted(outcome),
        (Op::Bio(_, Bio::Read { .. }), Outcome::Data(data)) => {
            let halves = data.iter().flatten().map(|c| content_words(program, *c));
            let mut found: Vec<String> = halves.collect();
            found.dedup();
            found.join(", ")
        }
        (Op::InodeAio, Outcome::InodeAio(Some(of))) => format!("io_end of {}", name(*of)),
        (Op::InodeAio, _) => "NULL".to_owned(),
        (Op::DropRefcount(_) | Op::PutIoEnd(_), outcome) => {
            flag(outcome, "the last", "not the last").to_owned()
        }
        (Op::Private(_, op), outcome) => return private(*op, outcome),
        (op, _) => return op_words(op),
    };
    format!("{}: {came_back}", op_words(&event.op))
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

/// What a look at the page found.
fn page_words(page: &[Buffer]) -> String {
    let uptodate = (0..).zip(page).filter(|(_, buffer)| buffer.uptodate);
    let uptodate: Vec<PhysicalBlock> = uptodate.map(|(block, _)| block).collect();
    match (page.len(), uptodate.len()) {
        (0, _) => "not there".to_owned(),
        (_, 0) => "nothing up to date".to_owned(),
        (all, up) if all == up => "up to date".to_owned(),
        _ => format!("up to date in {}", block_words(&uptodate)),
    }
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
        Content::Of(by) => format!("{}'s", program.whose(by)),
        Content::Initial => "old data".to_owned(),
        Content::Stale => "STALE".to_owned(),
        Content::Zero => "zeros".to_owned(),
        Content::Foreign => "FOREIGN".to_owned(),
    }
}

fn private_words(op: PrivateOp) -> &'static str {
    match op {
        PrivateOp::PointAtFlag => "iocb->private = &overwrite",
        PrivateOp::ReadFlag { overwrite: true } => "overwrite = 1",
        PrivateOp::ReadFlag { overwrite: false } => "overwrite = 0",
        PrivateOp::Clear => "iocb->private = NULL",
        PrivateOp::SetIoEnd => "iocb->private = io_end",
        PrivateOp::Test => "if (iocb->private)",
        PrivateOp::TakeIoEnd { .. } => "io_end = iocb->private",
    }
}

fn private(op: PrivateOp, outcome: &Outcome) -> String {
    let wrong = if *outcome == Outcome::Flag(false) { " (is not one)" } else { "" };
    format!("{}{wrong}", private_words(op))
}
