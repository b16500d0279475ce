//! Malformed litmus files: every problem is reported, at its line and column, and nothing panics.

use diolock_verify::litmus::parse::{MAX_BYTES, Problems, load, parse};
use diolock_verify::litmus::starter::starter;
use miette::Diagnostic;

/// A file with nothing wrong; each case below changes one piece of it.
const GOOD: &str = r#"claim = "a truncate waits for an overwriting write"
reaches = ["W overwrites", "T waits for w"]
rules = ["R4", "lock-order", "R12"]
fair = ["i_data_sem"]
memory = "sc"
[except]
R12 = "another test judges it"
[file]
size = 1
extents = ["written", "hole"]
cached_pages = 0
[mount]
dioread_nolock = true
[[task]]
name = "W"
call = "aio_pwrite"
block = 0
blocks = 1
[[task]]
name = "T"
call = "ftruncate"
to = 0
[[expect]]
kernel = "v3.7"
verdict = "never"
[[expect]]
kernel = "v3.7"
without = ["1f555cfa29e8"]
verdict = "violates R4"
engines = ["graph", "loom"]
why = "shuttle finds it too late"
"#;

const TRUNCATE: &str = "[[task]]\nname = \"T\"\ncall = \"ftruncate\"\nto = 0\n";

struct Case {
    name: &'static str,
    text: String,
    line: usize,
    column: usize,
    words: &'static str,
}

/// The good file with the first `from` replaced.
fn with(
    name: &'static str,
    (from, to): (&str, &str),
    (line, column): (usize, usize),
    words: &'static str,
) -> Case {
    assert!(GOOD.contains(from), "{name}: {from}");
    Case { name, text: GOOD.replacen(from, to, 1), line, column, words }
}

/// The message, label and help of each problem, as one text.
fn words(errors: &Problems) -> Vec<(Option<(usize, usize)>, String)> {
    let all = errors.problems().iter().map(|problem| {
        let labels = problem.labels().into_iter().flatten();
        let label: Vec<String> = labels.filter_map(|l| l.label().map(str::to_owned)).collect();
        let help = problem.help().map(|help| help.to_string()).unwrap_or_default();
        (problem.position(), format!("{problem} | {} | {help}", label.join(" ")))
    });
    all.collect()
}

fn rendered(errors: Problems) -> String {
    let mut text = String::new();
    let theme = miette::GraphicalTheme::unicode_nocolor();
    miette::GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .render_report(&mut text, &errors)
        .expect("a report can be rendered");
    text
}

#[test]
fn the_good_file_is_good() {
    let litmus = parse("good", "good.toml", GOOD).expect("nothing is wrong with it");
    assert_eq!(litmus.tasks.len(), 2);
    assert_eq!(litmus.letters(), ['W', 'T', 'w']);
    assert_eq!(litmus.except.len(), 1);
    assert_eq!(litmus.expect.len(), 2);
}

