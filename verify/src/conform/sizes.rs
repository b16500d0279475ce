//! How calls change i_size and i_disksize, and where blocks are.

use super::conformer::Conformer;
use super::doing::Doing;
use super::event::{Thread, What};
use super::frame::{Frame, Kind};
use super::loose::{Effect, Loose};
use super::world::Span;
use diolock::op::LockName;

impl Conformer {
    /// A call has taken i_data_sem alone: the sizes may change.
    pub(super) fn sizes_change(&mut self, thread: Thread) {
        let Some(Doing::Call(frame)) = self.doing.get(&thread).and_then(|s| s.last()) else {
            return;
        };
        if let Some(to) = frame.sets_size() {
            let to = Span::only(to);
            self.world.set_size(self.world.size.or(to));
            self.world.set_disksize(self.world.disksize.or(to));
        }
        self.extended(thread);
    }

    /// It gives i_data_sem back.
    pub(super) fn sizes_changed(&mut self, thread: Thread) {
        let Some(Doing::Call(frame)) = self.doing.get_mut(&thread).and_then(|s| s.last_mut())
        else {
            return;
        };
        if let Some(to) = frame.sets_size() {
            frame.size_is_set();
            self.world.set_size(Span::only(to));
            self.world.set_disksize(Span::only(to));
        } else if matches!(frame.kind, Kind::Write | Kind::Completion) && frame.extends() {
            let size = self.world.size;
            self.world.set_disksize(size);
        }
    }

    /// An extension has raised i_size by now.
    pub(super) fn extended(&mut self, thread: Thread) {
        if let Some(to) = self.frame(thread).and_then(Frame::extends_to) {
            let size = self.world.size.at_least(to);
            self.world.set_size(size);
            let disksize = self.world.disksize;
            self.world.set_disksize(disksize.or(size));
        }
    }

    /// What a call that is not modelled does to the sizes and to where blocks are.
    pub(super) fn effect(&mut self, loose: &Loose, what: &What) {
        let Some(effect) = loose.effect() else { return };
        let block = self.on.block;
        match (effect, what) {
            (Effect::Cut { from, to }, What::RemoveSpaceDone {}) => {
                self.world.extents.cut(from / block, to / block);
            }
            (Effect::Inserted { from, len }, What::EsRemove { .. }) => {
                self.world.extents.shift(from / block, len / block);
            }
            _ => {}
        }
        let size = self.world.size;
        if size == Span::ANY {
            return;
        }
        match (effect, what) {
            (Effect::Grows(to), What::MapBlocks { .. } | What::TruncPagecacheRange { .. }) => {
                let grown = Span { least: size.least, most: size.most.max(to) };
                self.world.set_size(grown);
                let disksize = self.world.disksize;
                self.world.set_disksize(Span { most: disksize.most.max(to), ..disksize });
            }
            (Effect::Grows(to), What::Rel { l: LockName::IRwsem, .. })
                if loose.has_allocated(to.div_ceil(block)) =>
            {
                let grown = size.at_least(to);
                self.world.set_size(grown);
                self.world.set_disksize(grown);
            }
            // How much of it is stored, if the disk is full, nothing tells.
            (Effect::Stores(to), What::Acq { l: LockName::IRwsem, .. }) => {
                let disksize = self.world.disksize;
                self.world.set_size(Span { most: size.most.max(to), ..size });
                self.world.set_disksize(Span { most: disksize.most.max(to), ..disksize });
            }
            (Effect::Cut { from, to }, What::RemoveSpaceDone {}) => {
                let less = Span { least: size.least.saturating_sub(to - from), most: size.most };
                self.world.set_size(less);
                self.world.set_disksize(less);
            }
            (Effect::Cut { from, to }, What::Rel { l: LockName::IDataSem, .. }) => {
                let less = Span { most: size.most.saturating_sub(to - from), ..size };
                self.world.set_size(less);
                self.world.set_disksize(less);
            }
            (Effect::Inserted { len, .. }, What::Acq { l: LockName::InvalidateLock, .. }) => {
                let more = Span { most: size.most.saturating_add(len), ..size };
                self.world.set_size(more);
                self.world.set_disksize(more);
            }
            (Effect::Inserted { len, .. }, What::ShiftExtents { .. }) => {
                let more = Span { least: size.least.saturating_add(len), ..size };
                self.world.set_size(more);
                self.world.set_disksize(more);
            }
            _ => {}
        }
    }
}
