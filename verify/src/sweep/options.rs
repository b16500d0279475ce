//! What to sweep, and where engines give up.

use super::random::SplitMix;
use crate::engine::EngineName;
use diolock::kernel::{Paging, Version};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// What to sweep.
#[derive(Clone, Debug)]
pub struct Options {
    /// On this kernel.
    pub version: Version,
    /// Calls of a program: one, two or three.
    pub tasks: usize,
    /// That many programs, chosen at random; `None`: all.
    pub programs: Option<usize>,
    /// Where the choice starts.
    pub seed: u64,
    /// Only programs all of whose calls have one of these names; of all if there are none.
    pub calls: Vec<String>,
    /// Only on that many of the start files, the first ones.
    pub files: usize,
    /// Pages are so large.
    pub paging: Paging,
    /// Of these programs that part.
    pub shard: Shard,
    /// Who judges. The first one's answer is the one that is explained.
    pub engines: Vec<EngineName>,
    /// Programs are judged, too, of which a part of two calls breaks something by itself.
    pub supersets: bool,
    /// Where each gives up.
    pub limits: Limits,
    /// Programs at a time.
    pub jobs: usize,
    /// The binary that loom's child processes run.
    pub exe: PathBuf,
}

/// Where engines give up: never by the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// graph, in states.
    pub states: usize,
    /// shuttle, in executions.
    pub executions: u64,
}

/// One of several parts of a sweep, each of which can be run by itself, anywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    pub(super) fn numbered(number: u64, of: u64) -> Shard {
        Shard { number, of }
    }

    /// How many there are.
    pub fn of(self) -> u64 {
        self.of
    }

    /// Whether the program at that place is in it. Places are spread by chance, the same everywhere: neighbours, which
    /// cost alike, are in different ones.
    pub(super) fn has(self, at: u64) -> bool {
        SplitMix(at).below(self.of as usize) as u64 == self.number - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;
    fn try_from(text: String) -> Result<Shard, String> {
        text.parse()
    }
}

impl FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Shard, String> {
        const MOST: u64 = 1_000_000;
        let wrong =
            || format!("a shard is 3/8, the third of eight (of at most {MOST}), not `{text}`");
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let one = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| plain && (1..=MOST).contains(number))
        };
        let (number, of) = one(number).zip(one(of)).ok_or_else(wrong)?;
        if number > of { Err(wrong()) } else { Ok(Shard { number, of }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_in_one_shard() {
        let shards: Vec<Shard> =
            (1..=8).map(|number| format!("{number}/8").parse().expect("a shard")).collect();
        for at in 0..10_000 {
            assert_eq!(shards.iter().filter(|shard| shard.has(at)).count(), 1);
            assert!(Shard::WHOLE.has(at));
        }
        let sizes = shards.iter().map(|shard| (0..10_000).filter(|&at| shard.has(at)).count());
        assert!(sizes.into_iter().all(|size| (1_100..1_400).contains(&size)));
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for wrong in ["", "1", "0/8", "9/8", "1/0", "-1/8", "+1/8", "1/8/2", "a/b", "1/99999999999"]
        {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
