use super::grid::Form;
use super::scene::scene;
use super::shape::{Area, Drawing, Shape, Text, width};
use super::what::What;
use super::*;
use crate::engine::graph;
use crate::engine::native::tests::program;
use crate::litmus::catalogue;
use crate::program::Memory;
use crate::rule::{RuleId, RuleSet};
use diolock::op::LockName::{AioMutex, CompletedIoLock, IDataSem, IMutex};
use diolock::op::Mode::{Exclusive, Shared};
use diolock::op::{Op, TaskId};
use std::sync::LazyLock;

/// Every run of the catalogue that graph finds wrong, with its name.
pub(crate) static WRONG: LazyLock<Vec<(String, Chart)>> = LazyLock::new(|| {
    let mut wrong = Vec::new();
    for litmus in catalogue::all().expect("the catalogue is sound") {
        let bad = litmus.expect.iter().filter(|e| e.expected.goes_wrong());
        for expect in bad {
            let program = litmus.program(expect.kernel);
            let report = graph::run(&program, graph::Options::default());
            let name = format!("{} on {}", litmus.name, program.kernel);
            match Chart::of_report(&program, &report) {
                Some(chart) => wrong.push((name, chart)),
                // What only C11 memory does, graph does not see.
                None => assert_eq!(program.memory, Memory::C11, "{name}"),
            }
        }
    }
    wrong
});

fn caption(width: u32) -> Caption {
    let rule = "no block is freed or reused while direct I/O that maps it is in flight";
    let lines = vec!["violated R4 block-lifetime".to_owned(), rule.to_owned()];
    Caption { title: "a title that is by no means short, on v3.7".to_owned(), lines, width }
}

fn of(name: &str) -> Chart {
    WRONG.iter().find(|wrong| wrong.0 == name).expect("it is in the catalogue").1.clone()
}

fn texts(drawing: &Drawing) -> Vec<&Text> {
    let mut texts = Vec::new();
    for shape in &drawing.shapes {
        if let Shape::Text(text) = shape {
            texts.push(text);
        }
    }
    texts
}

fn overlap(a: Area, b: Area) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/// Everything is inside the picture, no text meets another, and none but a letter meets a bar.
fn check(name: &str, drawing: &Drawing, budget: i32) {
    let page = Area { left: 0, top: 0, right: drawing.width, bottom: drawing.height };
    let inside =
        |a: Area| a.left >= 0 && a.top >= 0 && a.right <= page.right && a.bottom <= page.bottom;
    assert!(drawing.width <= budget, "{name}: {} wide, allowed {budget}", drawing.width);
    let texts = texts(drawing);
    for (at, text) in texts.iter().enumerate() {
        assert!(inside(text.area()), "{name}: {text:?} is outside {page:?}");
        for other in &texts[at + 1..] {
            assert!(!overlap(text.area(), other.area()), "{name}: {text:?} meets {other:?}");
        }
    }
    for shape in &drawing.shapes {
        let &Shape::Rect { area, class } = shape else { continue };
        assert!(inside(area), "{name}: {class} {area:?} is outside {page:?}");
        let bar = matches!(class, "exclusive" | "shared" | "waits");
        for text in texts.iter().filter(|_| bar) {
            let letter = matches!(text.class, "letter" | "letter-on");
            assert!(
                letter || !overlap(text.area(), area),
                "{name}: {text:?} meets {class} {area:?}"
            );
        }
    }
}

/// The same of a picture with its caption.
pub(crate) fn check_page(name: &str, chart: &Chart, caption: &Caption) {
    check(name, &page(chart, caption), caption.width as i32);
}

#[test]
fn nothing_collides_and_nothing_is_cut_off_in_any_wrong_run() {
    assert!(WRONG.len() > 30, "{} runs", WRONG.len());
    for (name, chart) in WRONG.iter() {
        for budget in [1000, 480] {
            let caption = Caption { title: name.clone(), ..caption(budget) };
            check(name, &page(chart, &caption), budget as i32);
            for form in [Form::Wide, Form::Compact] {
                check(name, &scene(chart, budget as i32, form), budget as i32);
            }
        }
    }
}

