//! What is wrong with a file that somebody wrote, and where.

use miette::{
    Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
use std::fmt::{self, Display, Write};
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Bytes of the file.
pub(crate) type Span = Range<usize>;

/// Everything that is wrong with one file or several of the same kind.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Problems {
    /// `litmus file`, `schedule`.
    kind: &'static str,
    problems: Vec<Problem>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    message: String,
    label: Option<String>,
    help: Option<String>,
    file: Arc<Source>,
    span: Option<Span>,
}

/// A file as shown in messages.
#[derive(Debug)]
struct Source {
    path: String,
    text: String,
}

impl Problems {
    /// The problems, by file and then in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(crate) fn new(
        kind: &'static str,
        path: &str,
        text: &str,
        findings: Vec<Finding>,
    ) -> Problems {
        let source = Arc::new(Source::new(path, text));
        let problem = |finding: Finding| Problem {
            message: finding.message,
            label: finding.label,
            help: finding.help,
            span: finding.span.map(|span| source.on_one_line(span)),
            file: Arc::clone(&source),
        };
        Problems { kind, problems: findings.into_iter().map(problem).collect() }
    }

    pub(crate) fn join(kind: &'static str, all: impl IntoIterator<Item = Problems>) -> Problems {
        Problems { kind, problems: all.into_iter().flat_map(|e| e.problems).collect() }
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths: Vec<&str> = self.problems.iter().map(|p| p.path()).collect();
        paths.dedup();
        let what = match self.problems.len() {
            1 => "a problem".to_owned(),
            n => format!("{n} problems"),
        };
        match paths[..] {
            [path] => write!(f, "{what} in the {} {path}", self.kind),
            _ => write!(f, "{what} in {} {}s", paths.len(), self.kind),
        }
    }
}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

impl Problem {
    /// The file.
    pub fn path(&self) -> &str {
        &self.file.path
    }

    /// Line and column in characters, both from 1; `None` if the file could not be read at all.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.span.as_ref().map(|span| self.file.position(span.start))
    }
}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.span.as_ref().map(|_| &*self.file as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.span.clone()?;
        let label = self.label.clone().unwrap_or_else(|| "here".to_owned());
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(label), span))))
    }
}

impl Source {
    /// Control characters are shown as `?`, so that a file cannot speak to the terminal.
    fn new(path: &str, text: &str) -> Source {
        let mut shown = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let line_end = c == '\r' && chars.peek() == Some(&'\n');
            if c.is_control() && !matches!(c, '\n' | '\t') && !line_end {
                shown.extend(std::iter::repeat_n('?', c.len_utf8()));
            } else {
                shown.push(c);
            }
        }
        Source { path: path.to_owned(), text: shown }
    }

    /// Clips a span to the line it starts on.
    fn on_one_line(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        let rest = &self.text[start..];
        let line = rest.find('\n').map_or(rest, |end| &rest[..end]).trim_end_matches('\r');
        start..start + line.len().min(span.end.saturating_sub(start))
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.rsplit('\n').next().unwrap_or(before).trim_start_matches('\u{feff}');
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

impl SourceCode for Source {
    /// As miette does for text, but with a column that counts characters where it is printed.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, before, after)?;
        let column = if before == 0 { self.position(span.offset()).1 - 1 } else { found.column() };
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            found.data(),
            *found.span(),
            found.line(),
            column,
            found.line_count(),
        )))
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

/// A problem before it is known which file it is in.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) span: Option<Span>,
    message: String,
    label: Option<String>,
    help: Option<String>,
    /// It may be only the consequence of another one: something seems to be missing.
    pub(crate) absence: bool,
}

impl Finding {
    pub(crate) fn new(span: Option<Span>, message: impl Into<String>) -> Finding {
        Finding { span, message: message.into(), label: None, help: None, absence: false }
    }

    /// The same, that many bytes further on.
    pub(crate) fn moved(mut self, by: usize) -> Finding {
        self.span = self.span.map(|span| span.start + by..span.end + by);
        self
    }

    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Finding {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Finding {
        self.help = Some(help.into());
        self
    }

    /// Says what would have been right, nearest first.
    pub(crate) fn choices(
        &mut self,
        word: &str,
        choices: impl IntoIterator<Item = &'static str>,
    ) -> &mut Finding {
        let choices: Vec<&str> = choices.into_iter().collect();
        if let Some(near) = nearest(word, choices.iter().copied()) {
            self.label(format!("did you mean `{near}`?"));
        }
        self.help(format!("allowed here: {}", choices.join(", ")))
    }
}

/// The candidate that was probably meant; none if two are as near.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        if word.len() >= 3 && candidate.starts_with(&word) {
            return 1;
        }
        strsim::damerau_levenshtein(&word, &candidate)
    };
    let close = |candidate: &str| 1 + candidate.chars().count().min(word.chars().count()) / 3;
    let mut near: Vec<_> = candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|&(distance, candidate)| distance <= close(candidate))
        .collect();
    near.sort_by_key(|&(distance, _)| distance);
    match near[..] {
        [first, second, ..] if first.0 == second.0 => None,
        _ => near.first().map(|&(_, candidate)| candidate),
    }
}

/// A word of the file as it is repeated in a message: short and printable.
pub(crate) fn shown(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars().take(40) {
        if c.is_control() {
            let _ = write!(text, "{}", c.escape_default());
        } else {
            text.push(c);
        }
    }
    if word.chars().nth(40).is_some() {
        text.push('…');
    }
    text
}
