//! The calls that programs are made of.

use diolock::op::Size;

/// Each in a few words: the call, then its keys.
pub const CALLS: [&str; 61] = [
    "pwrite block=0",
    "pwrite block=1",
    "pwrite block=0 blocks=2",
    "pwrite block=0 half=lower",
    "pwrite block=0 half=upper",
    "pwrite block=0 osync=true",
    "pwrite block=1 osync=true",
    "pwrite block=0 nowait=true",
    "pwrite block=1 nowait=true",
    "pwrite block=0.5",
    "pwrite append=true",
    "pwrite blocks=0.5 append=true",
    "aio_pwrite block=0",
    "aio_pwrite block=1",
    "aio_pwrite block=0 blocks=2",
    "aio_pwrite block=0 half=lower",
    "aio_pwrite block=0 half=upper",
    "aio_pwrite block=1 osync=true",
    "aio_pwrite block=0 nowait=true",
    "aio_pwrite block=0.5",
    "aio_pwrite append=true",
    "pread block=0",
    "pread block=1",
    "pread block=0 blocks=2",
    "aio_pread block=0",
    "aio_pread block=0 blocks=2",
    "read block=0",
    "read block=1",
    "read block=0 blocks=2",
    "write",
    "write block=0",
    "write block=1",
    "write block=0.5",
    "write append=true",
    "fault block=0",
    "fault block=1",
    "writepages",
    "fsync",
    "ftruncate to=0",
    "ftruncate to=0.5",
    "ftruncate to=1",
    "ftruncate to=1.5",
    "ftruncate to=2",
    "ftruncate to=3",
    "punch_hole block=0",
    "punch_hole block=1",
    "punch_hole block=0 half=upper",
    "zero_range block=0",
    "zero_range block=1",
    "zero_range block=0.5",
    "collapse_range block=0",
    "collapse_range block=1",
    "insert_range block=0",
    "insert_range block=1",
    "falloc block=0",
    "falloc block=2",
    "falloc_grow block=2",
    "move_extents block=0",
    "commit",
    "reclaim",
    "kswapd",
];

/// Past every block.
const FOR_EVER: Size = Size::MAX;

/// A call taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallText {
    text: &'static str,
}

impl CallText {
    /// The call of that number.
    pub(super) fn number(at: usize) -> CallText {
        CallText { text: CALLS[at] }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        self.text.split(' ').next().unwrap_or_default()
    }

    /// The value of a key.
    pub(super) fn key(self, key: &str) -> Option<&'static str> {
        let pairs = self.text.split(' ').skip(1).filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|pair| pair.0 == key).map(|pair| pair.1)
    }

    fn number_of(self, key: &str) -> Option<Size> {
        self.key(key)?.parse().ok()
    }

    /// The blocks that it is about: of a truncate all from its new end on, of a shift all that move, of
    /// a call that names none, and of one that appends, the whole file.
    pub(super) fn blocks(self) -> std::ops::Range<Size> {
        let start = self.number_of("block");
        match (self.name(), start) {
            ("ftruncate", _) => self.number_of("to").unwrap_or(Size::ZERO)..FOR_EVER,
            ("collapse_range" | "insert_range", Some(start)) => start..FOR_EVER,
            _ if self.key("append").is_some() => Size::ZERO..FOR_EVER,
            (_, Some(start)) => start..start + self.number_of("blocks").unwrap_or(Size::blocks(1)),
            (_, None) => Size::ZERO..FOR_EVER,
        }
    }

    /// The same, but of half a block no more than that half.
    pub(super) fn span(self) -> std::ops::Range<Size> {
        let blocks = self.blocks();
        let middle = blocks.start + Size::halves(1);
        match self.key("half") {
            Some("lower") => blocks.start..middle,
            Some(_) => middle..blocks.end,
            None => blocks,
        }
    }

    /// Whether it begins or ends in the middle of a block.
    pub(super) fn unaligned(self) -> bool {
        let splits = |key| self.number_of(key).is_some_and(Size::splits);
        self.key("half").is_some() || splits("block") || splits("blocks")
    }

    /// The new size that it asks for.
    pub(super) fn to(self) -> Option<Size> {
        self.number_of("to")
    }

    /// Its line in a litmus file.
    pub(super) fn task(self, letter: char) -> String {
        let mut line = format!("    {{ name = \"{letter}\", call = \"{}\"", self.name());
        for pair in self.text.split(' ').skip(1) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let word = value != "true" && value.parse::<Size>().is_err();
            let value = if word { format!("\"{value}\"") } else { value.to_owned() };
            line.push_str(&format!(", {key} = {value}"));
        }
        line.push_str(" },\n");
        line
    }
}