#[rustfmt::skip] // a table
fn top_level() -> Vec<Case> {
    let claim = "claim = \"a truncate waits for an overwriting write\"";
    let reaches = "reaches = [\"W overwrites\", \"T waits for w\"]\n";
    vec![
        with("no claim", (claim, ""), (1, 1), "has no `claim`"),
        with("empty claim", (claim, "claim = ' '"), (1, 9), "`claim` is empty"),
        with("claim of two lines", (claim, r#"claim = "a\nb""#), (1, 9), "one line"),
        with("claim is a number", (claim, "claim = 7"), (1, 9), "must be a string in quotes, not a number"),
        with("misspelt key", ("memory =", "memmory ="), (5, 1), "did you mean `memory`?"),
        with("unknown key", ("memory =", "colour ="), (5, 1), "allowed here: claim, bug, evidence"),
        with("key of another table", ("memory = \"sc\"", "size = 1"), (5, 1), "belongs under [file]"),
        with("unknown table", ("[mount]", "[mounts]"), (12, 2), "did you mean `mount`?"),
        with("unknown memory", ("\"sc\"", "\"tso\""), (5, 10), "`tso` is not a memory model"),
        with("fair is no lock", ("i_data_sem", "i_dat_sem"), (4, 9), "did you mean `i_data_sem`?"),
        with("fair is a mutex", ("i_data_sem", "i_mutex"), (4, 9), "`i_mutex` is not a rwsem"),
        with("fair is a string", ("[\"i_data_sem\"]", "\"i_data_sem\""), (4, 8), "must be an array of strings"),
        with("unknown rule", ("\"R4\"", "\"R99\""), (3, 10), "`R99` is not a rule"),
        with("misspelt rule", ("lock-order", "lockorder"), (3, 16), "did you mean `lock-order`?"),
        with("an exception twice", ("R12 = ", "progress = 'open'\nR12 = "), (8, 1), "R12 is not judged anyway"),
        with("reaches nothing at all", ("\"W overwrites\", \"T waits for w\"", "\"\""), (2, 12), "`reaches` is empty"),
        with("no rules", ("[\"R4\", \"lock-order\", \"R12\"]", "[]"), (3, 9), "leave `rules` out to mean all"),
        with("a rule twice", ("\"lock-order\"", "\"block-lifetime\""), (3, 16), "listed twice"),
        with("exception without a reason", ("\"another test judges it\"", "\"\""), (7, 7), "`R12` is empty"),
        with("exception that is a flag", ("\"another test judges it\"", "true"), (7, 7), "`R12` must be a string"),
        with("exception to no rule", ("R12 = ", "progres = "), (7, 1), "did you mean `progress`?"),
        with("exception to a rule not judged", ("R12 = ", "R1 = "), (7, 1), "R1 is not judged anyway"),
        with("never without reaches", (reaches, ""), (24, 11), "no `reaches`, and `never` needs it"),
        with("never with empty reaches", (reaches, "reaches = []\n"), (2, 11), "`reaches` is empty"),
        with("reaches nobody", ("W overwrites", "X overwrites"), (2, 12), "there is no task X"),
        with("reaches a completion of nobody", ("T waits for w", "W waits for t"), (2, 28), "there is no completion t"),
        with("reaches a misspelt verb", ("W overwrites", "W overwrits"), (2, 12), "did you mean `overwrites`?"),
        with("reaches half a verb", ("T waits for w", "T waits for"), (2, 28), "waits for <letter>"),
        with("reaches no letter", ("W overwrites", "somebody overwrites"), (2, 12), "start with a task's letter"),
        with("reaches itself", ("T waits for w", "T overlaps T"), (2, 28), "its own second task"),
        with("reaches a number", ("\"W overwrites\"", "3"), (2, 12), "must be a string in quotes"),
    ]
}

#[rustfmt::skip] // a table
fn file_and_tasks() -> Vec<Case> {
    let (tasks, expect) = (GOOD.find("[[task]]").unwrap(), GOOD.find("[[expect]]").unwrap());
    let seven: String = ('A'..='E')
        .map(|letter| format!("[[task]]\nname = \"{letter}\"\ncall = \"commit\"\n"))
        .chain([TRUNCATE.to_owned()])
        .collect();
    vec![
        with("file is missing", ("[file]\nsize = 1\nextents = [\"written\", \"hole\"]\ncached_pages = 0\n", ""), (1, 1), "has no `file`"),
        with("size is missing", ("size = 1\n", ""), (8, 1), "`size` is missing"),
        with("size out of range", ("size = 1", "size = 9"), (9, 8), "a number from 0 to 8 in steps of 0.5"),
        with("size is negative", ("size = 1", "size = -1"), (9, 8), "a number from 0 to 8 in steps of 0.5"),
        with("size is huge", ("size = 1", "size = 99999999999999999999"), (9, 8), "out of range"),
        with("size is a fraction", ("size = 1", "size = 1.25"), (9, 8), "in steps of 0.5"),
        with("extents too short", ("size = 1", "size = 3"), (10, 11), "size is 3, and `extents` has 2"),
        with("extents too long", ("\"hole\"]", "\"hole\",'hole','hole','hole','hole','hole','hole','hole']"), (10, 11), "at most 8 blocks"),
        with("unknown extent", ("\"hole\"", "\"whole\""), (10, 23), "did you mean `hole`?"),
        with("file is a list", ("[file]", "[[file]]"), (8, 1), "under a line [file]"),
        with("mount option is a word", ("= true", "= \"yes\""), (13, 18), "must be true or false, not a string"),
        with("task is not a list", ("[[task]]", "[task]"), (14, 1), "each under a line [[task]]").edited(|text| text.replacen(TRUNCATE, "", 1)),
        with("name is a lower-case letter", ("name = \"T\"", "name = \"t\""), (20, 8), "one capital letter"),
        with("name is missing", ("name = \"T\"\n", ""), (19, 1), "`name` is missing"),
        with("two tasks of one name", (TRUNCATE, "[[task]]\nname = \"W\"\ncall = \"commit\"\n[[task]]\nname = \"T\"\ncall = \"commit\"\n"), (20, 8), "a task W already"),
        with("tasks in line, and none", (&GOOD[tasks..expect], ""), (2, 8), "there is no [[task]]")
            .edited(|text| text.replace("reaches = [\"W overwrites\", \"T waits for w\"]", "task = []")
            .replacen("\"never\"", "\"violates R4\"", 1)),
        with("seven tasks", (TRUNCATE, &seven), (34, 1), "at most 6 tasks"),
        with("unknown call", ("aio_pwrite", "aio_write"), (16, 8), "did you mean `aio_pwrite`?"),
        with("call is missing", ("call = \"aio_pwrite\"\n", ""), (14, 1), "has no `call`"),
        with("block is missing", ("block = 0\n", ""), (14, 1), "has no `block`"),
        with("block out of range", ("block = 0", "block = 8"), (17, 9), "from 0 to 7"),
        with("no blocks", ("blocks = 1", "blocks = 0"), (18, 10), "from 0.5 to 8"),
        with("past the last block", ("block = 0\nblocks = 1", "block = 4\nblocks = 5"), (18, 10), "5 block(s) from 4 on"),
        with("an argument of another call", ("to = 0", "to = 0\nblock = 0"), (23, 1), "`block` is not for ftruncate"),
        with("half of two blocks", ("blocks = 1", "blocks = 2\nhalf = \"lower\""), (19, 8), "half a block"),
        with("unknown half", ("blocks = 1", "half = \"middle\""), (18, 8), "allowed here: lower, upper"),
        with("unknown failure", ("blocks = 1", "fail = \"enoent\""), (18, 8), "allowed here: enomem, enospc"),
        with("enomem of a synchronous write", ("to = 0", "to = 0\n[[task]]\nname = \"S\"\ncall = \"pwrite\"\nblock = 1\nfail = \"enomem\""), (27, 8), "only for aio_pwrite"),
        with("truncate inside a block behind the page", ("to = 0", "to = 4.5"), (22, 6), "zeros the rest of it in its page"),
        with("an appending write at the end", ("blocks = 1", "append = true\nat_eof = true"), (19, 1), "beside `append`"),
        with("truncate to nowhere", ("to = 0\n", ""), (19, 1), "has no `to`"),
        with("size_read of a truncate", ("to = 0", "to = 0\nsize_read = 'late'"), (23, 1), "ftruncate takes to"),
    ]
}

#[rustfmt::skip] // a table
fn expectations() -> Vec<Case> {
    let expect = GOOD.find("[[expect]]").expect("it has one");
    let why = "why = \"shuttle finds it too late\"\n";
    let engines = "engines = [\"graph\", \"loom\"]\n";
    vec![
        with("unknown kernel", ("\"v3.7\"", "\"3.7\""), (24, 10), "did you mean `v3.7`?"),
        with("kernel is missing", ("kernel = \"v3.7\"\n", ""), (23, 1), "has no `kernel`"),
        with("unknown fix", ("1f555cfa29e8", "deadbeefdead"), (28, 12), "`deadbeefdead` is not a fix"),
        with("fix too short", ("1f555cfa29e8", "1f555"), (28, 12), "did you mean `1f555cfa29e8`?"),
        with("fix that is not there", ("\"v3.7\"\nwithout", "\"v3.6\"\nwithout"), (28, 12), "v3.6 does not have 1f555cfa29e8"),
        with("a fix twice", ("[\"1f555cfa29e8\"]", "[\"1f555cfa29e8\", \"1f555cf\"]"), (28, 28), "listed twice"),
        with("two expectations of a kernel", ("without = [\"1f555cfa29e8\"]\n", ""), (27, 10), "one [[expect]] for each kernel"),
        with("verdict is missing", ("verdict = \"never\"\n", ""), (23, 1), "has no `verdict`"),
        with("misspelt verdict", ("\"never\"", "\"nevr\""), (25, 11), "did you mean `never`?"),
        with("violates no rule", ("violates R4", "violates R0"), (29, 11), "`R0` is not a rule"),
        with("violates a rule not judged", ("violates R4", "violates R6"), (29, 11), "R6 reference-under-lock is not judged"),
        with("deadlock where progress is not judged", ("violates R4", "deadlock"), (29, 11), "R12 progress is not judged"),
        with("unknown engine", ("\"loom\"", "\"lom\""), (30, 21), "did you mean `loom`?"),
        with("an engine twice", ("\"loom\"", "\"graph\""), (30, 21), "listed twice"),
        with("no engines", ("[\"graph\", \"loom\"]", "[]"), (30, 11), "leave `engines` out"),
        with("engines without why", (why, ""), (26, 1), "has no `why`"),
        with("why without engines", (engines, ""), (30, 1), "`why` explains `engines`"),
        with("c11 without loom", ("\"sc\"", "\"c11\""), (30, 11), "only loom knows").edited(|text| text.replace(", \"loom\"", "")),
        with("no expectation", (&GOOD[expect..], ""), (1, 1), "has no `expect`"),
        with("a call of another era", ("call = \"ftruncate\"\nto = 0", "call = \"zero_range\"\nblock = 0"), (24, 10), "T's zero_range(0,1) is modelled from v4.10 to v7.3"),
        with("an option of another era", ("blocks = 1", "nowait = true"), (24, 10), "with `nowait` is modelled from v5.4 to v7.3"),
        with("an eviction of a file in use", ("call = \"ftruncate\"\nto = 0", "call = \"evict\""), (16, 8), "uses the file that is evicted"),
        with("an append beside a write", ("call = \"ftruncate\"\nto = 0", "call = \"append\"\nblock = 1"), (16, 8), "beside append: read, append, commit").edited(|text| text.replace("pages = 0", "pages = 1")),
        with("a page of an empty file", ("size = 1\nextents = [\"written\", \"hole\"]\ncached_pages = 0", "size = 0\nextents = []\ncached_pages = 1"), (11, 16), "1 cached page(s) of 0 block(s)"),
        with("more pages than blocks", ("cached_pages = 0", "cached_pages = 2"), (11, 16), "a page that is cached holds a block below `size`"),
        with("i_disksize lags for nothing", ("cached_pages = 0", "disksize = 0"), (11, 12), "whose writeback is to raise it?"),
        with("unwritten blocks of an indirect file", ("extents = [\"written\", \"hole\"]", "extents = [\"written\", \"unwritten\"]"), (10, 11), "only an extent can be unwritten").edited(|text| text.replace(TRUNCATE, "[[task]]\nname = \"T\"\ncall = \"punch_hole\"\nblock = 0\nindirect = true\n")),
        with("an end_bio of what is written", ("call = \"ftruncate\"\nto = 0", "call = \"end_bio\"\nblock = 0"), (21, 8), "is to convert a block that is not unwritten"),
        with("a commit without a journal", ("dioread_nolock = true", "journal = false"), (21, 8), "no journal").edited(|text| text.replace("call = \"ftruncate\"\nto = 0", "call = \"commit\"")),
        with("an append to no page", ("call = \"ftruncate\"\nto = 0", "call = \"append\"\nblock = 1"), (20, 8), "cached_pages = 1 under [file]").edited(|text| text.replace("aio_pwrite", "read").replace("blocks = 1\n", "").replace("[\"W overwrites\", \"T waits for w\"]", "[\"W returns\"]")),
        with("a task that never ends, on loom", ("to = 0", "to = 0\n[[task]]\nname = \"R\"\ncall = \"pread\"\nblock = 0\nrepeat = true"), (28, 1), "engines = [\"graph\"] is needed"),
    ]
}

#[rustfmt::skip] // a table
fn syntax() -> Vec<Case> {
    vec![
        with("no value", ("size = 1", "size = "), (9, 8), "this is not TOML"),
        with("unquoted word", ("\"written\"", "written"), (10, 12), "must be quoted"),
        with("string left open", ("\"sc\"", "\"sc"), (5, 13), "this is not TOML"),
        with("key twice", ("size = 1", "size = 1\nsize = 2"), (10, 1), "`size` is written twice"),
        with("header left open", ("[[task]]", "[[task]"), (14, 8), "unclosed"),
        with("word on its own", ("[mount]", "mount"), (12, 6), "key with no value"),
        with("control character", ("claim = ", "# \u{1b}[31m\nclaim = "), (1, 3), "this is not TOML"),
    ]
}

impl Case {
    fn edited(mut self, edit: impl Fn(&str) -> String) -> Case {
        self.text = edit(&self.text);
        self
    }
}

#[test]
fn every_problem_has_its_place_and_words() {
    let cases: Vec<Case> =
        [top_level(), file_and_tasks(), expectations(), syntax()].into_iter().flatten().collect();
    assert!(cases.len() >= 32);
    let mut wrong = Vec::new();
    for case in cases {
        let Err(errors) = parse(case.name, "case.toml", &case.text) else {
            wrong.push(format!("{}: nothing was found", case.name));
            continue;
        };
        let found = words(&errors);
        let here = Some((case.line, case.column));
        let as_said = |text: &String| text.contains(case.words);
        if found[0].0 != here || !found.iter().all(|(_, text)| as_said(text)) {
            wrong.push(format!("{}: not at {here:?} but {found:#?}", case.name));
        }
        let shown = rendered(errors);
        if !shown.contains(&format!("case.toml:{}:{}", case.line, case.column)) {
            wrong.push(format!("{}: rendered as\n{shown}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_text() {
    let text = GOOD
        .replace("\"sc\"", "\"tso\"")
        .replace("size = 1", "size = 12")
        .replace("aio_pwrite", "aio_write")
        .replace("to = 0", "into = 0")
        .replace("\"never\"", "\"nevr\"");
    let errors = parse("many", "many.toml", &text).expect_err("five pieces are wrong");
    let places: Vec<_> = errors.problems().iter().filter_map(|p| p.position()).collect();
    assert_eq!(places, [(5, 10), (9, 8), (16, 8), (19, 1), (22, 1), (25, 11)]);
    assert_eq!(errors.to_string(), "6 problems in the litmus file many.toml");
    let shown = rendered(errors);
    assert_eq!(shown.matches("many.toml:").count(), 6, "{shown}");
}

#[test]
fn nothing_is_missed_before_the_place_where_the_file_is_not_toml() {
    let text = GOOD.replace("\"sc\"", "\"tso\"").replace("name = \"T\"", "name = T\"");
    let errors = parse("broken", "broken.toml", &text).expect_err("it is not TOML");
    let places: Vec<_> = errors.problems().iter().filter_map(|p| p.position()).collect();
    assert_eq!(places, [(5, 10), (20, 8)], "{errors:?}");
}

#[test]
fn columns_count_characters_whatever_the_line_ends_and_letters() {
    let unicode = "# é — 漢字 🦀\nclaim = \"ok\"\nfair = [\"é🦀漢\", \"ümutex\"]\n";
    for text in [unicode.to_owned(), unicode.replace('\n', "\r\n"), format!("\u{feff}{unicode}")] {
        let errors = parse("unicode", "unicode.toml", &text).expect_err("two unknown locks");
        let at = |word: &str| {
            let problem = errors.problems().iter().find(|p| p.to_string().contains(word));
            problem.and_then(|p| p.position())
        };
        assert_eq!(at("`é🦀漢`"), Some((3, 9)), "{text:?}");
        assert_eq!(at("`ümutex`"), Some((3, 16)), "{text:?}");
        let shown = rendered(errors);
        assert!(shown.contains("unicode.toml:3:16"), "{shown}");
    }
    let first = "\u{feff}clam = \"ok\"";
    let errors = parse("bom", "bom.toml", first).expect_err("an unknown key");
    assert!(errors.problems().iter().any(|p| p.position() == Some((1, 1))));
}

#[test]
fn a_file_cannot_speak_to_the_terminal() {
    let text = "\u{1b}[31m = 1\nclaim = \"\\u001b[31m\"\n\"\\u001b[2J\" = 1\u{9b}31m\rx = \r\n";
    let errors = parse("escape", "escape.toml", text).expect_err("full of errors");
    let shown = rendered(errors);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
}

#[test]
fn a_file_that_cannot_be_text_is_an_error_too() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("it can be written");
        path
    };
    let errors = load(&directory.path().join("none.toml")).expect_err("there is none");
    assert!(errors.problems()[0].to_string().contains("none.toml cannot be read"));
    assert!(load(directory.path()).is_err());

    let errors = load(&file("latin1.toml", b"claim = \"ok\"\n# caf\xe9\n")).expect_err("Latin-1");
    assert_eq!(errors.problems()[0].position(), Some((2, 6)));
    assert!(rendered(errors).contains("byte 0xe9"));
    assert!(load(&file("cut.toml", b"\xf0\x9f")).is_err());

    let long = "#".repeat(MAX_BYTES + 1);
    let errors = load(&file("long.toml", long.as_bytes())).expect_err("too long");
    assert!(errors.problems()[0].to_string().contains("longer than 64 KiB"));
    assert!(parse("long", "long.toml", &long).is_err());

    let litmus = load(&file("some-name.toml", GOOD.as_bytes())).expect("a good file");
    assert_eq!(litmus.name, "some-name");
}

/// Parses, and renders what is wrong: neither may panic.
fn try_it(text: &str) {
    if let Err(errors) = parse("fuzz", "fuzz.toml", text) {
        assert!(!errors.problems().is_empty());
        rendered(errors);
    }
}

#[test]
fn nothing_panics() {
    let start = format!("{}{GOOD}", starter("fuzz"));
    for text in [starter("fuzz"), GOOD.replace('\n', "\r\n")] {
        for (cut, _) in text.char_indices() {
            try_it(&text[..cut]);
        }
    }
    let mut seed = 0x1f55_5cfa_29e8_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..3000 {
        let mut bytes = if random(2) == 0 { GOOD.as_bytes() } else { start.as_bytes() }.to_vec();
        for _ in 0..=random(4) {
            let (at, other) = (random(bytes.len()), random(bytes.len()));
            match random(4) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = b"[]{}=\"'\\\r\n.#,\0"[random(14)],
                2 => bytes.swap(at, other),
                _ => drop(bytes.drain(at.min(other)..at.max(other).min(at.min(other) + 9))),
            }
        }
        try_it(&String::from_utf8_lossy(&bytes));
    }
    // A task whose calls are none, before one that has a completion.
    for calls in ["[]", "[5]", "[\"a\u{7f}\"]"] {
        try_it(&GOOD.replacen(
            "[[task]]",
            &format!("[[task]]\nname = 'V'\ncalls = {calls}\n[[task]]"),
            1,
        ));
    }
    // More completions than there are letters for them.
    try_it(&GOOD.replacen(
        TRUNCATE,
        &TRUNCATE.replace("\"ftruncate\"\nto", "\"aio_pwrite\"\nblock").repeat(30),
        1,
    ));
    for deep in ["a=[", "a={a=", "[a.", "a.", "[[", "\"\"\""] {
        try_it(&deep.repeat(20));
        try_it(&format!("a={}", deep.repeat(MAX_BYTES / deep.len() - 1)));
        try_it(&deep.repeat(MAX_BYTES / deep.len()));
    }
}