#[test]
fn every_picture_is_well_formed_and_says_what_happens() {
    for (name, chart) in WRONG.iter() {
        let caption = Caption { title: name.clone(), ..caption(1000) };
        let file = svg(chart, &caption);
        assert_eq!(file, svg(chart, &caption), "{name}: the same bytes each time");
        let xml = roxmltree::Document::parse(&file).unwrap_or_else(|e| panic!("{name}: {e}"));
        let root = xml.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        let labels = root.attribute("aria-labelledby").expect("it has a name").split(' ');
        let of_id = |id| xml.descendants().find(|node| node.attribute("id") == Some(id));
        assert_eq!(labels.filter_map(of_id).count(), 2, "{name}");
        let desc = xml.descendants().find(|n| n.has_tag_name("desc")).and_then(|n| n.text());
        let desc = desc.expect("it has a description");
        for row in &chart.rows {
            assert!(desc.contains(&format!("Step {}:", row.number)), "{name}: {desc}");
        }
        for link in ["<script", "href", "http://", "https://", "@import", "@font-face"] {
            let namespace = usize::from(link == "http://");
            assert_eq!(file.matches(link).count(), namespace, "{name}: {link}");
        }
    }
}

#[test]
fn a_broken_rule_is_red_and_said() {
    let chart = of("truncate-vs-aio-overwrite-harm on v3.6");
    let drawing = scene(&chart, 1000, Form::Wide);
    let red = |s: &&Shape| matches!(s, Shape::Rect { class: "broken", .. });
    let red: Vec<&Shape> = drawing.shapes.iter().filter(red).collect();
    let [Shape::Rect { area, .. }] = red[..] else { panic!("{red:?}") };
    let label = texts(&drawing).into_iter().find(|t| t.text == "R4 block-lifetime broken here");
    assert!(overlap(label.expect("it is said").area(), *area));
    assert!(story::story(&chart).join(" ").contains("R4 block-lifetime broken here"));
}

#[test]
fn a_loop_is_bracketed_and_said() {
    let chart = of("endless-truncate on v3.6");
    let drawing = scene(&chart, 1000, Form::Wide);
    assert!(drawing.shapes.iter().any(|s| matches!(s, Shape::Path { class: "bracket", .. })));
    let said = |wanted: &str| texts(&drawing).iter().any(|text| text.text == wanted);
    let (first, last) = (chart.loop_start.expect("there is a loop") + 1, chart.rows.len());
    assert!(said(&format!("loop: steps {first} to {last} repeat for ever")));
    assert!(said(&format!("back to step {first}")));
    let waits = "waits for i_dio_count to fall from ";
    assert!(texts(&drawing).iter().any(|text| text.text.starts_with(waits)));
}

#[test]
fn a_deadlock_ends_with_who_waits_for_whom() {
    let chart = of("time-update-vs-commit on rfc-v1");
    let story = story::story(&chart);
    let end =
        ["the commit to end.", "i_data_sem W, held by W.", "an open handle to stop, held by T."];
    for (sentence, end) in story[story.len() - 3..].iter().zip(end) {
        assert!(sentence.starts_with("At the end ") && sentence.ends_with(end), "{sentence}");
    }
    let drawing = scene(&chart, 1000, Form::Wide);
    let rows = drawing.shapes.iter().filter(|s| matches!(s, Shape::Rect { class: "stuck", .. }));
    assert_eq!(rows.count(), 3);
}

#[test]
fn a_blocked_step_is_a_row_of_its_own_kind() {
    let mut chart = of("time-update-vs-commit on rfc-v1");
    chart.blocked = chart.stuck.get(1).cloned();
    let drawing = scene(&chart, 480, Form::Compact);
    check("blocked", &drawing, 480);
    let count = |class| {
        let of_class = |s: &&Shape| matches!(s, Shape::Rect { class: c, .. } if *c == class);
        drawing.shapes.iter().filter(of_class).count()
    };
    assert_eq!((count("blocked"), count("stuck"), count("broken")), (1, 0, 0));
    assert!(drawing.shapes.iter().any(|s| matches!(s, Shape::Hatch(_))));
    assert!(texts(&drawing).iter().any(|text| text.text.starts_with("blocked: ")));
}

