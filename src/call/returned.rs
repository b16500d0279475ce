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
    /// -EIO: a direct read met a block that is to be allocated yet.
    Eio,
}

impl Returned {
    /// Each of them.
    pub const ALL: [Returned; 5] =
        [Returned::Ok, Returned::Eagain, Returned::Enospc, Returned::Ebusy, Returned::Eio];

    /// As conditions of litmus tests have it.
    pub fn name(self) -> &'static str {
        match self {
            Returned::Ok => "ok",
            Returned::Eagain => "EAGAIN",
            Returned::Enospc => "ENOSPC",
            Returned::Ebusy => "EBUSY",
            Returned::Eio => "EIO",
        }
    }
}
