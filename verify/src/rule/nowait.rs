//! R14 nowait.

use super::view::View;
use super::{Judgement, RuleId, broken};
use crate::program::Program;
use diolock::call::Call;
use diolock::op::{LockName, Op};

/// R14: a call with IOCB_NOWAIT reaches no step that may sleep, whether or not it would sleep this time; nor does
/// what runs in interrupt. (That is a completion from v7.0 on, from the end of its I/O to `queue_work`.)
///
/// Let pass, as the kernel makes them by design (read in v6.12; v5.10 and v6.1 from it):
/// - `i_data_sem` for a lookup: `ext4_iomap_begin` and `ext4_overwrite_io` pass no
///   `EXT4_GET_BLOCKS_CACHED_NOWAIT`, so `ext4_map_blocks` takes it whatever the flags of the I/O say;
/// - spinlocks, which nobody sleeps for.
///
/// A handle of the journal is waited for only while a transaction is locked for commit, so that starting
/// one is wrong in programs in which somebody commits (in interrupt it is in any): `file_modified` (until
/// 59a9d0814d9f, v7.3), and `ext4_iomap_alloc` for unwritten blocks, whose overwrite v6.12 lets go on under NOWAIT.
pub(super) fn never_sleeps(view: &View<'_>) -> Judgement {
    let task = &view.program.calls[usize::from(view.event.task)];
    let interrupt = view.me().interrupt;
    if !interrupt && !task.nth(usize::from(view.me().calls)).is_some_and(Call::nowait) {
        return Ok(());
    }
    let spins = |lock| matches!(lock, LockName::CompletedIoLock);
    let what = match view.event.op {
        Op::Lock(lock, _) if lock == LockName::IDataSem && !interrupt || spins(lock) => {
            return Ok(());
        }
        Op::Lock(lock, _) | Op::LockByRequeue(lock) => lock.name(),
        Op::DioWait => "i_dio_count to be 0",
        Op::UnwrittenWait => "i_unwritten to be 0",
        Op::IoendWait(_) => "i_ioend_count to be 0",
        Op::WaitSleep(_) => "a wait queue",
        Op::JournalStart(_) if interrupt || commits(view.program) => {
            "a journal handle, as a commit may be under way"
        }
        Op::WriteSync if interrupt => "the disk",
        _ => return Ok(()),
    };
    let how = if interrupt { "in interrupt" } else { "called with NOWAIT" };
    broken(RuleId::R14, format!("{}, {how}, waits for {what}", view.who()))
}

fn commits(program: &Program) -> bool {
    let mut calls = program.calls.iter().flat_map(Call::calls);
    calls.any(|call| matches!(call, Call::Commit(_)))
}
