//! The lessons: their graphs are those of the engine, and what a page says is what the reference semantics does.

use diolock::op::TaskId;
use diolock_verify::engine::graph::{self, enabled, pending};
use diolock_verify::lessons::cells::cells;
use diolock_verify::lessons::data::data;
use diolock_verify::lessons::escape::{marked, terms};
use diolock_verify::lessons::glossary::Glossary;
use diolock_verify::lessons::lesson::{Lesson, Played};
use diolock_verify::lessons::page::{Place, page};
use diolock_verify::lessons::text::{self, NoteKind, Text};
use diolock_verify::lessons::today::{Use, today};
use diolock_verify::lessons::{MOST_BYTES, ways};
use diolock_verify::litmus::parse::parse;
use diolock_verify::litmus::{Expected, catalogue};
use diolock_verify::program::Run;
use diolock_verify::report::waits_words;
use diolock_verify::rule::{Gathered, RuleId};
use diolock_verify::verdict::{Verdict, is_bad};
use serde_json::Value;
use std::collections::HashSet;

fn lessons() -> Vec<Lesson> {
    let texts = text::all().expect("the lessons can be read");
    texts.into_iter().map(|text| Lesson::new(text).expect("it fits on a page")).collect()
}

fn sides(lesson: &Lesson) -> Vec<&Played> {
    let mut sides = vec![&lesson.broken];
    sides.extend(&lesson.fixed);
    sides
}

fn numbers(row: &Value) -> Vec<i64> {
    row.as_array().expect("a row").iter().map(|n| n.as_i64().expect("a number")).collect()
}

fn states(data: &Value) -> Vec<Vec<i64>> {
    data["states"].as_array().expect("states").iter().map(numbers).collect()
}

/// The state that the JSON's edge of that task leads to.
fn after(state: &[i64], task: TaskId) -> Option<usize> {
    state[4..].chunks(3).find(|edge| edge[0] == i64::from(task)).map(|edge| edge[1] as usize)
}

#[test]
fn twelve_lessons_fit_on_their_pages_and_say_everything() {
    let lessons = lessons();
    let all: Vec<Text> = lessons.iter().map(|lesson| lesson.text.clone()).collect();
    assert_eq!(all.len(), 12);
    let glossary = Glossary::read();
    for (at, lesson) in lessons.iter().enumerate() {
        let (text, name) = (&lesson.text, &lesson.text.name);
        let html = page(lesson, &Place { all: &all, at: Some(at) }, &glossary).expect("it fits");
        assert!(html.len() < MOST_BYTES, "{name}: {} bytes", html.len());
        assert!(!html.contains("http:") && !html.contains("https:"), "{name} leads elsewhere");
        assert!(text.exercises.len() >= 3 && !text.sources.is_empty(), "{name}");
        for kind in [NoteKind::Note, NoteKind::Ask, NoteKind::Demo] {
            assert!(text.notes.iter().any(|note| note.kind == kind), "{name} lacks {kind:?}");
        }
    }
}

#[test]
fn every_broken_kernel_breaks_as_expected_and_no_fixed_one_does() {
    for lesson in lessons() {
        let name = &lesson.text.name;
        for played in sides(&lesson) {
            let (program, kernel) = (&played.graph.program, played.graph.program.kernel);
            let report = graph::run(program, graph::Options::default());
            let expected = played.litmus.expect.iter().find(|expect| expect.kernel == kernel);
            if let (Some(expect), Verdict::Violated(rule)) = (expected, &report.verdict) {
                assert_eq!(expect.expected, Expected::Violates(*rule), "{name} on {kernel}");
            }
            let fails = ways::failures(&played.graph).next().is_some();
            assert_eq!(is_bad(&report.verdict), fails, "{name} on {kernel}");
            if fails {
                let found = report.counterexample.expect("a counterexample").events.len();
                let shortest = played.shortest.as_ref().map(Vec::len);
                assert_eq!(shortest, Some(found), "{name}: par on {kernel}");
            } else {
                assert_eq!(
                    report.states,
                    Some(played.graph.nodes.len() as u64),
                    "{name} on {kernel}"
                );
            }
        }
        assert!(lesson.broken.shortest.is_some(), "{name} can be won");
        let fixed = lesson.fixed.as_ref().expect("a fixed kernel");
        assert!(fixed.shortest.is_none(), "{name} cannot be won on the fixed kernel");
    }
}

