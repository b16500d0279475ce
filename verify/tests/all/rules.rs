//! Every clause of every rule, by itself: a list of steps that breaks it and one that keeps it, in
//! the words of the steps. (The catalogue has the kernel's own ways of breaking them.)

use diolock::call::{Call, Mount, Script};
use diolock::dio_path::{Write, WriteFlags};
use diolock::inode::Inode;
use diolock::inode_lock::Commit;
use diolock::kernel::{Kernel, Version};
use diolock::op::{
    Bio, Content, Ends, Extent, Half, Handle, IoEnd, LockName, MapFor, Mode, Object, Op, OrphanOp,
    Paging, PrivateOp, Range, Size, Span, Submission, WaitQueue,
};
use diolock_verify::engine::graph;
use diolock_verify::program::{Memory, Program, TaskName};
use diolock_verify::rule::{RuleId, RuleSet};
use diolock_verify::verdict::Verdict;

use LockName::{AioMutex, CompletedIoLock, IDataSem, IMutex, IRwsem, InvalidateLock, PageLock};
use Mode::{Exclusive, Shared};

const BLOCK: Range = Range { start: 0, len: 1 };

/// The page leaves the cache, written back or not.
const DROP: Op = Op::PageTruncate(0, Size::ZERO, 4);

/// Tasks `A`, `B` … that perform these steps on a file of one block.
fn program(extent: Extent, rules: RuleSet, tasks: &[&[Op]]) -> Program {
    let names = ('A'..).take(tasks.len()).map(|letter| TaskName { letter, text: letter.into() });
    Program {
        litmus: "rules".to_owned(),
        given: "rules".to_owned(),
        situation: String::new(),
        kernel: Kernel::new(Version::V3_7),
        inode: Inode::new(Size::blocks(1), &[extent], (0, Paging::default()), tasks.len()),
        calls: tasks.iter().map(|steps| Call::Script(Script::new(steps.to_vec()))).collect(),
        names: names.collect(),
        completes: vec![None; tasks.len()],
        fair: Vec::new(),
        memory: Memory::Sc,
        rules,
        reaches: Vec::new(),
        conditions: Default::default(),
        torn: false,
        spawn_order: (0..tasks.len() as diolock::op::TaskId).collect(),
    }
}

fn verdict(extent: Extent, rule: RuleId, tasks: &[&[Op]]) -> Verdict {
    let rules = RuleSet::NONE.with(rule);
    graph::run(&program(extent, rules, tasks), graph::Options::default()).verdict
}

#[track_caller]
fn breaks(rule: RuleId, extent: Extent, tasks: &[&[Op]]) {
    assert_eq!(verdict(extent, rule, tasks), Verdict::Violated(rule), "{tasks:?}");
}

#[track_caller]
fn keeps(rule: RuleId, extent: Extent, tasks: &[&[Op]]) {
    assert_eq!(verdict(extent, rule, tasks), Verdict::Exhausted, "{tasks:?}");
}

fn locked(lock: LockName, mode: Mode, steps: &[Op]) -> Vec<Op> {
    let mut all = vec![Op::Lock(lock, mode)];
    all.extend_from_slice(steps);
    all.push(Op::Unlock(lock, mode));
    all
}

fn write(half: Option<Half>, zero_rest: bool) -> Op {
    let cut = Span::of(BLOCK, half).cut();
    Op::Bio(vec![0], Bio::Write { cut, zeroed: if zero_rest { cut } else { Ends::NONE }, call: 0 })
}

fn size(blocks: u32) -> Op {
    Op::SizeWrite(Size::blocks(blocks))
}

fn disksize(blocks: u32) -> Op {
    Op::DisksizeWrite(Size::blocks(blocks))
}

#[test]
fn r1_each_field_under_its_lock() {
    let list = Op::ListAdd(IoEnd { task: 0, range: BLOCK, direct: true });
    let guarded = [
        (IDataSem, Exclusive, Op::Map(BLOCK, MapFor::Create)),
        (IDataSem, Shared, Op::Map(BLOCK, MapFor::Probe)),
        (IDataSem, Exclusive, Op::Free(0)),
        (PageLock(0), Exclusive, Op::PageIn(0)),
        (PageLock(0), Exclusive, Op::PageFill(0, vec![(0, [Content::Initial; 2])], true)),
        (PageLock(0), Exclusive, Op::PageTruncate(0, Size::ZERO, 1)),
        (PageLock(0), Exclusive, Op::PageInvalidate(0)),
        (PageLock(0), Exclusive, Op::PageStore(0, vec![(0, Some(0))], Ends::NONE, 0)),
        (PageLock(0), Exclusive, Op::PageClean(0, vec![(0, 0)], Vec::new())),
        (PageLock(0), Exclusive, Op::PageRelease(0)),
        (PageLock(0), Exclusive, Op::PageCommit(0, vec![(0, 0)])),
        (IMutex, Exclusive, size(0)),
        (IMutex, Exclusive, disksize(0)),
        (CompletedIoLock, Exclusive, list),
    ];
    for (lock, mode, op) in guarded {
        breaks(RuleId::R1, Extent::Written, &[std::slice::from_ref(&op)]);
        keeps(RuleId::R1, Extent::Written, &[&locked(lock, mode, &[op])]);
    }
    // Changing the tree needs more than a reader's hold.
    let shared = locked(IDataSem, Shared, &[Op::Free(0)]);
    breaks(RuleId::R1, Extent::Written, &[&shared]);
}

