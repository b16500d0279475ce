//! `diolock new`.

use super::files::write_new;
use super::output::Out;
use diolock_verify::litmus::starter::{starter, valid_name};
use std::io;
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
    Out::new().line(&format!("wrote {file}; try: diolock verify ./{file}"))?;
    Ok(ExitCode::SUCCESS)
}
