//! Kernels as data: a version is a set of fixes, each named by its commit; `without` removes some.

mod about;
mod evidence;
mod fixes;
mod paging;
mod stable;
mod version;

pub use about::About;
pub use evidence::Evidence;
pub use fixes::{FIXES, Fix};
pub use paging::{MAX_PAGES, PageNo, Pages, Paging};
pub use version::Version;

use std::fmt;

impl Fix {
    /// What is known of it.
    pub fn about(self) -> &'static About {
        &FIXES[self as usize]
    }

    /// Whether only weakly ordered machines need it: under sequential consistency nobody can tell.
    pub fn orders_memory(self) -> bool {
        matches!(
            self,
            Fix::ReaderBarrier
                | Fix::CloserBarrier
                | Fix::CloserBarrierOrdersReads
                | Fix::OpenerBarrier
                | Fix::DecrementBarrier
                | Fix::WaiterBarrier
                | Fix::LookUpUnderDataSem
                | Fix::DirtyBarrier
                | Fix::SizeReadBarrier
                | Fix::SizeRelease
                | Fix::SizeAcquire
        )
    }

    /// Finds a fix by its commit, whole or abbreviated to at least 7 digits.
    pub fn named(name: &str) -> Option<Fix> {
        let hash = || name.bytes().all(|b| b.is_ascii_hexdigit());
        let longer = |commit: &str| commit.len() == 12 && hash() && name.starts_with(commit);
        let fits = |commit: &str| {
            commit == name || name.len() >= 7 && (commit.starts_with(name) || longer(commit))
        };
        FIXES.iter().find(|about| fits(about.commit)).map(|about| about.fix)
    }
}

/// A kernel: a version less some fixes, and how large its pages are to the file system that is mounted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Kernel {
    /// The version.
    pub version: Version,
    /// How many blocks a page holds.
    pub paging: Paging,
    without: u128,
}

impl Kernel {
    /// A version as released.
    pub fn new(version: Version) -> Kernel {
        Kernel { version, paging: Paging::default(), without: 0 }
    }

    /// The same with a file system whose blocks are so large.
    #[must_use]
    pub fn with_pages(self, paging: Paging) -> Kernel {
        Kernel { paging, ..self }
    }

    /// The same without one fix.
    #[must_use]
    pub fn without(self, fix: Fix) -> Kernel {
        Kernel { without: self.without | 1 << fix as u128, ..self }
    }

    /// The fixes taken away, oldest first.
    pub fn removed(self) -> impl Iterator<Item = Fix> {
        FIXES.iter().map(|a| a.fix).filter(move |&fix| self.without >> fix as u32 & 1 == 1)
    }

    /// Whether it has a fix.
    pub fn has(self, fix: Fix) -> bool {
        let about = fix.about();
        let in_force = self.version >= about.since && about.until.is_none_or(|v| self.version < v);
        let here = in_force || stable::brought_back(self.version).contains(&fix);
        here && self.without >> fix as u32 & 1 == 0
    }

    /// As options of the command line: `--kernel v3.7 --without 1f555cfa29e8`.
    pub fn options(self) -> String {
        let without = self.removed().map(|fix| format!(" --without {}", fix.about().commit));
        format!("--kernel {}{}", self.version.name(), without.collect::<String>())
    }

    /// The fixes it has, oldest first.
    pub fn fixes(self) -> impl Iterator<Item = Fix> {
        FIXES.iter().map(|a| a.fix).filter(move |&fix| self.has(fix))
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version.name())?;
        for fix in self.removed() {
            write!(f, " without {}", fix.about().commit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_kernel_has_every_fix_of_an_earlier_one_that_it_still_needs() {
        for pair in Version::ALL.windows(2) {
            let (old, new) = (Kernel::new(pair[0]), Kernel::new(pair[1]));
            let kept = |fix: Fix| new.has(fix) || fix.about().until == Some(new.version);
            assert!(old.fixes().all(kept));
        }
    }

    #[test]
    fn a_stable_kernel_has_what_was_brought_back_to_it_and_the_release_has_not() {
        for &version in Version::STABLE {
            let released = Version::ALL.into_iter().rfind(|&of| of < version).expect("a release");
            let brought = stable::brought_back(version);
            assert!(brought.iter().all(|&fix| Kernel::new(version).has(fix)), "{version:?}");
            assert!(!brought.iter().any(|&fix| Kernel::new(released).has(fix)), "{version:?}");
        }
        // It is placed by what it has: fallocate waits at its start, and the modes no more.
        let stable = Kernel::new(Version::V6_12_117);
        assert!(stable.has(Fix::FallocateWaits) && !stable.has(Fix::PunchDrains));
        assert!(!Kernel::new(Version::V6_1_192).has(Fix::FallocateWaits));
    }

    #[test]
    fn fixes_are_found_by_whole_and_short_hashes() {
        assert_eq!(Fix::named("1f555cf"), Some(Fix::CountBeforeUnlock));
        assert_eq!(Fix::named("1f555cfa29e8deadbeef"), Some(Fix::CountBeforeUnlock));
        assert_eq!(Fix::named("1f555"), None);
        assert_eq!(Fix::named("closer-smp_mb"), Some(Fix::CloserBarrier));
        for about in FIXES {
            assert_eq!(Fix::named(about.commit), Some(about.fix));
        }
    }
}