#[test]
fn r1_the_io_end_slot_is_what_its_writer_left() {
    let slot = |of| [Op::InodeAioSet(Some(of)), Op::InodeAio];
    let (a, b) = (slot(0), slot(1));
    breaks(RuleId::R1, Extent::Written, &[&a, &b[..1]]);
    keeps(
        RuleId::R1,
        Extent::Written,
        &[&locked(IMutex, Exclusive, &a), &locked(IMutex, Exclusive, &b)],
    );
    // Nobody looks; or only who was there before.
    keeps(RuleId::R1, Extent::Written, &[&a[..1], &b[..1]]);
    keeps(RuleId::R1, Extent::Written, &[&[Op::InodeAio]]);
    // The same value, but another's.
    breaks(RuleId::R1, Extent::Written, &[&a, &a[..1]]);
}

#[test]
fn r10_no_io_end_is_flagged_that_its_completion_has_taken() {
    let take = [Op::Private(0, PrivateOp::TakeIoEnd { of: 0 })];
    let find = |of| [Op::InodeAioSet(Some(of)), Op::InodeAio];
    breaks(RuleId::R10, Extent::Written, &[&take, &find(0)]);
    keeps(RuleId::R10, Extent::Written, &[&take, &find(1)]);
    keeps(RuleId::R10, Extent::Written, &[&take, &find(0)[..1]]);
}

#[test]
fn r5_what_was_written_is_converted_in_the_end() {
    let (map, io) = (Op::Map(BLOCK, MapFor::Create), write(None, false));
    let convert = Op::Convert(BLOCK, 0);
    let rest = [io.clone(), convert.clone()];
    let lost = [map.clone(), io.clone()];
    breaks(RuleId::R5, Extent::Unwritten, &[&lost]);
    breaks(RuleId::R5, Extent::Hole, &[&lost]);
    keeps(RuleId::R5, Extent::Written, &[&lost]);
    keeps(RuleId::R5, Extent::Unwritten, &[&[std::slice::from_ref(&map), &rest].concat()]);
    // Half a block is data too; without any, or with the block gone, nothing is lost.
    let half = write(Some(Half::Upper), false);
    breaks(RuleId::R5, Extent::Unwritten, &[&[map.clone(), half]]);
    let grown = [map.clone(), Op::Map(BLOCK, MapFor::Extend), io];
    keeps(RuleId::R5, Extent::Unwritten, &[&grown]);
    keeps(RuleId::R5, Extent::Unwritten, &[std::slice::from_ref(&map)]);
    keeps(RuleId::R5, Extent::Unwritten, &[&[&lost[..], &[Op::Free(0)]].concat()]);
}

#[test]
fn r5_a_block_made_unwritten_again_may_be_found_so() {
    let io = [
        Op::DioBegin(0),
        Op::Map(BLOCK, MapFor::Create),
        write(None, false),
        Op::Convert(BLOCK, 0),
        Op::DioEnd(0),
        Op::DioWait,
    ];
    let look = Op::Map(BLOCK, MapFor::Io);
    let zeroed = [&io[..], &[Op::Map(BLOCK, MapFor::Unwrite), look.clone()]].concat();
    keeps(RuleId::R5, Extent::Unwritten, &[&locked(IRwsem, Exclusive, &zeroed)]);
    keeps(
        RuleId::R5,
        Extent::Unwritten,
        &[&locked(IRwsem, Exclusive, &[&io[..], &[look]].concat())],
    );
}

#[test]
fn r1_infers_which_fields_have_no_lock_in_common() {
    let guarded = {
        let tasks = [locked(IMutex, Exclusive, &[size(0)]), vec![Op::SizeRead]];
        let tasks: Vec<&[Op]> = tasks.iter().map(Vec::as_slice).collect();
        graph::run(&program(Extent::Written, RuleSet::NONE, &tasks), graph::Options::default())
    };
    assert_eq!(guarded.gathered.unprotected(), [Object::Size]);
    let both = locked(IMutex, Exclusive, &[size(0)]);
    let run = program(Extent::Written, RuleSet::NONE, &[&both, &both]);
    assert!(graph::run(&run, graph::Options::default()).gathered.unprotected().is_empty());
}

