//! What a task of a litmus test calls.

use diolock::dio_path::WriteFlags;
use diolock::op::{Ends, Fault, LogicalBlock, Range, Shift, Size, Span, WaitQueue};

/// A call and its arguments.
#[derive(Clone, Copy, Debug)]
pub enum CallSpec {
    /// A direct write, synchronous or asynchronous.
    Pwrite {
        /// Where, or how much if O_APPEND moves it.
        span: Span,
        /// O_APPEND.
        append: bool,
        /// io_submit instead of pwrite.
        aio: bool,
        /// What goes wrong.
        fault: Option<Fault>,
        /// IOCB_NOWAIT, O_SYNC.
        flags: WriteFlags,
        /// Its buffer is not present.
        pins: bool,
    },
    /// A direct read.
    Pread {
        /// Which blocks.
        range: Range,
        /// i_size is read only after the count is raised.
        late_size: bool,
        /// It starts over for ever.
        repeat: bool,
    },
    /// An asynchronous direct read.
    AioPread(Range),
    /// A truncate.
    Ftruncate {
        /// The new size.
        to: Size,
        /// What goes wrong.
        fault: Option<Fault>,
    },
    /// A store to a mapped page that is not in the cache.
    Fault {
        /// Which blocks.
        range: Range,
    },
    /// The flusher writes the page back.
    WritePages,
    /// Memory reclaim; by kswapd under pressure, which writes dirty pages.
    Reclaim {
        /// It does.
        writes: bool,
    },
    /// fsync.
    Fsync,
    /// A hole is punched.
    PunchHole {
        /// Where.
        span: Span,
        /// The file is mapped by indirect blocks.
        indirect: bool,
        /// What goes wrong.
        fault: Option<Fault>,
    },
    /// Online defragmentation.
    MoveExtents {
        /// Which blocks.
        range: Range,
    },
    /// A page fault that allocates.
    PageFault {
        /// Over which blocks.
        range: Range,
    },
    /// A thread that changes the address space.
    Mmap,
    /// Writeback that raises i_disksize.
    Writeback {
        /// Up to there.
        to: Size,
    },
    /// An asynchronous direct write, then a truncate, by one io_uring thread.
    Uring {
        /// Which blocks it writes.
        range: Range,
        /// The new size.
        to: Size,
    },
    /// An asynchronous direct write, then the last close.
    PwriteClose {
        /// Which blocks it writes.
        range: Range,
    },
    /// A buffered write.
    Write {
        /// Where, or how much if O_APPEND moves it.
        span: Span,
        /// O_APPEND.
        append: bool,
    },
    /// A journal commit.
    Commit,
    /// `inode_dio_wait` or `ext4_aiodio_wait`, taken apart.
    DioWait(WaitQueue),
    /// `inode_dio_done` or its twin in `ext4_end_io_nolock`, taken apart: its reference is held from
    /// the start.
    DioDone(WaitQueue),
    /// A buffered write of a block that then ends the file, in a cached page.
    Append(LogicalBlock),
    /// A buffered read.
    Read(Range),
    /// A drain, then a lookup.
    Fallocate(Range),
    /// A preallocation with its credits; it keeps the size, or raises it.
    Falloc {
        /// Which blocks.
        range: Range,
        /// The file is to reach to their end.
        grows: bool,
        /// What goes wrong.
        fault: Option<Fault>,
    },
    /// A zeroed range.
    ZeroRange {
        /// Where.
        span: Span,
        /// What goes wrong.
        fault: Option<Fault>,
    },
    /// A range is taken out of the file, or put in.
    ShiftRange {
        /// Which.
        range: Range,
        /// Out or in.
        shift: Shift,
        /// What goes wrong.
        fault: Option<Fault>,
    },
    /// The completion of a buffered write, to this file or to another.
    EndBio(Option<Range>),
    /// The end of the inode.
    Evict,
    /// A buffered write that evicts another inode.
    WriteThatEvicts,
}

/// What goes wrong, after a call.
fn fails(fault: Option<Fault>) -> &'static str {
    match fault {
        Some(Fault::Enomem) => " ENOMEM",
        Some(Fault::Enospc) => " ENOSPC",
        None => "",
    }
}

impl CallSpec {
    /// Whether its completion is a task of its own.
    pub fn is_aio(&self) -> bool {
        matches!(
            self,
            CallSpec::Pwrite { aio: true, .. }
                | CallSpec::AioPread(_)
                | CallSpec::Uring { .. }
                | CallSpec::PwriteClose { .. }
        )
    }

    /// Whether it may bring a page into the cache: what zeros half a block does so through its page.
    pub(super) fn brings_pages(&self) -> bool {
        match self {
            CallSpec::PunchHole { span, .. } | CallSpec::ZeroRange { span, .. } => span.unaligned(),
            CallSpec::Ftruncate { to, .. } => to.splits(),
            _ => self.is_of_pages(),
        }
    }

    /// Whether it may take pages out of the cache by `__remove_mapping`: a direct write that fell back does.
    pub(super) fn takes_unused_pages(&self) -> bool {
        matches!(
            self,
            CallSpec::Reclaim { .. }
                | CallSpec::Pwrite { .. }
                | CallSpec::PwriteClose { .. }
                | CallSpec::Uring { .. }
        )
    }

