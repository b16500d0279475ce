//! Standard output: it may be a terminal, a file, or a pipe that somebody closes.

use std::io::{self, IsTerminal, Write};

/// Standard output.
pub struct Out {
    stdout: io::Stdout,
    /// Whether to use colour.
    pub colour: bool,
}

/// Prints a message on standard error. Nobody has to read it.
pub fn say(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{message}");
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

    /// Prints a line and flushes it.
    ///
    /// # Errors
    /// If nobody reads it, for instance.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        let mut lock = self.stdout.lock();
        writeln!(lock, "{line}")?;
        lock.flush()
    }

    /// A text in the colour of its tone.
    pub fn tone(&self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Plain => return text.to_owned(),
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