/// Two pages: whoever holds the second may not wait for the first, as whoever holds the first waits for the second.
#[test]
fn r2_pages_are_locked_in_order() {
    let nest = |outer: u8, inner: u8| {
        locked(PageLock(outer), Exclusive, &locked(PageLock(inner), Exclusive, &[]))
    };
    let on = |rule: RuleId, tasks: &[&[Op]]| {
        let paging = Paging::of(1).expect("a page of one block");
        let mut run = program(Extent::Written, RuleSet::NONE.with(rule), tasks);
        run.inode = Inode::new(Size::blocks(2), &[Extent::Written; 2], (2, paging), tasks.len());
        graph::run(&run, graph::Options::default()).verdict
    };
    let (forth, back) = (nest(0, 1), nest(1, 0));
    assert_eq!(on(RuleId::R2, &[&forth, &forth]), Verdict::Exhausted);
    assert_eq!(on(RuleId::R2, &[&back]), Verdict::Violated(RuleId::R2));
    assert_eq!(on(RuleId::R12, &[&forth, &forth]), Verdict::Exhausted);
    assert_eq!(on(RuleId::R12, &[&forth, &back]), Verdict::Deadlocked);
}

#[test]
fn r2_ranks_and_cycles_with_drains() {
    let nest =
        |outer: LockName, inner: LockName| locked(outer, Exclusive, &locked(inner, Exclusive, &[]));
    breaks(RuleId::R2, Extent::Written, &[&nest(IMutex, AioMutex)]);
    keeps(RuleId::R2, Extent::Written, &[&nest(AioMutex, IMutex)]);
    let handle = [Op::JournalStart(Handle::Extents), Op::JournalStop(Handle::Extents)];
    breaks(RuleId::R2, Extent::Written, &[&locked(IDataSem, Shared, &handle)]);
    keeps(RuleId::R2, Extent::Written, &[&locked(IMutex, Exclusive, &handle)]);
    // lockdep sees nothing here: A drains under i_mutex, B needs i_mutex to drop its reference.
    let drainer = locked(IMutex, Exclusive, &[Op::DioWait]);
    let mut holder = vec![Op::DioBegin(1)];
    holder.extend(locked(IMutex, Exclusive, &[]));
    holder.push(Op::DioEnd(1));
    breaks(RuleId::R2, Extent::Written, &[&drainer, &holder]);
    keeps(RuleId::R2, Extent::Written, &[&drainer, &[Op::DioBegin(1), Op::DioEnd(1)]]);
}

#[test]
fn r3_balance_on_every_path() {
    breaks(RuleId::R3, Extent::Written, &[&[Op::Unlock(IMutex, Exclusive)]]);
    breaks(RuleId::R3, Extent::Written, &[&[Op::Lock(IMutex, Exclusive)]]);
    breaks(RuleId::R3, Extent::Written, &[&[Op::JournalStart(Handle::Extents)]]);
    breaks(RuleId::R3, Extent::Written, &[&[Op::GateClose]]);
    keeps(RuleId::R3, Extent::Written, &[&[Op::GateClose, Op::GateOpen]]);
    let twice = locked(IDataSem, Shared, &locked(IDataSem, Shared, &[]));
    breaks(RuleId::R3, Extent::Written, &[&twice]);
    let wrong_mode = [Op::Lock(IDataSem, Exclusive), Op::Unlock(IDataSem, Shared)];
    breaks(RuleId::R3, Extent::Written, &[&wrong_mode]);
    let downgraded =
        [Op::Lock(IDataSem, Exclusive), Op::Downgrade(IDataSem), Op::Unlock(IDataSem, Shared)];
    keeps(RuleId::R3, Extent::Written, &[&downgraded]);
    // A trylock that fails holds nothing, so there is nothing to give back.
    let other = locked(IMutex, Exclusive, &[]);
    let tries = [Op::TryLock(AioMutex, Exclusive), Op::Unlock(AioMutex, Exclusive)];
    keeps(RuleId::R3, Extent::Written, &[&tries, &other]);
}

#[test]
fn r4_no_block_freed_under_io() {
    let map = Op::Map(BLOCK, MapFor::Io);
    breaks(RuleId::R4, Extent::Written, &[&[map.clone(), Op::Free(0), write(None, false)]]);
    breaks(RuleId::R4, Extent::Written, &[&[Op::Free(0), write(None, false)]]);
    keeps(RuleId::R4, Extent::Written, &[&[map.clone(), write(None, false), Op::Free(0)]]);
    // To look is no I/O; from its submission on it is in flight, until it ends.
    keeps(RuleId::R4, Extent::Written, &[&[map, Op::Free(0)]]);
    let (span, bio) = (Span::of(BLOCK, None), Bio::WHOLE_WRITE);
    let submission = Submission { span, blocks: vec![0], bio, unwritten: false, works: false };
    breaks(RuleId::R4, Extent::Written, &[&[Op::Submit(1, submission), Op::Free(0)], &[]]);
}

