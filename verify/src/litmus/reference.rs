//! The reference of litmus files, from the tables that the parser reads them by.

use super::CallSpec;
use super::cast::call;
use super::keys::TABLES;
use super::kind::{KINDS, Kind};
use super::schema::{At, Judge};
use super::words::fields;
use crate::condition::{GRAMMAR, WORDS};
use crate::report::wrap;
use crate::rule::{RuleId, Verb};
use diolock::call::Returned;
use diolock::kernel::Version;
use std::fmt::Write as _;

/// Columns of the page.
const WIDTH: usize = 110;

/// A litmus file that shows most of it.
const EXAMPLE: &str = r#"claim = "a direct read sees what its thread wrote to the page before"
reaches = ["R stores", "R reads"]
always = "R2.blocks == 1 and R2[0] == R"   # R2: the second call of R

[file]
size = 1
extents = ["written"]

[[task]]
name = "R"
calls = ["write 0", "pread 0"]

[[task]]
name = "F"
call = "writepages"

[[expect]]
kernel = "v6.12"
verdict = "never"
"#;

/// Every key, call, word and verdict, as a page in Markdown that reads as plain text.
pub fn reference() -> String {
    let mut page = String::from("# Litmus files\n\n");
    let intro = "A litmus file is TOML: a file at its start, tasks that call, what is claimed, and the verdict \
                 expected on each kernel. Sizes, blocks and offsets are counted in blocks, from 0. `diolock new NAME` \
                 writes one to change, `diolock verify ./NAME.toml` judges it, `diolock explain ./NAME.toml` shows why.";
    page.push_str(&paragraph(intro));
    let _ = write!(page, "\n```toml\n{EXAMPLE}```\n");
    for (table, keys) in TABLES {
        let _ = write!(page, "\n## {table}\n\n");
        list(&mut page, keys.iter().map(|&(key, says)| (key.to_owned(), says.to_owned())));
    }
    page.push_str("\n## Calls\n\n");
    page.push_str(&paragraph(
        "Each with the keys that it takes and the kernels that have it as modelled; `diolock steps CALL --kernel V` \
         lists its steps. In words, for `calls` and `setup`: \"pwrite 0\", \"pwrite 0-1 nowait\" (blocks 0 and 1), \
         \"pwrite 1 lower\", \"ftruncate 0\", \"falloc 1 fail=enospc\". What a call leaves out stands with its task in \
         the crate's documentation, under *Left out*.",
    ));
    page.push('\n');
    list(
        &mut page,
        KINDS.iter().map(|&(name, kind, says)| (name.to_owned(), of_call(name, kind, says))),
    );
    page.push_str("\n## Conditions\n\n");
    page.push_str(&paragraph(
        "What `never`, `always` and `exists` say of the end of an execution. `file[0]` is what a buffered read of \
         block 0 would find, `page[0]` what the cached page holds, `disk[0]` what the extent tree and the device \
         have, `R[0]` what R's read returned there. `R2` is R's second call, `R` its last. Alone, `W` is \
         data of any call of W, `W2` that of the second. Whole blocks are compared, or `.lower` and `.upper` halves; \
         but a block is read, copied and written in one step, so that no read finds one half of it old and the other \
         new. Executions that break a rule end \
         there: to ask of outcomes alone, say rules = [\"condition\"].",
    ));
    let _ = write!(page, "\n```text\n{GRAMMAR}```\n\n");
    list(&mut page, WORDS.iter().map(|&(word, _, says)| (word.to_owned(), says.to_owned())));
    let returned = Returned::ALL.map(|returned| returned.name()).join("`, `");
    let _ = writeln!(page, "- `{returned}`: what a call `.returns`");
    page.push_str("\n## Witnesses\n\n");
    let verbs: Vec<&str> = Verb::PLAIN.iter().map(|verb| verb.0).collect();
    let verbs = format!(
        "What `reaches` asks for: a task's letter, or a completion's small one, and one of: {}, overlaps X, \
         frees under X, waits for X.",
        verbs.join(", ")
    );
    page.push_str(&paragraph(&verbs));
    page.push_str("\n## Rules\n\n");
    list(
        &mut page,
        RuleId::ALL
            .iter()
            .map(|rule| (format!("{} {}", rule.code(), rule.name()), rule.statement().to_owned())),
    );
    page.push_str("\n## Verdicts\n\n");
    list(&mut page, VERDICTS.iter().map(|&(word, says)| (word.to_owned(), says.to_owned())));
    let kernels = Version::ALL.map(Version::name).join(", ");
    let _ = write!(page, "\n## Kernels\n\n{}", paragraph(&kernels));
    page
}

const VERDICTS: [(&str, &str); 5] = [
    (
        "never",
        "every execution was explored, none breaks a rule or a condition, and what should be seen was seen",
    ),
    ("forbidden", "the same, but what `exists` asks for was seen in none"),
    ("violates R4", "some execution breaks that rule; R15 is the file's own `never` and `always`"),
    ("deadlock", "tasks wait for each other"),
    ("livelock", "tasks run and get nowhere"),
];

/// A paragraph.
fn paragraph(text: &str) -> String {
    wrap(text, "", WIDTH).lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

fn list(page: &mut String, items: impl Iterator<Item = (String, String)>) {
    for (name, says) in items {
        let text = wrap(&format!("`{name}`: {says}"), "  ", WIDTH);
        let _ = write!(page, "- {}", text.trim_start());
    }
}

/// What a call is, which keys it takes, and where it is modelled.
fn of_call(name: &str, kind: Kind, says: &str) -> String {
    let keys = kind.arguments();
    let keys = if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") };
    let kernels = sample(name, kind).map(|call| call.kernels()).unwrap_or_default();
    format!("{says}. Keys: {keys}. Kernels: {kernels}")
}

/// The call with as few arguments as it can have.
fn sample(name: &str, kind: Kind) -> Option<CallSpec> {
    let needs = |key| kind.arguments().contains(&key);
    let number = if needs("block") || needs("to") { " 0" } else { "" };
    let to = if needs("block") && needs("to") { " to=0" } else { "" };
    let text = format!("{name}{number}{to}");
    let mut judge = Judge::default();
    let words = fields(&mut judge, &At { value: text.as_str(), span: 0..0 });
    call(&mut judge, &words, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::litmus::parse::parse;

    #[test]
    fn the_example_reads() {
        parse("example", "example", EXAMPLE).expect("the example of the reference reads");
    }

    #[test]
    fn every_call_has_a_sample() {
        for (name, kind, _) in KINDS {
            assert!(sample(name, kind).is_some(), "{name}");
        }
    }

    #[test]
    fn the_page_is_as_generated() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/LITMUS.md");
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::write(path, reference()).expect("the page can be written");
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == reference(),
            "UPDATE_REFERENCE=1 cargo test -p diolock-verify reference writes LITMUS.md anew"
        );
    }
}
