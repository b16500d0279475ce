//! The rules about references and the flag: R6 reference-under-lock, R7 nolock-flag, R9
//! convert-inside-count, R10 counters.

use super::RuleId;
use super::rules::{Judgement, Rules, broken};
use crate::program::{Event, Program};
use diolock::dio_path::iocb::PrivateOp;
use diolock::inode_lock::{LockName, Mode};
use diolock::kernel::{Fix, Version};
use diolock::op::{Object, Op, Outcome, TaskId};

impl Rules {
    /// R6.
    pub(super) fn reference_under_lock(
        &self,
        program: &Program,
        event: &Event,
        name: &dyn Fn(TaskId) -> char,
    ) -> Judgement {
        // Where the lock has two modes either will do: the drainer's excludes both.
        if let Op::DioBegin(_) = event.op
            && program.kernel.version >= Version::V4_10
            && self.tasks[usize::from(event.task)].references == 0
            && !self.holds(event.task, LockName::IRwsem, Mode::Shared)
        {
            return broken(
                RuleId::R6,
                format!("{} raised i_dio_count without i_rwsem", name(event.task)),
            );
        }
        if event.op == Op::DioWait
            && let Some(late) = self.tasks.iter().position(|state| state.committed)
        {
            return broken(
                RuleId::R6,
                format!(
                    "the drain saw i_dio_count == 0 although {} had already dropped i_mutex for its I/O",
                    name(late as TaskId)
                ),
            );
        }
        Ok(())
    }

    /// R7.
    pub(super) fn nolock_flag(&self, event: &Event) -> Judgement {
        let Op::Private(_, op) = event.op else { return Ok(()) };
        let imutex = self.holds_inode_lock(event.task, Mode::Exclusive);
        match op {
            PrivateOp::PointAtFlag if !imutex => {
                broken(RuleId::R7, "iocb->private was set without i_mutex")
            }
            PrivateOp::ReadFlag { .. } if event.outcome == Outcome::Flag(false) => broken(
                RuleId::R7,
                "iocb->private was read as the no-lock flag but does not hold it",
            ),
            PrivateOp::TakeIoEnd if event.outcome == Outcome::Flag(false) => broken(
                RuleId::R7,
                "the completion took the no-lock flag in iocb->private for an io_end",
            ),
            _ => Ok(()),
        }
    }

    /// R9.
    pub(super) fn convert_inside_count(&self, program: &Program, event: &Event) -> Judgement {
        let (Op::Convert(_, of) | Op::ConvertExtent(_, of)) = event.op else { return Ok(()) };
        let counted = self.tasks[usize::from(of)].references > 0;
        // From v3.11 (e83403959fdd) drainers rely on the count alone.
        let inline = program.kernel.version < Version::V3_11
            && of == event.task
            && self.tasks[usize::from(of)].submits
            && self.holds(event.task, LockName::IMutex, Mode::Exclusive);
        // Writeback is waited for by its page, and before v3.11 by i_unwritten.
        let writeback = self.tasks[usize::from(of)].writes_back;
        if counted || inline || writeback {
            return Ok(());
        }
        broken(RuleId::R9, "extents were converted after the I/O's i_dio_count reference had gone")
    }

    /// R10: from the last reference on. Only a completion that let go after the close is judged;
    /// where the close came later, other runs show the same. Where eviction waits for io_ends
    /// (2581fdc81088), one that converts keeps the inode: its io_end is freed last of all.
    pub(super) fn inode_is_kept(
        &self,
        program: &Program,
        event: &Event,
        name: &dyn Fn(TaskId) -> char,
    ) -> Judgement {
        let state = &self.tasks[usize::from(event.task)];
        let waited_for = state.converted && program.kernel.has(Fix::EvictWaits);
        let of_inode = |object| !matches!(object, Object::Block(_) | Object::Private(_));
        if state.let_go
            && !waited_for
            && let Some((object, _)) = event.op.touches().into_iter().find(|t| of_inode(t.0))
        {
            let who = name(event.task);
            return broken(
                RuleId::R10,
                format!("{who} touched {object} after its aio_complete, which may free the inode"),
            );
        }
        Ok(())
    }

    /// R10: an io_end that is flagged is still there. Before v3.11 the completion of an overwrite frees
    /// it, having nothing to convert.
    pub(super) fn io_end_is_kept(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        match event.outcome {
            Outcome::InodeAio(Some(of)) if self.tasks[usize::from(of)].took_io_end => broken(
                RuleId::R10,
                format!(
                    "{} found in cur_aio_dio the io_end of {}, whose completion frees it",
                    name(event.task),
                    name(of)
                ),
            ),
            _ => Ok(()),
        }
    }

    /// R10: the credits of a handle.
    pub(super) fn handle_credits(&self, event: &Event, name: &dyn Fn(TaskId) -> char) -> Judgement {
        let state = &self.tasks[usize::from(event.task)];
        match (&event.op, &event.outcome, state.credits_for) {
            (Op::DepthRead, &Outcome::Value(depth), Some(had))
                if state.handles > 0 && depth > had =>
            {
                broken(
                    RuleId::R10,
                    format!(
                        "{}'s handle has credits for a tree of depth {had}, which is {depth} deep by now",
                        name(event.task)
                    ),
                )
            }
            _ => Ok(()),
        }
    }

    /// R10.
    pub(super) fn counters(&self) -> Judgement {
        match (self.dio_count, self.unwritten) {
            (..0, _) => broken(RuleId::R10, "i_dio_count went negative"),
            (_, ..0) => broken(RuleId::R10, "the count of unwritten I/O went negative"),
            _ => Ok(()),
        }
    }

    pub(super) fn counters_zero(&self) -> Judgement {
        match (self.dio_count, self.unwritten) {
            (0, 0) => Ok(()),
            (0, n) => broken(RuleId::R10, format!("the count of unwritten I/O is {n} at the end")),
            (n, _) => broken(RuleId::R10, format!("i_dio_count is {n} at the end")),
        }
    }
}
