//! Files that are written whole or not at all.

use miette::miette;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Writes a file, replacing what was there only once all of it is on the disk.
///
/// # Errors
/// If it cannot be written; then what was there is still there.
pub fn write_whole(path: &Path, text: &str) -> miette::Result<()> {
    let shown = path.display();
    let Some(name) = path.file_name() else {
        return Err(miette!("{shown} is not the name of a file"));
    };
    let hidden = format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id());
    let hidden = path.with_file_name(hidden);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&hidden)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&hidden, path));
    written.map_err(|error| {
        // Gone already if it was renamed, or never there.
        let _ = fs::remove_file(&hidden);
        miette!("{shown} cannot be written: {error}")
    })
}
