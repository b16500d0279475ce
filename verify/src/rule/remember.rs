//! What the rules remember of each event.

use super::records::{DioRecord, Halves, PageRecord};
use super::view::View;
use diolock::call::Call;
use diolock::kernel::Version;
use diolock::op::{
    Bio, Ends, Extent, Handle, LockName, MapFor, Mode, Op, OrphanOp, Outcome, PageNo,
    PhysicalBlock, PrivateOp, Range, Size, Submission, TaskId, WaitQueue,
};

/// Whether the end of the task's I/O runs in interrupt, up to a step of its own that says no longer.
fn interrupts(view: &View<'_>) -> bool {
    let call = &view.program.calls[usize::from(view.event.task)];
    view.program.kernel.version >= Version::V7_0 && matches!(call, Call::IomapEndIo(_))
}

/// Notes an event.
pub(super) fn remember(view: &mut View<'_>) {
    let (event, me) = (view.event, view.event.task);
    match (&event.op, &event.outcome) {
        (Op::TryLock(_, _), Outcome::Flag(false)) => {}
        (&Op::Lock(lock, mode) | &Op::TryLock(lock, mode), _) => take(view, lock, mode),
        (&Op::LockByRequeue(lock), _) => take(view, lock, Mode::Exclusive),
        (&Op::Unlock(lock, mode), _) => release(view, lock, mode),
        (&Op::Downgrade(lock), _) => {
            for hold in view.me_mut().held.iter_mut().filter(|hold| hold.0 == lock) {
                hold.1 = Mode::Shared;
            }
        }
        (&Op::DioBegin(of), _) => {
            let count = view.dio_count_mut();
            count.references[usize::from(of)] += 1;
            count.begun.add(me);
            let task = view.me_mut();
            task.references.push(of);
            task.references.sort_unstable();
            task.counted = true;
            // From v5.10 on a write that needs no more than the shared lock is an overwrite.
            task.overwrite |= task.held.contains(&(LockName::IRwsem, Mode::Shared));
        }
        (&Op::DioEnd(of) | &Op::CountDecAndTest(WaitQueue::Dio, of), _) => {
            let count = view.dio_count_mut();
            count.references[usize::from(of)] -= 1;
            count.ended.add(of);
            let references = &mut view.me_mut().references;
            if let Some(at) = references.iter().position(|&reference| reference == of) {
                references.remove(at);
            }
        }
        (Op::DioWait, _) => {
            let count = view.dio_count();
            let mut over = count.ended;
            for (of, _) in (0_u32..).zip(&count.references).filter(|(_, n)| **n != 0) {
                over.remove(of);
            }
            let task = view.me_mut();
            if task.holds_inode_lock(Mode::Exclusive) {
                task.drained = over;
            }
        }
        (Op::UnwrittenBegin, _) => *view.unwritten_mut() += 1,
        (Op::UnwrittenEnd | Op::CountDecAndTest(WaitQueue::Unwritten, _), _) => {
            *view.unwritten_mut() -= 1;
        }
        (Op::ListAdd(io_end), _) => {
            let references = view.me_mut().hand_on(io_end.task);
            let listed = view.listed_mut();
            listed.extend(references);
            listed.sort_unstable();
        }
        (Op::ListTake(_), Outcome::IoEnd(Some(io_end))) => {
            let of = io_end.task;
            let references: Vec<TaskId> = view.listed_mut().extract_if(.., |r| *r == of).collect();
            let task = view.me_mut();
            task.references.extend(references);
            task.references.sort_unstable();
            if !io_end.direct {
                task.buffered.add(of);
            }
        }
        // Who drops the io_end last ends the I/O.
        (&Op::PutIoEnd(of), Outcome::Flag(false)) => {
            let references = view.me_mut().hand_on(of).len();
            view.io_end_mut(of).references += references as u8;
        }
        (&Op::PutIoEnd(of), Outcome::Flag(true)) => {
            let references = std::mem::take(&mut view.io_end_mut(of).references);
            let task = view.me_mut();
            task.references.extend(std::iter::repeat_n(of, references.into()));
            task.references.sort_unstable();
        }
        // Who drops the dio last completes the I/O.
        (&Op::DropRefcount(of), Outcome::Flag(false)) => {
            let references = view.me_mut().hand_on(of).len() as u8;
            let wrote = view.me().wrote;
            *view.dio_mut(of) = DioRecord { references, wrote };
        }
        (&Op::DropRefcount(of), Outcome::Flag(true)) => {
            let left = std::mem::take(view.dio_mut(of));
            let task = view.me_mut();
            task.references.extend(std::iter::repeat_n(of, left.references.into()));
            task.references.sort_unstable();
            task.wrote.join(left.wrote);
        }
        (&Op::PageInvalidate(page) | &Op::PageRemove(page), Outcome::Flag(true)) => {
            view.page_mut(page).there = false;
            pages_gone(view);
        }
        (&Op::PageTruncate(page, from, to), _) => {
            let paging = view.program.inode.paging();
            if paging.whole(page, from, to) {
                view.page_mut(page).there = false;
            } else {
                for block in from.down()..to.min(paging.end_of(page)) {
                    let first_stays = from.splits() && block == from.down();
                    let cut = &mut view.page_data_mut(block).cut;
                    *cut = [cut[0] || !first_stays, true];
                }
            }
            pages_gone(view);
        }
        (&Op::PageZero(_, at, _), _) => view.page_data_mut(at.down()).cut[at.half()] = true,
        (&Op::PageIn(page), _) => {
            let page = view.page_mut(page);
            if !page.there {
                *page = PageRecord { there: true, holes: Halves::default() };
            }
        }
        (&Op::PageFind(page, _), Outcome::Flag(true)) => {
            let holes = view.page(page).holes;
            found(view, page, holes);
        }
        (Op::PagesRead(_), Outcome::Value(0)) => pages_gone(view),
        (Op::PagesFind(_), Outcome::Pages(pages)) if pages.is_empty() => pages_gone(view),
        (&Op::PageFill(page, ref filled, _), _) => {
            let mut read = Halves::default();
            filled.iter().for_each(|filled| read.join(Halves::of(filled.0, None)));
            let mut holes = view.page(page).holes.less(read);
            holes.join(view.me().holes.and(read));
            view.page_mut(page).holes = holes;
            found(view, page, holes);
        }
        (Op::PageStore(_, stored, cut, _), _) => {
            for (at, &(block, _)) in stored.iter().enumerate() {
                view.me_mut().wrote.join(Halves::within(block, cut.halves(at, stored.len())));
            }
        }
        (Op::PageClean(..), _) => {
            let task = view.me_mut();
            task.page_end = task.size_looked;
        }
        (&Op::PageWrite(block), _) => view.me_mut().wrote.join(Halves::of(block, None)),
        (Op::GateClose, _) => view.me_mut().gate = true,
        (Op::GateOpen, _) => view.me_mut().gate = false,
        (Op::DepthRead, &Outcome::Value(depth)) if view.me().handles == 0 => {
            view.me_mut().credits_for = Some(depth);
        }
        (&Op::JournalStart(handle), _) => {
            view.me_mut().handles += 1;
            view.me_mut().time_handle |= handle == Handle::Time;
        }
        (&Op::JournalStop(handle), _) => {
            let task = view.me_mut();
            task.handles = task.handles.saturating_sub(1);
            task.time_handle &= handle != Handle::Time;
        }
        (Op::SizeRead, &Outcome::Size(size)) => {
            let vouched = view.size().backed.and(Halves::below(size));
            let task = view.me_mut();
            (task.size_seen, task.size_known, task.vouched) = (size, size, vouched);
            task.size_looked = Some(size);
        }
        (&Op::SizeWrite(size), _) => resize(view, size),
        (&Op::DisksizeWrite(size), _) => {
            let disksize = view.disksize_mut();
            disksize.cut = match size <= disksize.value {
                true => Halves::from(size),
                false => disksize.cut.less(Halves::below(size)),
            };
            disksize.value = size;
            disksize.touched = true;
        }
        (Op::WriteSync, _) => view.me_mut().synced = true,
        (Op::Close, _) => *view.closed_mut() = true,
        (Op::AioComplete, _) => view.me_mut().let_go = *view.closed(),
        (&Op::Orphan(OrphanOp::Add), _) => *view.orphan_mut() = true,
        (&Op::Orphan(OrphanOp::Del), _) => *view.orphan_mut() = false,
        (Op::Map(..), _) => mapped(view),
        (Op::Convert(_, of) | Op::ConvertExtent(_, of), Outcome::Converted(found)) => {
            view.me_mut().converted = true;
            let extents = view.extents_mut();
            for block in found.iter().filter_map(|found| found.1) {
                extents.written.add(block);
                if !extents.converted.contains(&(block, *of)) {
                    extents.converted.push((block, *of));
                }
            }
        }
        (Op::Free(_) | Op::FreeRange(_) | Op::SwapBlocks(_), Outcome::Freed(freed)) => {
            for &b in freed {
                view.block_mut(b).freed = true;
                view.extents_mut().freed.add(b);
            }
            if let Op::FreeRange(range) = event.op {
                view.extents_mut().holes.join(Halves::of_range(range));
            }
        }
        (Op::ShiftExtents(range, _), _) => {
            view.extents_mut().holes.join(Halves::from(Size::blocks(range.start)));
        }
        (Op::Submit(child, submission), _) => submit(view, *child, submission),
        (Op::Bio(blocks, bio), _) => {
            io(view, blocks, *bio);
            view.me_mut().interrupt = interrupts(view);
        }
        (Op::QueueWork, _) => view.me_mut().interrupt = false,
        (Op::InodeAioSet(_), _) => *view.slot_mut() = Some(me),
        (&Op::Private(_, PrivateOp::TakeIoEnd { of }), _) => view.io_end_mut(of).taken = true,
        (Op::Private(_, PrivateOp::PointAtFlag), _) => view.me_mut().submits = true,
        (&Op::Private(_, PrivateOp::ReadFlag { overwrite }), _) => {
            view.me_mut().overwrite = overwrite;
        }
        _ => {}
    }
}

