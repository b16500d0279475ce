//! Calls that no task of the model stands for: buffered I/O, attributes, writeback, zeroed ranges of
//! parts of blocks. Their locks, drains and extents are judged, their steps are not. Besides, what
//! fallocate does to extents and sizes.

use super::event::{Thread, What};
use super::flags::{COLLAPSE, GET_CREATE, INSERT, KEEP_SIZE, PUNCH_HOLE};
use super::reject::Reason;
use super::world::World;
use crate::rule::RuleId;
use diolock::kernel::{Fix, Kernel};
use diolock::op::{LockName, Mode};

/// What is wrong with a buffered write that does not wait.
const NO_DRAIN: &str = "a buffered write does not wait for direct I/O (15cdefd0c052)";

/// Which call.
#[derive(Clone, Debug)]
enum Call {
    /// A buffered read or write of so many bytes; of a write where it ends, and whether its kernel waits for direct I/O
    /// first (15cdefd0c052).
    Buffered { len: u64, to: Option<u64>, waits: bool },
    /// fallocate: its mode, first byte and length.
    Fallocate { mode: u64, pos: u64, len: u64 },
    /// chmod and the like.
    Setattr,
    /// A page fault: of a load, or of the first store.
    Fault,
    /// A part of writeback, amid whichever call needs the pages on the disk: it maps an extent, and may raise
    /// i_disksize then (`mpage_map_and_submit_extent`).
    WritesBack,
    /// The worker that converts what writeback has written.
    WrittenBack,
    /// ext4_release_file, writeback: it just takes i_data_sem.
    Stray,
}

/// One such call.
#[derive(Clone, Debug)]
pub struct Loose {
    call: Call,
    /// It asked for direct I/O, and has yet to find under i_rwsem that there is none here.
    tries: bool,
    /// It may not sleep, and another one had the lock.
    failed: bool,
    drained: bool,
    over: bool,
    mapping: bool,
    /// It has mapped, and does nothing just now.
    mapped: bool,
    /// Blocks up to here are allocated.
    allocated: u64,
    /// What was removed from the status cache: first block, one past the last.
    removing: Option<(u64, u64)>,
}

/// What a call that returned did to the size and to the place of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// i_size is at least that.
    Grows(u64),
    /// i_size may go up to that, and i_disksize with it whenever the pages are written back.
    Stores(u64),
    /// Bytes were taken out.
    Cut { from: u64, to: u64 },
    /// Bytes were put in.
    Inserted { from: u64, len: u64 },
}

impl Loose {
    fn new(call: Call) -> Loose {
        Loose {
            call,
            tries: false,
            failed: false,
            drained: false,
            over: false,
            mapping: false,
            mapped: false,
            allocated: 0,
            removing: None,
        }
    }
    /// A buffered read of so many bytes.
    pub fn buffered_read(len: u64) -> Loose {
        Loose::new(Call::Buffered { len, to: None, waits: false })
    }
    /// A buffered write of so many bytes, of which that is the first.
    pub fn buffered_write(pos: u64, len: u64, kernel: Kernel) -> Loose {
        let waits = kernel.has(Fix::BufferedDrains);
        Loose::new(Call::Buffered { len, to: Some(pos + len), waits })
    }
    /// The same, of a call that had asked for direct I/O: it takes i_rwsem, and gives it back.
    pub fn falling_back(self) -> Loose {
        Loose { tries: true, ..self }
    }
    /// fallocate.
    pub fn fallocate(mode: u64, pos: u64, len: u64) -> Loose {
        Loose::new(Call::Fallocate { mode, pos, len })
    }
    /// Attributes other than the size.
    pub fn setattr() -> Loose {
        Loose::new(Call::Setattr)
    }
    /// A page fault.
    pub fn fault() -> Loose {
        Loose::new(Call::Fault)
    }
    /// The writeback of an extent.
    pub fn writes_back() -> Loose {
        Loose::new(Call::WritesBack)
    }
    /// The conversion of what writeback has written.
    pub fn written_back() -> Loose {
        Loose::new(Call::WrittenBack)
    }
    /// No call that is recorded.
    pub fn stray() -> Loose {
        Loose::new(Call::Stray)
    }
    /// Whether it has returned.
    pub fn over(&self) -> bool {
        self.over
    }

    /// Whether nothing says that it goes on.
    pub fn may_be_over(&self) -> bool {
        matches!(self.call, Call::WritesBack) && self.mapped
    }

