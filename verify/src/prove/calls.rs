//! What is proved if nobody says of what.

use super::scene::Scene;
use diolock::kernel::{Kernel, Version};

/// A file of one written block.
pub const FILE: &str = "size = 1, extents = [\"written\"]";

/// Calls on the first block. No call that makes the file longer each time: of any number of those there is no end.
const CALLS: [&str; 17] = [
    "pwrite block=0",
    "aio_pwrite block=0",
    "pread block=0",
    "aio_pread block=0",
    "read block=0",
    "write block=0",
    "writepages",
    "fsync",
    "ftruncate to=0",
    "ftruncate to=1",
    "punch_hole block=0",
    "zero_range block=0",
    "collapse_range block=0",
    "falloc block=0",
    "falloc_grow block=0",
    "move_extents block=0",
    "commit",
];

/// Those of them whose pairs are few enough.
const CORE: [&str; 9] = [
    "pwrite block=0",
    "aio_pwrite block=0",
    "pread block=0",
    "aio_pread block=0",
    "read block=0",
    "fsync",
    "ftruncate to=0",
    "punch_hole block=0",
    "commit",
];

/// What is left out where nobody says of what: up to v3.7 there are too many states with it.
const MANY: [&str; 1] = ["write block=0"];

fn of<'a>(version: Version, calls: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let had = |call: &&str| {
        let call = [(*call).to_owned()];
        Scene::new(Kernel::new(version), FILE, &call).is_ok()
    };
    calls.into_iter().filter(had).map(str::to_owned).collect()
}

/// The calls of a version whose waits are looked for.
pub fn all_calls(version: Version) -> Vec<String> {
    let many = |call: &&str| version <= Version::V3_7 && MANY.contains(call);
    of(version, CALLS.into_iter().filter(|call| !many(call)))
}

/// Calls of a version of which nothing is proved unless somebody asks, there being too many states.
pub fn left_out(version: Version) -> Vec<String> {
    of(version, MANY.into_iter().filter(|_| version <= Version::V3_7))
}

/// The calls of a version of which rules are proved.
pub fn core_calls(version: Version) -> Vec<String> {
    of(version, CORE)
}

/// Each choice of so many of some calls, by their numbers, the same ones among them.
pub(super) fn choices(calls: usize, count: usize) -> Vec<Vec<usize>> {
    let mut chosen: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let longer = |some: &Vec<usize>| {
            let from = some.last().copied().unwrap_or(0);
            (from..calls).map(|at| [&some[..], &[at]].concat()).collect::<Vec<_>>()
        };
        chosen = chosen.iter().flat_map(longer).collect();
    }
    chosen
}
