//! Every configuration of a few users, one by one, as the reference semantics has it: what views claim to cover. It
//! shares with the search what a user is, and neither what a step asks of others nor what it does to them.

use super::machine::{Follow, Machine, Shared, SharedId, UserId};
use super::pairs::Pairs;
use super::scene::Scene;
use super::singles::Singles;
use super::user::User;
use crate::program::Event;
use crate::rule::{UserRecord, judge_among};
use diolock::inode::{Share, TASKS};
use diolock::kernel::{Kernel, Version};
use diolock::op::{IoEnd, LockName, Mode, Op, Outcome, TaskId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// More are a mistake of the test.
const MOST: usize = 2_000_000;

type Configuration = (SharedId, Vec<UserId>);

/// One step of the first of these users, among all of them; `None` if it has to wait.
fn step(
    machine: &mut Machine<'_>,
    (at, users): &Configuration,
    task: TaskId,
) -> Option<Configuration> {
    let shared = Arc::clone(machine.shared.get(*at));
    let all: Vec<Arc<User>> =
        users.iter().map(|&user| Arc::clone(machine.users.get(user))).collect();
    let op = all[0].next(task)?;
    let shares: Vec<&Share> = all.iter().map(|user| &user.share).collect();
    let mut inode = shared.inode.with_users(&shares);
    let outcome = inode.perform(task, &op).ok()?;
    let mut shares: Vec<Share> = shares.into_iter().cloned().collect();
    let inode = inode.take_apart(&mut shares, 0);
    // Of a counter tasks ask whether it is 0. Whoever is not the mover is one other.
    let mut from = None;
    let outcome = match outcome {
        Outcome::Value(count) if matches!(op, Op::CountRead(_)) => Outcome::Value(count.min(1)),
        Outcome::IoEnd(Some(io_end)) if usize::from(io_end.task) >= TASKS => {
            from = Some(usize::from(io_end.task) / TASKS);
            let task = TASKS as TaskId + io_end.task % TASKS as TaskId;
            Outcome::IoEnd(Some(IoEnd { task, ..io_end }))
        }
        Outcome::InodeAio(Some(of)) if usize::from(of) >= TASKS => {
            Outcome::InodeAio(Some(TASKS as TaskId + of % TASKS as TaskId))
        }
        outcome => outcome,
    };
    let event = Event { task, op: op.clone(), outcome: outcome.clone() };
    let program = &machine.scene.templates[all[0].template].program;
    let others: Vec<&UserRecord> = from.iter().map(|&from| &all[from].record).collect();
    let inodes = (&shared.inode, &inode);
    let judged = judge_among(program, &event, inodes, &shared.written, (&all[0].record, &others));
    let mut next: Vec<User> = all.iter().map(|user| User::clone(user)).collect();
    for (user, share) in next.iter_mut().zip(shares) {
        user.share = share;
    }
    if let Some(from) = from {
        let counted = judged.others[0] != next[from].record;
        let (mover, rest) = next.split_at_mut(1);
        mover[0].share.take_over(&mut rest[from - 1].share, counted);
        rest[from - 1].record = judged.others[0].clone();
    }
    next[0].record = judged.mover;
    next[0].resume(task, &op, outcome);
    let locks = machine.follow == Follow::Locks;
    if locks {
        next.iter_mut().for_each(|user| user.share.forget_pages());
    }
    let alone = |&lock: &LockName| {
        let held = next.iter().flat_map(|user| &user.share.locks);
        held.into_iter().any(|held| held.0 == lock && held.2 == Mode::Exclusive)
    };
    let mut alone: Vec<LockName> = machine.scene.exposed.iter().copied().filter(alone).collect();
    alone.sort_unstable();
    let mut inode = inode;
    machine.merge(&mut inode);
    let written = if locks { shared.written.clone() } else { judged.written };
    let shared = machine.shared.number(Shared { inode, written, alone });
    let mut users: Vec<UserId> = next.into_iter().map(|user| machine.number(user)).collect();
    users.sort_unstable();
    Some((shared, users))
}

/// All configurations of `count` users, each of whichever call; `seen` looks at each.
fn configurations(
    machine: &mut Machine<'_>,
    count: usize,
    mut seen: impl FnMut(&Machine<'_>, &Configuration),
) -> usize {
    let (shared, templates) = machine.start();
    let mut starts: BTreeSet<Vec<UserId>> = BTreeSet::from([Vec::new()]);
    for _ in 0..count {
        let longer = |users: &Vec<UserId>| {
            let more = templates.iter().map(|&user| [&users[..], &[user]].concat());
            more.map(|mut users| {
                users.sort_unstable();
                users
            })
            .collect::<Vec<_>>()
        };
        starts = starts.iter().flat_map(longer).collect();
    }
    let mut open: Vec<Configuration> = starts.into_iter().map(|users| (shared, users)).collect();
    let mut known: BTreeSet<Configuration> = open.iter().cloned().collect();
    while let Some((shared, users)) = open.pop() {
        seen(machine, &(shared, users.clone()));
        assert!(known.len() < MOST, "more than {MOST} configurations");
        for mover in 0..count {
            if mover > 0 && users[mover] == users[mover - 1] {
                continue;
            }
            let mut first = users.clone();
            first.swap(0, mover);
            for task in 0..TASKS as TaskId {
                let Some(next) = step(machine, &(shared, first.clone()), task) else { continue };
                if known.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }
    known.len()
}

fn scene(kernel: Kernel, calls: &[&str]) -> Scene {
    let calls: Vec<String> = calls.iter().map(|&call| call.to_owned()).collect();
    Scene::new(kernel, "size = 1, extents = [\"written\"]", &calls).expect("it can be stated")
}

/// An asynchronous write where three of them have few enough configurations. The worker of v3.11 takes any number
/// of io_ends at once: there is no proof about them there.
fn write_of(version: Version, many: &[Version]) -> &'static str {
    let few = version >= Version::V4_10 || many.contains(&version);
    if few { "aio_pwrite block=0" } else { "pwrite block=0" }
}

/// How many configurations of `count` users there are, and how many of their pairs are no view.
fn missing_pairs(scene: &Scene, count: usize) -> (usize, usize) {
    let mut pairs = Pairs::new(Machine::new(scene, Follow::Rules));
    assert!(pairs.run(|_, _| true));
    assert_eq!(pairs.machine.cut, None);
    let mut machine = Machine::new(scene, Follow::Rules);
    let mut missing = 0;
    let all = configurations(&mut machine, count, |machine, (shared, users)| {
        let live: Vec<UserId> =
            users.iter().copied().filter(|&user| !machine.is_gone(user)).collect();
        let shared = pairs.machine.shared.find(machine.shared.get(*shared));
        for (at, &a) in live.iter().enumerate() {
            for &b in &live[at + 1..] {
                let find = |user| pairs.machine.users.find(machine.users.get(user));
                let has = || Some(pairs.has(shared?, [find(a)?, find(b)?]));
                missing += usize::from(has() != Some(true));
            }
        }
    });
    (all, missing)
}

/// The same of users by themselves.
fn missing_singles(scene: &Scene, count: usize) -> (usize, usize) {
    let mut singles = Singles::new(Machine::new(scene, Follow::Locks));
    assert!(singles.run(|_, _| true));
    assert_eq!(singles.machine.cut, None);
    let mut machine = Machine::new(scene, Follow::Locks);
    let mut missing = 0;
    let all = configurations(&mut machine, count, |machine, (shared, users)| {
        let shared = singles.machine.shared.find(machine.shared.get(*shared));
        for &user in users.iter().filter(|&&user| !machine.is_gone(user)) {
            let has =
                || Some(singles.has(shared?, singles.machine.users.find(machine.users.get(user))?));
            missing += usize::from(has() != Some(true));
        }
    });
    (all, missing)
}

#[test]
fn no_pair_of_three_users_is_missing_on_any_kernel() {
    for version in Version::ALL {
        let calls = [write_of(version, &[Version::V3_6, Version::V3_7]), "ftruncate to=0"];
        let (all, missing) = missing_pairs(&scene(Kernel::new(version), &calls), 3);
        println!("{}: {all} configurations", version.name());
        assert!(all > 1000, "{}: {all}", version.name());
        assert_eq!(missing, 0, "{}", version.name());
    }
}

#[test]
fn no_pair_of_four_users_is_missing() {
    for (version, calls) in [
        (Version::V6_12, ["pwrite block=0", "ftruncate to=0"]),
        (Version::V5_4, ["pwrite block=0", "ftruncate to=0"]),
        (Version::V3_7, ["pwrite block=0", "ftruncate to=0"]),
    ] {
        let (all, missing) = missing_pairs(&scene(Kernel::new(version), &calls), 4);
        println!("{}: {all} configurations", version.name());
        assert_eq!(missing, 0, "{}", version.name());
    }
}

#[test]
fn no_pair_is_missing_where_pages_come_and_go() {
    for version in [Version::V6_12, Version::V4_10, Version::V3_7] {
        // A hole within the page would leave it there.
        let calls = ["read block=0", "ftruncate to=0"];
        let (all, missing) = missing_pairs(&scene(Kernel::new(version), &calls), 3);
        println!("{}: {all} configurations", version.name());
        assert_eq!(missing, 0, "{}", version.name());
    }
}

/// Whether reclaim takes a page depends on readers of whom a view knows nothing.
#[test]
fn no_pair_is_missing_where_pages_stay_for_their_readers() {
    for version in [Version::V6_12, Version::V3_7] {
        let calls = ["read block=0", "reclaim"];
        let (all, missing) = missing_pairs(&scene(Kernel::new(version), &calls), 3);
        println!("{}: {all} configurations", version.name());
        assert_eq!(missing, 0, "{}", version.name());
    }
}

#[test]
fn nobody_of_three_users_is_missing_on_any_kernel() {
    for version in Version::ALL {
        let calls = [write_of(version, &[]), "ftruncate to=0"];
        let (all, missing) = missing_singles(&scene(Kernel::new(version), &calls), 3);
        println!("{}: {all} configurations", version.name());
        assert_eq!(missing, 0, "{}", version.name());
    }
}