    fn is_of_pages(&self) -> bool {
        matches!(
            self,
            CallSpec::Read(_)
                | CallSpec::Write { .. }
                | CallSpec::Fault { .. }
                | CallSpec::PageFault { .. }
                | CallSpec::MoveExtents { .. }
                | CallSpec::Append(_)
        )
    }

    /// The call, for people: `pwrite(0,1)`.
    pub fn text(&self) -> String {
        match self {
            CallSpec::Pwrite { span, append, aio, fault, flags, pins } => {
                let how = if *aio { "aio pwrite" } else { "pwrite" };
                let fault = fails(*fault);
                let nowait = if flags.nowait { " NOWAIT" } else { "" };
                let osync = if flags.osync { " O_SYNC" } else { "" };
                let append = if *append { " O_APPEND" } else { "" };
                let pins = if *pins { " from absent pages" } else { "" };
                let (place, half) = span_text(*span);
                format!("{how}({place}){half}{append}{fault}{nowait}{osync}{pins}")
            }
            CallSpec::Pread { range, repeat, .. } => {
                let again = if *repeat { " for ever" } else { "" };
                format!("pread({},{}){again}", range.start, range.len)
            }
            CallSpec::AioPread(range) => format!("aio pread({},{})", range.start, range.len),
            CallSpec::Ftruncate { to, fault } => format!("ftruncate({to}){}", fails(*fault)),
            CallSpec::Fault { range } => format!("fault({},{})", range.start, range.len),
            CallSpec::WritePages => "writepages".to_owned(),
            CallSpec::Reclaim { writes: false } => "reclaim".to_owned(),
            CallSpec::Reclaim { writes: true } => "kswapd".to_owned(),
            CallSpec::Fsync => "fsync".to_owned(),
            CallSpec::PunchHole { span, indirect, fault } => {
                let indirect = if *indirect { " indirect" } else { "" };
                let fault = fails(*fault);
                let (place, half) = span_text(*span);
                format!("punch_hole({place}){half}{indirect}{fault}")
            }
            CallSpec::MoveExtents { range } => {
                format!("move_extents({},{})", range.start, range.len)
            }
            CallSpec::PageFault { range } => format!("page fault({},{})", range.start, range.len),
            CallSpec::Mmap => "mmap".to_owned(),
            CallSpec::Writeback { to } => format!("writeback({to})"),
            CallSpec::Uring { range, to } => {
                format!("uring pwrite({},{}); ftruncate({to})", range.start, range.len)
            }
            CallSpec::PwriteClose { range } => {
                format!("aio pwrite({},{}); close", range.start, range.len)
            }
            CallSpec::Write { span, append } => {
                let (place, half) = span_text(*span);
                let append = if *append { " O_APPEND" } else { "" };
                // Of one block its number alone.
                format!("write({}){half}{append}", place.strip_suffix(",1").unwrap_or(&place))
            }
            CallSpec::Commit => "commit".to_owned(),
            CallSpec::DioWait(WaitQueue::Dio) => "inode_dio_wait".to_owned(),
            CallSpec::DioWait(WaitQueue::Unwritten) => "ext4_aiodio_wait".to_owned(),
            CallSpec::DioDone(WaitQueue::Dio) => "inode_dio_done".to_owned(),
            CallSpec::DioDone(WaitQueue::Unwritten) => "ext4_end_io_nolock".to_owned(),
            CallSpec::Append(block) => format!("append({block})"),
            CallSpec::Read(Range { start, len: 1 }) => format!("read({start})"),
            CallSpec::Read(range) => format!("read({},{})", range.start, range.len),
            CallSpec::Fallocate(range) => format!("fallocate({},{})", range.start, range.len),
            CallSpec::Falloc { range, grows, fault } => {
                let name = if *grows { "falloc_grow" } else { "falloc" };
                format!("{name}({},{}){}", range.start, range.len, fails(*fault))
            }
            CallSpec::ZeroRange { span, fault } => {
                let (place, half) = span_text(*span);
                format!("zero_range({place}){half}{}", fails(*fault))
            }
            CallSpec::ShiftRange { range, shift, fault } => {
                let how = if *shift == Shift::Left { "collapse" } else { "insert" };
                format!("{how}_range({},{}){}", range.start, range.len, fails(*fault))
            }
            CallSpec::EndBio(Some(range)) => format!("end_bio({},{})", range.start, range.len),
            CallSpec::EndBio(None) => "end_bio of another file".to_owned(),
            CallSpec::Evict => "evict".to_owned(),
            CallSpec::WriteThatEvicts => "write, evicts another file".to_owned(),
        }
    }
}

/// Where it begins and how long it is, and which half if it is of one block.
fn span_text(span: Span) -> (String, &'static str) {
    let Range { start, len } = span.range();
    match span.cut() {
        Ends { front: false, back: false } => (format!("{start},{len}"), ""),
        Ends { front: false, .. } if len == 1 => (format!("{start},1"), " lower half"),
        Ends { back: false, .. } if len == 1 => (format!("{start},1"), " upper half"),
        _ => (format!("{},{}", span.start, span.len()), ""),
    }
}
