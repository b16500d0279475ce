//! What was read: for each task the kernel functions that its steps are in, and the versions in whose
//! source they were read. What is not here, or not of that version, was derived: from another version of
//! the same function, from a commit's message, from memory.
//!
//! A function is named as the versions of its line name it; `Place::on` gives the name that a version has.

mod have;
mod names;
mod read;

pub use have::exists;
pub use read::{READ, Reading};

use crate::kernel::Version;

/// Whether a function that a step's place names was read in the source of that version. The RFC's versions
/// have none.
pub fn was_read(function: &str, version: Version) -> bool {
    of(function).any(|reading| reading.read.contains(&version))
}

/// Why a step of that function on that version stands as it does though it was not read there.
pub fn derived(function: &str, version: Version) -> Option<&'static str> {
    let of_function = of(function).filter(|_| !was_read(function, version));
    of_function.map(|reading| reading.note).find(|note| !note.is_empty())
}

/// What is known of a function, from every task that has it.
pub fn of(function: &str) -> impl Iterator<Item = &'static Reading> {
    READ.iter().filter(move |reading| reading.functions.contains(&function))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Version::{V3_7, V6_12};

    #[test]
    fn readings_are_in_order_and_say_on_what_the_rest_is_founded() {
        assert!(READ.is_sorted_by_key(|reading| reading.task));
        for reading in READ {
            assert!(reading.read.is_sorted(), "{reading:?}");
            assert!(!reading.read.is_empty() || !reading.note.is_empty(), "{reading:?}");
        }
        assert!(was_read("ext4_setattr", V3_7) && !was_read("vm_mmap_pgoff", V6_12));
    }
}
