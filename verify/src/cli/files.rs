//! Files that are written whole or not at all.

use super::output::Unwritten;
use miette::miette;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file appears whole or not at all, and never replaces another: linking fails where renaming
/// would overwrite.
///
/// # Errors
/// If it exists, or cannot be written.
pub fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    place(path, text, |hidden| match fs::hard_link(hidden, path) {
        // Some file systems have no links.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => fs::rename(hidden, path),
        linked => linked,
    })
}

/// Writes a file, replacing what was there only once all of it is on the disk. Where the path names
/// no plain file (a pipe, `/dev/stdout`), the text goes into what it names.
///
/// # Errors
/// If it cannot be written; then what was there is still there.
pub fn write_whole(path: &Path, text: &str) -> miette::Result<()> {
    let shown = path.display();
    if path == Path::new("-") {
        return Err(miette!(
            help = "/dev/stdout is standard output, ./- a file of that name",
            "`-` is not the name of a file"
        ));
    }
    if path.file_name().is_none() {
        return Err(miette!("{shown} is not the name of a file"));
    }
    replace(path, text).map_err(|error| Unwritten::new(shown.to_string(), error).into())
}

/// Refuses files of which one would overwrite another.
///
/// # Errors
/// If two of them are the same, as far as can be told.
pub fn distinct(files: &[Option<&Path>]) -> miette::Result<()> {
    // A file that is not there yet is known by its folder. What is no plain file takes all of them.
    let of = |path: &Path| {
        let whole = fs::canonicalize(path).ok();
        whole.or_else(|| {
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
            Some(folder.join(path.file_name()?))
        })
    };
    let mut seen = Vec::new();
    for path in files.iter().flatten() {
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            continue;
        }
        let known = of(path).unwrap_or_else(|| path.to_path_buf());
        if seen.contains(&known) {
            return Err(miette!("{} would be written twice", path.display()));
        }
        seen.push(known);
    }
    Ok(())
}

/// Whether [`write_whole`] can be hoped to succeed: asked before a long run, whose result nobody wants to
/// lose.
///
/// # Errors
/// If it cannot.
pub fn check_writable(path: &Path) -> miette::Result<()> {
    if path == Path::new("-") {
        return Err(miette!("`-` is not the name of a file"));
    }
    let able = match fs::metadata(path) {
        _ if is_stdout(path) => Ok(()),
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(_) => place(path, "", |_| Ok(())),
    };
    able.map_err(|error| miette!("{} cannot be written: {error}", path.display()))
}

/// Whether a path names this process's standard output: to open a pipe there once more would wait for
/// a reader, who may have gone, and a link there must not be replaced, wherever it leads.
fn is_stdout(path: &Path) -> bool {
    ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    match fs::metadata(path) {
        _ if is_stdout(path) => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        }
        Ok(there) if !there.is_file() => {
            OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
        }
        Ok(there) => {
            // A link stays one.
            let path = fs::canonicalize(path)?;
            place(&path, text, |hidden| {
                fs::set_permissions(hidden, there.permissions())?;
                fs::rename(hidden, &path)
            })
        }
        Err(_) => place(path, text, |hidden| fs::rename(hidden, path)),
    }
}

/// Writes a hidden file beside `path` and has it put in place.
fn place(path: &Path, text: &str, put: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let hidden = format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id());
    let hidden: PathBuf = path.with_file_name(hidden);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&hidden)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let placed = written.and_then(|()| put(&hidden));
    // Gone already if it was renamed.
    let _ = fs::remove_file(&hidden);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        for text in ["one", "and another"] {
            write_whole(&path, text).expect("it can be written");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
        }
        assert_eq!(write_new(&path, "x").map_err(|e| e.kind()), Err(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "and another");
        assert_eq!(fs::read_dir(folder.path()).expect("it reads").count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_said_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(write_whole(folder.path(), "x").is_err(), "a directory");
        assert!(write_whole(Path::new("-"), "x").is_err(), "it is no standard output either");
        assert!(write_whole(&folder.path().join("none/a.json"), "x").is_err());
        assert!(check_writable(folder.path()).is_err(), "a directory");
        assert!(check_writable(&folder.path().join("none/a.json")).is_err());
        assert!(check_writable(&folder.path().join("a.json")).is_ok());
        assert!(
            write_whole(Path::new(""), "x").is_err() && write_whole(Path::new("/"), "x").is_err()
        );
        assert_eq!(fs::read_dir(folder.path()).expect("it reads").count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_rights_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").expect("it can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("rights");
        symlink(&file, &link).expect("a link");
        write_whole(&link, "new").expect("it can be written");
        assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "new");
        let mode = fs::metadata(&file).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        write_whole(Path::new("/dev/null"), "x").expect("it is no plain file");
    }
}
