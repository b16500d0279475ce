//! Whether the calls of a litmus file can happen side by side, and to this file.

use super::CallSpec;
use super::cast::Cast;
use super::file::File;
use super::kind::Kind;
use super::schema::Judge;
use diolock::op::{Size, Span};

/// A file that is appended to is no longer.
const MAX_APPENDED: Size = Size::blocks(16);

/// Judges the calls by what else the file says.
pub(super) fn fits(judge: &mut Judge, cast: &[Cast], file: &File) {
    let cached_pages = file.cached_pages;
    reach_too_far(judge, cast, file.size);
    let evicts = cast.iter().any(|c| c.kind == Some(Kind::Evict));
    let appends = cast.iter().any(|c| c.kind == Some(Kind::Append));
    for task in cast {
        let Some(kind) = task.kind else { continue };
        if evicts && uses_the_file(kind) {
            judge
                .wrong(task.span.clone(), format!("{} uses the file that is evicted", kind.name()))
                .label("an inode is evicted when nobody is left who could")
                .help("beside evict: commit, writepages, reclaim, kswapd, and end_bio, write_evict or end_bio_elsewhere");
        }
        let cached = |kind| matches!(kind, Kind::Append | Kind::Read | Kind::Commit);
        if appends && !cached(kind) {
            judge
                .wrong(task.span.clone(), format!("{} is beside an append", kind.name()))
                .label("an append is modelled as far as i_size and the cached page go")
                .help("beside append: read, append, commit");
        }
        if kind == Kind::Append && cached_pages == 0 {
            judge
                .wrong(task.span.clone(), "append is to a cached page, and this file has none")
                .help("cached_pages = 1 under [file]");
        }
    }
}

/// Appending writes may come one after another: the last must still end in a file that is followed.
fn reach_too_far(judge: &mut Judge, cast: &[Cast], size: Size) {
    let writes = cast.iter().filter_map(|call| match call.spec()? {
        CallSpec::Pwrite { span, append, .. } | CallSpec::Write { span, append } => {
            Some((call, span, append))
        }
        _ => None,
    });
    let buffered = |write: &(&Cast, Span, bool)| {
        write.2 && matches!(write.0.spec(), Some(CallSpec::Write { .. }))
    };
    let writes: Vec<_> = writes.collect();
    // A buffered write is followed as far as the pages go.
    let last_block =
        if writes.iter().any(buffered) { Size::blocks(judge.paging.end()) } else { MAX_APPENDED };
    let (appends, others): (Vec<_>, Vec<_>) = writes.into_iter().partition(|write| write.2);
    let end = others.iter().map(|write| write.1.end).fold(size, Size::max);
    let reached = appends.iter().fold(end, |end, write| end + write.1.len());
    if let Some((last, ..)) = appends.last().filter(|_| reached > last_block) {
        judge
            .wrong(
                last.span.clone(),
                format!("with all that is appended the file ends at {reached}"),
            )
            .label(format!("it is followed up to {last_block}"));
    }
}

/// Whether a call is made by somebody who has the file open.
fn uses_the_file(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Evict
            | Kind::Commit
            | Kind::WritePages
            | Kind::Reclaim
            | Kind::Kswapd
            | Kind::EndBio
            | Kind::EndBioElsewhere
            | Kind::WriteEvict
    )
}
