//! The file that a litmus test begins with.

use super::schema::{Fields, Judge};
use crate::problem::Span;
use diolock::op::{Blocks, Extent, Size};

/// The blocks of a file are numbered from 0 to one less.
pub const MAX_BLOCKS: Blocks = 8;

/// That of a file of all of them.
pub(super) const MAX_SIZE: Size = Size::blocks(MAX_BLOCKS);

/// The file at the start, and where the litmus file says so.
#[derive(Default)]
pub(super) struct File {
    pub(super) size: Size,
    pub(super) extents: Vec<Extent>,
    pub(super) extents_span: Option<Span>,
    pub(super) cached_pages: Blocks,
    pub(super) cached_pages_span: Option<Span>,
    pub(super) dirty: bool,
    pub(super) disksize: Option<Size>,
    pub(super) disksize_span: Option<Span>,
}

/// Reads `[file]`.
pub(super) fn file(judge: &mut Judge, top: &Fields<'_>) -> File {
    let example = "[file], then size = 1 and extents = [\"written\"]";
    let Some(field) = top.need(judge, "file", example) else { return File::default() };
    let Some(table) = field.table(judge) else { return File::default() };
    let fields = Fields::new(judge, "[file]", table, field.span);
    let size = fields
        .need(judge, "size", "size = 1")
        .and_then(|field| field.size(judge, Size::ZERO..=MAX_SIZE));
    let followed = judge.paging.end();
    if size.is_some_and(|size| size.splits() && size > Size::blocks(followed)) {
        judge
            .wrong(fields.header.clone(), "the file ends inside a block behind the page")
            .label(format!("a file may end inside a block up to {followed}"));
    }
    let cached_pages =
        fields.get("cached_pages").and_then(|field| field.number(judge, 0..=MAX_BLOCKS));
    let dirty = fields.get("dirty").is_some_and(|field| {
        if cached_pages.unwrap_or_default() == 0 {
            judge
                .wrong(field.key_span.clone(), "`dirty`, but no page is cached")
                .help("add cached_pages = 1");
        }
        field.flag(judge).unwrap_or(false)
    });
    let disksize =
        fields.get("disksize").and_then(|field| field.size(judge, Size::ZERO..=MAX_SIZE));
    let mut extents = Vec::new();
    if let Some(field) = fields.need(judge, "extents", "extents = [\"written\", \"hole\"]") {
        let before = judge.count();
        let words = field.texts(judge);
        let states = [
            ("written", Extent::Written),
            ("unwritten", Extent::Unwritten),
            ("hole", Extent::Hole),
        ];
        extents.extend(words.iter().filter_map(|w| judge.choice(w, "a block's state", &states)));
        if words.len() > MAX_BLOCKS as usize {
            judge
                .wrong(field.span, format!("a file has at most {MAX_BLOCKS} blocks"))
                .label(format!("{} blocks", words.len()));
        } else if let Some(size) = size
            && judge.count() == before
            && words.len() < size.up() as usize
        {
            let message = format!("size is {size}, and `extents` has {} block(s)", words.len());
            judge
                .wrong(field.span, message)
                .label("too few")
                .help("give every block below `size` a state; more mean preallocated past the end");
        }
    }
    let span = |key| fields.get(key).map(|field| field.span);
    File {
        size: size.unwrap_or_default(),
        extents,
        extents_span: span("extents"),
        cached_pages: cached_pages.unwrap_or_default(),
        cached_pages_span: span("cached_pages"),
        dirty,
        disksize,
        disksize_span: span("disksize"),
    }
}
