//! `diolock matrix`, `lockgraph` and `diff` on a catalogue of six tests, against what they printed
//! when somebody last looked (`UPDATE_GOLDEN=1` rewrites that), and the matrix of `docs/races.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole");

fn diolock(litmus: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diolock"));
    command.args(arguments).stdin(Stdio::null()).env_remove("RUST_LOG");
    command.env("DIOLOCK_LITMUS", litmus);
    command
}

fn small() -> PathBuf {
    Path::new(HERE).join("litmus")
}

fn run(arguments: &[&str]) -> Output {
    diolock(&small(), arguments).output().expect("diolock starts")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8")
}

/// The output is the recorded one.
fn golden(name: &str, text: &str) {
    let path = Path::new(HERE).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, text).expect("it can be written");
    }
    let recorded = fs::read_to_string(&path).unwrap_or_default();
    assert!(recorded == text, "{name} is not what is printed now:\n{text}");
}

fn printed(arguments: &[&str], status: i32) -> String {
    let output = run(arguments);
    let text = out(&output);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}{err}");
    assert!(err.is_empty(), "{arguments:?}: {err}");
    text
}

/// The part about litmus tests: every new fix is a new line in the other.
fn races(matrix: &str) -> &str {
    matrix.split("\n\n").next().unwrap_or_default()
}

#[test]
fn the_matrix_is_as_recorded() {
    let text = printed(&["matrix"], 0);
    golden("matrix.txt", races(&text));
    assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 140), "{text}");
    let line = |commit: &str| text.lines().find(|l| l.starts_with(commit)).unwrap_or_default();
    assert!(line("1f555cfa29e8").contains("truncate-vs-aio-overwrite R6"), "{text}");
    assert!(line("28a535f9a0df").contains("truncate-vs-aio-unwritten livelock"), "{text}");
    assert!(line("closer-smp_mb").contains("gate-fences R4"), "{text}");
    assert!(line("e9e3bcecf44c").ends_with("  NOTHING NEEDS IT"), "{text}");
}

#[test]
fn the_matrix_in_markdown_is_as_recorded() {
    let text = printed(&["matrix", "--markdown"], 0);
    golden("matrix.md", races(&text));
    for table in text.split("\n\n") {
        let bars = |line: &str| line.matches('|').count();
        let first = bars(table.lines().next().unwrap_or_default());
        assert!(first > 3 && table.lines().all(|line| bars(line) == first), "{table}");
    }
}

#[test]
fn only_races_leaves_the_others_out() {
    let text = printed(&["matrix", "--races", "--engine", "graph"], 0);
    assert!(!races(&text).contains("overwrites-in-parallel"), "{text}");
    assert!(!races(&text).contains("gate-fences"), "graph knows no memory order: {text}");
}

#[test]
fn the_matrix_as_json_has_a_line_for_each_cell_boundary_and_fix() {
    let text = printed(&["matrix", "--json"], 0);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let of = |is: &str| lines.iter().filter(|line| line["is"] == is).collect::<Vec<_>>();
    let (cells, fixed, fixes) = (of("cell"), of("fixed"), of("fix"));
    assert_eq!(cells.len() + fixed.len() + fixes.len(), lines.len());
    assert!(cells.iter().all(|cell| cell["ok"] == true && cell["agree"] == true), "{text}");
    let v3_6 = cells
        .iter()
        .find(|cell| cell["litmus"] == "truncate-vs-aio-overwrite" && cell["kernel"] == "v3.6");
    let v3_6 = v3_6.expect("the cell is there");
    assert_eq!((&v3_6["verdict"], &v3_6["bug"]), (&"R6".into(), &"B01".into()));
    assert_eq!(v3_6["engines"].as_object().map(|engines| engines.len()), Some(3));
    let by = |litmus: &str| {
        let line = fixed.iter().find(|line| line["litmus"] == litmus).expect("a boundary");
        (line["last"].clone(), line["first"].clone(), line["by"][0]["fix"].clone())
    };
    assert_eq!(
        by("truncate-vs-aio-overwrite"),
        ("v3.6".into(), "v3.7".into(), "1f555cfa29e8".into())
    );
    assert_eq!(by("gate-fences").0, serde_json::Value::Null);
    let idle = fixes.iter().find(|line| line["fix"] == "e9e3bcecf44c").expect("it is a fix");
    assert_eq!(idle["needed"], false);
}

