//! Kernels as data: a version is a set of fixes, each named by its commit; `without` removes some.

mod fixes;

pub use fixes::{About, Evidence, FIXES, Fix};

use std::fmt;

/// The kernels modelled, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Version {
    /// The RFC's first version, May 2012; its code was not seen, the model follows the v2 cover letter.
    RfcV1,
    /// The RFC's second version, 14 June 2012.
    RfcV2,
    /// As merged.
    V3_6,
    /// After Monakhov's series.
    V3_7,
    /// The count covers every direct write and its conversion.
    V3_11,
    /// `i_rwsem`; `i_data_sem` is no longer held over an overwrite.
    V4_10,
    /// The last before iomap; no gate.
    V5_4,
    /// iomap: overwrites run under shared `i_rwsem`. As in v5.10.44, which sets i_size in `->end_io`.
    V5_10,
    /// With `invalidate_lock`. As in v6.1.141: both sizes are set in `->end_io` (v6.1 itself is this
    /// without 91562895f803).
    V6_1,
    /// Shared writes into unwritten blocks too.
    V6_12,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Version; 10] = [
        Version::RfcV1,
        Version::RfcV2,
        Version::V3_6,
        Version::V3_7,
        Version::V3_11,
        Version::V4_10,
        Version::V5_4,
        Version::V5_10,
        Version::V6_1,
        Version::V6_12,
    ];

    /// Its name in litmus tests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Version::RfcV1 => "rfc-v1",
            Version::RfcV2 => "rfc-v2",
            Version::V3_6 => "v3.6",
            Version::V3_7 => "v3.7",
            Version::V3_11 => "v3.11",
            Version::V4_10 => "v4.10",
            Version::V5_4 => "v5.4",
            Version::V5_10 => "v5.10",
            Version::V6_1 => "v6.1",
            Version::V6_12 => "v6.12",
        }
    }
}

/// A kernel: a version less some fixes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Kernel {
    /// The version.
    pub version: Version,
    without: u128,
}

impl Kernel {
    /// A version as released.
    pub fn new(version: Version) -> Kernel {
        Kernel { version, without: 0 }
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
        in_force && self.without >> fix as u32 & 1 == 0
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
    use crate::*;

    #[test]
    fn a_later_kernel_has_every_fix_of_an_earlier_one_that_it_still_needs() {
        for pair in Version::ALL.windows(2) {
            let (old, new) = (Kernel::new(pair[0]), Kernel::new(pair[1]));
            let kept = |fix: Fix| new.has(fix) || fix.about().until == Some(new.version);
            assert!(old.fixes().all(kept));
        }
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
