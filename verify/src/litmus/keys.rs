//! The tables of a litmus file, and the keys of each: what the parser knows is what the reference prints.

/// A key, and what it says.
type Key = (&'static str, &'static str);

/// The tables and their keys.
pub(super) const TABLES: [(&str, &[Key]); 5] = [
    (TOP, &OF_TOP),
    ("[file]", &OF_FILE),
    ("[mount]", &OF_MOUNT),
    (TASK, &OF_TASK),
    ("[[expect]]", &OF_EXPECT),
];

/// What the first of them goes by.
pub(super) const TOP: &str = "the top of the file";

/// Where calls stand.
pub(super) const TASK: &str = "[[task]]";

const OF_TOP: [Key; 18] = [
    ("claim", "one sentence: what is true where the verdict is \"never\""),
    ("bug", "the race's number in the project's history notes, as \"B01\""),
    ("evidence", "how it is known: which functions were read in which source"),
    ("setup", "calls that make the file what it is before the tasks begin, one after another"),
    ("memory", "\"sc\" (if left out), or \"c11\": weak memory orders, on loom alone"),
    (
        "page_blocks",
        "4 (if left out), 2 or 1: how many blocks a page holds; of 4 the first page is followed, of fewer all up to block 7",
    ),
    ("torn", "true: the device does a bio of several blocks one by one"),
    ("fair", "rwsems whose writers queue in front of later readers in every engine"),
    (
        "rules",
        "the rules that are judged, by number or name; all if left out (`never` and `always` are in any case)",
    ),
    ("reaches", "what must be seen at least once, or \"never\" proves nothing: \"W overwrites\""),
    ("never", "a condition, or several, that hold at the end of no execution"),
    ("always", "a condition, or several, that hold at the end of every execution"),
    ("exists", "a condition, or several, each of which holds at the end of some execution"),
    ("except", "rules that are not judged, each with its reason"),
    ("file", "the file at the start"),
    ("mount", "how it is mounted"),
    ("task", "who calls what"),
    ("expect", "the verdict, kernel by kernel"),
];

const OF_FILE: [Key; 5] = [
    ("size", "i_size, in blocks, in steps of 0.5"),
    (
        "extents",
        "a word a block: \"written\", \"unwritten\", \"hole\"; more than `size` are allowed",
    ),
    (
        "cached_pages",
        "so many pages, from the first on, are in the cache, clean copies of the file",
    ),
    ("dirty", "true: the cached pages were stored to and not written back"),
    ("disksize", "i_disksize, if it is not i_size"),
];

const OF_MOUNT: [Key; 2] = [
    ("dioread_nolock", "the mount option, true if left out; it decides nothing from v5.10 on"),
    ("journal", "whether there is a journal, true if left out"),
];

const OF_TASK: [Key; 16] = [
    (
        "name",
        "a capital letter; the completion of its first asynchronous call has it in lower case, a further one the next letter that no task has",
    ),
    ("call", "the call, its arguments beside it"),
    ("calls", "or calls that follow each other, as [\"pwrite 0\", { call = \"fsync\" }]"),
    (
        "block",
        "the first block; of a write, a hole or a zeroed range where it begins, in steps of 0.5",
    ),
    ("blocks", "how many, 1 if left out; of these in steps of 0.5"),
    ("half", "\"lower\" or \"upper\": half of one block"),
    ("append", "true: O_APPEND: the write goes where the file ends, whatever `block` says"),
    ("fail", "\"enospc\" or \"enomem\": what goes wrong"),
    ("to", "the new size, in blocks, in steps of 0.5"),
    ("repeat", "true: it starts over for ever (graph alone)"),
    ("size_read", "\"early\", or \"late\": i_size is read only after the count is raised"),
    ("nowait", "true: IOCB_NOWAIT"),
    (
        "at_eof",
        "true: the file ends in the middle of its block, where it starts; the same as `size` in steps of 0.5",
    ),
    ("osync", "true: O_SYNC"),
    ("pins", "true: its buffer is not present, so that its pages are pinned under mmap_sem"),
    ("indirect", "true: the file is mapped by indirect blocks"),
];

const OF_EXPECT: [Key; 5] = [
    ("kernel", "one of those below"),
    ("without", "fixes that are taken away, by commit"),
    (
        "verdict",
        "\"never\", \"violates R4\" (or a rule's name), \"deadlock\", \"livelock\", \"forbidden\"",
    ),
    ("engines", "those that can tell, if not all: \"graph\", \"loom\", \"shuttle\""),
    ("why", "why not all"),
];

/// The keys of a table.
pub(super) fn keys(table: &str) -> impl Iterator<Item = &'static str> + Clone {
    let of = TABLES.iter().find(|known| known.0 == table).map_or(&[][..], |known| known.1);
    of.iter().map(|key| key.0)
}