    /// Whether it was over before that event: an extent that was mapped may be all.
    pub fn was_over(&self, what: &What) -> bool {
        let goes_on = matches!(what, What::Req { l: LockName::IDataSem, m: Mode::Exclusive });
        self.may_be_over() && !goes_on
    }

    /// Whether it has drained, and allocated everything up to that block.
    pub fn has_allocated(&self, to: u64) -> bool {
        self.drained && self.allocated >= to
    }

    /// `ext4_dio_write_iter`, `ext4_dio_read_iter`, up to `ext4_should_use_dio`.
    fn gives_up(&mut self, what: &What) -> Result<(), Reason> {
        let rwsem = LockName::IRwsem;
        match *what {
            What::Req { l, .. } | What::Try { l, .. } | What::Acq { l, .. } if l == rwsem => {}
            What::Fail { l, .. } if l == rwsem => self.failed = true,
            What::Rel { l, .. } if l == rwsem => self.tries = false,
            What::WriteIterRet { .. } | What::ReadIterRet { .. } if self.failed => self.over = true,
            _ => return Err(Reason::new("with data=journal a call gives i_rwsem back at first")),
        }
        Ok(())
    }

    /// Whether it waits for direct I/O before it does anything.
    fn waits(&self) -> bool {
        matches!(self.call, Call::Buffered { waits: true, .. })
    }