/// Walked as the engine would if it did not stop at the first failure: no state is missing and none is made up.
#[test]
fn walking_the_json_reaches_every_state_there_is() {
    for lesson in lessons() {
        for played in sides(&lesson) {
            let json = data(&played.graph);
            let states = states(&json);
            let mut seen = vec![false; states.len()];
            let mut open = vec![0];
            while let Some(at) = open.pop() {
                if !std::mem::replace(&mut seen[at], true) {
                    open.extend(states[at][4..].chunks(3).map(|edge| edge[1] as usize));
                }
            }
            assert!(
                seen.iter().all(|&seen| seen),
                "{}: states that nobody reaches",
                lesson.text.name
            );
            let program = &played.graph.program;
            let mut known = HashSet::new();
            let first = Run::new(program);
            let mut open = vec![(first.system, first.rules, None)];
            while let Some((system, rules, broken)) = open.pop() {
                if !known.insert((system.clone(), rules.clone(), broken)) || broken.is_some() {
                    continue;
                }
                for task in enabled(&system).collect::<Vec<_>>() {
                    let (mut system, mut rules) = (system.clone(), rules.clone());
                    let op = pending(&system, task).expect("it has a step");
                    let event = system.perform(task, op).expect("it can take it");
                    let mut gathered = Gathered::default();
                    let over = system.just_over(task);
                    let mut judged = rules.observe(program, &event, over, &mut gathered);
                    if judged.is_ok() && system.finished() {
                        judged = rules.finish(program, &system, &mut gathered);
                    }
                    open.push((system, rules, judged.err().map(|violation| violation.rule)));
                }
            }
            assert_eq!(known.len(), states.len(), "{} on {}", lesson.text.name, program.kernel);
        }
    }
}

/// A generator that needs nothing: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[test]
fn a_page_and_a_replay_agree_on_a_hundred_random_schedules_a_kernel() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for lesson in lessons() {
        for played in sides(&lesson) {
            let json = data(&played.graph);
            let states = states(&json);
            for _ in 0..100 {
                agrees(played, &json, &states, &mut random);
            }
        }
    }
}

/// Goes a random way through the JSON, and the same on the reference semantics.
fn agrees(played: &Played, json: &Value, states: &[Vec<i64>], random: &mut Random) {
    let program = &played.graph.program;
    let letter = |task: TaskId| program.names[usize::from(task)].letter;
    let (mut run, mut at, mut schedule) = (Run::new(program), 0, Vec::new());
    loop {
        let state = &states[at];
        shows(played, json, state, &run);
        let bad = state[2] >= 0 && json["ends"][state[2] as usize][0] == 1;
        let can: Vec<TaskId> =
            run.system.tasks().filter(|&task| after(state, task).is_some()).collect();
        if !bad {
            assert_eq!(can, enabled(&run.system).collect::<Vec<_>>(), "who can go on");
        }
        for waiting in run.system.waiting().iter().filter(|_| !bad) {
            let slots = numbers(&json["slots"][state[1] as usize]);
            let why = &json["texts"][slots[3 * usize::from(waiting.task) + 1] as usize];
            let can = can.contains(&waiting.task);
            // A writer that has yet to queue can do that.
            assert!(can || *why == waits_words(waiting, &letter), "{why}");
        }
        if can.is_empty() {
            let (wrong, replayed) = graph::replay(program, &schedule);
            let (verdict, _) = wrong.verdict(program);
            assert_eq!(replayed.events.len(), schedule.len());
            let finished = replayed.system.finished();
            assert_eq!(
                bad,
                is_bad(&verdict) && !(finished && verdict == Verdict::Deadlocked),
                "{verdict:?}"
            );
            return;
        }
        let task = can[random.below(can.len())];
        schedule.push(task);
        let op = pending(&run.system, task).expect("it has a step");
        let event = run.system.perform(task, op).expect("it can take it");
        let _ = run.observe(program, event, &mut Gathered::default());
        at = after(state, task).expect("an edge");
    }
}

