//! Standard output and standard error: a terminal, a file on a full disk, or a pipe that somebody
//! closes.
//!
//! What cannot be written is an error, but for a closed pipe: that ends the program quietly, with the
//! exit status that the shell gives to a process ended by SIGPIPE ([`CLOSED`]). Nothing that a terminal
//! would not show goes out, whoever wrote it, but for our own colours.

use diolock_verify::printable;
use std::io::{self, IsTerminal, Write};

/// The exit status when nobody reads any more.
pub const CLOSED: u8 = 141;

/// Something could not be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{what} cannot be written: {error}")]
pub struct Unwritten {
    what: String,
    error: io::Error,
}

impl Unwritten {
    /// What could not be written, and why.
    pub fn new(what: impl Into<String>, error: io::Error) -> Unwritten {
        Unwritten { what: what.into(), error }
    }

    /// Nobody reads any more, and nobody wants to hear of it.
    pub fn is_closed(&self) -> bool {
        self.error.kind() == io::ErrorKind::BrokenPipe
    }
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Unwritten {
        Unwritten::new("standard output", error)
    }
}

impl From<serde_json::Error> for Unwritten {
    fn from(error: serde_json::Error) -> Unwritten {
        io::Error::from(error).into()
    }
}

/// Standard output.
pub struct Out {
    stdout: io::Stdout,
    /// Whether to use colour.
    pub colour: bool,
}

/// What a text says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As expected.
    Good,
    /// Not as expected.
    Bad,
    /// Neither.
    Plain,
}

impl Out {
    /// Colour on a terminal, unless `NO_COLOR` is set.
    pub fn new() -> Out {
        let stdout = io::stdout();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = stdout.is_terminal() && !no_colour;
        Out { stdout, colour }
    }

    /// Prints a line, or several, and flushes it.
    ///
    /// # Errors
    /// If it cannot be written, or nobody reads it.
    pub fn line(&mut self, line: &str) -> Result<(), Unwritten> {
        let shown = if self.colour { printable::coloured(line) } else { printable::text(line) };
        self.write(&shown)
    }

    /// Prints a line of JSON and flushes it.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub fn json(&mut self, line: &str) -> Result<(), Unwritten> {
        self.write(&printable::json(line))
    }

    fn write(&mut self, line: &str) -> Result<(), Unwritten> {
        let mut lock = self.stdout.lock();
        writeln!(lock, "{line}")?;
        Ok(lock.flush()?)
    }

    /// A text in the colour of its tone.
    pub fn tone(&self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Plain => return text.to_owned(),
        };
        if self.colour {
            format!("\x1b[{code}m{}\x1b[0m", printable::text(text))
        } else {
            text.to_owned()
        }
    }
}

/// Prints a text on standard error; if that cannot be written, there is nobody to tell.
pub fn say(text: &str) {
    let stderr = io::stderr();
    let shown =
        if stderr.is_terminal() { printable::coloured(text) } else { printable::text(text) };
    let _ = writeln!(stderr.lock(), "{}", shown.trim_end());
}
