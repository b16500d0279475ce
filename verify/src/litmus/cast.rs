//! The tasks of a litmus file.

use super::file::MAX_SIZE;
use super::keys::{TASK, keys};
use super::kind::{KINDS, Kind};
use super::place::{in_page, page_range, range, written, zeroed};
use super::schema::{At, Field, Fields, Judge};
use super::words::calls;
use super::{CallSpec, TaskSpec};
use crate::problem::{Span, shown};
use diolock::dio_path::WriteFlags;
use diolock::op::{Fault, Shift, Size};

/// As many tasks may be written down.
pub(crate) const MAX_TASKS: usize = 6;

/// As many calls may be asynchronous, of all tasks.
const MAX_ASYNCHRONOUS: usize = MAX_TASKS;

/// As many calls may follow each other in one task.
const MAX_CALLS: usize = 8;

/// A call of a task, as far as it could be read.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// Of the tasks that are written down the first is 0.
    pub(super) task: usize,
    pub(super) letter: Option<char>,
    pub(super) kind: Option<Kind>,
    /// Where its call is written, or its header.
    pub(super) span: Span,
    /// Where the file ends if this call is to start there (`at_eof`).
    pub(super) eof: Option<Size>,
    call: Option<CallSpec>,
}

impl Cast {
    /// The call, if it could be read.
    pub(super) fn spec(&self) -> Option<CallSpec> {
        self.call
    }

    /// What goes wrong in its call.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self.call? {
            CallSpec::Pwrite { fault, .. }
            | CallSpec::Ftruncate { fault, .. }
            | CallSpec::PunchHole { fault, .. }
            | CallSpec::Falloc { fault, .. }
            | CallSpec::ZeroRange { fault, .. }
            | CallSpec::ShiftRange { fault, .. } => fault,
            _ => None,
        }
    }

    /// Its letter, if it never ends.
    pub(super) fn repeating(&self) -> Option<char> {
        matches!(self.call?, CallSpec::Pread { repeat: true, .. }).then_some(self.letter?)
    }
}

/// The calls of each task.
pub(super) fn by_task(cast: &[Cast]) -> impl Iterator<Item = &[Cast]> {
    cast.chunk_by(|a, b| a.task == b.task)
}

/// The tasks, if all of each could be read.
pub(super) fn specs(cast: &[Cast]) -> Vec<TaskSpec> {
    let spec = |calls: &[Cast]| {
        let letter = calls.first()?.letter?;
        let calls = calls.iter().map(Cast::spec).collect::<Option<Vec<CallSpec>>>()?;
        Some(TaskSpec { letter, calls })
    };
    by_task(cast).filter_map(spec).collect()
}

/// Reads `[[task]]`.
pub(super) fn tasks(judge: &mut Judge, top: &Fields<'_>) -> Vec<Cast> {
    let example = "[[task]], then name = \"T\", call = \"ftruncate\" and to = 0";
    let Some(field) = top.need(judge, "task", example) else { return Vec::new() };
    let mut cast: Vec<Cast> = Vec::new();
    for (at, table) in field.tables(judge).into_iter().enumerate() {
        if at == MAX_TASKS {
            let message = format!("a litmus test has at most {MAX_TASKS} tasks");
            judge.wrong(table.span.clone(), message).label("one too many");
        }
        let fields = Fields::new(judge, "[[task]]", table.value, table.span);
        let letter = fields.need(judge, "name", "name = \"W\"").and_then(|f| letter(judge, &f));
        if let Some(letter) = &letter
            && cast.iter().any(|c| c.letter == Some(letter.value))
        {
            judge.wrong(letter.span.clone(), format!("there is a task {} already", letter.value));
        }
        let letter = letter.map(|l| l.value);
        let Some(list) = fields.get("calls") else {
            cast.push(one(judge, &fields, at, letter));
            continue;
        };
        for key in keys(TASK).filter(|&key| key != "name" && key != "calls") {
            if let Some(field) = fields.get(key) {
                judge
                    .wrong(field.key_span, format!("`{key}` beside `calls`"))
                    .help("arguments stand with their call: calls = [\"pwrite 0\", \"fsync\"]");
            }
        }
        let calls = calls(judge, &list);
        if calls.len() > MAX_CALLS {
            judge.wrong(list.span.clone(), format!("a task makes at most {MAX_CALLS} calls"));
        }
        if calls.is_empty() {
            // It is a task all the same, and others are counted from it.
            let span = list.key_span.clone();
            cast.push(Cast { task: at, letter, kind: None, span, eof: None, call: None });
        }
        for call in &calls {
            for key in ["name", "calls"] {
                if let Some(field) = call.get(key) {
                    judge.wrong(field.key_span, format!("`{key}` is of a task, not of a call"));
                }
            }
            let call = one(judge, call, at, letter);
            fits_a_list(judge, &call);
            cast.push(call);
        }
    }
    let aio = cast.iter().filter(|call| call.call.is_some_and(|call| call.is_aio()));
    if let Some(call) = aio.clone().nth(MAX_ASYNCHRONOUS) {
        let message = format!("a litmus test has at most {MAX_ASYNCHRONOUS} asynchronous calls");
        judge.wrong(call.span.clone(), message).label("one too many");
    }
    cast
}

