//! Reads a recording line by line: what is in memory does not grow with its length.

use super::event::{Event, Thread, What};
use super::fields::Fields;
use crate::problem::{Finding, Problems, shown};
use flate2::bufread::MultiGzDecoder;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

/// The longest line: ten times what a recorder writes.
const LONGEST: usize = 4096;

/// The longest name of a task: a recorder writes the kernel's 15 characters and a number.
const LONGEST_NAME: usize = 64;
/// Tasks that are told apart.
const MOST_THREADS: usize = 100_000;

/// A recording being read.
pub struct Reader {
    path: String,
    input: Box<dyn BufRead>,
    line: usize,
    seq: Option<u64>,
    bytes: Vec<u8>,
    numbers: HashMap<String, Thread>,
    names: Vec<String>,
}

impl Reader {
    /// Reads what `input` holds, plain or compressed with gzip; `path` is for messages.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn new(path: &str, input: impl Read + 'static) -> io::Result<Reader> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        let packed = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let input: Box<dyn BufRead> = if packed {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input)))
        } else {
            Box::new(input)
        };
        Ok(Reader {
            path: path.to_owned(),
            input,
            line: 0,
            seq: None,
            bytes: Vec::new(),
            numbers: HashMap::new(),
            names: Vec::new(),
        })
    }

    /// A thread's name.
    pub fn name(&self, thread: Thread) -> &str {
        &self.names[thread.0 as usize]
    }

    /// How many lines were read.
    pub fn lines(&self) -> usize {
        self.line
    }

    /// The next event.
    ///
    /// # Errors
    /// A line that is no event, or that cannot be read.
    pub fn event(&mut self) -> Option<Result<Event, Box<Problems>>> {
        self.bytes.clear();
        self.line += 1;
        let most = LONGEST as u64 + 1;
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.bytes);
        match read {
            Ok(0) if self.line == 1 => {
                Some(Err(self.problem(Finding::new(None, format!("{} holds no event", self.path)))))
            }
            Ok(0) => {
                self.line -= 1;
                None
            }
            Ok(_) => Some(self.read()),
            Err(error) => {
                let nothing = self.line == 1 && self.bytes.is_empty();
                let (end, more) = (self.bytes.len(), if nothing { "" } else { " further" });
                let place = (!nothing).then_some(end..end);
                let message = format!("{} cannot be read{more}: {error}", self.path);
                let mut finding = Finding::new(place, message);
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    finding.label("the compressed text ends here").help("the recording is cut off");
                }
                Some(Err(self.problem(finding)))
            }
        }
    }

    fn read(&mut self) -> Result<Event, Box<Problems>> {
        let bytes = std::mem::take(&mut self.bytes);
        let found = self.parse(&bytes);
        self.bytes = bytes;
        found.map_err(|finding| self.problem(finding))
    }

    fn parse(&mut self, bytes: &[u8]) -> Result<Event, Finding> {
        let end = bytes.len();
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            let mut finding = Finding::new(Some(at..at + 3), "this is not UTF-8");
            finding.label(format!("byte 0x{:02x}", bytes[at]));
            finding
        })?;
        let Some(text) = text.strip_suffix('\n') else {
            let (message, help) = if end > LONGEST {
                (format!("a line is longer than {LONGEST} bytes"), "is this a recording?")
            } else {
                ("the last line has no end".to_owned(), "the recording is cut off")
            };
            let mut finding = Finding::new(Some(0..end.min(60)), message);
            finding.help(help);
            return Err(finding);
        };
        let mut columns = text.splitn(4, '\t');
        let (Some(seq), Some(task), Some(name)) = (columns.next(), columns.next(), columns.next())
        else {
            let mut finding = Finding::new(Some(0..text.len().max(1)), "this is no event");
            finding.help("a line is: seq, task, event, keys, with a tab between them");
            return Err(finding);
        };
        let keys = columns.next().unwrap_or_default();
        let seq = self.seq(seq)?;
        let named = seq.1 + 1..seq.1 + 1 + task.len();
        if task.is_empty() {
            return Err(Finding::new(Some(named.start..named.start + 1), "the task has no name"));
        }
        if task.len() > LONGEST_NAME {
            let message = format!("a task's name is longer than {LONGEST_NAME} bytes");
            return Err(Finding::new(Some(named), message));
        }
        let place = named.end + 1..named.end + 1 + name.len();
        let mut fields = Fields::new(keys, place.end + 1)?;
        let what = What::read(name, &mut fields).unwrap_or_else(|| {
            let message = format!("there is no event `{}`", shown(name));
            let mut finding = Finding::new(Some(place), message);
            finding.choices(name, What::NAMES.iter().copied());
            Err(finding)
        })?;
        let thread = self.thread(task).ok_or_else(|| {
            let message = format!("there are more than {MOST_THREADS} tasks");
            let mut finding = Finding::new(Some(named), message);
            finding.help("a recording is of one file: take a part of it");
            finding
        })?;
        Ok(Event { line: self.line, seq: seq.0, thread, what })
    }

    /// The event's number, and how long it is.
    fn seq(&mut self, text: &str) -> Result<(u64, usize), Finding> {
        let span = 0..text.len().max(1);
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let Some(seq) = digits.then(|| text.parse().ok()).flatten() else {
            let message = format!("`{}` is not the number of an event", shown(text));
            return Err(Finding::new(Some(span), message));
        };
        if let Some(before) = self.seq.filter(|&before| before >= seq) {
            let message = format!("event {seq} comes after event {before}: out of order");
            let mut finding = Finding::new(Some(span), message);
            finding.help("the events of a recording are sorted by their number, each has its own");
            return Err(finding);
        }
        self.seq = Some(seq);
        Ok((seq, text.len()))
    }

    fn thread(&mut self, name: &str) -> Option<Thread> {
        if let Some(&thread) = self.numbers.get(name) {
            return Some(thread);
        }
        if self.names.len() == MOST_THREADS {
            return None;
        }
        let thread = Thread(self.names.len() as u32);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), thread);
        Some(thread)
    }

    /// What the last event begins is more than can be followed.
    pub(super) fn crowded(&self, most: usize) -> Box<Problems> {
        let message = format!("more than {most} calls or direct I/Os are under way at once");
        let mut finding = Finding::new(Some(0..self.bytes.len()), message);
        finding.help("a recording is of one file: take a part of it");
        self.problem(finding)
    }

    /// A problem of this line, shown with its number though the lines before it are gone.
    fn problem(&self, finding: Finding) -> Box<Problems> {
        let before = (self.line - 1, &*String::from_utf8_lossy(&self.bytes));
        Box::new(Problems::of_lines("recording", &self.path, before, vec![finding]))
    }
}