#[test]
fn r5_no_stale_and_no_lost_data() {
    let convert = Op::Convert(BLOCK, 0);
    breaks(RuleId::R5, Extent::Unwritten, std::slice::from_ref(&&[convert.clone()][..]));
    breaks(RuleId::R5, Extent::Hole, std::slice::from_ref(&&[convert.clone()][..]));
    keeps(RuleId::R5, Extent::Unwritten, &[&[write(None, false), convert]]);
    breaks(RuleId::R5, Extent::Unwritten, &[&[Op::Bio(vec![0], Bio::WHOLE_READ)]]);
    keeps(RuleId::R5, Extent::Written, &[&[Op::Bio(vec![0], Bio::WHOLE_READ)]]);
    let (lower, upper) = (write(Some(Half::Lower), true), write(Some(Half::Upper), true));
    breaks(RuleId::R5, Extent::Unwritten, &[std::slice::from_ref(&lower), &[upper]]);
    let gentle = write(Some(Half::Upper), false);
    // What lies in an unwritten block at the end reads as zeros.
    breaks(RuleId::R5, Extent::Unwritten, &[&[lower.clone(), gentle.clone()]]);
    keeps(RuleId::R5, Extent::Unwritten, &[&[lower, gentle, Op::Convert(BLOCK, 0)]]);
}

#[test]
fn r5_i_size_vouches_for_what_its_writer_put_there() {
    let second = Range { start: 1, len: 1 };
    let read = |first: &[Op], then: &[Op]| {
        let steps = [first, &[size(2), Op::SizeRead], then, &[Op::PageRead(1)]].concat();
        let mut program = program(Extent::Written, RuleSet::NONE.with(RuleId::R5), &[&steps]);
        program.inode = Inode::new(
            Size::blocks(1),
            &[Extent::Written, Extent::Written],
            (1, Paging::default()),
            1,
        );
        graph::run(&program, graph::Options::default()).verdict
    };
    let wrong = Verdict::Violated(RuleId::R5);
    let io = Op::Bio(vec![1], Bio::WHOLE_WRITE);
    let written = [Op::Map(second, MapFor::Extend), io.clone()];
    // The page holds zeros behind the old end, the device the data.
    assert_eq!(read(&written, &[]), wrong);
    assert_eq!(read(&[Op::Map(BLOCK, MapFor::Io), io.clone()], &[]), Verdict::Exhausted);
    assert_eq!(read(&[Op::PageWrite(1)], &[]), Verdict::Exhausted, "it is in the page");
    assert_eq!(read(&[Op::PageWrite(0)], &[]), Verdict::Exhausted, "a truncate makes zeros");
    // A half is a half.
    let half = Op::Bio(
        vec![1],
        Bio::Write { cut: Ends { front: true, back: false }, zeroed: Ends::NONE, call: 0 },
    );
    assert_eq!(read(&[written[0].clone(), half], &[]), wrong);
    // What was written once and cut off is no data any more.
    let again = [size(1), size(2), Op::SizeRead];
    assert_eq!(read(&written, &again[..2]), wrong, "the reader's look was before");
    let other = [size(1), Op::PageTruncate(0, Size::blocks(1), 2), Op::SizeRead];
    assert_eq!(read(&written, &other), Verdict::Exhausted, "zeroed on purpose");
    let punched = [Op::FreeRange(second), Op::Map(second, MapFor::Io)];
    assert_eq!(read(&written, &punched), Verdict::Exhausted, "the reader knows of the hole");
    keeps(RuleId::R5, Extent::Written, &[&[Op::SizeRead, Op::PageRead(1)]]);
}

#[test]
fn r13_what_was_stored_is_not_lost() {
    let map = Op::Map(BLOCK, MapFor::Io);
    let direct = [map.clone(), write(None, false)];
    let page = [Op::PageIn(0), Op::PageFill(0, vec![(0, [Content::Initial; 2])], true)];
    let store = [&page[..], &[Op::PageStore(0, vec![(0, Some(0))], Ends::NONE, 0)]].concat();
    let on = |steps: &[Op]| [&store[..], steps].concat();
    let rule = RuleId::R13;
    keeps(rule, Extent::Written, &[&direct]);
    keeps(rule, Extent::Written, &[&store]);
    breaks(rule, Extent::Written, &[&on(&[DROP])]);
    keeps(rule, Extent::Written, &[&on(&[Op::PageInvalidate(0)])]);
    let back =
        [Op::PageClean(0, vec![(0, 0)], Vec::new()), Op::Bio(vec![0], Bio::Page { start: 0 })];
    keeps(rule, Extent::Written, &[&on(&[&back[..], &[DROP]].concat())]);
    // Of two writers either may be last; a write under a clean page is not seen.
    keeps(rule, Extent::Written, &[&direct, &direct]);
    breaks(rule, Extent::Written, &[&[&page[..], &direct].concat()]);
    // Each extent of one I/O has a lookup of its own.
    let more = Op::Map(Range { start: 1, len: 1 }, MapFor::Extend);
    let bio = Op::Bio(vec![0, 1], Bio::WHOLE_WRITE);
    keeps(rule, Extent::Written, &[&[map.clone(), more, bio], &direct]);
    // What a truncate or a punch took away is gone.
    let cut = [size(0), DROP, Op::Free(0), size(1)];
    keeps(rule, Extent::Written, &[&on(&cut)]);
    keeps(rule, Extent::Written, &[&on(&[DROP, Op::FreeRange(BLOCK)])]);
    breaks(rule, Extent::Written, &[&[&direct[..], &[Op::Free(0)]].concat()]);
}

