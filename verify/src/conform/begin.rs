//! Which call a thread begins.

use super::before_fallocate::BeforeFallocate;
use super::conformer::Conformer;
use super::doing::{Doing, Taken, wrong};
use super::event::{Thread, What};
use super::file_system::Journal;
use super::flags::{ATTR_SIZE, DIRECT, NOWAIT};
use super::frame::{Asked, Frame};
use super::loose::Loose;
use super::reject::Reason;
use super::value::Hex;
use diolock::kernel::Version;
use diolock::op::{LockName, Mode};

impl Conformer {
    /// A file has no more than 2^32 blocks.
    pub(super) fn reaches(&self, end: u64) -> Taken {
        if end / self.on.block < u64::from(u32::MAX) {
            return Ok(());
        }
        Err(wrong(Reason::new(format!("no file reaches to {end}"))))
    }

    /// A write, or a read, of so many bytes from there on.
    fn io(&self, writes: bool, pos: u64, len: u64, kflags: Hex) -> Doing {
        let direct = kflags.has(DIRECT) && len > 0;
        if direct && self.on.journal != Journal::Data {
            let asked = Asked { pos, end: pos + len, nowait: kflags.has(NOWAIT) };
            let frame = if writes { Frame::write } else { Frame::read };
            return Doing::Call(Box::new(frame(self.on, asked)));
        }
        let loose = if writes {
            Loose::buffered_write(pos, len, self.on.kernel)
        } else {
            Loose::buffered_read(len)
        };
        Doing::Loose(if direct { loose.falling_back() } else { loose })
    }

    /// What the model has no task for, with its first event.
    pub(super) fn loose(
        &mut self,
        thread: Thread,
        mut loose: Loose,
        what: &What,
    ) -> Result<Doing, (Reason, Vec<String>)> {
        loose.take(thread, what, &self.world).map_err(wrong)?;
        self.coverage.not_modelled += 1;
        Ok(Doing::Loose(loose))
    }

    /// A thread that is in no call begins one.
    pub(super) fn begins(&mut self, thread: Thread, what: &What) -> Taken {
        let kernel = self.on.kernel;
        let doing = match *what {
            What::WriteIter { len, .. } | What::ReadIter { len, .. } if len > 1 << 31 => {
                return Err(wrong(Reason::new(format!("len={len} is more than one call can do"))));
            }
            What::WriteIter { pos, len, kflags, .. } | What::ReadIter { pos, len, kflags, .. } => {
                self.reaches(pos + len)?;
                self.io(matches!(what, What::WriteIter { .. }), pos, len, kflags)
            }
            What::Fallocate { mode, pos, len } => {
                let asked = Asked { pos, end: pos + len, nowait: false };
                match Frame::fallocate(self.on, mode.0, asked) {
                    Some(frame) => {
                        let twice = kernel.version < Version::V6_12;
                        Doing::BeforeFallocate(Box::new(BeforeFallocate::new(frame, twice)))
                    }
                    None => Doing::Loose(Loose::fallocate(mode.0, pos, len)),
                }
            }
            What::Req { l: LockName::IRwsem, m: Mode::Exclusive } => {
                Doing::Opening(vec![what.clone()])
            }
            What::Req { l: LockName::IDataSem, .. } | What::MapBlocks { .. } => {
                self.loose(thread, Loose::stray(), what)?
            }
            What::Req { l: LockName::InvalidateLock, m: Mode::Shared } => {
                self.loose(thread, Loose::fault(), what)?
            }
            What::ConvertUnwritten { .. } => self.loose(thread, Loose::written_back(), what)?,
            What::DioCompleteWork {} => Doing::Work,
            _ => {
                let text = "the thread is in no call";
                let calls = [
                    "write_iter",
                    "read_iter",
                    "fallocate",
                    "req l=rwsem m=X",
                    "dio_complete_work",
                ];
                return Err((Reason::new(text), calls.map(str::to_owned).to_vec()));
            }
        };
        self.doing.insert(thread, vec![doing]);
        Ok(())
    }

    /// A call shows which it is.
    pub(super) fn opens(
        &mut self,
        thread: Thread,
        mut before: Vec<What>,
        what: &What,
    ) -> Result<Option<Doing>, (Reason, Vec<String>)> {
        match *what {
            What::Acq { l: LockName::IRwsem, m: Mode::Exclusive } if before.len() == 1 => {
                before.push(what.clone());
                Ok(Some(Doing::Opening(before)))
            }
            What::Setattr { valid, newsize, .. } if valid.has(ATTR_SIZE) && before.len() == 2 => {
                self.reaches(newsize)?;
                let mut frame = Frame::setattr(self.on, newsize);
                for event in before.iter().chain([what]) {
                    frame.take(thread, event, &self.world)?;
                }
                Ok(Some(Doing::Call(Box::new(frame))))
            }
            What::Setattr { .. } if before.len() == 2 => Ok(Some(Doing::Loose(Loose::setattr()))),
            What::Rel { l: LockName::IRwsem, m: Mode::Exclusive, .. } if before.len() == 2 => {
                self.coverage.not_modelled += 3;
                Ok(None)
            }
            _ => {
                let wanted = if before.len() == 1 { "acq l=rwsem m=X" } else { "setattr" };
                let reason = Reason::new("no call of the model does that after asking for i_rwsem");
                Err((reason, vec![wanted.to_owned()]))
            }
        }
    }
}
