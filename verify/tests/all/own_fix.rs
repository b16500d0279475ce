//! The walk through a fix of one's own: the patch applies, is short, and `diolock diff` says of it
//! what `docs/own-fix.md` says.

use diolock::kernel::Version;
use diolock_verify::litmus::catalogue;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PATCH: &str = include_str!("../own_fix/reads-share-i_rwsem.patch");
const PAGE: &str = include_str!("../../docs/own-fix.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// A file of the patch, and its hunks: the lines that are there before, those after.
struct Patched {
    path: String,
    hunks: Vec<[String; 2]>,
}

fn patch() -> Vec<Patched> {
    let mut files: Vec<Patched> = Vec::new();
    for line in PATCH.lines() {
        if let Some(path) = line.strip_prefix("+++ b/") {
            files.push(Patched { path: path.to_owned(), hunks: Vec::new() });
        } else if line.starts_with("@@ ") {
            files.last_mut().expect("a file").hunks.push(Default::default());
        } else if !line.starts_with("--- ")
            && let Some([before, after]) = files.last_mut().and_then(|file| file.hunks.last_mut())
        {
            let text = format!("{}\n", line.get(1..).unwrap_or_default());
            match line.bytes().next() {
                Some(b' ') => [before, after].into_iter().for_each(|side| side.push_str(&text)),
                Some(b'-') => before.push_str(&text),
                Some(b'+') => after.push_str(&text),
                // The header of the next file.
                _ => {}
            }
        }
    }
    files
}

/// Changes the files under `root` as the patch says.
fn apply(root: &Path) {
    for Patched { path, hunks } in patch() {
        let file = root.join(&path);
        let mut text = fs::read_to_string(&file).unwrap_or_default();
        for [before, after] in hunks {
            if before.is_empty() {
                text = after;
                continue;
            }
            assert_eq!(text.matches(&before).count(), 1, "{path} is to hold once:\n{before}");
            text = text.replacen(&before, &after, 1);
        }
        fs::write(&file, text).expect("it can be written");
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("it can be read") {
            let name = entry.expect("an entry").file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::copy(from, to).expect("it can be copied");
    }
}

/// What the patch needs of the project, in a folder of its own.
fn sources(to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for part in ["Cargo.toml", "Cargo.lock", "src", "verify", "dpor", "plain"] {
        copy(&root().join(part), &to.join(part));
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}

#[test]
fn the_patch_is_short_and_applies_to_what_is_here() {
    let added = PATCH.lines().filter(|l| l.starts_with('+') && !l.starts_with("+++")).count();
    assert!((10..40).contains(&added), "{added} lines");
    assert!(PAGE.contains(&format!("({added} lines)")), "{added} lines, the page says otherwise");
    let folder = tempfile::tempdir().expect("a folder");
    sources(folder.path());
    apply(folder.path());
    let read = |path: &str| fs::read_to_string(folder.path().join(path)).expect("it is there");
    assert!(read("src/kernel/fixes.rs").contains("ReadsShareRwsem: \"reads-share-i_rwsem\""));
    assert!(read("verify/litmus/stale-tail.toml").contains("without = [\"reads-share-i_rwsem\"]"));
    let litmus = read("verify/litmus/reads-beside-overwrites.toml");
    let all = catalogue::all().expect("the catalogue reads");
    let (asked, others): (Vec<_>, Vec<_>) =
        all.iter().partition(|litmus| litmus.not_modelled_on(Version::V6_12).is_none());
    let (asked, others) = (asked.len() + 1, others.len());
    let counts = [format!("of {asked} litmus tests,"), format!("{others} others not modelled")];
    for count in counts {
        assert!(PAGE.contains(&count), "the page counts others: {count}");
    }
    assert!(PAGE.contains(&indented(&litmus)), "the page shows another litmus test");
}

#[test]
#[ignore = "builds the project once more; make test-all runs it"]
fn the_patched_kernel_differs_as_the_readme_says() {
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own_fix");
    let (work, target) = (here.join("work"), here.join("target"));
    let _ = fs::remove_dir_all(&work);
    sources(&work);
    apply(&work);
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "-q", "--release", "-p", "diolock-verify"]).current_dir(&work);
    let built = build.env("CARGO_TARGET_DIR", &target).output().expect("cargo starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let run = |arguments: &[&str]| {
        let mut diolock = Command::new(target.join("release/diolock"));
        let output = diolock.args(arguments).current_dir(&work).output().expect("it starts");
        String::from_utf8(output.stdout).expect("text")
    };
    let diff = run(&["diff", "v6.12-reads-share-i_rwsem", "v6.12"]);
    let shown = diff.split("\n\nvacuous").next().unwrap_or_default();
    assert!(
        PAGE.contains(shown) && !shown.is_empty(),
        "the page shows something else than\n{diff}"
    );
    let last = diff.lines().last().unwrap_or_default();
    assert!(PAGE.contains(last), "the page shows something else than\n{last}");
    let two = run(&["explain", "stale-tail-two-readers", "--kernel", "v6.1"]);
    assert!(two.contains("R5 no-stale-data"), "{two}");
    // What it makes superfluous, and nothing else.
    let verify = run(&["verify"]);
    assert!(verify.contains(" as expected, 14 not"), "{verify}");
    let others = verify.lines().filter(|line| line.contains(" !exhausted "));
    let names: BTreeSet<&str> = others.filter_map(|l| l.split_whitespace().next()).collect();
    let spared = [
        "buffered-read-vs-punch",
        "buffered-read-vs-punch-harm",
        "collapse-vs-buffered-read",
        "size-vs-page-data",
        "zero-range-vs-buffered-read",
    ];
    assert_eq!(names, BTreeSet::from(spared), "{verify}");
    assert!(PAGE.contains("finds 14 cells that are not as expected"));
}
