//! The kernels modelled.

macro_rules! versions {
    ($(
        $(#[$doc:meta])+ $version:ident = $name:literal
        $(, $(#[$stable_doc:meta])+ $stable:ident = $stable_name:literal)?;
    )+) => {
        /// The kernels modelled, oldest first; a stable one comes behind the release that it is like.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Version {
            $($(#[$doc])+ $version, $($(#[$stable_doc])+ $stable,)?)+
        }

        impl Version {
            /// Every release, oldest first.
            pub const ALL: [Version; [$($name),+].len()] = [$(Version::$version),+];

            /// Stable kernels: releases with fixes brought back.
            pub const STABLE: &[Version] = &[$($(Version::$stable,)?)+];

            /// The newest.
            pub const NEWEST: Version = Version::ALL[Version::ALL.len() - 1];

            /// Its name in litmus tests and on the command line.
            pub fn name(self) -> &'static str {
                [$($name, $($stable_name,)?)+][self as usize]
            }
        }
    };
}

versions! {
    /// The RFC's first version, May 2012; its code was not seen, the model follows the v2 cover letter.
    RfcV1 = "rfc-v1";
    /// The RFC's second version, 14 June 2012.
    RfcV2 = "rfc-v2";
    /// As merged.
    V3_6 = "v3.6";
    /// After Monakhov's series.
    V3_7 = "v3.7";
    /// The count covers every direct write and its conversion.
    V3_11 = "v3.11";
    /// `i_rwsem`; `i_data_sem` is no longer held over an overwrite.
    V4_10 = "v4.10";
    /// The last before iomap; no gate.
    V5_4 = "v5.4";
    /// iomap: overwrites run under shared `i_rwsem`. As in v5.10.44, which sets i_size in `->end_io`.
    V5_10 = "v5.10";
    /// With `invalidate_lock`. As in v6.1.141: both sizes are set in `->end_io` (v6.1 itself is this
    /// without 91562895f803).
    V6_1 = "v6.1",
    /// Debian's 6.1.192.
    V6_1_192 = "v6.1.192";
    /// Shared writes into unwritten blocks too.
    V6_12 = "v6.12";
    /// `ext4_fallocate` itself takes the lock and waits. As in v6.18.2.
    V6_18 = "v6.18",
    /// Debian's 6.12.117: all that v6.18 changed here has been brought back to it.
    V6_12_117 = "v6.12.117";
    /// Pure overwrites complete in interrupt, writes into unwritten blocks open no handle. As in v7.0.0.
    V7_0 = "v7.0";
    /// Aligned writes within i_size are shared, into holes too. Read in v7.1.5, but for what file.c has changed since.
    V7_3 = "v7.3";
}

impl Version {
    /// That of a name.
    pub fn named(name: &str) -> Option<Version> {
        Version::ALL.iter().chain(Version::STABLE).copied().find(|version| version.name() == name)
    }
}