/// Reads `setup`: calls that follow each other, before all tasks.
pub(super) fn setup(judge: &mut Judge, top: &Fields<'_>) -> Vec<CallSpec> {
    let Some(list) = top.get("setup") else { return Vec::new() };
    let calls = calls(judge, &list);
    if calls.len() > MAX_CALLS {
        judge.wrong(list.span, format!("the setup makes at most {MAX_CALLS} calls"));
    }
    let mut made = Vec::new();
    for call in &calls {
        let call = one(judge, call, 0, None);
        fits_a_list(judge, &call);
        if call.call.is_some_and(|call| call.is_aio()) {
            judge
                .wrong(call.span.clone(), "an asynchronous call in the setup")
                .help("what is in flight when the tasks begin is a task's: [[task]]");
        }
        made.extend(call.call);
    }
    made
}

/// A call, with the arguments beside it.
fn one(judge: &mut Judge, fields: &Fields<'_>, task: usize, letter: Option<char>) -> Cast {
    let word = fields.need(judge, "call", "call = \"pwrite\"").and_then(|field| field.text(judge));
    let span = word.as_ref().map_or_else(|| fields.header.clone(), |word| word.span.clone());
    let kind = word
        .and_then(|word| judge.choice(&word, "a call", &KINDS.map(|(name, kind, _)| (name, kind))));
    let call = kind.and_then(|kind| call(judge, fields, kind));
    let eof = eof(judge, fields, call);
    Cast { task, letter, kind, span, eof, call }
}

/// Where the file ends for `at_eof`.
fn eof(judge: &mut Judge, fields: &Fields<'_>, call: Option<CallSpec>) -> Option<Size> {
    let field = fields.get("at_eof")?;
    let at_eof = field.flag(judge)?;
    let CallSpec::Pwrite { span, append, .. } = call.filter(|_| at_eof)? else { return None };
    if append {
        judge.wrong(field.key_span, "`at_eof` beside `append`, which goes where the file ends");
        return None;
    }
    if !span.start.splits() {
        judge
            .wrong(field.key_span, "`at_eof`, and it starts where a block does")
            .help("leave at_eof out, and say under [file] where the file ends");
    }
    Some(span.start)
}

/// Whether a call can be one of several of its task.
fn fits_a_list(judge: &mut Judge, call: &Cast) {
    let whole = matches!(
        call.kind,
        Some(
            Kind::Uring
                | Kind::PwriteClose
                | Kind::DioWait(_)
                | Kind::DioDone(_)
                | Kind::Append
                | Kind::EndBio
                | Kind::EndBioElsewhere
                | Kind::Evict
                | Kind::WriteEvict
        )
    );
    if let (true, Some(kind)) = (whole, call.kind) {
        judge
            .wrong(call.span.clone(), format!("{} is a task of its own", kind.name()))
            .help("give it a [[task]] with `call`");
    }
    if call.repeating().is_some() {
        judge.wrong(call.span.clone(), "nothing comes after a call that repeats for ever");
    }
}

fn letter(judge: &mut Judge, field: &Field<'_>) -> Option<At<char>> {
    let word = field.text(judge)?;
    let mut chars = word.value.chars();
    match (chars.next(), chars.next()) {
        (Some(value @ 'A'..='Z'), None) => Some(At { value, span: word.span }),
        _ => {
            let message = format!("`{}` is not a task's name", shown(word.value));
            let finding = judge.wrong(word.span, message);
            finding.label("one capital letter").help("for example: name = \"W\"");
            None
        }
    }
}

