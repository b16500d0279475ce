//! Which kernel is meant, where options leave it open.

use super::args::On;
use super::names;
use diolock::kernel::{Kernel, Version};
use diolock_verify::litmus::Litmus;
use std::cmp::Reverse;

/// What a command would rather show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// The newest kernel, as released if possible, on which the test fails.
    Failing,
    /// The newest kernel on which it does not.
    Clean,
}

/// The kernel that options name. `--without` alone means the newest kernel that the test speaks of
/// and that has those fixes; no option means the kernel that the command would rather show.
pub fn kernel(litmus: &Litmus, on: &On, prefer: Prefer) -> miette::Result<Kernel> {
    let (version, without) = (on.kernel, &on.without);
    if let Some(version) = version {
        modelled(litmus, version)?;
        return names::kernel_without(version, without);
    }
    let has = |kernel: Kernel| {
        litmus.not_modelled_on(kernel.version).is_none()
            && without.iter().all(|&fix| kernel.has(fix))
    };
    let removed = |kernel: Kernel| kernel.removed().count();
    let spoken_of = litmus.expect.iter().filter(|expect| has(expect.kernel));
    let spoken_of = spoken_of.max_by_key(|expect| {
        let kernel = expect.kernel;
        let clean = !expect.expected.goes_wrong();
        let wanted = clean == (prefer == Prefer::Clean) || !without.is_empty();
        (wanted, Reverse(removed(kernel).min(1)), kernel.version, Reverse(removed(kernel)))
    });
    let newest = Version::ALL.into_iter().rev().map(Kernel::new).find(|&kernel| has(kernel));
    let whole = spoken_of.map(|expect| expect.kernel).or(newest).ok_or_else(|| {
        miette::miette!("no kernel has all of these fixes: there is none to do without them")
    })?;
    Ok(without.iter().fold(whole, |kernel, &fix| kernel.without(fix)))
}

/// That every call of a test is modelled on a kernel.
pub fn modelled(litmus: &Litmus, version: Version) -> miette::Result<()> {
    match litmus.not_modelled_on(version) {
        Some(why) => Err(miette::miette!(
            help = "on a kernel of another era the call takes other steps, which are not here",
            "{} says nothing of {}: {why}",
            litmus.name,
            version.name()
        )),
        None => Ok(()),
    }
}