fn take(view: &mut View<'_>, lock: LockName, mode: Mode) {
    let left = view.lock(lock);
    let task = view.me_mut();
    task.held.push((lock, mode));
    if lock.is_inode_lock() {
        task.uncounted = left.uncounted;
    }
    if matches!(lock, LockName::PageLock(_)) {
        task.awaits.join(left.wrote_back);
    }
}

fn release(view: &mut View<'_>, lock: LockName, mode: Mode) {
    let me = view.event.task;
    let task = view.me_mut();
    if let Some(at) = task.held.iter().position(|&h| h == (lock, mode)) {
        task.held.remove(at);
    }
    task.pages_gone &= !matches!(lock, LockName::IMmapSem | LockName::InvalidateLock);
    if lock.is_inode_lock() {
        let uncounted = task.overwrite && !task.counted && mode == Mode::Exclusive;
        task.overwrite &= mode == Mode::Exclusive;
        (task.uncounted, task.drained) = Default::default();
        if uncounted {
            view.lock_mut(lock).uncounted.add(me);
        }
    } else if matches!(lock, LockName::PageLock(_)) {
        let wrote_back = task.wrote_back;
        // What is written together is let go page by page.
        if !task.holds_page() {
            task.wrote_back = Default::default();
        }
        view.lock_mut(lock).wrote_back.join(wrote_back);
    }
}

