//! Reads a litmus file, and says everything that is wrong with it at once.

pub use crate::problem::{Problem, Problems};

use super::cast::{Cast, tasks};
use super::expect::{Judged, expectations};
use super::fits::fits;
use super::reaches::reaches;
use super::schema::{At, Field, Fields, Judge};
use super::start::start;
use super::{Expected, Litmus, TaskSpec};
use crate::printable;
use crate::problem::{Span, read, shown, too_big};
use crate::program::Memory;
use crate::rule::{RuleId, RuleSet};
use diolock::call::Mount;
use diolock::op::{Blocks, Extent, LockName};
use std::path::Path;
use toml::de::DeTable;

/// What the file is called in messages.
pub(super) const KIND: &str = "litmus file";

/// A litmus file is never longer, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What to do about a file that is longer.
const SPLIT: &str = "a litmus test states one claim: split the file";

/// The blocks of a file are numbered from 0 to one less.
pub const MAX_BLOCKS: Blocks = 8;

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
    let fair = fair(judge, &top);
    let (rules, except) = rules(judge, &top);
    let before = judge.count();
    let file = file(judge, &top);
    let file_is_read = judge.count() == before;
    let mount = mount(judge, &top);
    let cast = tasks(judge, &top);
    fits(judge, &cast, file.cached_pages);
    if file_is_read {
        start(judge, &file, &cast, mount.journal);
    }
    let before = judge.count();
    let reaches = reaches(judge, &top, &cast);
    let no_reaches = reaches.is_empty() && judge.count() == before;
    let specs: Vec<TaskSpec> = cast.iter().filter_map(Cast::spec).collect();
    let repeats = cast.iter().find_map(Cast::repeating);
    let judged = Judged { rules, memory, tasks: &specs, repeats };
    let expect = expectations(judge, &top, &judged);
    let never = expect.iter().find(|e| e.value.expected == Expected::Never);
    if let Some(never) = never
        && no_reaches
    {
        let (span, message) = match top.get("reaches") {
            Some(field) => (field.span, "`reaches` is empty, and `never` needs it"),
            None => (never.span.clone(), "the file has no `reaches`, and `never` needs it"),
        };
        judge.missing(span, message).label("what must be seen for this to mean anything?").help(
            "for example, before the first [table]: reaches = [\"W overwrites\", \"T frees\"]",
        );
    }
    Litmus {
        name: name.to_owned(),
        given: name.to_owned(),
        source: String::new(),
        claim,
        bug,
        evidence,
        size: file.size,
        extents: file.extents,
        cached_pages: file.cached_pages,
        dirty: file.dirty,
        disksize: file.disksize,
        dioread_nolock: mount.dioread_nolock,
        journal: mount.journal,
        tasks: specs,
        memory,
        fair,
        rules,
        except,
        reaches,
        expect: expect.into_iter().map(|e| e.value).collect(),
    }
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

/// A rule by code or name.
pub(super) fn rule(judge: &mut Judge, word: &At<&str>) -> Option<RuleId> {
    let found = RuleId::named(word.value);
    if found.is_none() {
        judge
            .wrong(word.span.clone(), format!("`{}` is not a rule", shown(word.value)))
            .choices(word.value, RuleId::ALL.iter().flat_map(|r| [r.code(), r.name()]))
            .help(format!("the rules: {}", RuleId::ALL.map(title).join(", ")));
    }
    found
}

/// A rule's code and name.
pub(super) fn title(rule: RuleId) -> String {
    format!("{} {}", rule.code(), rule.name())
}

/// The rules judged, and those excepted with their reasons.
fn rules(judge: &mut Judge, top: &Fields<'_>) -> (RuleSet, Vec<(RuleId, String)>) {
    let mut rules = RuleSet::ALL;
    if let Some(field) = top.get("rules") {
        let before = judge.count();
        let words = field.some_texts(judge);
        let named = words.iter().filter_map(|word| {
            rule(judge, word).map(|value| At { value, span: word.span.clone() })
        });
        let named = named.collect();
        let named = judge.distinct(named);
        if judge.count() == before {
            rules = named.into_iter().fold(RuleSet::NONE, RuleSet::with);
        }
    }
    let mut except = Vec::new();
    let table = top.get("except").and_then(|field| field.table(judge));
    let mut entries: Vec<_> = table.into_iter().flat_map(|table| table.iter()).collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let word = At { value: key.get_ref().as_ref(), span: key.span() };
        let Some(rule) = rule(judge, &word) else { continue };
        let reason = Field::of(key, value).text(judge);
        if !rules.has(rule) {
            judge
                .wrong(word.span, format!("{} is not judged anyway", rule.code()))
                .help("it is not in `rules`, or is excepted above");
        }
        rules = rules.without(rule);
        except.push((rule, reason.map_or_else(String::new, |r| r.value.to_owned())));
    }
    except.sort_by_key(|e| e.0);
    (rules, except)
}

/// The file at the start, and where the file says so.
#[derive(Default)]
pub(super) struct File {
    pub(super) size: Blocks,
    pub(super) extents: Vec<Extent>,
    pub(super) extents_span: Option<Span>,
    pub(super) cached_pages: Blocks,
    pub(super) cached_pages_span: Option<Span>,
    pub(super) dirty: bool,
    pub(super) disksize: Option<Blocks>,
    pub(super) disksize_span: Option<Span>,
}

fn file(judge: &mut Judge, top: &Fields<'_>) -> File {
    let example = "[file], then size = 1 and extents = [\"written\"]";
    let Some(field) = top.need(judge, "file", example) else { return File::default() };
    let Some(table) = field.table(judge) else { return File::default() };
    let fields = Fields::new(judge, "[file]", table, field.span);
    let size = fields
        .need(judge, "size", "size = 1")
        .and_then(|field| field.number(judge, 0..=MAX_BLOCKS));
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
    let disksize = fields.get("disksize").and_then(|field| field.number(judge, 0..=MAX_BLOCKS));
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
            && words.len() < size as usize
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

fn mount(judge: &mut Judge, top: &Fields<'_>) -> Mount {
    let usual = Mount { dioread_nolock: true, journal: true };
    let Some(field) = top.get("mount") else { return usual };
    let Some(table) = field.table(judge) else { return usual };
    let fields = Fields::new(judge, "[mount]", table, field.span);
    let mut flag = |key| fields.get(key).and_then(|field| field.flag(judge)).unwrap_or(true);
    Mount { dioread_nolock: flag("dioread_nolock"), journal: flag("journal") }
}