#[test]
fn the_matrix_as_html_is_one_whole_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("m.html");
    let shown = file.display().to_string();
    let text = printed(&["matrix", "--html", &shown], 0);
    assert_eq!(text.trim(), format!("wrote {shown}"));
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1);
    let html = fs::read_to_string(&file).expect("it is text");
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let xml = roxmltree::Document::parse_with_options(&html, options).expect("it is well-formed");
    let all = || xml.descendants();
    assert!(!all().any(|n| n.has_tag_name("script") || n.has_tag_name("link")));
    let ids: Vec<&str> = all().filter_map(|n| n.attribute("id")).collect();
    let links: Vec<&str> =
        all().filter_map(|n| n.attribute("href")).map(|href| &href[1..]).collect();
    assert!(links.len() >= ids.len() && links.iter().all(|link| ids.contains(link)));
    let source = fs::read_to_string(small().join("gate-fences.toml")).expect("it is there");
    assert!(all().any(|n| n.text() == Some(source.trim_end())), "the litmus files are in it");
    assert!(html.contains("class=\"v bad\">R6</td>") && html.contains("nothing needs it"));
}

#[test]
fn the_lock_order_of_rfc_v1_has_a_cycle_and_that_of_v3_7_has_none() {
    let rfc_v1 = printed(&["lockgraph", "--kernel", "rfc-v1"], 1);
    golden("lockgraph-rfc-v1.txt", &rfc_v1);
    assert!(rfc_v1.contains("CYCLE i_data_sem -> journal handle -> i_data_sem"), "{rfc_v1}");
    let clean = printed(&["lockgraph", "--kernel", "v3.7"], 0);
    golden("lockgraph-v3.7.txt", &clean);
    let without = ["lockgraph", "--kernel", "v3.7", "--without", "rfc-v2-time"];
    assert!(printed(&without, 1).contains("CYCLE"));
}

#[test]
fn the_lock_order_is_drawn_with_its_cycle() {
    let svg = printed(&["lockgraph", "--kernel", "rfc-v1", "--svg"], 1);
    golden("lockgraph-rfc-v1.svg", &svg);
    roxmltree::Document::parse(&svg).expect("it is well-formed");
    assert!(svg.contains("class=\"edge cycle\"") && svg.contains(">(b)</text>"), "{svg}");
    assert!(svg.contains("class=\"edge drain"), "{svg}");
    let dot = printed(&["lockgraph", "--kernel", "rfc-v1", "--dot"], 1);
    let cycle = "\"i_data_sem\" -> \"journal handle\" [";
    let edge = dot.lines().find(|line| line.trim_start().starts_with(cycle)).unwrap_or_default();
    assert!(edge.contains("color=red") && edge.contains("handle-under-data-sem"), "{dot}");
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
}

#[test]
fn kernels_are_told_apart() {
    golden("diff-v3.6-v3.7.txt", &printed(&["diff", "v3.6", "v3.7"], 1));
    golden("diff-without.txt", &printed(&["diff", "v3.7", "v3.7-1f555cfa29e8-closer-smp_mb"], 1));
    let same = printed(&["diff", "v3.7", "v3.7"], 0);
    assert_eq!(same, "v3.7 to v3.7: no verdict changes, of 6 litmus tests\n");
    // Nothing here needs it.
    let text = printed(&["diff", "v3.7", "v3.7-e9e3bcecf44c"], 0);
    assert!(text.contains("no verdict changes"), "{text}");
}

#[test]
fn a_diff_as_json_has_a_line_for_each_litmus_test() {
    let text = printed(&["diff", "v3.6", "v3.7", "--json"], 1);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 6);
    let line = lines.iter().find(|l| l["litmus"] == "truncate-vs-aio-overwrite").expect("it is");
    assert_eq!(line["change"], "changed");
    assert_eq!((&line["a"]["verdict"], &line["b"]["verdict"]), (&"R6".into(), &"never".into()));
    assert!(line["a"]["steps"].as_u64() > Some(5) && line["b"]["steps"].is_null());
    let open = lines.iter().find(|line| line["litmus"] == "size-comes-back").expect("it is");
    assert_eq!(open["change"], "none");
}

/// A catalogue of one file.
fn one(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("only.toml"), text).expect("it can be written");
    folder
}

fn litmus(reaches: &str, verdict: &str) -> String {
    format!(
        "claim = \"c\"\n{reaches}[file]\nsize = 1\nextents = [\"written\"]\n[[task]]\nname = \"W\"\n\
         call = \"pwrite\"\nblock = 0\n[[expect]]\nkernel = \"v3.7\"\nverdict = \"{verdict}\"\n"
    )
}

#[test]
fn what_is_vacuous_is_shown_as_such_and_is_no_change() {
    let folder = one(&litmus("reaches = [\"W keeps i_mutex\"]\n", "never"));
    let diff = ["diff", "v3.6", "v3.7"];
    let output = diolock(folder.path(), &diff).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0));
    let text = out(&output);
    assert!(text.contains("only: vacuous, vacuous"), "{text}");
    assert!(text.contains("no verdict changes, of 1 litmus tests, 1 vacuous"), "{text}");
    let output = diolock(folder.path(), &["matrix"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "an expectation is not met");
    assert!(out(&output).contains(" !vacuous "), "{}", out(&output));
}