/// It has a page in hand, filled by somebody who knew of these holes.
fn found(view: &mut View<'_>, page: PageNo, holes: Halves) {
    let of_page = Halves::of_range(Range::of_page(page, view.program.inode.paging()));
    let known = &mut view.me_mut().page_holes;
    *known = known.less(of_page);
    known.join(holes);
}

fn pages_gone(view: &mut View<'_>) {
    let task = view.me_mut();
    task.pages_gone = [LockName::IMmapSem, LockName::InvalidateLock]
        .into_iter()
        .any(|lock| task.holds(lock, Mode::Exclusive));
}

/// i_size vouches for what its writer put there; what it falls below is no file data any more.
fn resize(view: &mut View<'_>, to: Size) {
    let wrote = view.me().wrote;
    let size = view.size_mut();
    if to > size.value {
        let grown = Halves::from(size.value).and(Halves::below(to));
        size.backed.join(wrote.and(grown));
    } else {
        size.backed = size.backed.and(Halves::below(to));
        size.cut.join(Halves::from(to));
    }
    size.value = to;
    size.touched = true;
    view.me_mut().size_known = to;
}

fn mapped(view: &mut View<'_>) {
    let (Op::Map(range, how), Outcome::Mapping(found)) = (&view.event.op, &view.event.outcome)
    else {
        return;
    };
    if *how == MapFor::Unwrite {
        view.extents_mut().holes.join(Halves::of_range(*range));
    }
    let holes = view.extents().holes;
    view.me_mut().holes = holes;
    if *how == MapFor::Extend {
        for block in found.iter().filter_map(|m| m.block) {
            view.extents_mut().written.add(block);
        }
    }
    if *how == MapFor::Unwrite {
        // Unwritten again, and rightly: what was converted before says nothing of it any more.
        let again = |b: PhysicalBlock| found.iter().any(|m| m.block == Some(b));
        view.extents_mut().converted.retain(|&(block, _)| !again(block));
        let written = found.iter().filter(|m| m.extent == Extent::Written);
        for block in written.filter_map(|m| m.block) {
            view.block_mut(block).data = [None; 2];
        }
        return;
    }
    if matches!(how, MapFor::Preallocate { .. } | MapFor::Probe | MapFor::Page) {
        return;
    }
    let task = view.me_mut();
    if task.handles > 0 && matches!(how, MapFor::Create | MapFor::Extend) {
        // What its own extents add to the tree its estimate has counted.
        task.credits_for = None;
    }
    task.mapped_to = range.end();
    // One I/O may take a lookup for each of its extents.
    task.mapped.retain(|(block, _)| !(range.start..range.end()).contains(block));
    task.mapped.extend(range.blocks().zip(found).filter_map(|(l, m)| Some((l, m.block?))));
    task.unwritten = Default::default();
    for block in found.iter().filter(|m| m.extent == Extent::Unwritten).filter_map(|m| m.block) {
        task.unwritten.add(block);
    }
}