pub(super) fn call(judge: &mut Judge, fields: &Fields<'_>, kind: Kind) -> Option<CallSpec> {
    let (name, takes) = (kind.name(), kind.arguments());
    for key in keys(TASK).filter(|key| !["name", "call", "calls"].contains(key)) {
        if let Some(field) = fields.get(key)
            && !takes.contains(&key)
        {
            let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
            judge
                .wrong(field.key_span, format!("`{key}` is not for {name}"))
                .help(format!("{name} takes {takes}"));
        }
    }
    match kind {
        Kind::Pwrite | Kind::AioPwrite => {
            let aio = kind == Kind::AioPwrite;
            let (span, fault) = (written(judge, fields), fault(judge, fields, kind));
            let mut flag = |key| fields.get(key).and_then(|f| f.flag(judge)).unwrap_or(false);
            let flags = WriteFlags { nowait: flag("nowait"), osync: flag("osync") };
            let (pins, append) = (flag("pins"), flag("append"));
            Some(CallSpec::Pwrite { span: span?, append, aio, fault, flags, pins })
        }
        Kind::Pread => {
            let range = range(judge, fields);
            let repeat = fields.get("repeat").and_then(|f| f.flag(judge)).unwrap_or(false);
            let late_size = fields
                .get("size_read")
                .and_then(|field| field.text(judge))
                .and_then(|word| {
                    judge.choice(&word, "when i_size is read", &[("early", false), ("late", true)])
                })
                .unwrap_or(false);
            Some(CallSpec::Pread { range: range?, late_size, repeat })
        }
        Kind::AioPread => Some(CallSpec::AioPread(range(judge, fields)?)),
        Kind::Ftruncate => {
            let field = fields.need(judge, "to", "to = 0")?;
            let to = field.size(judge, Size::ZERO..=MAX_SIZE)?;
            let followed = judge.paging.end();
            if to.splits() && to > Size::blocks(followed) {
                judge
                    .wrong(field.span, "a truncate inside a block zeros the rest of it in its page")
                    .label(format!("the page that is followed ends at {followed}"));
            }
            Some(CallSpec::Ftruncate { to, fault: fault(judge, fields, kind) })
        }
        Kind::Fault => Some(CallSpec::Fault { range: page_range(judge, fields)? }),
        Kind::PunchHole => {
            let indirect = fields.get("indirect").and_then(|f| f.flag(judge)).unwrap_or(false);
            let fault = fault(judge, fields, kind);
            Some(CallSpec::PunchHole { span: zeroed(judge, fields)?, indirect, fault })
        }
        Kind::MoveExtents => Some(CallSpec::MoveExtents { range: range(judge, fields)? }),
        Kind::PageFault => Some(CallSpec::PageFault { range: range(judge, fields)? }),
        Kind::WritePages => Some(CallSpec::WritePages),
        Kind::Reclaim => Some(CallSpec::Reclaim { writes: false }),
        Kind::Kswapd => Some(CallSpec::Reclaim { writes: true }),
        Kind::Fsync => Some(CallSpec::Fsync),
        Kind::Mmap => Some(CallSpec::Mmap),
        Kind::Writeback => {
            let to = fields.need(judge, "to", "to = 2")?.size(judge, Size::ZERO..=MAX_SIZE)?;
            Some(CallSpec::Writeback { to })
        }
        Kind::Uring => {
            let to = fields.need(judge, "to", "to = 0")?.size(judge, Size::ZERO..=MAX_SIZE)?;
            Some(CallSpec::Uring { range: range(judge, fields)?, to })
        }
        Kind::PwriteClose => Some(CallSpec::PwriteClose { range: range(judge, fields)? }),
        Kind::Write => {
            let append = fields.get("append").and_then(|f| f.flag(judge)).unwrap_or(false);
            let span = written(judge, fields)?;
            in_page(judge, fields, span.range())?;
            Some(CallSpec::Write { span, append })
        }
        Kind::Commit => Some(CallSpec::Commit),
        Kind::DioWait(queue) => Some(CallSpec::DioWait(queue)),
        Kind::DioDone(queue) => Some(CallSpec::DioDone(queue)),
        Kind::Append => Some(CallSpec::Append(page_range(judge, fields)?.start)),
        Kind::Read => Some(CallSpec::Read(page_range(judge, fields)?)),
        Kind::Fallocate => Some(CallSpec::Fallocate(range(judge, fields)?)),
        Kind::EndBio => Some(CallSpec::EndBio(Some(range(judge, fields)?))),
        Kind::Falloc | Kind::FallocGrow => {
            let grows = kind == Kind::FallocGrow;
            let fault = fault(judge, fields, kind);
            Some(CallSpec::Falloc { range: range(judge, fields)?, grows, fault })
        }
        Kind::CollapseRange | Kind::InsertRange => {
            let shift = if kind == Kind::CollapseRange { Shift::Left } else { Shift::Right };
            let fault = fault(judge, fields, kind);
            Some(CallSpec::ShiftRange { range: range(judge, fields)?, shift, fault })
        }
        Kind::ZeroRange => {
            let fault = fault(judge, fields, kind);
            Some(CallSpec::ZeroRange { span: zeroed(judge, fields)?, fault })
        }
        Kind::EndBioElsewhere => Some(CallSpec::EndBio(None)),
        Kind::Evict => Some(CallSpec::Evict),
        Kind::WriteEvict => Some(CallSpec::WriteThatEvicts),
    }
}

/// What goes wrong, of what can go wrong in that call.
fn fault(judge: &mut Judge, fields: &Fields<'_>, kind: Kind) -> Option<Fault> {
    if !kind.arguments().contains(&"fail") {
        return None;
    }
    let word = fields.get("fail")?.text(judge)?;
    let faults = [("enomem", Fault::Enomem), ("enospc", Fault::Enospc)];
    let fault = judge.choice(&word, "a failure", &faults)?;
    let (refused, only, why) = match kind {
        Kind::Pwrite => (
            Fault::Enomem,
            "only for aio_pwrite",
            "it is the allocation of the io_end that fails; a synchronous write has none",
        ),
        Kind::Ftruncate => (
            Fault::Enospc,
            "a truncate needs no space",
            "what can fail is its journal handle: fail = \"enomem\"",
        ),
        _ => return Some(fault),
    };
    if fault == refused {
        let message = format!("`{}` is not for {}", word.value, kind.name());
        judge.wrong(word.span, message).label(only).help(why);
    }
    Some(fault)
}
