//! What a call returned.

/// Whether a call failed, as far as that is followed: a lack of memory is not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Returned {
    /// It did not.
    #[default]
    Ok,
    /// -EAGAIN: it was not to wait.
    Eagain,
    /// -ENOSPC: no space for what it was to allocate.
    Enospc,
    /// -EBUSY: a page that was stored to.
    Ebusy,
}

impl Returned {
    /// Each of them.
    pub const ALL: [Returned; 4] =
        [Returned::Ok, Returned::Eagain, Returned::Enospc, Returned::Ebusy];

    /// As conditions of litmus tests have it.
    pub fn name(self) -> &'static str {
        match self {
            Returned::Ok => "ok",
            Returned::Eagain => "EAGAIN",
            Returned::Enospc => "ENOSPC",
            Returned::Ebusy => "EBUSY",
        }
    }
}
