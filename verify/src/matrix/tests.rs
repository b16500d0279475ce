use super::words::{by, said};
use super::*;
use crate::litmus::catalogue;
use crate::rule::RuleId;
use EngineName::{Graph, Loom, Shuttle};

const R4: Verdict = Verdict::Violated(RuleId::R4);
const R6: Verdict = Verdict::Violated(RuleId::R6);

fn answer(expected: Expected, said: &[(EngineName, Option<Verdict>)], ok: bool) -> Answer {
    Answer { expected, said: said.to_vec(), ok }
}

fn matrix(answer: Answer) -> Matrix {
    let mut answers = vec![None; Version::ALL.len()];
    answers[2] = Some(answer);
    let litmus = Arc::new(catalogue::all().unwrap().remove(0));
    let rows = vec![Row { litmus, answers, later: Vec::new(), fixed: Vec::new() }];
    let engines = vec![Graph, Loom, Shuttle];
    Matrix { rows, fixes: Vec::new(), engines, ran: 3, planned: 3 }
}

#[test]
fn engines_that_agree_are_one_word() {
    let all = [(Graph, Some(R6)), (Loom, Some(R6)), (Shuttle, Some(R6))];
    let matrix = matrix(answer(Expected::Violates(RuleId::R6), &all, true));
    assert!(matrix.ok());
    assert!(text(&matrix).lines().nth(1).unwrap().contains(" R6 "), "{}", text(&matrix));
    assert!(markdown(&matrix).contains("| **R6** |"), "{}", markdown(&matrix));
}

#[test]
fn engines_that_disagree_are_named_and_nothing_is_fine() {
    let split = [(Graph, Some(R6)), (Loom, Some(R4)), (Shuttle, Some(R6))];
    // Even if each verdict were an expected one.
    let matrix = matrix(answer(Expected::Violates(RuleId::R6), &split, true));
    assert!(!matrix.ok());
    for text in [text(&matrix), markdown(&matrix), html(&matrix)] {
        assert!(text.contains("graph: R6, loom: R4, shuttle: R6"), "{text}");
    }
    assert!(json(&matrix)[0].contains("\"agree\":false"), "{:?}", json(&matrix));
}

#[test]
fn a_sampler_that_saw_nothing_contradicts_only_who_saw_something() {
    let answer = |first: Verdict| {
        let said = [(Graph, Some(first)), (Shuttle, Some(Verdict::Sampled))];
        answer(Expected::Violates(RuleId::R6), &said, false)
    };
    assert_eq!(answer(Verdict::Exhausted).agreed(), Some("never"));
    assert_eq!(said(&answer(Verdict::Exhausted)), "!never");
    assert!(answer(R6).disagree());
    assert_eq!(said(&answer(R6)), "graph: R6, shuttle: unseen");
}

#[test]
fn what_did_not_run_is_no_verdict() {
    let part = [(Graph, Some(Verdict::Exhausted)), (Loom, None)];
    let mut matrix = matrix(answer(Expected::Never, &part, true));
    assert!(!matrix.ok());
    matrix.ran = 1;
    for text in [text(&matrix), markdown(&matrix), html(&matrix)] {
        assert!(
            text.contains("PARTIAL: 1 of 3 runs ended") && !text.contains("<td>never"),
            "{text}"
        );
    }
    assert!(text(&matrix).lines().nth(3).unwrap().contains(" ? "), "{}", text(&matrix));
}

#[test]
fn who_could_tell_is_said_where_it_is_not_everybody() {
    let asked = [Graph, Loom, Shuttle];
    assert_eq!(by(&asked, &asked), None);
    assert_eq!(by(&[Loom], &asked).as_deref(), Some("loom only"));
    assert_eq!(by(&[Graph, Shuttle], &asked).as_deref(), Some("graph, shuttle"));
}

/// A test that fails on the last kernel it speaks of is open only if it was looked for on the newest.
#[test]
fn open_is_what_the_newest_kernel_fails() {
    let bad = [(Graph, Some(R4)), (Loom, Some(R4)), (Shuttle, Some(R4))];
    let mut matrix = matrix(answer(Expected::Violates(RuleId::R4), &bad, true));
    let last = Version::ALL[2];
    let says = |matrix: &Matrix, words: &str| {
        for text in [text(matrix), markdown(matrix), html(matrix)] {
            assert!(text.contains(words), "{words}: {text}");
        }
    };
    assert_eq!(matrix.rows[0].silent_after(), Some(last));
    says(&matrix, &format!("after {}", last.name()));
    matrix.rows[0].later = Version::ALL[3..].iter().map(|&version| (version, true)).collect();
    assert!(matrix.rows[0].open());
    says(&matrix, "open");
    matrix.rows[0].later = Version::ALL[3..].iter().map(|&version| (version, false)).collect();
    assert!(!matrix.rows[0].open() && matrix.rows[0].silent_after().is_none());
    matrix.rows[0].fixed = boundaries(&matrix.rows[0], &Verdicts::new());
    says(&matrix, Version::ALL[3].name());
}
