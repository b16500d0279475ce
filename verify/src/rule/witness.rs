//! What must be seen for a clean result to mean anything.

use diolock::op::TaskId;

/// Something that a run must show at least once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Witness {
    /// Who.
    pub task: TaskId,
    /// Does what.
    pub verb: Verb,
}

/// What a task is seen to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// A write takes the no-lock path.
    Overwrites,
    /// A write keeps `i_mutex`.
    KeepsImutex,
    /// A write begins its I/O holding `i_rwsem` alone.
    KeepsIRwsem,
    /// A write lets the shared lock go before its I/O, to take it alone.
    Upgrades,
    /// A trylock fails.
    FindsLockBusy,
    /// Data moves to the device.
    Writes,
    /// Data moves from the device.
    Reads,
    /// A read finds the gate closed.
    FindsGateClosed,
    /// A truncate frees at least one block.
    Frees,
    /// Something unwritten becomes written.
    Converts,
    /// The allocation fails.
    RunsOutOfSpace,
    /// The probe finds cached pages.
    FindsCachedPages,
    /// Its data moves while the other has blocks mapped and its data not yet moved.
    Overlaps(TaskId),
    /// It frees blocks while the other's I/O is in flight.
    FreesUnder(TaskId),
    /// Its drain returns after the other dropped a reference while it held `i_mutex`.
    WaitsFor(TaskId),
    /// Stores to a cached page, be it zeros behind a new end of the file.
    Stores,
    /// It returns.
    Returns,
    /// It sleeps on a wait queue and is woken.
    Sleeps,
}

impl Verb {
    /// The verbs that name no second task, with their words.
    pub const PLAIN: [(&'static str, Verb); 15] = [
        ("overwrites", Verb::Overwrites),
        ("keeps i_mutex", Verb::KeepsImutex),
        ("keeps i_rwsem", Verb::KeepsIRwsem),
        ("upgrades", Verb::Upgrades),
        ("finds the lock busy", Verb::FindsLockBusy),
        ("writes", Verb::Writes),
        ("reads", Verb::Reads),
        ("finds the gate closed", Verb::FindsGateClosed),
        ("frees", Verb::Frees),
        ("converts", Verb::Converts),
        ("runs out of space", Verb::RunsOutOfSpace),
        ("finds cached pages", Verb::FindsCachedPages),
        ("stores", Verb::Stores),
        ("returns", Verb::Returns),
        ("sleeps", Verb::Sleeps),
    ];
}
