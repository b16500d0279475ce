//! The rules that a litmus file names.

use super::schema::{At, Field, Fields, Judge};
use crate::problem::shown;
use crate::rule::{RuleId, RuleSet};

/// A rule by code or name.
pub(super) fn rule(judge: &mut Judge, word: &At<&str>) -> Option<RuleId> {
    let found = RuleId::named(word.value);
    if found.is_none() {
        judge
            .wrong(word.span.clone(), format!("`{}` is not a rule", shown(word.value)))
            .choices(word.value, RuleId::ALL.iter().flat_map(|r| [r.code(), r.name()]))
            .help(format!("the rules: {}", RuleId::ALL.map(title).join(", ")));
    }
    found
}

/// A rule's code and name.
pub(super) fn title(rule: RuleId) -> String {
    format!("{} {}", rule.code(), rule.name())
}

/// The rules judged, and those excepted with their reasons.
pub(super) fn rules(judge: &mut Judge, top: &Fields<'_>) -> (RuleSet, Vec<(RuleId, String)>) {
    let mut rules = RuleSet::ALL;
    if let Some(field) = top.get("rules") {
        let before = judge.count();
        let words = field.some_texts(judge);
        let named = words.iter().filter_map(|word| {
            rule(judge, word).map(|value| At { value, span: word.span.clone() })
        });
        let named = named.collect();
        let named = judge.distinct(named);
        if judge.count() == before {
            rules = named.into_iter().fold(RuleSet::NONE, RuleSet::with);
        }
    }
    let mut except = Vec::new();
    let table = top.get("except").and_then(|field| field.table(judge));
    let mut entries: Vec<_> = table.into_iter().flat_map(|table| table.iter()).collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let word = At { value: key.get_ref().as_ref(), span: key.span() };
        let Some(rule) = rule(judge, &word) else { continue };
        let reason = Field::of(key, value).text(judge);
        if !rules.has(rule) {
            judge
                .wrong(word.span, format!("{} is not judged anyway", rule.code()))
                .help("it is not in `rules`, or is excepted above");
        }
        rules = rules.without(rule);
        except.push((rule, reason.map_or_else(String::new, |r| r.value.to_owned())));
    }
    except.sort_by_key(|e| e.0);
    (rules, except)
}
