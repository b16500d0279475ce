//! Which build of this program runs, and how to start the same one again.
//!
//! A path is no answer: while a long run goes on, the binary there may be replaced or removed. On Linux
//! the running image itself can be started; elsewhere the path is, and a process of another build is
//! told by its [`build`].

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The image of the process that looks.
const RUNNING: &str = "/proc/self/exe";

/// What to start to run this very image once more.
///
/// # Errors
/// If the system does not say where it is.
pub fn running() -> io::Result<PathBuf> {
    let found = if cfg!(target_os = "linux") && Path::new(RUNNING).exists() {
        RUNNING.into()
    } else {
        std::env::current_exe()?
    };
    // From now on it is known what it is.
    build(&found);
    Ok(found)
}

/// The build that a path named when it was first asked about: the version, and which file it is.
/// Linking makes a new file, or one that was changed later.
pub fn build(exe: &Path) -> String {
    static SEEN: Mutex<Option<HashMap<PathBuf, String>>> = Mutex::new(None);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = seen.get_or_insert_default();
    seen.entry(exe.to_owned()).or_insert_with(|| now(exe)).clone()
}

/// The build that this process runs.
pub fn own_build() -> String {
    running().map_or_else(|_| unknown(), |exe| build(&exe))
}

/// What this process runs, the same for the same image on any machine.
pub fn contents() -> String {
    let image = running().and_then(std::fs::read).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    hasher.write(&image);
    format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}

fn unknown() -> String {
    format!("{}, of which nothing is known", env!("CARGO_PKG_VERSION"))
}

fn now(exe: &Path) -> String {
    let Ok(file) = std::fs::metadata(exe) else { return unknown() };
    let changed = file.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let changed = changed.unwrap_or_default().as_nanos();
    #[cfg(unix)]
    let number = {
        use std::os::unix::fs::MetadataExt;
        format!("{:x}.{:x}", file.dev(), file.ino())
    };
    #[cfg(not(unix))]
    let number = "0";
    format!("{}-{number}-{:x}-{changed:x}", env!("CARGO_PKG_VERSION"), file.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_told_from_another_at_the_same_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("exe");
        std::fs::write(&path, "one").expect("it can be written");
        let first = build(&path);
        assert_eq!(first, now(&path));
        std::fs::write(folder.path().join("new"), "two").expect("it can be written");
        std::fs::rename(folder.path().join("new"), &path).expect("it can be replaced");
        assert_ne!(first, now(&path));
        assert_eq!(first, build(&path), "the first one is meant");
        assert_eq!(own_build(), own_build());
    }
}