/// That the panel of a state says what is so in the system.
fn shows(played: &Played, json: &Value, state: &[i64], run: &Run) {
    let blocks = played.graph.labels.iter().filter(|label| label.group == "File (extents)").count();
    let all = cells(&played.graph.program, &run.system, blocks as _);
    let panel = numbers(&json["panels"][state[0] as usize]);
    for (label, number) in json["labels"].as_array().expect("labels").iter().zip(panel) {
        let cell = all.iter().find(|cell| label[0] == cell.0.group && label[1] == *cell.0.name);
        let (_, tone, text) = cell.expect("a cell of that label");
        assert_eq!(json["cells"][number as usize], format!("{}{text}", tone.letter()), "{label}");
    }
}

#[test]
fn the_step_that_closes_the_window_is_one_of_the_fixed_kernel() {
    for lesson in lessons() {
        let fixed = lesson.fixed.as_ref().expect("a fixed kernel");
        let (letter, name, function) = fixed.side.closes.as_ref().expect("a step");
        let json = data(&fixed.graph);
        let found = json["tasks"].as_array().expect("tasks").iter().any(|task| {
            task[0] == letter.to_string()
                && task[2]
                    .as_array()
                    .expect("steps")
                    .iter()
                    .any(|s| s[0] == **name && s[1] == **function)
        });
        assert!(found, "{}: {letter} has no {name} in {function}", lesson.text.name);
    }
}

#[test]
fn the_litmus_files_of_the_solutions_are_judged_as_they_expect() {
    let mut files = 0;
    for text in text::all().expect("the lessons can be read") {
        for file in text.exercises.iter().filter_map(|exercise| exercise.file.as_ref()) {
            files += 1;
            let litmus = parse("solution", "solution.toml", file).expect("it is a litmus file");
            for expect in &litmus.expect {
                let found =
                    graph::run(&litmus.program(expect.kernel), graph::Options::default()).verdict;
                let expected = match expect.expected {
                    Expected::Violates(rule) => Verdict::Violated(rule),
                    _ => Verdict::Exhausted,
                };
                assert_eq!(found, expected, "{}: {}", text.name, expect.kernel);
            }
        }
    }
    assert!(files >= 3);
}

#[test]
fn the_litmus_tests_and_fixes_that_lessons_name_are_there() {
    let names: HashSet<String> = catalogue::all()
        .expect("the catalogue reads")
        .into_iter()
        .map(|litmus| litmus.name)
        .collect();
    for text in text::all().expect("the lessons can be read") {
        let mut texts: Vec<&String> =
            text.exercises.iter().map(|exercise| &exercise.solution).collect();
        texts.extend([&text.question.answer, &text.broken.text, &text.fixed.text]);
        for code in texts.iter().flat_map(|text| text.split('`').skip(1).step_by(2)) {
            let words: Vec<&str> = code.split_whitespace().collect();
            for command in ["explain", "verify", "replay", "show"] {
                let at = words.windows(2).position(|pair| pair == ["diolock", command]);
                let named =
                    at.and_then(|at| words.get(at + 2)).filter(|name| !name.starts_with("./"));
                if let Some(name) = named {
                    assert!(names.contains(*name), "{}: {name}", text.name);
                }
            }
            for commit in words.windows(2).filter(|pair| pair[0] == "--without").map(|pair| pair[1])
            {
                assert!(diolock::kernel::Fix::named(commit).is_some(), "{}: {commit}", text.name);
            }
        }
    }
}

