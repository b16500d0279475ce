//! `diolock new`.

use super::output::Out;
use diolock_verify::litmus::starter::{starter, valid_name};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Writes `NAME.toml` in the current directory, unless it is there.
pub fn run(name: &str) -> miette::Result<ExitCode> {
    valid_name(name).map_err(|why| miette::miette!("'{name}' cannot name a litmus test: {why}"))?;
    let file = format!("{name}.toml");
    write_new(Path::new(&file), &starter(name)).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            miette::miette!(help = "choose another name", "{file} exists; it is left as it is")
        }
        _ => miette::miette!("cannot write {file}: {error}"),
    })?;
    let said = Out::new().line(&format!("wrote {file}; try: diolock verify ./{file}"));
    Ok(said.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

/// The file appears whole or not at all, and never replaces another: linking fails where renaming
/// would overwrite.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let hidden = format!(".{}.{}.tmp", path.display(), std::process::id());
    let hidden = Path::new(&hidden);
    let written = OpenOptions::new().write(true).create_new(true).open(hidden).and_then(|mut f| {
        f.write_all(text.as_bytes())?;
        f.sync_all()
    });
    let placed = written.and_then(|()| match fs::hard_link(hidden, path) {
        // Some file systems have no links.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => fs::rename(hidden, path),
        linked => linked,
    });
    // Gone already if it was renamed.
    let _ = fs::remove_file(hidden);
    placed
}
