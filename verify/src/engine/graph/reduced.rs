//! A search for a verdict alone, which leaves out orders of steps that commute.
//!
//! In each state it takes the steps of some tasks only: a *persistent set*, such that whatever the others do before one of
//! these tasks has moved commutes with the next step of each. Then every run has a run of the search that differs from
//! it in the order of such steps alone, and in steps that come later anyway; the rules say the same of both, as they
//! see only what their event touches. What the others may do is what they were seen to do somewhere
//! ([`Ahead`]): a state is looked at again once more is known, until nothing is news. A task that was never
//! seen to take some step takes it in no run then, as the first one that does would be a run of the search.
//!
//! Nobody is passed over for ever: where some task can come back to where it stood, and no step that is taken leads to a
//! state that is looked at later, all steps are taken (the proviso for loops).

use super::ahead::{Ahead, At, Footprint, Held};
use super::search::{Search, StateId, way};
use diolock::op::TaskId;

/// How a search ended.
pub(super) enum End {
    /// Everything was looked at.
    Clean,
    /// A rule is broken, or somebody is stuck, after these steps; others may come to that sooner.
    Wrong(Vec<TaskId>),
    /// It met as many states as it may.
    Cut,
}

/// A set of tasks.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Tasks(u32);

impl Tasks {
    fn of(tasks: impl Iterator<Item = TaskId>) -> Tasks {
        tasks.fold(Tasks::default(), |all, task| all.with(task))
    }
    fn with(self, task: TaskId) -> Tasks {
        Tasks(self.0 | 1 << task)
    }
    fn has(self, task: TaskId) -> bool {
        self.0 >> task & 1 == 1
    }
    fn and(self, other: Tasks) -> Tasks {
        Tasks(self.0 & other.0)
    }
    fn or(self, other: Tasks) -> Tasks {
        Tasks(self.0 | other.0)
    }
    fn less(self, other: Tasks) -> Tasks {
        Tasks(self.0 & !other.0)
    }
    fn len(self) -> u32 {
        self.0.count_ones()
    }
}

/// What was done at a state: whose steps were to be taken, and whose were.
#[derive(Clone, Copy, Default)]
struct Looked {
    set: Tasks,
    taken: Tasks,
    /// One of them leads to a state that is looked at later.
    onwards: bool,
}

/// Looks at as few states as it can, and at most at `max_states`.
pub(super) fn run(search: &mut Search<'_>, progress: bool, max_states: Option<usize>) -> End {
    let mut reduced = Reduced {
        search,
        ahead: Ahead::default(),
        looked: Vec::new(),
        ways: vec![(Search::FIRST, 0)],
        loops: false,
    };
    loop {
        reduced.loops = reduced.ahead.forget();
        let mut news = false;
        let mut at = Search::FIRST;
        while (at as usize) < reduced.search.len() {
            let first = reduced.looked.len() == at as usize;
            let wrong = first && reduced.search.broken(at).is_some();
            if wrong || first && progress && reduced.search.stuck(at) {
                return End::Wrong(way(&reduced.ways, at));
            }
            if max_states.is_some_and(|max| reduced.search.len() >= max) {
                return End::Cut;
            }
            news |= reduced.look(at);
            at += 1;
        }
        // Loops that were found on the way ask for the proviso.
        let again = news || !reduced.loops && reduced.ahead.forget();
        if !again {
            return End::Clean;
        }
    }
}

struct Reduced<'a, 'b> {
    search: &'a mut Search<'b>,
    ahead: Ahead,
    /// By state.
    looked: Vec<Looked>,
    /// How each state was met first.
    ways: Vec<(StateId, TaskId)>,
    /// Some task can come back to where it stood.
    loops: bool,
}

impl Reduced<'_, '_> {
    /// Looks at a state, as far as what was done at it is not enough by what is known now. Whether there was news.
    fn look(&mut self, at: StateId) -> bool {
        let able = Tasks::of(self.search.tasks().filter(|&task| self.search.enabled(at, task)));
        let first = self.looked.len() == at as usize;
        if first {
            self.looked.push(Looked::default());
        }
        let Looked { set, mut taken, mut onwards } = self.looked[at as usize];
        if taken == able {
            return false;
        }
        let set = if first { self.smallest(at, able) } else { self.closed(at, set) };
        let mut news = false;
        let mut take = set.and(able);
        loop {
            for task in self.tasks_of(take.less(taken)) {
                onwards |= self.take(at, task, &mut news);
            }
            taken = taken.or(take);
            if onwards || !self.loops {
                break;
            }
            (take, onwards) = (able, true);
        }
        self.looked[at as usize] = Looked { set, taken, onwards };
        news
    }

    fn tasks_of(&self, tasks: Tasks) -> impl Iterator<Item = TaskId> + use<> {
        self.search.tasks().filter(move |&task| tasks.has(task))
    }

    /// Takes a step and learns from it. Whether it leads to a state that is looked at later.
    fn take(&mut self, at: StateId, task: TaskId, news: &mut bool) -> bool {
        let Some(to) = self.search.next(at, task) else { return false };
        let queues = self.search.queues(at, task);
        self.ways.resize(self.search.len(), (at, task));
        let from = (task, self.search.local(at, task));
        for other in self.search.tasks() {
            let local = self.search.local(to, other);
            // Who queues stands where it stood, and cannot do so again before it has the lock.
            if other == task && !queues || local != self.search.local(at, other) {
                self.ahead.next(self.search, to, (other, local));
                *news |= self.ahead.learn(from, (other, local));
            }
        }
        to > at
    }

    /// The persistent set with the fewest steps.
    fn smallest(&mut self, at: StateId, able: Tasks) -> Tasks {
        let mut best: Option<Tasks> = None;
        for task in self.tasks_of(able) {
            if best.is_some_and(|best| best.and(able).len() == 1) {
                continue;
            }
            let set = self.closed(at, Tasks::default().with(task));
            if best.is_none_or(|best| set.and(able).len() < best.and(able).len()) {
                best = Some(set);
            }
        }
        best.unwrap_or(able)
    }

    /// The smallest set of tasks with these in it that those outside leave alone: what they may do before one in it has
    /// moved commutes with the next step of each in it, and makes none of them wait or stop waiting.
    fn closed(&mut self, at: StateId, mut set: Tasks) -> Tasks {
        let going = self.search.tasks().filter(|&task| self.search.goes_on(at, task));
        let going: Vec<At> = going.map(|task| (task, self.search.local(at, task))).collect();
        for &one in &going {
            self.ahead.next(self.search, at, one);
        }
        let ever = |one: &At| self.ahead.until(*one, Held::default());
        let pages = if self.search.cached(at) || going.iter().map(ever).any(Footprint::brings_pages)
        {
            0
        } else {
            self.ahead.pages()
        };
        loop {
            let before = set;
            let held = self.held(at, set);
            for &one in going.iter().filter(|one| before.has(one.0)) {
                let next = self.ahead.next(self.search, at, one).uncached(pages);
                for &other in &going {
                    if !set.has(other.0)
                        && self.ahead.until(other, held).uncached(pages).conflicts(next)
                    {
                        set = set.with(other.0);
                    }
                }
            }
            if set == before {
                return set;
            }
        }
    }

    /// The locks that these tasks hold.
    fn held(&self, at: StateId, tasks: Tasks) -> Held {
        let holders = self.search.holders(at).filter(|held| tasks.has(held.0));
        holders.fold(Held::default(), |all, (_, lock, mode)| all.with(lock, mode))
    }
}