#[test]
fn r14_nowait_never_sleeps() {
    let flags = WriteFlags { nowait: true, ..WriteFlags::default() };
    let plain = Write {
        task: 0,
        end_io: None,
        span: Span::of(BLOCK, None),
        append: false,
        fault: None,
        pins: false,
        slot: false,
    };
    let mount = Mount { dioread_nolock: true, journal: true };
    let verdict = |commit: bool| {
        let mut program = program(Extent::Written, RuleSet::NONE.with(RuleId::R14), &[&[], &[]]);
        program.kernel = Kernel::new(Version::V6_12);
        program.calls[0] = Call::pwrite(plain, flags, program.kernel, mount);
        if commit {
            program.calls[1] = Call::Commit(Commit::default());
        }
        graph::run(&program, graph::Options::default()).verdict
    };
    assert_eq!(verdict(false), Verdict::Exhausted);
    assert_eq!(verdict(true), Verdict::Violated(RuleId::R14), "file_modified starts a handle");
}

#[test]
fn r5_what_is_cached_is_what_the_file_holds() {
    let map = || Op::Map(BLOCK, MapFor::Io);
    let filled = |content| Op::PageFill(0, vec![(0, [content; 2])], true);
    let flush = |block| {
        [
            Op::PageClean(0, vec![(0, block)], Vec::new()),
            Op::Bio(vec![block], Bio::Page { start: 0 }),
        ]
    };
    let stored = Op::PageStore(0, vec![(0, Some(0))], Ends::NONE, 0);
    // Written past the page, by somebody who did not drop it.
    let behind = [Op::PageIn(0), map(), filled(Content::Initial), write(None, false)];
    breaks(RuleId::R5, Extent::Written, &[&behind]);
    keeps(RuleId::R5, Extent::Written, &[&[&behind[..], &[DROP]].concat()]);
    // Freed under a clean page, or under a dirty one that writeback then sends there.
    let freed = [Op::PageIn(0), map(), filled(Content::Initial), Op::Free(0)];
    breaks(RuleId::R5, Extent::Written, &[&freed]);
    let dirty = [Op::PageIn(0), map(), filled(Content::Initial), stored.clone(), Op::Free(0)];
    keeps(RuleId::R5, Extent::Written, &[&dirty]);
    breaks(RuleId::R5, Extent::Written, &[&[&dirty[..], &flush(0)].concat()]);
    let written = [Op::PageIn(0), map(), filled(Content::Initial), stored];
    keeps(RuleId::R5, Extent::Written, &[&[&written[..], &flush(0)].concat()]);
    breaks(RuleId::R5, Extent::Written, &[&[&[DROP][..], &written[3..]].concat()]);
    // What somebody else's bytes were read into is no matter until they are copied.
    let foreign = [Op::PageIn(0), filled(Content::Foreign)];
    let dropped = |steps: &[Op]| [&foreign[..], steps, &[DROP]].concat();
    keeps(RuleId::R5, Extent::Written, &[&dropped(&[])]);
    breaks(RuleId::R5, Extent::Written, &[&dropped(&[Op::SizeRead, Op::PageRead(0)])]);
    breaks(RuleId::R5, Extent::Written, &[&foreign]);
}

/// Writes the page over block 0, as its writeback.
fn page_written() -> [Op; 4] {
    let bio = Op::Bio(vec![0], Bio::Page { start: 0 });
    let fill = Op::PageFill(0, vec![(0, [Content::Initial; 2])], true);
    [Op::PageIn(0), Op::Map(BLOCK, MapFor::Io), fill, bio]
}

#[test]
fn r9_writeback_converts_without_a_reference() {
    let convert = [Op::Convert(BLOCK, 0)];
    breaks(RuleId::R9, Extent::Unwritten, &[&convert]);
    keeps(RuleId::R9, Extent::Unwritten, &[&[&page_written()[..], &convert].concat()]);
}