/// From here on the I/O is in flight, and the reference to i_dio_count is its completion's to drop.
fn submit(view: &mut View<'_>, child: TaskId, submission: &Submission) {
    let references = view.me_mut().hand_on(child);
    let mapped = std::mem::take(&mut view.me_mut().mapped);
    let task = view.started(child);
    task.references.extend(references);
    task.mapped_to = submission.range().end();
    task.mapped = mapped;
    task.flying = submission.blocks.iter().copied().collect();
    for &block in &submission.blocks {
        view.in_flight_mut(block).add(child);
    }
}

fn io(view: &mut View<'_>, blocks: &[PhysicalBlock], bio: Bio) {
    let me = view.event.task;
    // Of a torn bio these blocks only.
    let flying = std::mem::take(&mut view.me_mut().flying);
    let (over, kept) = flying.into_iter().partition(|block| blocks.contains(block));
    view.me_mut().flying = kept;
    for block in over {
        view.in_flight_mut(block).remove(me);
    }
    match bio {
        Bio::Read { .. } => {}
        Bio::Page { start } => {
            view.me_mut().writes_back = true;
            let size = view.me().page_end.unwrap_or(Size::MAX);
            for (at, &b) in (start..).zip(blocks) {
                // What lies past i_size is no data.
                let data = |half| Some(me).filter(|_| Size::halves(2 * at + half) < size);
                view.block_mut(b).data = [data(0), data(1)];
                let task = view.me_mut();
                if task.unwritten.has(b) {
                    task.wrote_back.add(b);
                }
            }
        }
        Bio::Write { cut, zeroed, .. } => {
            let task = view.me_mut();
            task.wrote_to = Size::halves((2 * task.mapped_to).saturating_sub(u32::from(cut.back)));
            let place = |number| blocks.iter().position(|&block| block == number);
            for (block, number) in task.mapped.extract_if(.., |found| place(found.1).is_some()) {
                let at = place(number).unwrap_or_default();
                task.wrote.join(Halves::within(block, cut.halves(at, blocks.len())));
            }
            for (at, &b) in blocks.iter().enumerate() {
                let data = &mut view.block_mut(b).data;
                let Ends { front, back } = zeroed.of_block(at, blocks.len());
                for (held, zeroed) in data.iter_mut().zip([front, back]) {
                    *held = held.filter(|_| !zeroed);
                }
                data[cut.halves(at, blocks.len())].fill(Some(me));
            }
        }
    }
}
