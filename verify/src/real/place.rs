//! Where the files are made: a directory of a mounted ext4.

use super::buffer::{Buffer, Mark};
use diolock::op::Paging;
use rustix::fs::{OFlags, ioctl_getflags, statfs};
use rustix::param::page_size;
use rustix::system::uname;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The magic number of ext2, ext3 and ext4 alike.
const EXT4_SUPER_MAGIC: u64 = 0xef53;

/// `EXT4_EXTENTS_FL`: the file is mapped by extents.
const EXTENTS_FLAG: u32 = 0x80000;

/// How many files this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// A directory in which files are made, and what its file system is like.
#[derive(Clone, Debug)]
pub struct Place {
    dir: PathBuf,
    /// Bytes of a block.
    pub block: u64,
    /// Whether it has a journal, if that can be told.
    pub journal: Option<bool>,
    /// The running kernel: `6.18.44`.
    pub release: String,
    /// What it was built of, where its builder says so: Debian's `6.1.0-57-cloud-amd64` is `6.1.192`.
    pub built_of: String,
}

/// A file with a name, which it loses when this is dropped.
pub struct Named {
    path: PathBuf,
}

impl Drop for Named {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Named {
    /// Takes the name away.
    pub fn remove(&self) {
        // There is nobody to tell if it has gone already.
        let _ = fs::remove_file(&self.path);
    }

    /// Opens it once more.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(&self, direct: bool) -> io::Result<File> {
        let flags = if direct { OFlags::DIRECT.bits() } else { 0 };
        OpenOptions::new().read(true).write(true).custom_flags(flags as i32).open(&self.path)
    }
}

impl Place {
    /// Looks at a directory.
    ///
    /// # Errors
    /// Why no litmus test can be run there, in words.
    pub fn new(dir: &Path) -> Result<Place, String> {
        let shown = dir.display();
        let meta = fs::metadata(dir).map_err(|error| format!("{shown}: {error}"))?;
        if !meta.is_dir() {
            return Err(format!("{shown} is not a directory"));
        }
        let stat = statfs(dir).map_err(|error| format!("{shown}: {error}"))?;
        let mount = mount(meta.dev());
        let kind = mount.as_ref().map(|mount| mount.kind.clone());
        if stat.f_type as u64 != EXT4_SUPER_MAGIC
            || kind.as_ref().is_some_and(|kind| kind != "ext4")
        {
            let found = kind.map_or_else(String::new, |kind| format!(": it is {kind}"));
            return Err(format!("{shown} is not on ext4{found}"));
        }
        let mut place = Place {
            dir: dir.to_path_buf(),
            block: stat.f_bsize as u64,
            journal: mount.as_ref().and_then(|mount| mount.journal),
            release: uname().release().to_string_lossy().into_owned(),
            built_of: built_of(
                &uname().release().to_string_lossy(),
                &uname().version().to_string_lossy(),
            ),
        };
        let unfit = ["data=journal", "dax", "dax=always"];
        let options = mount.map(|mount| mount.options).unwrap_or_default();
        if let Some(option) = options.split(',').find(|option| unfit.contains(option)) {
            return Err(format!(
                "{shown} is mounted with {option}: direct I/O takes another way there"
            ));
        }
        if place.block < 1024 {
            return Err(format!(
                "{shown}: blocks of {} have no halves that a device takes",
                place.block
            ));
        }
        place.try_out().map_err(|why| format!("{shown}: {why}"))?;
        // A relative path would lead elsewhere if somebody changed the directory.
        place.dir = fs::canonicalize(dir).map_err(|error| format!("{shown}: {error}"))?;
        Ok(place)
    }

    /// How many of its blocks a page of this machine holds, if the model has such pages.
    pub fn paging(&self) -> Option<Paging> {
        let blocks = page_size() as u64 / self.block;
        u32::try_from(blocks).ok().and_then(Paging::of)
    }

    /// Makes a file there, empty, of a name that nobody else has.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn file(&self) -> io::Result<Named> {
        loop {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            let path = self.dir.join(format!(".diolock-{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(_) => return Ok(Named { path }),
                // A process of the same number was killed once.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether what every test needs can be done there: a file, O_DIRECT, half a block, extents.
    fn try_out(&self) -> Result<(), String> {
        let cannot = |error: io::Error| format!("no file can be made there: {error}");
        let named = self.file().map_err(cannot)?;
        let direct = named.open(true).map_err(|error| format!("no O_DIRECT there: {error}"))?;
        let half = self.block / 2;
        let buffer = Buffer::of(Mark::old(0), half as usize);
        direct.write_all_at(buffer.bytes(), half).map_err(|error| {
            format!("no direct write of {half} bytes, half a block, there: {error}")
        })?;
        let flags =
            ioctl_getflags(&direct).map_err(|error| format!("no flags of files: {error}"))?;
        if flags.bits() & EXTENTS_FLAG == 0 {
            return Err("its files have no extents: that is another protocol".to_owned());
        }
        Ok(())
    }
}

/// What is mounted, as far as `/proc` tells.
struct Mount {
    kind: String,
    options: String,
    journal: Option<bool>,
}

fn mount(device: u64) -> Option<Mount> {
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let all = fs::read_to_string("/proc/self/mountinfo").ok()?;
    // ID, parent, major:minor, root, mount point, options, optional fields, "-", type, source, options.
    let line = all.lines().find(|line| line.split(' ').nth(2) == Some(&number))?;
    let (_, rest) = line.split_once(" - ")?;
    let mut fields = rest.split(' ');
    let kind = fields.next()?.to_owned();
    let options = fields.nth(1)?.to_owned();
    let block = fs::read_link(format!("/sys/dev/block/{number}")).ok();
    let name = block.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
    let folder = fs::read_dir("/proc/fs/jbd2").ok();
    let journal = match (name, folder) {
        (Some(name), Some(mut folder)) => {
            let own = format!("{name}-");
            let is_own = |entry: &str| entry.starts_with(&own);
            Some(folder.any(|e| e.is_ok_and(|e| is_own(&e.file_name().to_string_lossy()))))
        }
        _ => None,
    };
    Some(Mount { kind, options, journal })
}

/// Of `uname -r` and `uname -v` (`#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-14)`).
fn built_of(release: &str, version: &str) -> String {
    let of_debian =
        version.split_once("Debian ").and_then(|(_, rest)| rest.split(['-', ' ']).next());
    of_debian.unwrap_or(release).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_says_what_its_kernel_was_built_of() {
        let version = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-14)";
        assert_eq!(built_of("6.1.0-57-cloud-amd64", version), "6.1.192");
        assert_eq!(built_of("6.18.44", "#2 SMP Mon Nov 30"), "6.18.44");
    }
}