#[test]
fn r5_what_fsync_saw_written_back_is_converted() {
    let convert = [Op::Convert(BLOCK, 0)];
    let page = locked(PageLock(0), Exclusive, &page_written());
    let late = [&page[..], &convert].concat();
    let inside = locked(PageLock(0), Exclusive, &[&page_written()[..], &convert].concat());
    let fsync = [&locked(PageLock(0), Exclusive, &[])[..], &[Op::FsyncDone]].concat();
    breaks(RuleId::R5, Extent::Unwritten, &[&late, &fsync]);
    keeps(RuleId::R5, Extent::Unwritten, &[&inside, &fsync]);
    // What it never waited for it does not vouch for; what was written already needs no conversion.
    keeps(RuleId::R5, Extent::Unwritten, &[&late, &[Op::FsyncDone]]);
    keeps(RuleId::R5, Extent::Written, &[&page, &fsync]);
}

#[test]
fn r6_the_reference_before_the_unlock() {
    let decide = Op::Private(0, PrivateOp::ReadFlag { overwrite: true });
    let early = [
        Op::Lock(IMutex, Exclusive),
        decide.clone(),
        Op::DioBegin(0),
        Op::Unlock(IMutex, Exclusive),
        Op::DioEnd(0),
    ];
    let late = [
        Op::Lock(IMutex, Exclusive),
        decide,
        Op::Unlock(IMutex, Exclusive),
        Op::DioBegin(0),
        Op::DioEnd(0),
    ];
    let drainer = locked(IMutex, Exclusive, &[Op::DioWait]);
    breaks(RuleId::R6, Extent::Written, &[&late, &drainer]);
    keeps(RuleId::R6, Extent::Written, &[&early, &drainer]);
}

#[test]
fn r7_private_is_what_it_is_taken_for() {
    let op = |op| Op::Private(0, op);
    breaks(RuleId::R7, Extent::Written, &[&[op(PrivateOp::PointAtFlag)]]);
    breaks(RuleId::R7, Extent::Written, &[&[op(PrivateOp::ReadFlag { overwrite: false })]]);
    let flag = [op(PrivateOp::PointAtFlag), op(PrivateOp::TakeIoEnd { of: 0 })];
    breaks(RuleId::R7, Extent::Written, &[&locked(IMutex, Exclusive, &flag)]);
    let fine = [
        op(PrivateOp::PointAtFlag),
        op(PrivateOp::ReadFlag { overwrite: true }),
        op(PrivateOp::Clear),
        op(PrivateOp::SetIoEnd),
        op(PrivateOp::TakeIoEnd { of: 0 }),
    ];
    keeps(RuleId::R7, Extent::Written, &[&locked(IMutex, Exclusive, &fine)]);
}

#[test]
fn r8_the_time_update_is_over_before_the_swap() {
    let (start, stop) = (Op::JournalStart(Handle::Time), Op::JournalStop(Handle::Time));
    breaks(RuleId::R8, Extent::Written, &[&[start.clone(), stop.clone()]]);
    let open = [start.clone(), Op::Lock(IDataSem, Shared), stop.clone()];
    breaks(RuleId::R8, Extent::Written, &[&locked(IMutex, Exclusive, &open)]);
    let kept = [Op::Lock(IMutex, Exclusive), start.clone(), Op::Unlock(IMutex, Exclusive)];
    breaks(RuleId::R8, Extent::Written, &[&kept]);
    keeps(RuleId::R8, Extent::Written, &[&locked(IMutex, Exclusive, &[start, stop])]);
}

#[test]
fn r9_conversion_inside_the_count() {
    let convert = Op::Convert(BLOCK, 0);
    breaks(RuleId::R9, Extent::Unwritten, std::slice::from_ref(&&[convert.clone()][..]));
    breaks(RuleId::R9, Extent::Unwritten, &[&[Op::DioBegin(0), Op::DioEnd(0), convert.clone()]]);
    keeps(RuleId::R9, Extent::Unwritten, &[&[Op::DioBegin(0), convert.clone(), Op::DioEnd(0)]]);
    // Until v3.11 the submitter converts under its i_mutex instead; holding it is not enough for
    // anybody else.
    let inline = [Op::Private(0, PrivateOp::PointAtFlag), convert.clone()];
    keeps(RuleId::R9, Extent::Unwritten, &[&locked(IMutex, Exclusive, &inline)]);
    breaks(RuleId::R9, Extent::Unwritten, &[&locked(IMutex, Exclusive, &[convert])]);
}

