//! A lesson as tables, for who reads without script.

use super::lesson::{Lesson, Played, run};
use super::slots::Step;
use super::steps::steps;
use crate::report::{Chart, Row, escape};
use diolock::op::TaskId;

/// The tables: the steps of each task on each kernel, and the shortest run that fails.
pub fn tables(lesson: &Lesson) -> String {
    let mut html = String::new();
    if let Some(way) = &lesson.broken.shortest {
        let chart = Chart::of_run(
            &lesson.broken.graph.program,
            &run(&lesson.broken.graph.program, way).events,
        );
        let head = format!(
            "The shortest way in which it fails on {}: {} steps",
            lesson.broken.title(),
            way.len()
        );
        html.push_str(&folded(&head, &run_table(lesson, &chart)));
    }
    html.push_str(&side(&lesson.broken));
    if let Some(fixed) = &lesson.fixed {
        html.push_str(&side(fixed));
        let all = format!("On {}: {}", fixed.title(), fixed.all_runs());
        let (_, how) = lesson.same(fixed);
        html.push_str(&format!("<p>{} {}</p>\n", escape(&all), escape(&how)));
    }
    html
}

fn folded(head: &str, inner: &str) -> String {
    format!(
        "<details><summary>{0}</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">{inner}</div></details>\n",
        escape(head)
    )
}

fn side(played: &Played) -> String {
    let lists = steps(&played.graph);
    let names = &played.graph.program.names;
    let of_task = |(task, list): (usize, &Vec<Step>)| {
        let head = format!("Steps of {} on {}", names[task].text, played.title());
        let rows: String =
            list.iter().map(|step| step_row(played, names[task].letter, step)).collect();
        let table = format!(
            "<table><thead><tr><th scope=\"col\">What it does</th><th scope=\"col\">Kernel function</th><th scope=\"col\">Step</th></tr></thead><tbody>{rows}</tbody></table>"
        );
        folded(&head, &table)
    };
    lists.iter().enumerate().map(of_task).collect()
}

fn step_row(played: &Played, letter: char, step: &Step) -> String {
    let closes = played.side.closes.as_ref().is_some_and(|(of, name, function)| {
        *of == letter && name == step.name && function == step.function
    });
    let mark = if closes { " <span class=\"closes\">closes the window</span>" } else { "" };
    format!(
        "<tr><td class=\"does\">{}{mark}</td><td><code>{}</code></td><td>{}</td></tr>",
        escape(&step.does),
        escape(step.function),
        escape(step.name)
    )
}

fn run_table(lesson: &Lesson, chart: &Chart) -> String {
    let names = &lesson.broken.graph.program.names;
    let head: String = chart
        .lanes
        .iter()
        .map(|&task| format!("<th scope=\"col\">{}</th>", escape(&names[usize::from(task)].text)))
        .collect();
    let last = chart.rows.len();
    let row = |row: &Row| {
        let cells: String = chart.lanes.iter().map(|&task| cell(task, row)).collect();
        let held = held(chart, row);
        let class = match (row.number == last, row.switch) {
            (true, _) => " class=\"bad\"",
            (_, true) => " class=\"switch\"",
            _ => "",
        };
        let mark = if row.switch { "&gt; " } else { "" };
        format!(
            "<tr{class}><th scope=\"row\">{mark}{}</th>{cells}<td>{}</td></tr>",
            row.number,
            escape(&held)
        )
    };
    let rows: String = chart.rows.iter().map(row).collect();
    let end = lesson.broken.failure().map(super::data::end);
    let end = end.map(|(_, title, text)| {
        format!("<caption>It ends so: {}. {}</caption>", escape(&title), escape(&text))
    });
    format!(
        "<table>{}<thead><tr><th scope=\"col\">Step</th>{head}<th scope=\"col\">Locks held after it</th></tr></thead><tbody>{rows}</tbody></table>",
        end.unwrap_or_default()
    )
}

fn cell(task: TaskId, row: &Row) -> String {
    let text = if row.task == task { escape(&row.text) } else { String::new() };
    format!("<td class=\"does\">{text}</td>")
}

fn held(chart: &Chart, row: &Row) -> String {
    let of_task = |&task: &TaskId| {
        let mut held: Vec<String> = row
            .held
            .iter()
            .filter(|hold| hold.task == task)
            .map(|hold| hold.lock.in_mode(hold.mode))
            .collect();
        held.extend(row.handles.contains(&task).then(|| "handle".to_owned()));
        (!held.is_empty())
            .then(|| format!("{}: {}", chart.letters[usize::from(task)], held.join(", ")))
    };
    chart.lanes.iter().filter_map(of_task).collect::<Vec<_>>().join("; ")
}
