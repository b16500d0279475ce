//! What is wrong with a file that somebody wrote, and where.
//!
//! What is printed is bounded whatever the file: the first problems are shown with their place, some
//! more are named in a line each, the rest is counted.

mod finding;
mod snippet;

pub(crate) use finding::{Finding, nearest, shown};
pub(crate) use snippet::Span;

use crate::printable;
use miette::{Diagnostic, LabeledSpan, SourceCode};
use snippet::Snippet;
use std::fmt::{self, Display};
use std::io::Read;
use std::path::Path;

/// Problems of a file that are kept; the others are counted.
pub const KEPT: usize = 20;
/// Problems that are shown with their place.
const IN_FULL: usize = 5;
/// Columns of a problem that is named only, and of a message, its label and its help.
const NAMED: usize = 72;
const MESSAGE: usize = 320;
const HELP: usize = 1000;

/// Everything that is wrong with one file or several of the same kind.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Problems {
    /// `litmus file`, `schedule`.
    kind: &'static str,
    files: Vec<String>,
    problems: Vec<Problem>,
    /// How many there are besides.
    more: usize,
    rest: Option<Rest>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    message: String,
    label: Option<String>,
    help: Option<String>,
    path: String,
    place: Option<Snippet>,
}

/// What is not shown with its place.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct Rest(String);

impl Diagnostic for Rest {}

impl Problems {
    /// The problems, by file and then in the order of the text: at most `KEPT` of them.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.problems.len() + self.more
    }

    pub(crate) fn new(
        kind: &'static str,
        path: &str,
        text: &str,
        findings: Vec<Finding>,
    ) -> Problems {
        Problems::of_lines(kind, path, (0, text), findings)
    }

    /// Problems of some lines of a file, of which the first has that number from 0.
    pub(crate) fn of_lines(
        kind: &'static str,
        path: &str,
        (first, text): (usize, &str),
        findings: Vec<Finding>,
    ) -> Problems {
        let path = printable::clip(path, MESSAGE);
        let more = findings.len().saturating_sub(KEPT);
        let problem = |finding: Finding| Problem {
            message: printable::clip(&finding.message.replace('\n', "; "), MESSAGE),
            label: finding.label.map(|label| printable::clip(&label, NAMED)),
            help: finding.help.map(|help| clipped(&help)),
            place: finding.span.map(|span| Snippet::new(&path, text, first, &span)),
            path: path.clone(),
        };
        let problems = findings.into_iter().take(KEPT).map(problem).collect();
        Problems::of(kind, vec![path.clone()], problems, more)
    }

    pub(crate) fn join(kind: &'static str, all: impl IntoIterator<Item = Problems>) -> Problems {
        let (mut files, mut problems, mut more) = (Vec::new(), Vec::new(), 0);
        for one in all {
            files.extend(one.files);
            problems.extend(one.problems);
            more += one.more;
        }
        more += problems.len().saturating_sub(KEPT);
        problems.truncate(KEPT);
        Problems::of(kind, files, problems, more)
    }

    fn of(kind: &'static str, files: Vec<String>, problems: Vec<Problem>, more: usize) -> Problems {
        let mut rest: Vec<String> =
            problems.iter().skip(IN_FULL).map(|p| printable::clip(&p.named(), NAMED)).collect();
        if more > 0 {
            rest.push(format!("and {more} more problems"));
        }
        let rest = (!rest.is_empty()).then(|| Rest(rest.join("\n")));
        Problems { kind, files, problems, more, rest }
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.count() {
            1 => "a problem".to_owned(),
            n => format!("{n} problems"),
        };
        match &self.files[..] {
            [path] => write!(f, "{what} in the {} {path}", self.kind),
            files => write!(f, "{what} in {} {}s", files.len(), self.kind),
        }
    }
}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let shown = self.problems.iter().take(IN_FULL).map(|problem| problem as &dyn Diagnostic);
        Some(Box::new(shown.chain(self.rest.iter().map(|rest| rest as &dyn Diagnostic))))
    }
}

impl Problem {
    /// The file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Line and column in characters, both from 1; `None` if the file could not be read at all.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| place.position)
    }

    /// The problem and its place in a line.
    fn named(&self) -> String {
        match self.position() {
            Some((line, column)) => format!("{}:{line}:{column}: {}", self.path, self.message),
            None => format!("{}: {}", self.path, self.message),
        }
    }
}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| place as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.place.as_ref()?.span.clone();
        let label = self.label.clone().unwrap_or_else(|| "here".to_owned());
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(label), span))))
    }
}

/// Reads a file of at most `most` bytes of UTF-8; `advice` is for whoever wrote a longer one.
///
/// # Errors
/// If it cannot be read, is longer, or is not UTF-8 (with the place).
pub(crate) fn read(
    kind: &'static str,
    path: &Path,
    most: usize,
    advice: &str,
) -> Result<String, Problems> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        let finding = Finding::new(None, format!("{shown} cannot be read: {error}"));
        return Err(Problems::new(kind, &shown, "", vec![finding]));
    }
    if bytes.len() > most {
        return Err(too_big(kind, &shown, most, advice));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let mut finding = Finding::new(Some(at..at + 3), "this is not UTF-8");
        finding.label(format!("byte 0x{:02x}", bytes[at])).help("save the file as UTF-8");
        Problems::new(kind, &shown, &String::from_utf8_lossy(bytes), vec![finding])
    })
}

/// A file of more than `most` bytes.
pub(crate) fn too_big(kind: &'static str, path: &str, most: usize, advice: &str) -> Problems {
    let mut finding = Finding::new(None, format!("{path} is longer than {} KiB", most / 1024));
    finding.help(advice);
    Problems::new(kind, path, "", vec![finding])
}

/// Advice, which may have several lines.
fn clipped(help: &str) -> String {
    let lines = help[..help.floor_char_boundary(HELP)].lines().take(4);
    lines.map(|line| printable::clip(line, HELP)).collect::<Vec<_>>().join("\n")
}
