//! How a fact is known.

/// How a fact is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// Kernel source was read: v3.6, v3.7.2, v3.8.13, v3.11, v4.10.17, v5.4.18, v5.10.44, v6.1-rc7,
    /// v6.1.141, v6.12, v6.18.2, v7.0.0 and v7.1.5.
    Source,
    /// The commit message or mail was read.
    Message,
    /// Derived from the code; no upstream report known.
    Derived,
    /// Ours: no commit, a line of the kernel whose need we show by leaving it out.
    Ours,
}
