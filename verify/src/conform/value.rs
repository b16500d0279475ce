//! The values of an event's keys.

use diolock::op::{LockName, Mode};
use std::fmt;

/// A direct I/O: `k17` is number 17.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Iocb(pub u64);

impl fmt::Display for Iocb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}", self.0)
    }
}

/// What `iomap_dio_rw` made of a direct I/O.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Submitted {
    /// `-EIOCBQUEUED`: it is in flight, and somebody else completes it.
    Queued,
    /// The I/O is done, and the submitter completes it.
    Waited,
    /// Nothing was submitted: an error, or nothing to read.
    Nothing,
}

/// `ops=`: the iomap operations, which say whether this is the overwrite path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ops {
    /// `ext4_iomap_overwrite_ops`.
    pub overwrite: bool,
}

/// A number in hexadecimal: flags, or a lock's raw count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hex(pub u64);

impl Hex {
    /// Whether all these bits are set.
    pub fn has(self, bits: u64) -> bool {
        self.0 & bits == bits
    }
}

/// A value of a key.
pub trait Value: Sized {
    /// What is allowed, for messages.
    const WANTED: &str;
    /// Reads it.
    fn read(text: &str) -> Option<Self>;
    /// As it is recorded.
    fn shown(&self) -> String;
}

impl Value for u64 {
    const WANTED: &str = "a whole number below 2^63";
    fn read(text: &str) -> Option<u64> {
        // A sign would be read too. No offset of a file is larger, so that two can be added.
        let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        number.filter(|&number: &u64| i64::try_from(number).is_ok())
    }
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for i64 {
    const WANTED: &str = "a whole number, perhaps negative";
    fn read(text: &str) -> Option<i64> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    }
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for Hex {
    const WANTED: &str = "a number like 0x1f";
    fn read(text: &str) -> Option<Hex> {
        let digits = text.strip_prefix("0x")?;
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u64::from_str_radix(digits, 16).ok().map(Hex)).flatten()
    }
    fn shown(&self) -> String {
        format!("{:#x}", self.0)
    }
}

impl Value for LockName {
    const WANTED: &str = "rwsem, data or inval";
    fn read(text: &str) -> Option<LockName> {
        Some(match text {
            "rwsem" => LockName::IRwsem,
            "data" => LockName::IDataSem,
            "inval" => LockName::InvalidateLock,
            _ => return None,
        })
    }
    fn shown(&self) -> String {
        match self {
            LockName::IRwsem => "rwsem",
            LockName::IDataSem => "data",
            _ => "inval",
        }
        .to_owned()
    }
}

impl Value for Mode {
    const WANTED: &str = "S or X";
    fn read(text: &str) -> Option<Mode> {
        match text {
            "S" => Some(Mode::Shared),
            "X" => Some(Mode::Exclusive),
            _ => None,
        }
    }
    fn shown(&self) -> String {
        if *self == Mode::Shared { "S" } else { "X" }.to_owned()
    }
}

impl Value for Iocb {
    const WANTED: &str = "a key like k17";
    fn read(text: &str) -> Option<Iocb> {
        u64::read(text.strip_prefix('k')?).map(Iocb)
    }
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for Ops {
    const WANTED: &str = "the name of iomap operations";
    fn read(text: &str) -> Option<Ops> {
        text.ends_with("_ops").then(|| Ops { overwrite: text.contains("overwrite") })
    }
    fn shown(&self) -> String {
        if self.overwrite { "ext4_iomap_overwrite_ops" } else { "ext4_iomap_ops" }.to_owned()
    }
}

impl Value for Submitted {
    const WANTED: &str = "EIOCBQUEUED, dio, 0 or an error like err-11";
    fn read(text: &str) -> Option<Submitted> {
        match text {
            "EIOCBQUEUED" => Some(Submitted::Queued),
            "dio" => Some(Submitted::Waited),
            "0" | "null" | "NULL" => Some(Submitted::Nothing),
            _ => i64::read(text.strip_prefix("err")?).map(|_| Submitted::Nothing),
        }
    }
    fn shown(&self) -> String {
        match self {
            Submitted::Queued => "EIOCBQUEUED",
            Submitted::Waited => "dio",
            Submitted::Nothing => "err",
        }
        .to_owned()
    }
}
