//! Which call it is, and what it was asked to do.

/// Which call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A direct write.
    Write,
    /// A direct read.
    Read,
    /// A truncate.
    Setattr,
    /// A punched hole.
    Punch,
    /// An allocation.
    Fallocate,
    /// A zeroed range.
    Zero,
    /// A range taken out, or put in.
    Shift,
    /// The completion of an asynchronous write.
    Completion,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Write,
        Kind::Read,
        Kind::Setattr,
        Kind::Punch,
        Kind::Fallocate,
        Kind::Zero,
        Kind::Shift,
        Kind::Completion,
    ];

    /// The name of its task.
    pub fn task(self) -> &'static str {
        match self {
            Kind::Write => "DioWriteIter",
            Kind::Read => "DioReadIter",
            Kind::Setattr => "Setattr",
            Kind::Punch => "PunchHoleRwsem",
            Kind::Fallocate => "ExtFallocate",
            Kind::Zero => "ZeroRange",
            Kind::Shift => "ShiftRange",
            Kind::Completion => "IomapEndIo",
        }
    }

    /// Whether it is a mode of fallocate.
    pub fn is_fallocate(self) -> bool {
        matches!(self, Kind::Punch | Kind::Fallocate | Kind::Zero | Kind::Shift)
    }

    /// Whether it allocates blocks without writing to them.
    pub fn allocates(self) -> bool {
        matches!(self, Kind::Fallocate | Kind::Zero)
    }
}

/// What a call was asked to do, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// First byte.
    pub pos: u64,
    /// One past the last byte.
    pub end: u64,
    /// `IOCB_NOWAIT`.
    pub nowait: bool,
}
