use super::*;
use crate::engine::graph;
use crate::engine::selftest::{Random, random_program};
use crate::litmus::catalogue;
use crate::trace::HappensBefore;
use crate::verdict::Verdict;

/// The programs of the catalogue whose traces can be listed, but for those with very many.
fn programs() -> Vec<Program> {
    let litmuses = catalogue::all().expect("the catalogue reads");
    let all = litmuses.iter();
    let all = all.flat_map(|litmus| litmus.expect.iter().map(|e| litmus.program(e.kernel)));
    let few = graph::Options { max_states: Some(600), ..Default::default() };
    all.filter(|program| shuttle::unfit(program).is_none())
        .filter(|program| !matches!(graph::run(program, few).verdict, Verdict::Incomplete(_)))
        .collect()
}

fn all(program: &Program) -> Vec<Trace> {
    list(program, None, |_| ControlFlow::Continue(())).expect("it can be listed").traces
}

/// Some execution of the trace of these events.
fn shuffled(tasks: usize, events: &[Event], random: &mut Random) -> Vec<TaskId> {
    let order = HappensBefore::new(tasks, events);
    let mut left: Vec<usize> = (0..events.len()).collect();
    let mut done = vec![0; tasks];
    let mut schedule = Vec::new();
    while !left.is_empty() {
        let ready: Vec<usize> =
            (0..left.len()).filter(|&at| order.ready(left[at], &done)).collect();
        let event = left.remove(ready[random.below(ready.len())]);
        done[usize::from(events[event].task)] += 1;
        schedule.push(events[event].task);
    }
    schedule
}

/// The run that stands for a trace is found from whichever of its executions is met.
fn same_from_anywhere(program: &Program, random: &mut Random) -> usize {
    let tasks = program.calls.len();
    let traces = all(program);
    for trace in &traces {
        let what = format!("{} on {}: {}", program.litmus, program.kernel, trace.letters(program));
        let events = trace.events(program);
        assert_eq!(events.len(), trace.schedule.len(), "{what}: it runs to its end");
        for _ in 0..3 {
            let other = replay(program, &shuffled(tasks, &events, random));
            assert_eq!(other.hash, trace.hash, "{what}");
            assert_eq!(canonical::schedule(tasks, &other.events), trace.schedule, "{what}");
        }
    }
    traces.len()
}

#[test]
fn a_trace_of_the_catalogue_is_shown_by_one_run_whichever_was_seen() {
    let mut random = Random::new(1);
    let traces: usize =
        programs().iter().map(|program| same_from_anywhere(program, &mut random)).sum();
    assert!(traces > 1_000, "only {traces} traces");
}

#[test]
fn a_trace_of_a_random_program_is_shown_by_one_run_whichever_was_seen() {
    let mut random = Random::new(2);
    let programs: Vec<Program> = (0..200).map(|seed| random_program(seed, 3, 5)).collect();
    let listed = |program: &&Program| list(program, None, |_| ControlFlow::Continue(())).is_ok();
    let (fit, unfit): (Vec<_>, Vec<_>) = programs.iter().partition(listed);
    assert!(unfit.len() < 20 && unfit.iter().all(|p| !p.fair.is_empty()), "{}", unfit.len());
    let traces: usize = fit.iter().map(|program| same_from_anywhere(program, &mut random)).sum();
    assert!(traces > 1_000, "only {traces} traces");
}

#[test]
fn letters_count_from_four() {
    let program = &programs()[0];
    let name = program.names[0].letter;
    let text = |steps: usize| letters(program, &vec![0; steps]);
    assert_eq!(text(0), "");
    assert_eq!(text(3), name.to_string().repeat(3));
    assert_eq!(text(4), format!("{name}4"));
    assert_eq!(text(12), format!("{name}12"));
}

#[test]
fn a_limit_and_a_word_from_outside_cut_the_list_and_say_so() {
    let litmus = catalogue::find("overwrite-truncate-read").expect("it is in the catalogue");
    let program = litmus.program(litmus.expect[0].kernel);
    let number = all(&program).len();
    let list = |limit| list(&program, limit, |_| ControlFlow::Continue(())).expect("it runs");
    assert!(list(Some(number)).partial.is_none(), "nothing was cut off");
    let cut = list(Some(number - 1));
    let said = format!("limit {}", number - 1);
    assert_eq!((cut.traces.len(), cut.partial.as_deref()), (number - 1, Some(said.as_str())));
    assert!(cut.traces.iter().all(|trace| all(&program).contains(trace)));
    let stopped = super::list(&program, None, |n| match n {
        3 => ControlFlow::Break("enough".to_owned()),
        _ => ControlFlow::Continue(()),
    });
    let stopped = stopped.expect("it runs");
    assert_eq!((stopped.traces.len(), stopped.partial.as_deref()), (3, Some("enough")));
}

#[test]
fn what_goes_wrong_goes_wrong_in_every_order_of_commuting_steps() {
    use crate::rule::RuleSet;
    let mut program = random_program(0, 2, 1);
    let script = |op| diolock::call::Call::Script(diolock::call::Script::new(vec![op]));
    // One order of the two has the count at -1 for a moment. Whoever drops what it was not given is
    // wrong in both.
    program.calls = vec![script(Op::DioBegin(0)), script(Op::DioEnd(0))];
    program.rules = RuleSet::NONE.with(RuleId::R10);
    let [one, other] = [[0, 1], [1, 0]].map(|schedule| replay(&program, &schedule));
    assert_eq!(one.hash, other.hash);
    assert!(one.broken.is_some() && one.broken == other.broken, "{:?}", one.broken);
    let traces = all(&program);
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].outcome[0], "violated R10");
}
