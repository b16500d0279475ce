//! The command line as its users meet it: exit statuses, messages, and what a pipe gets.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn diolock(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> Output {
    diolock(arguments).output().expect("diolock starts")
}

fn run_in(directory: &Path, arguments: &[&str]) -> Output {
    diolock(arguments).current_dir(directory).output().expect("diolock starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

/// stderr with line breaks and decoration taken out, as messages are wrapped.
fn err(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A litmus test of the catalogue that several engines and a released kernel speak of.
fn some_litmus() -> String {
    let list = out(&run(&["list"]));
    let names = list.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = names.collect();
    let known = names.iter().find(|n| **n == "truncate-vs-aio-overwrite").or(names.first());
    (*known.expect("the catalogue is not empty")).to_owned()
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = run(arguments);
    let message = err(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?} prints nothing but its message");
    for word in words {
        assert!(message.contains(word), "{arguments:?} should say {word:?}: {message}");
    }
}

#[test]
fn list_names_bugs_kernels_and_claims() {
    let output = run(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    let list = out(&output);
    let head: Vec<&str> = list.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["litmus", "bug", "kernels", "claim"]);
    assert!(list.lines().count() > 1);
}

#[test]
fn a_kernel_that_a_call_is_not_modelled_on_is_refused() {
    let test = "evict-vs-conversion";
    let on = [test, "--kernel", "v6.12"];
    let commands: [(&str, &[&str]); 4] = [
        ("verify", &[]),
        ("explain", &[]),
        ("show", &["--traces"]),
        ("replay", &["--schedule", "E"]),
    ];
    for (command, more) in commands {
        refused(&[&[command], &on[..], more].concat(), &["from rfc-v1 to v3.11"]);
    }
}

#[test]
fn unknown_names_are_refused_with_what_is_allowed() {
    let name = some_litmus();
    refused(
        &["verify", &name, "--kernel", "v3.66"],
        &["no kernel 'v3.66'", "mean v3.6?", "rfc-v1"],
    );
    refused(
        &["verify", &name, "--without", "1f555cfa29e9"],
        &["no fix '1f555cfa29e9'", "mean 1f555cfa29e8?", "diolock matrix"],
    );
    refused(&["verify", &name, "--engine", "graph,lom"], &["no engine 'lom'", "loom?", "native"]);
    refused(&["verify", &name, "--strategy", "dfs"], &["'dfs'", "pct", "exhaustive"]);
    let slip = format!("{}x", &name[..name.len() - 1]);
    refused(
        &["verify", &slip],
        &["no litmus test", &format!("did you mean {name}?"), "diolock list"],
    );
    refused(&["verify", "./no/such/file.toml"], &["file.toml"]);
}

#[test]
fn wrong_usage_is_bad_input() {
    refused(&[], &["Usage"]);
    refused(&["verfy"], &["verify"]);
    refused(&["verify", "--jsn"], &["--json"]);
    refused(&["new"], &["NAME"]);
}

#[test]
fn a_kernel_without_the_fix_has_nothing_to_do_without() {
    let name = some_litmus();
    refused(
        &["verify", &name, "--kernel", "v3.6", "--without", "1f555cfa29e8"],
        &["v3.6 does not have 1f555cfa29e8", "v3.7"],
    );
}

#[test]
fn help_and_version_are_no_failures() {
    for arguments in [&["--help"][..], &["--version"], &["verify", "--help"]] {
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    assert!(!out(&run(&["--help"])).contains("loom-job"), "it is not for people");
}

#[test]
fn verify_ends_with_its_totals() {
    let output = run(&["verify", &some_litmus(), "--engine", "graph"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let totals = text.lines().last().unwrap();
    assert!(totals.contains(" as expected, 0 not, ") && totals.ends_with(" s"), "{totals}");
}

#[test]
fn a_pipe_gets_plain_ascii() {
    let name = some_litmus();
    let output = run(&["verify", &name, "--engine", "graph,native"]);
    assert!(output.stdout.is_ascii() && !output.stdout.contains(&0x1b));
    assert!(output.stderr.is_empty(), "no progress bar: {}", err(&output));
    assert!(!run(&["list"]).stdout.contains(&0x1b));
}

#[test]
fn json_lines_have_exactly_their_keys() {
    let name = some_litmus();
    let output = run(&["verify", &name, "--engine", "graph,native", "--json"]);
    let text = out(&output);
    let keys = [
        "engine",
        "executions",
        "expected",
        "kernel",
        "litmus",
        "ok",
        "rule",
        "seconds",
        "traces",
        "verdict",
        "without",
    ];
    let mut engines = BTreeSet::new();
    for line in text.lines() {
        let object: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        let object = object.as_object().expect("each line is an object");
        let engine = object["engine"].as_str().expect("an engine's name").to_owned();
        let mut wanted: BTreeSet<&str> = keys.into();
        if engine == "graph" {
            wanted.insert("states");
            assert!(object["states"].as_u64() > Some(0));
        }
        assert_eq!(object.keys().map(String::as_str).collect::<BTreeSet<_>>(), wanted);
        assert_eq!(object["litmus"], name.as_str());
        assert!(object["without"].is_array());
        assert!(object["seconds"].is_f64());
        let violated = object["verdict"] == "violated";
        assert_eq!(object["rule"].is_string(), violated);
        assert!(object["ok"].is_boolean() && object["expected"].is_string());
        engines.insert(engine);
    }
    assert!(engines.contains("graph"), "{text}");
}

#[test]
fn a_combination_that_nobody_spoke_of_has_no_expectation() {
    let name = some_litmus();
    let arguments =
        ["verify", &name, "--engine", "graph", "--json", "--kernel", "v3.7", "--without"];
    let arguments = [&arguments[..], &["d73d5046a724,iocb-private-null,266991b13890"]].concat();
    let output = run(&arguments);
    let line: serde_json::Value = serde_json::from_str(out(&output).trim()).unwrap();
    assert_eq!(line["without"].as_array().map(Vec::len), Some(3));
    assert!(line["expected"].is_null() && line["ok"].is_null());
    assert_eq!(output.status.code(), Some(0), "nothing was expected, so nothing is unexpected");
}

#[test]
fn fewer_states_say_the_same_and_say_that_they_are_fewer() {
    let test = "two-overwrites-truncate-read";
    let ask = |more: &[&str]| {
        let asked = ["verify", test, "--kernel", "v6.12", "--engine", "graph", "--json"];
        let output = run(&[&asked, more].concat());
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("a line of JSON")
    };
    let (whole, reduced) = (ask(&[]), ask(&["--reduced"]));
    assert_eq!(whole["verdict"], reduced["verdict"]);
    assert!(reduced["states"].as_u64() < whole["states"].as_u64(), "{reduced}");
    assert!(whole["note"].is_null() && !reduced["note"].is_null(), "{reduced}");
    let table = run(&["verify", test, "--kernel", "v6.12", "--engine", "graph", "--reduced"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("left out"));
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let name = some_litmus();
    let arguments = ["verify", &name, &name, &name, "--engine", "graph,native", "--json"];
    let mut child = diolock(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("diolock starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!err(&output).contains("panicked"), "{}", err(&output));
    assert_eq!(output.status.code(), Some(141), "as a process that SIGPIPE ended");
}

#[test]
fn new_writes_a_starter_and_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let output = run_in(directory.path(), &["new", "my-claim"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let file = directory.path().join("my-claim.toml");
    assert!(!fs::read_to_string(&file).unwrap().is_empty());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");

    fs::write(&file, "mine").unwrap();
    let output = run_in(directory.path(), &["new", "my-claim"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("my-claim.toml exists"), "{}", err(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn new_refuses_bad_names() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["", "../up", "a/b", "A Claim", "a.toml"] {
        let output = run_in(directory.path(), &["new", name]);
        assert_eq!(output.status.code(), Some(2), "{name:?}");
        assert!(err(&output).contains("cannot name a litmus test"), "{}", err(&output));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn rust_log_goes_to_stderr_only() {
    let name = some_litmus();
    let arguments = ["verify", &name, "--engine", "native", "--kernel", "v3.7", "--json"];
    let mut command = diolock(&arguments);
    let output = command.env("RUST_LOG", "diolock::step=trace").output().unwrap();
    assert!(err(&output).contains("diolock::step"));
    assert!(out(&output).lines().all(|line| line.starts_with('{')));
}

#[cfg(unix)]
#[test]
fn ctrl_c_prints_what_there_is() {
    let name = some_litmus();
    let many: Vec<&str> =
        ["verify", "--engine", "native"].into_iter().chain([name.as_str(); 40]).collect();
    // The first step on stderr says that it runs.
    let mut child = diolock(&many)
        .env("RUST_LOG", "diolock::step=trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("diolock starts");
    let mut steps = BufReader::new(child.stderr.take().unwrap());
    steps.read_line(&mut String::new()).unwrap();
    std::thread::spawn(move || std::io::copy(&mut steps, &mut std::io::sink()));
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().expect("kill starts");
    assert!(killed.success());
    let mut text = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::Read::read_to_string(&mut BufReader::new(stdout), &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.starts_with("PARTIAL: stopped by SIGINT after "), "{text}");
}

#[test]
fn rust_log_shows_every_step_on_every_engine() {
    for engine in ["graph", "loom", "shuttle", "native"] {
        let output = Command::new(env!("CARGO_BIN_EXE_diolock"))
            .args(["verify", "time-update-under-data-sem", "--kernel", "v3.7", "--engine", engine])
            .env("RUST_LOG", "diolock::step=trace")
            .output()
            .expect("it runs");
        let log = String::from_utf8_lossy(&output.stderr);
        for word in ["diolock::step", "W pwrite(0,1)", "IDataSem"] {
            assert!(log.contains(word), "{engine}: no {word} in {log}");
        }
    }
}

#[test]
fn loom_s_own_variables_change_no_verdict() {
    let run = |disturbed: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
        command.args(["verify", "overwrite-truncate-read", "--engine", "loom", "--json"]);
        if disturbed {
            command.env("LOOM_MAX_PREEMPTIONS", "0").env("LOOM_MAX_PERMUTATIONS", "1");
            command.env("LOOM_MAX_BRANCHES", "not a number");
        }
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let cut = |line: &str| line.split(",\"seconds\"").next().unwrap_or_default().to_owned();
        text.lines().map(cut).collect::<Vec<_>>()
    };
    let quiet = run(false);
    assert!(!quiet.is_empty());
    assert_eq!(quiet, run(true));
}

#[test]
fn a_race_that_is_never_reached_is_vacuous_and_exits_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vacuous.toml");
    let text = "claim = \"c\"\nreaches = [\"W keeps i_mutex\"]\n[file]\nsize = 1\n\
                extents = [\"written\"]\n[[task]]\nname = \"W\"\ncall = \"pwrite\"\nblock = 0\n\
                [[expect]]\nkernel = \"v3.7\"\nverdict = \"never\"\n";
    std::fs::write(&path, text).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_diolock"))
        .arg("verify")
        .arg(&path)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    for engine in ["graph", "loom", "shuttle"] {
        assert!(text.contains(&format!("{engine}: never reached: W keeps i_mutex")), "{text}");
    }
}

/// A litmus file whose expectation is wrong: what it expects never to happen does.
fn wrong_expectation(folder: &Path) -> std::path::PathBuf {
    let text = "claim = \"c\"\nrules = [\"R6\"]\nreaches = [\"T frees\"]\n[file]\nsize = 1\nextents = [\"written\"]\n\
                [[task]]\nname = \"W\"\ncall = \"aio_pwrite\"\nblock = 0\n[[task]]\nname = \"T\"\n\
                call = \"ftruncate\"\nto = 0\n[[expect]]\nkernel = \"v3.6\"\nverdict = \"never\"\n";
    let path = folder.join("wrong.toml");
    fs::write(&path, text).expect("it can be written");
    path
}

#[test]
fn an_unexpected_verdict_is_shown_as_lanes_and_drawn_as_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = wrong_expectation(folder.path());
    let drawings = folder.path().join("drawings");
    fs::create_dir(&drawings).expect("a folder");
    let output = run(&["verify", path.to_str().unwrap(), "--drawings", drawings.to_str().unwrap()]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for engine in ["graph", "loom", "shuttle"] {
        let page = drawings.join(format!("wrong-v3.6-{engine}.html"));
        assert!(text.contains(&format!("drawn: {}", page.display())), "{text}");
        let page = fs::read_to_string(page).expect("it is there");
        assert!(page.contains("R6 reference-under-lock") && page.contains("</html>"));
    }
    assert_eq!(text.matches("<-- R6").count(), 3, "{text}");
    // Nothing of loom's or shuttle's own: they would speak on stderr.
    assert!(output.stderr.is_empty(), "{}", err(&output));
}

#[test]
fn explain_draws_saves_and_refuses() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let (svg, html, saved) = (name("x.svg"), name("x.html"), name("x.schedule"));
    let test = "truncate-vs-aio-overwrite-harm";
    let output = run(&["explain", test, "--svg", &svg, "--html", &html, "--save", &saved]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("VIOLATED "));
    assert!(fs::read_to_string(&svg).unwrap().starts_with("<svg "));
    assert!(fs::read_to_string(&html).unwrap().contains("the same schedule: "));
    let output = run(&["replay", test, "--schedule", &saved]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let long = out(&run(&["explain", test, "--long"]));
    assert!(long.contains("ext4_ext_direct_IO: DropImutex") && !long.contains("..."), "{long}");
    refused(
        &["explain", test, "--kernel", "v3.7", "--save", &saved],
        &["no counterexample to save"],
    );
    refused(&["explain", test, "--svg", "/no/such/folder/x.svg"], &["cannot be written"]);
    refused(
        &["explain", test, "--kernel", "v3.6", "--without", "1f555cfa29e8"],
        &["came with v3.7"],
    );
    refused(&["explain", "no-such-test"], &["no litmus test 'no-such-test'"]);
    refused(&["explain", test, "--svg"], &["a value is required"]);
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let output = diolock(&["explain", "truncate-vs-aio-overwrite"])
        .env("NO_COLOR", "1")
        .output()
        .expect("diolock starts");
    assert!(!output.stdout.contains(&0x1b) && output.stdout.is_ascii());
}

#[test]
fn shells_complete_every_subcommand() {
    let help = out(&run(&["--help"]));
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}: {}", err(&output));
        let script = out(&output);
        for name in commands.iter().chain(&["--kernel", "--without"]) {
            assert!(script.contains(name.trim_start_matches('-')), "{shell} lacks {name}");
        }
    }
    refused(&["completions", "csh"], &["'csh'", "bash", "fish"]);
    let page = out(&run(&["man"]));
    assert!(page.contains(".TH diolock 1") && page.contains("Exit status"));
    let folder = tempfile::tempdir().expect("a folder");
    let output = run_in(folder.path(), &["man", "--out", "pages"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    for name in &commands {
        let file = folder.path().join(format!("pages/diolock-{name}.1"));
        let page = fs::read_to_string(&file).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(page.contains(&format!(".TH diolock-{name} 1")), "{name}: {page}");
    }
    assert!(folder.path().join("pages/diolock.1").exists());
    assert!(!folder.path().join("pages/diolock-loom-job.1").exists(), "it is not for people");
}

#[test]
fn a_stable_kernel_is_not_its_release() {
    let test = "buffered-write-vs-aio";
    let verdict = |kernel| out(&run(&["explain", test, "--kernel", kernel]));
    assert!(verdict("v6.12").starts_with("VIOLATED"), "v6.12 does not wait");
    assert!(verdict("v6.12.117").starts_with("EXHAUSTED"), "Debian's does");
    // `confirm` holds that one to a schedule; a model without the fix is another one.
    let plan = |more: &[&str]| out(&run(&[&["confirm", test, "--plan"], more].concat()));
    for (kernel, stable) in [("v6.12", "v6.12.117"), ("v6.1", "v6.1.192")] {
        let refused = plan(&["--kernel", kernel]);
        assert!(refused.contains(&format!("{test} on {stable},")), "{refused}");
        assert!(refused.contains("B runs, and waits for i_dio_count to fall"), "{refused}");
        let wrong = plan(&["--kernel", stable, "--without", "15cdefd0c052"]);
        assert!(wrong.contains("B runs, and returns"), "{wrong}");
    }
}
