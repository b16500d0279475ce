//! The rules about references and the flag: R6 reference-under-lock, R7 nolock-flag, R9
//! convert-inside-count, R10 counters.

use super::view::{End, View};
use super::{Judgement, RuleId, broken};
use crate::program::Program;
use diolock::inode::Inode;
use diolock::kernel::{Fix, Version};
use diolock::op::{LockName, Mode, Object, Op, Outcome, PrivateOp, TaskId, WaitQueue};

/// R6. Up to v3.11 an overwrite drops i_mutex for its I/O: whoever takes the lock next takes note of
/// those without a reference, and its drain must have seen them begin.
pub(super) fn reference_under_lock(view: &View<'_>) -> Judgement {
    let me = view.me();
    // Where the lock has two modes either will do: the drainer's excludes both.
    if let Op::DioBegin(_) = view.event.op
        && view.program.kernel.version >= Version::V4_10
        && me.references.is_empty()
        && !me.holds(LockName::IRwsem, Mode::Shared)
    {
        let text = format!("{} raised i_dio_count without i_rwsem", view.who());
        return broken(RuleId::R6, text);
    }
    if view.event.op == Op::DioWait
        && let Some(late) = me.uncounted.less(view.dio_count().begun).first()
    {
        let late = view.name(late as TaskId);
        let text = format!(
            "the drain saw i_dio_count == 0 although {late} had already dropped i_mutex for its I/O"
        );
        return broken(RuleId::R6, text);
    }
    Ok(())
}

/// R7.
pub(super) fn nolock_flag(view: &View<'_>) -> Judgement {
    let Op::Private(_, op) = view.event.op else { return Ok(()) };
    let imutex = view.me().holds_inode_lock(Mode::Exclusive);
    let found = view.event.outcome != Outcome::Flag(false);
    match op {
        PrivateOp::PointAtFlag if !imutex => {
            broken(RuleId::R7, "iocb->private was set without i_mutex")
        }
        PrivateOp::ReadFlag { .. } if !found => {
            let text = "iocb->private was read as the no-lock flag but does not hold it";
            broken(RuleId::R7, text)
        }
        PrivateOp::TakeIoEnd { .. } if !found => {
            let text = "the completion took the no-lock flag in iocb->private for an io_end";
            broken(RuleId::R7, text)
        }
        _ => Ok(()),
    }
}

/// R9. A reference goes with the I/O: from who begins to its completion, to the list, to who takes it off.
pub(super) fn convert_inside_count(view: &View<'_>) -> Judgement {
    let (Op::Convert(_, of) | Op::ConvertExtent(_, of)) = view.event.op else { return Ok(()) };
    let me = view.me();
    let mine = of == view.event.task;
    // From v3.11 (e83403959fdd) drainers rely on the count alone.
    let inline = view.program.kernel.version < Version::V3_11
        && mine
        && me.submits
        && me.holds(LockName::IMutex, Mode::Exclusive);
    // A buffered io_end has no reference: who needs it done waits for its page, and before v3.11 for
    // i_unwritten.
    let buffered = mine && me.writes_back || me.buffered.has(of);
    if me.references.contains(&of) || inline || buffered {
        return Ok(());
    }
    broken(RuleId::R9, "extents were converted after the I/O's i_dio_count reference had gone")
}

/// R10: from the last reference on. Only a completion that let go after the close is judged;
/// where the close came later, other runs show the same. Where eviction waits for io_ends
/// (2581fdc81088), one that converts keeps the inode: its io_end is freed last of all.
pub(super) fn inode_is_kept(view: &View<'_>) -> Judgement {
    let me = view.me();
    let waited_for = me.converted && view.program.kernel.has(Fix::EvictWaits);
    let of_inode =
        |object| !matches!(object, Object::Block(_) | Object::InFlight(_) | Object::Private(_));
    if me.let_go
        && !waited_for
        && let Some((object, _)) = view.touched().iter().find(|t| of_inode(t.0))
    {
        let who = view.who();
        let text =
            format!("{who} touched {object} after its aio_complete, which may free the inode");
        return broken(RuleId::R10, text);
    }
    Ok(())
}

/// R10: an io_end that is flagged is still there. Before v3.11 the completion of an overwrite frees
/// it, having nothing to convert.
pub(super) fn io_end_is_kept(view: &View<'_>) -> Judgement {
    match view.event.outcome {
        Outcome::InodeAio(Some(of)) if view.io_end(of).taken => {
            let (who, whose) = (view.who(), view.name(of));
            let text = format!(
                "{who} found in cur_aio_dio the io_end of {whose}, whose completion frees it"
            );
            broken(RuleId::R10, text)
        }
        _ => Ok(()),
    }
}

/// R10: the credits of a handle, where they are estimated by the tree as it is.
pub(super) fn handle_credits(view: &View<'_>) -> Judgement {
    let me = view.me();
    match (&view.event.op, &view.event.outcome, me.credits_for) {
        (Op::DepthRead, &Outcome::Value(depth), Some(had))
            if me.handles > 0 && depth > had && !view.program.kernel.has(Fix::DeepestTree) =>
        {
            let who = view.who();
            let text = format!(
                "{who}'s handle has credits for a tree of depth {had}, which is {depth} deep by now"
            );
            broken(RuleId::R10, text)
        }
        _ => Ok(()),
    }
}

/// R10: nobody drops a reference that it was not given, and nobody finds less than no unwritten I/O.
/// (Lowered and raised by two tasks, a count may be negative in one order and not in another, and
/// nobody can tell.)
pub(super) fn references(view: &View<'_>) -> Judgement {
    match view.event.op {
        Op::DioEnd(of) | Op::CountDecAndTest(WaitQueue::Dio, of)
            if !view.me().references.contains(&of) =>
        {
            let text =
                format!("{} dropped an i_dio_count reference that it did not hold", view.who());
            broken(RuleId::R10, text)
        }
        Op::UnwrittenWait | Op::CountRead(WaitQueue::Unwritten) if *view.unwritten() < 0 => {
            broken(RuleId::R10, "the count of unwritten I/O went negative")
        }
        Op::CountDecAndTest(WaitQueue::Unwritten, _) if *view.unwritten() <= 0 => {
            broken(RuleId::R10, "the count of unwritten I/O went negative")
        }
        _ => Ok(()),
    }
}

/// R10, at the end.
pub(super) fn counters_zero(end: End<'_>, _: &Program, _: &Inode) -> Judgement {
    let references: i8 = end.dio_count().references.iter().sum();
    match (references, *end.unwritten()) {
        (0, 0) => Ok(()),
        (0, n) => broken(RuleId::R10, format!("the count of unwritten I/O is {n} at the end")),
        (n, _) => broken(RuleId::R10, format!("i_dio_count is {n} at the end")),
    }
}
