//! Reads a litmus file, and says everything that is wrong with it at once.

pub use super::file::MAX_BLOCKS;
pub use crate::problem::{Problem, Problems};

use super::cast::{Cast, setup, specs, tasks};
use super::conditions::conditions;
use super::expect::{Judged, expectations};
use super::file::file;
use super::fits::fits;
use super::reaches::reaches;
use super::rules::rules;
use super::schema::{At, Fields, Judge};
use super::start::start;
use super::{Expect, Expected, Litmus};
use crate::printable;
use crate::problem::{read, too_big};
use crate::program::Memory;
use crate::rule::RuleId;
use diolock::call::Mount;
use diolock::op::{LockName, Paging};
use std::path::Path;
use toml::de::DeTable;

/// What the file is called in messages.
pub(super) const KIND: &str = "litmus file";

/// A litmus file is never longer, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What to do about a file that is longer.
const SPLIT: &str = "a litmus test states one claim: split the file";

/// Reads a litmus test from its text; `path_for_messages` is the file's name in messages.
///
/// # Errors
/// With every problem of the text, each with its place.
pub fn parse(name: &str, path_for_messages: &str, text: &str) -> Result<Litmus, Problems> {
    if text.len() > MAX_BYTES {
        return Err(too_big(KIND, path_for_messages, MAX_BYTES, SPLIT));
    }
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut judge = Judge::default();
    let litmus = litmus(&mut judge, name, table.get_ref());
    match judge.finish(text, syntax) {
        findings if findings.is_empty() => Ok(Litmus { source: text.to_owned(), ..litmus }),
        findings => Err(Problems::new(KIND, path_for_messages, text, findings)),
    }
}

/// Reads a litmus test from a file, whose stem is the test's name.
///
/// # Errors
/// If the file cannot be read, or with every problem of its text.
pub fn load(path: &Path) -> Result<Litmus, Problems> {
    let text = read(KIND, path, MAX_BYTES, SPLIT)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    // It is part of headings, commands and files.
    parse(&printable::line(&name), &path.display().to_string(), &text)
}