/// Six tasks, every lock, three readers at once, and a wait for each lock.
fn crowd() -> Chart {
    let scripts = [
        vec![Op::Lock(AioMutex, Exclusive), Op::Lock(IMutex, Exclusive)],
        vec![Op::Lock(IDataSem, Shared), Op::Lock(AioMutex, Exclusive)],
        vec![Op::Lock(IDataSem, Shared), Op::Lock(IMutex, Exclusive)],
        vec![Op::Lock(IDataSem, Shared), Op::Lock(CompletedIoLock, Exclusive)],
        vec![Op::Lock(CompletedIoLock, Exclusive), Op::Lock(IDataSem, Exclusive)],
        vec![Op::DioBegin(5), Op::Lock(IDataSem, Exclusive), Op::DioWait],
    ];
    let scripts: Vec<&[Op]> = scripts.iter().map(Vec::as_slice).collect();
    let program = program(RuleSet::NONE.with(RuleId::R12), &scripts);
    let (_, run) = graph::replay(&program, &[0, 1, 2, 3, 4, 5, 0, 4, 5]);
    Chart::of_run(&program, &run.events)
}

#[test]
fn six_tasks_fit() {
    let chart = crowd();
    assert_eq!((chart.lanes.len(), chart.locks.len()), (6, 4));
    for form in [Form::Wide, Form::Compact] {
        check("crowd", &scene(&chart, 1000, form), 1000);
    }
    let names = chart.names.iter().map(|name| format!("{name} with a long name (0,1)"));
    let names: Vec<String> = names.collect();
    check("long names", &page(&Chart { names, ..chart }, &caption(1000)), 1000);
}

#[test]
fn a_long_run_leaves_out_its_middle() {
    let steps = vec![Op::PagesRead(diolock::op::Pages::one(0)); 500];
    let program = program(RuleSet::NONE, &[&steps]);
    let (_, run) = graph::replay(&program, &vec![0 as TaskId; 500]);
    let chart = Chart::of_run(&program, &run.events);
    let drawing = scene(&chart, 1000, Form::Wide);
    check("long", &drawing, 1000);
    let left_out = "300 steps left out (101 to 400)";
    assert!(texts(&drawing).iter().any(|text| text.text == left_out));
    assert!(story::story(&chart).contains(&format!("{left_out}.")));
    let marked = {
        let mut chart = chart.clone();
        chart.rows[249].mark = Some(crate::report::Mark::Loop);
        story::parts(&chart)
    };
    assert!(marked.contains(&story::Part::Row(249)) && marked.contains(&story::Part::Row(246)));
    assert!(!marked.contains(&story::Part::Row(245)));
}

#[test]
fn a_run_of_no_steps_is_drawn() {
    let program = program(RuleSet::NONE, &[&[]]);
    let chart = Chart::of_run(&program, &[]);
    check("empty", &page(&chart, &caption(480)), 480);
    assert!(roxmltree::Document::parse(&svg(&chart, &caption(480))).is_ok());
}

#[test]
fn what_markup_means_is_escaped() {
    let mut chart = of("truncate-vs-overwrite on v3.6");
    chart.names[0] = "W <b>&\"'\u{1}".to_owned();
    chart.rows[0].text = "</text><script>".to_owned();
    let caption = Caption { title: "a < b & c".to_owned(), ..caption(1000) };
    let file = svg(&chart, &caption);
    let xml = roxmltree::Document::parse(&file).expect("it is well-formed");
    assert!(xml.descendants().any(|n| n.text() == Some("W <b>&\"'\u{fffd}")));
    assert!(!xml.descendants().any(|n| n.has_tag_name("script") || n.has_tag_name("b")));
}

#[test]
fn words_are_cut_where_it_hurts_least() {
    assert_eq!(wrap("inode_dio_wait: count = 0", 18), ["inode_dio_wait:", "count = 0"]);
    assert_eq!(wrap("spin_lock(i_completed_io_lock)", 20), ["spin_lock(", "i_completed_io_lock)"]);
    assert_eq!(wrap("i_completed_io_lock", 15), ["i_completed_io_", "lock"]);
    assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
    assert_eq!(wrap("", 4), [""; 0]);
    assert_eq!(width("abc", 12), 23);
    assert_eq!(What::Lock(IMutex).heading(), "i_mutex");
}
