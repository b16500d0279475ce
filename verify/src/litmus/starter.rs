//! A litmus file to begin with.

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
    STARTER.replace("NAME", &name.escape_default().to_string())
}

const STARTER: &str = r##"# NAME: replace the claim and the situation by yours, then run
#     diolock verify ./NAME.toml
# A size, a block and a file offset are all counted in blocks, from 0.

# One sentence that is true on the kernels where the verdict is "never".
claim = "a truncate does not free a block that an overwriting AIO write still maps"
# What must be seen at least once, or "never" proves nothing. W and T are the tasks below; w is
# the completion of W's I/O. Verbs: overwrites, keeps i_mutex, writes, reads, frees, converts,
# finds the gate closed, finds cached pages, runs out of space, returns, sleeps, stores, overlaps X,
# waits for X.
reaches = ["W overwrites", "T frees"]
# The rules that are judged, by number or name; without this line all twelve are.
rules = ["R4"]             # block-lifetime
# memory = "c11"           # weak memory orders: loom only
# fair = ["i_data_sem"]    # its writers queue in front of later readers, in every engine

[file]                     # at the start
size = 1                   # i_size
extents = ["written"]      # one word a block: written, unwritten, hole; more than size allowed
cached_pages = 0
# dirty = true             # a cached page that was stored to and not written back

[mount]
dioread_nolock = true

# One to six tasks. Calls and their keys (`blocks` is 1 if it is left out):
#   pwrite aio_pwrite             block, blocks, half = "lower", fail = "enospc" (or "enomem"), nowait, osync,
#                                 at_eof, pins
#   aio_pwrite_close              block, blocks: the file is closed while the I/O is in flight
#   uring_pwrite_ftruncate        block, blocks, to: an io_uring thread that truncates afterwards
#   pread                         block, blocks, repeat, size_read = "early"
#   aio_pread                     block, blocks
#   ftruncate                     to, fail = "enomem"
#   punch_hole                    block, blocks, indirect, fail
#   zero_range collapse_range insert_range falloc falloc_grow preallocate   block, blocks, fail
#   move_extents                  block, blocks
#   read (buffered)               block, blocks
#   write (buffered), append (block, of a cached page), fsync, writepages, writeback (to)
#   fault page_fault (block, blocks), mmap, evict, write_evict, commit (of the journal)
# and, taken apart or for memory order: inode_dio_wait, inode_dio_done, ext4_aiodio_wait,
# ext4_end_io_nolock, fallocate (block, blocks: a drain and a lookup), end_bio (block, blocks),
# end_bio_elsewhere.
[[task]]
name = "W"                 # a capital letter
call = "aio_pwrite"
block = 0

[[task]]
name = "T"
call = "ftruncate"
to = 0

# One for each kernel: rfc-v1, rfc-v2, v3.6, v3.7. Verdicts: never, deadlock, livelock,
# "violates R4". `without` takes a fix away, by its commit.
[[expect]]
kernel = "v3.7"
verdict = "never"

[[expect]]
kernel = "v3.7"
without = ["1f555cfa29e8"] # the overwrite raises i_dio_count before it drops i_mutex
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
        let words: Vec<&str> =
            STARTER.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        for (call, _) in crate::litmus::cast::KINDS {
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