    /// What it has done, now that it has removed blocks.
    pub fn effect(&self) -> Option<Effect> {
        let (mode, pos, len) = match self.call {
            Call::Fallocate { mode, pos, len } => (mode, pos, len),
            Call::Buffered { to, .. } => return to.map(Effect::Stores),
            _ => return None,
        };
        match mode {
            COLLAPSE => Some(Effect::Cut { from: pos, to: pos + len }),
            INSERT => Some(Effect::Inserted { from: pos, len }),
            mode if mode & KEEP_SIZE == 0 => Some(Effect::Grows(pos + len)),
            _ => None,
        }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// If no such call does that.
    pub fn take(&mut self, thread: Thread, what: &What, world: &World) -> Result<(), Reason> {
        if self.tries {
            return self.gives_up(what);
        }
        let mapped = std::mem::take(&mut self.mapped);
        let alone = world.holds(thread, LockName::IRwsem) == Some(Mode::Exclusive);
        let fallocate = matches!(self.call, Call::Fallocate { .. });
        let writes = matches!(self.call, Call::Buffered { to: Some(_), .. });
        match what {
            What::Req { l, .. }
            | What::Try { l, .. }
            | What::Acq { l, .. }
            | What::Fail { l, .. }
                if matches!(self.call, Call::Stray) && *l != LockName::IDataSem =>
            {
                return Err(Reason::new("the thread is in no call"));
            }
            What::Req { l, m } | What::Try { l, m }
                if matches!(self.call, Call::Fault)
                    && !matches!(
                        (l, m),
                        (LockName::InvalidateLock, Mode::Shared) | (LockName::IDataSem, _)
                    ) =>
            {
                return Err(Reason::new("a page fault does not take that lock so"));
            }
            What::Req { l, .. } | What::Try { l, .. }
                if matches!(self.call, Call::WrittenBack | Call::WritesBack)
                    && *l != LockName::IDataSem =>
            {
                return Err(Reason::new("writeback does not take that lock"));
            }
            What::ConvertUnwritten { .. } if matches!(self.call, Call::WrittenBack) => {}
            What::ConvertUnwrittenRet { .. } if matches!(self.call, Call::WrittenBack) => {
                self.over = true;
            }
            What::Req { l, m } | What::Try { l, m }
                if match self.call {
                    Call::Setattr => (*l, *m) != (LockName::IRwsem, Mode::Exclusive),
                    // A read takes it in no mode.
                    Call::Buffered { .. } => {
                        *l == LockName::IRwsem && !(writes && *m == Mode::Exclusive)
                    }
                    _ => false,
                } =>
            {
                return Err(Reason::new("such a call does not take that lock so"));
            }
            What::Req { l: LockName::InvalidateLock, m: Mode::Exclusive }
                if fallocate && !self.drained =>
            {
                return Err(Reason::new("pages are kept out before direct I/O is waited for"));
            }
            What::TruncPagecacheRange { .. } if fallocate => {
                let kept_out =
                    world.holds(thread, LockName::InvalidateLock) == Some(Mode::Exclusive);
                if !(alone && self.drained && kept_out) {
                    let text = "pages are dropped before direct I/O is waited for, or not kept out";
                    return Err(Reason::new(text));
                }
            }
            What::Req { .. }
            | What::Acq { .. }
            | What::Rel { .. }
            | What::Try { .. }
            | What::Fail { .. }
            | What::ExtMapBlocksExit {}
            | What::HandleUnwritten {}
            | What::RemoveSpaceDone {}
            | What::ShiftExtents { .. }
            | What::ShiftExtentsRet { .. }
            | What::TruncPagecache { .. }
            | What::TruncPagecacheRange { .. }
            | What::ZeroRange { .. }
            | What::CollapseRange { .. }
            | What::InsertRange { .. }
            | What::PunchHole { .. }
            | What::OrphanAdd {}
            | What::OrphanDel {} => {}
            What::ZeroRangeRet { .. }
            | What::CollapseRangeRet { .. }
            | What::InsertRangeRet { .. }
            | What::PunchHoleRet { .. } => {}
            &What::MapBlocks { gflags, lblk, .. } => {
                self.mapping = true;
                self.allocated = lblk;
                if fallocate && gflags.has(GET_CREATE) && !(alone && self.drained) {
                    return Err(Reason::new(
                        "blocks are allocated before direct I/O is waited for",
                    ));
                }
                if self.waits() && !self.drained {
                    return Err(Reason::new(NO_DRAIN));
                }
            }
            What::MapBlocksRet { ret } if self.mapping => {
                (self.mapping, self.mapped) = (false, true);
                self.allocated += u64::try_from(*ret).unwrap_or(0);
            }
            What::DioWait { .. } if alone && (fallocate || writes) => {}
            What::DioWaitRet {} if fallocate || writes => self.drained = true,
            What::EsRemove { .. } | What::RemoveSpace { .. } if fallocate => {
                if !alone || world.holds(thread, LockName::IDataSem) != Some(Mode::Exclusive) {
                    return Err(Reason::rule(
                        RuleId::R1,
                        "extents are removed without their locks",
                    ));
                }
                if !self.drained {
                    return Err(Reason::new("extents are removed before direct I/O is waited for"));
                }
                if let What::EsRemove { lblk, mlen } = *what {
                    self.removing = Some((lblk, lblk + mlen));
                }
                let punches =
                    matches!(self.call, Call::Fallocate { mode, .. } if mode & PUNCH_HOLE != 0);
                if let What::RemoveSpace { start, end, .. } = *what
                    && punches
                    && self.removing != Some((start, end + 1))
                {
                    return Err(Reason::new("other blocks than from the status cache are removed"));
                }
            }
            What::FallocateRet { .. } if fallocate => self.over = true,
            What::WriteIterRet { ret } | What::ReadIterRet { ret } => {
                let Call::Buffered { len, .. } = self.call else {
                    return Err(Reason::new("it is in no such call"));
                };
                if u64::try_from(*ret).is_ok_and(|done| done > len) {
                    return Err(Reason::new(format!("it was asked for {len} bytes")));
                }
                if self.waits() && !self.drained && *ret > 0 {
                    return Err(Reason::new(NO_DRAIN));
                }
                self.over = true;
            }
            What::SetattrRet { .. } if matches!(self.call, Call::Setattr) => {}
            _ => return Err(Reason::new("a call that the model has no task for does not do that")),
        }
        let releases = |lock| matches!(*what, What::Rel { l, .. } if l == lock);
        match self.call {
            Call::Stray => {
                self.over = !self.mapping
                    && (releases(LockName::IDataSem) || matches!(what, What::MapBlocksRet { .. }));
            }
            Call::Setattr => self.over = releases(LockName::IRwsem),
            // Mapped was all before it asked for i_data_sem once more.
            Call::WritesBack => {
                self.over = !self.mapping && !mapped && releases(LockName::IDataSem)
            }
            Call::Fault => self.over = releases(LockName::InvalidateLock),
            _ => {}
        }
        let returns =
            matches!(self.call, Call::Buffered { .. } | Call::Fallocate { .. } | Call::WrittenBack);
        if self.over && returns && world.holds_any(thread) {
            return Err(Reason::rule(RuleId::R3, "it returns with a lock held"));
        }
        Ok(())
    }
}
