use super::*;
use crate::rule::Gathered;
use diolock::kernel::Version;
use diolock::op::LockName::{CompletedIoLock, IDataSem, IMutex};

const MUTEX: Node = Node::Lock(IMutex);
const SEM: Node = Node::Lock(IDataSem);
const LIST: Node = Node::Lock(CompletedIoLock);

/// A test and its edges, if it ended.
type Test<'a> = (&'a str, Option<&'a [(Node, Node)]>);

fn graph(tests: &[Test<'_>]) -> LockGraph {
    let report = |edges: &[(Node, Node)]| {
        let mut gathered = Gathered::default();
        for &(from, to) in edges {
            gathered.edge(from, to);
        }
        Report { verdict: Verdict::Exhausted, gathered, ..Report::incomplete("") }
    };
    let names: Vec<String> = tests.iter().map(|test| test.0.to_owned()).collect();
    let reports: Vec<Option<Report>> = tests.iter().map(|test| test.1.map(report)).collect();
    of(Kernel::new(Version::V3_7), names.iter().zip(&reports))
}

#[test]
fn each_edge_knows_its_tests_and_what_follows_from_others_is_marked() {
    let one: &[_] = &[(MUTEX, SEM), (SEM, LIST)];
    let two: &[_] = &[(MUTEX, LIST), (MUTEX, SEM)];
    let graph = graph(&[("one", Some(one)), ("two", Some(two))]);
    let edge = |from, to| graph.edges.iter().find(|e| (e.from, e.to) == (from, to)).unwrap();
    assert_eq!(edge(MUTEX, SEM).litmus, ["one", "two"]);
    assert_eq!(edge(SEM, LIST).litmus, ["one"]);
    assert!(edge(MUTEX, LIST).implied && !edge(MUTEX, SEM).implied && !edge(SEM, LIST).implied);
    assert!(graph.complete() && graph.cycles.is_empty() && graph.lettered().is_empty());
    assert_eq!(graph.nodes, [MUTEX, SEM, LIST]);
}

#[test]
fn a_cycle_that_no_one_test_makes_is_found_once() {
    let one: &[_] = &[(MUTEX, Node::Handle), (Node::Handle, SEM)];
    let two: &[_] = &[(SEM, Node::Handle)];
    let graph = graph(&[("one", Some(one)), ("two", Some(two))]);
    assert_eq!(graph.cycles.len(), 1);
    let words = graph.cycle_words(&graph.cycles[0]);
    assert_eq!(words, "i_data_sem -> journal handle -> i_data_sem");
    let letters: Vec<_> =
        graph.lettered().into_iter().map(|(l, e)| (l, e.litmus.clone())).collect();
    let (a, b) =
        (("a".to_owned(), vec!["two".to_owned()]), ("b".to_owned(), vec!["one".to_owned()]));
    assert_eq!(letters, [a, b]);
    assert!(text(&graph).contains("CYCLE i_data_sem"), "{}", text(&graph));
}

#[test]
fn a_second_take_of_one_lock_is_a_cycle() {
    let graph = graph(&[("one", Some(&[(SEM, SEM), (MUTEX, SEM)]))]);
    assert_eq!(graph.cycle_words(&graph.cycles[0]), "i_data_sem -> i_data_sem");
    assert!(svg(&graph).contains("class=\"edge cycle\""));
}

#[test]
fn cycles_through_the_drain_are_found_and_it_has_its_place() {
    let edges: &[_] = &[(MUTEX, Node::Drain), (Node::Drain, SEM), (MUTEX, SEM), (SEM, LIST)];
    let graph = graph(&[("one", Some(edges))]);
    assert_eq!(graph.nodes, [MUTEX, Node::Drain, SEM, LIST]);
    let cyclic: &[_] = &[(MUTEX, Node::Drain), (Node::Drain, MUTEX), (SEM, LIST)];
    let graph = self::graph(&[("one", Some(cyclic))]);
    assert_eq!(graph.nodes, [MUTEX, Node::Drain, SEM, LIST]);
    assert!(text(&graph).contains("  a reference to i_dio_count held, i_mutex waited for:\n"));
}

#[test]
fn a_longer_cycle_shows_beside_a_shorter_one() {
    let edges: &[_] = &[(MUTEX, SEM), (SEM, LIST), (LIST, MUTEX), (SEM, MUTEX)];
    let graph = graph(&[("one", Some(edges))]);
    let words: Vec<String> = graph.cycles.iter().map(|cycle| graph.cycle_words(cycle)).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(graph.edges.iter().all(|edge| edge.cyclic));
}

#[test]
fn what_was_not_explored_is_said() {
    let graph = graph(&[("one", Some(&[(MUTEX, SEM)])), ("two", None)]);
    assert!(!graph.complete());
    for text in [text(&graph), dot(&graph), svg(&graph)] {
        assert!(text.contains("PARTIAL: 1 of 2 litmus tests not explored to the end"), "{text}");
    }
}
