//! The files that programs start from.

use diolock::op::Blocks;

/// A file at the start.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// i_size, in blocks.
    pub size: Blocks,
    /// A letter a block: written, unwritten, hole.
    pub extents: &'static str,
    /// Pages in the cache.
    pub cached: Blocks,
    /// They were stored to.
    pub dirty: bool,
    /// i_disksize, where it lags behind.
    pub disksize: Option<Blocks>,
}

const fn file(size: Blocks, extents: &'static str) -> Start {
    Start { size, extents, cached: 0, dirty: false, disksize: None }
}

const fn cached(size: Blocks, extents: &'static str, dirty: bool) -> Start {
    Start { size, extents, cached: 1, dirty, disksize: None }
}

/// Sizes of one and two blocks; written, preallocated and missing blocks; a page cached, clean or stored
/// to; a size that is not on the disk yet; blocks preallocated past the end.
pub const STARTS: [Start; 10] = [
    file(1, "w"),
    file(1, "u"),
    file(2, "ww"),
    file(2, "wu"),
    file(2, "hw"),
    file(1, "wu"),
    cached(2, "ww", false),
    cached(1, "w", true),
    cached(2, "wu", true),
    Start { disksize: Some(1), ..cached(2, "wh", true) },
];

impl Start {
    /// The state of a block: `w`, `u`, `h`.
    pub(super) fn block(&self, block: Blocks) -> char {
        self.extents.chars().nth(block as usize).unwrap_or('h')
    }

    /// Its line in a litmus file.
    pub(super) fn text(&self) -> String {
        let words = self.extents.chars().map(|letter| match letter {
            'w' => "\"written\"",
            'u' => "\"unwritten\"",
            _ => "\"hole\"",
        });
        let extents: Vec<&str> = words.collect();
        let mut text = format!("size = {}, extents = [{}]", self.size, extents.join(", "));
        if self.cached > 0 {
            text.push_str(&format!(", cached_pages = {}", self.cached));
        }
        if self.dirty {
            text.push_str(", dirty = true");
        }
        if let Some(disksize) = self.disksize {
            text.push_str(&format!(", disksize = {disksize}"));
        }
        text
    }
}
