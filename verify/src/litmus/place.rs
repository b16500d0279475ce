//! Where in the file a call works.

use super::file::{MAX_BLOCKS, MAX_SIZE};
use super::schema::{Fields, Judge};
use crate::problem::Span;
use diolock::op::{self, Half, Range, Size};

/// Whole blocks: `block`, and how many `blocks` from there on.
pub(super) fn range(judge: &mut Judge, fields: &Fields<'_>) -> Option<Range> {
    let start = fields
        .need(judge, "block", "block = 0")
        .and_then(|field| field.number(judge, 0..=MAX_BLOCKS - 1));
    let blocks = fields.get("blocks");
    let len = blocks.as_ref().map_or(Some(1), |field| field.number(judge, 1..=MAX_BLOCKS));
    let range = Range { start: start?, len: len? };
    if range.end() > MAX_BLOCKS {
        let message = format!("blocks {} to {} are asked for", range.start, range.end() - 1);
        let span = blocks.map_or_else(|| fields.header.clone(), |field| field.span);
        judge.wrong(span, message).label(format!("a file's last block is {}", MAX_BLOCKS - 1));
        return None;
    }
    Some(range)
}

/// Blocks of the pages that are followed.
pub(super) fn page_range(judge: &mut Judge, fields: &Fields<'_>) -> Option<Range> {
    let range = range(judge, fields)?;
    in_page(judge, fields, range)
}

/// The same, if they are.
pub(super) fn in_page(judge: &mut Judge, fields: &Fields<'_>, range: Range) -> Option<Range> {
    let paging = judge.paging;
    if range.end() <= paging.end() {
        return Some(range);
    }
    let pages = if paging.many() { "pages" } else { "page" };
    let message = format!("block {} is behind the {pages}", range.end() - 1);
    let last = paging.end() - 1;
    judge.wrong(fields.header.clone(), message).label(match paging.many() {
        true => format!("the pages that are followed hold blocks 0 to {last}"),
        false => format!("the page that is followed holds blocks 0 to {last}"),
    });
    None
}

/// What a hole takes, or a zeroed range: in steps of half a block. Where it begins or ends inside one, that is zeroed
/// through the page.
pub(super) fn zeroed(judge: &mut Judge, fields: &Fields<'_>) -> Option<op::Span> {
    let span = written(judge, fields)?;
    let end = judge.paging.end();
    if [span.start, span.end].iter().any(|at| at.splits() && *at > Size::blocks(end)) {
        let pages = if judge.paging.many() {
            "pages that are followed end"
        } else {
            "page that is followed ends"
        };
        judge
            .wrong(fields.header.clone(), "half a block is zeroed in its page")
            .label(format!("the {pages} at {end}"));
        return None;
    }
    Some(span)
}

fn half(judge: &mut Judge, fields: &Fields<'_>) -> Option<(Half, Span)> {
    let word = fields.get("half")?.text(judge)?;
    let half =
        judge.choice(&word, "half a block", &[("lower", Half::Lower), ("upper", Half::Upper)])?;
    Some((half, word.span))
}

/// What a write asks for: from `block` on so many `blocks`, both in steps of half a block, or a `half` of one. Where
/// O_APPEND decides, and of a buffered write, `block` may be left out.
pub(super) fn written(judge: &mut Judge, fields: &Fields<'_>) -> Option<op::Span> {
    let half = half(judge, fields);
    let append = fields.get("append").is_some();
    let buffered =
        fields.get("call").is_some_and(|f| f.text(judge).is_some_and(|w| w.value == "write"));
    let start = match fields.get("block") {
        None if append || buffered => Some(Size::ZERO),
        None => fields.need(judge, "block", "block = 0").and(None),
        Some(field) => field.size(judge, Size::ZERO..=Size::blocks(MAX_BLOCKS - 1)),
    };
    let blocks = fields.get("blocks");
    let one = Size::halves(1)..=MAX_SIZE;
    let len = blocks.as_ref().map_or(Some(Size::blocks(1)), |field| field.size(judge, one));
    let (start, len) = (start?, len?);
    let span = op::Span { start, end: start + len };
    if let Some((half, at)) = half {
        if len != Size::blocks(1) || start.splits() {
            judge
                .wrong(at, format!("half a block, but {len} from {start} on are asked for"))
                .help("say where it begins and how long it is, in steps of 0.5, without `half`");
            return None;
        }
        return Some(op::Span::of(span.range(), Some(half)));
    }
    if span.end > MAX_SIZE {
        let message = format!("{len} block(s) from {start} on are asked for");
        let at = blocks.map_or_else(|| fields.header.clone(), |field| field.span);
        judge.wrong(at, message).label(format!("a file ends at {MAX_SIZE} at the latest"));
        return None;
    }
    Some(span)
}
