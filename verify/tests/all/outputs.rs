//! Outputs that cannot be written, that nobody reads, or that others could prepare; and what must not
//! reach a terminal.
#![cfg(target_os = "linux")]

use diolock_verify::printable::is_printable;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Each command, short of the options that name files; run in a folder that has what they need.
const COMMANDS: [&[&str]; 36] = [
    &["litmus"],
    &["--help"],
    &["--version"],
    &["verify", "--help"],
    &["list"],
    &["new", "a-name"],
    &["verify", "size-comes-back", "--engine", "graph"],
    &["verify", "size-comes-back", "--engine", "graph", "--json"],
    &["explain", "size-comes-back"],
    &["replay", "size-comes-back", "--schedule", "W"],
    &["show", "size-comes-back", "--traces"],
    &["show", "size-comes-back", "--traces", "--json"],
    &["show", "size-comes-back", "--trace", "1"],
    &["matrix", "--engine", "graph"],
    &["matrix", "--engine", "graph", "--json"],
    &["diff", "v3.6", "v3.7"],
    &["lockgraph", "--kernel", "v3.7"],
    &["conform", "bad.tsv", "--kernel", "v6.1"],
    &["sources"],
    &["sources", "--json"],
    &["steps", "punch_hole", "--kernel", "v3.11"],
    &["steps", "ext4_truncate", "--json"],
    &["sweep", "--tasks", "3", "--programs", "5", "--engines", "graph", "--kernel", "v6.12"],
    &["prove", "pwrite block=0", "ftruncate to=0", "--kernel", "v6.12"],
    &["prove", "pwrite block=0", "ftruncate to=0", "--kernel", "v3.6", "--rules", "--json"],
    &["prove", "commit", "--kernel", "v6.12", "--certificate", "-"],
    &["sweep", "--tasks", "1", "--engines", "graph", "--kernel", "v6.12", "--json"],
    &["sweep", "--tasks", "1", "--engines", "graph", "--diff", "v6.1", "v6.12"],
    &["lessons", "--help"],
    &["rules"],
    &["glossary"],
    &["run", "--help"],
    &["confirm", "size-comes-back", "--plan", "--schedule", "W"],
    &["completions", "bash"],
    &["man"],
    &["help"],
];

/// Each option that names a file to write.
const OPTIONS: [&[&str]; 8] = [
    &["explain", "size-comes-back", "--svg"],
    &["explain", "size-comes-back", "--html"],
    &["explain", "size-comes-back", "--save"],
    &["show", "size-comes-back", "--trace", "1", "--perfetto"],
    &["matrix", "--engine", "graph", "--html"],
    &["conform", "bad.tsv", "--kernel", "v6.1", "--svg"],
    &["verify", "./wrong.toml", "--engine", "graph", "--drawings"],
    &["prove", "commit", "--kernel", "v6.12", "--certificate"],
];

/// A folder with a catalogue of one test, a recording that is rejected, and a test that is not as
/// expected.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("litmus/size-comes-back.toml");
    let text = fs::read_to_string(catalogue).expect("it is there");
    fs::create_dir(folder.path().join("litmus")).expect("a folder");
    fs::write(folder.path().join("litmus/size-comes-back.toml"), &text).expect("it is written");
    let at = text.find("[[expect]]").expect("it expects something");
    let both = text[..at].replace("[\"R11\"]", "[\"R4\", \"R11\"]");
    let wrong = format!("{both}[[expect]]\nkernel = \"v3.7\"\nverdict = \"violates R4\"\n");
    fs::write(folder.path().join("wrong.toml"), wrong).expect("it is written");
    let bad = "1\tevil\x1b[2J\x07\u{202e}\trel\tl=rwsem m=X cnt=0x0\n\
               2\tevil\x1b[2J\x07\u{202e}\twake_bit\tbit=9\n";
    fs::write(folder.path().join("bad.tsv"), bad).expect("it is written");
    folder
}

