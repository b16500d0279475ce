//! A litmus file to begin with.

use super::keys::keys;
use super::kind::KINDS;
use crate::report::wrap;
use crate::rule::Verb;
use diolock::kernel::Version;

/// Whether a new litmus test may be called that: lower-case letters, digits and `-`.
///
/// # Errors
/// With what is wrong with the name, in a sentence.
pub fn valid_name(name: &str) -> Result<(), String> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(bad) = name.chars().find(|&c| !letter(c) && c != '-') {
        return Err(format!(
            "a litmus test's name has lower-case letters, digits and `-` only, not `{}`",
            bad.escape_debug()
        ));
    }
    if !name.starts_with(letter) || !name.ends_with(letter) {
        return Err("a litmus test's name begins and ends with a letter or digit".to_owned());
    }
    if name.len() > 60 {
        return Err(format!("a litmus test's name has at most 60 letters, not {}", name.len()));
    }
    Ok(())
}

/// A litmus file that parses and holds, with a comment on every key, to be changed by hand.
pub fn starter(name: &str) -> String {
    let verbs = Verb::PLAIN.iter().map(|verb| verb.0);
    let verbs: Vec<&str> = verbs.chain(["overlaps X", "frees under X", "waits for X"]).collect();
    let [file, mount] = ["[file]", "[mount]"].map(|t| keys(t).collect::<Vec<_>>().join(", "));
    STARTER
        .replace("VERBS", &commented(&format!("Verbs: {}.", verbs.join(", "))))
        .replace("CALLS", &calls())
        .replace("FILE_KEYS", &file)
        .replace("MOUNT_KEYS", &mount)
        .replace(
            "KERNELS",
            &commented(&format!("Kernels: {}.", Version::ALL.map(Version::name).join(", "))),
        )
        .replace("NAME", &name.escape_default().to_string())
}

/// Every call, those with the same keys in one place.
fn calls() -> String {
    let mut groups: Vec<(&[&str], Vec<&str>)> = Vec::new();
    for (name, kind, _) in KINDS {
        match groups.iter_mut().find(|group| group.0 == kind.arguments()) {
            Some(group) => group.1.push(name),
            None => groups.push((kind.arguments(), vec![name])),
        }
    }
    groups.sort_by_key(|group| group.0.is_empty());
    let line = |(keys, names): &(&[&str], Vec<&str>)| {
        let keys = if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") };
        commented(&format!("  {}: {keys}", names.join(", ")))
    };
    groups.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A text as lines of a comment.
fn commented(text: &str) -> String {
    wrap(text, "# ", 96).trim_end().to_owned()
}

const STARTER: &str = r##"# NAME: replace the claim and the situation by yours, then run
#     diolock verify ./NAME.toml
# A size, a block and a file offset are all counted in blocks, from 0.

# One sentence that is true on the kernels where the verdict is "never".
claim = "a truncate does not free a block that an overwriting AIO write still maps"
# What must be seen at least once, or "never" proves nothing. W and T are the tasks below; w is the completion of
# W's I/O: an asynchronous W submits, and it is w that writes.
VERBS
reaches = ["W overwrites", "T frees"]
# The rules that are judged, by number or name; without this line all are.
rules = ["R4"]             # block-lifetime
# What must not hold at the end of any execution, must hold at that of each, must hold at that of one; `diolock litmus`
# has the words.
# never = "file[0] == stale"
# always = "i_size == 0"
# exists = "W[0] == EAGAIN"
# memory = "c11"           # weak memory orders: loom only
# fair = ["i_data_sem"]    # its writers queue in front of later readers, in every engine

[file]                     # at the start; keys: FILE_KEYS
size = 1                   # i_size
extents = ["written"]      # one word a block: written, unwritten, hole; more than size allowed
cached_pages = 0
# dirty = true             # a cached page that was stored to and not written back

[mount]                    # keys: MOUNT_KEYS
dioread_nolock = true

# One to six tasks (loom holds four, completions counted: say so in `engines` below). Calls, and the keys that each may have (`blocks` is 1 if it is left out; half = "lower" or
# "upper", fail = "enospc" or "enomem", size_read = "early" or "late"; others: a number, or true):
CALLS
[[task]]
name = "W"                 # a capital letter
call = "aio_pwrite"
block = 0

[[task]]
name = "T"
call = "ftruncate"
to = 0

# One for each kernel.
KERNELS
# Verdicts: never, deadlock, livelock, forbidden, "violates R4". `without` takes fixes away, by their commits
# (src/kernel/fixes.rs has them, `diolock explain` names those that matter); `engines` names those that can tell, and `why` says why not all.
[[expect]]
kernel = "v3.7"
verdict = "never"

[[expect]]
kernel = "v3.7"
without = ["1f555cfa29e8", "1c9114f9c0f1"] # either of the two is enough
verdict = "violates R4"
"##;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::graph;
    use crate::litmus::{Expected, parse::parse};
    use crate::verdict::Verdict;

    #[test]
    fn the_starter_names_every_call() {
        let text = starter("t");
        let words: Vec<&str> =
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        for (call, ..) in crate::litmus::kind::KINDS {
            assert!(words.contains(&call), "{call}");
        }
    }

    #[test]
    fn the_starter_holds() {
        let text = starter("my-test");
        let litmus = parse("my-test", "my-test.toml", &text).expect("the starter parses");
        for expect in &litmus.expect {
            let report = graph::run(&litmus.program(expect.kernel), graph::Options::default());
            let found = match report.verdict {
                Verdict::Exhausted => Expected::Never,
                Verdict::Violated(rule) => Expected::Violates(rule),
                other => panic!("{}: {other:?}", expect.kernel),
            };
            assert_eq!(found, expect.expected, "{}", expect.kernel);
        }
    }

    #[test]
    fn a_name_is_lower_case_letters_digits_and_dashes() {
        for good in ["size-comes-back", "a", "b01-2"] {
            assert_eq!(valid_name(good), Ok(()), "{good}");
        }
        for bad in ["", "-", "a-", "A", "a b", "../a", "a.toml", "é", "a\n"] {
            assert!(valid_name(bad).is_err(), "{bad}");
        }
        assert!(valid_name(&"a".repeat(61)).is_err());
    }
}