/// Reads the whole document. What it returns is meaningful only if `judge` found nothing.
fn litmus(judge: &mut Judge, name: &str, table: &DeTable<'_>) -> Litmus {
    let top = Fields::new(judge, "the top of the file", table, 0..0);
    let mut text = |key| top.get(key).and_then(|f| f.text(judge)).map(|t| t.value.to_owned());
    let (bug, evidence) = (text("bug"), text("evidence"));
    let claim = top
        .need(judge, "claim", "claim = \"a truncate never frees a block that a write still uses\"")
        .and_then(|field| field.text(judge))
        .map_or_else(String::new, |claim| claim.value.to_owned());
    let memory = top
        .get("memory")
        .and_then(|field| field.text(judge))
        .and_then(|word| {
            judge.choice(&word, "a memory model", &[("sc", Memory::Sc), ("c11", Memory::C11)])
        })
        .unwrap_or(Memory::Sc);
    judge.paging = paging(judge, &top);
    let torn = top.get("torn").and_then(|field| field.flag(judge)).unwrap_or(false);
    let fair = fair(judge, &top);
    let (rules, except) = rules(judge, &top);
    let before = judge.count();
    let mut file = file(judge, &top);
    let file_is_read = judge.count() == before;
    let mount = mount(judge, &top);
    let cast = tasks(judge, &top);
    let setup = setup(judge, &top);
    file.size = cast.iter().find_map(|call| call.eof).unwrap_or(file.size);
    fits(judge, &cast, &file);
    if file_is_read {
        start(judge, &file, &cast, mount.journal);
    }
    let before = judge.count();
    let reaches = reaches(judge, &top, &cast);
    let no_reaches = reaches.is_empty() && judge.count() == before;
    let conditions = conditions(judge, &top, &cast);
    let asks = !conditions.never.is_empty() || !conditions.always.is_empty();
    // Whoever writes a condition wants it judged, whichever other rules are.
    let excepted = except.iter().any(|(rule, _)| *rule == RuleId::R15);
    let rules = if asks && !excepted { rules.with(RuleId::R15) } else { rules };
    let specs = specs(&cast);
    let repeats = cast.iter().find_map(Cast::repeating);
    let judged = Judged { rules, memory, tasks: &specs, setup: &setup, repeats };
    let expect = expectations(judge, &top, &judged);
    if let Some(forbidden) = expect.iter().find(|e| e.value.expected == Expected::Forbidden)
        && conditions.exists.is_empty()
    {
        judge
            .missing(forbidden.span.clone(), "`forbidden` is of `exists`, and there is none")
            .help("for example, before the first [table]: exists = \"R[0] == stale\"");
    }
    // What `exists` asks for is a witness as well, where it is seen.
    let seen = |e: &Expected| match e {
        Expected::Never => conditions.exists.is_empty(),
        Expected::Forbidden => true,
        _ => false,
    };
    let never = expect.iter().find(|e| seen(&e.value.expected));
    if let Some(never) = never
        && no_reaches
    {
        let word = never.value.expected;
        let (span, message) = match top.get("reaches") {
            Some(field) => (field.span, format!("`reaches` is empty, and `{word}` needs it")),
            None => {
                (never.span.clone(), format!("the file has no `reaches`, and `{word}` needs it"))
            }
        };
        judge.missing(span, message).label("what must be seen for this to mean anything?").help(
            "for example, before the first [table]: reaches = [\"W overwrites\", \"T frees\"]",
        );
    }
    let setup_span = top.get("setup").map(|field| field.span);
    let litmus = Litmus {
        name: name.to_owned(),
        given: name.to_owned(),
        source: String::new(),
        claim,
        bug,
        evidence,
        size: file.size,
        extents: file.extents,
        cached_pages: file.cached_pages,
        paging: judge.paging,
        dirty: file.dirty,
        disksize: file.disksize,
        dioread_nolock: mount.dioread_nolock,
        journal: mount.journal,
        setup,
        tasks: specs,
        torn,
        memory,
        fair,
        rules,
        except,
        reaches,
        conditions,
        expect: expect.into_iter().map(|e| e.value).collect(),
    };
    if let Some(span) = setup_span.filter(|_| judge.count() == 0) {
        let fails = |expect: &Expect| litmus.setup_fails(expect.kernel.version);
        if let Some(why) = litmus.expect.iter().find_map(fails) {
            judge.wrong(span, format!("the setup cannot be run by itself: {why}"));
        }
    }
    litmus
}

fn paging(judge: &mut Judge, top: &Fields<'_>) -> Paging {
    let Some(field) = top.get("page_blocks") else { return Paging::default() };
    let Some(blocks) = field.number(judge, 0..=u32::MAX) else { return Paging::default() };
    Paging::of(blocks).unwrap_or_else(|| {
        judge
            .wrong(field.span, format!("a page of {blocks} block(s)"))
            .label("a page holds 1, 2 or 4 blocks")
            .help("with pages of 4 KiB: 1 of blocks of 4 KiB, 4 of blocks of 1 KiB");
        Paging::default()
    })
}

fn fair(judge: &mut Judge, top: &Fields<'_>) -> Vec<LockName> {
    let words = top.get("fair").map(|field| field.texts(judge)).unwrap_or_default();
    let rwsems: Vec<_> =
        LockName::ALL.iter().filter(|l| l.is_rwsem()).map(|&l| (l.name(), l)).collect();
    let mut locks = Vec::new();
    for word in words {
        if let Some(value) = judge.choice(&word, "a rwsem", &rwsems) {
            locks.push(At { value, span: word.span });
        }
    }
    judge.distinct(locks)
}

fn mount(judge: &mut Judge, top: &Fields<'_>) -> Mount {
    let usual = Mount { dioread_nolock: true, journal: true };
    let Some(field) = top.get("mount") else { return usual };
    let Some(table) = field.table(judge) else { return usual };
    let fields = Fields::new(judge, "[mount]", table, field.span);
    let mut flag = |key| fields.get(key).and_then(|field| field.flag(judge)).unwrap_or(true);
    Mount { dioread_nolock: flag("dioread_nolock"), journal: flag("journal") }
}
