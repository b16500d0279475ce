//! The rules R1 to R15. Of an event they see its own task and the objects that it touches (`view`); of
//! the end of an execution, everything.

mod among;
mod answers;
mod condition;
mod counts;
mod data;
mod gathered;
mod judge;
mod locks;
mod memory;
mod nowait;
mod pages;
mod parts;
mod records;
mod remember;
mod rules;
mod shown;
mod size;
mod stored;
mod view;
mod watch;
mod witness;

pub use among::{Judged, carried, judge_among};
pub(crate) use answers::Answers;
pub use answers::told;
pub(crate) use condition::facts;
pub use gathered::{Gathered, Node};
pub use parts::{UserRecord, Written};
pub(crate) use records::TaskRecord;
pub use rules::Rules;
pub use witness::{Verb, Witness};

use serde::{Deserialize, Serialize};

/// A rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is described by `RuleId::statement`")]
pub enum RuleId {
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

impl RuleId {
    /// Every rule, in order.
    pub const ALL: [RuleId; 15] = {
        use RuleId::{R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, R13, R14, R15};
        [R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, R13, R14, R15]
    };

    /// `R1` to `R15`.
    pub fn code(self) -> &'static str {
        [
            "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13",
            "R14", "R15",
        ][self as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        [
            "lockset",
            "lock-order",
            "lock-balance",
            "block-lifetime",
            "no-stale-data",
            "reference-under-lock",
            "nolock-flag",
            "time-before-unlock",
            "convert-inside-count",
            "counters",
            "size",
            "progress",
            "stored",
            "nowait",
            "condition",
        ][self as usize]
    }

    /// What must hold, in one sentence.
    pub fn statement(self) -> &'static str {
        [
            "each shared field is touched only with its lock held",
            "locks are waited for in rank order, drains included, and no cycle forms over all executions",
            "nothing is released that is not held, nothing is held at the end, nobody reads a rwsem twice",
            "no block is freed or reused while I/O that maps it is in flight",
            "an extent becomes written once its block was, never before; no read returns bytes the file never held; what is cached is what the file holds, and what fsync saw written back is on the disk",
            "the i_dio_count reference is taken under the lock that the drainer holds, in a mode that excludes it",
            "iocb->private is set under i_mutex, read as what it is, and never taken for an io_end",
            "file_update_time's handle is stopped before i_data_sem is taken and i_mutex dropped",
            "conversion happens before the I/O's i_dio_count reference goes (before v3.11: or under its submitter's i_mutex)",
            "i_dio_count and i_unwritten are never negative, and 0 at the end; no inode and no io_end is touched once its last reference went; no handle runs out of credits",
            "an overwrite changes no size, and what is to grow a file does not cut it; at the end i_size and i_disksize agree and cover what was written; what is O_SYNC is flushed, with its size, before its caller is told",
            "no deadlock, and every task can always still finish",
            "at the end a block within i_size that somebody wrote or stored to holds what one of them put there, unless it was truncated, punched or moved away",
            "a call with IOCB_NOWAIT reaches no step that may sleep",
            "nothing that the litmus file says under `never` holds at the end, and all that it says under `always` does",
        ][self as usize]
    }

    /// Where the kernel states or implies it.
    pub fn reference(self) -> &'static str {
        [
            "ext4.h on i_data_sem (v3.6); d73d5046a724 for the list",
            "fs/ext4/super.c from e74031fd7ed0 (v4.5); implied by code and messages before",
            "mutex_unlock, up_read (lib/rwsem.c); 4bd809dbbf17",
            "inode_dio_wait (fs/inode.c, v3.6); 1f555cfa29e8, 1c9114f9c0f1",
            "ext4_unaligned_aio (fs/ext4/file.c, v3.6); e9e3bcecf44c",
            "comment of inode_dio_wait (fs/inode.c, v3.6); 1f555cfa29e8",
            "ext4_file_dio_write, ext4_ext_direct_IO, ext4_end_io_dio (v3.6)",
            "RFC v2 cover letter, 14 June 2012",
            "266991b13890",
            "82e542291187, 32c80b32c053; 54c807e71d5a for the inode",
            "generic_file_direct_write (mm/filemap.c, v3.6); ext4_setattr (v3.6)",
            "28a535f9a0df, 1b65007e9870",
            "write(2), mmap(2); generic_perform_write, filemap_write_and_wait_range (mm/filemap.c)",
            "io_uring(7), preadv2(2) on RWF_NOWAIT; 59a9d0814d9f",
            "the litmus file",
        ][self as usize]
    }

    /// Finds a rule by code or name.
    pub fn named(text: &str) -> Option<RuleId> {
        RuleId::ALL.into_iter().find(|r| r.code().eq_ignore_ascii_case(text) || r.name() == text)
    }
}

/// Some of the rules.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RuleSet(u16);

impl RuleSet {
    /// Every rule.
    pub const ALL: RuleSet = RuleSet((1 << 15) - 1);
    /// No rule.
    pub const NONE: RuleSet = RuleSet(0);

    /// With one more.
    #[must_use]
    pub fn with(self, rule: RuleId) -> RuleSet {
        RuleSet(self.0 | 1 << rule as u16)
    }
    /// With one less.
    #[must_use]
    pub fn without(self, rule: RuleId) -> RuleSet {
        RuleSet(self.0 & !(1 << rule as u16))
    }
    /// Whether it has that one.
    pub fn has(self, rule: RuleId) -> bool {
        self.0 >> rule as u16 & 1 == 1
    }
}

/// A rule was broken.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Violation {
    /// Which.
    pub rule: RuleId,
    /// What happened, in this run's words.
    pub text: String,
}

/// What a rule says of an event, or of the end.
type Judgement = Result<(), Violation>;

fn broken(rule: RuleId, text: impl Into<String>) -> Judgement {
    Err(Violation { rule, text: text.into() })
}
