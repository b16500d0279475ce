//! Folders for temporary files that nobody else can have prepared or look into.

use std::collections::hash_map::RandomState;
use std::fs::DirBuilder;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::PathBuf;

/// Makes a fresh folder in the system's folder for temporary files, open to its owner only. Its name
/// cannot be guessed, and whatever is there already, a link too, is not taken for it.
///
/// # Errors
/// If none can be made.
pub fn folder() -> io::Result<PathBuf> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..16 {
        // Keyed by the system's random numbers.
        let number = RandomState::new().build_hasher().finish();
        let path = std::env::temp_dir().join(format!("diolock-{number:016x}"));
        match builder.create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_is_fresh_and_its_owner_s() {
        let (one, other) = (folder().expect("a folder"), folder().expect("another"));
        assert_ne!(one, other);
        for path in [one, other] {
            let rights = std::fs::metadata(&path).expect("it is there").permissions().mode();
            assert_eq!(rights & 0o777, 0o700);
            std::fs::remove_dir(path).expect("it is empty");
        }
    }
}
