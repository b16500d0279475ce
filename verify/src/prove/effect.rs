//! What a step does to what is shared, and to the share of who takes it.

use super::machine::{Beside, Effect, Follow, Machine, Shared, SharedId};
use super::needs::{Needs, asks, not_followed};
use crate::litmus::MAX_BLOCKS;
use diolock::inode::{Inode, Share};
use diolock::op::{Mode, Op, Outcome, Size, TaskId};
use std::sync::Arc;

/// A file that is longer than any that can be written down grows without end.
const MOST_BLOCKS: u32 = MAX_BLOCKS;

impl Machine<'_> {
    /// What a step does, by whoever takes it that has such a share.
    pub(super) fn effects(
        &mut self,
        at: SharedId,
        share: u32,
        task: TaskId,
        op: u32,
    ) -> Arc<[Effect]> {
        if let Some(effects) = self.effects.get(&(at, share, task, op)) {
            return Arc::clone(effects);
        }
        let shared = Arc::clone(self.shared.get(at));
        let (own, what) = (Arc::clone(self.shares.get(share)), Arc::clone(self.ops.get(op)));
        let mut effects = Vec::new();
        if let Some(why) = not_followed(&what) {
            self.cut = Some(why);
            return effects.into();
        }
        for (needs, told) in asks(&own, &what) {
            let free = match needs {
                Needs::Free(lock, _) => !shared.alone.contains(&lock),
                _ => true,
            };
            if !free || !needs.allowed_by(&own) {
                continue;
            }
            let mut inode = shared.inode.with_users(&[&own]);
            let outcome = match told {
                Some(outcome) => outcome,
                None => match inode.perform(task, &what) {
                    Ok(outcome) => outcome,
                    Err(_) => continue,
                },
            };
            let effect = self.effect((&shared, &own), (needs, &what), (inode, outcome));
            effects.extend(effect);
        }
        let effects: Arc<[Effect]> = effects.into();
        self.effects.insert((at, share, task, op), Arc::clone(&effects));
        effects
    }

    fn effect(
        &mut self,
        (shared, own): (&Shared, &Share),
        (needs, op): (Needs, &Op),
        (inode, outcome): (Inode, Outcome),
    ) -> Option<Effect> {
        let there = |inode: &Inode| inode.cache().there(inode.paging().all());
        let left =
            || there(&shared.inode).into_iter().find(|page| inode.cache().page(*page).is_none());
        let beside = match op {
            Op::InodeAioSet(_) => Beside::SlotTaken,
            _ => left().map_or(Beside::Nothing, Beside::PageLeft),
        };
        let freed = if let Outcome::Freed(freed) = &outcome { freed.clone() } else { Vec::new() };
        let mut shares = [own.clone()];
        let mut inode = inode.take_apart(&mut shares, 0);
        let [mut share] = shares;
        if inode.size().max(inode.disksize()) > Size::blocks(MOST_BLOCKS)
            || inode.extents().mapping().len() > MOST_BLOCKS as usize
        {
            self.cut = Some("the file grows without end");
            return None;
        }
        self.merge(&mut inode);
        let mut alone = shared.alone.clone();
        for &lock in &self.scene.exposed {
            let holds = |share: &Share| {
                share.locks.iter().any(|held| held.0 == lock && held.2 == Mode::Exclusive)
            };
            match (holds(own), holds(&share)) {
                (false, true) => alone.push(lock),
                (true, false) => alone.retain(|&held| held != lock),
                _ => {}
            }
        }
        alone.sort_unstable();
        if self.follow == Follow::Locks {
            share.forget_pages();
        }
        // What is written is judged with the user's own record, and filled in there.
        let written = shared.written.clone();
        let shared = self.shared.number(Shared { inode, written, alone });
        let (share, outcome) = (self.shares.number(share), self.outcomes.number(outcome));
        Some(Effect { needs, shared, share, outcome, beside, freed })
    }
}
