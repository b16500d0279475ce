//! The catalogue: the litmus files of one directory, or those inside the binary.

use super::Litmus;
use super::parse::{KIND, Problems, load, parse};
use crate::problem::{nearest, shown};
use miette::{Report, miette};
use std::path::{Path, PathBuf};

/// Where the litmus tests are.
enum Place {
    /// A folder of files.
    Folder(PathBuf),
    /// In the binary: names and texts.
    #[cfg_attr(debug_assertions, allow(dead_code, reason = "debug builds read the folder"))]
    Embedded(&'static [(&'static str, &'static str)]),
}

/// `DIOLOCK_LITMUS` if set. Else what the binary was built with; a debug build reads the source's folder.
fn place() -> Place {
    match asked_for() {
        Some(folder) => Place::Folder(folder),
        #[cfg(not(debug_assertions))]
        None => Place::Embedded(super::embedded::FILES),
        #[cfg(debug_assertions)]
        None => Place::Folder(directory()),
    }
}

fn asked_for() -> Option<PathBuf> {
    std::env::var_os("DIOLOCK_LITMUS").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The folder that the catalogue is kept in: `DIOLOCK_LITMUS` if set, else `litmus/` of this package.
pub fn directory() -> PathBuf {
    asked_for().unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/litmus").into())
}

/// Every litmus test of the catalogue, by name.
///
/// # Errors
/// If there is none, or with every problem of every file.
pub fn all() -> Result<Vec<Litmus>, Report> {
    all_in(&place())
}

/// The names of the catalogue's litmus tests; none of them is read.
///
/// # Errors
/// If the folder cannot be read.
pub fn names() -> Result<Vec<String>, Report> {
    names_in(&place())
}

fn names_in(place: &Place) -> Result<Vec<String>, Report> {
    Ok(match place {
        Place::Folder(folder) => files(folder)?.iter().map(|path| stem(path)).collect(),
        Place::Embedded(files) => files.iter().map(|file| file.0.to_owned()).collect(),
    })
}

fn all_in(place: &Place) -> Result<Vec<Litmus>, Report> {
    let read: Vec<_> = match place {
        Place::Folder(folder) => files(folder)?.iter().map(|path| load(path)).collect(),
        Place::Embedded(files) => files.iter().map(embedded).collect(),
    };
    let (tests, broken): (Vec<_>, Vec<_>) = read.into_iter().partition(Result::is_ok);
    if broken.is_empty() {
        return Ok(tests.into_iter().flatten().collect());
    }
    Err(Problems::join(KIND, broken.into_iter().filter_map(Result::err)).into())
}

fn embedded((name, text): &(&str, &str)) -> Result<Litmus, Problems> {
    parse(name, &format!("{name}.toml"), text)
}

/// One litmus test, by its path (with a `/`, or ending in `.toml`) or its name in the catalogue.
///
/// # Errors
/// If there is none of that name, or with every problem of its file.
pub fn find(name_or_path: &str) -> Result<Litmus, Report> {
    find_in(&place(), name_or_path)
}

fn find_in(place: &Place, name_or_path: &str) -> Result<Litmus, Report> {
    if name_or_path.contains('/') || name_or_path.ends_with(".toml") {
        let litmus = load(Path::new(name_or_path))?;
        return Ok(Litmus { given: quoted(name_or_path), ..litmus });
    }
    let found = match place {
        Place::Folder(folder) => {
            let path = files(folder)?.into_iter().find(|path| stem(path) == name_or_path);
            path.map(|path| load(&path))
        }
        Place::Embedded(files) => files.iter().find(|file| file.0 == name_or_path).map(embedded),
    };
    if let Some(found) = found {
        return Ok(found?);
    }
    let names = names_in(place)?;
    let name = shown(name_or_path);
    let message = format!("no litmus test is called `{name}`");
    let of_it = |known: &&String| !name.is_empty() && known.contains(&name);
    let parts: Vec<&str> = names.iter().filter(of_it).take(FEW).map(String::as_str).collect();
    let own = Path::new(name_or_path).with_extension("toml");
    if own.is_file() {
        let own = quoted(&format!("./{}", own.display()));
        return Err(miette!(help = format!("a file of your own: {own}"), "{message}"));
    }
    Err(match (nearest(&name, names.iter().map(String::as_str)), &parts[..]) {
        (Some(near), _) => miette!(help = format!("did you mean `{near}`?"), "{message}"),
        (None, []) => miette!(
            help = format!("the catalogue has {} tests: `diolock list`", names.len()),
            "{message}"
        ),
        (None, parts) => {
            miette!(help = format!("names with these words: {}", parts.join(", ")), "{message}")
        }
    })
}

/// As many names are listed in a message.
const FEW: usize = 5;

/// A word as a shell needs it: in quotes, unless it has nothing but harmless characters.
fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    let leading = word.starts_with('-');
    let word = if leading { format!("./{word}") } else { word.to_owned() };
    if word.chars().all(harmless) { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::starter::starter;

    fn catalogue(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in names {
            let path = directory.path().join(format!("{name}.toml"));
            std::fs::write(path, starter(name)).expect("it can be written");
        }
        std::fs::write(directory.path().join("notes.txt"), "no test").expect("it can be written");
        directory
    }

    fn folder(catalogue: &tempfile::TempDir) -> Place {
        Place::Folder(catalogue.path().to_owned())
    }

    #[test]
    fn every_litmus_file_is_listed_for_the_binary() {
        let stems: Vec<String> = files(&directory()).unwrap().iter().map(|f| stem(f)).collect();
        assert_eq!(
            super::super::embedded::NAMES,
            stems,
            "src/litmus/embedded.rs lists the catalogue"
        );
    }

    #[test]
    fn a_typed_path_is_given_back_as_a_shell_reads_it() {
        for (typed, given) in [
            ("./my-claim.toml", "./my-claim.toml"),
            ("a b/c.toml", "'a b/c.toml'"),
            ("it's.toml", "'it'\\''s.toml'"),
            ("-x.toml", "./-x.toml"),
        ] {
            assert_eq!(quoted(typed), given);
        }
    }

    fn help(error: &Report) -> String {
        error.help().map(|help| help.to_string()).unwrap_or_default()
    }

    #[test]
    fn tests_come_in_the_order_of_their_names() {
        let catalogue = catalogue(&["b", "a-b", "a"]);
        let all = all_in(&folder(&catalogue)).expect("three good files");
        assert_eq!(all.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["a", "a-b", "b"]);
    }

    #[test]
    fn a_test_is_found_by_name_or_path_and_else_a_near_one_is_named() {
        let catalogue = catalogue(&["size-comes-back", "truncate-vs-read", "truncate-vs-write"]);
        let find = |name: &str| find_in(&folder(&catalogue), name);
        assert_eq!(find("truncate-vs-read").expect("it is there").name, "truncate-vs-read");
        let path = catalogue.path().join("size-comes-back.toml");
        assert_eq!(find(&path.display().to_string()).expect("it is there").name, "size-comes-back");
        let error = find("size-come-back").expect_err("it is misspelt");
        assert_eq!(help(&error), "did you mean `size-comes-back`?");
        let error = find("vs").expect_err("it is two");
        assert_eq!(help(&error), "names with these words: truncate-vs-read, truncate-vs-write");
        assert!(help(&find("punch").expect_err("it is none")).contains("has 3 tests"));
        assert!(find("none.toml").is_err());
        assert!(find("").is_err());
    }

    #[test]
    fn problems_of_every_file_are_reported_and_no_file_is_one() {
        let empty = catalogue(&[]);
        assert!(all_in(&folder(&empty)).is_err_and(|e| e.to_string().contains("no litmus file")));
        let missing = empty.path().join("none");
        assert!(
            all_in(&Place::Folder(missing)).is_err_and(|e| help(&e).contains("DIOLOCK_LITMUS"))
        );
        let catalogue = catalogue(&["a", "b", "c"]);
        for broken in ["b.toml", "c.toml"] {
            std::fs::write(catalogue.path().join(broken), "claim = 1").expect("it can be written");
        }
        let error = all_in(&folder(&catalogue)).expect_err("two files are broken");
        assert_eq!(error.to_string(), "8 problems in 2 litmus files");
    }
}
