//! The races that a sweep may find: each is shown by a litmus test of the catalogue.

use super::Part;
use super::calls::{CALLS, CallText};
use super::starts::Start;
use diolock::kernel::Version;
use diolock::op::Size;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// A race, and how it is known in a program.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Race {
    /// The litmus test that shows it.
    pub test: String,
    /// What it breaks: `R4`, `deadlock`, `livelock`; the test shows one of them.
    pub breaks: Vec<String>,
    /// On which kernels.
    pub kernels: Vec<String>,
    /// Who takes part: a letter each, and the names of calls, with `|` between them.
    pub calls: BTreeMap<char, String>,
    /// What must hold of them, all of it; a condition is what `Condition` reads.
    #[serde(default, rename = "where")]
    pub conditions: Vec<String>,
    /// Why the source allows it, in a sentence.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    race: Vec<Race>,
}

/// The races that are known.
///
/// # Errors
/// If the list of them cannot be read: it names kernels or conditions that there are not, for instance.
pub fn known() -> Result<Vec<Race>, String> {
    read(include_str!("races.toml"))
}

/// Races from their text.
///
/// # Errors
/// With the first mistake.
pub fn read(text: &str) -> Result<Vec<Race>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    for race in &file.race {
        let kernel = |name: &&String| Version::named(name).is_none();
        if let Some(name) = race.kernels.iter().find(kernel) {
            return Err(format!("{}: there is no kernel {name}", race.test));
        }
        let call = |name: &&str| CALLS.iter().all(|text| text.split(' ').next() != Some(*name));
        if let Some(name) = race.calls.values().flat_map(|names| names.split('|')).find(call) {
            return Err(format!("{}: no program has the call {name}", race.test));
        }
        for text in &race.conditions {
            let condition = Condition::read(text);
            let known = |letter: &char| race.calls.contains_key(letter);
            if !condition.is_some_and(|c| c.letters().iter().all(known)) {
                return Err(format!("{}: `{text}` is not a condition", race.test));
            }
        }
    }
    Ok(file.race)
}

/// Who else writes pages back: kswapd; and up to v5.4 a direct read, before it takes any lock (`generic_file_aio_read`,
/// v3.6.5, v3.7.2, v3.11; `generic_file_read_iter`, v4.10.17, v5.4.18).
fn as_flusher(role: &str, call: &str, version: Version) -> bool {
    let reads = matches!(call, "pread" | "aio_pread") && version < Version::V5_10;
    role == "writepages" && (call == "kswapd" || reads)
}

impl Race {
    /// Whether a program that breaks this on that kernel is this race, however its calls are ordered.
    pub fn is(&self, part: &Part, breaks: &str, version: Version) -> bool {
        self.breaks.iter().any(|known| known == breaks)
            && self.on(version)
            && self.cast(part, version, &mut Vec::new())
    }

    /// rfc-v1 is rfc-v2 without one fix (rfc-v2-time), and has all its races.
    fn on(&self, version: Version) -> bool {
        let names = |version: Version| self.kernels.iter().any(|name| name == version.name());
        names(version) || version == Version::RfcV1 && names(Version::RfcV2)
    }

    /// Whether the calls can be given to the letters, those of `taken` to the first ones.
    fn cast(&self, part: &Part, version: Version, taken: &mut Vec<usize>) -> bool {
        let Some((_, names)) = self.calls.iter().nth(taken.len()) else {
            return taken.len() == part.calls.len() && self.hold(part, taken);
        };
        (0..part.calls.len()).any(|at| {
            let name = CallText::number(part.calls[at]).name();
            let plays =
                names.split('|').any(|known| known == name || as_flusher(known, name, version));
            if taken.contains(&at) || !plays {
                return false;
            }
            taken.push(at);
            let fits = self.cast(part, version, taken);
            taken.pop();
            fits
        })
    }

    fn hold(&self, part: &Part, taken: &[usize]) -> bool {
        let call = |letter: char| {
            let at = self.calls.keys().position(|&key| key == letter).unwrap_or_default();
            CallText::number(part.calls[taken[at]])
        };
        let mut conditions = self.conditions.iter().filter_map(|text| Condition::read(text));
        conditions.all(|condition| condition.holds(&part.file, call))
    }
}

/// `W overlaps T`, `not W half`, `file cached`.
#[derive(Clone, Copy)]
struct Condition<'a> {
    not: bool,
    letter: Option<char>,
    verb: &'a str,
    other: Option<char>,
}

/// Of one call.
const OF_A_CALL: [&str; 18] = [
    "past",      // reaches past i_size
    "ends",      // reaches into the block that i_size is in or at the end of
    "inside",    // lies below i_size as a whole
    "below",     // touches blocks below i_size
    "written",   // has a written block, at the start
    "unwritten", // has an unwritten one
    "hole",      // has one that is not there
    "new",       // has one of either
    "half",      // begins or ends inside a block
    "osync",
    "nowait",
    "append",  // goes where the file ends
    "cuts",    // asks for a size that is smaller
    "grows",   // asks for one that is larger
    "keeps",   // asks for the size that it has
    "splits",  // asks for one that is inside a block
    "cached",  // has a block that is cached at the start
    "several", // is of several blocks
];

/// Of the file at the start.
const OF_THE_FILE: [&str; 5] = [
    "cached",
    "dirty",
    "lags",         // i_disksize is behind i_size
    "preallocated", // has blocks past i_size
    "splits",       // i_size is inside a block
];

