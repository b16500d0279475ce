//! What a number may have been since a thread's last event, and what events gave of it.

/// Values between two, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl Span {
    /// Nothing is known.
    pub const ANY: Span = Span { least: 0, most: u64::MAX };

    /// Just that one.
    pub fn only(value: u64) -> Span {
        Span { least: value, most: value }
    }
    /// The smallest that has both.
    #[must_use]
    pub fn or(self, other: Span) -> Span {
        Span { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
    /// The same, but for what is below.
    #[must_use]
    pub fn at_least(self, value: u64) -> Span {
        Span { least: self.least.max(value), most: self.most.max(value) }
    }
    /// Whether a value is in it.
    pub fn has(self, value: u64) -> bool {
        (self.least..=self.most).contains(&value)
    }
}

/// A number that an event gives, to be compared with all that it may have been by the time it was
/// read: the recorder fetches it after it has taken the event's number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) line: usize,
    pub(super) value: u64,
    /// The thread's own reference, which it still has.
    pub(super) own: u64,
    /// Its own reference to come, which it does not have yet.
    pub(super) to_come: u64,
    pub(super) size: bool,
}

/// What the world was like since a thread's last event.
#[derive(Clone, Debug)]
pub struct Window {
    /// i_size.
    pub size: Span,
    /// i_disksize.
    pub disksize: Span,
    /// i_dio_count.
    pub count: Span,
    /// i_size and i_dio_count in the thread's window before.
    pub(super) earlier: (Span, Span),
    pub(super) samples: Vec<Sample>,
}
