//! The catalogue: the litmus files of one directory.

use super::Litmus;
use super::parse::{LitmusErrors, load};
use super::problem::{nearest, shown};
use miette::{Report, miette};
use std::path::{Path, PathBuf};

/// Where the catalogue is: `DIOLOCK_LITMUS` if set, else `litmus/` of this package.
pub fn directory() -> PathBuf {
    match std::env::var_os("DIOLOCK_LITMUS") {
        Some(directory) if !directory.is_empty() => directory.into(),
        _ => concat!(env!("CARGO_MANIFEST_DIR"), "/litmus").into(),
    }
}

/// Every litmus test of the catalogue, by name.
///
/// # Errors
/// If the directory holds none, or with every problem of every file.
pub fn all() -> Result<Vec<Litmus>, Report> {
    let (tests, broken): (Vec<_>, Vec<_>) =
        files(&directory())?.iter().map(|path| load(path)).partition(Result::is_ok);
    if broken.is_empty() {
        return Ok(tests.into_iter().flatten().collect());
    }
    Err(LitmusErrors::join(broken.into_iter().filter_map(Result::err)).into())
}

/// One litmus test, by its path (with a `/`, or ending in `.toml`) or its name in the catalogue.
///
/// # Errors
/// If there is none of that name, or with every problem of its file.
pub fn find(name_or_path: &str) -> Result<Litmus, Report> {
    if name_or_path.contains('/') || name_or_path.ends_with(".toml") {
        return Ok(load(Path::new(name_or_path))?);
    }
    let files = files(&directory())?;
    let names: Vec<_> = files.iter().map(|path| stem(path)).collect();
    if let Some(at) = names.iter().position(|name| name == name_or_path) {
        return Ok(load(&files[at])?);
    }
    let name = shown(name_or_path);
    let message = format!("no litmus test is called `{name}`");
    let of_it = |known: &&String| !name.is_empty() && known.contains(&name);
    let parts: Vec<&str> = names.iter().filter(of_it).map(String::as_str).collect();
    Err(match (nearest(&name, names.iter().map(String::as_str)), &parts[..]) {
        (Some(near), _) => miette!(help = format!("did you mean `{near}`?"), "{message}"),
        (None, []) => miette!(
            help = format!("the catalogue has {} tests, in {}", names.len(), directory().display()),
            "{message}"
        ),
        (None, parts) => {
            miette!(help = format!("names with these words: {}", parts.join(", ")), "{message}")
        }
    })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The litmus files of a directory, by name.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Report> {
    let help = "DIOLOCK_LITMUS names the directory of the litmus files";
    let shown = directory.display();
    let unreadable = |error| miette!(help = help, "the catalogue {shown} cannot be read: {error}");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(miette!(help = help, "there is no litmus file in {shown}"));
    }
    files.sort_by_key(|path| stem(path));
    Ok(files)
}