impl<'a> Condition<'a> {
    fn read(text: &'a str) -> Option<Condition<'a>> {
        let (not, rest) = text.strip_prefix("not ").map_or((false, text), |rest| (true, rest));
        let mut words = rest.split(' ');
        let (subject, verb) = (words.next()?, words.next()?);
        let one = |word: &str| Some(word.chars().next()?).filter(|_| word.len() == 1);
        let other = words.next().map(one);
        let letter = one(subject);
        let fits = match (letter, other) {
            (None, None) => subject == "file" && OF_THE_FILE.contains(&verb),
            (Some(_), None) => OF_A_CALL.contains(&verb),
            (Some(_), Some(Some(_))) => verb == "overlaps",
            _ => false,
        };
        let condition = Condition { not, letter, verb, other: other.flatten() };
        (fits && words.next().is_none()).then_some(condition)
    }

    fn letters(&self) -> Vec<char> {
        self.letter.into_iter().chain(self.other).collect()
    }

    fn holds(&self, file: &Start, call: impl Fn(char) -> CallText) -> bool {
        let holds = match (self.letter, self.other) {
            (None, _) => match self.verb {
                "cached" => file.cached > 0,
                "dirty" => file.dirty,
                "lags" => file.disksize.is_some(),
                "splits" => file.size.splits(),
                _ => file.extents.len() > file.size.up() as usize,
            },
            (Some(letter), Some(other)) => {
                meet(&reach(file, call(letter)), &reach(file, call(other)))
            }
            (Some(letter), None) => one(file, call(letter), self.verb),
        };
        holds != self.not
    }
}

fn meet(a: &Range<Size>, b: &Range<Size>) -> bool {
    a.start < b.end && b.start < a.end
}

/// What a call may take, which is more than it asks for if it punches past the end of the file: up to the end of the page
/// (`ext4_punch_hole` up to v6.12), of four blocks here.
fn reach(file: &Start, call: CallText) -> Range<Size> {
    let Range { start, end } = call.blocks();
    let more = call.name() == "punch_hole" && end > file.size;
    let page = Size::blocks((file.size.down() / 4 + 1) * 4);
    Range { start, end: if more { end.max(page) } else { end } }
}

fn one(file: &Start, call: CallText, verb: &str) -> bool {
    let (blocks, span) = (call.blocks(), call.span());
    let to = call.to().unwrap_or(file.size);
    let has = |state| {
        (0..8).any(|at| {
            let block = Size::blocks(at)..Size::blocks(at + 1);
            meet(&block, &blocks) && file.block(at) == state
        })
    };
    match verb {
        "past" => span.end > file.size,
        "ends" => blocks.end.up() >= file.size.up(),
        "inside" => span.end <= file.size,
        "below" => span.start < file.size,
        "written" => has('w'),
        "unwritten" => has('u'),
        "hole" => has('h'),
        "cuts" => to < file.size,
        "grows" => to > file.size,
        "keeps" => to == file.size,
        "splits" => to.splits(),
        "cached" => file.cached > 0,
        "several" => blocks.end.up() - blocks.start.down() > 1,
        "new" => has('u') || has('h'),
        "half" => call.unaligned() || call.key("append").is_some() && file.size.splits(),
        flag => call.key(flag).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::{Expected, catalogue};

    #[test]
    fn every_race_is_shown_by_a_litmus_test_on_each_of_its_kernels() {
        let litmuses = catalogue::all().expect("the catalogue reads");
        for race in known().expect("the races read") {
            let litmus = litmuses.iter().find(|litmus| litmus.name == race.test);
            let litmus = litmus.unwrap_or_else(|| panic!("no litmus test {}", race.test));
            for kernel in &race.kernels {
                let shown = litmus.expect.iter().any(|expect| {
                    let word = match expect.expected {
                        Expected::Never => "never",
                        Expected::Violates(rule) => rule.code(),
                        Expected::Deadlock => "deadlock",
                        Expected::Livelock => "livelock",
                        Expected::Forbidden => "forbidden",
                    };
                    expect.kernel.to_string() == *kernel
                        && race.breaks.iter().any(|known| known == word)
                });
                assert!(shown, "{} on {kernel}: {:?}", race.test, race.breaks);
            }
        }
    }

    #[test]
    fn a_condition_that_is_not_known_is_a_mistake() {
        let race = |condition: &str| {
            read(&format!(
                "[[race]]\ntest = \"x\"\nbreaks = [\"R4\"]\nkernels = [\"v3.7\"]\n\
                 calls = {{ W = \"pwrite\", T = \"ftruncate\" }}\nwhere = [\"{condition}\"]\n\
                 source = \"…\"\n"
            ))
        };
        for good in ["W overlaps T", "not W half", "file dirty", "T cuts"] {
            assert!(race(good).is_ok(), "{good}");
        }
        for bad in ["W", "W flies", "X half", "W overlaps", "file half", "W half T", "T cuts now x"]
        {
            assert!(race(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_call_that_no_program_has_is_a_mistake() {
        let race = |call: &str| {
            read(&format!(
                "[[race]]\ntest = \"x\"\nbreaks = [\"R4\"]\nkernels = [\"v3.7\"]\n\
                 calls = {{ W = \"pwrite|{call}\" }}\nsource = \"…\"\n"
            ))
        };
        assert!(race("falloc_grow").is_ok());
        assert!(race("preallocate").is_err());
    }
}
