//! The files that programs start from.

use diolock::inode::Inode;
use diolock::op::{Blocks, Extent, Paging, Size};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A file at the start.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Start {
    /// i_size, in blocks.
    pub size: Size,
    /// A letter a block: written, unwritten, hole.
    pub extents: Cow<'static, str>,
    /// Pages in the cache.
    pub cached: Blocks,
    /// They were stored to.
    pub dirty: bool,
    /// i_disksize, where it lags behind.
    pub disksize: Option<Size>,
    /// How large pages are.
    pub paging: Paging,
}

/// The same as JSON has it.
#[derive(Serialize, Deserialize)]
pub(super) struct StartText {
    size: String,
    extents: String,
    #[serde(default)]
    cached_pages: Blocks,
    #[serde(default)]
    dirty: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disksize: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page_blocks: Option<Blocks>,
}

impl From<Start> for StartText {
    fn from(start: Start) -> StartText {
        let page_blocks = start.page_blocks();
        StartText {
            page_blocks,
            size: start.size.to_string(),
            extents: start.extents.into_owned(),
            cached_pages: start.cached,
            dirty: start.dirty,
            disksize: start.disksize.map(|size| size.to_string()),
        }
    }
}

impl TryFrom<StartText> for Start {
    type Error = String;
    fn try_from(text: StartText) -> Result<Start, String> {
        let size = |text: &str| text.parse().map_err(|_| format!("`{text}` is no size"));
        if !text.extents.chars().all(|letter| "wuh".contains(letter)) {
            return Err(format!("extents are w, u and h, not `{}`", text.extents));
        }
        Ok(Start {
            size: size(&text.size)?,
            disksize: text.disksize.as_deref().map(size).transpose()?,
            extents: Cow::Owned(text.extents),
            cached: text.cached_pages,
            dirty: text.dirty,
            paging: match text.page_blocks {
                None => PAGING,
                Some(blocks) => Paging::of(blocks).ok_or("a page holds 1, 2 or 4 blocks")?,
            },
        })
    }
}

/// As long as nobody asks for others.
const PAGING: Paging = Paging::ALL[0];

const fn file(size: Blocks, extents: &'static str) -> Start {
    let size = Size::blocks(size);
    Start {
        size,
        extents: Cow::Borrowed(extents),
        cached: 0,
        dirty: false,
        disksize: None,
        paging: PAGING,
    }
}

/// So many half blocks: it ends inside a block.
const fn inside(halves: u32, extents: &'static str) -> Start {
    let (size, extents) = (Size::halves(halves), Cow::Borrowed(extents));
    Start { size, extents, cached: 0, dirty: false, disksize: None, paging: PAGING }
}

const fn cached(size: Blocks, extents: &'static str, dirty: bool) -> Start {
    let (size, extents) = (Size::blocks(size), Cow::Borrowed(extents));
    Start { size, extents, cached: 1, dirty, disksize: None, paging: PAGING }
}

/// Sizes of one and two blocks, and inside a block; written, preallocated and missing blocks; a page cached, clean or stored
/// to; a size that is not on the disk yet; blocks preallocated past the end.
pub static STARTS: [Start; 15] = [
    file(1, "w"),
    inside(1, "w"),
    inside(3, "wu"),
    file(1, "u"),
    file(2, "ww"),
    file(2, "wu"),
    file(2, "hw"),
    file(1, "wu"),
    file(2, "uw"),
    cached(1, "w", false),
    cached(2, "ww", false),
    cached(1, "w", true),
    cached(2, "wu", true),
    Start {
        size: Size::halves(3),
        extents: Cow::Borrowed("ww"),
        cached: 1,
        dirty: true,
        disksize: None,
        paging: PAGING,
    },
    Start {
        size: Size::blocks(2),
        extents: Cow::Borrowed("wh"),
        cached: 1,
        dirty: true,
        disksize: Some(Size::blocks(1)),
        paging: PAGING,
    },
];

impl Start {
    /// The file as it is now.
    pub(super) fn now(inode: &Inode) -> Start {
        let (size, disksize) = inode.sizes();
        let letter = |extent| match extent {
            Extent::Written => 'w',
            Extent::Unwritten => 'u',
            Extent::Hole => 'h',
        };
        let mapping = inode.extents().mapping().iter().map(|mapped| letter(mapped.extent));
        let extents: String = mapping.chain(std::iter::repeat('h')).take(16).collect();
        let past = extents.trim_end_matches('h').len().max(size.up() as usize);
        Start {
            size,
            extents: Cow::Owned(extents[..past].to_owned()),
            cached: inode.cache().count(inode.paging().all()),
            dirty: inode.cache().dirty().next().is_some(),
            disksize: (disksize != size).then_some(disksize),
            paging: inode.paging(),
        }
    }

    /// The same where pages are so large; all of what was cached of the file is.
    pub(super) fn in_pages(&self, paging: Paging) -> Start {
        let most = self.cached * self.paging.blocks();
        let cached = self.size.up().min(most).div_ceil(paging.blocks());
        let cached = if paging == self.paging { self.cached } else { cached };
        Start { cached, paging, ..self.clone() }
    }

    /// How many blocks a page holds, where that is to be said.
    pub(super) fn page_blocks(&self) -> Option<Blocks> {
        (self.paging != PAGING).then(|| self.paging.blocks())
    }

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
