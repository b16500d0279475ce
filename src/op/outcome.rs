//! What comes back from a step.

use super::{Blocks, Buffer, Content, Extent, IoEnd, Mapped, PageNo, PhysicalBlock, Size, TaskId};
use serde::{Deserialize, Serialize};

/// What came back from a step.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; nothing to tell.
    Done,
    /// A number, of pages for instance.
    Value(Blocks),
    /// i_size or i_disksize.
    Size(Size),
    /// Yes or no: a trylock, a tested bit, a list that held something.
    Flag(bool),
    /// The mapping, block by block.
    Mapping(Vec<Mapped>),
    /// `-ENOSPC`.
    NoSpace,
    /// An io_end taken off the list.
    IoEnd(Option<IoEnd>),
    /// The completion whose io_end `cur_aio_dio` points at.
    InodeAio(Option<TaskId>),
    /// The buffers of the page; none if there is no page.
    Page(Vec<Buffer>),
    /// Pages, in order.
    Pages(Vec<PageNo>),
    /// What a bio read, block by block.
    Data(Vec<[Content; 2]>),
    /// Blocks that were freed.
    Freed(Vec<PhysicalBlock>),
    /// What `ext4_convert_unwritten_extents` found before it marked the range written.
    Converted(Vec<(Extent, Option<PhysicalBlock>)>),
}

impl Outcome {
    /// The number; 0 of what is none.
    pub fn number(&self) -> Blocks {
        if let Outcome::Value(value) = *self { value } else { 0 }
    }

    /// The size; 0 of what is none.
    pub fn size(&self) -> Size {
        if let Outcome::Size(size) = *self { size } else { Size::default() }
    }

    /// Whether it is a yes.
    pub fn yes(&self) -> bool {
        *self == Outcome::Flag(true)
    }

    /// The buffers of the page that was found.
    pub fn buffers(&self) -> &[Buffer] {
        if let Outcome::Page(buffers) = self { buffers } else { &[] }
    }

    /// The pages that were found.
    pub fn pages(&self) -> &[PageNo] {
        if let Outcome::Pages(pages) = self { pages } else { &[] }
    }

    /// Whether it is a no.
    pub fn no(&self) -> bool {
        *self == Outcome::Flag(false)
    }
}