#[test]
fn the_glossary_is_sorted_and_its_links_lead_somewhere() {
    let glossary = Glossary::read();
    let names: Vec<String> = glossary.terms.iter().map(|term| term.name.to_lowercase()).collect();
    assert!(names.is_sorted(), "{names:?}");
    let ids: HashSet<String> = glossary.terms.iter().map(|term| term.id()).collect();
    assert_eq!(ids.len(), names.len(), "no two terms have one place");
    for term in &glossary.terms {
        assert!(
            term.means.ends_with('.') && term.means.matches(". ").count() == 0,
            "{}",
            term.name
        );
        for other in terms(&term.means) {
            assert!(RuleId::named(&other).is_some() || glossary.find(&other).is_some(), "{other}");
        }
        assert!(marked(&term.means, &glossary).len() >= term.means.len());
    }
}

#[test]
fn today_s_picture_says_what_is_known() {
    let today = today();
    let of = |what: &str, thing: &str| {
        let at = today.things.iter().position(|known| *known == thing).expect(thing);
        today.rows.iter().find(|row| row.what == what).expect(what).uses[at].clone()
    };
    assert_eq!(of("direct read", "i_rwsem"), [Use::Shared].into());
    assert_eq!(of("direct write, overwrites", "i_rwsem"), [Use::Shared].into());
    assert_eq!(of("direct write that makes the file longer", "i_rwsem"), [Use::Alone].into());
    assert_eq!(of("buffered read, page not cached", "i_rwsem"), [].into());
    assert_eq!(of("truncate to a smaller size", "i_dio_count"), [Use::Waits].into());
    assert!(today.rows.iter().all(|row| row.uses.iter().any(|uses| !uses.is_empty())));
}

fn diolock(arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_diolock")).args(arguments).output();
    let output = output.expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn a_graph_that_does_not_fit_is_refused_with_what_to_drop() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("pages");
    let out = out.to_str().expect("a path");
    let (code, text) = diolock(&["lessons", "--out", out, "--play", "endless-truncate"]);
    assert_eq!(code, Some(2), "{text}");
    for says in
        ["does not fit on a page", "endless-truncate.toml:", "drop", "states: drop that task"]
    {
        assert!(text.contains(says), "{says:?} is not said:\n{text}");
    }
    assert!(!std::path::Path::new(out).exists(), "nothing was written");
}

#[test]
fn any_litmus_file_can_be_played() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    let text = diolock_verify::litmus::starter::starter("mine");
    std::fs::write(&file, text).expect("it can be written");
    let out = folder.path().join("pages");
    let (code, text) = diolock(&[
        "lessons",
        "--out",
        out.to_str().expect("a path"),
        "--play",
        file.to_str().expect("a path"),
    ]);
    assert_eq!(code, Some(0), "{text}");
    let page = std::fs::read_to_string(out.join("play-mine.html")).expect("the page is there");
    let index = std::fs::read_to_string(out.join("index.html")).expect("the index is there");
    assert!(page.contains("Free play") && index.contains("play-mine.html"));
    assert_eq!(std::fs::read_dir(out).expect("the folder").count(), 14);
}

#[test]
fn rules_and_glossary_print_what_the_index_has() {
    let (code, rules) = diolock(&["rules"]);
    assert_eq!(code, Some(0));
    let joined = rules.split_whitespace().collect::<Vec<_>>().join(" ");
    for rule in RuleId::ALL {
        assert!(joined.contains(rule.statement()), "{}", rule.code());
    }
    let (code, words) = diolock(&["glossary"]);
    assert_eq!(code, Some(0));
    assert!(Glossary::read().terms.iter().all(|term| words.contains(&term.name)));
    let (code, one) = diolock(&["glossary", "gate"]);
    assert!(code == Some(0) && one.starts_with("gate\n"), "{one}");
    let (code, none) = diolock(&["glossary", "gat"]);
    assert!(code == Some(2) && none.contains("did you mean gate?"), "{none}");
}
