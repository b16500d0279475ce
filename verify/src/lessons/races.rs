//! The races on every kernel, as the litmus files expect them (which `make verify` checks).

use super::text::Text;
use crate::litmus::{Expected, Litmus};
use crate::report::escape;
use diolock::kernel::Version;
use std::fmt::Write;

/// The table: a row for each litmus test of a race with a name, a column for each kernel.
pub fn races(litmuses: &[Litmus], lessons: &[Text]) -> String {
    let mut rows: Vec<&Litmus> = litmuses.iter().filter(|litmus| litmus.bug.is_some()).collect();
    rows.sort_by_key(|litmus| (number(litmus), litmus.name.clone()));
    let mut html = String::from(
        "<table><thead><tr><th scope=\"col\">Race</th><th scope=\"col\">Litmus test</th>",
    );
    for version in Version::ALL {
        let _ = write!(html, "<th scope=\"col\">{}</th>", version.name());
    }
    html.push_str("</tr></thead><tbody>\n");
    for litmus in rows {
        let bug = litmus.bug.as_deref().unwrap_or_default();
        let name = escape(&litmus.name);
        let lesson = lessons.iter().position(|lesson| lesson.litmus == litmus.name);
        let name = match lesson {
            Some(at) => {
                let file = &lessons[at].name;
                format!("<a href=\"{file}.html\">{name} (lesson {})</a>", at + 1)
            }
            None => name,
        };
        let claim = escape(&litmus.claim);
        let _ = write!(
            html,
            "<tr><td>{}</td><th scope=\"row\" title=\"{claim}\">{name}</th>",
            escape(bug)
        );
        for version in Version::ALL {
            html.push_str(&cell(litmus, version));
        }
        html.push_str("</tr>\n");
    }
    html + "</tbody></table>"
}

/// `B04` before `B10`.
fn number(litmus: &Litmus) -> (u32, String) {
    let bug = litmus.bug.clone().unwrap_or_default();
    let digits: String = bug.chars().filter(char::is_ascii_digit).collect();
    (digits.parse().unwrap_or(u32::MAX), bug)
}

fn cell(litmus: &Litmus, version: Version) -> String {
    let of_version = || litmus.expect.iter().filter(|expect| expect.kernel.version == version);
    let whole = of_version().find(|expect| expect.kernel.removed().next().is_none());
    let without = of_version().find(|expect| {
        expect.kernel.removed().next().is_some() && expect.expected != Expected::Never
    });
    let said = |expected: Expected| match expected {
        Expected::Violates(rule) => ("R", format!("<a href=\"#{0}\">{0}</a>", rule.code())),
        Expected::Never => ("never", "never".to_owned()),
        other => ("dead", other.to_string()),
    };
    let (class, mut text) = whole.map_or(("", "–".to_owned()), |expect| said(expect.expected));
    if let (Some(without), true) = (without, class != "R") {
        let (_, what) = said(without.expected);
        let commits: Vec<&str> = without.kernel.removed().map(|fix| fix.about().commit).collect();
        text.push_str(&format!("; {what} without {}", escape(&commits.join(", "))));
    }
    format!("<td class=\"{class}\">{text}</td>")
}