#[test]
fn r10_counters_end_at_zero() {
    breaks(RuleId::R10, Extent::Written, &[&[Op::DioBegin(0)]]);
    breaks(RuleId::R10, Extent::Written, &[&[Op::DioEnd(0), Op::DioBegin(0)]]);
    breaks(RuleId::R10, Extent::Written, &[&[Op::UnwrittenBegin]]);
    // Below 0 it is only for who looks.
    let look = Op::CountRead(WaitQueue::Unwritten);
    let low = [Op::UnwrittenEnd, look, Op::UnwrittenBegin];
    breaks(RuleId::R10, Extent::Written, &[&low]);
    keeps(RuleId::R10, Extent::Written, &[&[Op::UnwrittenEnd, Op::UnwrittenBegin]]);
    // A reference goes with the I/O: on the list, or with the io_end.
    let io_end = IoEnd { task: 0, range: BLOCK, direct: true };
    let (list, take) = (Op::ListAdd(io_end), Op::ListTake(None));
    let listed = [Op::DioBegin(0), list, take, Op::DioEnd(0)];
    keeps(RuleId::R10, Extent::Written, &[&listed]);
    breaks(RuleId::R10, Extent::Written, &[&[&listed[..2], &listed[3..]].concat()]);
    keeps(RuleId::R10, Extent::Written, &[&[Op::DioBegin(0), Op::DioEnd(0)]]);
}

#[test]
fn r11_sizes_agree_and_an_overwrite_changes_none() {
    breaks(RuleId::R11, Extent::Written, &[&[disksize(1), size(0)]]);
    keeps(RuleId::R11, Extent::Written, &[&[disksize(0), size(0)]]);
    let overwrite = Op::Private(0, PrivateOp::ReadFlag { overwrite: true });
    breaks(RuleId::R11, Extent::Written, &[&[overwrite, size(1)]]);
}

/// The same on a kernel whose inode lock is `i_rwsem`.
fn verdict_on(version: Version, rule: RuleId, tasks: &[&[Op]]) -> Verdict {
    let mut program = program(Extent::Written, RuleSet::NONE.with(rule), tasks);
    program.kernel = Kernel::new(version);
    graph::run(&program, graph::Options::default()).verdict
}

#[test]
fn r1_and_r6_know_i_rwsem() {
    let (size, disksize) = (size(0), disksize(0));
    let cases = [
        (Version::V6_12, IRwsem, Exclusive, &size, true),
        (Version::V6_12, IRwsem, Shared, &size, false),
        (Version::V6_12, IMutex, Exclusive, &size, false),
        (Version::V4_10, IRwsem, Exclusive, &disksize, true),
        (Version::V6_12, IRwsem, Exclusive, &disksize, false),
        (Version::V6_12, IDataSem, Exclusive, &disksize, true),
    ];
    for (version, lock, mode, op, kept) in cases {
        let steps = locked(lock, mode, std::slice::from_ref(op));
        let expected = if kept { Verdict::Exhausted } else { Verdict::Violated(RuleId::R1) };
        assert_eq!(verdict_on(version, RuleId::R1, &[&steps]), expected, "{version:?} {steps:?}");
    }
    let io = [Op::DioBegin(0), Op::DioEnd(0)];
    let bare = verdict_on(Version::V6_12, RuleId::R6, &[&io]);
    assert_eq!(bare, Verdict::Violated(RuleId::R6));
    for mode in [Shared, Exclusive] {
        let under = locked(IRwsem, mode, &io);
        assert_eq!(verdict_on(Version::V6_12, RuleId::R6, &[&under]), Verdict::Exhausted);
    }
    // A second reference needs no lock, the first one holds the drainer off.
    let nested = [Op::DioBegin(0), Op::Unlock(IRwsem, Exclusive), Op::DioBegin(0)];
    let nested: Vec<Op> = std::iter::once(Op::Lock(IRwsem, Exclusive)).chain(nested).collect();
    assert_eq!(verdict_on(Version::V4_10, RuleId::R6, &[&nested]), Verdict::Exhausted);
}

#[test]
fn r1_without_pages_i_disksize_needs_no_i_data_sem() {
    let size = disksize(1);
    let inside =
        |steps: &[Op]| locked(IRwsem, Exclusive, &locked(InvalidateLock, Exclusive, steps));
    let drop = locked(PageLock(0), Exclusive, &[DROP]);
    let on = |steps: &[Op]| verdict_on(Version::V6_12, RuleId::R1, &[steps]);
    let gone = [&drop[..], std::slice::from_ref(&size)].concat();
    assert_eq!(on(&inside(&gone)), Verdict::Exhausted);
    assert_eq!(
        on(&inside(&[Op::PagesRead(Paging::default().all()), size.clone()])),
        Verdict::Exhausted
    );
    assert_eq!(on(&inside(std::slice::from_ref(&size))), Verdict::Violated(RuleId::R1));
    assert_eq!(on(&locked(IRwsem, Exclusive, &gone)), Verdict::Violated(RuleId::R1));
    // Once the lock is let go, pages may be back.
    let late = [locked(InvalidateLock, Exclusive, &drop), vec![size]].concat();
    assert_eq!(on(&locked(IRwsem, Exclusive, &late)), Verdict::Violated(RuleId::R1));
}

