//! What a direct write asks for.

use crate::op::{Bio, Ends, Extent, Fault, Mapped, Range, Size, Span, TaskId};

/// What a direct write asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Write {
    /// The writing task.
    pub task: TaskId,
    /// Its completion, if it is asynchronous.
    pub end_io: Option<TaskId>,
    /// Where; what it asks for, for one with O_APPEND.
    pub span: Span,
    /// O_APPEND: it goes where the file ends once the inode's lock is held.
    pub append: bool,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// The pages of its buffer are not present: they are pinned under `mmap_sem` (modelled up to
    /// v5.4, and for overwrites only).
    pub pins: bool,
    /// `cur_aio_dio` is followed: another write of the file may change what this one looks for, or
    /// look for what this one changes.
    pub slot: bool,
}

impl Write {
    /// The same, from there on; `None` is where it was asked to go.
    #[must_use]
    pub(super) fn placed(self, start: Option<Size>) -> Write {
        Write { span: start.map_or(self.span, |start| self.span.moved_to(start)), ..self }
    }

    /// The task that its iocb, its io_end and its reference to the count go by: its completion's, if it has one.
    pub(super) fn iocb(&self) -> TaskId {
        self.end_io.unwrap_or(self.task)
    }

    /// The blocks that it touches.
    pub fn range(&self) -> Range {
        self.span.range()
    }

    /// Where it ends.
    pub fn end(&self) -> Size {
        self.span.end
    }

    /// Whether it begins or ends in the middle of a block.
    pub fn unaligned(&self) -> bool {
        self.span.unaligned()
    }

    /// Its bio to the first of its blocks, so many of them, with these ends zeroed.
    pub(super) fn bio(&self, blocks: usize, zeroed: Ends) -> Bio {
        let cut = self.span.cut();
        let cut = Ends { back: cut.back && blocks == self.range().len as usize, ..cut };
        Bio::Write { cut, zeroed: zeroed.and(cut), call: 0 }
    }
}

/// The ends of what was found that are in blocks which look new.
pub(super) fn new_ends(found: &[Mapped]) -> Ends {
    let new = |m: Option<&Mapped>| m.is_some_and(|m| m.extent != Extent::Written);
    Ends { front: new(found.first()), back: new(found.last()) }
}