fn diolock(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    let _ = fs::remove_file(folder.join("a-name.toml"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("DIOLOCK_LITMUS", folder.join("litmus"))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn full() -> fs::File {
    fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The status with nobody who reads standard output, and what is said.
fn closed(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = diolock(folder, arguments).stdout(writer).output().expect("it starts");
    (output.status.code(), err(&output))
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
    let folder = folder();
    for arguments in COMMANDS {
        let output = diolock(folder.path(), arguments).stdout(full()).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains("standard output cannot be written"), "{arguments:?}");
        assert!(err(&output).contains("No space left"), "{arguments:?}: {}", err(&output));
        let (code, said) = closed(folder.path(), arguments);
        assert_eq!((code, said.as_str()), (Some(141), ""), "{arguments:?}");
    }
}

#[test]
fn no_command_is_left_out() {
    let folder = folder();
    let help = diolock(folder.path(), &["--help"]).output().expect("it starts");
    let help = String::from_utf8(help.stdout).expect("it is UTF-8");
    let named = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = named.take_while(|line| !line.is_empty());
    let named: Vec<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        assert!(COMMANDS.iter().any(|arguments| arguments[0] == name), "{name} is not tried");
    }
}

#[test]
fn every_option_that_names_a_file_says_that_it_cannot_be_written() {
    let folder = folder();
    for arguments in OPTIONS {
        let with = |file: &'static str| [arguments, &[file]].concat();
        for file in ["/dev/full", "none/there/file", "/proc/version"] {
            if file.starts_with("none") && arguments.contains(&"--drawings") {
                continue; // It is made.
            }
            let output = diolock(folder.path(), &with(file)).output().expect("it starts");
            let said = err(&output).split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(output.status.code(), Some(2), "{arguments:?} {file}: {said}");
            assert!(said.contains("cannot be"), "{arguments:?} {file}: {said}");
        }
        if !arguments.contains(&"--drawings") {
            let (code, said) = closed(folder.path(), &with("/dev/stdout"));
            assert_eq!((code, said.as_str()), (Some(141), ""), "{arguments:?}");
        }
    }
}

#[test]
fn a_full_disk_for_messages_is_no_panic() {
    let folder = folder();
    let commands: [&[&str]; 4] = [
        &["verify", "none"],
        &["verfy"],
        &["verify", "./bad.tsv"],
        &["conform", "none.tsv", "--kernel", "v6.1"],
    ];
    let status = diolock(folder.path(), &["verify", "size-comes-back", "--engine", "graph"])
        .env("RUST_LOG", "diolock::step=trace")
        .stderr(full())
        .stdout(Stdio::null())
        .status();
    assert_eq!(status.expect("it starts").code(), Some(0));
    for arguments in commands {
        let status = diolock(folder.path(), arguments).stderr(full()).status().expect("it starts");
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn two_outputs_are_not_one_file() {
    let folder = folder();
    for (one, other) in [("a", "a"), ("a", "./a"), ("a", "../a/../here/a")] {
        let here = folder.path().join("here");
        let _ = fs::create_dir(&here);
        let _ = fs::create_dir(folder.path().join("a"));
        let arguments = ["explain", "size-comes-back", "--svg", one, "--save", other];
        let output =
            diolock(folder.path(), &arguments).current_dir(&here).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{one} {other}");
        assert!(err(&output).contains("would be written twice"), "{}", err(&output));
        assert_eq!(fs::read_dir(&here).expect("it reads").count(), 0, "nothing was written");
    }
}

#[test]
fn nothing_unprintable_reaches_a_terminal() {
    let folder = folder();
    let evil = "evil\x1b[2J\x07\u{202e}\u{200b}";
    let path = folder.path().join(format!("{evil}.tsv"));
    fs::copy(folder.path().join("bad.tsv"), &path).expect("it can be copied");
    let text = fs::read_to_string(folder.path().join("litmus/size-comes-back.toml")).expect("text");
    let claim = text.lines().find(|line| line.starts_with("claim")).expect("a claim");
    let text = text.replace(claim, "claim = \"evil \u{202e}\u{200b}\u{2066}\"");
    let toml = format!("{evil}.toml");
    fs::write(folder.path().join(&toml), &text).expect("it is written");
    fs::write(folder.path().join("litmus/other.toml"), &text).expect("it is written");
    fs::write(folder.path().join("broken.toml"), format!("\"{evil}\" = 1\n{evil}"))
        .expect("written");
    let (file, toml) = (path.to_str().expect("UTF-8").to_owned(), format!("./{toml}"));
    let commands: [&[&str]; 14] = [
        &["list"],
        &["conform", &file, "--kernel", "v6.1"],
        &["conform", &file, "--kernel", "v6.1", "--json"],
        &["conform", &file, "--kernel", "v6.1", "--svg", "/dev/stdout"],
        &["verify", &toml, "--engine", "graph,loom", "--show"],
        &["verify", &toml, "--engine", "graph", "--json"],
        &["verify", "./broken.toml"],
        &["verify", evil],
        &["verify", "--engine", evil],
        &["explain", &toml],
        &["explain", &toml, "--svg", "/dev/stdout", "--html", "/dev/stdout"],
        &["explain", &toml, "--html", evil],
        &["replay", &toml, "--schedule", evil],
        &["show", &toml, "--traces"],
    ];
    for arguments in commands {
        let output = diolock(folder.path(), arguments).output().expect("it starts");
        for bytes in [&output.stdout, &output.stderr] {
            let text = String::from_utf8(bytes.clone()).expect("it is UTF-8");
            let bad = text.chars().find(|&c| !is_printable(c) && c != '\n' && c != '\t');
            assert_eq!(bad, None, "{arguments:?}: {text:?}");
        }
    }
}

#[test]
fn drawings_go_where_nobody_else_can_have_been() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let (temporary, precious) = (folder.path().join("tmp"), folder.path().join("precious"));
    fs::create_dir_all(temporary.join("diolock")).expect("a folder");
    fs::write(&precious, "precious").expect("it is written");
    symlink(&precious, temporary.join("diolock/wrong-v3.7-graph.html")).expect("a link");
    let arguments = ["verify", "./wrong.toml", "--engine", "graph"];
    let drawn = |command: &mut Command| {
        let output = command.env("TMPDIR", &temporary).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        let text = String::from_utf8(output.stdout).expect("it is UTF-8");
        let path = text.lines().find_map(|line| line.trim().strip_prefix("drawn: "));
        folder.path().join(path.unwrap_or_else(|| panic!("{text}")))
    };
    let page = drawn(&mut diolock(folder.path(), &arguments));
    assert!(fs::read_to_string(&page).expect("it is there").contains("<svg"));
    let private = page.parent().expect("a folder");
    let rights = fs::metadata(private).expect("it is there").permissions().mode();
    assert_eq!((private.parent(), rights & 0o777), (Some(temporary.as_path()), 0o700));
    assert_eq!(fs::read_to_string(&precious).expect("it is there"), "precious");
    let chosen = [&arguments[..], &["--drawings", "chosen/by/me"]].concat();
    let page = drawn(&mut diolock(folder.path(), &chosen));
    assert_eq!(page, folder.path().join("chosen/by/me/wrong-v3.7-graph.html"));
    assert!(page.is_file());
}

#[test]
fn a_recording_cut_off_says_where() {
    let folder = folder();
    let name = "kernel/recordings/linux-6.1-1.tsv.gz";
    let packed = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("it reads");
    fs::write(folder.path().join("cut.gz"), &packed[..packed.len() / 2]).expect("it is written");
    let output = diolock(folder.path(), &["conform", "cut.gz", "--kernel", "v6.1"]).output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let said = err(&output);
    assert!(said.contains("cut.gz:") && said.contains("the recording is cut off"), "{said}");
}

/// As many threads as one likes: memory is bounded, and it is said.
#[test]
fn a_crowd_is_refused_before_it_takes_the_memory() {
    let folder = folder();
    let line =
        |at: usize| format!("{at}\tt{at}\twrite_iter\tpos=0 len=4096 kflags=0x20000 isize=8192\n");
    let text: String = (1..=200_000).map(line).collect();
    fs::write(folder.path().join("crowd.tsv"), text).expect("it is written");
    let command = "ulimit -v 500000; exec \"$0\" conform crowd.tsv --kernel v6.1";
    let output = Command::new("sh")
        .args(["-c", command, env!("CARGO_BIN_EXE_diolock")])
        .current_dir(folder.path())
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("crowd.tsv:4097:"), "{}", err(&output));
}

#[test]
fn the_largest_refused_files_cost_little_and_say_how_much_was_left_out() {
    let folder = folder();
    let keys: String = (0..8_000).map(|at| format!("k{at}=1,")).collect();
    let keys = format!("claim = 'x'\nfile = {{ {} }}\n", keys.trim_end_matches(','));
    assert!(keys.len() < 80_000);
    fs::write(folder.path().join("keys.toml"), &keys[..keys.len().min(65_000)]).expect("written");
    fs::write(folder.path().join("page.txt"), "<é漢🦀\t\u{202e}>".repeat(14_000)).expect("written");
    fs::write(folder.path().join("lines.txt"), "?\n".repeat(120_000)).expect("written");
    for arguments in [
        &["verify", "./keys.toml"][..],
        &["replay", "size-comes-back", "--schedule", "page.txt"],
        &["replay", "size-comes-back", "--schedule", "lines.txt"],
    ] {
        let start = std::time::Instant::now();
        let output = diolock(folder.path(), arguments).output().expect("it starts");
        let said = err(&output);
        eprintln!("{arguments:?}: {:?}, {} lines", start.elapsed(), said.lines().count());
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.lines().count() < 100 && said.len() < 20_000, "{said}");
        assert!(said.contains("more problems"), "{said}");
        assert!(said.lines().all(|line| line.chars().count() < 120), "{said}");
    }
}