#[test]
fn r11_what_was_written_is_covered_on_disk() {
    let io = [Op::Map(Range { start: 0, len: 2 }, MapFor::Extend), write(None, false)];
    let then = |more: &[Op]| [&io[..], more].concat();
    let grow = [size(2), disksize(2)];
    keeps(RuleId::R11, Extent::Written, &[&then(&grow)]);
    breaks(RuleId::R11, Extent::Written, &[&then(&grow[..1])]);
    let late = [size(2), Op::WriteSync, disksize(2)];
    breaks(RuleId::R11, Extent::Written, &[&then(&late)]);
    let early = [size(2), disksize(2), Op::WriteSync];
    keeps(RuleId::R11, Extent::Written, &[&then(&early)]);
    // What a truncate has taken away needs no size: neither the data, nor that of who flushes late.
    let cut = [size(0), disksize(0)];
    let stored = [
        Op::PageIn(0),
        Op::PageFill(0, vec![(0, [Content::Zero; 2])], true),
        Op::PageStore(0, vec![(0, None)], Ends::NONE, 0),
        size(1),
    ];
    let grown = then(&grow);
    let freed = [&grown[..], &cut, &[Op::Free(0)], &stored].concat();
    keeps(RuleId::R11, Extent::Written, &[&freed]);
    breaks(RuleId::R11, Extent::Written, &[&[&grown[..], &cut, &stored].concat()]);
    let raised = [&grown[..], &cut, &[disksize(1), Op::WriteSync, size(1)]];
    keeps(RuleId::R11, Extent::Written, &[&[&raised.concat()[..], &[Op::Free(0)]].concat()]);
    breaks(RuleId::R11, Extent::Written, &[&[Op::WarnSize]]);
    breaks(RuleId::R11, Extent::Written, &[&[Op::Orphan(OrphanOp::Add)]]);
    let removed = [Op::Orphan(OrphanOp::Add), Op::Orphan(OrphanOp::Del)];
    keeps(RuleId::R11, Extent::Written, &[&removed]);
}

#[test]
fn r12_somebody_can_always_go_on() {
    let nest =
        |outer: LockName, inner: LockName| locked(outer, Exclusive, &locked(inner, Exclusive, &[]));
    let (one, other) = (nest(IMutex, AioMutex), nest(AioMutex, IMutex));
    let rules = |tasks: &[&[Op]]| verdict(Extent::Written, RuleId::R12, tasks);
    assert_eq!(rules(&[&one, &other]), Verdict::Deadlocked);
    assert_eq!(rules(&[&one, &one]), Verdict::Exhausted);
    let worker = [Op::LockByRequeue(IMutex), Op::Unlock(IMutex, Exclusive), Op::DioEnd(1)];
    let worker: Vec<Op> = std::iter::once(Op::DioBegin(1)).chain(worker).collect();
    let drainer = locked(IMutex, Exclusive, &[Op::DioWait]);
    assert_eq!(rules(&[&drainer, &worker]), Verdict::Livelocked, "it requeues for ever");
}

#[test]
fn r2_the_gate_has_its_rank_and_is_closed_once() {
    let gate = [Op::GateClose, Op::GateOpen];
    breaks(RuleId::R2, Extent::Written, &[&locked(IDataSem, Exclusive, &gate)]);
    keeps(RuleId::R2, Extent::Written, &[&locked(IMutex, Exclusive, &gate)]);
    breaks(RuleId::R2, Extent::Written, &[&[Op::GateClose, Op::GateClose, Op::GateOpen]]);
    let under = |lock| [&gate[..1], &locked(lock, Exclusive, &[]), &gate[1..]].concat();
    breaks(RuleId::R2, Extent::Written, &[&under(IMutex)]);
    keeps(RuleId::R2, Extent::Written, &[&under(IDataSem)]);
}

#[test]
fn r10_credits_are_for_the_tree_that_is_changed() {
    let deeper = Op::Map(Range { start: 0, len: 2 }, MapFor::Preallocate { merge: false });
    let (start, stop) = (Op::JournalStart(Handle::Extents), Op::JournalStop(Handle::Extents));
    let late = [deeper.clone(), Op::DepthRead, start.clone(), Op::DepthRead, stop.clone()];
    keeps(RuleId::R10, Extent::Written, &[&late]);
    let early = [Op::DepthRead, start, deeper, Op::DepthRead, stop];
    breaks(RuleId::R10, Extent::Written, &[&early]);
}

#[test]
fn r11_who_means_to_grow_a_file_does_not_cut_it() {
    let (look, cut) = (Op::SizeRead, size(2));
    breaks(RuleId::R11, Extent::Written, &[&[look.clone(), size(3), cut.clone()]]);
    let agree = [size(3), look, cut, disksize(2)];
    keeps(RuleId::R11, Extent::Written, &[&agree]);
}
