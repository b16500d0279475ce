//! What happens inside ext4_map_blocks: one look under i_data_sem shared, then, if blocks are created or
//! converted, one under i_data_sem alone; the extent status cache may answer in place of either.

use crate::conform::event::What;
use crate::conform::flags::{GET_CONVERT, GET_CREATE};
use diolock::op::{LockName, Mode};

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    /// Not called, or returned.
    #[default]
    Out,
    Called,
    Asks(Mode),
    /// i_data_sem is held; ext4_ext_map_blocks is not done.
    Holds(Mode),
    /// It is done.
    Done(Mode),
    Let(Mode),
}

/// The call that is under way, or was the last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inside {
    stage: Stage,
    flags: u64,
    /// i_data_sem was held alone.
    alone: bool,
}

impl Inside {
    /// Takes down an event; false if it does not fit.
    pub(super) fn note(&mut self, what: &What) -> bool {
        let sem = LockName::IDataSem;
        self.stage = match (self.stage, what) {
            (_, What::MapBlocks { gflags, .. }) => {
                *self = Inside { flags: gflags.0, ..Inside::default() };
                Stage::Called
            }
            (Stage::Out, _) => return true,
            (Stage::Called | Stage::Let(_), What::MapBlocksRet { .. }) => Stage::Out,
            (Stage::Called, &What::Req { l, m }) if l == sem => Stage::Asks(m),
            (Stage::Let(Mode::Shared), &What::Req { l, m: Mode::Exclusive }) if l == sem => {
                Stage::Asks(Mode::Exclusive)
            }
            (Stage::Asks(mode), &What::Acq { l, m }) if (l, m) == (sem, mode) => Stage::Holds(mode),
            (Stage::Holds(mode), What::HandleUnwritten {}) => Stage::Holds(mode),
            (Stage::Holds(mode), What::ExtMapBlocksExit {}) => Stage::Done(mode),
            (Stage::Done(mode), &What::Rel { l, m, .. }) if (l, m) == (sem, mode) => {
                self.alone |= mode == Mode::Exclusive;
                Stage::Let(mode)
            }
            _ => return false,
        };
        self.stage != Stage::Asks(Mode::Exclusive) || self.flags & (GET_CREATE | GET_CONVERT) != 0
    }

    /// Whether the event was of the call, and not its return.
    pub(super) fn amid(&self, what: &What) -> bool {
        let call = matches!(what, What::MapBlocks { .. } | What::MapBlocksRet { .. });
        self.stage != Stage::Out && !call
    }

    /// Whether the call has held i_data_sem alone, and given it back.
    pub(super) fn alone(&self) -> bool {
        self.alone
    }

    /// What may come next.
    pub(super) fn next(&self) -> Vec<&'static str> {
        let creates = self.flags & (GET_CREATE | GET_CONVERT) != 0;
        match self.stage {
            Stage::Out => Vec::new(),
            Stage::Called if creates => {
                vec!["req l=data m=S", "req l=data m=X", "map_blocks_ret"]
            }
            Stage::Called => vec!["req l=data m=S", "map_blocks_ret"],
            Stage::Asks(Mode::Shared) => vec!["acq l=data m=S"],
            Stage::Asks(Mode::Exclusive) => vec!["acq l=data m=X"],
            Stage::Holds(_) => vec!["ext4_ext_map_blocks_exit"],
            Stage::Done(Mode::Shared) => vec!["rel l=data m=S"],
            Stage::Done(Mode::Exclusive) => vec!["rel l=data m=X"],
            Stage::Let(Mode::Shared) if creates => vec!["req l=data m=X", "map_blocks_ret"],
            Stage::Let(_) => vec!["map_blocks_ret"],
        }
    }
}
