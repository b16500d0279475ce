//! What is known of a fix, and how a table of them is written down.

use super::evidence::Evidence;
use super::fixes::Fix;
use super::version::Version;

/// What is known of a fix.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The fix.
    pub fix: Fix,
    /// Its name for `--without`: the commit's first 12 digits, or a word where there is none.
    pub commit: &'static str,
    /// First kernel (of those modelled) that has it.
    pub since: Version,
    /// First kernel (of those modelled) that no longer needs it, its shape having changed.
    pub until: Option<Version>,
    /// Release that brought it, as recorded in the sources.
    pub release: &'static str,
    /// One sentence.
    pub text: &'static str,
    /// How we know.
    pub evidence: Evidence,
}

impl About {
    /// The sentence, and how it is known where no source was read.
    pub fn words(&self) -> String {
        let known = match self.evidence {
            Evidence::Source | Evidence::Ours => return self.text.to_owned(),
            Evidence::Message => "not read in source: from the message of the commit",
            Evidence::Derived => "derived",
        };
        format!("{} [{known}]", self.text)
    }
}

/// Makes [`Fix`] and `FIXES` of one table. The doc's first line is what `diolock` prints; `A..B`: from
/// kernel A on, and no longer needed from B on.
macro_rules! fixes {
    ($(
        #[doc = $text:literal] $(#[doc = $more:literal])*
        $fix:ident: $commit:literal, $since:ident .. $($until:ident)?, $release:literal, $evidence:ident;
    )+) => {
        /// A change to the protocol that a kernel has or lacks.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Fix {$(
            #[doc = $text] $(#[doc = $more])*
            $fix,
        )+}

        /// Every fix, oldest first.
        pub const FIXES: &[About] = &[$(
            About {
                fix: Fix::$fix,
                commit: $commit,
                since: $since,
                until: [$(Some($until),)? None][0],
                release: $release,
                text: $text.trim_ascii(),
                evidence: $evidence,
            },
        )+];
    };
}

pub(super) use fixes;