#[test]
fn an_unexpected_verdict_is_marked_and_exits_1() {
    let folder = one(&litmus("", "violates R4"));
    let output = diolock(folder.path(), &["matrix"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains(" !"), "{}", out(&output));
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = run(arguments);
    let message = String::from_utf8_lossy(&output.stderr).replace(['│', '\n'], " ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?} prints nothing but its message");
    for word in words {
        assert!(message.contains(word), "{arguments:?} should say {word:?}: {message}");
    }
}

#[test]
fn bad_input_exits_2() {
    refused(&["matrix", "--json", "--markdown"], &["cannot be used with"]);
    refused(&["matrix", "--engine", "lom"], &["did you mean loom?"]);
    refused(&["matrix", "--html", "/no/such/folder/m.html"], &["cannot be written"]);
    refused(&["lockgraph"], &["--kernel"]);
    refused(&["lockgraph", "--kernel", "v3.8"], &["no kernel 'v3.8'"]);
    refused(&["lockgraph", "--kernel", "v3.7", "--dot", "--svg"], &["cannot be used with"]);
    refused(
        &["lockgraph", "--kernel", "v3.6", "--without", "1f555cfa29e8"],
        &["v3.6 does not have 1f555cfa29e8"],
    );
    refused(&["diff", "v3.7"], &["KERNEL_B"]);
    refused(&["diff", "v3.7", "v3.7-1f555cfa29e9"], &["did you mean 1f555cfa29e8?"]);
    refused(&["diff", "v3.6-1f555cfa29e8", "v3.7"], &["v3.6 does not have 1f555cfa29e8"]);
    let none = tempfile::tempdir().expect("a folder");
    for arguments in
        [&["matrix"][..], &["lockgraph", "--kernel", "v3.7"], &["diff", "v3.6", "v3.7"]]
    {
        let output = diolock(none.path(), arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_prints_what_there_is_and_says_partial() {
    use std::io::{BufRead, BufReader, Read};
    for arguments in
        [&["matrix"][..], &["lockgraph", "--kernel", "v3.7"], &["diff", "v3.6", "v3.7"]]
    {
        // The first step on stderr says that it runs.
        let mut child = diolock(Path::new(""), arguments)
            .env("RUST_LOG", "diolock::step=trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("diolock starts");
        let mut steps = BufReader::new(child.stderr.take().expect("it is piped"));
        steps.read_line(&mut String::new()).expect("it says something");
        std::thread::spawn(move || std::io::copy(&mut steps, &mut std::io::sink()));
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().expect("it runs").success());
        let mut text = String::new();
        child.stdout.take().expect("it is piped").read_to_string(&mut text).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(130), "{text}");
        assert!(text.starts_with("PARTIAL: stopped by SIGINT"), "{arguments:?}: {text}");
        assert!(!text.contains("no verdict changes"), "{text}");
    }
}

const RACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/races.md");
const BEGIN: &str = "<!-- matrix -->\n";
const END: &str = "<!-- /matrix -->";

/// A text with what stands between the marks replaced; `None` if there are no marks.
fn with_section(text: &str, section: &str) -> Option<String> {
    let begin = text.find(BEGIN)? + BEGIN.len();
    let end = begin + text[begin..].find(END)?;
    Some(format!("{}\n{}\n\n{}", &text[..begin], section.trim(), &text[end..]))
}

#[test]
fn a_section_is_replaced_and_nothing_else() {
    let text = format!("a\n{BEGIN}old\n{END}\nb\n");
    assert_eq!(with_section(&text, "new\n"), Some(format!("a\n{BEGIN}\nnew\n\n{END}\nb\n")));
    assert_eq!(with_section("no marks", "new"), None);
    let page = fs::read_to_string(RACES).expect("the page is there");
    assert!(with_section(&page, "new").is_some(), "the page has lost its marks");
    assert_eq!(with_section(&format!("{END} {BEGIN}"), "new"), None);
}

/// `UPDATE_RACES=1` with `-- --ignored` rewrites it.
#[test]
#[ignore = "runs everything; make test-all runs it"]
fn the_matrix_of_the_docs_is_what_is_printed() {
    let page = fs::read_to_string(RACES).expect("the page is there");
    let asked = |name| std::env::var_os(name).is_some_and(|value| value == "1");
    let output = diolock(Path::new(""), &["matrix", "--markdown"]).output().expect("it starts");
    let matrix = out(&output);
    assert_eq!(output.status.code(), Some(0), "{matrix}");
    let right = with_section(&page, &matrix).expect("the section ends");
    if asked("UPDATE_RACES") {
        fs::write(RACES, &right).expect("the page can be written");
        return;
    }
    let differs = right.lines().zip(page.lines()).find(|(right, page)| right != page);
    assert!(right == page, "UPDATE_RACES=1 puts it into the page; first difference: {differs:#?}");
}
