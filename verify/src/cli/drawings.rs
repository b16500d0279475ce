//! Pages of what was not expected: in a folder of the user's choice, else in a fresh one that nobody else
//! can look into.

use super::files::write_whole;
use super::table;
use diolock_verify::explain::explain_report;
use diolock_verify::private;
use diolock_verify::report::page_of;
use diolock_verify::suite::{Cell, Done};
use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

/// Where pages are drawn.
pub struct Drawings<'a> {
    given: Option<&'a Path>,
    made: OnceCell<Result<PathBuf, String>>,
}

impl<'a> Drawings<'a> {
    /// In `given`, if there is one.
    pub fn new(given: Option<&'a Path>) -> Drawings<'a> {
        Drawings { given, made: OnceCell::new() }
    }

    /// Draws an unexpected verdict; the line that says where it is, or why it is not. `None` if there
    /// is nothing to draw.
    ///
    /// # Errors
    /// If it cannot be written where the user wants it.
    pub fn draw(&self, cell: &Cell, done: &Done, exe: &Path) -> miette::Result<Option<String>> {
        let found = done.report.counterexample.as_ref();
        if found.is_none_or(|found| found.events.is_empty()) {
            return Ok(None);
        }
        let explained = explain_report(&cell.litmus, cell.kernel, done.report.clone(), exe);
        let Some(page) = page_of(&explained) else { return Ok(None) };
        let kernel = table::kernel(cell.kernel).replace(' ', "");
        let name = format!("{}-{kernel}-{}.html", cell.litmus.name, cell.engine.name());
        let folder = self.made.get_or_init(|| match self.given {
            Some(folder) => match fs::create_dir_all(folder) {
                Ok(()) => Ok(folder.to_owned()),
                Err(error) => Err(format!("{} cannot be made: {error}", folder.display())),
            },
            None => private::folder().map_err(|error| format!("no folder can be made: {error}")),
        });
        let written = folder.clone().map_err(|why| miette::miette!("{why}")).and_then(|folder| {
            let file = folder.join(&name);
            write_whole(&file, &page).map(|()| file)
        });
        match written {
            Ok(file) => Ok(Some(format!("  drawn: {}", file.display()))),
            Err(error) if self.given.is_some() => Err(error),
            // Nobody asked for it: it is said, and stops nothing.
            Err(error) => Ok(Some(format!("  not drawn: {error}"))),
        }
    }
}
